"""The vendors' formats of requests and answers, each in its own file.

dialect      the base class
cohere       Cohere
dashscope    DashScope
dmxapi       DMXAPI and its family
jina         Jina
siliconflow  SiliconFlow
tei          Text Embeddings Inference
vllm         vLLM
vllm_score   vLLM's scores of pairs
voyage       Voyage
"""

from collections.abc import Mapping
from typing import Final, Literal

from rerankq_sandbox.dialects.cohere import COHERE
from rerankq_sandbox.dialects.dashscope import DASHSCOPE
from rerankq_sandbox.dialects.dialect import Dialect
from rerankq_sandbox.dialects.dmxapi import DMXAPI
from rerankq_sandbox.dialects.jina import JINA
from rerankq_sandbox.dialects.siliconflow import SILICONFLOW, SILICONFLOW_AS_DOCUMENTED
from rerankq_sandbox.dialects.tei import TEI
from rerankq_sandbox.dialects.vllm import VLLM
from rerankq_sandbox.dialects.vllm_score import VLLM_SCORE
from rerankq_sandbox.dialects.voyage import VOYAGE

DialectName = Literal[
    "dmxapi",
    "jina",
    "cohere",
    "siliconflow",
    "siliconflow-as-documented",
    "voyage",
    "vllm",
    "vllm-score",
    "tei",
    "dashscope",
]

DIALECTS: Final[Mapping[DialectName, Dialect]] = {
    "dmxapi": DMXAPI,
    "jina": JINA,
    "cohere": COHERE,
    "siliconflow": SILICONFLOW,
    "siliconflow-as-documented": SILICONFLOW_AS_DOCUMENTED,
    "voyage": VOYAGE,
    "vllm": VLLM,
    "vllm-score": VLLM_SCORE,
    "tei": TEI,
    "dashscope": DASHSCOPE,
}


_OF_THEIR_OWN: Final = (COHERE, TEI, DASHSCOPE, VLLM_SCORE)
"""Dialects that have their own path."""


def served(name: DialectName) -> list[Dialect]:
    """The dialects to serve: all that have their own path, and one at the shared path.

    At the shared path that is `name`, if it uses that path, or else DMXAPI.
    """
    by_path = {DMXAPI.path: DMXAPI}
    by_path |= {dialect.path: dialect for dialect in (*_OF_THEIR_OWN, DIALECTS[name])}
    return list(by_path.values())


__all__ = ["DIALECTS", "Dialect", "DialectName", "served"]
