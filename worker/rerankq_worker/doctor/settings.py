"""Settings of a worker that are wrong, or that do not fit together."""

from collections.abc import Iterator

from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import Finding, ok, warning
from rerankq.doctor.settings import wrong
from rerankq_worker.doctor.set_up import worker_settings
from rerankq_worker.settings import WorkerSettings


async def look(set_up: SetUp) -> list[Finding]:
    """What `rerankq worker` would refuse, and what it accepts although it makes little sense."""
    if faults := WorkerSettings.faults(set_up.env_file):
        return list(wrong(faults))
    settings = worker_settings(set_up)
    what = (
        f"{settings.max_in_flight:,} calls at once in a lane's process, "
        f"{settings.call_seconds:g} s each, {settings.max_attempts} attempts"
    )
    return list(odd(settings)) or [ok("worker_settings", what)]


def odd(settings: WorkerSettings) -> Iterator[Finding]:
    """Values that contradict each other."""
    if settings.give_up_seconds < settings.min_retry_seconds:
        yield warning(
            "settings_contradict",
            f"RERANKQ_GIVE_UP_SECONDS ({settings.give_up_seconds:g}) is shorter than "
            f"RERANKQ_MIN_RETRY_SECONDS ({settings.min_retry_seconds:g}): jobs are given up before "
            "the time for which they are to be tried",
            "raise the first, or lower the second",
        )
    if settings.call_seconds > settings.give_up_seconds:
        yield warning(
            "settings_contradict",
            f"RERANKQ_CALL_SECONDS ({settings.call_seconds:g}) is longer than "
            f"RERANKQ_GIVE_UP_SECONDS ({settings.give_up_seconds:g}): one call takes a job's whole "
            "time",
            "lower the first, or raise the second",
        )
    if settings.concurrency and settings.concurrency > settings.max_in_flight * 100:
        yield warning(
            "settings_contradict",
            f"RERANKQ_CONCURRENCY ({settings.concurrency:,}) would need over a hundred "
            f"workers with RERANKQ_MAX_IN_FLIGHT ({settings.max_in_flight:,})",
            "raise the second, or check the first",
        )
    if settings.batch_ttl < settings.result_ttl:
        yield warning(
            "settings_contradict",
            f"RERANKQ_BATCH_TTL ({settings.batch_ttl:g}) is shorter than RERANKQ_RESULT_TTL "
            f"({settings.result_ttl:g}): batches lose their results before single jobs do",
            "raise the first, or lower the second",
        )
