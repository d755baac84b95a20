"""What all parts of `AsyncBatch` stand on."""

from rerankq.client.batches.parts import BatchParts
from rerankq.contract import BatchOptions


class OneBatch:
    """One batch of a client.

    Args:
        parts: of the client.
        batch_id: the batch.
        options: how it is opened; None for a batch that was opened earlier.
    """

    def __init__(
        self, parts: BatchParts, batch_id: str, options: BatchOptions | None = None
    ) -> None:
        self._parts = parts
        self._id = batch_id
        self._options = options

    def __repr__(self) -> str:
        return f"<rerank batch {self.id}>"

    @property
    def id(self) -> str:
        """The batch's id, with which any process can come back to it."""
        return self._id
