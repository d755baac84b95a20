"""The rerank endpoint behind `upstream.Provider`: HTTP, with foreign errors mapped here.

A transport of our own makes the calls: with httpx's a call costs more CPU than all the rest of a
job (docs/performance.md). Of httpx it has what every HTTP client needs: URLs, and the classes of
errors by which a connection that was not made is told from one that broke.
"""

from rerankq_worker.provider.http import HttpProvider

__all__ = ["HttpProvider"]
