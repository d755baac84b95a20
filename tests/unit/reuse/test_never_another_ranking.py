"""Reuse never changes a ranking: random jobs, tenants, sites and models, and whatever is stored."""

import asyncio
from hashlib import blake2b
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rerankq.contract import RerankRequest
from rerankq.score_cache.stored_score import entries
from rerankq_worker.limits.route import Route
from rerankq_worker.reuse.score_reuse import ScoreReuse
from rerankq_worker.upstream.port import Answer, Score, best_first
from rerankq_worker.upstream.score_scale import Scales, ScoreScale, on_one_scale
from rerankq_worker.upstream.sites import Account, Key, Site
from running.fake_limits import NO_LIMITS, FakeProvider, Network, permits
from running.fake_score_cache import FakeScoreCache

TEXTS = st.sampled_from(["a", "b", "c", "d", "a ", "e\u0301", "\u00e9"])

jobs = st.fixed_dictionaries(
    {
        "tenant": st.none() | st.sampled_from(["t", "u"]),
        "site": st.integers(0, 1),
        "request": st.builds(
            RerankRequest,
            model=st.sampled_from(["m", "n", "jina-reranker-v3"]),
            query=st.sampled_from(["q", "r"]),
            documents=st.lists(TEXTS, min_size=1, max_size=5, unique=True).map(tuple),
            instruction=st.none() | st.sampled_from(["", "i"]),
            top_n=st.none() | st.integers(1, 5),
        ),
    }
)
stores = st.fixed_dictionaries(
    {
        "state": st.sampled_from(["on", "away", "full", "comes back"]),
        "damaged_bit": st.none() | st.integers(0, 95),
        "foreign": st.booleans(),
        "new_epoch_at": st.none() | st.integers(0, 8),
    }
)
sites = st.fixed_dictionaries(
    {
        "scales": st.sampled_from([Scales(), Scales(ScoreScale.LOGIT)]),
        "options": st.sampled_from([{}, {"truncate_prompt_tokens": 9}]),
        "scores_as": st.none() | st.just("same"),
    }
)


def given_by(site: Site, model: str, tenant: str | None, request: RerankRequest) -> Answer:
    """What a site answers: a score that all that is asked decides. Equal sites give the same."""
    whose = site.scores_as or f"{site.name} {model}"
    told = [whose, request.model, sorted(site.options.items()), tenant, request.instruction]
    scores = [
        Score(
            at, int.from_bytes(blake2b(repr([told, request.query, text]).encode()).digest()[:2]) / 7
        )
        for at, text in enumerate(request.texts())
    ]
    return on_one_scale(Answer(sorted(scores, key=best_first), 1, 1, None), site.scales.of(model))


async def ranked(
    reuse: ScoreReuse, tenant: str | None, request: RerankRequest, site: Site, model: str
) -> tuple[Site, Answer]:
    """The answer to a job as an attempt gets it: by which site, and with what is known."""
    known = await reuse.known(tenant, request)
    if known is None:
        return site, given_by(site, model, tenant, request)
    try:
        if known.first.is_whole:
            return SITES[0], known.first.without_a_call()
        scores = known.of(site, model)
        if scores is None:
            return site, given_by(site, model, tenant, request)
        if scores.is_whole:
            return site, scores.without_a_call()
        answer = given_by(site, model, tenant, scores.rest(request))
        known.learn(scores, answer)
        return site, scores.whole(answer)
    finally:
        known.close()


SITES: list[Site] = []
"""Those of the example that is tried, the preferred one first."""


def _routes(settings: list[dict[str, Any]]) -> list[Route]:
    SITES.clear()
    for name, more in zip("ab", settings, strict=True):
        account = Account(name, (Key(name),), NO_LIMITS)
        SITES.append(Site(name, f"http://{name}/v1/rerank", "vllm", (account,), **more))
    return [
        Route(each, each.accounts[0].keys[0], FakeProvider(), permits(name=each.name))
        for each in SITES
    ]


@given(st.lists(jobs, min_size=1, max_size=12), stores, st.lists(sites, min_size=2, max_size=2))
def test_reuse_never_changes_a_ranking(
    work: list[dict[str, Any]], store: dict[str, Any], settings: list[dict[str, Any]]
) -> None:
    """With scores kept, lost, damaged, foreign or of another epoch: the same scores and order."""
    cache = FakeScoreCache()
    routes = _routes(settings)
    cache.away = store["state"] in ("away", "comes back")
    cache.is_full = store["state"] == "full"

    async def play() -> None:
        reuse = ScoreReuse(cache, routes, Network(a={}).routes.breakers)
        for at, job in enumerate(work):
            if store["state"] == "comes back" and at == len(work) // 2:
                cache.away = False
                reuse = ScoreReuse(cache, routes, Network(a={}).routes.breakers)
            if at == store["new_epoch_at"]:
                cache.epoch = b"another"
            site, request = SITES[job["site"]], job["request"]
            by, answer = await ranked(reuse, job["tenant"], request, site, request.model)
            wanted = given_by(by, request.model, job["tenant"], request)
            assert list(answer.scores) == list(wanted.scores)
            assert answer.scale == wanted.scale
            await reuse.leave()
            _damage(cache, store)
            if at % 2:
                # Without what this worker remembers itself, Redis is asked.
                reuse = ScoreReuse(cache, routes, Network(a={}).routes.breakers)

    asyncio.run(play())


def _damage(cache: FakeScoreCache, store: dict[str, Any]) -> None:
    keys = sorted(cache.scores)
    bit = store["damaged_bit"]
    for key in keys if bit is not None else ():
        cache.scores[key] = (int.from_bytes(cache.scores[key]) ^ (1 << bit)).to_bytes(12)
    if store["foreign"] and len(keys) > 1:
        # The entry of another pair, and one that another program wrote.
        cache.scores[keys[0]] = cache.scores[keys[1]]
        cache.scores[keys[1]] = next(iter(entries({keys[0]: 0.5}, b"foreign")))[12:]
