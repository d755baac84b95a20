"""The rerank endpoint behind `upstream.Provider`: HTTP, with foreign errors mapped here.

A transport of our own makes the calls: with httpx's transport a call costs more CPU than all the
rest of a job (docs/performance.md). From httpx it takes URLs and the error classes that tell a
connection that could not be made from one that broke.
"""

from rerankq_worker.provider.http import HttpProvider

__all__ = ["HttpProvider"]
