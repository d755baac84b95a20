"""Jobs that are encoded before they are submitted, for programs that read many of them.

`AsyncBatch.prepare` makes one of a draft, and a feed of the batch takes them.
"""

from rerankq.ledger.intake import PreparedJob

__all__ = ["PreparedJob"]
