"""The playground: ranks pasted documents, and shows the scores, the request and what it cost."""

import json
import shlex
from typing import Any

from rerankq.contract import RerankResult
from rerankq.errors import InvalidRequest, RerankqError
from rerankq_gateway.console.answers import Answer, Page
from rerankq_gateway.console.elements import choice, facts, field, problem, section
from rerankq_gateway.console.markup import Html, joined, tag
from rerankq_gateway.console.visit import Visit
from rerankq_gateway.console.words import count, duration, short
from rerankq_gateway.errors import problem_of

_SPLITS = {"lines": "a line each", "blank": "blank lines between them"}
_QUERY = "How do I prevent a cold?"
_DOCUMENTS = "Wash your hands often.\nThe stock market fell.\nSleep enough, and drink tea."


async def page(visit: Visit) -> Answer:
    """The form, with a sample."""
    visit.form = {"query": [_QUERY], "documents": [_DOCUMENTS], "split": ["lines"]}
    return Page("Playground", _form(visit), "playground")


async def rank(visit: Visit) -> Answer:
    """Rank them: an interactive job as any other, under the visitor's quotas."""
    try:
        asked = _request(visit)
        seconds = visit.parts.settings.wait_seconds
        call = visit.client.rerank(
            **asked, return_documents=False, deadline_seconds=seconds, timeout=seconds
        )
        ranked = await visit.parts.waiters.wait(visit.request, call)
    except RerankqError as error:
        wrong = problem_of(error)
        shown = joined(problem(wrong.message), _form(visit))
        return Page("Playground", shown, "playground", wrong.status)
    return Page("Playground", joined(_result(visit, asked, ranked), _form(visit)), "playground")


def _request(visit: Visit) -> dict[str, Any]:
    pasted = visit.given("documents")
    parts = pasted.split("\n\n") if visit.given("split") == "blank" else pasted.split("\n")
    documents = [each.strip() for each in parts if each.strip()]
    asked: dict[str, Any] = {"query": visit.given("query").strip(), "documents": documents}
    for name in ("model", "instruction"):
        if given := visit.given(name).strip():
            asked[name] = given
    if given := visit.given("top_n").strip():
        if not (given.isascii() and given.isdigit()):
            raise InvalidRequest("top_n", "must be a whole number")
        asked["top_n"] = int(given)
    return asked


def _form(visit: Visit) -> Html:
    query = tag("textarea", "\n", visit.given("query"), id="f-query", name="query", rows=2)
    documents = tag(
        "textarea", "\n", visit.given("documents"), id="f-documents", name="documents", rows=8
    )
    default = visit.parts.settings.model
    fields = tag(
        "div",
        choice("Documents are", "split", _SPLITS, visit.given("split")),
        field("Model", "model", visit.given("model"), placeholder=default),
        field("Best", "top_n", visit.given("top_n"), inputmode="numeric", placeholder="all"),
        field("Instruction", "instruction", visit.given("instruction")),
        class_="fields",
    )
    form = visit.form_to(
        ("playground",),
        tag("div", tag("label", "Query", for_="f-query"), query, class_="field"),
        tag("div", tag("label", "Documents", for_="f-documents"), documents, class_="field"),
        fields,
        tag("p", tag("button", "Rank", type="submit", class_="main")),
    )
    return section("Ask", form)


def _result(visit: Visit, asked: dict[str, Any], ranked: RerankResult) -> Html:
    documents: list[str] = asked["documents"]
    top = max((each.relevance_score for each in ranked.results), default=0.0)
    rows = [
        tag(
            "li",
            tag("div", documents[each.index]),
            tag(
                "div",
                tag("meter", min=0, max=max(top, 1.0), value=max(each.relevance_score, 0.0)),
                f" {each.relevance_score:.4f}",
                class_="score",
            ),
        )
        for each in ranked.results
    ]
    usage, timings = ranked.usage, ranked.timings
    told = facts(
        {
            "Model": ranked.model,
            "Tokens": count(usage.total_tokens) if usage.total_tokens else None,
            "Tokens, estimated": count(usage.estimated_tokens) if usage.estimated_tokens else None,
            "Waited": duration(timings.waited_seconds),
            "Call": duration(timings.upstream_seconds),
            "Attempts": str(ranked.attempts),
            "Job": tag("a", short(ranked.job_id), href=visit.to("jobs", ranked.job_id)),
        }
    )
    body = json.dumps(asked, ensure_ascii=False)
    pretty = json.dumps(asked, ensure_ascii=False, indent=2)
    return joined(
        section("Ranking", tag("ol", *rows, class_="ranking"), told),
        section("Request", _copied("request", pretty)),
        section("As a command", _copied("curl", _curl(visit, body))),
    )


def _copied(name: str, said: str) -> Html:
    button = tag("button", "Copy", type="button", data_copy=name, hidden=True)
    return tag("div", tag("pre", said, id=name, tabindex="0"), button, class_="copied")


def _curl(visit: Visit, body: str) -> str:
    """The same call by curl; the token is not in it, as the console does not know it."""
    request = visit.request
    host = request.headers.get(b"host", b"localhost").decode("latin-1")
    root = visit.parts.settings.root_path
    url = f"{request.scope.get('scheme', 'http')}://{host}{root}/v1/rerank"
    token = ' \\\n  -H "Authorization: Bearer $RERANKQ_TOKEN"' if visit.session else ""
    said = f"curl -s {shlex.quote(url)}{token}"
    return f"{said} \\\n  -H 'Content-Type: application/json' \\\n  -d {shlex.quote(body)}"
