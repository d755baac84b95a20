"""The handler of all paths under `/console`: lets people in, finds the page, and sends it."""

from collections.abc import Mapping
from contextlib import aclosing
from typing import Final
from urllib.parse import parse_qs

from rerankq.contract import Scope
from rerankq_gateway.access.bearer import KnownTokens
from rerankq_gateway.access.gate import Gate
from rerankq_gateway.access.principal import OPERATOR
from rerankq_gateway.asgi import HotRequest, body
from rerankq_gateway.console import headers
from rerankq_gateway.console.answers import Answer, Download, Moved, Page
from rerankq_gateway.console.assets import KEPT, asset
from rerankq_gateway.console.elements import problem
from rerankq_gateway.console.layout import document, first_place
from rerankq_gateway.console.markup import joined, tag
from rerankq_gateway.console.routes import found, routes
from rerankq_gateway.console.session import THEME, cookie_name
from rerankq_gateway.console.visit import (
    MOST_FIELDS,
    PREFIX,
    Visit,
    check_form,
    check_origin,
    form_secret,
)
from rerankq_gateway.errors import GatewayError, Problem
from rerankq_gateway.parts import Parts

_ASSETS: Final = f"{PREFIX}/assets/"
_THEMES: Final = frozenset({"light", "dark"})
_SEE_OTHER: Final = 303
_SIGNED_OUT: Final = 401


class Console:
    """The console of one process.

    Args:
        parts: of this process.
        gate: knows whether callers need a token.
    """

    def __init__(self, parts: Parts, gate: Gate) -> None:
        self._parts = parts
        self._gate = gate
        self._base = f"{parts.settings.root_path}{PREFIX}"
        self._sessions = KnownTokens(parts.client.sessions)
        self._routes = routes(self._sessions)

    async def __call__(self, request: HotRequest) -> None:
        """Serve a request.

        Raises:
            RerankqError: it is shown as a page, by `HotRequest.refuse`.
        """
        if request.path.startswith(_ASSETS):
            await self._send_asset(request)
            return
        visit = Visit(request, self._parts, self._base)

        async def shown(wrong: Problem) -> None:
            await _send(visit, _problem_page(visit, wrong), wrong.own_headers())

        request.shows_problem = shown
        await self._admit(visit)
        answer = await self._answer(visit)
        if isinstance(answer, Download):
            await _send_file(visit, answer)
        elif isinstance(answer, Moved):
            await _send_bytes(visit, _SEE_OTHER, b"", [(b"location", answer.to.encode())])
        else:
            await _send(visit, answer)

    async def _admit(self, visit: Visit) -> None:
        """Find out who looks. A cookie is of no use to the API, nor a token's header here."""
        request, secure = visit.request, visit.request.scope.get("scheme") == "https"
        cookies = headers.cookies_of(request.headers)
        visit.theme = theme if (theme := cookies.get(THEME, "")) in _THEMES else ""
        name = cookie_name("form", request, secure=secure)
        visit.form_secret, is_new = form_secret(cookies, name)
        if is_new:
            visit.set_cookies.append(
                headers.cookie(
                    name, visit.form_secret, path=self._base, secure=secure, seconds=None
                )
            )
        session = cookies.get(cookie_name("session", request, secure=secure), "")
        if session:
            visit.principal = await self._sessions.holder(session)
            visit.session = session if visit.principal else ""
        if visit.principal is None and await self._gate.is_open_to_all():
            self._gate.check_host(request.headers)
            visit.principal = OPERATOR
        request.principal = visit.principal or OPERATOR.model_copy(update={"scopes": frozenset()})

    async def _answer(self, visit: Visit) -> Answer:
        request = visit.request
        path = request.path.removeprefix(PREFIX).strip("/")
        method = "GET" if request.method == "HEAD" else request.method
        route = found(self._routes, method, path, visit)
        request.route = f"{PREFIX}/{route.path}".rstrip("/")
        if route.scopes and visit.principal is None:
            # Before the form is looked at: it was made for a session that has ended.
            return self._to_sign_in(visit)
        if method == "POST":
            await _read_form(visit)
        if route.scopes:
            if route.path == "" and not visit.may(Scope.READ):
                return _elsewhere(visit)
            visit.demand(*route.scopes, operator=route.operator)
        return await route.shown(visit)

    def _to_sign_in(self, visit: Visit) -> Answer:
        request = visit.request
        if request.method == "POST":
            visit.who  # noqa: B018  refuses
        asked = request.scope.get("query_string", b"").decode("latin-1")
        if _comes_from_elsewhere(request):
            # A browser sends the session's cookie only with what our own pages ask for.
            return _again(f"{visit.back(request.path)}{'?' if asked else ''}{asked}")
        return Moved(visit.to("sign-in", back=request.path))

    async def _send_asset(self, request: HotRequest) -> None:
        file = asset(request.path.removeprefix(_ASSETS))
        if file is None:
            raise GatewayError(404, "unknown_route", "no such file")
        sent = [*headers.ALWAYS, (b"content-type", file.kind), KEPT]
        if b"gzip" in request.headers.get(b"accept-encoding", b""):
            sent += [(b"content-encoding", b"gzip"), (b"vary", b"accept-encoding")]
            await request.answer(200, file.packed, sent)
        else:
            await request.answer(200, file.content, sent)


def _comes_from_elsewhere(request: HotRequest) -> bool:
    return request.headers.get(b"sec-fetch-site", b"") in {b"cross-site", b"same-site"}


def _again(address: str) -> Page:
    refresh = tag("meta", http_equiv="refresh", content=f"0; url={address}")
    return Page("One moment", joined(refresh, tag("a", "Go on", href=address)))


def _elsewhere(visit: Visit) -> Answer:
    place = first_place(visit)
    if place is None:
        raise GatewayError(403, "missing_scope", "this token allows no page: sign in with another")
    return Moved(visit.to(place))


async def _read_form(visit: Visit) -> None:
    request = visit.request
    check_origin(request.headers)
    kind = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if kind != b"application/x-www-form-urlencoded":
        raise GatewayError(415, "unsupported_media_type", "a form of the console is expected")
    content = await body(request, most=visit.parts.settings.max_body)
    try:
        sent = parse_qs(content.decode("utf-8"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise GatewayError(400, "invalid_request", "the form cannot be read") from None
    # Browsers send each line's end as two characters.
    visit.form = {name: [each.replace("\r\n", "\n") for each in sent[name]] for name in sent}
    check_form(visit)


def _problem_page(visit: Visit, wrong: Problem) -> Page:
    back = tag("p", tag("a", "Back to the overview", href=visit.base))
    if wrong.status == _SIGNED_OUT:
        back = tag("p", tag("a", "Sign in", href=visit.to("sign-in")))
    code = tag("p", f"Code {wrong.code}, request {visit.request.request_id}", class_="quiet")
    return Page("That did not work", joined(problem(wrong.message), back, code), "-", wrong.status)


async def _send(visit: Visit, page: Page, added: headers.HeaderPairs | None = None) -> None:
    kind = [headers.HTML, *(added or [])]
    await _send_bytes(visit, page.status, document(visit, page), kind)


async def _send_bytes(
    visit: Visit, status: int, content: bytes, added: headers.HeaderPairs
) -> None:
    sent = [*headers.ALWAYS, headers.NO_STORE, *visit.set_cookies, *added]
    if status == _SEE_OTHER:
        sent.append(headers.HTML)
    await visit.request.answer(status, content, sent)


async def _send_file(visit: Visit, file: Download) -> None:
    request, parts = visit.request, visit.parts
    sent = [
        *(*headers.ALWAYS, headers.NO_STORE, *visit.set_cookies),
        (b"content-type", b"application/x-ndjson"),
        (b"content-disposition", f'attachment; filename="{file.name}"'.encode()),
    ]
    with parts.streams.taken():
        async with aclosing(file.chunks) as chunks:
            first = await anext(chunks, b"")  # an error can still be shown now
            await request.send({"type": "http.response.start", "status": 200, "headers": sent})
            await request.send({"type": "http.response.body", "body": first, "more_body": True})
            async for chunk in chunks:
                await request.send({"type": "http.response.body", "body": chunk, "more_body": True})
        await request.send({"type": "http.response.body", "body": b""})


def mounted(parts: Parts, gate: Gate) -> Mapping[str, Console]:
    """What the dispatcher needs: the handler, by its prefix."""
    return {PREFIX: Console(parts, gate)}
