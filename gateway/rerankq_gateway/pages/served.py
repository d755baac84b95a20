"""Serves the document and the page. Neither needs a token, nor anything from another server."""

import gzip
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

import orjson

from rerankq_gateway.asgi import HotHandler, HotRequest

OPEN_PATHS: Final = frozenset({"/docs", "/docs/redoc.js", "/openapi.json"})
_SCRIPT: Final = "redoc.standalone.js.gz"
_DAY: Final = (b"cache-control", b"public, max-age=86400")
_OWN_ONLY: Final = (
    b"content-security-policy",
    b"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; form-action 'none'",
)
_PAGE: Final = b"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>rerankq</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body { margin: 0 }</style></head>
<body>
<redoc spec-url="openapi.json" disable-search="true"></redoc>
<script src="docs/redoc.js"></script>
</body>
</html>
"""


def hot(document: Mapping[str, Any]) -> dict[tuple[str, str], HotHandler]:
    """`/openapi.json`, `/docs` and its script."""
    written = orjson.dumps(document)
    packed = files("rerankq_gateway.pages").joinpath(_SCRIPT).read_bytes()

    async def openapi(request: HotRequest) -> None:
        await request.answer(200, written)

    async def page(request: HotRequest) -> None:
        kind = (b"content-type", b"text/html; charset=utf-8")
        await request.answer(200, _PAGE, [kind, _OWN_ONLY])

    async def script(request: HotRequest) -> None:
        headers = [(b"content-type", b"text/javascript"), _DAY]
        if b"gzip" in request.headers.get(b"accept-encoding", b""):
            await request.answer(200, packed, [*headers, (b"content-encoding", b"gzip")])
        else:
            await request.answer(200, gzip.decompress(packed), headers)

    return {
        ("GET", "/openapi.json"): openapi,
        ("GET", "/docs"): page,
        ("GET", "/docs/redoc.js"): script,
    }
