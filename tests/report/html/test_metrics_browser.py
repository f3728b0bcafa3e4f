"""The table of metrics in a browser: what a metric means on hover, focus and tap; print, widths, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.report.browsing import needs_browser
from tests.report.histories import session_with_history

pytestmark = needs_browser


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return session_with_history(tmp_path_factory.mktemp("metrics"))


@pytest.fixture
def page(browser: Browser, path: Path) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    opened.goto(path.as_uri())
    yield opened
    context.close()


@pytest.fixture
def row(page: Page) -> Locator:
    return page.locator("[id='r0-clip_score']")


def test_a_row_is_called_what_the_field_calls_it(row: Locator) -> None:
    assert row.locator(".about > code").inner_text() == "clip_score"
    assert "higher is better" in row.locator("th").inner_text()


def test_numbers_of_a_row_have_the_same_number_of_decimals(row: Locator) -> None:
    texts = [row.locator(f"[data-label={label}]").inner_text() for label in ("baseline", "current", "tolerance")]
    assert texts == ["30.00", "29.00", "0.50"]
    assert row.locator("[data-label=change]").inner_text() == "-1.00"


def test_what_a_metric_means_is_there_on_hover_and_goes_with_it(page: Page, row: Locator) -> None:
    tip = row.locator(".tip")
    expect(tip).to_be_hidden()
    row.locator(".about > code").hover()
    expect(tip).to_be_visible()
    expect(tip).to_contain_text("How well the image fits its prompt.")
    expect(tip).to_contain_text("docs/metrics.md#clip_score")
    page.locator("h1").hover()
    expect(tip).to_be_hidden()


def test_the_keyboard_opens_and_closes_it(page: Page, row: Locator) -> None:
    button, tip = row.get_by_role("button", name="about clip_score"), row.locator(".tip")
    button.focus()
    expect(tip).to_be_visible()
    expect(button).to_have_attribute("aria-expanded", "true")
    assert page.locator(f"[id='{button.get_attribute('aria-describedby')}']").count() == 1
    page.keyboard.press("Escape")
    expect(tip).to_be_hidden()
    expect(button).to_be_focused()
    page.keyboard.press("Enter")
    expect(tip).to_be_visible()
    page.keyboard.press("Tab")
    expect(tip).to_be_hidden()
    expect(button).to_have_attribute("aria-expanded", "false")


def test_a_tap_opens_it_and_a_tap_elsewhere_closes_it(browser: Browser, path: Path) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(path.as_uri())
    button, tip = page.locator("[id='r0-clip_score'] .about button"), page.locator("[id='r0-clip_score'] .tip")
    button.tap()
    expect(tip).to_be_visible()
    button.tap()
    expect(tip).to_be_hidden()
    button.tap()
    page.locator("[id='r0-clip_score'] .verdict").tap()
    expect(tip).to_be_hidden()
    context.close()


def test_a_sparkline_says_what_it_shows(row: Locator) -> None:
    spark = row.locator(".sparkline")
    label = spark.get_attribute("aria-label") or ""
    assert label.startswith("clip_score over 15 sessions: 30.19 to 29.")
    assert "baselines accepted" in label
    expect(spark.locator(".accepted")).to_have_count(2)
    expect(spark.locator(".current")).to_have_count(1)


def test_bounds_are_said_as_well_as_drawn(row: Locator) -> None:
    label = row.locator("svg.bar").get_attribute("aria-label")
    assert label == "change -1.00, 95% bounds -1.40 and -0.60, tolerance 0.50"


def test_bars_are_printed_and_buttons_and_past_sessions_are_not(page: Page, row: Locator) -> None:
    page.emulate_media(media="print")
    assert row.locator("svg.bar .interval").evaluate("part => getComputedStyle(part).fill") != "none"
    expect(row.locator(".sparkline")).to_be_hidden()
    expect(row.locator(".about button")).to_be_hidden()
    # Only backgrounds are dropped by printers.
    assert row.locator("svg.bar").evaluate("bar => getComputedStyle(bar).backgroundImage") == "none"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440, 2560])
def test_it_can_be_read_by_everybody_at_any_width(browser: Browser, path: Path, scheme: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    page.locator(".about button").first.focus()
    page.locator("details.how summary").first.click()
    page.locator(".about button").first.focus()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator(".tip:visible").first.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert Axe().run(page).response["violations"] == []
    assert complaints == []
    context.close()
