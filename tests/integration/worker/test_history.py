"""The history of a real worker's jobs."""

from collections.abc import Iterator
from pathlib import Path

from rerankq import RerankClient
from rerankq.client.drafts import Draft
from running.sandbox import RunningSandbox
from running.waiting import eventually
from running.worker import RunningWorker

KILLS = 3


def drafts(kill: int) -> Iterator[Draft]:
    for at in range(100):
        yield {"query": f"q{at}", "documents": ["a", "b"], "custom_id": f"c{kill}-{at}"}


def test_no_row_is_lost_or_doubled_by_a_kill(redis_url: str, tmp_path: Path) -> None:
    """A worker is killed while it ends and packs jobs; each of them is in the history once."""
    with RunningSandbox(latency_ms=20) as upstream, RerankClient(redis_url) as client:

        def ended() -> int:
            return len(list(client.history()))

        ids: list[str] = []
        for kill in range(KILLS):
            # Short leases, so that what a killed worker held is soon done by the next one.
            with RunningWorker(redis_url, upstream.url, tmp_path, lease_seconds=1) as worker:
                enough = ended() + 1
                ids += [handle.id for handle in client.submit_many(drafts(kill))]
                eventually(lambda: ended() >= enough, "jobs end")  # noqa: B023  awaited at once
                worker.process.kill()
        with RunningWorker(redis_url, upstream.url, tmp_path):
            eventually(lambda: ended() >= len(ids), "all jobs end", seconds=60)
            found = list(client.history())
            assert sorted(each.id for each in found) == sorted(ids)
            assert {each.call.status for each in found if each.call} == {200}
            assert all(each.call and each.call.seconds for each in found)
            (one,) = client.history(custom_id="c1-7")
            steps = [each.what for each in client.timeline(one.id).steps]
            assert steps == ["submitted", "claimed", "succeeded"]
