"""Requests of gateways."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.panels import THIRD, Query, Row, board, graph, number


def gateway() -> Dashboard:
    """What callers see."""
    return board(
        "gateway",
        "gateway",
        "Requests over HTTP, of all gateways together.",
        Row(
            "Now",
            [
                number(
                    *("Requests a second", "All routes."),
                    Query("sum(route_status:rerankq_gateway_requests:rate5m)", "requests"),
                    unit="reqps",
                    span=THIRD,
                ),
                number(
                    *("Errors of its own", "Answers of 5xx, of all."),
                    Query("rerankq:gateway_errors:ratio5m", "5xx"),
                    unit="percentunit",
                    red_from=0.05,
                    span=THIRD,
                ),
                number(
                    *("Waiting", "Requests that wait for a job now."),
                    Query("sum(rerankq_gateway_waiters)", "requests"),
                    span=THIRD,
                ),
            ],
        ),
        Row(
            "Requests",
            [
                graph(
                    *("Requests", "A second, by route and status."),
                    Query("route_status:rerankq_gateway_requests:rate5m", "{{route}} {{status}}"),
                    unit="reqps",
                ),
                graph(
                    *("Time of a request", "A twentieth takes longer; a rerank call waits for it."),
                    Query("route:rerankq_gateway_request_seconds:p95_5m", "{{route}} p95"),
                    unit="s",
                ),
                graph(
                    *("Waiting requests", "Of those that may wait, by gateway."),
                    Query("rerankq_gateway_waiters / rerankq_gateway_max_waiters", "{{instance}}"),
                    unit="percentunit",
                ),
                graph(
                    *("Jobs accepted", "A second, by lane."),
                    Query("sum by (lane) (rate(rerankq_jobs_accepted_total[5m]))", "{{lane}}"),
                    unit="ops",
                ),
            ],
        ),
        Row(
            "Calls without a ranking, and files",
            [
                graph(
                    *("Refused for now", "A second, by who refused."),
                    Query("sum by (by) (rate(rerankq_gateway_refused_total[5m]))", "{{by}}"),
                    unit="reqps",
                    span=THIRD,
                ),
                graph(
                    *("In the original order", "A second, by why there was no ranking."),
                    Query(
                        "sum by (reason) (rate(rerankq_gateway_degraded_total[5m]))", "{{reason}}"
                    ),
                    unit="reqps",
                    span=THIRD,
                ),
                graph(
                    *("Uploads", "Files, and their bytes, within the last hour."),
                    Query("sum(increase(rerankq_gateway_uploads_total[1h]))", "files"),
                    Query("sum(increase(rerankq_gateway_upload_bytes_total[1h]))", "bytes"),
                    span=THIRD,
                ),
            ],
        ),
    )
