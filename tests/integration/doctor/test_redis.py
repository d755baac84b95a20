"""What doctor says of a real Redis in bad shape: what is wrong, how bad it is, what to do."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from rerankq.doctor.finding import Level
from rerankq.doctor.redis import (
    clock,
    durability,
    keyspace,
    latency,
    memory,
    persistence,
    replicas,
    rights,
    sentinels,
    server,
)
from running import sentinel
from running.examined import Doctor
from running.redis_server import RedisServer, free_port
from running.waiting import eventually

PAGE = Path(__file__).parents[3] / "docs" / "redis.md"
PASSWORD = "s3cret-of-redis"  # noqa: S105 - what must not be shown


def command(client: Redis, *parts: str) -> object:
    """Send a command."""
    return client.execute_command(*parts)  # type: ignore[no-untyped-call]


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """A client of the shared Redis; what a test configures is undone."""
    with Redis.from_url(redis_url) as client:
        names = ("maxmemory", "maxmemory-policy", "appendonly", "appendfsync", "save")
        before = {name: client.config_get(name)[name] for name in names}
        yield client
        for name, value in before.items():
            client.config_set(name, value)
        command(client, "ACL", "DELUSER", "someone")


def test_a_sound_redis(doctor: Doctor) -> None:
    """Redis as it should be: nothing but notes, and what it is."""
    looks = (server, persistence, memory, rights, replicas, clock, latency, keyspace)
    found = doctor.found(*(each.look for each in looks))
    assert {each.level for each in found.values()} == {Level.OK, Level.NOTE}
    assert {code for code, each in found.items() if each.level is Level.NOTE} == {
        "redis_memory_unlimited"
    }
    assert re.match(r"(Redis|Valkey) \d+\.\d+", found["redis_server"].what)


@pytest.mark.parametrize(
    ("configured", "code", "level"),
    [
        ({"maxmemory-policy": "allkeys-lru"}, "redis_evicts", Level.FAULT),
        ({"maxmemory-policy": "volatile-ttl"}, "redis_evicts", Level.FAULT),
        ({"appendonly": "no", "save": ""}, "redis_keeps_nothing", Level.FAULT),
        ({"appendonly": "no", "save": "3600 1"}, "redis_no_aof", Level.WARNING),
        ({"appendfsync": "no"}, "redis_not_synced", Level.WARNING),
        ({"appendfsync": "everysec"}, "redis_persistence", Level.OK),
        ({"maxmemory": "10gb"}, "redis_memory", Level.OK),
    ],
)
def test_a_redis_that_may_lose_jobs(
    doctor: Doctor, redis: Redis, configured: dict[str, str], code: str, level: Level
) -> None:
    """Eviction and missing persistence are found, each with what to set."""
    for name, value in configured.items():
        redis.config_set(name, value)
    found = doctor.found(persistence.look, memory.look)
    assert found[code].level is level
    assert level is Level.OK or found[code].advice


@pytest.mark.parametrize(
    ("share", "code"), [(0.9, "redis_memory_nearly_full"), (0.99, "redis_memory_full")]
)
def test_a_redis_whose_memory_is_nearly_full(
    doctor: Doctor, redis: Redis, share: float, code: str
) -> None:
    """It is told before new jobs are refused, with figures."""
    redis.setrange("ballast", 30_000_000, "x")
    redis.config_set("maxmemory", int(redis.info("memory")["used_memory"] / share))
    found = doctor.found(memory.look)[code]
    assert re.match(r"\d+ MiB of \d+ MiB used \(\d+%\)", found.what)
    assert "maxmemory" in found.advice


def of_the_page() -> dict[str, str]:
    """The users that docs/redis.md writes down, by their names."""
    blocks = re.findall(
        r"^```text\nuser (\w+) on (.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL
    )
    return {name: " ".join(rules.split()) for name, rules in blocks}


def admit(redis: Redis, doctor: Doctor, redis_url: str, rules: str) -> None:
    """Let doctor use a user with these rules."""
    command(redis, "ACL", "SETUSER", "someone", "reset", "on", *rules.split())
    command(redis, "ACL", "SETUSER", "someone", "resetpass", f">{PASSWORD}")
    doctor.set(REDIS_URL=redis_url.replace("redis://", f"redis://someone:{PASSWORD}@"))


ROLES = {"producer": rights.PRODUCER, "worker": rights.WORKER, "flower": rights.FLOWER}


@pytest.mark.parametrize("name", ROLES)
def test_the_least_rights_of_the_page_are_enough(
    doctor: Doctor, redis: Redis, redis_url: str, name: str
) -> None:
    """A user as docs/redis.md writes it lacks nothing for its part, and the page knows all."""
    rules, role = of_the_page()[name], ROLES[name]
    admit(redis, doctor, redis_url, rules)
    found = doctor.found(rights.look)
    assert role.name in found["redis_rights"].what
    assert found["redis_rights_of_a_part"].level is Level.NOTE
    assert PASSWORD not in str(found)


@pytest.mark.parametrize(
    ("without", "missing"),
    [
        ("-hvals", "+hvals"),
        ("-script|load", "+script|load"),
        ("-exec -time", "+exec, +time"),
        ("-zadd", "+zadd"),
        ("resetkeys ~rerankq*", "~celery-task-meta-doctor"),
        ("resetchannels", "&celery-task-meta-doctor"),
    ],
)
def test_a_missing_right_is_named(
    doctor: Doctor, redis: Redis, redis_url: str, without: str, missing: str
) -> None:
    """Commands, keys and channels that are forbidden are found; nothing is carried out."""
    admit(redis, doctor, redis_url, f"{of_the_page()['producer']} {without}")
    before = redis.keys("*")
    found = doctor.found(rights.look)["redis_rights_missing"]
    assert found.what.endswith(f": {missing}")
    assert redis.keys("*") == before


def test_a_user_who_may_ask_little(doctor: Doctor, redis: Redis, redis_url: str) -> None:
    """What this user may not ask is not checked, and the others are."""
    admit(redis, doctor, redis_url, of_the_page()["producer"])
    found = doctor.found(server.look, persistence.look, keyspace.look, clock.look)
    assert {"redis_usable", "clock_agrees", "not_checked"} <= found.keys()
    notes = [each for each in found.values() if each.code == "not_checked"]
    assert all(each.level is Level.NOTE for each in notes)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://127.0.0.1:{free}/0", "cannot be reached"),
        ("redis://nobody:wrong@127.0.0.1:{port}/0", "refuses user or password"),
        ("redis://nowhere.invalid:6379/0", "a host name that"),
        ("rediss://127.0.0.1:{port}/0", "does not answer in time"),
        ("redis://127.0.0.1:{port}/99", "no database of that number"),
    ],
)
def test_a_redis_that_cannot_be_used(doctor: Doctor, redis_url: str, url: str, said: str) -> None:
    """One fault with what to do; the other checks say in one word that they were not made."""
    port = redis_url.rpartition(":")[2].partition("/")[0]
    doctor.set(REDIS_URL=url.format(free=free_port(), port=port))
    found = doctor.found(server.look, memory.look, rights.look)
    assert said in found["redis_unusable"].what
    assert found["redis_unusable"].advice
    assert found["not_checked"].what == "Redis cannot be used"


def test_a_replica_takes_no_jobs(tmp_path: Path, doctor: Doctor, own_redis: RedisServer) -> None:
    """The primary names its replicas; the address of a replica is a fault."""
    folder = tmp_path / "replica"
    folder.mkdir()
    options = ("--replicaof", "127.0.0.1", str(own_redis.port))
    with RedisServer(folder, options=options) as second, second.client() as client:
        eventually(lambda: client.info("replication")["master_link_status"] == "up", "it follows")
        doctor.set(REDIS_URL=own_redis.url)

        def online() -> bool:
            told = doctor.found(replicas.look).get("redis_replicas")
            return told is not None and told.what == "1 online, none is behind"

        eventually(online, "the primary knows it")
        doctor.set(REDIS_URL=second.url)
        found = doctor.found(server.look, replicas.look)
        assert "is a read-only replica" in found["redis_unusable"].what
        assert "primary" in found["redis_unusable"].advice
        assert "redis_is_replica" in found


def test_durability_that_cannot_be_given_is_a_fault(doctor: Doctor, own_redis: RedisServer) -> None:
    """What submits wait for is tried: a missing replica is a fault, and so is a missing sync."""
    doctor.set(REDIS_URL=f"{own_redis.url}?socket_timeout=1", DURABILITY="replica")
    found = doctor.found(durability.look)["redis_durability_missing"]
    assert "0 of 1 replicas had it" in found.what
    assert found.level is Level.FAULT
    with own_redis.client() as admin:
        admin.config_set("appendfsync", "always")
        doctor.set(DURABILITY="disk")
        assert doctor.found(durability.look)["redis_durability"].level is Level.OK
        admin.execute_command("ACL", "SETUSER", "default", "-wait")
        doctor.set(DURABILITY="replica")
        assert "+wait" in doctor.found(rights.look)["redis_rights_of_a_part"].what
        admin.execute_command("ACL", "SETUSER", "default", "+@all")


def test_sentinels_that_cannot_help_are_found(
    tmp_path: Path, doctor: Doctor, own_redis: RedisServer
) -> None:
    """A silent Sentinel, one that names another primary, and a missing replica are warned of."""
    with sentinel.sentinels(tmp_path, own_redis, replicas=0) as group:
        doctor.set(REDIS_URL=group.url)
        found = doctor.found(sentinels.look, replicas.look)
        assert found["redis_sentinels"].what.endswith(f"the primary is 127.0.0.1:{own_redis.port}")
        assert found["redis_no_replica"].level is Level.WARNING
        silent = f"127.0.0.1:{free_port()}"
        (tmp_path / "cut-off").mkdir()
        with sentinel.sentinel(tmp_path / "cut-off", free_port()) as cut_off:
            more = f",127.0.0.1:{cut_off},{silent}/{sentinel.SERVICE}/"
            doctor.set(REDIS_URL=group.url.replace(f"/{sentinel.SERVICE}/", more))
            found = doctor.found(sentinels.look)
    assert f"127.0.0.1:{own_redis.port}" in found["redis_sentinels_disagree"].what
    assert f"at {silent} does not answer" in found["redis_sentinel_of_no_use"].what
    assert "redis_sentinels" not in found


def test_a_cluster_is_refused(tmp_path: Path, doctor: Doctor) -> None:
    """Also a node that has all slots."""
    options = (
        *("--cluster-enabled", "yes", "--cluster-config-file", str(tmp_path / "nodes.conf")),
        # By default 10,000 above the server's port, which may be above all ports.
        *("--cluster-port", str(free_port())),
    )
    with RedisServer(tmp_path, options=options) as node, node.client() as client:
        command(client, "CLUSTER", "ADDSLOTSRANGE", "0", "16383")
        eventually(lambda: "state:ok" in str(command(client, "CLUSTER", "INFO")), "it is up")
        doctor.set(REDIS_URL=node.url)
        found = doctor.found(server.look)
        assert any("Redis Cluster" in each.what for each in found.values())
        assert {each.level for each in found.values()} >= {Level.FAULT}


def test_neighbours_in_the_database(doctor: Doctor, redis: Redis) -> None:
    """Keys of other environments, other Celery applications and other programs are told apart."""
    for name in ("rerankq:job:1", "celery-task-meta-1", "rerankq.bulk"):
        redis.set(name, "x")
    for name in ("prod:rerankq:job:1", "_kombu.binding.celery", "sessions:1", "sessions:2"):
        redis.set(name, "x")
    redis.set("rerankq:bulk:queued:put-aside", "x")
    found = doctor.found(keyspace.look)
    assert found["redis_keys"].what == "4 keys of this environment, 4 others"
    assert {"redis_other_environment", "redis_other_celery", "redis_shared"} <= found.keys()
    assert "2 keys of other programs" in found["redis_shared"].what
    assert "rerankq:bulk:queued:put-aside" in found["keys_put_aside"].what
    doctor.set(NAMESPACE="prod")
    assert doctor.found(keyspace.look)["redis_keys"].what.startswith("1 key of this environment")
