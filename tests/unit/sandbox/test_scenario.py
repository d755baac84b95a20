from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from rerankq.errors import SettingsError
from rerankq_sandbox.contract import Question
from rerankq_sandbox.errors import GatewayError
from rerankq_sandbox.faults import Call
from rerankq_sandbox.latency import Constant, Latency
from rerankq_sandbox.metering.accounts import MeteredAccounts, fingerprint
from rerankq_sandbox.metering.limiter import Limiter
from rerankq_sandbox.metering.limits import AccountLimits
from rerankq_sandbox.scenario import Scenario, load_scenario, read_scenario
from rerankq_sandbox.timeline import Timeline

DROP = {"kind": "drop"}
CALL = Call(1, Question("m", "q", ["d"]), "a", None, None)

EXAMPLE = """
name = "a rush and an outage"
seconds = 120

[[accounts]]
name = "team"
keys = ["sk-one", "sk-two"]

[[phases]]
at = 0
limits.default = { rpm = 600, answer = "request_limit", retry_after = "seconds" }
latency = { kind = "lognormal", median_ms = 80, p99_ms = 400 }

[[phases]]
at = 60
rules = [{ match = { nth = 100 }, action = { kind = "cut" } }]

[[phases]]
at = 90.5
outage = { kind = "error", name = "timeout_cloudflare" }
"""


def made(*phases: dict[str, Any], **fields: Any) -> Scenario:
    return read_scenario(orjson.dumps(fields | {"phases": phases}))


class Stage:
    """A timeline and what it sets; the test sets the time."""

    def __init__(self) -> None:
        self.limiter, self.accounts = Limiter(), MeteredAccounts()
        self.latency = Latency(Constant(kind="constant", ms=1), seed=0)
        self.timeline = Timeline(self.limiter, self.latency, self.accounts)

    def rpm(self, now: float) -> int | None:
        """The limit in force at `now`."""
        self.timeline.advance(now)
        return self.limiter.limits.get("default", AccountLimits()).rpm

    def outage(self, now: float) -> str | None:
        """The kind of the outage at `now`."""
        self.timeline.advance(now)
        return None if self.timeline.outage is None else self.timeline.outage.kind

    def fault(self, now: float) -> str | None:
        """The kind of the fault that a call meets at `now`."""
        self.timeline.advance(now)
        action = self.timeline.pick(CALL)
        return None if action is None else action.kind

    def latency_ms(self, now: float) -> float:
        """How long an answer takes at `now`."""
        self.timeline.advance(now)
        return self.latency.draw(CALL.question) * 1000


def rpm(limit: int) -> dict[str, Any]:
    return {"default": {"rpm": limit}}


def test_limits_follow_the_timeline() -> None:
    """A phase's limits hold from its second on, also when phases passed without a call."""
    stage = Stage()
    phases = [{"at": at, "limits": rpm(limit)} for at, limit in ((1, 60), (2, 30), (3, 120))]
    stage.timeline.start(made(*phases), now=100)
    assert [stage.rpm(now) for now in (100.9, 101, 103.5)] == [None, 60, 120]


def test_an_outage_ends_with_its_phase_and_the_rest_stays() -> None:
    """The next phase ends an outage; limits, rules and latency stay until a phase sets them."""
    stage = Stage()
    first = {"at": 0, "rules": [{"action": DROP}], "limits": rpm(5)}
    first |= {"latency": {"kind": "constant", "ms": 7}}
    stage.timeline.start(made(first, {"at": 1, "outage": DROP}, {"at": 2}), now=0)
    assert [stage.outage(now) for now in (0, 1, 2)] == [None, "drop", None]
    assert (stage.fault(2), stage.rpm(2), stage.latency_ms(2)) == ("drop", 5, 7)


def test_a_scenario_puts_back_what_it_found() -> None:
    """After its end, limits and latency are what they were, and no fault or outage is left."""
    stage = Stage()
    stage.limiter.replace({"default": AccountLimits(rpm=9)})
    phase = {"at": 0, "outage": DROP, "rules": [{"action": DROP}], "limits": rpm(5)}
    phase |= {"latency": {"kind": "constant", "ms": 7}}
    stage.timeline.start(made(phase, seconds=3), now=0)
    assert (stage.rpm(2.9), stage.latency_ms(2.9)) == (5, 7)
    assert (stage.rpm(3), stage.latency_ms(3), stage.outage(3), stage.fault(3)) == (
        9,
        1,
        None,
        None,
    )
    assert stage.timeline.report() == {"running": False}


def test_a_scenario_can_repeat() -> None:
    """A repeating scenario starts again at its end, from the state before it."""
    stage = Stage()
    scenario = made({"at": 1, "limits": rpm(5)}, {"at": 2, "outage": DROP}, seconds=3, repeat=True)
    stage.timeline.start(scenario, now=0)
    assert [stage.rpm(now) for now in (0.5, 1.5, 3.5, 4.5, 9.5)] == [None, 5, None, 5, None]
    assert [stage.outage(now) for now in (10.5, 11.5, 12)] == [None, "drop", None]


def test_another_scenario_takes_its_place() -> None:
    """A second scenario ends the first, and a stop ends the second."""
    stage = Stage()
    stage.timeline.start(made({"at": 0, "limits": rpm(5), "outage": DROP}), now=0)
    stage.timeline.start(made({"at": 0}), now=1)
    assert (stage.rpm(1), stage.outage(1)) == (None, None)
    stage.timeline.start(made({"at": 0, "limits": rpm(6)}), now=2)
    stage.timeline.stop()
    assert stage.rpm(2) is None


def test_accounts_come_with_the_scenario() -> None:
    """The keys of an account share it as soon as the scenario starts."""
    stage = Stage()
    accounts = [{"name": "team", "keys": ["sk-1", "sk-2"]}]
    stage.timeline.start(made({"at": 0}, accounts=accounts), now=0)
    assert {stage.accounts.name(fingerprint(key)) for key in ("sk-1", "sk-2")} == {"team"}


@pytest.mark.parametrize("name", ["team", "anonymous", "others", "0123456789ab"])
def test_limits_and_rules_name_accounts(name: str) -> None:
    """A name must be an account of the scenario, a key's fingerprint, or a built-in account."""
    rules = [{"match": {"account": name}, "action": DROP}]
    accounts = [{"name": "team", "keys": ["sk-1"]}]
    made({"at": 0, "limits": {name: {"rpm": 1}}, "rules": rules}, accounts=accounts)


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    """A file is TOML, or JSON by its name."""
    toml, json = tmp_path / "scenario.toml", tmp_path / "scenario.json"
    toml.write_text(EXAMPLE)
    scenario = load_scenario(toml)
    assert [phase.at for phase in scenario.phases] == [0, 60, 90.5]
    outage = {"kind": "error", "name": "timeout_cloudflare"}
    json.write_bytes(orjson.dumps({"phases": [{"at": 90.5, "outage": outage}]}))
    assert load_scenario(json).phases == scenario.phases[2:]


def replaced(old: str, new: str) -> Callable[[], str]:
    assert old in EXAMPLE
    return lambda: EXAMPLE.replace(old, new)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (replaced("rpm = 600", 'rpm = "SECRET"'), "phase 1: limits.default.rpm: "),
        (replaced("rpm = 600", "rmp = 600"), "phase 1: limits.default.rmp: "),
        (replaced("p99_ms = 400", "p99_ms = 4"), "phase 1: latency.lognormal: 0 < median_ms"),
        (replaced('"cut"', '"SECRET"'), "phase 2: rules.0.action: unknown kind"),
        (replaced('"timeout_cloudflare"', '"SECRET"'), "phase 3: outage.error.name: no such"),
        (
            replaced('"timeout_cloudflare"', '"timeout_cluodflare"'),
            r"phase 3: outage.error.name: no such error: did you mean timeout_cloudflare\?",
        ),
        (
            replaced("limits.default", "limits.defualt"),
            r"phase 1: limits.defualt: no such account: did you mean default\?",
        ),
        (
            replaced("nth = 100", 'account = "tema"'),
            r"phase 2: rules.0.match.account: no such account: did you mean team\?",
        ),
        (
            replaced("nth = 100", 'account = "sk-SECRET"'),
            "phase 2: rules.0.match.account: no such account: known are anonymous, others, team",
        ),
        (replaced("nth = 100", 'account = "default"'), "phase 2: rules.0.match.account: no such"),
        (replaced('"error", name', '"delay", name'), "phase 3: outage: unknown kind"),
        (
            replaced('"error", name = "timeout_cloudflare"', '"cut"'),
            "phase 3: outage: answer: needed in an outage",
        ),
        (
            lambda: '[[phases]]\nat = 0\noutage = { kind = "refuse" }',
            "phase 1: outage: refuse needs an end",
        ),
        (replaced('"cut"', '"refuse"'), "phase 2: rules.0.action: unknown kind"),
        (replaced("at = 60", "at = 0"), "phase 2: at: must be later"),
        (replaced("at = 60", "at = nan"), "phase 2: at: "),
        (replaced("at = 60", "at = 1979-05-27"), "phase 2: at: "),
        (replaced("at = 60", "at = 100000000000000000000"), ".*a number that is too large"),
        (replaced("at = 60", "at ="), "is not TOML: .*line 15"),
        (replaced("seconds = 120", "seconds = 90"), "seconds: must be later"),
        (replaced("seconds = 120", "repeat = true"), "repeat: needs seconds"),
        (replaced("seconds = 120", "second = 120"), "second: "),
        (replaced('"sk-two"', "2"), "accounts.0.keys.1: "),
        (replaced('"sk-two"', '"sk-one"'), "accounts: a key belongs to one account"),
        (replaced('"team"', '"sk-SECRET"'), "accounts.0.name: .*looks like a key"),
        (lambda: "", "phases: "),
    ],
)
def test_bad_files_are_named_with_their_place(
    text: Callable[[], str], place: str, tmp_path: Path
) -> None:
    """A wrong file is one line with file, phase and field, and never repeats the content."""
    path = tmp_path / "scenario.toml"
    path.write_text(text())
    with pytest.raises(SettingsError, match=rf"scenario .*scenario\.toml: {place}") as caught:
        load_scenario(path)
    said = str(caught.value)
    assert "\n" not in said
    assert "SECRET" not in said
    assert "sk-one" not in said


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("gone.toml", None, "No such file"),
        ("a.toml", b"\xff", "is not UTF-8"),
        ("a.toml", b"a = " + b"[" * 100_000, "is nested too deeply"),
        ("a.toml", b".".join([b"a"] * 1000) + b" = 1", "is nested too deeply"),
        ("a.toml", b"a = " + b"9" * 5000, "a number that is too large"),
        ("a.toml", b"#" * (32 * 2**20 + 1), "is over 33,554,432 bytes"),
        ("a.json", b'{"phases": [}', "is not JSON: line 1, column"),
        ("a.json", b"[" * 100_000, "is not JSON"),
        ("a.json", b"[]", "Input should be"),
    ],
)
def test_unreadable_files_are_named(
    name: str, content: bytes | None, said: str, tmp_path: Path
) -> None:
    """A file that is missing, or no TOML or JSON, is named with the reason."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match=rf"{name}: .*{said}"):
        load_scenario(path)


def test_a_bad_scenario_over_http_is_a_400() -> None:
    """A wrong scenario in a request is a 400 with the same place."""
    with pytest.raises(GatewayError, match="scenario: phase 1: at: ") as caught:
        made({"at": "SECRET"})
    assert (caught.value.status, "SECRET" in caught.value.message) == (400, False)
