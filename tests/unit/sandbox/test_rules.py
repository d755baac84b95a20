import orjson
import pytest

from rerankq_sandbox.config import SandboxConfig
from rerankq_sandbox.contract import Question
from rerankq_sandbox.errors import GatewayError
from rerankq_sandbox.faults import Call, RandomFaults
from rerankq_sandbox.rules import MAX_RULES, FaultRules, read_directive, read_rules


def call(query: str = "q", job_id: str | None = None, attempt: int | None = None) -> Call:
    return Call(1, Question("m", query, ["d"]), account="a", job_id=job_id, attempt=attempt)


def rules(*given: dict[str, object]) -> FaultRules:
    made = FaultRules()
    made.add(read_rules(orjson.dumps(given)))
    return made


def kinds(source: FaultRules | RandomFaults, *calls: Call) -> list[str | None]:
    picked = [source.pick(each) for each in calls]
    return [None if action is None else action.kind for action in picked]


DROP = {"kind": "drop"}
HANG = {"kind": "hang"}


def test_rule_without_conditions_meets_every_call() -> None:
    """A rule with no match and no times fires for each call."""
    assert kinds(rules({"action": DROP}), call(), call()) == ["drop", "drop"]


def test_times_bounds_the_firings() -> None:
    """A rule fires at most `times` times."""
    assert kinds(rules({"times": 1, "action": DROP}), call(), call()) == ["drop", None]


def test_nth_counts_only_matching_calls() -> None:
    """`nth` means the nth call that the other conditions let through, and just that one."""
    source = rules({"match": {"query_contains": "x", "nth": 2}, "action": DROP})
    calls = [call("x"), call("y"), call("xy"), call("x")]
    assert kinds(source, *calls) == [None, None, "drop", None]


def test_nth_with_times_is_a_window() -> None:
    """`nth` with `times` fires for that many calls from the nth on."""
    source = rules({"match": {"nth": 2}, "times": 2, "action": DROP})
    assert kinds(source, call(), call(), call(), call()) == [None, "drop", "drop", None]


def test_all_conditions_must_hold() -> None:
    """A rule fires only where job, attempt, model and account all match."""
    match = {"job_id": "j", "attempt": 1, "model": "m", "account": "a"}
    source = rules(
        {"match": match | {"account": "b"}, "action": HANG}, {"match": match, "action": DROP}
    )
    assert kinds(source, call(), call(job_id="j", attempt=2)) == [None, None]
    assert kinds(source, call(job_id="j", attempt=1)) == ["drop"]


def test_first_rule_that_fires_decides() -> None:
    """Rules are asked in order, and a spent rule leaves the call to the next."""
    source = rules({"times": 1, "action": DROP}, {"action": HANG})
    assert kinds(source, call(), call()) == ["drop", "hang"]
    assert [shown["fired"] for shown in source.report()] == [1, 1]


def test_clearing_forgets_all() -> None:
    """After clear, no rule fires."""
    source = rules({"action": DROP})
    source.clear()
    assert kinds(source, call()) == [None]


@pytest.mark.parametrize(
    "action",
    [
        {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}, "body": None},
        {"kind": "status", "status": 500, "body": {"error": {}}},
        {"kind": "status", "status": 502, "body": "<html>"},
        {"kind": "error", "name": "saturated", "headers": {"Retry-After": "1"}},
        {"kind": "delay", "seconds": 1},
        DROP,
        HANG,
        {"kind": "cut"},
        {"kind": "cut", "bytes": 7},
        {"kind": "drip", "seconds_per_byte": 0.5},
        {"kind": "huge", "bytes": 1_000_000_000},
        {"kind": "cut", "answer": {"kind": "error", "name": "bad_gateway_nginx"}},
        {"kind": "drip", "seconds_per_byte": 60, "answer": {"kind": "status", "status": 500}},
        {"kind": "garbage"},
        {"kind": "wrong_index"},
        {"kind": "duplicate_index"},
        {"kind": "short"},
        {"kind": "null_results"},
        {"kind": "nan"},
        {"kind": "wrong_type"},
        {"kind": "foreign_documents"},
        {"kind": "ok_error"},
        {"kind": "twice", "seconds": 0.05},
        {"kind": "twice", "seconds": 0, "answer": {"kind": "status", "status": 504}},
    ],
)
def test_every_kind_is_read(action: dict[str, object]) -> None:
    """Every documented action is accepted as a rule and as a directive."""
    assert read_rules(orjson.dumps([{"action": action}]))[0].action.kind == action["kind"]
    assert read_directive(orjson.dumps(action).decode()).kind == action["kind"]


@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"action": {"kind": "SECRET"}},
        {"action": {"kind": "status"}},
        {"action": {"kind": "status", "status": 99}},
        {"action": {"kind": "status", "status": 500, "headers": {"a b": "SECRET"}}},
        {"action": {"kind": "status", "status": 500, "headers": {"Content-Length": "1"}}},
        {"action": {"kind": "error", "name": "SECRET"}},
        {"action": {"kind": "cut", "answer": {"kind": "error", "name": "SECRET"}}},
        {"action": {"kind": "cut", "answer": {"kind": "hang"}}},
        {"action": {"kind": "drip", "seconds_per_byte": 1, "status": 500}},
        {"action": {"kind": "delay", "seconds": -1}},
        {"action": DROP, "times": 0},
        {"action": DROP, "match": {"nth": 0}},
        {"action": DROP, "match": {"query": "SECRET"}},
    ],
)
def test_bad_rules_are_refused_with_their_place(rule: dict[str, object]) -> None:
    """A bad rule is a 400 that says where and why, and never repeats the content."""
    with pytest.raises(GatewayError, match=r"^rules\.0\.") as caught:
        read_rules(orjson.dumps([rule]))
    assert caught.value.status == 400
    assert "SECRET" not in caught.value.message


def test_rules_are_bounded() -> None:
    """More rules than the cap are refused, and none of them is added."""
    source = FaultRules()
    with pytest.raises(GatewayError):
        source.add(read_rules(orjson.dumps([{"action": DROP}] * (MAX_RULES + 1))))
    assert source.report() == []


def test_random_faults_repeat_with_their_seed() -> None:
    """The same seed gives the same faults, at about the rates asked for."""
    config = SandboxConfig(fail_rate=0.3, fail_status=502, drop_rate=0.1, seed=7)
    calls = [call() for _ in range(2000)]
    first = kinds(RandomFaults(config), *calls)
    assert first == kinds(RandomFaults(config), *calls)
    assert first.count("status") == pytest.approx(600, abs=80)
    assert first.count("drop") == pytest.approx(200, abs=60)


def test_no_rate_means_no_fault() -> None:
    """With rates of 0, chance never picks."""
    assert kinds(RandomFaults(SandboxConfig()), *[call() for _ in range(100)]) == [None] * 100
