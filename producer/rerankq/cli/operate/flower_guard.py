"""Demands a password for every path of Flower; its own leaves metrics, health and files open."""

import hmac
from base64 import b64decode
from collections.abc import Sequence
from typing import Any

from tornado.httputil import HTTPServerRequest
from tornado.web import Application, RequestHandler


class PasswordFirst(Application):
    """A base class for Flower: asks for a password before it looks at a request's path.

    Attributes:
        users: `user:password` of each user.
    """

    users: Sequence[str] = ()

    def find_handler(self, request: HTTPServerRequest, **options: Any) -> Any:
        """The handler for a request: one that refuses, if the password is wrong."""
        if not _may_enter(request.headers.get("Authorization", ""), self.users):
            return self.get_handler_delegate(request, _PasswordWanted)
        return super().find_handler(request, **options)


class _PasswordWanted(RequestHandler):
    def prepare(self) -> None:
        """Refuse."""
        self.set_status(401)
        self.set_header("WWW-Authenticate", 'Basic realm="flower", charset="UTF-8"')
        self.finish("Access denied")

    def check_xsrf_cookie(self) -> None:
        """Nothing to check: every request is refused here."""


def _may_enter(header: str, users: Sequence[str]) -> bool:
    scheme, _, credentials = header.partition(" ")
    try:
        given = b64decode(credentials)
    except ValueError:
        return False
    return scheme.lower() == "basic" and any(
        hmac.compare_digest(given, user.encode()) for user in users
    )
