"""Where jobs go that are too large for one call."""

from dataclasses import replace

import pytest

from rerankq.contract import RerankRequest
from rerankq_worker.limits.destinations import Destination, Destinations
from rerankq_worker.limits.route import Route, usable_routes
from rerankq_worker.upstream.call_limits import NO_LIMITS, CallLimits
from rerankq_worker.upstream.errors import TooLarge
from running.fake_limits import Network

TWO = CallLimits(documents=2)


def asking(documents: int) -> RerankRequest:
    return RerankRequest(query="q", documents=tuple(map(str, range(documents))))


def routes(**limits: CallLimits) -> list[Route]:
    """Routes to sites with these limits; each has two keys."""
    found = Network(**{name: {} for name in limits}).reservations
    return [replace(each, limits=limits[each.site.name]) for each in found]


def found(
    some: list[Route], documents: int = 3, *, out: frozenset[str] = frozenset()
) -> list[Destination]:
    return Destinations(some, lambda route, _: route.site.name not in out).of(asking(documents))


def sites(destinations: list[Destination]) -> list[list[str]]:
    return [[route.site.name for route, _ in each.routes] for each in destinations]


def test_a_job_within_the_limits_is_not_divided() -> None:
    """A job that some site takes in one call is not divided, whatever other sites take."""
    assert found(routes(a=NO_LIMITS), documents=10_000) == []
    assert found(routes(a=TWO), documents=2) == []
    assert found(routes(a=TWO, b=NO_LIMITS)) == []


def test_a_site_that_takes_less_is_not_asked_for_the_whole() -> None:
    """A job in one call goes only to sites whose limits it keeps."""
    some = routes(a=TWO, b=NO_LIMITS)
    assert {route.site.name for route, _ in usable_routes(some, asking(3))} == {"b"}


def test_all_parts_go_to_one_site() -> None:
    """A destination has the routes of one site, as others may give other scores."""
    assert sites(found(routes(a=TWO, b=TWO))) == [["a", "a"], ["b", "b"]]


def test_equal_sites_share_the_parts() -> None:
    """Sites that declare the same scores are one destination, with the smaller limits of both."""
    some = [
        replace(each, site=replace(each.site, scores_as="ours"))
        for each in routes(a=TWO, b=CallLimits(documents=1, bytes=9000))
    ]
    both = found(some)
    assert sites(both) == [["a", "a", "b", "b"]]
    assert both[0].limits == CallLimits(documents=1, bytes=9000)


def test_sites_out_of_use_come_last() -> None:
    """The first destination is one that can be called now."""
    assert sites(found(routes(a=TWO, b=TWO), out=frozenset("a")))[0] == ["b", "b"]


def test_a_listwise_model_is_refused() -> None:
    """A large job of a listwise model ends with an error that says why and what to do."""
    some = [
        replace(each, site=replace(each.site, listwise=frozenset({"qwen3-reranker-8b"})))
        for each in routes(a=TWO)
    ]
    with pytest.raises(TooLarge, match=r"is listwise.*3 documents.*a takes in one call"):
        found(some)
    assert Destinations(some, lambda *_: True).after_refusal(some[0], "qwen3-reranker-8b") is None


def test_parts_of_a_refused_call_go_to_the_same_site() -> None:
    """After a refusal as too large, the parts go to the site that refused, by any of its keys."""
    some = routes(a=NO_LIMITS, b=NO_LIMITS)
    where = Destinations(some, lambda *_: True).after_refusal(some[0], "m")
    assert where
    assert sites([where]) == [["a", "a"]]
