"""The console by its ASGI application, beside a client whose every text is hostile."""

import asyncio
import html
import re
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Final, cast
from urllib.parse import urlencode

import pytest

from rerankq.client import AsyncRerankClient
from rerankq.contract import Principal, Scope
from rerankq.events import Events
from rerankq_gateway.access.gate import Gate
from rerankq_gateway.asgi.dispatch import Dispatch
from rerankq_gateway.asgi.request import AsgiScope, Receive, Send
from rerankq_gateway.console import mounted
from rerankq_gateway.parts import Parts
from rerankq_gateway.settings import GatewaySettings
from rerankq_gateway.shutdown import Shutdown
from running.asgi import Exchange
from running.console_client import HOSTILE, SESSION, StandIn

HOST: Final = "localhost:8080"
TOKEN: Final = "rk_" + "t" * 43
ALL: Final = frozenset(Scope)
OPERATOR: Final = Principal(scopes=ALL)
PAGES: Final = (
    *("", "/jobs", "/jobs?custom_id=x&metadata=a%3Db", "/jobs/job-1", "/jobs/unknown"),
    *("/batches", "/batches/batch-1", "/dead", "/dead?reason=x", "/dead/job-1", "/upstream"),
    *("/tenants", "/webhooks", "/audit", "/playground", "/nothing", "/jobs?metadata=x"),
)


class NoTokens:
    """Whether the gateway is open: it asks this."""

    def __init__(self, *, required: bool) -> None:
        self._required = required

    async def required(self) -> bool:
        """Whether callers need a token."""
        return self._required

    async def find(self, _: str) -> Principal | None:
        """Nobody has any: the console takes none in headers."""
        raise AssertionError("a header's token is not asked about")


class Elements(HTMLParser):
    """The elements of a page as a browser reads it: names, and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.all: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one."""
        self.all.append((tag, {name: value or "" for name, value in attrs}))


class Rates:
    """No quotas."""

    async def of(self, _: Principal) -> list[tuple[bytes, bytes]]:
        """None."""
        return []


class Browser:
    """Keeps cookies, and sends forms that it was given."""

    def __init__(
        self, *, holder: Principal | None = None, required: bool = True, root_path: str = ""
    ) -> None:
        self.client = StandIn({SESSION: holder} if holder else {}, TOKEN)
        self.cookies: dict[str, str] = {}
        self.root_path = root_path
        if holder:
            self.cookies["rerankq-session-8080"] = SESSION
        self._settings = settings = GatewaySettings().model_copy(update={"root_path": root_path})
        self._gate = Gate(settings, NoTokens(required=required))

    def send(
        self, method: str, path: str, body: bytes = b"", host: str | None = None, **headers: str
    ) -> Exchange:
        """One request, in a loop of its own."""
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        said |= {
            "host": host or HOST,
            "cookie": "; ".join(f"{n}={v}" for n, v in self.cookies.items()),
        }
        where, _, query = path.partition("?")
        exchange = Exchange(method, f"/console{where}", parts=[body], headers=said.items())
        exchange.scope["query_string"] = query.encode()
        asyncio.run(self._serve(exchange))
        for name, value in exchange.sent[0]["headers"]:
            if name == b"set-cookie":
                for key, each in SimpleCookie(value.decode()).items():
                    self.cookies[key] = each.value
        return exchange

    async def _serve(self, exchange: Exchange) -> None:
        async def unknown(_scope: AsgiScope, _receive: Receive, _send: Send) -> None:
            raise AssertionError("FastAPI is not asked")

        # In the loop that serves: its parts belong to it.
        client = cast("AsyncRerankClient", self.client)
        parts = Parts.of(self._settings, client, Shutdown(1.0))
        dispatch = Dispatch(
            hot={},
            cold=unknown,
            gate=self._gate,
            rates=Rates(),
            root_path=self.root_path,
            open_paths=frozenset(),
            mounted=mounted(parts, self._gate),
            events=Events(),
        )
        await dispatch(exchange.scope, exchange.receive, exchange.send)

    def look(self, path: str, **headers: str) -> Exchange:
        """Load a page."""
        return self.send("GET", path, b"", None, **headers)

    def csrf(self) -> str:
        """What the forms of its pages send."""
        page = self.look("/nothing").body.decode()
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)
        assert found
        return found[1]

    def press(self, path: str, *, csrf: str | None = None, **fields: str) -> Exchange:
        """Send a form as our own page does."""
        sent = {"csrf": self.csrf() if csrf is None else csrf, **fields}
        kind = "application/x-www-form-urlencoded"
        return self.send(
            "POST",
            path,
            urlencode(sent).encode(),
            content_type=kind,
            sec_fetch_site="same-origin",
        )


@pytest.mark.parametrize("path", PAGES)
def test_no_text_of_a_job_becomes_markup(path: str) -> None:
    """On each page every text is escaped: of jobs, batches, errors, metadata, tenants, webhooks."""
    shown = Browser(holder=OPERATOR).look(path)
    page = shown.body.decode()
    assert page.startswith("<!doctype html>"), path
    assert "internal_error" not in page
    seen = Elements()
    seen.feed(page)
    scripts = [given["src"] for name, given in seen.all if name == "script"]
    assert [each.partition("?")[0] for each in scripts] == ["/console/assets/console.js"]
    assert "img" not in {name for name, _ in seen.all}
    names = {each for _, given in seen.all for each in given}
    assert not {each for each in names if each.startswith("on") or each == "style"}


@pytest.mark.parametrize("path", ["/jobs/job-1", "/dead", "/upstream", "/audit"])
def test_the_texts_are_shown(path: str) -> None:
    """Escaped is not left out: a reader sees the text as it is."""
    page = Browser(holder=OPERATOR).look(path).body.decode()
    assert HOSTILE in html.unescape(page)


def test_the_upstreams_words_are_not_shown() -> None:
    """A dead letter's page leaves out what the upstream said: it may repeat the request."""
    assert "upstream said" not in Browser(holder=OPERATOR).look("/dead/x").body.decode().lower()


@pytest.mark.parametrize("path", [*PAGES, "/assets/console.js"])
def test_headers_of_every_answer(path: str) -> None:
    """Each answer has the strict policy; pages are not stored, and nobody may frame them."""
    shown = Browser(holder=OPERATOR).look(path)
    policy = shown.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert ("no-store" in shown.headers["cache-control"]) is not path.startswith("/assets/")


@pytest.mark.parametrize("path", [each for each in PAGES if each != "/nothing"])
def test_nobody_sees_a_page_without_a_session(path: str) -> None:
    """Where tokens are needed, a page leads to the sign-in, and shows nothing."""
    shown = Browser().look(path)
    assert shown.status == 303
    assert shown.headers["location"].startswith("/console/sign-in?back=")


def test_a_token_becomes_a_session() -> None:
    """The browser gets a cookie that no script reads; the token is in no answer."""
    browser = Browser()
    browser.client._holders[SESSION] = OPERATOR  # noqa: SLF001  as the ledger has it then
    entered = browser.press("/sign-in", token=f" {TOKEN} ", back="/console/jobs")
    assert (entered.status, entered.headers["location"]) == (303, "/console/jobs")
    (kept,) = [v.decode() for n, v in entered.sent[0]["headers"] if n == b"set-cookie"]
    assert "HttpOnly" in kept
    assert "SameSite=Strict" in kept
    assert TOKEN not in str(entered.sent)
    assert ("audited", "console.sign_in", "") in browser.client.acts
    assert browser.look("").status == 200
    left = browser.press("/sign-out")
    assert left.headers["location"].startswith("/console/sign-in")
    assert browser.look("").status == 303


def test_a_wrong_token_is_refused() -> None:
    """It gets the form again, with 401, and no session; it is not repeated."""
    browser = Browser()
    refused = browser.press("/sign-in", token="rk_wrong")  # noqa: S106  it is none
    assert refused.status == 401
    assert "rk_wrong" not in refused.body.decode()
    assert "rerankq-session-8080" not in browser.cookies


@pytest.mark.parametrize("back", ["https://evil.example", "//evil.example", "/console.evil", "x"])
def test_a_sign_in_leads_nowhere_else(back: str) -> None:
    """After it only a page of the console is shown."""
    browser = Browser()
    browser.client._holders[SESSION] = OPERATOR  # noqa: SLF001
    assert browser.press("/sign-in", token=TOKEN, back=back).headers["location"] == "/console"


EITHER: Final = frozenset({Scope.SUBMIT, Scope.OPERATE})
OPERATE: Final = frozenset({Scope.OPERATE})
ACTS: Final = (
    ("/jobs/job-1/cancel", EITHER, ("job.cancel", "job-1")),
    ("/batches/b/pause", EITHER, ("batch.pause",)),
    ("/batches/b/resume", EITHER, ("batch.resume",)),
    ("/batches/b/cancel", EITHER, ("batch.cancel",)),
    ("/batches/b/retry", EITHER, ("batch.retry",)),
    ("/dead/replay", OPERATE, ("replay", "r", "first")),
    ("/dead/purge", OPERATE, ("purge", "r")),
    ("/upstream/pause", OPERATE, ("pause", "['a']")),
    ("/upstream/resume", OPERATE, ("resume", "['a']")),
    ("/webhooks/w/enable", OPERATE, ("enable", "w")),
)
GIVEN: Final = {"reason": "r", "step": "first", "name": "a"}


@pytest.mark.parametrize(
    ("path", "scope", "act"),
    [(path, each, act) for path, scopes, act in ACTS for each in sorted(scopes)],
)
def test_an_act_is_done_and_noted(path: str, scope: Scope, act: tuple[str, ...]) -> None:
    """With one of its scopes a form does what it says, and the audit trail has it."""
    browser = Browser(holder=Principal(scopes=frozenset({scope})))
    assert browser.press(path, **GIVEN).status in {200, 303}
    assert act in browser.client.acts
    assert [each for each in browser.client.acts if each[0] == "audited"]


@pytest.mark.parametrize(("path", "scopes", "act"), ACTS)
def test_no_act_without_its_scope(
    path: str, scopes: frozenset[Scope], act: tuple[str, ...]
) -> None:
    """Another scope does not do: the token could not do it by the API either."""
    browser = Browser(holder=Principal(scopes=ALL - scopes))
    assert browser.press(path, **GIVEN).status == 403
    assert act not in browser.client.acts


def pressed_elsewhere(browser: Browser, path: str, **sent: str) -> int:
    """The status of a form that another site sends, though it knows all of its fields."""
    form = urlencode({"csrf": browser.csrf(), **GIVEN}).encode()
    kind = "application/x-www-form-urlencoded"
    return browser.send("POST", path, form, None, content_type=kind, **sent).status


@pytest.mark.parametrize("path", [path for path, _, _ in ACTS])
def test_no_act_of_another_site(path: str) -> None:
    """A form of another site does nothing."""
    browser = Browser(holder=OPERATOR)
    assert pressed_elsewhere(browser, path, sec_fetch_site="cross-site") == 403
    assert browser.client.acts == []


@pytest.mark.parametrize(
    ("sec_fetch_site", "origin"),
    [("same-site", "http://localhost:9999"), ("", "http://localhost:9999"), ("", "null")],
)
def test_another_port_of_this_machine_is_another_site(sec_fetch_site: str, origin: str) -> None:
    """Browsers count all ports of a host as one site, and send it the cookies of all."""
    said = {"origin": origin} | ({"sec_fetch_site": sec_fetch_site} if sec_fetch_site else {})
    browser = Browser(holder=OPERATOR)
    assert pressed_elsewhere(browser, "/batches/b/cancel", **said) == 403
    assert browser.client.acts == []


@pytest.mark.parametrize("csrf", ["", "0" * 64])
def test_no_act_without_what_the_form_had(csrf: str) -> None:
    """A form that was not made for this browser and session does nothing."""
    browser = Browser(holder=OPERATOR)
    refused = browser.press("/batches/b/cancel", csrf=csrf)
    assert refused.status == 403
    assert "stale_form" in refused.body.decode()
    assert ("batch.cancel",) not in browser.client.acts


def test_a_form_after_the_session_has_ended_asks_to_sign_in() -> None:
    """It does nothing, and says why: not that the form is wrong."""
    browser = Browser(holder=OPERATOR)
    csrf = browser.csrf()
    browser.cookies.pop("rerankq-session-8080")
    refused = browser.press("/batches/b/cancel", csrf=csrf)
    assert refused.status == 401
    assert 'href="/console/sign-in"' in refused.body.decode()
    assert browser.client.acts == []


def test_a_form_of_another_session_is_not_believed() -> None:
    """What a form sends differs between browsers, and between sessions of one browser."""
    one, other = Browser(holder=OPERATOR), Browser(holder=OPERATOR)
    assert other.press("/batches/b/cancel", csrf=one.csrf()).status == 403
    before = one.csrf()
    one.cookies.pop("rerankq-session-8080")
    assert one.csrf() != before


@pytest.mark.parametrize("path", ["/dead", "/upstream", "/tenants", "/dead/job-1"])
def test_a_tenant_sees_no_operators_page(path: str) -> None:
    """What belongs to the whole service is not for tenants, and no link leads there."""
    browser = Browser(holder=Principal(tenant="acme", scopes=ALL))
    assert browser.look(path).status == 403
    assert "/console/upstream" not in browser.look("").body.decode()


def test_scopes_decide_which_buttons_exist() -> None:
    """A reader sees no button that it may not press."""
    reader = Browser(holder=Principal(scopes=frozenset({Scope.READ})))
    for path in ("/batches/b", "/jobs/job-1", "/dead", "/upstream"):
        page = reader.look(path).body.decode()
        actions = set(re.findall(r'action="([^"]+)"', page))
        assert actions <= {"/console/theme", "/console/sign-out", "/console/jobs"}, path
    page = Browser(holder=OPERATOR).look("/batches/b").body.decode()
    assert {"/console/batches/b/pause", "/console/batches/b/cancel"} <= set(
        re.findall(r'action="([^"]+)"', page)
    )


def test_a_token_without_read_begins_elsewhere() -> None:
    """Who may only submit is led to the playground."""
    browser = Browser(holder=Principal(scopes=frozenset({Scope.SUBMIT})))
    assert browser.look("").headers["location"] == "/console/playground"
    nobody = Browser(holder=Principal(scopes=frozenset()))
    assert nobody.look("").status == 403


def test_without_tokens_it_is_open_on_the_loopback_alone() -> None:
    """As the API is; a name that leads here by somebody else's DNS is refused."""
    browser = Browser(required=False)
    assert browser.look("").status == 200
    assert browser.press("/batches/b/pause").status == 303
    assert browser.send("GET", "", host="evil.example:8080").status == 403


def test_a_link_from_elsewhere_finds_the_session() -> None:
    """A browser sends no cookie with it, so a page of ours asks once more, and nothing is lost."""
    browser = Browser(holder=OPERATOR)
    browser.cookies.clear()
    page = browser.look("/jobs?state=failed", sec_fetch_site="cross-site")
    assert page.status == 200
    assert "0; url=/console/jobs?state=failed" in page.body.decode()


@pytest.mark.parametrize("path", ["/a b", "/jobs/%\"'<", "//evil.example/", "/\\evil.example"])
def test_such_a_link_stays_in_the_console(path: str) -> None:
    """Whatever follows in its path, the page that asks again leads to the console alone."""
    seen = Elements()
    # With a route that exists, or it would be refused before.
    shown = Browser().send("GET", f"/jobs/{path.strip('/')}", sec_fetch_site="cross-site")
    seen.feed(shown.body.decode())
    led = [given["href"] for name, given in seen.all if name == "a" and given["href"] != "#content"]
    assert shown.status in {200, 404}
    assert all(each.startswith("/console") for each in led)


def test_after_a_replay_the_colours_can_be_switched() -> None:
    """What the form was sent to is no page: the switch leads to the page that it was sent from."""
    page = Browser(holder=OPERATOR).press("/dead/replay", reason="r", step="first").body.decode()
    assert 'name="back" value="/console/dead"' in page


def test_a_replay_without_a_reason_replays_nothing() -> None:
    """A form that names no reason does not mean all reasons."""
    browser = Browser(holder=OPERATOR)
    browser.press("/dead/replay", step="all")
    assert ("replay", "", "all") in browser.client.acts


def test_it_lives_under_a_proxys_path() -> None:
    """Links, forms, files and cookies begin with the path that a proxy publishes it under."""
    browser = Browser(holder=OPERATOR, root_path="/rerank")
    shown = browser.look("/batches/b")
    led = re.findall(r'(?:href|src|action)="([^"#]+)"', shown.body.decode())
    assert led
    assert not [each for each in led if not each.startswith("/rerank/console")]


def test_a_ranking_shows_scores_cost_and_command() -> None:
    """The playground ranks what was pasted; the command quotes it for a shell, without a token."""
    browser = Browser(holder=OPERATOR)
    asked = {"query": "it's", "documents": "one\r\n\r\ntwo $(x)", "split": "lines"}
    page = html.unescape(browser.press("/playground", **asked).body.decode())
    assert ("rerank", "one", "two $(x)") in browser.client.acts
    assert "0.9000" in page
    assert "12" in page
    assert "http://localhost:8080/v1/rerank" in page
    assert '"Authorization: Bearer $RERANKQ_TOKEN"' in page
    assert '\'{"query": "it\'"\'"\'s"' in page
    assert "one\n\ntwo $(x)</textarea>" in page


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused(method: str) -> None:
    """A page knows GET, HEAD and POST."""
    assert Browser(holder=OPERATOR).send(method, "/jobs").status == 405


def test_head_has_no_body() -> None:
    """A monitor may ask without wanting the page."""
    asked = Browser(holder=OPERATOR).send("HEAD", "/jobs")
    assert (asked.status, asked.body) == (200, b"")


def test_the_address_cannot_make_it_say_things() -> None:
    """Only words of ours are shown as what was done."""
    browser = Browser(holder=OPERATOR)
    assert "Paused." in browser.look("/batches/b?done=paused").body.decode()
    assert "call 555" not in browser.look("/batches/b?done=call+555").body.decode()
