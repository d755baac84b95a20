"""Every key of rerankq in Redis, declared here and nowhere else: for Python, and for the scripts.

A script names the keys that it uses (`-- @keys job payload`), and definitions that build them are
put before its text: for `job` the function `job_key(name)`, for `deadlines` the string
`deadlines_key`.
"""

import re
from dataclasses import dataclass
from typing import Final

MOST_NAMESPACE: Final = 64
_NAMESPACE: Final = re.compile(r"[\w.-]*(\{[\w.-]+\})?[\w.-]*", re.ASCII)
_RESERVED: Final = ("rerankq", "celery")
"""What keys without a namespace begin with."""
_TEXT: Final = str.maketrans({"\\": "\\\\", "'": "\\'"})


@dataclass(frozen=True, slots=True)
class Family:
    """Keys that differ by one name."""

    head: str
    tail: str = ""

    def __call__(self, name: str) -> str:
        """The key of that name."""
        return self.head + name + self.tail

    def name_of(self, key: str) -> str:
        """The name in that key."""
        return key.removeprefix(self.head).removesuffix(self.tail)


@dataclass(frozen=True, slots=True)
class Grid:
    """Keys that differ by two names."""

    head: str
    between: str

    def __call__(self, first: str, second: str) -> str:
        """The key of those names."""
        return self.head + first + self.between + second


class Keys:
    """The keys of a namespace. What is stored under each is told in `docs/redis-layout.md`.

    Args:
        namespace: put before every key and channel, so that other programs in the same database
            share none with it; empty for none. With a part in braces, Redis' hash tag, all keys of
            the namespace are in one slot.

    Attributes:
        namespace: the same.
        prefix: what each key and channel begins with.

    Raises:
        ValueError: it is not a valid namespace; says why.
    """

    def __init__(self, namespace: str = "") -> None:
        _check(namespace)
        self.namespace = namespace
        self.prefix = prefix = f"{namespace}:" if namespace else ""
        # A job, by its id.
        self.job = Family(f"{prefix}rerankq:job:")
        self.payload = Family(f"{prefix}rerankq:payload:")
        self.said = Family(f"{prefix}rerankq:said:")
        self.parts = Family(f"{prefix}rerankq:parts:")
        self.result = Family(f"{prefix}celery-task-meta-")
        """Also the channel on which the result is published."""
        self.staged = Family(f"{prefix}rerankq:staged:")
        self.submitting = Family(f"{prefix}rerankq:submitting:")
        """By the name of a request."""
        self.idempotency = Family(f"{prefix}rerankq:idempotency:")
        self._name_accounts(prefix)
        self._name_batches(prefix)
        self._name_tenants(prefix)
        self._name_gateway(prefix)
        self._name_history(prefix)
        # A lane: its orders of announcement, and its jobs by their state.
        self.lane = Family(f"{prefix}rerankq:")
        self.lane_redelivery = Family(f"{prefix}rerankq:", ":again")
        self.lane_set = Grid(f"{prefix}rerankq:", ":")
        # Of all jobs together.
        self.deadlines = f"{prefix}rerankq:deadlines"
        self.dead = f"{prefix}rerankq:dead"
        self.sweeper = f"{prefix}rerankq:sweeper"
        self.sweeping = f"{prefix}rerankq:sweeping"
        self.last_heard = f"{prefix}rerankq:workers"
        self.worker = Family(f"{prefix}rerankq:worker:")
        """By the name of a worker process: what it tells of itself."""
        self.put_aside = Family("", ":put-aside")
        """By the key that held a value of another type."""
        self.first_contact = f"{prefix}rerankq:first_contact"
        self.confirmed = f"{prefix}rerankq:confirmed"
        """Written with each promise that is waited for."""
        self.metrics_turn = f"{prefix}rerankq:metrics:turn"
        # Messages that were no hints.
        self.poison = f"{prefix}rerankq:poison"
        self.poison_counts = f"{prefix}rerankq:poison:counts"
        self.poison_told = Family(f"{prefix}rerankq:poison:told:")
        # Celery's. With kombu's own names, all Celery applications of a database would share them,
        # and the visibility timeout of one would make running tasks of another run twice.
        self.queue = Family(prefix)
        """By the name of the queue: its messages of ordinary priority. kombu adds nothing to it."""
        self.unacked = f"{prefix}rerankq.unacked"
        self.unacked_index = f"{prefix}rerankq.unacked_index"
        self.unacked_mutex = f"{prefix}rerankq.unacked_mutex"
        self.binding = Family(f"{prefix}rerankq.binding.")
        """By exchange: the queues that are bound to it."""
        self.binding_permanent = Family(f"{prefix}rerankq.binding_permanent.")
        self.binding_deadlines = f"{prefix}rerankq.binding_deadlines"

    def _name_accounts(self, prefix: str) -> None:
        # An account upstream, by its name.
        self.accounts = f"{prefix}rerankq:accounts"
        self.account = Family(f"{prefix}rerankq:account:")
        self.account_workers = Family(f"{prefix}rerankq:account:", ":workers")
        self.account_lane = Grid(f"{prefix}rerankq:account:", ":workers:")
        self.account_slots = Family(f"{prefix}rerankq:account:", ":slots")
        self.account_answers = Family(f"{prefix}rerankq:account:", ":answers")
        self.breakers = f"{prefix}rerankq:circuits"
        self.score_check = Grid(f"{prefix}rerankq:score_check:", ":")
        """By site and model."""
        # Scores that are used again.
        self.reuse = f"{prefix}rerankq:reuse"
        self.reuse_bucket = Grid(f"{prefix}rerankq:reuse:", ":")
        """By generation and number."""

    def _name_batches(self, prefix: str) -> None:
        # A batch, by its id.
        self.batch = Family(f"{prefix}rerankq:batch:")
        self.batch_entries = Family(f"{prefix}rerankq:batch:", ":entries")
        self.batch_failed = Family(f"{prefix}rerankq:batch:", ":failed")
        self.batch_held = Family(f"{prefix}rerankq:batch:", ":held")
        self.batch_pages = Family(f"{prefix}rerankq:batch:", ":pages")
        # Of all batches together.
        self.batches = f"{prefix}rerankq:batches"
        self.batches_resuming = f"{prefix}rerankq:batches:resuming"
        self.batches_cancelling = f"{prefix}rerankq:batches:cancelling"
        self.batches_holding = f"{prefix}rerankq:batches:holding"
        self.batches_deadlines = f"{prefix}rerankq:batches:deadlines"
        self.imports = f"{prefix}rerankq:imports"

    def _name_tenants(self, prefix: str) -> None:
        # A tenant, by its name.
        self.tenant = Family(f"{prefix}rerankq:tenant:")
        self.tenant_use = Family(f"{prefix}rerankq:tenant:", ":use")
        self.tenant_batches = Family(f"{prefix}rerankq:tenant:", ":batches")
        self.tenant_files = Family(f"{prefix}rerankq:tenant:", ":files")
        self.tenant_webhooks = Family(f"{prefix}rerankq:tenant:", ":webhooks")
        self.tenant_idempotency = Grid(f"{prefix}rerankq:tenant:", ":idempotency:")
        """By tenant and key."""
        self.tenants = f"{prefix}rerankq:tenants"
        # What tenants have in a lane.
        self.tenant_queue = Grid(f"{prefix}rerankq:", ":queued:")
        """By lane and tenant."""
        self.tenant_running = Family(f"{prefix}rerankq:tenant:", ":running")
        self.tenant_waiting = Family(f"{prefix}rerankq:tenant:", ":waiting")
        self.shares = Family(f"{prefix}rerankq:", ":shares")
        self.turns = Family(f"{prefix}rerankq:", ":turns")
        self.lane_shared = Family(f"{prefix}rerankq:", ":shared")
        self.claimed = Grid(f"{prefix}rerankq:", ":claimed:")
        """By lane and the name of a request."""

    def _name_gateway(self, prefix: str) -> None:
        # Of those who call the gateway.
        self.tokens = f"{prefix}rerankq:tokens"
        self.tokens_required = f"{prefix}rerankq:tokens:required"
        self.token = Family(f"{prefix}rerankq:token:")
        """By the SHA-256 of its secret."""
        self.session = Family(f"{prefix}rerankq:session:")
        """By the SHA-256 of its name: who signed in to the console."""
        self.files = f"{prefix}rerankq:files"
        self.file = Family(f"{prefix}rerankq:file:")
        self.webhooks = f"{prefix}rerankq:webhooks"
        self.webhook = Family(f"{prefix}rerankq:webhook:")
        self.webhook_log = Family(f"{prefix}rerankq:webhook:", ":log")
        self.callback_workers = f"{prefix}rerankq:workers:callbacks"
        # Deliveries of webhooks and callbacks, by kind: the targets for which some wait, those
        # under way, how many there are in all; by kind and target; and each by event and target.
        self.outbox = Family(f"{prefix}rerankq:outbox:")
        self.outbox_taken = Family(f"{prefix}rerankq:outbox-taken:")
        self.outbox_size = f"{prefix}rerankq:outbox-size"
        self.outbox_due = Grid(f"{prefix}rerankq:outbox:", ":")
        self.delivery = Grid(f"{prefix}rerankq:delivery:", ":")

    def _name_history(self, prefix: str) -> None:
        # The history of ended jobs.
        self.history = f"{prefix}rerankq:history"
        self.history_ended = f"{prefix}rerankq:history:ended"
        self.history_open = f"{prefix}rerankq:history:open"
        self.history_segments = f"{prefix}rerankq:history:segments"
        self.history_segment = Family(f"{prefix}rerankq:history:segment:")
        """By the place of its first row."""
        self.usage = Family(f"{prefix}rerankq:usage:")
        """By the date, such as 2026-12-01: what calls have used."""
        self.history_packing = f"{prefix}rerankq:history:packing"
        # What operators did, and what tenants did.
        self.audit = f"{prefix}rerankq:audit"
        self.audit_tenants = f"{prefix}rerankq:audit:tenants"
        self.audit_count = f"{prefix}rerankq:audit:count"

    def in_lua(self, name: str) -> str:
        """The line of Lua that defines the key of that attribute.

        Raises:
            AttributeError: there is no such key.
        """
        match getattr(self, name):
            case Family(head, tail):
                behind = f" .. {quoted(tail)}" if tail else ""
                built = f"{quoted(head)} .. name{behind}" if head else f"name{behind}"
                return f"local function {name}_key(name) return {built} end\n"
            case Grid(head, between):
                built = f"{quoted(head)} .. first .. {quoted(between)} .. second"
                return f"local function {name}_key(first, second) return {built} end\n"
            case key:
                return f"local {name}_key = {quoted(key)}\n"


def _check(namespace: str) -> None:
    if len(namespace) > MOST_NAMESPACE or not _NAMESPACE.fullmatch(namespace):
        raise ValueError(
            f"must be at most {MOST_NAMESPACE} letters, digits and _ . -, of which one part may "
            "stand in braces, as in {prod}"
        )
    if namespace.startswith(_RESERVED):
        raise ValueError(
            f"must not begin with {' or '.join(_RESERVED)}, as keys without a namespace do"
        )


def quoted(text: str) -> str:
    """A text as Lua writes it."""
    return f"'{text.translate(_TEXT)}'"
