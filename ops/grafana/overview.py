"""Lanes, jobs and workers at a glance."""

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.panels import THIRD, Query, Row, board, graph, number

BATCHES: Final = "rerankq_batches_ended_total"
TOKENS: Final = "rerankq_job_estimated_tokens_total"


def overview() -> Dashboard:
    """What runs, what waits, and whether somebody has to look."""
    return board(
        "overview",
        "overview",
        "Lanes, jobs and workers of all processes together.",
        Row(
            "Now",
            [
                number(
                    *("Queued", "Jobs that a worker could begin now."),
                    Query('lane_state:rerankq_ledger_jobs:max{state="queued"}', "{{lane}}"),
                ),
                number(
                    *("Oldest", "Age of the job at the head of the lane."),
                    Query("lane:rerankq_oldest_queued_job_age_seconds:max", "{{lane}}"),
                    unit="s",
                ),
                number(
                    *("Workers", "Heard of within the last 10 s."),
                    Query("lane:rerankq_workers:max", "{{lane}}"),
                    red_below=1,
                ),
                number(
                    *("Usable accounts", "Accounts in use that give permits for calls."),
                    Query("sum(max by (account) (rerankq_account_usable))", "accounts"),
                    red_below=1,
                ),
                number(
                    *("Dead letters", "Failed jobs that are kept."),
                    Query("rerankq:dead_letters:max", "dead letters"),
                ),
                number(
                    *("Alerts", "Alerts of rerankq that fire."),
                    Query(
                        'sum(ALERTS{alertname=~"Rerankq.*", alertstate="firing"}) or vector(0)',
                        "firing",
                    ),
                    red_from=1,
                ),
            ],
        ),
        Row(
            "Lanes",
            [
                graph(
                    "Jobs that have not ended",
                    "By state: scheduled jobs wait for a retry or their time, held ones for a "
                    "paused batch.",
                    Query("lane_state:rerankq_ledger_jobs:max > 0", "{{lane}} {{state}}"),
                    stacked=True,
                ),
                graph(
                    *("Age of the oldest queued job", "How far a lane is behind."),
                    Query("lane:rerankq_oldest_queued_job_age_seconds:max", "{{lane}}"),
                    unit="s",
                ),
                graph(
                    *("Jobs that ended", "A second, by state."),
                    Query("lane_state:rerankq_jobs_ended:rate5m", "{{lane}} {{state}}"),
                    unit="ops",
                ),
                graph(
                    "Workers",
                    "How many there are, and how many the backlog and the limit ask for.",
                    Query("lane:rerankq_workers:max", "{{lane}}"),
                    Query("lane:rerankq_desired_workers:max", "{{lane}} desired"),
                ),
            ],
        ),
        Row(
            "Times",
            [
                graph(
                    *("Wait", "From when a job could first run to the call that ranked it."),
                    Query("lane:rerankq_job_wait_seconds:p50_5m", "{{lane}} p50"),
                    Query("lane:rerankq_job_wait_seconds:p95_5m", "{{lane}} p95"),
                    unit="s",
                ),
                graph(
                    *("Run", "The call that ranked a job."),
                    Query("lane:rerankq_job_run_seconds:p50_5m", "{{lane}} p50"),
                    Query("lane:rerankq_job_run_seconds:p95_5m", "{{lane}} p95"),
                    unit="s",
                ),
            ],
        ),
        Row(
            "Trouble",
            [
                graph(
                    *("Failed jobs", "For good, a second, by reason."),
                    Query(
                        "sum by (lane, reason) "
                        '(rate(rerankq_jobs_ended_total{state=~"failed|expired"}[5m]))',
                        "{{lane}} {{reason}}",
                    ),
                    unit="ops",
                    span=THIRD,
                ),
                graph(
                    *("Retries", "Jobs that were postponed, a second, by reason."),
                    Query("lane_reason:rerankq_jobs_retried:rate5m", "{{lane}} {{reason}}"),
                    unit="ops",
                    span=THIRD,
                ),
                graph(
                    *("Repairs", "What the reconciler repaired, a second."),
                    Query("sum by (kind) (rate(rerankq_reconciler_repairs_total[5m]))", "{{kind}}"),
                    unit="ops",
                    span=THIRD,
                ),
            ],
        ),
        Row(
            "Around jobs",
            [
                graph(
                    *("Batches that ended", "By state, within the last hour."),
                    Query(f"sum by (state) (increase({BATCHES}[1h]))", "{{state}}"),
                    span=THIRD,
                ),
                graph(
                    *("Deliveries", "Webhooks (http), callbacks (celery): waiting; tries an hour."),
                    Query("max by (kind) (rerankq_deliveries_waiting)", "{{kind}} waiting"),
                    Query(
                        "sum by (kind, outcome) (increase(rerankq_deliveries_total[1h]))",
                        "{{kind}} {{outcome}}",
                    ),
                    span=THIRD,
                ),
                graph(
                    *("Tokens", "Of ranked jobs, a second, by rerankq's estimate."),
                    Query(f"sum by (lane) (rate({TOKENS}[5m]))", "{{lane}}"),
                    span=THIRD,
                ),
            ],
        ),
    )
