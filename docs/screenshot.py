"""The image that heads the README, from the page of a session.

pytest suites/test_shapes.py --sdeval-set guidance_scale=1
python docs/screenshot.py reports/latest/index.html docs/report.png
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright


def main(page: Path, image: Path) -> None:
    """Open the page as a visitor sees it first, and save that."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1240, "height": 1180}, color_scheme="light")
        opened = context.new_page()
        opened.goto(page.resolve().as_uri())
        opened.wait_for_load_state("networkidle")
        opened.screenshot(path=image)
        browser.close()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
