"""Judges: they compute the figures of a scenario and compare them with targets."""

from collections.abc import Callable
from typing import Final

from chaos.numbered import PREFIX, numbered_job
from rerankq.cost import tokens
from running.upstream import Call
from throttling.figures import SERVED, Figure, Seen
from throttling.scenario import Scenario

LOT_SECONDS: Final = 0.5
WINDOW_SECONDS: Final = 60.0


def known_rate(scenario: Scenario, seen: Seen) -> list[Figure]:
    """The share of allowed calls that were served, under a known limit of requests."""
    return _known(seen, scenario.rates[0], lambda _: 1)


def known_tokens(scenario: Scenario, seen: Seen) -> list[Figure]:
    """The same in tokens, as the upstream counts them."""
    return _known(seen, scenario.limits[0]["tpm"] / WINDOW_SECONDS, _tokens)


def _known(seen: Seen, per_second: float, weight: Callable[[Call], float]) -> list[Figure]:
    window = min(WINDOW_SECONDS, seen.seconds)
    served = sum(weight(each) for each in seen.calls if each.status == SERVED)
    over = max(0.0, seen.most_in(window, weight) - per_second * window)
    return [
        Figure("work", served / per_second / seen.seconds, least=0.98, unit="%"),
        Figure("429s", seen.throttled_share, most=0.001, unit="%"),
        Figure("over the limit, in lots", over / (LOT_SECONDS * per_second), most=1),
    ]


def _tokens(call: Call) -> int:
    request = numbered_job(int(call.job_id.removeprefix(PREFIX))).request
    return tokens.load(request.query, request.texts())


def known_concurrency(scenario: Scenario, seen: Seen) -> list[Figure]:
    """Seconds of calls in flight, as a share of what a known number of slots allows."""
    slots = scenario.limits[0]["concurrency"]
    return [
        Figure("work", seen.busy_seconds / slots / seen.seconds, least=0.98, unit="%"),
        Figure("429s", seen.throttled_share, most=0.001, unit="%"),
    ]


def unknown(scenario: Scenario, seen: Seen) -> list[Figure]:
    """How fast the workers find a limit that halves, and then doubles."""
    third = seen.seconds / 3
    _, low, high = scenario.rates
    return [
        Figure("work", seen.served / scenario.ideal(seen.seconds), least=0.9, unit="%"),
        Figure("429s", seen.throttled_share, most=0.02, unit="%"),
        Figure("lower level found", seen.found_in(0.85 * low, third), most=10, unit="s"),
        Figure("higher level found", seen.found_in(0.85 * high, 2 * third), most=10, unit="s"),
    ]


def beside_bulk(scenario: Scenario, seen: Seen) -> list[Figure]:
    """Bulk work that is done while interactive jobs come."""
    return [Figure("work", seen.served / scenario.ideal(seen.seconds), least=0.95, unit="%")]
