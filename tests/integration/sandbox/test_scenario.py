import errno
import socket
from pathlib import Path

import pytest
import requests

from running.command_line import CommandLine
from running.sandbox import BODY, RunningSandbox
from running.waiting import eventually

SATURATED = {"kind": "error", "name": "saturated"}


def test_limits_follow_the_script() -> None:
    """Limits change when the timeline says so, and go when it ends."""
    closed, open_again = {"default": {"rpm": 0}}, {"default": {"rpm": 1000}}
    with RunningSandbox() as sandbox:
        sandbox.play(
            {"at": 0, "limits": closed},
            {"at": 0.5, "limits": open_again},
            {"at": 1, "limits": closed},
            seconds=1.5,
            name="steps",
        )
        assert sandbox.admin("GET", "scenario").json()["name"] == "steps"
        seen = [429]
        eventually(lambda: seen_over(sandbox, seen), "the scenario ends", seconds=20)
        assert seen == [429, 200, 429, 200]
        assert sandbox.admin("GET", "limits").json() == {}


def seen_over(sandbox: RunningSandbox, seen: list[int]) -> bool:
    """Record each change of the status; true when a call has shown that the scenario is over."""
    over = not sandbox.admin("GET", "scenario").json()["running"]
    status = sandbox.rerank().status_code
    if status != seen[-1]:
        seen.append(status)
    return over


def test_an_outage_refuses_before_anything_is_looked_at() -> None:
    """In an outage every call fails in the same way, with any key and body; then calls succeed."""
    with RunningSandbox(keys=["sk-right"]) as sandbox:
        sandbox.play({"at": 0, "outage": {"kind": "error", "name": "timeout_cloudflare"}})
        answer = requests.post(sandbox.url, data=b"{", timeout=5)
        assert (answer.status_code, answer.headers["Content-Type"]) == (524, "text/html")
        assert sandbox.log()[0]["fault"] == "outage:error:timeout_cloudflare"
        sandbox.admin("DELETE", "scenario").raise_for_status()
        assert sandbox.rerank({"Authorization": "sk-right"}).status_code == 200


def test_an_outage_that_cuts_connections_ends() -> None:
    """While connections are cut there is no answer; afterwards there is."""
    with RunningSandbox() as sandbox:
        sandbox.play({"at": 0, "outage": {"kind": "drop"}}, seconds=0.5)
        with pytest.raises(requests.ConnectionError):
            sandbox.rerank()
        eventually(lambda: answered(sandbox), "the outage ends", seconds=10)


def test_connections_can_be_refused_for_a_while() -> None:
    """Connections are refused and calls on old ones cut for a while; then calls succeed."""
    with RunningSandbox() as sandbox, requests.Session() as kept, requests.Session() as operator:
        assert kept.post(sandbox.url, json=BODY, timeout=5).ok
        assert operator.get(f"{sandbox.base}/_sandbox/stats", timeout=5).ok
        sandbox.play({"at": 0, "outage": {"kind": "refuse"}}, seconds=600)
        eventually(lambda: refused(sandbox), "connections are refused", seconds=10)
        with pytest.raises(requests.ConnectionError):
            kept.post(sandbox.url, json=BODY, timeout=5)
        operator.delete(f"{sandbox.base}/_sandbox/scenario", timeout=5)
        eventually(lambda: answered(sandbox), "the outage ends", seconds=10)
        assert [entry["fault"] for entry in sandbox.log()][:2] == [None, "outage:refuse"]


def refused(sandbox: RunningSandbox) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", sandbox.port)) == errno.ECONNREFUSED


def test_an_outage_may_answer_in_pieces() -> None:
    """An outage can send every call an error body that breaks off."""
    answer = {"kind": "error", "name": "bad_gateway_nginx"}
    with RunningSandbox() as sandbox:
        sandbox.play({"at": 0, "outage": {"kind": "cut", "answer": answer}})
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            requests.post(sandbox.url, data=b"{", timeout=5)
        assert sandbox.log()[0]["fault"] == "outage:cut:error:bad_gateway_nginx"


def answered(sandbox: RunningSandbox) -> bool:
    try:
        return sandbox.rerank().status_code == 200
    except requests.ConnectionError:
        return False


def test_rules_of_a_phase_come_after_those_set_by_hand() -> None:
    """What was set over /_sandbox/faults decides before the scenario's rules."""
    with RunningSandbox() as sandbox:
        sandbox.play({"at": 0, "rules": [{"action": SATURATED}]})
        sandbox.fault(kind="error", name="request_limit")
        assert "请求数限制" in sandbox.rerank().json()["error"]["message"]
        assert "负载已饱和" in sandbox.rerank().json()["error"]["message"]


def test_keys_of_an_account_share_its_limit() -> None:
    """Keys that a scenario gives to an account use up one limit, and the log names the account."""
    with RunningSandbox() as sandbox:
        accounts = [{"name": "team", "keys": ["sk-1", "sk-2"]}]
        sandbox.play({"at": 0, "limits": {"team": {"rpm": 2}}}, accounts=accounts)
        keys = ("sk-1", "sk-2", "sk-1", "sk-3")
        seen = [sandbox.rerank({"Authorization": key}).status_code for key in keys]
        assert seen == [200, 200, 429, 200]
        assert [entry["account"] for entry in sandbox.log()][:3] == ["team"] * 3


def test_a_scenario_file_plays_from_the_start(tmp_path: Path) -> None:
    """What the file says at 0 holds for the first call."""
    path = tmp_path / "closed.toml"
    path.write_text("[[phases]]\nat = 0\nlimits.default = { rpm = 0 }\n")
    with RunningSandbox(scenario=path) as sandbox:
        assert sandbox.rerank().status_code == 429


def test_a_bad_scenario_changes_nothing() -> None:
    """A wrong scenario gets 400 with phase and field, and the running scenario goes on."""
    with RunningSandbox() as sandbox:
        sandbox.play({"at": 0, "limits": {"default": {"rpm": 0}}})
        answer = sandbox.admin("POST", "scenario", {"phases": [{"at": 0}, {"at": -1}]})
        assert answer.status_code == 400
        assert answer.json()["error"]["message"].startswith("scenario: phase 2: at: ")
        assert sandbox.rerank().status_code == 429


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine("redis://127.0.0.1:1/0", capsys, monkeypatch)


def test_a_bad_file_is_named_at_the_start(command: CommandLine, tmp_path: Path) -> None:
    """A wrong scenario file ends the command with one line: file, phase and field."""
    path = tmp_path / "bad.toml"
    path.write_text("[[phases]]\nat = 0\n[[phases]]\nat = 1\nlimits.default = { rpm = -1 }\n")
    done = command("sandbox", "--port", "0", "--scorer", "hash", "--scenario", str(path))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"scenario {path}: phase 2: limits.default.rpm: " in done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--scorer", "other"], "--scorer: "),
        (["--dialect", "other"], "--dialect: "),
        (["--jitter", "2"], "--jitter: "),
        (["--key", ""], "--key: "),
        (["--latency-p99-ms", "5"], "latency-p99-ms must be at least latency-ms"),
        (["--jitter", "0.1", "--latency-p99-ms", "5"], "jitter and latency-p99-ms: "),
        (["--scenario", "gone.toml"], "scenario gone.toml: No such file"),
        (["--other"], "no such option: --other"),
    ],
)
def test_a_wrong_option_is_one_line(command: CommandLine, options: list[str], said: str) -> None:
    """A wrong option ends the command with one line that names it."""
    done = command("sandbox", "--port", "0", *options)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"rerankq: {said}")
