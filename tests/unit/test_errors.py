"""The error tree, as users see it."""

import copy
import inspect
import pickle
import re

import pytest

from rerankq import errors
from rerankq_worker.upstream import errors as upstream

TREE = [
    each
    for _, each in inspect.getmembers(errors, inspect.isclass)
    if issubclass(each, errors.RerankqError)
]
UPSTREAM = [
    each
    for _, each in inspect.getmembers(upstream, inspect.isclass)
    if issubclass(each, upstream.UpstreamError)
]


def made(kind: type[errors.RerankqError]) -> errors.RerankqError:
    if issubclass(kind, errors.JobEnded | errors.InvalidRequest):
        return kind("first", "second")
    return kind("what happened")


@pytest.mark.parametrize(
    ("drawing", "tree"), [(errors.__doc__, TREE), (upstream.__doc__, UPSTREAM)], ids=["all", "seam"]
)
def test_the_drawing_is_the_tree(drawing: str, tree: list[type[errors.RerankqError]]) -> None:
    """The tree drawn in a module's docstring shows each class under its parent, and no other."""
    lines = re.findall(r"^    ((?:│ {3}| {4}|├── |└── )*)(\w+)", drawing, re.MULTILINE)
    parents: list[str] = []
    drawn = {}
    for branch, name in lines:
        depth = len(branch) // 4
        parents[depth:] = [name]
        drawn[name] = parents[depth - 1] if depth else None
    root, *others = sorted(tree, key=lambda kind: len(kind.__mro__))
    assert drawn == {
        root.__name__: None,
        **{each.__name__: each.__bases__[0].__name__ for each in others},
    }


def test_codes_are_unique() -> None:
    """Codes are unique, so that scripts can tell errors apart; a subclass may inherit its code."""
    codes = [vars(each)["code"] for each in [*TREE, *UPSTREAM] if "code" in vars(each)]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[a-z_]+", code) for code in codes)


@pytest.mark.parametrize("kind", TREE)
def test_errors_survive_pickling(kind: type[errors.RerankqError]) -> None:
    """An error from another process keeps its class, message and attributes."""
    error = made(kind)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):  # noqa: S301 - our own
        assert type(again) is kind
        assert str(again) == str(error)
        assert vars(again) == vars(error)


def test_job_ended_is_rebuilt_from_its_arguments() -> None:
    """Celery rebuilds an error only from its arguments, so they must contain everything."""
    error = errors.JobFailed("upstream_auth", "the key was refused")
    again = errors.JobFailed(*error.args)
    assert (again.reason, again.message, str(again)) == (
        "upstream_auth",
        "the key was refused",
        "the key was refused",
    )


def test_result_timeout_is_a_timeout_error() -> None:
    """`except TimeoutError` catches ResultTimeout too."""
    assert issubclass(errors.ResultTimeout, TimeoutError)


def test_invalid_request_names_the_field_first() -> None:
    """The message begins with the field; a fault of the whole request names no field."""
    assert str(errors.InvalidRequest("documents.3", "must be a string")) == (
        "documents.3: must be a string"
    )
    assert str(errors.InvalidRequest("", "not valid JSON")) == "not valid JSON"
