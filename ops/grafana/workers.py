"""Each worker process."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.panels import HALF, THIRD, Query, Row, board, graph

_LAG = "sum by (instance, le) (rate(rerankq_event_loop_lag_seconds_bucket[5m]))"


def workers() -> Dashboard:
    """What each process does, and whether it has what it needs."""
    return board(
        "workers",
        "workers",
        "Worker and gateway processes, one by one.",
        Row(
            "Load",
            [
                graph(
                    *("Jobs held", "Beside the calls that a worker may have in flight."),
                    Query("rerankq_worker_jobs", "{{instance}} {{lane}}"),
                    Query("rerankq_worker_max_calls", "{{instance}} most calls"),
                ),
                graph(
                    *("CPU", "A process uses one core at most."),
                    Query(
                        'rate(process_cpu_seconds_total{job=~"rerankq-.*"}[5m])',
                        "{{job}} {{instance}}",
                    ),
                    unit="percentunit",
                ),
                graph(
                    *(
                        "Event loop",
                        "How late a tenth of the timers is: above 0.25 s calls suffer.",
                    ),
                    Query(f"histogram_quantile(0.9, {_LAG})", "{{instance}} p90"),
                    unit="s",
                ),
                graph(
                    *("Memory", "Resident."),
                    Query(
                        'process_resident_memory_bytes{job=~"rerankq-.*"}', "{{job}} {{instance}}"
                    ),
                    unit="bytes",
                ),
            ],
        ),
        Row(
            "Life",
            [
                graph(
                    *("Starts", "Within the last hour, also those by which it replaces itself."),
                    Query("changes(rerankq_process_start_time_seconds[1h])", "{{instance}}"),
                    span=THIRD,
                ),
                graph(
                    *("Draining", "1 while a worker takes no more jobs."),
                    Query("rerankq_worker_draining", "{{instance}} {{lane}}"),
                    span=THIRD,
                ),
                graph(
                    *("Versions", "How many processes run each version."),
                    Query("count by (version) (rerankq_build_info)", "{{version}}"),
                    span=THIRD,
                ),
            ],
        ),
        Row(
            "Ledger",
            [
                graph(
                    *("Calls to Redis that failed", "A second, by operation; they are made again."),
                    Query(
                        "sum by (operation) (rate(rerankq_ledger_call_failures_total[5m]))",
                        "{{operation}}",
                    ),
                    Query(
                        "sum(rate(rerankq_broker_connections_lost_total[5m]))",
                        "connections for messages",
                    ),
                    unit="ops",
                    span=HALF,
                ),
                graph(
                    *("Jobs given back, stopped and refused", "A second."),
                    Query("sum(rate(rerankq_jobs_released_total[5m]))", "given back"),
                    Query("sum(rate(rerankq_jobs_revoked_total[5m]))", "stopped"),
                    Query("sum(rate(rerankq_outcomes_refused_total[5m]))", "outcomes refused"),
                    Query("sum(rate(rerankq_outcomes_dropped_total[5m]))", "outcomes dropped"),
                    Query("sum(rate(rerankq_messages_put_aside_total[5m]))", "messages put aside"),
                    unit="ops",
                    span=HALF,
                ),
            ],
        ),
    )
