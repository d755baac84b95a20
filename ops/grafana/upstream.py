"""Accounts, calls, limits and breakers."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.panels import THIRD, Query, Row, board, graph, number


def upstream() -> Dashboard:
    """How the upstream answers, and how much of its limit is used."""
    return board(
        "upstream",
        "upstream",
        "Calls to the rerank endpoint, by account.",
        Row(
            "Now",
            [
                number(
                    *("Usable", "1 if the account gives permits for calls."),
                    Query("max by (account) (rerankq_account_usable)", "{{account}}"),
                    red_below=1,
                    span=THIRD,
                ),
                number(
                    *("Calls a second allowed", "At present, by all workers together."),
                    Query("max by (account) (rerankq_account_calls_per_second)", "{{account}}"),
                    unit="reqps",
                    span=THIRD,
                ),
                number(
                    *("Open breakers", "Accounts, keys and models that are out of use."),
                    Query("count(max by (kind, name) (rerankq_breaker_open)) or vector(0)", "open"),
                    red_from=1,
                    span=THIRD,
                ),
            ],
        ),
        Row(
            "Calls",
            [
                graph(
                    *("Calls", "A second, by the class of their HTTP status."),
                    Query(
                        "account_status_class:rerankq_upstream_calls:rate5m",
                        "{{account}} {{status_class}}",
                    ),
                    unit="reqps",
                ),
                graph(
                    *("Time of a call", "Of calls that brought a ranking."),
                    Query("account:rerankq_upstream_call_seconds:p50_5m", "{{account}} p50"),
                    Query("account:rerankq_upstream_call_seconds:p99_5m", "{{account}} p99"),
                    unit="s",
                ),
                graph(
                    *("Calls without a ranking", "A second, by reason."),
                    Query(
                        "sum by (account, reason) (rate(rerankq_upstream_failures_total[5m]))",
                        "{{account}} {{reason}}",
                    ),
                    unit="reqps",
                ),
                graph(
                    *("Tokens", "A second, as the upstream counts them, by model."),
                    Query(
                        "sum by (site, model) (rate(rerankq_upstream_tokens_total[5m]))",
                        "{{site}} {{model}}",
                    ),
                ),
            ],
        ),
        Row(
            "Limits",
            [
                graph(
                    *("Rate", "Calls made, and calls allowed at present."),
                    Query(
                        "sum by (account) (account_status_class:rerankq_upstream_calls:rate5m)",
                        "{{account}} made",
                    ),
                    Query("max by (account) (rerankq_account_calls_per_second)", "{{account}}"),
                    unit="reqps",
                ),
                graph(
                    *("Wait for a permit", "A twentieth of the jobs waits for longer."),
                    Query("account:rerankq_permit_wait_seconds:p95_5m", "{{account}} p95"),
                    unit="s",
                ),
                graph(
                    *("Limits", "1 if a limit was set or found; and limits that were found."),
                    Query("max by (account) (rerankq_account_limited)", "{{account}} limited"),
                    Query(
                        "sum by (account) (increase(rerankq_limits_found_total[1h]))",
                        "{{account}} found within the hour",
                    ),
                    span=THIRD,
                ),
                graph(
                    *("Breakers", "Changes within the last hour, by the new state."),
                    Query(
                        "sum by (kind, state) (increase(rerankq_breaker_changes_total[1h]))",
                        "{{kind}} {{state}}",
                    ),
                    span=THIRD,
                ),
                graph(
                    *("Checks of scores", "Of known pairs, within the last hour, by outcome."),
                    Query(
                        "sum by (model, outcome) (increase(rerankq_score_checks_total[1h]))",
                        "{{model}} {{outcome}}",
                    ),
                    span=THIRD,
                ),
                graph(
                    *("Workers cut off", "Workers that alone get no rankings."),
                    Query("sum by (account) (rerankq_worker_isolated)", "{{account}}"),
                    span=THIRD,
                ),
            ],
        ),
    )
