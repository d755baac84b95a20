"""One look at the console: who looks, at what, and which forms are believed."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from rerankq.client import AsyncRerankClient
from rerankq.contract import Principal, Scope
from rerankq_gateway.asgi import HotRequest
from rerankq_gateway.console.headers import HeaderPairs
from rerankq_gateway.console.markup import Html, Node, joined, tag
from rerankq_gateway.errors import GatewayError
from rerankq_gateway.parts import Parts

PREFIX: Final = "/console"
CSRF: Final = "csrf"
MOST_FIELDS: Final = 200
_FORM_NAME: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_OWN: Final = frozenset({"same-origin", "none"})


@dataclass(slots=True)
class Visit:
    """What a page knows.

    Attributes:
        request: the request.
        parts: of this process.
        base: the path of the console, as browsers see it.
        principal: whom it acts for; None before a person has signed in.
        session: the name of its session; empty without one.
        form_secret: ties forms to this browser.
        theme: `light`, `dark`, or empty for that of the system.
        names: the parts of the path that a route names.
        form: the fields of a form.
        set_cookies: headers to be sent with the answer.
    """

    request: HotRequest
    parts: Parts
    base: str
    principal: Principal | None = None
    session: str = ""
    form_secret: str = ""
    theme: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, Sequence[str]] = field(default_factory=dict)
    set_cookies: HeaderPairs = field(default_factory=list)

    @property
    def client(self) -> AsyncRerankClient:
        """The client that sees only what the visitor may see."""
        return self.parts.client_for(self.who)

    @property
    def who(self) -> Principal:
        """Whom it acts for.

        Raises:
            GatewayError: 401, nobody has signed in.
        """
        if self.principal is None:
            raise GatewayError(401, "signed_out", "sign in with a token first")
        return self.principal

    @property
    def is_operator(self) -> bool:
        """Whether it sees what belongs to the whole service."""
        return self.principal is not None and self.principal.tenant is None

    def may(self, *scopes: Scope) -> bool:
        """Whether its token has one of these scopes."""
        return self.principal is not None and not self.principal.scopes.isdisjoint(scopes)

    def demand(self, *scopes: Scope, operator: bool = False) -> None:
        """Refuse what its token does not allow.

        Raises:
            GatewayError: 403.
        """
        if not self.may(*scopes):
            lack = " or ".join(scopes)
            raise GatewayError(
                403, "missing_scope", f"this token lacks the scope {lack}: sign in with another"
            )
        if operator and not self.is_operator:
            raise GatewayError(403, "operators_only", "this page is for operators, not for tenants")

    @property
    def query(self) -> Mapping[str, Sequence[str]]:
        """The fields of the address."""
        sent: bytes = self.request.scope.get("query_string", b"")
        try:
            return parse_qs(sent.decode("latin-1"), max_num_fields=MOST_FIELDS)
        except ValueError:
            raise GatewayError(400, "invalid_request", "the address has too many fields") from None

    def asked(self, name: str) -> str | None:
        """One field of the address; None when it is not there, or empty."""
        return next((each for each in self.query.get(name, ()) if each.strip()), None)

    def given(self, name: str) -> str:
        """One field of the form; empty when it is not there."""
        return next(iter(self.form.get(name, ())), "")

    def to(self, *path: str, **query: str | None) -> str:
        """The address of a page."""
        place = "/".join([self.base, *(quote(each, safe="") for each in path)])
        fields = {name: value for name, value in query.items() if value is not None}
        return f"{place}?{urlencode(fields)}" if fields else place

    def back(self, place: str) -> str:
        """The address of a page that a form names; the first page for any other address."""
        inside = place == PREFIX or place.startswith(f"{PREFIX}/")
        return f"{self.base}{quote(place.removeprefix(PREFIX))}" if inside else self.base

    @property
    def csrf(self) -> str:
        """What a form must send, so that it is known to come from a page of ours.

        Another site cannot read it, and it is of no use in another browser or session.
        """
        said = f"rerankq console {self.session}".encode()
        return hmac.new(self.form_secret.encode(), said, hashlib.sha256).hexdigest()

    def act(self, label: Node, *path: str, kind: str = "", **values: str) -> Html:
        """A button that does something at once."""
        button = tag("button", label, type="submit", class_=kind or None)
        return self.form_to(path, button, **values)

    def form_to(self, path: Sequence[str], *nodes: Node, **values: str) -> Html:
        """A form that is believed when it comes back."""
        fields = {CSRF: self.csrf, **values}
        kept = [tag("input", type="hidden", name=n, value=v) for n, v in fields.items()]
        return tag("form", *kept, *nodes, method="post", action=self.to(*path))

    def confirmed(
        self, label: str, asked: Node, name: str, *path: str, kind: str = "danger", **values: str
    ) -> Html:
        """A button that asks first. It needs no script, closes by Escape, and keeps the focus."""
        danger = kind if kind == "danger" else None
        opener = tag("button", f"{label}…", type="button", popovertarget=name, class_=danger)
        yes = tag("button", label, type="submit", class_=kind, autofocus=True)
        no = tag("button", "Leave it", type="button", popovertarget=name)
        body = self.form_to(path, tag("p", asked), tag("p", yes, " ", no), **values)
        box = tag("div", body, id=name, popover="auto", role="dialog", aria_label=label)
        return joined(opener, box)


def form_secret(cookies: Mapping[str, str], name: str) -> tuple[str, bool]:
    """What ties forms to this browser, and whether it is new."""
    known = cookies.get(name, "")
    return (known, False) if _FORM_NAME.fullmatch(known) else (secrets.token_urlsafe(32), True)


def check_origin(headers: Mapping[bytes, bytes]) -> None:
    """Refuse a form of another site.

    Browsers say where a request comes from in `Sec-Fetch-Site`; on plain HTTP off the loopback only
    in `Origin`. Both are theirs to write: no page can change them.

    Raises:
        GatewayError: 403.
    """
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if site is not None:
        own = site.decode("latin-1") in _OWN
    else:
        own = origin is None or _place(origin) == headers.get(b"host", b"").decode("latin-1")
    if not own:
        raise GatewayError(403, "forbidden_origin", "this form comes from another site")


def _place(origin: bytes) -> str | None:
    try:
        return urlsplit(origin.decode("ascii")).netloc
    except ValueError:
        return None


def check_form(visit: Visit) -> None:
    """Refuse a form that no page of ours has made for this browser and session.

    Raises:
        GatewayError: 403.
    """
    if not hmac.compare_digest(visit.given(CSRF).encode(), visit.csrf.encode()):
        raise GatewayError(
            403, "stale_form", "this form is out of date: load the page again, then repeat"
        )
