"""Memory and persistence of Redis."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.panels import SMALL, THIRD, Query, Row, board, graph, number


def redis() -> Dashboard:
    """Whether Redis keeps what was accepted, and has room."""
    return board(
        "redis",
        "Redis",
        "The Redis that holds jobs, messages and results.",
        Row(
            "Now",
            [
                number(
                    *("Append-only file", "1 if Redis has one."),
                    Query("max(rerankq_redis_aof_enabled)", "enabled"),
                    red_below=1,
                ),
                number(
                    *("Its last write", "1 if it succeeded."),
                    Query("min(rerankq_redis_aof_write_ok)", "ok"),
                    red_below=1,
                ),
                number(
                    *("Last snapshot", "1 if it succeeded."),
                    Query("min(rerankq_redis_save_ok)", "ok"),
                    red_below=1,
                ),
                number(
                    *("Age of that snapshot", "Without snapshots: since the start of Redis."),
                    Query("time() - max(rerankq_redis_last_save_timestamp_seconds)", "age"),
                    unit="s",
                ),
                number(
                    *("Drops keys when full", "1 if it does: it must not."),
                    Query("max(rerankq_redis_evicts)", "evicts"),
                    red_from=1,
                ),
                number(
                    *("Processes without Redis", "Workers and gateways that it does not answer."),
                    Query("count(rerankq_ledger_up == 0) or vector(0)", "processes"),
                    red_from=1,
                    span=SMALL,
                ),
            ],
        ),
        Row(
            "Load",
            [
                graph(
                    *("Memory", "Used, and at most; at its limit Redis refuses jobs."),
                    Query("max(rerankq_redis_memory_used_bytes)", "used"),
                    Query("max(rerankq_redis_memory_max_bytes) > 0", "at most"),
                    unit="bytes",
                    span=THIRD,
                ),
                graph(
                    *("Commands", "A second."),
                    Query("max(rate(rerankq_redis_commands_total[5m]))", "commands"),
                    unit="ops",
                    span=THIRD,
                ),
                graph(
                    *("Connections", "Of clients, and of replicas."),
                    Query("max(rerankq_redis_connected_clients)", "clients"),
                    Query("max(rerankq_redis_connected_replicas)", "replicas"),
                    span=THIRD,
                ),
            ],
        ),
    )
