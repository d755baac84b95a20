"""Panels and dashboards as all of rerankq's have them."""

from collections.abc import Sequence
from itertools import count
from typing import Final, NamedTuple

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.common import (
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
)

SOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="${source}")
"""The data source that is chosen at the top of a dashboard."""
WIDE, HALF, THIRD, SMALL = 24, 12, 8, 4
_HEIGHT: Final = 8
_LOW: Final = 4


class Query(NamedTuple):
    """A query, and how its series are named.

    Attributes:
        expression: in PromQL.
        legend: with labels in double braces.
    """

    expression: str
    legend: str


def graph(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "short",
    span: int = HALF,
    stacked: bool = False,
) -> timeseries.Panel:
    """Lines over time.

    Args:
        title: of the panel.
        description: shown on its corner.
        queries: at least one.
        unit: by Grafana's name for it.
        span: width, of 24.
        stacked: whether areas lie upon each other.
    """
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .span(span)
        .height(_HEIGHT)
        .draw_style(GraphDrawStyle.LINE)
        .line_width(1)
        .fill_opacity(20 if stacked else 5)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)  # noqa: FBT003  the library has it so
        )
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
    )
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    for nth, query in enumerate(queries):
        panel = panel.with_target(_target(query, nth))
    return panel


def number(
    title: str,
    description: str,
    query: Query,
    *,
    unit: str = "short",
    red_from: float | None = None,
    red_below: float | None = None,
    span: int = SMALL,
) -> stat.Panel:
    """The last value as a large number.

    Args:
        title: of the panel.
        description: shown on its corner.
        query: may have several series; each is a number.
        unit: by Grafana's name for it.
        red_from: from this value on it is red.
        red_below: below this value it is red.
        span: width, of 24.
    """
    steps = [models.Threshold(value=None, color="green")]
    if red_from is not None:
        steps.append(models.Threshold(value=red_from, color="red"))
    if red_below is not None:
        steps = [
            models.Threshold(value=None, color="red"),
            models.Threshold(value=red_below, color="green"),
        ]
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .span(span)
        .height(_LOW)
        .thresholds(dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps))
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .with_target(_target(query, 0))
    )


Panel = timeseries.Panel | stat.Panel


class Row(NamedTuple):
    """A titled row of panels."""

    title: str
    panels: Sequence[Panel]


def board(name: str, title: str, description: str, *rows: Row) -> models.Dashboard:
    """A dashboard with a choice of the data source, and links to the others.

    Args:
        name: a part of its id and of its file's name.
        title: as Grafana lists it.
        description: what it is for.
        rows: from top to bottom.
    """
    built = (
        dashboard.Dashboard(f"rerankq: {title}")
        .uid(f"rerankq-{name}")
        .description(description)
        .tags(["rerankq"])
        .refresh("30s")
        .time("now-3h", "now")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("source").label("Source").type("prometheus"))
        .link(
            dashboard.DashboardLink("rerankq")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags(["rerankq"])
            .keep_time(True)  # noqa: FBT003  the library has it so
        )
    )
    numbers = count(1)
    for row in rows:
        built = built.with_row(dashboard.Row(row.title).id(next(numbers)))
        for panel in row.panels:
            built = built.with_panel(panel.id(next(numbers)))
    return built.build()


def _target(query: Query, nth: int) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .datasource(SOURCE)
        .expr(query.expression)
        .legend_format(query.legend)
        .ref_id(chr(ord("A") + nth))
    )
