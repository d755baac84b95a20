"""The rerank endpoint behind `upstream.Provider`: HTTP, with foreign errors mapped here."""

from rerankq_worker.provider.http import HttpProvider

__all__ = ["HttpProvider"]
