"""Files as OpenAI's clients know them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from rerankq.contract import FileRecord

PURPOSE: Final = "batch"


def file_fields(record: FileRecord) -> dict[str, Any]:
    """The fields of a `FileObject`."""
    expires = record.expires_at
    return {
        "id": record.id,
        "object": "file",
        "bytes": record.bytes,
        "created_at": int(record.created_at),
        "expires_at": None if expires is None else int(expires),
        "filename": record.filename,
        "purpose": record.purpose,
        "status": "processed",
        "status_details": None,
    }


def file_object(record: FileRecord) -> bytes:
    """A `FileObject`."""
    return orjson.dumps(file_fields(record))


def page(objects: Sequence[Mapping[str, Any]], *, has_more: bool) -> bytes:
    """A page of a list; the next one is asked for with `after` and the last id."""
    return orjson.dumps(
        {
            "object": "list",
            "data": list(objects),
            "first_id": objects[0]["id"] if objects else None,
            "last_id": objects[-1]["id"] if objects else None,
            "has_more": has_more,
        }
    )
