import orjson
import pytest

from rerankq.contract import RerankRequest
from rerankq_sandbox.error_table import ERRORS, Meaning, typical
from rerankq_sandbox.shapes import HTML_TYPE
from rerankq_worker.provider.error_answers import Reply, fault
from rerankq_worker.upstream import errors as upstream


def body(name: str) -> bytes:
    row = ERRORS[name]
    return row.shape.write(row.refusal(), "the-id")


def codes(shape_of: str) -> set[object]:
    return {
        orjson.loads(body(name))["error"]["code"]
        for name, row in ERRORS.items()
        if row.shape is ERRORS[shape_of].shape
    }


def test_gateway_codes_come_in_every_form() -> None:
    """A gateway's code is empty, null, a number or a word, from one row to the next."""
    assert {"", None, 500, "rate_limit"} <= codes("saturated")


def test_every_shape_is_sent_by_some_row() -> None:
    """The table has gateway, flat, detail, HTML and empty bodies, and an empty message."""
    assert orjson.loads(body("saturated"))["error"]["message"].endswith("(request id: the-id)")
    assert orjson.loads(body("saturated_rix"))["error"]["type"] == "rix_api_error"
    assert orjson.loads(body("server_error_empty_message"))["error"]["message"] == ""
    assert set(orjson.loads(body("rate_limit_flat"))) == {"code", "message", "data"}
    assert set(orjson.loads(body("rate_limit_detail"))) == {"detail"}
    assert isinstance(orjson.loads(body("unprocessable"))["detail"], list)
    assert b"Error code 524" in body("timeout_cloudflare")
    assert b"nginx" in body("bad_gateway_nginx")
    assert body("saturated_empty") == b""
    assert ERRORS["timeout_cloudflare"].shape.content_type == HTML_TYPE


def test_every_meaning_has_a_row() -> None:
    """There is a row for each meaning that a client must tell apart."""
    assert {row.meaning for row in ERRORS.values()} == {
        "throttled",
        "throttled for a window",
        "billing",
        "throttled or billing",
        "account",
        "permanent",
        "endpoint",
        "too large",
        "configuration",
        "transient",
        "malformed",
    }


REQUEST = RerankRequest(query="how to avoid a cold", documents=("wash your hands",))
TAKEN_FOR: dict[Meaning, set[type[upstream.UpstreamError]]] = {
    "throttled": {upstream.Throttled},
    "throttled for a window": {upstream.Throttled},
    "billing": {upstream.OutOfCredit},
    "throttled or billing": {upstream.QuotaInDoubt},
    "account": {upstream.BadKey},
    "permanent": {upstream.Refused, upstream.TooLarge, upstream.CallTooLarge},
    "too large": {upstream.TooLarge, upstream.CallTooLarge},
    "endpoint": {upstream.WrongEndpoint},
    "configuration": {upstream.ModelUnavailable},
    "transient": {upstream.Transient},
}


@pytest.mark.parametrize("name", [name for name, row in ERRORS.items() if row.status != 200])
def test_a_worker_understands_each_row(name: str) -> None:
    """The provider's error for each row fits the row's meaning."""
    row = ERRORS[name]
    error = fault(Reply(row.status, body(name)), REQUEST)
    assert type(error) in TAKEN_FOR[row.meaning]


@pytest.mark.parametrize("name", ERRORS)
def test_no_row_leaves_a_number_open(name: str) -> None:
    """Without a limit, the message of a row has default numbers."""
    assert "{minutes}" not in ERRORS[name].refusal().message
    assert "{limit}" not in ERRORS[name].refusal().message


@pytest.mark.parametrize("status", [401, 402, 403, 413, 418, 429, 500, 502, 503, 504])
def test_typical_refusals_have_their_status(status: int) -> None:
    """The usual refusal of a status has that status, and words."""
    assert typical(status).status == status
    assert typical(status).message
