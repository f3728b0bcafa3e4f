"""A comparison on paper, printed by Chromium: the tables, then a line for each case."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.report.browsing import needs_browser
from tests.report.html.test_comparison_browser import BROKEN, comparison, page_of
from tests.report.html.test_print_browser import count, height, printed

pytestmark = needs_browser

CASES = 100
SETTINGS = (4, 12)


@pytest.fixture(scope="module", params=SETTINGS)
def settings(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, settings: int) -> Path:
    where = tmp_path_factory.mktemp("comparison")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.report.html.test_comparison_browser.CASES", CASES)
        return page_of(where, comparison(where, settings=settings))


@pytest.fixture
def page(browser: Browser, path: Path) -> Iterator[Page]:
    context = browser.new_context(color_scheme="dark")
    opened = context.new_page()
    opened.goto(path.as_uri())
    yield opened
    context.close()


def test_a_hundred_cases_take_at_most_two_pages_with_all_their_images(page: Page, settings: int) -> None:
    pdf = printed(page)
    assert count(pdf, "Type /Page") <= 2
    assert count(pdf, "Subtype /Image") >= CASES * settings


def test_no_control_is_on_paper_and_the_tables_and_bars_are(page: Page) -> None:
    page.emulate_media(media="print")
    for selector in ("nav", "dialog", "input", "select", "summary", ".commands", "button:not(.shot)"):
        assert page.locator(f"{selector}:visible").count() == 0, selector
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.locator(".matrix").is_visible()
    assert page.locator(".plots svg").is_visible()
    page.set_viewport_size({"width": 733, "height": 1062})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_case_is_one_line_of_the_seed_that_is_broken_or_lost_most(page: Page) -> None:
    page.emulate_media(media="print")
    case, seed = BROKEN
    lines = page.locator("article:visible")
    assert lines.count() == CASES
    assert page.locator(f"article[data-case={case}]:visible").get_attribute("data-seed") == str(seed)
    assert height(page, "article:visible >> nth=9") < 8


def test_what_a_filter_hides_is_not_on_paper(page: Page) -> None:
    page.locator("#search").fill("case-77")
    page.emulate_media(media="print")
    assert page.locator("article:visible").count() == 1
