"""Whether the scores of each model at each site make sense.

With calls it asks itself; without, it tells what a worker found out at its last check.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from secrets import token_hex
from time import time
from typing import Final

from rerankq.accounts.score_turns import ScoreTurns
from rerankq.counting import counted
from rerankq.doctor.check import Check, SetUp
from rerankq.doctor.finding import CannotCheckError, Finding, fault, note, ok, warning
from rerankq.errors import SettingsError
from rerankq_worker.doctor.set_up import models_of, sites_or_none
from rerankq_worker.limits.score_checks import CHECK_ID, SANE
from rerankq_worker.provider import HttpProvider
from rerankq_worker.upstream.dialects import DIALECTS
from rerankq_worker.upstream.errors import (
    CHECK_ADDRESS,
    KeyRefused,
    Malformed,
    ModelUnavailable,
    OutOfCredit,
    Refused,
    Throttled,
    Unreachable,
    UpstreamError,
    WrongEndpoint,
)
from rerankq_worker.upstream.known_pairs import (
    CALL_TOKENS,
    QUESTIONS,
    Question,
    ScoreFault,
    fault_in,
    fault_of,
    is_best_first,
)
from rerankq_worker.upstream.port import Answer, Call
from rerankq_worker.upstream.score_scale import ScoreScale
from rerankq_worker.upstream.sites import Site

CALL_SECONDS: Final = 30.0
ASKED: Final = QUESTIONS[:2]
"""In English and in Chinese. Both must go wrong before scores are called nonsense."""
_ADVICE: Final = (
    "check the model, its template and its server: jobs get wrong rankings "
    "(docs/limits.md#scores-that-make-no-sense)"
)


def checks(set_up: SetUp) -> Iterator[Check]:
    """One check for each model at each site."""
    for site in sites_or_none(set_up):
        for model in models_of(site, set_up):
            calls = (
                f"{counted(len(ASKED), 'call')} of about {CALL_TOKENS} tokens to {model} at "
                f"{site.name}"
            )
            yield Check(
                f"scores of {model} at {site.name}",
                partial(_asked if set_up.calls else _remembered, site, model),
                seconds=len(ASKED) * CALL_SECONDS + 5,
                cost=calls,
            )


async def _remembered(site: Site, model: str, set_up: SetUp) -> list[Finding]:
    last = await ScoreTurns(await set_up.redis.store()).last(site.name, model)
    if last is None or not last.outcome:
        raise CannotCheckError("no worker has checked them lately: --call makes calls that do")
    minutes = max(0.0, time() - last.at) / 60
    said = f"a worker checked them {minutes:,.0f} minutes ago"
    if last.outcome == SANE:
        return [ok("scores_sane", f"{said}: they make sense")]
    return [fault("scores_nonsense", f"{said}: they are nonsense ({last.outcome})", _ADVICE)]


async def _asked(site: Site, model: str, _: SetUp) -> list[Finding]:
    answers: list[tuple[Question, Answer]] = []
    faults: list[ScoreFault] = []
    dialect = DIALECTS[site.dialect](**site.options)
    try:
        async with HttpProvider(
            url=site.url, dialect=dialect, call_seconds=CALL_SECONDS
        ) as provider:
            for question in ASKED:
                try:
                    answer = await provider.rerank(_call(site, model, question))
                except Unreachable:
                    raise
                except UpstreamError as error:
                    if not (wrong := fault_in(error)):
                        return [_failed(error)]
                    faults.append(wrong)
                else:
                    answers.append((question, answer))
                    faults += [each for each in [fault_of(question, answer)] if each]
    except (SettingsError, Unreachable):
        # The check of the site says why.
        raise CannotCheckError("the site cannot be called from here") from None
    return _judged(answers, faults, site.scales.of(model))


def _call(site: Site, model: str, question: Question) -> Call:
    key = site.accounts[0].keys[0].authorization
    return Call(f"{CHECK_ID}{token_hex(8)}", 1, question.request(model), model, key)


def _failed(error: UpstreamError) -> Finding:
    status = f", status {error.status}" if error.status else ""
    what = f"the call brought no ranking: {error} ({error.code}{status})"
    advice = next(words for kind, words in _WHAT_TO_DO if isinstance(error, kind))
    return fault("call_failed", what, advice)


_WHAT_TO_DO: Final[Sequence[tuple[type[UpstreamError], str]]] = (
    (OutOfCredit, "top the account up, or use another key"),
    (KeyRefused, "check that the key is right, belongs to this site, and may use this model"),
    (ModelUnavailable, "check RERANKQ_MODEL, or models of the site in RERANKQ_UPSTREAM_FILE"),
    (Throttled, "run it again later: the account is asked to slow down"),
    # A site that refuses so small a request is most likely not what it is taken for.
    (Refused, CHECK_ADDRESS),
    (WrongEndpoint, CHECK_ADDRESS),
    (Malformed, CHECK_ADDRESS),
    (UpstreamError, "run it again; docs/upstream.md explains the causes"),
)
"""From the particular to the general: the first that fits is used."""


def _judged(
    answers: Sequence[tuple[Question, Answer]],
    faults: Sequence[ScoreFault],
    scale: ScoreScale | None,
) -> list[Finding]:
    if len(faults) == len(ASKED):
        what = f"scores of known pairs {' and '.join(dict.fromkeys(e.in_words for e in faults))}"
        return [fault("scores_nonsense", what, _ADVICE)]
    if faults:
        what = f"one of two answers was nonsense: scores of known pairs {faults[0].in_words}"
        return [warning("scores_odd", what, "run it again; one of several servers may be at fault")]
    worse = [question.query for question, answer in answers if not is_best_first(question, answer)]
    if worse:
        what = f"the best document is not first for {' and '.join(map(repr, worse))}"
        return [warning("scores_weak", what, "try another model: this one ranks badly")]
    scores = [row.raw for _, answer in answers for row in answer.scores]
    least, most = min(scores), max(scores)
    sane = ok("scores_sane", f"known pairs are in order; scores from {least:.3g} to {most:.3g}")
    return [sane, *_of_another_scale(least, most, scale)]


def _of_another_scale(least: float, most: float, scale: ScoreScale | None) -> Iterator[Finding]:
    """What the range of raw scores shows about the scale that the site declares."""
    are_within, span = least >= 0 and most <= 1, f"from {least:.3g} to {most:.3g}"
    if scale is ScoreScale.PROBABILITY and not are_within:
        what = f"the site declares probabilities, but scores are {span}, not within 0 and 1"
        yield warning("scores_not_probabilities", what, f'{_DECLARE} "logit", if they are logits')
    elif scale is ScoreScale.LOGIT and are_within:
        what = f"the site declares logits, but all scores are {span}, as probabilities are"
        advice = f'{_DECLARE} "probability": else results have probabilities of probabilities'
        yield warning("scores_not_logits", what, advice)
    elif scale is None and not are_within:
        what = f"scores are raw, {span}, not within 0 and 1"
        advice = f'{_DECLARE} "logit" to get probabilities, or make thresholds for these scores'
        yield note("scores_raw", what, advice)


_DECLARE: Final = "set RERANKQ_SCORES, or scores of the site in RERANKQ_UPSTREAM_FILE, to"
