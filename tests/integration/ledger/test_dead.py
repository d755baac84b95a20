"""Dead letters in the real ledger: found, read, replayed, forgotten."""

import pytest

from rerankq.contract import RerankRequest
from rerankq.errors import JobNotFound
from rerankq.ledger.dead import PAGE, DeadLetter, DeadLetters, Replays, Wanted
from running.ledger_desk import LedgerDesk, job


def failed(desk: LedgerDesk, job_id: str, *, reason: str = "upstream_refused", at: int = 0) -> None:
    """A failed job; `at` sets the second of its failure."""
    request = RerankRequest(model=f"model-{job_id}", query="q", documents=("d", "e"))
    desk.fail(desk.claimed(job_id, request=request, custom_id=f"my-{job_id}"), reason)
    if at:
        desk.redis.zadd("rerankq:dead", {job_id: at * 1000})


def found(desk: LedgerDesk, wanted: Wanted | None = None) -> list[str]:
    """The ids that `find` gives."""

    async def ids() -> list[str]:
        return [each.id async for each in DeadLetters(desk.store).find(wanted or Wanted())]

    return desk.run(ids())


def replays(desk: LedgerDesk, *job_ids: str) -> Replays:
    """What can be replayed."""
    return desk.run(DeadLetters(desk.store).replays(job_ids))


@pytest.mark.parametrize("protocol", [2, 3])
def test_letters_are_found_in_either_protocol(redis_url: str, protocol: int) -> None:
    """In both protocols of Redis the same letters are found, the newest first."""
    with LedgerDesk(f"{redis_url}?protocol={protocol}") as desk:
        assert found(desk) == []
        failed(desk, "a", at=10)
        assert found(desk) == ["a"]
        failed(desk, "b", at=30)
        failed(desk, "c", at=20)
        assert found(desk) == ["b", "c", "a"]
        assert desk.run(DeadLetters(desk.store).count()) == 3
        assert desk.run(DeadLetters(desk.store).get("c")).failed_at == 20


def test_letters_are_chosen_by_all_conditions(desk: LedgerDesk) -> None:
    """Reason, model, batch and time: only letters that fit every condition given are found."""
    failed(desk, "a", reason="upstream_auth", at=10)
    failed(desk, "b", reason="upstream_auth", at=20)
    failed(desk, "c", at=30)
    batch = desk.run(desk.batches.open())
    desk.fail(desk.claimed("d", batch_id=batch))
    assert found(desk, Wanted(reason="upstream_auth")) == ["b", "a"]
    assert found(desk, Wanted(reason="upstream_auth", model="model-a")) == ["a"]
    assert found(desk, Wanted(since=20, until=30)) == ["b"]
    assert found(desk, Wanted(batch_id=batch)) == ["d"]
    assert found(desk, Wanted(reason="never")) == []


def test_more_letters_than_a_page_are_all_found(desk: LedgerDesk) -> None:
    """Letters are read a page at a time, and none is left out between two pages."""
    names = [f"job-{number}" for number in range(2 * PAGE + 1)]
    for at, name in enumerate(names, start=1):
        failed(desk, name, at=at)
    assert found(desk) == names[::-1]


def test_a_letter_has_everything_but_the_texts(desk: LedgerDesk) -> None:
    """A letter has reason, message, counts and names, and no text of the request."""
    failed(desk, "a", at=10)
    assert desk.run(DeadLetters(desk.store).get("a")) == DeadLetter(
        id="a",
        reason="upstream_refused",
        message="no",
        failed_at=10,
        model="model-a",
        lane="bulk",
        attempts=1,
        claims=1,
        status=400,
        request_id="2025",
        documents=2,
        custom_id="my-a",
    )
    with pytest.raises(JobNotFound, match="never"):
        desk.run(DeadLetters(desk.store).get("never"))


def test_a_replay_is_one_job_however_often_it_is_made(desk: LedgerDesk) -> None:
    """The replay's id is derived from the letter's, and its request is the same."""
    failed(desk, "a")
    for _ in range(2):
        ((old, new),) = replays(desk, "a").jobs
        assert (old, new.request.model, new.custom_id) == ("a", "model-a", "my-a")
        assert new.id != "a"
        desk.submit(new)
    assert desk.redis.zcard("rerankq:bulk:queued") == 1


def test_what_cannot_be_replayed_can_be_listed(desk: LedgerDesk) -> None:
    """A payload that is gone or unreadable holds up no other letter, and can still be listed."""
    for name in ("a", "gone", "other-version", "nonsense"):
        failed(desk, name)
    desk.redis.delete("rerankq:payload:gone")
    desk.redis.set("rerankq:payload:nonsense", "{")
    desk.redis.set(
        "rerankq:payload:other-version",
        job("x").encode().replace(b'"version":"1.', b'"version":"9.'),
    )
    made = replays(desk, "gone", "a", "other-version", "nonsense")
    assert [old for old, _ in made.jobs] == ["a"]
    assert made.unreadable == ["gone", "other-version", "nonsense"]
    assert sorted(found(desk)) == ["a", "gone", "nonsense", "other-version"]


def test_a_damaged_letter_does_not_hide_others(desk: LedgerDesk) -> None:
    """A record or payload of another type does not hide other letters."""
    for at, name in enumerate(("a", "no-record", "no-payload", "b"), start=1):
        failed(desk, name, at=at)
    desk.redis.delete("rerankq:job:no-record", "rerankq:payload:no-payload")
    desk.redis.set("rerankq:job:no-record", "no hash")
    desk.redis.hset("rerankq:payload:no-payload", "no", "string")
    assert found(desk) == ["b", "no-payload", "no-record", "a"]
    assert found(desk, Wanted(reason="upstream_refused")) == ["b", "no-payload", "a"]
    assert desk.run(DeadLetters(desk.store).get("no-record")).reason == "unknown"
    assert replays(desk, "a", "no-payload", "b").unreadable == ["no-payload"]


def test_nonsense_in_a_letter_costs_no_other(desk: LedgerDesk) -> None:
    """A damaged letter is listed with its readable fields, and found by its id."""
    for at, name in enumerate(("a", "damaged", "b"), start=1):
        failed(desk, name, at=at)
    desk.redis.set(
        "rerankq:job:damaged",
        '{"state":"failed","lane":7,"attempts":"x","claims":[],"reason":["y"],"batch":{}}',
    )
    desk.redis.set("celery-task-meta-damaged", "no json")
    assert found(desk) == ["b", "damaged", "a"]
    assert desk.run(DeadLetters(desk.store).get("damaged")) == DeadLetter(
        id="damaged", reason="unknown", message=None, failed_at=2, model="model-damaged", lane="",
        attempts=0, claims=0, documents=2,
    )  # fmt: skip


def test_letters_are_named_without_being_read(desk: LedgerDesk) -> None:
    """A letter can be deleted by its id, however damaged it is."""
    for at, name in enumerate(("a", "b", "c"), start=1):
        failed(desk, name, at=at)
    letters = DeadLetters(desk.store)
    desk.redis.delete("rerankq:job:b", "rerankq:payload:b")
    desk.redis.hset("rerankq:payload:b", "no", "string")
    assert desk.run(letters.named(["b", "a", "b"])) == ["b", "a"]
    with pytest.raises(JobNotFound, match="never"):
        desk.run(letters.named(["a", "never"]))
    assert desk.run(letters.ids(Wanted())) == ["c", "b", "a"]
    assert desk.run(letters.ids(Wanted(since=2))) == ["c", "b"]
    assert desk.run(letters.ids(Wanted(model="model-a"))) == ["a"]


def test_a_forgotten_letter_is_gone_with_its_payload(desk: LedgerDesk) -> None:
    """`forget` deletes only the letter and its payload; forgetting none is no error."""
    failed(desk, "a")
    failed(desk, "b")
    desk.run(DeadLetters(desk.store).forget([]))
    desk.run(DeadLetters(desk.store).forget(["a"]))
    assert found(desk) == ["b"]
    assert not desk.has_payload("a")
    assert desk.has_payload("b")
