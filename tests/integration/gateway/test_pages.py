"""The description of the routes."""

import re

import requests

from running.gateway import GatewayProcess


def test_the_description_is_whole(gateway: GatewayProcess) -> None:
    """Every route is described, every reference leads somewhere, and no answer is undescribed."""
    document = requests.get(f"{gateway.url}/openapi.json", timeout=30).json()
    assert document["openapi"].startswith("3.1")
    assert {"/v1/jobs", "/v1/jobs/{job_id}", "/live", "/ready"} <= document["paths"].keys()
    known = document["components"]["schemas"]
    references = re.findall(r"#/components/schemas/(\w+)", str(document))
    assert set(references) <= known.keys()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            assert operation["summary"], (method, path)
            assert all(each["description"] for each in operation["responses"].values())


def test_refusals_are_described(gateway: GatewayProcess) -> None:
    """Where a token is needed, each refusal that any route has is described, in the one body."""
    document = requests.get(f"{gateway.url}/openapi.json", timeout=30).json()
    assert not {"HTTPValidationError", "ValidationError"} & document["components"]["schemas"].keys()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if operation.get("security") == []:
                continue
            answers = operation["responses"]
            always = {"400", "401", "403", "422", "429", "500", "503"}
            assert always <= answers.keys(), (method, path)
            if operation.get("requestBody"):
                assert {"408", "413", "415"} <= answers.keys(), (method, path)
            for status, answer in answers.items():
                assert status < "400" or "schema" in answer["content"]["application/json"]


def test_the_page_needs_no_other_server(gateway: GatewayProcess) -> None:
    """The page names nothing of another server, may load nothing from one, and has its script."""
    page = requests.get(f"{gateway.url}/docs", timeout=30)
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert "://" not in page.text
    for encoding in ("gzip", "identity"):
        script = requests.get(
            f"{gateway.url}/docs/redoc.js", headers={"accept-encoding": encoding}, timeout=30
        )
        assert "Redoc" in script.text
