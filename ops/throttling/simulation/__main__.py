"""`python -m throttling.simulation`: run all scenarios, or those with a text in their names."""

import argparse
import logging
import sys
from collections.abc import Sequence
from statistics import mean

from throttling.simulation.fleet import simulate
from throttling.simulation.outcome import Outcome
from throttling.simulation.scenarios import SCENARIOS, Scenario, fresh

FOUND = 0.85
"""Share of a level that must be served for the level to count as found."""


def main() -> None:
    """Print a line a scenario."""
    parser = argparse.ArgumentParser(prog="python -m throttling.simulation", description=__doc__)
    parser.add_argument("names", nargs="*", help="texts of which one must be in the name")
    parser.add_argument("--seeds", type=int, default=1, help="runs, each with another seed")
    parser.add_argument("--seconds", action="store_true", help="print calls served by second")
    arguments = parser.parse_args()
    logging.disable()
    for scenario in SCENARIOS:
        if not arguments.names or any(text in scenario.name for text in arguments.names):
            seeds = range(1, arguments.seeds + 1)
            outcomes = [simulate(fresh(scenario, seed).plan) for seed in seeds]
            sys.stdout.write(line(scenario, outcomes) + "\n")
            if arguments.seconds:
                sys.stdout.writelines(second_by_second(each) + "\n" for each in outcomes)
            sys.stdout.flush()


def line(scenario: Scenario, outcomes: Sequence[Outcome]) -> str:
    """The result: the mean of all runs, and the worst of them."""
    work = [each.served / scenario.ideal for each in outcomes]
    throttled = [each.throttled_share for each in outcomes]
    cost = mean(each.scripts_a_call for each in outcomes)
    return (
        f"{scenario.name:42} work {mean(work):6.1%} (least {min(work):6.1%}), "
        f"429s {mean(throttled):6.2%} (most {max(throttled):6.2%}), {cost:.3f} commands a call"
        f"{_levels(scenario, outcomes)}{_waits(outcomes)}"
    )


def _levels(scenario: Scenario, outcomes: Sequence[Outcome]) -> str:
    if not scenario.levels:
        return ""
    found = (
        max(each.back_at(FOUND * rate, after) for each in outcomes)
        for after, rate in scenario.levels.items()
    )
    return f", found after {' '.join(f'{seconds:.1f}' for seconds in found)} s at most"


def _waits(outcomes: Sequence[Outcome]) -> str:
    waits = sorted(wait for each in outcomes for wait in each.waits)
    return f", interactive p99 {waits[int(0.99 * len(waits))] * 1000:.0f} ms" if waits else ""


def second_by_second(outcome: Outcome) -> str:
    """Calls served and throttled in each second."""
    return " ".join(
        f"{outcome.count(200, at, at + 1)}-{outcome.count(429, at, at + 1)}"
        for at in range(int(outcome.seconds))
    )


if __name__ == "__main__":
    main()
