"""Compares the small Redis, which exploration and simulation use, with the real one."""

from collections.abc import Iterator
from random import Random
from typing import Any, TypeVar

import orjson
import pytest
from redis import Redis

from rerankq.accounts.accounts import Accounts, Limits, Report
from rerankq.accounts.breakers import SharedBreakers, Trip
from rerankq.store.script import Argument, Call
from running.exploration.ledger import JOBS, Ledger, answer_of
from running.exploration.moves import moves
from running.exploration.world import World
from running.small_redis.keyspace import Keyspace
from running.small_redis.store import SmallStore, text_of

T = TypeVar("T")

MOVES = 200
CLOCK = "redis.call('TIME')"
READINGS: dict[str, tuple[str, ...]] = {
    "string": ("GET", "{}"),
    "hash": ("HGETALL", "{}"),
    "list": ("LRANGE", "{}", "0", "-1"),
    "set": ("SMEMBERS", "{}"),
    "zset": ("ZRANGE", "{}", "0", "-1"),
}


class Twins(SmallStore):
    """A store that sends everything to the real Redis too, and requires the same answer."""

    def __init__(self, real: Redis) -> None:
        super().__init__(Keyspace(1000 * int(real.time()[0])))
        self.real = real

    async def run(self, call: Call[T]) -> T:
        """Run a script on both; the real one gets the time of the small one."""
        self._let_go()
        answer = await super().run(call)
        text = text_of(call.script)
        assert text.count(CLOCK) == 1
        seconds, ms = divmod(self.keyspace.now_ms, 1000)
        text = text.replace(CLOCK, f"{{{seconds}, {ms * 1000}}}")
        found = call.script.reply.read(self.real.eval(text, 0, *call.arguments))
        assert _plain(found) == _plain(answer)
        return answer

    async def command(self, *parts: Argument) -> Any:
        """Send a command to both."""
        self._let_go()
        answer = await super().command(*parts)
        assert _plain(self._asked(*parts)) == _plain(answer)
        return answer

    def _asked(self, *parts: Argument) -> Any:
        return self.real.execute_command(*parts)  # type: ignore[no-untyped-call]

    def check(self) -> None:
        """Check that both hold the same data."""
        self._let_go()
        assert sorted(self.keyspace.keys()) == sorted(self.real.keys())
        for key in self.keyspace.keys():  # noqa: SIM118  no mapping
            assert self._asked("TYPE", key) == self.keyspace.kind(key).encode()
            command, *rest = READINGS[self.keyspace.kind(key)]
            name = key.decode()
            answer_of(self.command(command, *(part.format(name) for part in rest)))
            if self.keyspace.kind(key) == "zset":
                members = self.real.zrange(key, 0, -1)
                answer_of(self.command("ZMSCORE", name, *members))
            assert (self.real.pttl(key) > 0) == (self.keyspace.end(key) is not None)

    def _let_go(self) -> None:
        """Delete keys in the real Redis that have expired by the clock of the small one."""
        for key in {*self.real.keys()} - {*self.keyspace.keys()}:
            self.real.delete(key)
        for key in {*self.keyspace.keys()} - {*self.real.keys()}:
            value = answer_of(super().command("GET", key.decode()))
            self.real.set(key, value, pxat=self.keyspace.end(key))


@pytest.fixture
def twins(redis_url: str) -> Iterator[Twins]:
    """An empty small Redis, and an empty real one."""
    with Redis.from_url(redis_url) as real:
        yield Twins(real)


@pytest.mark.parametrize("key", [None, "a key"])
def test_scripts_of_a_jobs_life_do_the_same_on_both(twins: Twins, key: str | None) -> None:
    """After any order of calls both Redis have given the same answers and hold the same data."""
    chance = Random(f"{key}")  # noqa: S311  the same in every run
    ledger = Ledger(key, store=twins)
    ledger.open()
    world = World(ledger.data)
    for _ in range(MOVES):
        move = chance.choice([*moves(ledger, world)])
        world = move.carry_out(ledger, world)
    twins.check()
    assert any(ledger.record(job) for job in JOBS)


def test_scripts_of_accounts_do_the_same_on_both(twins: Twins) -> None:
    """For any reports of workers both Redis give the same permits and hold the same data."""
    chance = Random("accounts")  # noqa: S311  the same in every run
    accounts, breakers = Accounts(twins), SharedBreakers(twins)
    for _ in range(MOVES):
        twins.keyspace.set_clock(twins.keyspace.now_ms + chance.randrange(2000))
        limits = Limits(rpm=chance.choice([None, 600]), concurrency=chance.choice([None, 10]))
        want, slots, in_flight = (chance.randrange(5) for _ in range(3))
        lane = chance.choice(["bulk", "interactive"])
        report = Report(lane, want=want, want_slots=slots, in_flight=in_flight)
        answer_of(accounts.exchange("account", chance.choice("ab"), limits, report))
        if chance.random() < 0.1:
            answer_of(breakers.trip("account key", Trip("a_code", "a reason")))
            answer_of(breakers.probe("account key"))
    twins.check()


def _plain(answer: Any) -> Any:
    """An answer without the order of fields in JSON, which has no meaning."""
    match answer:
        case bytes() if answer.startswith((b"{", b"[")):
            return _plain(orjson.loads(answer))
        case str() if answer.startswith("{"):
            return _plain(orjson.loads(answer))
        case list() | tuple():
            return [_plain(each) for each in answer]
        case dict():
            return {name: _plain(value) for name, value in answer.items()}
        case _:
            return answer
