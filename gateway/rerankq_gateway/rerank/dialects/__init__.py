"""The forms of rerank calls and their answers, one module each; all of them are pure.

The form is recognised by the call itself, never by a setting: one gateway serves all clients.

call      a call in the form that all dialects are read into
ranking   a ranking in the form that all dialects are written from
dialect   the interface of a dialect
fields    reads the fields of a body
superset  the form of Jina, vLLM and most others
cohere    Cohere's form
voyage    Voyage's form
tei       TEI's form
score     vLLM's form of scoring
"""

from collections.abc import Mapping
from typing import Any, Final

from rerankq_gateway.rerank.dialects.call import Call, Question
from rerankq_gateway.rerank.dialects.cohere import Cohere
from rerankq_gateway.rerank.dialects.dialect import Dialect
from rerankq_gateway.rerank.dialects.ranking import Ranking, Row
from rerankq_gateway.rerank.dialects.score import Score
from rerankq_gateway.rerank.dialects.superset import Superset
from rerankq_gateway.rerank.dialects.tei import Tei
from rerankq_gateway.rerank.dialects.voyage import Voyage

SUPERSET: Final = Superset()
COHERE_1: Final = Cohere("1")
COHERE_2: Final = Cohere("2")
VOYAGE: Final = Voyage()
TEI: Final = Tei()
SCORE: Final = Score()

_OF_SCORE: Final = ("queries", "text_1", "data_1", "items")
_OF_VOYAGE: Final = ("top_k", "truncation")


def dialect_of(path: str, user_agent: str, fields: Mapping[str, Any]) -> Dialect:
    """The form of a call.

    Args:
        path: of the route.
        user_agent: the header, empty without one.
        fields: of the body.
    """
    if "texts" in fields:
        return TEI
    if path.endswith("/score") or any(name in fields for name in _OF_SCORE):
        return SCORE
    agent = user_agent.lower()
    if "voyage" in agent or any(name in fields for name in _OF_VOYAGE):
        return VOYAGE
    if path.startswith("/v2/"):
        return COHERE_2
    if "cohere" in agent:
        return COHERE_1
    return SUPERSET


__all__ = ["TEI", "Call", "Dialect", "Question", "Ranking", "Row", "dialect_of"]
