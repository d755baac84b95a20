"""Primary and replica change roles while connections stay open: writes on old ones are refused."""

import time

from redis import Redis

from chaos.load import Load
from chaos.row import Arena, Report, Row, report_on
from running.redis_server import RedisServer
from running.waiting import eventually

BACK_SECONDS = 15.0


def _swapped(arena: Arena) -> Report:
    folder = arena.folder / "replica"
    folder.mkdir()
    with arena.proxied_stage() as (stage, proxies), RedisServer(folder) as replica:
        _follow(replica, stage.redis)
        stage.start()
        # The producer connects without a proxy, so it must be done before the roles change.
        assert stage.producer.finish(stage.load.patience), stage.producer.refusals
        stage.called(stage.load.jobs // 3)
        for proxy in proxies:
            proxy.lead_to(replica.port)
        with stage.redis.client() as client:
            client.execute_command("FAILOVER")
            eventually(lambda: _role(client) == "slave", "the primary is a replica")
        over = time.time()
        # The judge reads the old primary, which replicates the new one.
        aftermath = stage.settle()
        report = report_on(aftermath)
    report.demand(report.repeats == 0, f"D = 0: {report.repeats}")
    ends = [record.finished or 0.0 for record in aftermath.records.values()]
    back = min((end for end in ends if end > over), default=float("inf")) - over
    report.figures["back after s"] = back
    report.demand(back <= BACK_SECONDS, f"back within {BACK_SECONDS:g} s: {back:.1f} s")
    return report


def _follow(replica: RedisServer, primary: RedisServer) -> None:
    with replica.client() as client:
        client.replicaof("127.0.0.1", primary.port)
        eventually(
            lambda: client.info("replication")["master_link_status"] == "up",
            "the replica follows",
        )


def _role(client: Redis) -> str:
    return str(client.info("replication")["role"])


SWAPPED = Row(
    name="redis-swap",
    fault="primary and replica change roles (FAILOVER), with all connections left open",
    demand="D = 0; back within 15 s",
    play=_swapped,
    short=Load(jobs=300, workers=1, ahead=300),
    long=Load(rounds=5, jobs=3_000, ahead=3_000),
)
