"""For operators of the service: dead letters, poisoned messages, accounts and breakers."""

from dataclasses import dataclass

from rerankq.accounts.accounts import Accounts
from rerankq.accounts.breakers import SharedBreakers
from rerankq.broker.quarantine import Quarantine
from rerankq.client.admissions import Admissions
from rerankq.client.replaying import Replaying
from rerankq.client.upstream import Upstream
from rerankq.ledger.dead import DeadLetters
from rerankq.ledger.delays import Delays
from rerankq.ledger.lane_readings import LaneReadings
from rerankq.ledger.presence import Presence


@dataclass(frozen=True, slots=True)
class Operations:
    """The parts that operators' commands and consoles use.

    Attributes:
        dead: failed jobs, kept with their requests.
        replays: submits them again, as new jobs.
        quarantine: messages that were no hints.
        accounts: the accounts with the upstream, and their limits.
        breakers: the open breakers, of accounts, keys and models.
        delays: jobs that wait after a failure.
        presence: whether workers use this ledger.
        lanes: how the lanes stand.
        upstream: how the accounts stand; pauses and resumes them.
        replaying: submits dead letters again in steps.
    """

    dead: DeadLetters
    replays: Admissions
    quarantine: Quarantine
    accounts: Accounts
    breakers: SharedBreakers
    delays: Delays
    presence: Presence
    lanes: LaneReadings
    upstream: Upstream
    replaying: Replaying
