"""What whoever runs the service looks at and does: dead letters, poison, accounts, circuits."""

from dataclasses import dataclass

from rerankq.accounts.accounts import Accounts
from rerankq.accounts.breakers import SharedBreakers
from rerankq.broker.quarantine import Quarantine
from rerankq.client.admissions import Admissions
from rerankq.ledger.dead import DeadLetters
from rerankq.ledger.delays import Delays
from rerankq.ledger.presence import Presence


@dataclass(frozen=True, slots=True)
class Operations:
    """The parts that an operator's commands and consoles stand on.

    Attributes:
        dead: failed jobs, kept with what they asked for.
        replays: hands them in again, as new jobs.
        quarantine: messages that were no hints.
        accounts: the accounts with the upstream, and their limits.
        breakers: accounts, keys and models that may not be used for now.
        delays: jobs that were told to wait.
        presence: the workers that are, or were, there.
    """

    dead: DeadLetters
    replays: Admissions
    quarantine: Quarantine
    accounts: Accounts
    breakers: SharedBreakers
    delays: Delays
    presence: Presence
