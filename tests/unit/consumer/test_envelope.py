import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq_worker.consumer.envelope import EMPTY_HEADERS, Fault, fault_in

HINT = {"version": "1.0", "lane": "bulk", "job_ids": ["a-job"]}
NOTHING = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def message(**headers: Any) -> dict[str, Any]:
    return {
        "body": json.dumps([[], HINT, NOTHING]),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {
            "task": "rerankq.rerank",
            "id": "message-1",
            "retries": 0,
            "timelimit": [None, None],
            "root_id": "message-1",
        }
        | headers,
        "properties": {
            "delivery_tag": "tag-1",
            "delivery_info": {"exchange": "", "routing_key": "rerankq.bulk"},
            "body_encoding": "utf-8",
        },
    }


def judged(envelope: dict[str, Any]) -> Fault | None:
    return fault_in(json.dumps(envelope).encode())


def test_a_hint_is_let_in() -> None:
    """A message of rerankq's announcer is accepted, also if the broker marked it as redelivered."""
    assert judged(message()) is None
    assert judged(message(redelivered=True)) is None


@pytest.mark.parametrize("name", EMPTY_HEADERS)
def test_headers_that_celery_acts_on_are_refused(name: str) -> None:
    """A header that delays, expires, repeats, chains or stamps a message makes it poison."""
    assert judged(message(**{name: "2999-01-01T00:00:00"})) is Fault.NO_ENVELOPE


@pytest.mark.parametrize("timelimit", ["abc", [1], [None, 5], 7])
def test_time_limits_are_refused(timelimit: object) -> None:
    """A message with any time limit is refused."""
    assert judged(message(timelimit=timelimit)) is Fault.NO_ENVELOPE


@pytest.mark.parametrize("embedded", [{"chain": [{}]}, {"callbacks": [{"task": "x"}]}])
def test_a_message_may_not_call_for_others(embedded: dict[str, Any]) -> None:
    """A body that would make Celery publish further tasks is no hint."""
    assert judged(message() | {"body": json.dumps([[], HINT, embedded])}) is Fault.NO_HINT


def test_delivery_info_is_needed() -> None:
    """Without exchange and routing key kombu would take the connection for lost."""
    bare = message()
    bare["properties"]["delivery_info"] = {}
    assert judged(bare) is Fault.NO_ENVELOPE


@pytest.mark.parametrize("encoding", [7, "binary", None])
def test_another_encoding_is_refused(encoding: object) -> None:
    """Only plain text is read."""
    assert judged(message() | {"content-encoding": encoding}) is Fault.NOT_JSON_CONTENT


@pytest.mark.parametrize("depth", [980, 1020, 100_000])
def test_brackets_that_would_end_the_reader_are_refused(depth: int) -> None:
    """Celery's parser recurses for each nested bracket, so messages with many are refused."""
    deep = "[" * depth + "]" * depth
    text = json.dumps(message(unknown="deep")).replace('"deep"', deep)
    assert fault_in(text.encode()) in {Fault.NO_ENVELOPE, Fault.NOT_JSON}
    body = json.dumps([[], HINT | {"unknown": "deep"}, NOTHING]).replace('"deep"', deep)
    for coded in ({"body": body}, in_base64(body)):
        assert judged(message() | coded) is Fault.NO_HINT


def in_base64(body: str) -> dict[str, Any]:
    return {
        "body": base64.b64encode(body.encode()).decode(),
        "properties": message()["properties"] | {"body_encoding": "base64"},
    }


@given(junk)
def test_any_json_is_judged(value: Any) -> None:
    """For any JSON in the queue the check returns a fault, and never raises."""
    assert fault_in(json.dumps(value).encode()) is not None


@given(st.binary())
def test_any_bytes_are_judged(value: bytes) -> None:
    """For any bytes in the queue the check never raises."""
    assert fault_in(value) is not None


@given(st.sampled_from(sorted(message())), junk)
def test_a_damaged_hint_is_judged(part: str, value: Any) -> None:
    """A hint with any part replaced is refused or harmless, and the check never raises."""
    assert judged(message() | {part: value}) in {None, *Fault}
