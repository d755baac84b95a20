"""An uploaded file, as the ledger knows it; its bytes are elsewhere."""

from typing import Annotated

from pydantic import Field, StringConstraints

from rerankq.contract.batch import TenantName
from rerankq.contract.message import Message

FileId = Annotated[str, StringConstraints(pattern=r"^file-[0-9a-f]{32}$")]


class FileRecord(Message):
    """What is known of an uploaded file. Times are Unix seconds by Redis' clock.

    Attributes:
        id: names the file, also where its bytes are kept.
        filename: the uploader's own name for it.
        bytes: its size.
        sha256: of its bytes, in hexadecimal digits.
        purpose: what it was uploaded for, in OpenAI's words.
        tenant: whose it is; None for the operator's.
        expires_at: when it is deleted; None for never.
    """

    id: FileId
    filename: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    purpose: Annotated[str, StringConstraints(pattern=r"^[a-z_-]{1,32}$")]
    tenant: TenantName | None = None
    created_at: float
    expires_at: float | None = None
