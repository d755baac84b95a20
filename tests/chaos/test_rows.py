"""The short form of every row of the fault table."""

import re
from pathlib import Path
from random import Random

import pytest

from chaos import catalogue
from chaos.row import Arena, Unavailable
from chaos.rows import clock, redis_refuses
from chaos.scorecard import Score
from running.must_play import MUST_PLAY, skip_or_fail

pytestmark = pytest.mark.timeout(240)


def test_a_killed_worker_costs_only_the_calls_in_flight(tmp_path: Path) -> None:
    """SIGKILL at a random moment: nothing is lost, D <= F, the first job is back within 5 s."""
    _holds("worker-kill", tmp_path)


def test_a_worker_that_is_stopped_and_then_killed_loses_nothing(tmp_path: Path) -> None:
    """SIGSTOP for 2 s while others publish, then SIGKILL: nothing is lost."""
    _holds("worker-pause-kill", tmp_path)


def test_a_worker_killed_in_large_jobs_costs_only_the_parts_in_flight(tmp_path: Path) -> None:
    """SIGKILL in jobs of several calls: what calls have brought is kept, D <= F in calls."""
    _holds("large-job-kill", tmp_path)


def test_a_zombies_late_results_are_fenced_off(tmp_path: Path) -> None:
    """After a pause that is longer than the leases, none of a worker's late results is taken."""
    _holds("zombie", tmp_path)


def test_a_zombie_that_wakes_too_late_changes_no_end(tmp_path: Path) -> None:
    """A worker wakes after other workers have done its jobs: every job keeps its one end."""
    _holds("zombie-late", tmp_path)


def test_workers_that_pause_in_turn_fail_no_job(tmp_path: Path) -> None:
    """Three workers pause for longer than their leases, in turn: no job fails, D <= F."""
    _holds("worker-pauses", tmp_path)


def test_a_blocked_event_loop_costs_only_the_calls_in_flight(tmp_path: Path) -> None:
    """A loop is blocked for longer than its leases: each job ends once, D <= F, back within 5 s."""
    _holds("worker-blocked", tmp_path)


def test_sigterm_drains(tmp_path: Path) -> None:
    """SIGTERM under load: running jobs are finished, exit 0, no call is repeated."""
    _holds("sigterm", tmp_path)


def test_what_cannot_finish_goes_back_at_once(tmp_path: Path) -> None:
    """SIGTERM while calls hang: exit 0 in the grace time, and others take the jobs at once."""
    _holds("sigterm-hand-back", tmp_path)


def test_a_drain_that_is_cut_short_costs_little(tmp_path: Path) -> None:
    """SIGTERM, SIGKILL 1 s later: D <= unfinished + 5, and the first job is back within 5 s."""
    _holds("sigterm-kill", tmp_path)


def test_a_stopped_redis_does_not_stop_a_shutdown(tmp_path: Path) -> None:
    """SIGTERM while Redis stands still: exit 0 in the time that a supervisor allows, D <= F."""
    _holds("sigterm-redis-stopped", tmp_path)


def test_a_worker_without_answers_from_redis_shuts_down_in_order(tmp_path: Path) -> None:
    """SIGTERM when no connection answers any more: exit 0 in time, and no call is repeated."""
    _holds("sigterm-black-hole", tmp_path)


def test_cut_connections_repeat_no_call(tmp_path: Path) -> None:
    """All client connections cut every 2 s, under load: D = 0."""
    _holds("blip", tmp_path)


def test_a_redis_that_sleeps_repeats_no_call(tmp_path: Path) -> None:
    """DEBUG SLEEP 3: D = 0, and 95 % of the rate is back within 10 s."""
    _holds("redis-sleep", tmp_path)


def test_a_redis_that_stands_still_past_the_leases_repeats_no_call(tmp_path: Path) -> None:
    """SIGSTOP of Redis for 10 s: D = 0, and 95 % of the rate is back within 10 s."""
    _holds("redis-stop", tmp_path)


def test_a_killed_redis_with_fsync_always_loses_nothing(tmp_path: Path) -> None:
    """SIGKILL of Redis, AOF always: 0 lost."""
    _holds("redis-kill-always", tmp_path)


def test_a_killed_redis_with_fsync_everysec_loses_two_seconds_at_most(tmp_path: Path) -> None:
    """SIGKILL of Redis, AOF everysec: only jobs accepted in the last 2 s may be lost."""
    _holds("redis-kill-everysec", tmp_path)


def test_busy_workers_find_a_restarted_redis(tmp_path: Path) -> None:
    """Redis restarts while every slot is busy: consuming again within 35 s."""
    _holds("redis-restart-busy", tmp_path)


def test_a_repaired_append_only_file_keeps_all_before_the_broken_place(tmp_path: Path) -> None:
    """Redis starts only after its file is repaired: nothing before the broken place is lost."""
    _holds("redis-damaged", tmp_path)


def test_an_append_only_file_that_is_cut_off_keeps_what_was_promised(tmp_path: Path) -> None:
    """The file ends within a command: Redis starts, and has all that was promised before it."""
    _holds("aof-truncated", tmp_path)


def test_an_append_only_file_with_zeros_at_its_end_keeps_what_was_promised(tmp_path: Path) -> None:
    """Redis' own tool cuts the zeros off: all that was promised before them is there."""
    _holds("aof-corrupted", tmp_path)


def test_a_failover_by_sentinel_loses_no_accepted_job(tmp_path: Path) -> None:
    """The primary is killed: with durability replica 0 lost, and served again within 10 s."""
    _holds("sentinel-failover", tmp_path)


def test_a_redis_without_memory_refuses_clearly(tmp_path: Path) -> None:
    """Out of memory: clear refusals, nothing accepted is lost, back within 15 s."""
    _holds("redis-memory", tmp_path)


def test_silent_connections_are_replaced(tmp_path: Path) -> None:
    """Connections fall silent without a FIN: back within 60 s."""
    _holds("black-hole", tmp_path)


def test_no_workers_clock_decides_anything(tmp_path: Path) -> None:
    """Workers whose clocks are an hour off repeat no call."""
    _holds("clock", tmp_path)


def test_a_silent_upstream_is_given_up_in_time(tmp_path: Path) -> None:
    """Hanging and slow answers: the deadline is exceeded by 0.5 s at most, the failure is typed."""
    _holds("upstream-silent", tmp_path)


def test_an_absurd_upstream_costs_no_memory(tmp_path: Path) -> None:
    """1 GB, broken JSON, wrong indexes, NaN: memory stays under 1.5x, the failure is typed."""
    _holds("upstream-absurd", tmp_path)


def test_a_sick_worker_holds_nobody_up(tmp_path: Path) -> None:
    """Proxies of some workers send pages, reset or are silent: other workers are not affected."""
    _holds("sick-worker", tmp_path)


def test_a_429_storm_uses_no_attempt(tmp_path: Path) -> None:
    """Throttled jobs wait as long as they are told, use no attempt, and are done afterwards."""
    _holds("429-storm", tmp_path)


def test_a_limit_is_kept_under_429s(tmp_path: Path) -> None:
    """Under 429s with Retry-After, calls exceed the limit by 5 % at most and use no attempt."""
    _holds("429-limit", tmp_path)


def test_deleted_limiter_keys_never_mean_no_limit(tmp_path: Path) -> None:
    """If the limiter's keys are deleted again and again, a second has one lot too many at most."""
    _holds("limiter-keys", tmp_path)


def test_poison_is_put_aside(tmp_path: Path) -> None:
    """Messages that are no hints are quarantined and counted; the workers go on."""
    _holds("poison", tmp_path)


def test_only_a_job_that_kills_its_process_is_given_up(tmp_path: Path) -> None:
    """A job that ends its process fails as crash_loop after 3 claims; all others are done."""
    _holds("crash-loop", tmp_path)


def test_a_full_disk_under_redis_refuses_clearly(tmp_path: Path) -> None:
    """The AOF's disk is full: clear refusals, nothing accepted is lost, back within 15 s."""
    _holds("redis-disk", tmp_path)


@pytest.mark.parametrize("name", [row.name for row in redis_refuses.ROWS])
def test_a_redis_that_refuses_costs_no_call(tmp_path: Path, name: str) -> None:
    """For each refusal of Redis: 0 restarts, D = 0, log and readiness name it, soon back."""
    _holds(name, tmp_path)


def test_workers_follow_a_primary_that_was_demoted(tmp_path: Path) -> None:
    """Roles change while all connections stay open: D = 0, and back within 15 s."""
    _holds("redis-swap", tmp_path)


def test_a_worker_that_restarts_itself_loses_no_end(tmp_path: Path) -> None:
    """A worker restarts while some ends are unwritten: D = 0."""
    _holds("self-restart", tmp_path)


def test_an_upload_goes_on_after_its_gateway_was_killed(tmp_path: Path) -> None:
    """SIGKILL in two kinds of uploads: repeated with the same key, each line is a job once."""
    _holds("gateway-upload", tmp_path)


def test_callers_of_a_killed_gateway_get_their_one_result(tmp_path: Path) -> None:
    """SIGKILL while callers wait: one job and one result for each key, also for a repeat."""
    _holds("gateway-wait", tmp_path)


def test_a_tenants_flood_holds_up_no_other_tenant(tmp_path: Path) -> None:
    """Ten jobs beside thousands of another tenant end about as fast as alone; D = 0."""
    _holds("tenant-flood", tmp_path)


def test_a_killed_gateway_loses_no_webhook(tmp_path: Path) -> None:
    """SIGKILL while webhooks are called: each end is told, none that is not there, log right."""
    _holds("gateway-webhook", tmp_path)


def test_a_killed_worker_loses_no_callback(tmp_path: Path) -> None:
    """SIGKILL while Celery tasks of users are sent: one for each job, twice only if under way."""
    _holds("worker-callback", tmp_path)


def test_a_deep_backlog_is_not_announced_again(tmp_path: Path) -> None:
    """In a lane full of queued jobs, only the one whose hint is lost is announced again."""
    _holds("backlog", tmp_path)


def test_jobs_that_become_due_together_are_announced_once(tmp_path: Path) -> None:
    """Of many jobs due at once, none that has its hint is announced twice, even if overtaken."""
    _holds("backlog-due", tmp_path)


def test_the_ledger_is_consistent_after_any_sequence_of_calls(tmp_path: Path) -> None:
    """Random sequences of calls: each job is in one set of its lane or has one end."""
    _holds("schedules", tmp_path)


def test_the_ledger_keeps_its_rules_after_any_order_of_calls(tmp_path: Path) -> None:
    """All orders of calls, up to a certain depth: no job is lost, and each ends once."""
    _holds("exploration", tmp_path)


def test_every_row_has_its_test() -> None:
    """The test suite plays every row of the fault table."""
    played = set(re.findall(r'_holds\("([\w-]+)"', Path(__file__).read_text("utf-8")))
    family = {row.name for row in redis_refuses.ROWS}
    assert played | family == {row.name for row in catalogue.ROWS}


@pytest.mark.parametrize(
    ("named", "outcome"),
    [("", pytest.skip.Exception), ("zombie,clock", pytest.fail.Exception)],
    ids=["skips", "fails"],
)
def test_a_row_that_must_be_played_is_never_skipped(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    named: str,
    outcome: type[BaseException],
) -> None:
    """If the machine lacks what a row needs, the row is skipped, or fails if it must be played."""
    monkeypatch.setattr(clock, "LIBRARIES", ())
    monkeypatch.setenv(MUST_PLAY, named)
    with pytest.raises(outcome, match="libfaketime"):
        _holds("clock", tmp_path)


def _holds(name: str, folder: Path) -> None:
    row = catalogue.row(name)
    try:
        report = row.play(Arena(folder, row.short, Random(name)))  # noqa: S311  repeatable
    except Unavailable as lack:
        skip_or_fail(name, str(lack))
    score = Score(row, planned=1, reports=[report])
    assert not score.broken, f"{score.broken}\n{report}"
