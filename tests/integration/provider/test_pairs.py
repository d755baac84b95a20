"""A call of pairs, sent to the stand-in: each pair has the score that a call of its own has."""

import asyncio

from rerankq.contract import RerankRequest
from rerankq_worker.provider.http import HttpProvider
from rerankq_worker.upstream.dialects.vllm_score import VllmScore
from rerankq_worker.upstream.pairs import PairsRequest
from rerankq_worker.upstream.port import Call
from running.sandbox import RunningSandbox

PAIRS = [("a blue pen", "ink"), ("a blue pen", "a pen"), ("cats", "a cat"), ("cats", "ink")]


async def scores(provider: HttpProvider, request: RerankRequest) -> dict[int, float]:
    answer = await provider.rerank(Call("job-1", 1, request, "m", "Bearer sk-1"))
    return {score.index: score.relevance_score for score in answer.scores}


def test_pairs_have_the_scores_of_calls_of_their_own() -> None:
    """One call ranks documents for several queries, exactly as one call for each."""

    async def asked(url: str) -> None:
        dialect = VllmScore()
        async with HttpProvider(url=url, dialect=dialect, call_seconds=20) as provider:
            alone = [RerankRequest(query=query, documents=(text,)) for query, text in PAIRS]
            together = await scores(provider, PairsRequest.of(alone[0], PAIRS))
            assert together == {
                index: (await scores(provider, request))[0] for index, request in enumerate(alone)
            }

    with RunningSandbox() as upstream:
        asyncio.run(asked(f"{upstream.base}/score"))
        assert [entry["documents"] for entry in upstream.log()] == [4, 1, 1, 1, 1]
