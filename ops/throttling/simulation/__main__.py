"""`python -m throttling.simulation`: play all scenarios, or those with a text in their names."""

import argparse
import logging
import sys

from throttling.simulation.fleet import simulate
from throttling.simulation.outcome import Outcome
from throttling.simulation.scenarios import SCENARIOS, Scenario


def main() -> None:
    """Print a line a scenario."""
    parser = argparse.ArgumentParser(prog="python -m throttling.simulation", description=__doc__)
    parser.add_argument("names", nargs="*", help="texts of which one must be in the name")
    parser.add_argument("--seconds", action="store_true", help="calls served in each second, too")
    arguments = parser.parse_args()
    logging.disable()
    for scenario in SCENARIOS:
        if not arguments.names or any(text in scenario.name for text in arguments.names):
            outcome = simulate(scenario.plan)
            sys.stdout.write(line(scenario, outcome) + "\n")
            if arguments.seconds:
                sys.stdout.write(second_by_second(outcome) + "\n")
            sys.stdout.flush()


def line(scenario: Scenario, outcome: Outcome) -> str:
    """What it came to."""
    waits = sorted(outcome.waits)
    waited = f", interactive p99 {waits[int(0.99 * len(waits))] * 1000:.0f} ms" if waits else ""
    return (
        f"{scenario.name:42} {outcome.served / scenario.ideal:6.1%} of the ideal, "
        f"{outcome.throttled_share:6.2%} throttled, {outcome.scripts_a_call:.3f} commands a call"
        f"{waited}"
    )


def second_by_second(outcome: Outcome) -> str:
    """Calls served and throttled in each second."""
    return " ".join(
        f"{outcome.count(200, at, at + 1)}-{outcome.count(429, at, at + 1)}"
        for at in range(int(outcome.seconds))
    )


if __name__ == "__main__":
    main()
