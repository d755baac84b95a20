"""A headless Chromium of this machine, for tests of pages."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, sync_playwright

from running.must_play import skip_or_fail

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
MAC: Final = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run it; the test is skipped where there is none."""
    program = next(filter(None, map(shutil.which, (*PROGRAMS, MAC))), None)
    if program is None:
        skip_or_fail("browser", "no Chromium is installed (Debian: apt-get install chromium)")
    # Its sandbox refuses to run as root, as in a container.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        try:
            yield browser
        finally:
            browser.close()
