"""Signing in with a token, signing out, and the colours of the pages."""

from rerankq_gateway.access.bearer import KnownTokens
from rerankq_gateway.console.answers import Answer, Moved, Page
from rerankq_gateway.console.elements import field, problem
from rerankq_gateway.console.headers import cookie
from rerankq_gateway.console.markup import Html, joined, tag
from rerankq_gateway.console.session import THEME, session_cookie
from rerankq_gateway.console.visit import Visit

_YEAR = 365 * 86_400


class Entry:
    """The door.

    Args:
        sessions: the sessions that this process remembers.
    """

    def __init__(self, sessions: KnownTokens) -> None:
        self._sessions = sessions

    async def page(self, visit: Visit) -> Answer:
        """The form; who is signed in already is let through."""
        if visit.principal is not None:
            return Moved(visit.base)
        return Page("Sign in", _form(visit, visit.asked("back") or ""), "-")

    async def sign_in(self, visit: Visit) -> Answer:
        """Begin a session for a token. The token itself is kept nowhere."""
        client = visit.parts.client
        session = await client.sessions.begin(visit.given("token").strip())
        if session is None:
            said = problem("This token is not known: it may be mistyped, revoked or expired.")
            return Page("Sign in", joined(said, _form(visit, visit.given("back"))), "-", 401)
        await self._end(visit)
        visit.principal = await client.sessions.find(session)
        if visit.principal is not None:
            async with visit.parts.audited(visit.principal, "console.sign_in"):
                visit.set_cookies.append(session_cookie(visit, session, seconds=None))
        return Moved(visit.back(visit.given("back")))

    async def sign_out(self, visit: Visit) -> Answer:
        """End the session."""
        if await self._end(visit):
            visit.set_cookies.append(session_cookie(visit, "", seconds=0))
        return Moved(visit.to("sign-in", done="signed-out"))

    async def _end(self, visit: Visit) -> bool:
        """End the session that there is; False without one."""
        if not visit.session:
            return False
        await visit.parts.client.sessions.end(visit.session)
        self._sessions.forget(visit.session)
        return True


async def theme(visit: Visit) -> Answer:
    """Keep the colours that were chosen."""
    chosen = visit.given("theme")
    chosen = chosen if chosen in {"light", "dark"} else ""
    secure = visit.request.scope.get("scheme") == "https"
    seconds = _YEAR if chosen else 0
    visit.set_cookies.append(cookie(THEME, chosen, path=visit.base, secure=secure, seconds=seconds))
    return Moved(visit.back(visit.given("back")))


def _form(visit: Visit, back: str) -> Html:
    token = field(
        "Token", "token", type="password", autocomplete="off", required=True, autofocus=True
    )
    button = tag("button", "Sign in", type="submit", class_="main")
    command = tag("code", "rerankq token create --scope read --scope operate")
    hint = tag("p", "A token begins with rk_. ", command, " makes one.", class_="quiet")
    return tag(
        "div",
        visit.form_to(("sign-in",), token, tag("p", button), hint, back=back),
        class_="card narrow",
    )
