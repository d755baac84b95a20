"""The rerank endpoint behind `upstream.Provider`: httpx, one file a dialect, errors mapped here."""

from rerankq_worker.provider.dialects import DIALECTS
from rerankq_worker.provider.http import HttpProvider

__all__ = ["DIALECTS", "HttpProvider"]
