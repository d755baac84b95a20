"""The vendors' formats of requests and answers: one module for each dialect, with all its facts.

dialect        the base class: what most vendors have in common
reading        reads parts of an answer without trusting it
same_document  whether a document in an answer is the job's own

cohere         Cohere
dashscope      DashScope
dmxapi         DMXAPI and other gateways of its family
jina           Jina
siliconflow    SiliconFlow
tei            Hugging Face's Text Embeddings Inference
vllm           vLLM
vllm_score     vLLM's scores of pairs
voyage         Voyage
"""

from collections.abc import Mapping
from typing import Final

from rerankq_worker.upstream.dialects.cohere import Cohere
from rerankq_worker.upstream.dialects.dashscope import Dashscope
from rerankq_worker.upstream.dialects.dialect import Dialect
from rerankq_worker.upstream.dialects.dmxapi import Dmxapi
from rerankq_worker.upstream.dialects.jina import Jina
from rerankq_worker.upstream.dialects.siliconflow import Siliconflow
from rerankq_worker.upstream.dialects.tei import Tei
from rerankq_worker.upstream.dialects.vllm import Vllm
from rerankq_worker.upstream.dialects.vllm_score import VllmScore
from rerankq_worker.upstream.dialects.voyage import Voyage

DIALECTS: Final[Mapping[str, type[Dialect]]] = {
    "dmxapi": Dmxapi,
    "jina": Jina,
    "cohere": Cohere,
    "siliconflow": Siliconflow,
    "voyage": Voyage,
    "vllm": Vllm,
    "vllm-score": VllmScore,
    "tei": Tei,
    "dashscope": Dashscope,
}
"""The dialects by their names in settings; each is made with the options of its site."""

__all__ = ["DIALECTS", "Dialect"]
