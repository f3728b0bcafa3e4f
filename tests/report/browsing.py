"""A page in a browser, watched for what it should not do."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Locator, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("CI"), reason="there is no Chromium on this machine"
)
"""Skips where there is no browser, but not in CI."""


@dataclass
class WatchedPage:
    """A page, and what it complained of."""

    page: Page
    complaints: list[str] = field(default_factory=list)

    def open(self, path: Path, hash_: str = "") -> Page:
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(path.as_uri() + hash_)
        return self.page

    def _listen(self, message: ConsoleMessage) -> None:
        # Chromium notes it where a test types before the page has looked for what to focus.
        if "Autofocus processing was blocked" not in message.text:
            self.complaints.append(message.text)


def cases_shown(page: Page) -> list[str]:
    """Cases that the page shows, in its order."""
    return page.locator("article").evaluate_all(
        "cards => cards.filter((card) => card.checkVisibility()).map((card) => card.dataset.case)"
    )


def address(page: Page) -> str:
    """Where the page is now; `page.url` is what Playwright last heard of it, which may be older."""
    return str(page.evaluate("location.href"))


def image_width(image: Locator) -> int:
    """How wide the file of an image is, once it is loaded."""
    image.page.wait_for_function("img => img.complete", arg=image.element_handle())
    return int(image.evaluate("img => img.naturalWidth"))


def wait_for_images(page: Page, selector: str) -> None:
    """Wait until every image that a selector names is loaded: a check that looks once may look too early."""
    page.wait_for_function(
        "selector => [...document.querySelectorAll(selector)].every((img) => img.complete && img.naturalWidth)",
        arg=selector,
    )
