"""What all routes of batches take and answer."""

from typing import Annotated

import orjson
from fastapi import Path
from fastapi.responses import Response

from rerankq.contract import BatchStatus, Scope
from rerankq_gateway.access.principal import ACTING
from rerankq_gateway.asgi import HotRequest
from rerankq_gateway.asgi.cold import needs
from rerankq_gateway.batches.openai import batch_object

Reader = Annotated[HotRequest, needs(Scope.READ)]
Submitter = Annotated[HotRequest, needs(Scope.SUBMIT)]
Acting = Annotated[HotRequest, needs(*ACTING)]
BatchId = Annotated[
    str,
    Path(description="The batch's id.", examples=["batch-0f0a2f9e-3d0b-4f0e-9a63-6a9a0a3b6d10"]),
]


def shown(status: BatchStatus) -> Response:
    """The batch as JSON."""
    return as_json(orjson.dumps(batch_object(status)))


def as_json(content: bytes) -> Response:
    """An answer with JSON."""
    return Response(content, media_type="application/json")
