"""Parts that pages share: tables, badges, figures, bars, charts, forms and their buttons."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rerankq_gateway.console.markup import Html, Node, joined, tag
from rerankq_gateway.console.words import NONE, count

GOOD: Final = frozenset({"succeeded", "completed", "usable", "ok", "delivered", "serving"})
BAD: Final = frozenset(
    {"failed", "broken", "parked", "abandoned", "expired", "disabled", "cut off", "silent"}
)
BUSY: Final = frozenset({"running", "open", "cancelling"})
_WIDE: Final = 600
_HIGH: Final = 120


def badge(state: str) -> Html:
    """A state, with a colour that says the same."""
    kinds = {"good": GOOD, "bad": BAD, "busy": BUSY}
    kind = next((each for each, states in kinds.items() if state in states), "idle")
    return tag("span", state, class_=f"badge {kind}")


def table(
    caption: str, heads: Sequence[str], rows: Iterable[Sequence[Node]], *, empty: str
) -> Html:
    """A table that scrolls by itself on a narrow screen; a sentence when it has no rows."""
    lines = [
        tag(
            "tr",
            tag("th", first, scope="row"),
            *(tag("td", each, data_head=head) for head, each in zip(heads[1:], rest, strict=True)),
        )
        for first, *rest in rows
    ]
    if not lines:
        return tag("p", empty, class_="empty")
    head = tag("tr", *(tag("th", each, scope="col") for each in heads))
    found = tag(
        "table",
        tag("caption", caption, class_="unseen"),
        tag("thead", head),
        tag("tbody", *lines),
    )
    # A region that scrolls must be reached by the keyboard.
    return tag("div", found, class_="scroll", role="region", aria_label=caption, tabindex="0")


def facts(told: Mapping[str, Node]) -> Html:
    """Names and values; what is empty is left out."""
    rows = [
        joined(tag("dt", name), tag("dd", value))
        for name, value in told.items()
        if value not in (None, "", NONE)
    ]
    return tag("dl", *rows, class_="facts")


def figures(told: Mapping[str, Node]) -> Html:
    """A few large numbers."""
    return tag(
        "dl",
        *(tag("div", tag("dt", name), tag("dd", value)) for name, value in told.items()),
        class_="figures",
    )


def section(title: str, *nodes: Node, live: str | None = None) -> Html:
    """A part of a page with its title; with `live`, a name, it is brought up to date by itself."""
    name = (live or title).lower().replace(" ", "-")
    return tag(
        "section",
        tag("h2", title, id=f"{name}-title"),
        *nodes,
        id=name,
        aria_labelledby=f"{name}-title",
        data_live=live is not None,
    )


def shares(told: Mapping[str, int]) -> Html:
    """A bar with a share for each state, and its legend."""
    total, at, bars = sum(told.values()) or 1, 0.0, []
    for name, number in told.items():
        width = _WIDE * number / total
        if number:
            bars.append(
                tag("rect", x=round(at, 2), y=0, width=round(width, 2), height=10, class_=name)
            )
        at += width
    legend = [
        tag("li", f"{name} ", tag("b", count(number)), class_=f"key {name}")
        for name, number in told.items()
        if number
    ]
    drawn = tag(
        "svg",
        *bars,
        viewBox=f"0 0 {_WIDE} 10",
        preserveAspectRatio="none",
        class_="shares",
        aria_hidden="true",
    )
    return joined(drawn, tag("ul", *legend, class_="legend"))


def chart(title: str, lines: Mapping[str, Sequence[float]], said: str) -> Html:
    """Lines over time, each with as many points; `said` tells readers of screens the newest."""
    most = max((value for each in lines.values() for value in each), default=0.0) or 1.0
    drawn = [
        tag("polyline", points=_points(each, most), class_=f"line line-{number}")
        for number, each in enumerate(lines.values())
    ]
    picture = tag(
        "svg",
        *drawn,
        viewBox=f"0 0 {_WIDE} {_HIGH}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"{title}: {said}",
    )
    keys = [tag("li", name, class_=f"key key-{number}") for number, name in enumerate(lines)]
    head = tag("figcaption", tag("b", title), " ", said)
    return tag("figure", head, picture, tag("ul", *keys, class_="legend"), class_="chart")


def _points(values: Sequence[float], most: float) -> str:
    step = _WIDE / max(1, len(values) - 1)
    return " ".join(
        f"{number * step:.1f},{_HIGH - 4 - value / most * (_HIGH - 8):.1f}"
        for number, value in enumerate(values)
    )


def field(label: str, name: str, value: str = "", **attributes: str | int | bool) -> Html:
    """A field of a form with its label."""
    shown = tag("input", id=f"f-{name}", name=name, value=value, **attributes)
    return tag("div", tag("label", label, for_=f"f-{name}"), shown, class_="field")


def choice(label: str, name: str, options: Mapping[str, str], chosen: str) -> Html:
    """A choice of one of several values, each with its words."""
    told = [
        tag("option", words, value=value, selected=value == chosen)
        for value, words in options.items()
    ]
    select = tag("select", *told, id=f"f-{name}", name=name)
    return tag("div", tag("label", label, for_=f"f-{name}"), select, class_="field")


def hidden(**values: str) -> Html:
    """Fields that are not shown."""
    return joined(*(tag("input", type="hidden", name=n, value=v) for n, v in values.items()))


def problem(message: str) -> Html:
    """What went wrong; readers of screens hear it at once."""
    return tag("p", message, class_="problem", role="alert")
