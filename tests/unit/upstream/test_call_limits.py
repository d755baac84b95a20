"""What one call to a site may have."""

import pytest

from rerankq.contract import RerankRequest
from rerankq.contract.bounds import MAX_DOCUMENTS
from rerankq_worker.upstream.call_limits import NO_LIMITS, CallLimits
from rerankq_worker.upstream.dialects import DIALECTS


def request(*documents: str) -> RerankRequest:
    return RerankRequest(query="a query", documents=documents)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_documented_number_of_documents_is_a_limit(dialect: str) -> None:
    """What `check` refuses for its number of documents, the limits of a call do not hold either."""
    made = DIALECTS[dialect]()
    most = made.call_limits().documents
    if most is not None and most < MAX_DOCUMENTS:
        made.check(request(*["a"] * most), "m")
        assert not made.call_limits().hold(request(*["a"] * (most + 1)))


def test_an_own_server_says_what_it_takes() -> None:
    """The limits of TEI are those that the server was started with."""
    made = DIALECTS["tei"](max_client_batch_size=64, payload_limit=9000)
    assert made.call_limits() == CallLimits(documents=64, bytes=9000)


def test_a_request_within_all_limits_is_held() -> None:
    """Each limit counts by itself; without any, everything is held."""
    some = request("one document", "another one")
    assert NO_LIMITS.hold(some)
    assert CallLimits(2, 100, 4096).hold(some)
    assert not CallLimits(documents=1).hold(some)
    assert not CallLimits(tokens=5).hold(some)
    assert not CallLimits(bytes=4096).hold(request("long " * 1000))


def test_bytes_are_those_of_the_json() -> None:
    """What is held by a limit of bytes is not longer when it is sent."""
    documents = ["\x01" * 500, "文" * 300, '"' * 700]
    body = DIALECTS["dmxapi"]().encode(request(*documents), "m")
    assert not CallLimits(bytes=len(body) - 1).hold(request(*documents))


def test_the_smaller_limit_counts() -> None:
    """Of a site's limits and its dialect's, the smaller of each holds."""
    assert CallLimits(5, None, 9000).within(CallLimits(7, 100, None)) == CallLimits(5, 100, 9000)
