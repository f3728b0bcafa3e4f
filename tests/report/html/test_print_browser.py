"""The page on paper, printed by Chromium: everything of a session on a few light pages."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.report.browsing import needs_browser
from tests.report.pages import session_page

pytestmark = needs_browser

CASES = 100
MILLIMETRE = 96 / 25.4
"""Pixels of CSS in one."""
ACCENT = ".1647 .3412 .6588 rg"
"""Fills an area of a PDF with the colour of intervals."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("session")
    metrics = ("sharpness", "noise", "diversity", "duplicates", "seam")
    return session_page(folder, cases=CASES, seeds=2, metrics=metrics, prompts=["a woman with a hat on a bench"])


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, path: Path, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(color_scheme=request.param)
    opened = context.new_page()
    opened.goto(path.as_uri())
    yield opened
    context.close()


def printed(page: Page) -> bytes:
    """The PDF, once what printing needs is loaded; a print dialog waits for that by itself."""
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_for_function("[...document.images].every((img) => img.loading !== 'eager' || img.complete)")
    return page.pdf(format="A4")


def count(pdf: bytes, kind: str) -> int:
    return len(re.findall(rf"/{kind}\b".encode(), pdf))


def operations(pdf: bytes) -> str:
    """What a PDF paints."""
    texts = []
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        with suppress(zlib.error):
            texts.append(zlib.decompress(stream).decode("latin-1"))
    return "\n".join(texts)


def height(page: Page, selector: str) -> float:
    """Of an element, in millimetres of paper."""
    box = page.locator(selector).bounding_box()
    assert box is not None
    return box["height"] / MILLIMETRE


def test_a_hundred_cases_take_at_most_two_pages(page: Page) -> None:
    assert count(printed(page), "Type /Page") <= 2


def test_every_case_has_its_images_on_paper(page: Page) -> None:
    # Each with both sides; more of them are on the first screen.
    assert count(printed(page), "Subtype /Image") >= 2 * CASES


def test_intervals_are_on_paper_although_browsers_leave_out_backgrounds(page: Page) -> None:
    assert operations(printed(page)).count(ACCENT) >= 6


def test_paper_is_light(page: Page) -> None:
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("getComputedStyle(document.querySelector('.case')).color") == "rgb(27, 28, 31)"


def test_no_control_is_on_paper(page: Page) -> None:
    page.locator("article[data-case=case-1] [data-accept]").check()
    page.keyboard.press("j")
    page.emulate_media(media="print")
    for selector in ("nav", "aside", "dialog", "input", "select", "main summary", ".plot", "button:not(.shot)"):
        assert page.locator(f"{selector}:visible").count() == 0, selector


def test_a_case_that_passed_is_one_line_and_one_that_failed_is_larger(page: Page) -> None:
    page.emulate_media(media="print")
    assert height(page, "article[data-case=case-2]") < 6
    assert height(page, "article[data-case=case-0]") > 9
    assert page.locator("article[data-case=case-0] .said").is_visible()
    assert page.locator("article[data-case=case-0] .shot:visible").count() == 1


def test_metrics_are_a_table_although_paper_is_narrow(page: Page) -> None:
    page.set_viewport_size({"width": 720, "height": 1000})
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('.run > table tr')).display") == "table-row"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_a_filter_hides_is_not_on_paper(page: Page) -> None:
    page.evaluate("document.querySelectorAll('article').forEach((card, place) => { card.hidden = place > 2; })")
    page.evaluate("document.querySelectorAll('.chunk').forEach((chunk, place) => { chunk.hidden = place > 0; })")
    page.emulate_media(media="print")
    assert page.locator("article:visible").count() == 3


def test_the_command_is_as_small_as_the_other_facts(page: Page) -> None:
    page.evaluate("""() => {
        const place = document.querySelector(".first dd p");
        place.replaceChildren(Object.assign(document.createElement("code"), { textContent: "pytest suites" }));
    }""")
    page.emulate_media(media="print")
    sizes = [
        page.locator(f".first {part}").first.evaluate("part => getComputedStyle(part).fontSize")
        for part in ("dl", "dd code")
    ]
    assert sizes[0] == sizes[1]
