"""FastAPI's side: its errors in our body, and what its routes need of a request."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from rerankq.errors import RerankqError
from rerankq.invalid_input import in_plain_words
from rerankq_gateway.access.principal import Scope
from rerankq_gateway.asgi.dispatch import KNOWN_AS
from rerankq_gateway.asgi.request import HEAD, HotRequest
from rerankq_gateway.errors import Problem, problem_of
from rerankq_gateway.errors.problem import content_type

_WRONG_METHOD: Final = Problem(
    405,
    "method_not_allowed",
    "this route does not know that method: the header Allow lists those it knows",
)
_BRANCHES: Final = frozenset({"query", "path", "header", "body"})


def known(request: Request) -> HotRequest:
    """The request as the dispatcher knows it: its id and its caller."""
    found: HotRequest = request.scope[KNOWN_AS]
    return found


def needs(*scopes: Scope) -> Any:
    """A dependency: the request, of a caller whose token has one of these scopes."""

    def demanded(request: Request) -> HotRequest:
        found = known(request)
        found.demand(*scopes)
        return found

    return Depends(demanded)


def takes_errors(app: FastAPI) -> None:
    """Let FastAPI answer every error with our body."""
    app.add_exception_handler(RerankqError, _answered(problem_of))
    app.add_exception_handler(RequestValidationError, _answered(_of_validation))
    app.add_exception_handler(HTTPException, _answered(_of_http))


def _answered(problem_for: Callable[[Any], Problem]) -> Callable[[Request, Exception], Response]:
    def handler(request: Request, error: Exception) -> Response:
        problem = problem_for(error)
        if isinstance(error, HTTPException):
            problem = _with_all_methods(problem, request)
        known(request).reason = problem.code
        accept = request.headers.get("accept", "").encode("latin-1")
        answer = Response(
            problem.body(known(request).request_id),
            problem.status,
            media_type=content_type(accept).decode(),
        )
        for name, value in problem.own_headers():
            answer.headers.append(name.decode(), value.decode("latin-1"))
        return answer

    return handler


def _with_all_methods(problem: Problem, request: Request) -> Problem:
    """The problem, corrected: FastAPI names the methods of one of its routes, and of no other."""
    if problem.status not in {404, 405}:
        return problem
    allowed = {*known(request).other_methods}
    for template, item in request.app.openapi()["paths"].items():
        if compile_path(template)[0].match(request.scope["path"]):
            allowed.update(method.upper() for method in item)
    if not allowed:
        return problem
    if "GET" in allowed:
        allowed.add(HEAD)
    return replace(_WRONG_METHOD, headers=((b"allow", ", ".join(sorted(allowed)).encode()),))


def _of_validation(error: RequestValidationError) -> Problem:
    fault = error.errors()[0]
    place = [str(part) for part in fault["loc"] if part not in _BRANCHES]
    name = ".".join(place)
    return Problem(422, "invalid_request", f"{name}: {in_plain_words(fault)}", param=name or None)


def _of_http(error: HTTPException) -> Problem:
    headers = tuple((k.lower().encode(), v.encode()) for k, v in (error.headers or {}).items())
    match error.status_code:
        case 404:
            said = "no such route: /docs lists them all"
            return Problem(404, "unknown_route", said, headers=headers)
        case 405:
            return replace(_WRONG_METHOD, headers=headers)
    return Problem(error.status_code, "invalid_request", str(error.detail), headers=headers)
