"""All metrics: their names, kinds, labels and buckets, and what they mean."""

from enum import StrEnum
from typing import Final, NamedTuple

PREFIX: Final = "rerankq_"

CALL_BUCKETS: Final = (0.025, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 20.0, 60.0)
"""Seconds. A reranker answers dozens of documents within 0.1 s to 2 s; a call ends after 60 s."""
WAIT_BUCKETS: Final = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0, 43_200.0)
"""Seconds. An interactive job waits for milliseconds, a job of a large batch for hours."""
REQUEST_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds. A submission takes milliseconds, a call that waits for its ranking a minute at most."""
LAG_BUCKETS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0)
"""Seconds. More than 0.1 s delays calls; after 60 s the worker restarts itself."""
AGREEMENT_BUCKETS: Final = (-0.5, 0.0, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
"""Shares of shared documents are from 0 to 1, correlations from -1 to 1."""


class Kind(StrEnum):
    """Prometheus' kinds of metrics."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Described(NamedTuple):
    """A metric.

    Attributes:
        name: as Prometheus shows it; of a histogram without `_bucket`.
        kind: what it is.
        meaning: one sentence, shown as `# HELP`.
        labels: the names of its labels.
        buckets: upper bounds of a histogram.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


def _counter(name: str, meaning: str, *labels: str) -> Described:
    return Described(f"{PREFIX}{name}_total", Kind.COUNTER, meaning, labels)


def _gauge(name: str, meaning: str, *labels: str) -> Described:
    return Described(PREFIX + name, Kind.GAUGE, meaning, labels)


def _seconds(name: str, meaning: str, *labels: str, buckets: tuple[float, ...]) -> Described:
    return Described(f"{PREFIX}{name}_seconds", Kind.HISTOGRAM, meaning, labels, buckets)


# Jobs, told by workers and clients.
JOBS_ACCEPTED: Final = _counter("jobs_accepted", "Jobs that a client recorded.", "lane")
JOBS_ENDED: Final = _counter(
    "jobs_ended", "Jobs that ended, by how and why.", "lane", "state", "reason"
)
JOBS_RETRIED: Final = _counter(
    "jobs_retried", "Jobs that wait for another attempt, by why.", "lane", "reason"
)
JOBS_RELEASED: Final = _counter(
    "jobs_released", "Jobs that a worker gave back when it shut down.", "lane"
)
JOBS_REVOKED: Final = _counter(
    "jobs_revoked", "Jobs that a worker stopped, as they had ended or were another's.", "lane"
)
JOB_WAIT: Final = _seconds(
    *("job_wait", "Time from when a job could first run to the call that ranked it.", "lane"),
    buckets=WAIT_BUCKETS,
)
JOB_RUN: Final = _seconds(
    *("job_run", "Time of the call that ranked a job.", "lane"), buckets=CALL_BUCKETS
)
ESTIMATED: Final = _counter(
    "job_estimated_tokens", "Tokens of ranked jobs by rerankq's own estimate.", "lane"
)
BATCHES_ENDED: Final = _counter("batches_ended", "Batches that ended, by how.", "state")
DELIVERED: Final = _counter(
    "deliveries",
    "Tries to tell of an end, by webhook (http) or callback (celery).",
    *("kind", "outcome"),
)
OUTCOMES_REFUSED: Final = _counter(
    "outcomes_refused", "Outcomes that the ledger refused: the job had ended or was another's."
)
OUTCOMES_DROPPED: Final = _counter(
    "outcomes_dropped", "Outcomes that could not be written for a whole lease."
)
REPAIRS: Final = _counter(
    "reconciler_repairs", "What the reconciler repaired: jobs, and keys of the ledger.", "kind"
)

# The upstream, told by workers.
CALLS: Final = _seconds(
    "upstream_call",
    "Time of calls to the rerank endpoint, by the class of their HTTP status.",
    *("site", "account", "status_class"),
    buckets=CALL_BUCKETS,
)
CALL_FAILURES: Final = _counter(
    "upstream_failures", "Calls that brought no ranking, by why.", "site", "account", "reason"
)
TOKENS: Final = _counter(
    "upstream_tokens",
    "Tokens of rankings, as the upstream counts them, if it does.",
    "site",
    "model",
)
PERMIT_WAIT: Final = _seconds(
    "permit_wait",
    "Time that jobs waited for a permit to call.",
    "account",
    buckets=WAIT_BUCKETS,
)
PAIRS: Final = _counter(
    "pairs",
    "Documents of jobs where scores are reused, by where their scores came from: call or reused.",
    *("site", "source"),
)
SCORE_CHECKS: Final = _counter(
    "score_checks", "Checks of a model's scores, by what they found.", "site", "model", "outcome"
)
SHADOWS: Final = _counter(
    "shadow_calls",
    "Copies of jobs for a site that is tried out, by how they ended.",
    *("site", "model", "outcome"),
)
SHADOW_AGREEMENT: Final = Described(
    f"{PREFIX}shadow_agreement_ratio",
    Kind.HISTOGRAM,
    "How far its rankings agree with the jobs': shared heads (top_1, top_3, top_10) and rank "
    "correlation.",
    ("site", "model", "figure"),
    AGREEMENT_BUCKETS,
)
LIMITS_FOUND: Final = _counter(
    "limits_found", "Times that 429s showed a limit that was not set.", "account"
)
BREAKER_CHANGES: Final = _counter(
    "breaker_changes", "Changes of circuit breakers, by the new state.", "kind", "state"
)

# A worker itself.
BUILD: Final = _gauge("build_info", "1; the labels tell the version.", "version")
STARTED: Final = _gauge(
    "process_start_time_seconds", "Unix time of the start, also after a restart of itself.", "part"
)
HELD: Final = _gauge("worker_jobs", "Jobs that this worker holds.", "lane")
MOST_CALLS: Final = _gauge("worker_max_calls", "Calls that this worker may have in flight.", "lane")
DRAINING: Final = _gauge("worker_draining", "1 while this worker takes no more jobs.", "lane")
ISOLATED: Final = _gauge(
    "worker_isolated", "1 while only this worker gets no rankings from the account.", "account"
)
PUT_ASIDE: Final = _counter("messages_put_aside", "Messages in a queue that were no hints.", "lane")
LEDGER_FAILURES: Final = _counter(
    "ledger_call_failures", "Calls to Redis that failed, and are made again.", "operation"
)
BROKER_LOST: Final = _counter(
    "broker_connections_lost", "Tries in vain to connect to Redis for messages."
)
LEDGER_UP: Final = _gauge("ledger_up", "1 if Redis answered this process lately, else 0.")
LOOP_LAG: Final = _seconds(
    "event_loop_lag", "How late the event loop ran a timer.", buckets=LAG_BUCKETS
)

# A gateway.
REQUESTS: Final = _seconds(
    "gateway_request",
    "Time of requests to their last byte, by route and HTTP status.",
    *("method", "route", "status"),
    buckets=REQUEST_BUCKETS,
)
WAITERS: Final = _gauge("gateway_waiters", "Requests that wait for a job now.")
MOST_WAITERS: Final = _gauge("gateway_max_waiters", "Requests that may wait at the same time.")
REFUSED: Final = _counter(
    "gateway_refused", "Rerank calls that were told to come again, by who refused.", "by"
)
DEGRADED: Final = _counter(
    "gateway_degraded", "Rerank calls answered in the order of their documents.", "reason"
)
UPLOADED: Final = _counter("gateway_uploads", "Files that were uploaded.")
UPLOADED_BYTES: Final = _counter("gateway_upload_bytes", "Their bytes, unpacked.")

# The ledger, told by one process of all.
LEDGER_JOBS: Final = _gauge("ledger_jobs", "Jobs that have not ended, by state.", "lane", "state")
OLDEST: Final = _gauge(
    "oldest_queued_job_age_seconds", "Age of the job at the head of the lane; 0 if empty.", "lane"
)
WORKERS: Final = _gauge("workers", "Workers that were heard of within 10 s.", "lane")
DESIRED: Final = _gauge(
    "desired_workers",
    "Workers that the backlog needs, and that the upstream's limit keeps busy.",
    "lane",
)
DEAD: Final = _gauge("dead_letters", "Failed jobs that are kept.")
POISON: Final = _gauge("poisoned_messages", "Messages that were put aside and are kept.")
DELIVERIES: Final = _gauge(
    "deliveries_waiting", "Webhooks (http) and callbacks (celery) that wait to be sent.", "kind"
)
ACCOUNT_USABLE: Final = _gauge(
    "account_usable", "1 if the account gives permits for calls, 0 while it does not.", "account"
)
ACCOUNT_RATE: Final = _gauge(
    "account_calls_per_second", "Calls a second that the account may get at present.", "account"
)
ACCOUNT_LIMITED: Final = _gauge(
    "account_limited", "1 if a limit of that rate was set or found, else 0.", "account"
)
ACCOUNT_HELD: Final = _gauge(
    "account_calls_in_flight", "Calls in flight of all workers, where these are limited.", "account"
)
ACCOUNT_LIMIT: Final = _gauge(
    "account_limit",
    "Limits that were set, by their name (rpm, tpm, concurrency).",
    *("account", "limit"),
)
BREAKERS: Final = _gauge(
    "breaker_open", "1 for each breaker that is open, with its state.", "kind", "name", "state"
)
REDIS_MEMORY: Final = _gauge("redis_memory_used_bytes", "Memory that Redis uses.")
REDIS_MOST: Final = _gauge("redis_memory_max_bytes", "Memory that Redis may use; 0: no limit.")
REDIS_EVICTS: Final = _gauge("redis_evicts", "1 if Redis drops keys when its memory is full.")
REDIS_AOF: Final = _gauge("redis_aof_enabled", "1 if Redis has an append-only file.")
REDIS_AOF_OK: Final = _gauge("redis_aof_write_ok", "1 if its last write succeeded.")
REDIS_SAVE_OK: Final = _gauge("redis_save_ok", "1 if the last snapshot succeeded.")
REDIS_SAVED: Final = _gauge("redis_last_save_timestamp_seconds", "Unix time of that snapshot.")
REDIS_CLIENTS: Final = _gauge("redis_connected_clients", "Connections of clients.")
REDIS_REPLICAS: Final = _gauge("redis_connected_replicas", "Replicas that are connected.")
REDIS_COMMANDS: Final = _counter("redis_commands", "Commands that Redis has carried out.")

CATALOGUE: Final[tuple[Described, ...]] = tuple(
    each for each in list(vars().values()) if isinstance(each, Described)
)
