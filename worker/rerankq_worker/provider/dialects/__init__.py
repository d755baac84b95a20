"""One module a dialect, and the names by which settings choose them."""

from collections.abc import Callable, Mapping
from typing import Final

from rerankq_worker.provider.dialect import Dialect
from rerankq_worker.provider.dialects.cohere import CohereDialect
from rerankq_worker.provider.dialects.dashscope import DashscopeDialect
from rerankq_worker.provider.dialects.dmxapi import DmxapiDialect
from rerankq_worker.provider.dialects.jina import JinaDialect
from rerankq_worker.provider.dialects.siliconflow import SiliconflowDialect
from rerankq_worker.provider.dialects.tei import TeiDialect
from rerankq_worker.provider.dialects.vllm import VllmDialect
from rerankq_worker.provider.dialects.voyage import VoyageDialect

DIALECTS: Final[Mapping[str, Callable[..., Dialect]]] = {
    "dmxapi": DmxapiDialect,
    "jina": JinaDialect,
    "cohere": CohereDialect,
    "siliconflow": SiliconflowDialect,
    "voyage": VoyageDialect,
    "vllm": VllmDialect,
    "tei": TeiDialect,
    "dashscope": DashscopeDialect,
}
"""What makes each, from the options of its site."""
