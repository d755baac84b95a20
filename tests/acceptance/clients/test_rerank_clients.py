"""Rerank clients of others, as their users call them: only address and key are changed."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from uuid import uuid4

import pytest

from running.foreign_clients import SECONDS, Deployment, Task, play
from running.must_play import skip_or_fail

COHERE = ("UnauthorizedError", "UnprocessableEntityError", "TooManyRequestsError")
VOYAGE = ("AuthenticationError", "MalformedRequestError", "RateLimitError")
OPENAI = ("AuthenticationError", "UnprocessableEntityError", "RateLimitError")
NPM_COHERE = ("UnauthorizedError", "UnprocessableEntityError", "TooManyRequestsError")
NPM_VOYAGE = ("Status code: 401", "Status code: 422", "Status code: 429")
# Speaks HTTP by itself, and raises what the gateway says.
JINA = ("RuntimeError: .*token", "RuntimeError: .*documents", "RuntimeError: .*in a minute")

PROGRAMS: list[tuple[str, str, tuple[str, ...]]] = [
    ("openai", "openai_rerank.py", OPENAI),
    ("cohere5", "cohere_v1.py", COHERE),
    ("cohere5", "cohere_v2.py", COHERE),
    ("cohere6", "cohere_v1.py", COHERE),
    ("cohere6", "cohere_v2.py", COHERE),
    ("cohere7", "cohere_v1.py", COHERE),
    ("cohere7", "cohere_v2.py", COHERE),
    ("voyageai", "voyage.py", VOYAGE),
    # Inside LangChain and LlamaIndex, Cohere's client waits for its quota, and is served then.
    ("langchain", "langchain_cohere_rerank.py", COHERE[:2]),
    ("langchain", "langchain_voyage_rerank.py", VOYAGE),
    ("llamaindex", "llamaindex_cohere.py", COHERE[:2]),
    ("llamaindex", "llamaindex_jina.py", JINA),
    # Reads no status: whatever is no ranking breaks it.
    ("llamaindex", "llamaindex_tei.py", ()),
    ("npm", "cohere.mjs", NPM_COHERE),
    ("npm", "voyage.mjs", NPM_VOYAGE),
]
"""Environment, program, and how its client calls a wrong key, a wrong call and a used-up quota."""


@pytest.mark.parametrize(
    ("environment", "program", "told"), PROGRAMS, ids=[f"{each[0]}-{each[1]}" for each in PROGRAMS]
)
def test_a_client_gets_rankings_and_its_own_errors(
    deployment: Deployment, task: Task, environment: str, program: str, told: tuple[str, ...]
) -> None:
    """Places and scores are those of a plain call; each refusal has the client's own name."""
    tenant = f"tenant-{uuid4()}"
    deployment.client.tenants.set(tenant, requests=1)
    throttled = deployment.task(tenant)
    assert throttled.answer().ok
    refused = (
        replace(task, key="rk_of-nobody"),
        replace(task, documents=("a document", "")),
        throttled,
    )
    answered, *others = play(program, environment, task, *refused[: len(told)])
    assert answered == {"ranked": task.ranked()}
    assert len(answered["ranked"]) == task.top_n
    assert answered["ranked"][0][0] == 1
    for name, said in zip(told, others, strict=True):
        assert re.search(name, said.get("raised", "")), said


def test_tei_is_called_by_curl(task: Task) -> None:
    """The calls of TEI's own page: a bare list, and errors in its form."""
    curl = shutil.which("curl") or skip_or_fail("curl", "there is no curl")

    def asked(body: str) -> str:
        return subprocess.run(
            [
                *(curl, "--silent", f"{task.url}/rerank", "-X", "POST", "-d", body),
                *("-H", "Content-Type: application/json"),
                *("-H", f"Authorization: Bearer {task.key}"),
            ],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        ).stdout

    query = '"query": "What is Deep Learning?"'
    texts = '"texts": ["Cheese is food", "Deep Learning is learning"]'
    plain = json.loads(asked(f'{{{query}, {texts}, "raw_scores": false}}'))
    assert [sorted(each) for each in plain] == [["index", "score"]] * 2
    assert plain[0]["index"] == 1
    assert plain[0]["score"] > plain[1]["score"]
    with_texts = json.loads(asked(f'{{{query}, {texts}, "return_text": true}}'))
    assert with_texts[0]["text"] == "Deep Learning is learning"
    refused = json.loads(asked(f'{{{query}, "texts": []}}'))
    assert isinstance(refused["error"], str)
    assert refused["error_type"]


def test_the_vendors_own_sample_runs_against_the_gateway(owners_page: str, task: Task) -> None:
    """The vendor's Python sample runs; only its URL and key are changed, the key stays bare."""
    found = re.search(r"```python\n(.*?)```", owners_page, re.DOTALL)
    assert found
    sample = found[1].replace("https://www.dmxapi.cn/v1/rerank", f"{task.url}/v1/rerank")
    sample = re.sub(r'"sk-\*+"', repr(task.key), sample)
    assert task.key in sample
    done = subprocess.run(
        [sys.executable, "-c", sample],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "'relevance_score': " in done.stdout
