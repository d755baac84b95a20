"""Parts that pages share: tables, badges, figures, bars, forms and their buttons."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from rerankq_gateway.console.markup import Html, Node, joined, tag
from rerankq_gateway.console.words import NONE, count

GOOD: Final = frozenset({"succeeded", "completed", "usable", "ok", "delivered", "serving"})
BAD: Final = frozenset(
    {"failed", "broken", "parked", "abandoned", "expired", "disabled", "cut off", "silent"}
)
BUSY: Final = frozenset({"running", "open"})
WARM: Final = frozenset(
    {"paused", "held", "scheduled", "throttled", "half_open", "cancelling", "no worker"}
)
_WIDE: Final = 600


def badge(state: str, kind: str = "") -> Html:
    """A state, with a colour that says the same."""
    kinds = {"good": GOOD, "bad": BAD, "busy": BUSY, "warm": WARM}
    kind = kind or next((each for each, states in kinds.items() if state in states), "idle")
    return tag("span", state.replace("_", " "), class_=f"badge {kind}")


def waits(code: str, message: str) -> Html:
    """Why something waits: its code, and a sentence."""
    return tag("li", badge(code.replace("_", " "), "warm"), " ", prose(message))


def prose(message: str) -> Html:
    """A sentence; what stands in it between backticks is a command or a setting."""
    parts = enumerate(message.split("`"))
    return joined(*(tag("code", each) if at % 2 else each for at, each in parts))


def table(
    caption: str,
    heads: Sequence[str],
    rows: Iterable[Sequence[Node]],
    *,
    empty: str,
    numbers: Collection[str] = (),
) -> Html:
    """A table that scrolls by itself on a narrow screen; a sentence when it has no rows.

    Args:
        caption: for readers of screens.
        heads: of its columns.
        rows: their cells; the first names the row.
        empty: the sentence.
        numbers: heads of the columns that are compared by size, and stand at the right.
    """
    kinds = ["number" if each in numbers else "" for each in heads]

    def cell(head: str, kind: str, said: Node) -> Html:
        none = "none" if said == NONE else ""
        return tag("td", said, data_head=head, class_=f"{kind} {none}".strip() or None)

    lines = [
        tag(
            "tr",
            tag("th", first, scope="row"),
            *(cell(*each) for each in zip(heads[1:], kinds[1:], rest, strict=True)),
        )
        for first, *rest in rows
    ]
    if not lines:
        return tag("p", empty, class_="empty")
    named = zip(heads, kinds, strict=True)
    head = tag("tr", *(tag("th", each, scope="col", class_=kind or None) for each, kind in named))
    found = tag(
        "table",
        tag("caption", caption, class_="unseen"),
        tag("thead", head),
        tag("tbody", *lines),
    )
    # A region that scrolls must be reached by the keyboard.
    return tag("div", found, class_="scroll", role="region", aria_label=caption, tabindex="0")


def facts(told: Mapping[str, Node], *, wide: Collection[str] = ()) -> Html:
    """Names and values; what is empty is left out. The `wide` ones are sentences."""
    rows = [
        tag("div", tag("dt", name), tag("dd", value), class_="wide" if name in wide else None)
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


def section(title: str, *nodes: Node, live: str | None = None, alone: bool = False) -> Html:
    """A part of a page with its title.

    Args:
        title: its title.
        *nodes: what it shows.
        live: a name, with which it is brought up to date by itself.
        alone: it is all of its page, whose heading says the same: the title is not seen.
    """
    name = (live or title).lower().replace(" ", "-")
    return tag(
        "section",
        tag("h2", title, id=f"{name}-title", class_="unseen" if alone else None),
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
    drawn = tag(
        "svg",
        *bars,
        viewBox=f"0 0 {_WIDE} 10",
        preserveAspectRatio="none",
        class_="shares",
        aria_hidden="true",
    )
    numbers = {name: count(number) for name, number in told.items() if number}
    keys = legend({name: name for name in numbers}, numbers)
    return joined(drawn, keys)


def legend(kinds: Mapping[str, str], numbers: Mapping[str, str] | None = None) -> Html:
    """What colours mean, by the class of each; with its number, if there is one."""
    keys = [
        tag("li", name, " ", tag("b", numbers[name]) if numbers else None, class_=f"key {kind}")
        for name, kind in kinds.items()
    ]
    return tag("ul", *keys, class_="legend")


def share(done: int, total: int) -> Html:
    """How much of it is done, as a bar and in words."""
    part = 100 * done // total if total else 0
    bar = tag("progress", value=done, max=total or 1, aria_label=f"{done} of {total} ended")
    return tag("span", bar, " ", tag("span", f"{part} %", class_="quiet"), class_="share")


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
