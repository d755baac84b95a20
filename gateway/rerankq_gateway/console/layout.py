"""The frame of every page: landmarks, navigation, and what was just done."""

from typing import Final, NamedTuple

from rerankq.contract import Scope
from rerankq_gateway.console.answers import Page
from rerankq_gateway.console.assets import address
from rerankq_gateway.console.markup import Html, joined, tag
from rerankq_gateway.console.visit import PREFIX, Visit


class _Place(NamedTuple):
    name: str
    path: str
    scope: Scope
    operator: bool = False


_PLACES: Final = (
    _Place("Overview", "", Scope.READ),
    _Place("Jobs", "jobs", Scope.READ),
    _Place("Batches", "batches", Scope.READ),
    _Place("Dead letters", "dead", Scope.READ, operator=True),
    _Place("Upstream", "upstream", Scope.READ, operator=True),
    _Place("Tenants", "tenants", Scope.READ, operator=True),
    _Place("Webhooks", "webhooks", Scope.OPERATE),
    _Place("Audit", "audit", Scope.OPERATE),
    _Place("Playground", "playground", Scope.SUBMIT),
)
DONE: Final = {
    "paused": "Paused.",
    "resumed": "Resumed.",
    "cancelled": "Cancelled.",
    "purged": "Purged.",
    "enabled": "Enabled.",
    "retried": "The failed jobs were submitted again, as a new batch.",
    "signed-out": "Signed out.",
}
"""What a page may be told to say: an address names one of these, and cannot bring other words."""


def first_place(visit: Visit) -> str | None:
    """The first page that a token allows; None when it allows none."""
    return next((each.path for each in _PLACES if _is_open(visit, each)), None)


def _is_open(visit: Visit, place: _Place) -> bool:
    return visit.may(place.scope) and (visit.is_operator or not place.operator)


def document(visit: Visit, page: Page) -> bytes:
    """The whole page."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("title", f"{page.title} · rerankq"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("link", rel="stylesheet", href=address(visit.base, "console.css")),
        tag("link", rel="icon", href=address(visit.base, "icon.svg"), type="image/svg+xml"),
        tag("script", src=address(visit.base, "console.js"), type="module"),
    )
    done = DONE.get(visit.asked("done") or "")
    body = tag(
        "body",
        tag("a", "Skip to the content", href="#content", class_="skip"),
        _header(visit, page),
        tag(
            "main",
            tag("h1", page.title),
            tag("p", done, class_="done", role="status") if done else None,
            page.content,
            id="content",
            tabindex="-1",
        ),
        tag("p", role="status", id="live-state"),
    )
    whole = tag("html", head, body, lang="en", data_theme=visit.theme or None)
    return f"<!doctype html>{whole}".encode()


def _header(visit: Visit, page: Page) -> Html:
    links = [
        tag(
            "li",
            tag(
                "a",
                each.name,
                href=visit.to(*filter(None, [each.path])) if each.path else visit.base,
                aria_current="page" if each.path == page.here else None,
            ),
        )
        for each in _PLACES
        if _is_open(visit, each)
    ]
    navigation = tag("nav", tag("ul", *links), aria_label="Console") if links else None
    return tag(
        "header",
        tag("a", "rerankq", href=visit.base, class_="brand"),
        navigation,
        tag("div", _themes(visit, page), _who(visit), class_="corner"),
    )


def _themes(visit: Visit, page: Page) -> Html:
    following = {"": "dark", "dark": "light", "light": ""}[visit.theme]
    said = {"dark": "Dark", "light": "Light", "": "System"}
    label = f"Colours: {said[visit.theme]}. Switch to {said[following]}"
    button = tag("button", "◐", type="submit", aria_label=label, title=label, class_="quiet")
    return visit.form_to(("theme",), button, theme=following, back=_here(visit, page))


def _here(visit: Visit, page: Page) -> str:
    """Where to come back to: what a form was sent to may be no page."""
    if visit.request.method != "POST":
        return visit.request.path
    return f"{PREFIX}/{page.here}" if any(each.path == page.here for each in _PLACES) else PREFIX


def _who(visit: Visit) -> Html | None:
    if visit.principal is None:
        return None
    who = visit.principal.tenant or "operator"
    if not visit.session:
        return tag("span", who, class_="who", title="This gateway has no tokens")
    out = tag("button", "Sign out", type="submit", class_="quiet")
    return joined(tag("span", who, class_="who"), visit.form_to(("sign-out",), out))
