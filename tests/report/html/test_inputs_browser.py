"""What a case brings along and what metrics read in its images, on the page and in the comparison, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from sdeval.config.case import Case
from sdeval.imaging.io import pixel_hash, write_png
from sdeval.report.comparison import Compared
from sdeval.report.html.comparison import write_comparison
from sdeval.report.publish import rewrite_page
from sdeval.results import run_folder
from sdeval.results.inputs import keep_inputs
from sdeval.results.records import CaseRecord, SampleResult
from sdeval.results.run import Run, Stored
from tests.report.browsing import cases_shown, needs_browser
from tests.report.html.test_browser import BASELINE_PANEL, CURRENT_PANEL, Watched
from tests.report.pages import session_page, two_settings

pytestmark = needs_browser

GUIDED = "case-1"
"""Has a control image and a reference image, and metrics that read something."""
LARGER = "case-2"
"""Its images are larger than the baseline's."""


def guided_case(inputs: Path, folder: Path) -> CaseRecord:
    """The record of a case that ControlNet and an IP-Adapter guide, with its images in the folder of a run."""
    write_png(inputs / "edges.png", Image.new("RGB", (32, 32), (255, 255, 255)))
    write_png(inputs / "style.png", Image.new("RGB", (48, 24), (200, 30, 30)))
    case = Case(
        id=GUIDED,
        prompt="p",
        control_image=inputs / "edges.png",
        reference_image=inputs / "style.png",
        text=("Open",),
        questions=("Is there a cat?",),
    )
    return keep_inputs([case], folder)[GUIDED]


def with_readings(run: Run, text: str = "0pen (0.61)") -> Run:
    """The run with what metrics read in the images of one case."""
    readings = {"text": text, "answers": "Is there a cat? 0.07"}
    samples = (replace(s, readings=readings) if s.case == GUIDED else s for s in run.samples)
    return replace(run, samples=tuple(samples))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("session")
    page = session_page(where, cases=4)
    folder = page.parent / "animals" / "tiny"
    before = run_folder.read(folder / "baseline")
    run_folder.write(with_readings(before, "Open (1.00)"), folder / "baseline")
    run = with_readings(run_folder.read(folder))
    run = replace(run, cases={**run.cases, GUIDED: guided_case(where / "inputs", folder)})
    samples = [larger(sample, folder) if sample.case == LARGER else sample for sample in run.samples]
    run_folder.write(replace(run, samples=tuple(samples)), folder)
    return rewrite_page(page.parent)


def larger(sample: SampleResult, folder: Path) -> SampleResult:
    """The sample with a larger image."""
    image = Image.new("RGB", (48, 48), (10, 20, 30))
    write_png(folder / sample.image, image)
    return replace(sample, sha256=pixel_hash(image), width=48, height=48)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context
    context.close()


@pytest.fixture
def watched(context: BrowserContext) -> Iterator[Watched]:
    watched = Watched(context.new_page())
    yield watched
    assert watched.complaints == []


@pytest.fixture
def page(watched: Watched, path: Path) -> Page:
    return watched.open(path)


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("comparison")
    compared = two_settings(where)
    stored = {}
    for place, (name, item) in enumerate(compared.stored.items()):
        run = with_readings(item.run, "0pen (0.61)" if place else "Open (1.00)")
        record = guided_case(where / "inputs", item.folder)
        stored[name] = Stored(replace(run, cases={GUIDED: record}), item.folder)
    return write_comparison(where / "compare.html", [Compared(compared.matrix, stored)])


def open_case(page: Page, case: str) -> None:
    page.locator(f"article[data-case={case}] .shot").first.click()
    page.wait_for_function("[...document.querySelectorAll('.stage img')].every((img) => img.complete)")


def captions(page: Page) -> list[str]:
    return page.locator(".stage figcaption").all_inner_texts()


def facts(page: Page) -> dict[str, str]:
    names, texts = (page.locator(f"#v-facts {part}").all_inner_texts() for part in ("dt", "dd"))
    return dict(zip(names, texts, strict=True))


def test_control_and_reference_image_stand_beside_the_images(page: Page) -> None:
    open_case(page, GUIDED)
    assert captions(page) == ["control image", "reference image", "baseline", "current"]
    shapes = page.locator(".stage img").evaluate_all("all => all.map((img) => [img.naturalWidth, img.naturalHeight])")
    assert shapes[:2] == [[32, 32], [48, 24]]
    assert page.locator("#v-files li").count() == 4
    results = Axe().run(page, context="#viewer")
    assert results.violations_count == 0, results.generate_report()


def test_inputs_are_in_a_single_file_too(watched: Watched, path: Path, tmp_path: Path) -> None:
    single = rewrite_page(path.parent, single=tmp_path / "one.html")
    page = watched.open(single)
    open_case(page, GUIDED)
    assert captions(page)[:2] == ["control image", "reference image"]
    assert page.locator(".stage img").evaluate_all("all => all.every((img) => img.src.startsWith('data:'))")


def test_what_was_read_stands_beside_what_was_expected(page: Page) -> None:
    open_case(page, GUIDED)
    shown = facts(page)
    names = list(shown)
    assert shown["text"] == "Open"
    assert shown["text read"] == "0pen (0.61) (in the baseline: Open (1.00))"
    assert names.index("text read") == names.index("text") + 1
    assert shown["answers read"] == "Is there a cat? 0.07"


def test_a_case_of_which_nothing_is_read_does_not_speak_of_it(page: Page) -> None:
    open_case(page, "case-3")
    assert not {"text", "text read", "questions", "answers read"} & set(facts(page))


@pytest.mark.parametrize("words", ["0pen", "Open", "there a cat"])
def test_the_search_finds_what_was_read_and_what_was_expected(page: Page, words: str) -> None:
    page.locator("#search").fill(words)
    assert cases_shown(page) == [GUIDED]


def test_images_of_two_sizes_have_no_difference_and_say_their_sizes(page: Page) -> None:
    open_case(page, "case-1")
    page.keyboard.press("d")
    expect(page.locator("#viewer")).to_have_attribute("data-mode", "difference")
    page.keyboard.press("j")
    expect(page.locator("#viewer")).to_have_attribute("data-mode", "side")
    expect(page.locator("#v-case")).to_have_text(LARGER)
    expect(page.locator("#v-status")).to_have_text(
        "difference needs two images of the same size; these have 32x32 and 48x48 pixels"
    )
    assert page.locator(f"{BASELINE_PANEL} figcaption").inner_text() == "baseline, 32x32"
    assert page.locator(f"{CURRENT_PANEL} figcaption").inner_text() == "current, 48x48"
    page.keyboard.press("j")
    expect(page.locator("#viewer")).to_have_attribute("data-mode", "difference")


def test_images_of_all_seeds_stand_in_one_line(page: Page) -> None:
    page.evaluate("document.querySelector('article[data-case=case-3] .shot small').textContent = 'seed 0 '.repeat(40)")
    tops = page.locator("article[data-case=case-3] .shot .pair").evaluate_all(
        "all => all.map((pair) => pair.getBoundingClientRect().top)"
    )
    assert len(set(tops)) == 1


def test_a_comparison_shows_them_too(watched: Watched, comparison: Path) -> None:
    page = watched.open(comparison)
    row = page.locator(f"article[data-case={GUIDED}]").first
    labels = row.locator(".inputs img").evaluate_all("all => all.map((img) => img.alt)")
    assert labels == ["control image", "reference image"]
    row.locator(".shot").first.click()
    assert captions(page)[:2] == ["control image", "reference image"]
    shown = facts(page)
    assert shown["text"] == "Open"
    assert shown["A, text read"] == "Open (1.00)"
    assert shown["B, text read"] == "0pen (0.61)"
    page.keyboard.press("Escape")
    page.locator("#search").fill("0pen")
    assert set(page.evaluate("shownRows().map((row) => row.dataset.case)")) == {GUIDED}
