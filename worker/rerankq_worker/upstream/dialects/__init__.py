"""The vendors' ways of asking and answering: one module a dialect, with all that is known of it."""

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
from rerankq_worker.upstream.dialects.voyage import Voyage

DIALECTS: Final[Mapping[str, type[Dialect]]] = {
    "dmxapi": Dmxapi,
    "jina": Jina,
    "cohere": Cohere,
    "siliconflow": Siliconflow,
    "voyage": Voyage,
    "vllm": Vllm,
    "tei": Tei,
    "dashscope": Dashscope,
}
"""By the names that settings give them; each is made from the options of its site."""

__all__ = ["DIALECTS", "Dialect"]
