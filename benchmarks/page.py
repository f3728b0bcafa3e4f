"""How fast the page opens: seconds to the first paint of a session with 2,000 images, in Chromium, and its size.

python -m benchmarks.page
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, sync_playwright

from tests.report.pages import session_page

OPENED = 7
METRICS = ("region_clip_score", "sharpness", "noise", "outside_change", "seam")
"""Besides the first."""
PAINTS = "performance.getEntriesByType('paint').find(each => each.name === 'first-contentful-paint')?.startTime ?? null"


def first_paint(browser: Browser, page: Path) -> float:
    """Milliseconds until something is seen, in a browser that has not seen the page."""
    context = browser.new_context()
    opened = context.new_page()
    opened.goto(page.as_uri(), wait_until="load")
    paint = opened.wait_for_function(PAINTS).json_value()
    context.close()
    return float(paint)


def main() -> int:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        started = time.monotonic()
        page = session_page(Path(folder), cases=500, seeds=4, metrics=METRICS)
        seconds = time.monotonic() - started
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        paints = [first_paint(browser, page) for _ in range(OPENED)]
        print(
            f"2,000 images, 6 metrics: {page.stat().st_size / 1e6:.2f} MB; made, with its session, in {seconds:.1f} s"
        )
        print(f"first paint: median {median(paints):.0f} ms, slowest {max(paints):.0f} ms, of {OPENED}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
