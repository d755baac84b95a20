"""The console's pages: on a large screen in both colours, and on a phone."""

from typing import Final, Literal

from playwright.sync_api import Browser, ViewportSize

from screenshots.saving import FOLDER, save

LARGE: Final = ViewportSize(width=1280, height=860)
PHONE: Final = ViewportSize(width=360, height=760)
WATCHED_MS: Final = 40_000
"""So long a page of the overview is watched first: its lines begin when somebody looks."""


def console_pictures(browser: Browser, gateway: str, running: str, failed: str) -> None:
    """Take them, of a gateway without tokens.

    Args:
        browser: a Chromium.
        gateway: the gateway's address.
        running: a batch whose jobs still run.
        failed: a job that has failed.
    """
    batch = f"/batches/{running}"
    pictures: tuple[tuple[str, str, ViewportSize, Literal["light", "dark"]], ...] = (
        ("console-overview", "", LARGE, "light"),
        ("console-overview-dark", "", LARGE, "dark"),
        ("console-batch", batch, LARGE, "light"),
        ("console-job", f"/jobs/{failed}", LARGE, "light"),
        ("console-dead", "/dead", LARGE, "light"),
        ("console-phone", batch, PHONE, "dark"),
    )
    for number, (title, path, size, colours) in enumerate(pictures):
        with browser.new_context(viewport=size, color_scheme=colours) as context:
            page = context.new_page()
            page.goto(f"{gateway}/console{path}", wait_until="load")
            if number == 0:
                page.wait_for_timeout(WATCHED_MS)
            page.locator("main section").first.wait_for()
            save(context, page, FOLDER / f"{title}.webp")
