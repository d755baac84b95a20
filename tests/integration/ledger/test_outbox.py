"""Deliveries: written with the ends that they tell of, taken for one try each, and bounded."""

import asyncio
from typing import Any

import orjson
import pytest

from rerankq.contract import (
    BatchOptions,
    BatchState,
    Callback,
    Disabled,
    JobState,
    TryOutcome,
    Webhook,
)
from rerankq.errors import InvalidRequest, LedgerUnavailable, WebhookNotFound
from rerankq.ledger.intake import Verdict as Admitted
from rerankq.ledger.outbox import DELAYS, Delivery, Kind, Outbox, Verdict
from rerankq.ledger.ownership import Ownership
from rerankq.ledger.webhooks import ENABLE, ROTATE, Webhooks
from running.keys import KEYS
from running.ledger_desk import LedgerDesk, job
from running.outbox import make_due
from running.redis_server import RedisServer

URL = "https://example.com/hook"
LEASE = 60.0
DELIVERED, FAILED, GONE = (Verdict(each) for each in TryOutcome)
DAY_MS = 24 * 3600 * 1000


class Post:
    """The outbox and the webhooks of a desk, with blocking calls."""

    def __init__(self, desk: LedgerDesk) -> None:
        self.desk = desk
        self.outbox = Outbox(desk.store)
        self.webhooks = Webhooks(desk.store)

    def made(self, tenant: str | None = None, **options: Any) -> str:
        """A new webhook's id."""
        return self.desk.run(self.webhooks.for_tenant(tenant).create(URL, **options)).id

    def known(self, webhook: str) -> Webhook:
        """What is known of a webhook."""
        return self.desk.run(self.webhooks.get(webhook))

    def taken(self, kind: Kind = Kind.HTTP, most: int = 100, at_once: int = 100) -> list[Delivery]:
        """What is due."""
        return self.desk.run(self.outbox.take(kind, most, at_once=at_once, lease_seconds=LEASE))

    def done(self, delivery: Delivery, verdict: Verdict) -> tuple[float | None, str | None]:
        """Note how a try went."""
        return self.desk.run(self.outbox.done(delivery, verdict))

    def make_due(self) -> None:
        """As if all delays were over."""
        make_due(self.desk.redis)

    def batch(self, *ids: str, tenant: str | None = None, **options: Any) -> str:
        """A sealed batch with these jobs."""
        batch = self.desk.run(
            self.desk.batches.open(BatchOptions.model_validate(options), tenant=tenant)
        )
        for each in ids:
            self.desk.submit(job(each, batch_id=batch, tenant=tenant))
        self.desk.run(self.desk.batches.seal(batch))
        return batch

    def cancel(self, *ids: str) -> None:
        """End jobs."""
        for each in ids:
            self.desk.run(self.desk.records.cancel(each))


@pytest.fixture
def post(desk: LedgerDesk) -> Post:
    """Both, in an empty ledger."""
    return Post(desk)


def make_late(desk: LedgerDesk, batch: str) -> None:
    """As if the batch's deadline had passed."""
    desk.redis.hincrby(KEYS.batch(batch), "deadline", -60_000)
    desk.redis.zincrby(KEYS.batches_deadlines, -60_000, batch)


def told(deliveries: list[Delivery]) -> set[tuple[str, str, str]]:
    """The essence of deliveries."""
    return {(each.target, each.type, each.id) for each in deliveries}


def test_the_end_of_a_job_is_told_to_those_that_it_names(post: Post) -> None:
    """A job's webhook and its task get its end, once each; a job that names none tells nobody."""
    webhook = post.made(events=[])
    post.desk.submit(
        job("a", callbacks=[Callback(webhook=webhook), Callback(task="shop.done", queue="low")]),
        job("b"),
    )
    assert post.taken() == []
    post.cancel("a", "b", "a")
    (by_http,) = post.taken()
    assert (by_http.event, by_http.target, by_http.type, by_http.id, by_http.attempt) == (
        *("evt_job_a", webhook, "job.cancelled", "a"),
        1,
    )
    assert by_http.url == URL
    (task,) = post.taken(Kind.CELERY)
    assert (task.task, task.type, task.id) == (("shop.done", "low"), "job.cancelled", "a")
    assert not post.taken() + post.taken(Kind.CELERY)  # each has one taker


def test_the_end_of_a_batch_is_told_to_its_tenant_and_the_operator(post: Post) -> None:
    """Subscribed webhooks of the tenant and the operator hear of it, and those it names; once."""
    own, operators, others = post.made("acme"), post.made(), post.made("other")
    deaf, named = post.made("acme", events=["batch.failed"]), post.made("acme", events=[])
    batch = post.batch("a", tenant="acme", callbacks=[{"webhook": named}, {"webhook": own}])
    post.cancel("a")
    found = post.taken()
    assert told(found) == {(each, "batch.completed", batch) for each in (own, operators, named)}
    assert len(found) == 3
    assert not {others, deaf} & {each.target for each in found}


@pytest.mark.parametrize(
    ("end", "kind"),
    [("seal", "batch.completed"), ("cancel", "batch.cancelled"), ("abandon", "batch.failed")],
)
def test_every_end_of_a_batch_has_its_event(post: Post, end: str, kind: str) -> None:
    """An empty batch ends by its seal, its cancelling, or as one whose input is missing."""
    webhook, batches = post.made(), post.desk.batches
    batch = post.desk.run(batches.open())
    match end:
        case "seal":
            post.desk.run(batches.seal(batch))
        case "cancel":
            post.desk.run(batches.cancel(batch))
        case "abandon":
            post.desk.run(batches.seal(batch, cut_at=1))
    assert told(post.taken()) == {(webhook, kind, batch)}


@pytest.mark.parametrize("late", ["nothing", "seal", "cut"])
def test_a_batch_that_nobody_seals_expires_at_its_deadline(post: Post, late: str) -> None:
    """Its jobs had ended, but input may be missing: a sweep notes that, and no seal changes it."""
    webhook, desk = post.made(), post.desk
    batch = desk.run(desk.batches.open(BatchOptions(deadline_seconds=50.0)))
    desk.submit(job("a", batch_id=batch))
    desk.succeed(desk.claimed("a"))
    desk.sweep()
    assert desk.run(desk.batches.status(batch)).ended_at is None
    make_late(desk, batch)
    assert desk.run(desk.batches.status(batch)).state is BatchState.EXPIRED
    desk.redis.delete(KEYS.sweeping)
    desk.sweep()
    if late != "nothing":
        desk.run(desk.batches.seal(batch, cut_at=2 if late == "cut" else None))
    found = desk.run(desk.batches.status(batch))
    assert found.ended_at is not None
    assert (found.state, found.succeeded) == (BatchState.EXPIRED, 1)
    assert told(post.taken()) == {(webhook, "batch.expired", batch)}
    assert desk.redis.zcard(KEYS.batches_deadlines) == 0


@pytest.mark.parametrize(
    ("cut_at", "state", "kind"),
    [(None, BatchState.COMPLETED, "completed"), (2, BatchState.ABANDONED, "failed")],
)
def test_an_end_before_the_deadline_stays_what_it_was(
    post: Post, cut_at: int | None, state: BatchState, kind: str
) -> None:
    """One of its jobs had a shorter deadline of its own; later the batch's own passes too."""
    webhook, desk = post.made(), post.desk
    batch = desk.run(desk.batches.open(BatchOptions(deadline_seconds=50.0)))
    desk.submit(job("a", batch_id=batch, deadline_seconds=9.0))
    desk.run(desk.batches.seal(batch, cut_at=cut_at))
    desk.alter_record("a", deadline=1)
    desk.redis.zadd(KEYS.deadlines, {"a": 1})
    desk.sweep()
    assert told(post.taken()) == {(webhook, f"batch.{kind}", batch)}
    make_late(desk, batch)
    assert desk.run(desk.batches.status(batch)).state is state
    # So it is also for batches that ended before the state was noted.
    desk.redis.hincrby(KEYS.batch(batch), "ended_at", -61_000)
    desk.redis.hdel(KEYS.batch(batch), "ended_as")
    assert desk.run(desk.batches.status(batch)).state is state


def test_a_delivery_is_there_with_its_end_or_not_at_all(post: Post) -> None:
    """A finish that is not the caller's writes no end, and no delivery."""
    desk = post.desk
    desk.submit(job("a", callbacks=[Callback(task="t")]))
    lease = desk.claimed("b", callbacks=[Callback(task="t")])
    post.cancel("a", "b")
    assert len(post.taken(Kind.CELERY)) == 2
    assert desk.status("b").state is JobState.CANCELLED
    assert not desk.succeed(lease)
    post.make_due()
    assert {(each.type, each.attempt) for each in post.taken(Kind.CELERY)} == {("job.cancelled", 2)}


def test_a_failed_try_is_repeated_after_a_delay_until_it_is_given_up(post: Post) -> None:
    """Each failure sets the next time; a try whose sender died counts; the last one ends it."""
    webhook = post.made(events=[])
    post.desk.submit(job("a", callbacks=[Callback(webhook=webhook)]))
    post.cancel("a")
    for attempt in range(1, len(DELAYS) + 2):
        (delivery,) = post.taken()
        assert delivery.attempt == attempt
        assert post.taken() == []
        if attempt == 2:
            post.make_due()  # its sender died, and the lease is over
            continue
        again, disabled = post.done(delivery, FAILED)
        assert (again is None) == (attempt > len(DELAYS))
        assert disabled is None
        post.make_due()
    assert post.taken() == []
    known = post.known(webhook)
    assert known.pending == 0
    assert known.failing_since
    rows = post.desk.run(post.webhooks.log(webhook))
    assert [each.attempt for each in rows] == [9, 8, 7, 6, 5, 4, 3, 1]
    assert post.desk.run(post.webhooks.replay(webhook, since=0.0)) == 1
    (delivery,) = post.taken()
    assert delivery.attempt == 1
    post.done(delivery, DELIVERED)
    assert post.known(webhook).failing_since is None
    assert post.known(webhook).pending == 0
    assert post.desk.run(post.webhooks.replay(webhook, since=0.0)) == 0
    assert post.desk.run(post.webhooks.replay(webhook, event_id="evt_job_a")) == 1


def test_410_and_a_day_of_failures_disable_a_webhook(post: Post) -> None:
    """Then it is called no more, and what waits for it leaves the outbox, until it is enabled."""
    for verdict, reason in ((GONE, Disabled.GONE), (FAILED, Disabled.FAILING)):
        webhook = post.made(events=[])
        names = [f"{reason}-{each}" for each in range(3)]
        post.desk.submit(*(job(each, callbacks=[Callback(webhook=webhook)]) for each in names))
        post.cancel(*names)
        first, *_ = post.taken()
        if verdict is FAILED:
            post.done(first, FAILED)
            post.desk.redis.hincrby(KEYS.webhook(webhook), "failing_since", -DAY_MS)
            post.make_due()
            (first,) = post.taken()
        assert post.done(first, verdict)[1] == reason
        post.make_due()
        assert post.taken() == []
        assert post.desk.redis.zcard(KEYS.outbox("http")) == 0
        assert post.known(webhook).disabled is reason
        assert post.known(webhook).pending == 0
        enabled = post.desk.run(post.webhooks.enable(webhook))
        assert enabled.disabled is None
        assert enabled.failing_since is None


def test_a_webhook_that_fails_gets_one_call_at_a_time(post: Post) -> None:
    """After each failed call it rests; what waits meanwhile loses no try, and holds up no other."""
    bad, good = post.made(events=[]), post.made(events=[])
    names = [f"j{each}" for each in range(6)]
    for each in names:
        webhook = good if each == names[-1] else bad
        post.desk.submit(job(each, callbacks=[Callback(webhook=webhook)]))
    post.cancel(names[0])
    (first,) = post.taken()
    post.done(first, Verdict(TryOutcome.FAILED, retry_after=50.0))
    post.cancel(*names[1:])
    assert [each.target for each in post.taken()] == [good]
    post.make_due()
    (second,) = (each for each in post.taken() if each.target == bad)
    # Nobody else calls it meanwhile.
    assert post.taken() == []
    post.done(second, DELIVERED)
    left = post.taken()
    assert {each.target for each in left} == {bad}
    assert len(left) == 4
    assert {each.attempt for each in left} <= {1, 2}


def test_webhooks_have_their_turns(post: Post) -> None:
    """However many wait for a slow one, it has few calls at once, and others get theirs."""
    slow, quick = post.made(events=[]), post.made(events=[])
    names = [f"j{each}" for each in range(50)]
    for each in names:
        post.desk.submit(job(each, callbacks=[Callback(webhook=slow)]))
    post.cancel(*names)
    under_way = post.taken(most=16, at_once=8)
    assert len(under_way) == 8
    assert post.taken(most=16, at_once=8) == []
    post.desk.submit(job("q", callbacks=[Callback(webhook=quick)]))
    post.cancel("q")
    assert [each.target for each in post.taken(most=16, at_once=8)] == [quick]
    # For each call that has ended there is another.
    post.done(under_way[0], DELIVERED)
    (more,) = post.taken(most=16, at_once=8)
    assert more.event not in {each.event for each in under_way}
    # A sender that dies gives its calls back when its lease ends.
    post.make_due()
    again = [each for each in post.taken(most=16, at_once=8) if each.target == slow]
    assert len(again) == 8


def test_a_tenant_with_many_slow_webhooks_holds_up_no_other(post: Post) -> None:
    """Of a tenant for whom the caller makes many calls none is taken; it has its turn later."""
    webhooks = {post.made(tenant, events=[]): tenant for tenant in ("acme", "other", None)}
    for webhook, tenant in webhooks.items():
        name = f"j-{tenant}"
        post.desk.submit(job(name, tenant=tenant, callbacks=[Callback(webhook=webhook)]))
        post.cancel(name)
    outbox = post.outbox

    def taken(*busy: str | None) -> list[str | None]:
        found = post.desk.run(outbox.take(Kind.HTTP, 9, at_once=8, lease_seconds=60, busy=busy))
        return [each.tenant for each in found]

    assert taken("acme", None) == ["other"]
    post.desk.redis.zadd(KEYS.outbox("http"), dict.fromkeys(webhooks, 1))
    assert set(taken()) == {"acme", None}


def test_who_takes_few_gives_each_webhook_its_turn(post: Post) -> None:
    """One that was served goes behind those that wait."""
    webhooks = [post.made(events=[]) for _ in range(3)]
    for webhook in webhooks:
        names = [f"{webhook}-{each}" for each in range(4)]
        post.desk.submit(*(job(each, callbacks=[Callback(webhook=webhook)]) for each in names))
        post.cancel(*names)
    served = [post.taken(most=2, at_once=8)[0].target for _ in range(3)]
    assert sorted(served) == sorted(webhooks)


def test_deliveries_of_a_webhook_are_bounded(post: Post) -> None:
    """Over its bound, ends are not told, and are counted; so it is with all webhooks together."""
    webhook = post.made(events=[])
    due: Any = KEYS.outbox_due("http", webhook)
    post.desk.redis.zadd(due, {f"evt_{each}": DAY_MS * 10**6 for each in range(100_000)})
    post.desk.submit(job("a", callbacks=[Callback(webhook=webhook)]))
    post.cancel("a")
    assert post.taken() == []
    assert (post.known(webhook).pending, post.known(webhook).dropped) == (100_000, 1)
    other = post.made(events=[])
    post.desk.redis.hset(KEYS.outbox_size, "http", 1_000_000)
    post.desk.submit(job("b", callbacks=[Callback(webhook=other)]))
    post.cancel("b")
    assert (post.known(other).pending, post.known(other).dropped) == (0, 1)


def test_a_job_can_name_only_webhooks_of_its_tenant(post: Post) -> None:
    """An unknown or another's webhook refuses the job or the batch; a tenant names no task."""
    own, others, operators = post.made("acme"), post.made("other"), post.made()
    for name, tenant, webhook, verdict in (
        ("a", "acme", own, Admitted.ACCEPTED),
        ("b", "acme", others, Admitted.NO_WEBHOOK),
        ("c", "acme", operators, Admitted.NO_WEBHOOK),
        ("d", None, operators, Admitted.ACCEPTED),
        ("e", None, "wh_unknown", Admitted.NO_WEBHOOK),
    ):
        (found,) = post.desk.submit(job(name, tenant=tenant, callbacks=[Callback(webhook=webhook)]))
        assert found.verdict is verdict, name
    acme = post.desk.batches.of(Ownership(post.desk.store, "acme"))
    for callback in ({"webhook": others}, {"webhook": "wh_unknown"}, {"task": "t"}):
        options = BatchOptions.model_validate({"callbacks": [callback]})
        with pytest.raises(InvalidRequest, match="callbacks"):
            post.desk.run(acme.open(options))
    with pytest.raises(InvalidRequest, match="callbacks"):
        post.desk.submit(job("f", tenant="acme", callbacks=[Callback(task="t")]))


def test_another_tenants_webhook_does_not_exist(post: Post) -> None:
    """Every call that names a webhook says the same of another's as of none."""
    webhook, strange = post.made("acme"), post.webhooks.for_tenant("other")
    calls = (
        *(strange.get, strange.remove, strange.rotate, strange.enable, strange.log),
        lambda each: strange.replay(each, since=0.0),
    )
    for call in calls:
        with pytest.raises(WebhookNotFound):
            post.desk.run(call(webhook))
    assert post.desk.run(strange.list()) == ()
    assert [each.id for each in post.desk.run(post.webhooks.list())] == [webhook]
    post.desk.run(post.webhooks.for_tenant("acme").remove(webhook))
    assert post.desk.run(post.webhooks.list()) == ()


def test_two_secrets_count_while_one_is_replaced(post: Post) -> None:
    """After a rotation both sign until the overlap is over; no secret can be read."""
    made = post.desk.run(post.webhooks.create(URL, events=[]))
    rotated = post.desk.run(post.webhooks.rotate(made.id))
    assert rotated.secret != made.secret
    assert made.secret not in post.known(made.id).encode().decode()
    post.desk.submit(job("a", callbacks=[Callback(webhook=made.id)]))
    post.cancel("a")
    (delivery,) = post.taken()
    assert delivery.secrets == (rotated.secret, made.secret)
    assert made.secret not in repr(delivery)
    post.desk.run(post.webhooks.rotate(made.id, overlap_seconds=0.0))
    post.make_due()
    (delivery,) = post.taken()
    assert len(delivery.secrets) == 1
    assert delivery.secrets != (rotated.secret,)


def test_two_rotations_at_the_same_time_both_count(post: Post) -> None:
    """Each caller was given a secret, and both sign. A removed webhook is not made again."""
    made = post.desk.run(post.webhooks.create(URL, events=[]))

    async def rotated() -> set[str]:
        found = await asyncio.gather(*(post.webhooks.rotate(made.id) for _ in range(2)))
        return {each.secret for each in found}

    secrets = post.desk.run(rotated())
    post.desk.submit(job("a", callbacks=[Callback(webhook=made.id)]))
    post.cancel("a")
    (delivery,) = post.taken()
    assert set(delivery.secrets) == secrets
    post.desk.run(post.webhooks.remove(made.id))
    assert not post.desk.run(post.desk.store.run(ROTATE(made.id, "whsec_x", 1)))
    assert not post.desk.run(post.desk.store.run(ENABLE(made.id)))
    assert not post.desk.redis.exists(KEYS.webhook(made.id))
    # What it was not told yet goes with it.
    assert post.done(delivery, FAILED)[1] is None
    post.make_due()
    assert post.taken() == []
    assert not post.desk.redis.zcard(KEYS.outbox("http"))


def test_a_full_redis_takes_the_note_of_a_call(own_redis: RedisServer) -> None:
    """Without memory for anything else, calls that were made are noted, and others follow."""
    with LedgerDesk(own_redis.url) as desk:
        post = Post(desk)
        webhook = post.made(events=[])
        names = ("a", "b", "c")
        desk.submit(*(job(each, callbacks=[Callback(webhook=webhook)]) for each in names))
        post.cancel(*names)
        (first,) = post.taken(most=1)
        desk.redis.config_set("maxmemory", 1)
        with pytest.raises(LedgerUnavailable):
            desk.submit(job("d"))
        post.done(first, DELIVERED)
        (second,) = post.taken(most=1)
        post.done(second, FAILED)
        desk.redis.config_set("maxmemory", 0)
        assert post.known(webhook).pending == 2
        outcomes = [each.outcome for each in desk.run(post.webhooks.log(webhook))]
        assert outcomes == [TryOutcome.FAILED, TryOutcome.DELIVERED]


def test_rests_of_a_webhook_that_fails_grow(post: Post) -> None:
    """From a second to a minute, or as long as the receiver asks for; a success ends them."""
    webhook = post.made(events=[])
    names = [f"j{each}" for each in range(12)]
    post.desk.submit(*(job(each, callbacks=[Callback(webhook=webhook)]) for each in names))
    post.cancel(*names)
    deliveries = post.taken()

    def rest_after(verdict: Verdict) -> float | None:
        post.done(deliveries.pop(), verdict)
        until: Any = post.desk.redis.hget(KEYS.webhook(webhook), "rests_until")
        return (int(until) - post.desk.now_ms()) / 1000 if until else None

    rests = [rest_after(FAILED) or 0 for _ in range(8)]
    assert rests == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60], abs=1)
    assert rest_after(DELIVERED) is None
    assert rest_after(FAILED) == pytest.approx(1, abs=1)
    assert rest_after(Verdict(TryOutcome.FAILED, retry_after=30.0)) == pytest.approx(30, abs=1)
    assert rest_after(Verdict(TryOutcome.FAILED, retry_after=1e12)) == pytest.approx(60, abs=1)


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.com", "ftp://example.com", "https://", "https://a:b@example.com/"),
        *("https://example.com/#part", "https://exämple.com/", "https://example.com:99999/"),
        "https://example.com/" + "x" * 2048,
    ],
)
def test_what_is_no_url_is_refused(post: Post, url: str) -> None:
    """A webhook needs a whole URL of HTTP, without credentials."""
    with pytest.raises(InvalidRequest, match="url"):
        post.desk.run(post.webhooks.create(url))


def test_a_damaged_delivery_holds_up_no_other(post: Post) -> None:
    """What cannot be read, or is past its retention, is taken by nobody."""
    webhook = post.made(events=[])
    names = ("a", "b", "c")
    post.desk.submit(*(job(each, callbacks=[Callback(webhook=webhook)]) for each in names))
    post.cancel(*names)
    post.desk.redis.delete(KEYS.delivery("evt_job_a", webhook))
    post.desk.redis.set(KEYS.delivery("evt_job_b", webhook), orjson.dumps("damaged"))
    assert [each.id for each in post.taken()] == ["c"]
