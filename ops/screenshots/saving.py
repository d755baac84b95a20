"""Saves a picture of a page."""

import base64
import sys
from pathlib import Path
from typing import Final

from playwright.sync_api import BrowserContext, Page

FOLDER: Final = Path(__file__).parents[2] / "docs" / "images"
MOST_BYTES: Final = 150_000


def save(context: BrowserContext, page: Page, path: Path) -> None:
    """Save what is seen of a page."""
    taken = context.new_cdp_session(page).send(
        "Page.captureScreenshot", {"format": "webp", "quality": 80}
    )
    path.write_bytes(base64.b64decode(taken["data"]))
    size = path.stat().st_size
    sys.stdout.write(f"{path.name}: {size:,} bytes\n")
    if size > MOST_BYTES:
        sys.exit(f"{path.name} is larger than {MOST_BYTES:,} bytes")
