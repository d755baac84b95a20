"""What messages show of the target of a redirect."""

import pytest

from rerankq.contract import RerankRequest
from rerankq_worker.provider.error_answers import Reply, fault
from rerankq_worker.provider.redirects import STATUSES, target
from rerankq_worker.upstream.errors import Cause

REQUEST = RerankRequest(query="q?", documents=("d",))
KEY = "sk-CANARY-of-the-account"


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("/v1/rerank/", "/v1/rerank/"),
        ("https://api.example/v1/rerank", "https://api.example/v1/rerank"),
        ("//api.example:8443/v1", "//api.example:8443/v1"),
        ("https://user:secret@api.example/v1?token=secret#secret", "https://api.example/v1"),
        ("?token=secret", ""),
        ("javascript:alert(1)", ""),
        ("/a\x1b[2Jb", ""),
        ("https://[broken", ""),
        ("", ""),
    ],
)
def test_a_target_is_shown_without_secrets(location: str, shown: str) -> None:
    """Messages show scheme, host and path of a Location, but no user, password, query, fragment."""
    assert target(location) == shown


@pytest.mark.parametrize("status", sorted(STATUSES))
def test_a_redirect_says_where_to(status: int) -> None:
    """The message calls it a redirect, with its target and the setting to check."""
    error = fault(Reply(status, b"", {"location": "/v1/rerank/"}), REQUEST, key=KEY)
    assert error.cause is Cause.REDIRECT
    assert f"answered {status}, a redirect to /v1/rerank/; " in str(error)
    assert "RERANKQ_UPSTREAM_URL" in str(error)


def test_a_target_that_repeats_the_key_is_not_shown() -> None:
    """A target whose path contains the key is not shown."""
    error = fault(Reply(302, b"", {"location": f"/login/{KEY}"}), REQUEST, key=KEY)
    assert "CANARY" not in str(error)
