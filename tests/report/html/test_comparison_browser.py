"""The page of a comparison in a real browser. Skipped where there is none, but not in CI."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page

from sdeval.comparison.matrix import compare_settings
from sdeval.imaging.io import write_png
from sdeval.report.comparison import Compared
from sdeval.report.html.comparison import write_comparison
from sdeval.results import run_folder
from sdeval.results.records import CaseRecord, Timing
from sdeval.results.run import Run, Stored
from tests.conftest import CLIP_SCORE, make_run
from tests.report.browsing import address, needs_browser
from tests.report.html.test_browser import Watched
from tests.report.pages import HOSTILE, painted

pytestmark = needs_browser

SETTINGS = ("twenty steps", "<four> steps", "three steps with a long name of a scheduler")
METRICS = ("clip_score", "directional_clip", "noise", "outside_change", "region_clip_score", "sharpness")
WORSE = "region_clip_score"
"""The metric in which settings differ."""
CASES, SEEDS = 8, 2
BROKEN = ("case-3", 1)
"""A black image of the last setting."""


def run_of(place: int, folder: Path, suite: str, size: int) -> Run:
    """A run of a setting: in one metric, every case is worse by as much as its number."""
    scores = np.full((CASES, SEEDS), 30.0) + np.arange(CASES)[:, None]
    run = make_run(scores, suite=suite, target=f"steps-{place}", environment={"hardware": "a laptop"})
    samples = []
    for number, sample in enumerate(run.samples):
        loss = place * (number // SEEDS) / 2
        values = {name: (sample.scores["clip_score"] or 0) + (-loss if name == WORSE else 0) for name in METRICS}
        defect = "black" if place == 2 and sample.key == BROKEN else ""
        prompt = HOSTILE[0] if sample.case == "case-7" else sample.prompt
        samples.append(replace(sample, scores=values, defect=defect, prompt=prompt))
    timings = {sample.key: Timing(call=call, seconds=1.0 - place / 4) for call, sample in enumerate(samples)}
    run = painted(replace(run, samples=tuple(samples), metrics=dict.fromkeys(METRICS, CLIP_SCORE)), folder, place, size)
    write_png(folder / "inputs" / "a1.png", Image.new("RGB", (32, 32), (90, 120, 200)))
    cases = {"case-0": CaseRecord(case="case-0", image="inputs/a1.png", tags=("colour", "blue"))}
    return replace(run, timings=timings, cases=cases)


def comparison(where: Path, suite: str = "animals", size: int = 32, settings: int = 3) -> Compared:
    """A comparison of so many settings, the last of three with a broken image."""
    names = [*SETTINGS, *(f"setting {number}" for number in range(3, settings))][:settings]
    stored = {}
    for place, name in enumerate(names):
        folder = where / suite / f"steps-{place}"
        run_folder.write(run_of(place, folder, suite, size), folder)
        stored[name] = Stored(run_folder.read(folder), folder)
    matrix = compare_settings({name: item.run for name, item in stored.items()}, names[0], lambda _: None)
    return Compared(matrix, stored, folders=[where])


def page_of(where: Path, *comparisons: Compared) -> Path:
    return write_comparison(where / "compare.html", comparisons)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context
    context.close()


@pytest.fixture
def watched(context: BrowserContext) -> Watched:
    return Watched(context.new_page())


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("comparison")
    return page_of(where, comparison(where))


@pytest.fixture
def page(watched: Watched, path: Path) -> Page:
    return watched.open(path)


def shown(page: Page) -> list[str]:
    """Cases and seeds of the rows that are shown, in their order."""
    return page.evaluate("shownRows().map(row => `${row.dataset.case}@${row.dataset.seed}`)")


def cell(page: Page, case: str, seed: int, setting: int) -> Locator:
    return page.locator(f"article[data-case='{case}'][data-seed='{seed}'] .cell").nth(setting)


def columns(page: Page) -> list[str]:
    """What stands in the heading of the images."""
    return page.locator(".column").all_inner_texts()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440, 2560])
def test_it_is_accessible_and_needs_no_network(browser: Browser, path: Path, width: int, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    watched = Watched(context.new_page())
    page = watched.open(path)
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    cell(page, "case-3", 1, 2).locator(".shot").click()
    results = Axe().run(page, context="#viewer")
    assert results.violations_count == 0, results.generate_report()
    assert watched.complaints == []
    assert all(url.startswith("file:") for url in watched.requests)
    context.close()


def test_prompts_and_names_are_shown_as_text(page: Page) -> None:
    assert page.evaluate("window.hacked") is None
    assert HOSTILE[0] == page.locator("article[data-case=case-7] .prompt").first.text_content()
    assert any("<four> steps" in column for column in columns(page))


def test_names_of_settings_and_cases_stay_in_sight(browser: Browser, path: Path) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 700})
    page = Watched(context.new_page()).open(path)
    rows, row = page.locator(".rows"), page.locator("article").nth(9)
    row.scroll_into_view_if_needed()
    rows.evaluate("element => element.scrollLeft = 10000")
    page.wait_for_function(
        "document.querySelector('.columns').scrollLeft === document.querySelector('.rows').scrollLeft"
    )
    last, image = page.locator(".column").last.bounding_box(), row.locator(".cell").last.bounding_box()
    case = row.locator(".asked").bounding_box()
    assert last is not None
    assert image is not None
    assert case is not None
    assert last["x"] == pytest.approx(image["x"], abs=1)
    assert 0 <= last["y"] < 10
    assert 0 <= case["x"] < 20
    context.close()


def test_the_heading_stays_below_the_filters(page: Page) -> None:
    page.locator("article").nth(12).scroll_into_view_if_needed()
    filters, heading = page.locator("nav").bounding_box(), page.locator(".columns").bounding_box()
    assert filters is not None
    assert heading is not None
    assert filters["y"] == 0
    assert heading["y"] == pytest.approx(filters["height"], abs=1)


@pytest.mark.parametrize("width", [390, 1440])
def test_every_column_of_the_table_can_be_reached(browser: Browser, path: Path, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = Watched(context.new_page()).open(path)
    headings = page.locator(".matrix thead th")
    assert [text.split()[0] for text in headings.all_inner_texts()[4:]] == list(METRICS)
    page.locator(".scroller").evaluate("element => element.scrollLeft = element.scrollWidth")
    last, first = headings.last.bounding_box(), headings.first.bounding_box()
    assert last is not None
    assert first is not None
    assert last["x"] + last["width"] <= width
    assert first["x"] >= 0
    context.close()


def test_a_table_with_more_to_the_right_says_so(browser: Browser, path: Path) -> None:
    context = browser.new_context(viewport={"width": 700, "height": 900})
    page = Watched(context.new_page()).open(path)
    page.wait_for_selector(".wide.more-right")
    page.locator(".scroller").evaluate("element => element.scrollLeft = element.scrollWidth")
    page.wait_for_selector(".wide:not(.more-right)")
    context.close()


def test_a_broken_image_carries_a_large_label(page: Page) -> None:
    label = cell(page, *BROKEN, 2).locator(".defect")
    assert label.text_content() == "broken: black image"
    assert label.evaluate("element => parseFloat(getComputedStyle(element).fontSize)") >= 15
    assert page.locator(".defect").count() == 1


def test_a_broken_setting_is_not_pareto_optimal_and_not_praised(page: Page) -> None:
    row = page.locator(".matrix tbody tr").nth(2)
    assert "✗ 1 of 16 images are broken" in row.inner_text()
    assert row.locator("td").nth(1).inner_text() == "–\nnot judged"
    assert row.locator("td").nth(2).inner_text() == "–"
    colour = "element => getComputedStyle(element).color"
    praised = page.locator(".matrix tr:not(.is-broken) .chip[data-kind=passed]").first.evaluate(colour)
    assert row.locator(".chip[data-kind=passed]").first.evaluate(colour) != praised


def test_scores_of_the_chosen_metric_stand_below_the_images(page: Page) -> None:
    assert cell(page, "case-4", 0, 1).locator(".score").text_content() == "34.00 0"
    page.locator("#metric").select_option("region_clip_score")
    assert cell(page, "case-4", 0, 0).locator(".score").text_content() == "34.00"
    assert cell(page, "case-4", 0, 1).locator(".score").text_content() == "32.00 -2.00 ▼"
    assert cell(page, "case-1", 0, 1).locator(".score").text_content() == "30.50 -0.5"
    assert "metric=region_clip_score" in address(page)


def test_search_looks_at_cases_prompts_and_tags(page: Page) -> None:
    page.locator("#search").fill("PROMPT 3")
    assert shown(page) == ["case-3@0", "case-3@1"]
    page.locator("#search").fill("blue colour")
    assert shown(page) == ["case-0@0", "case-0@1"]
    assert page.locator("#found").inner_text() == "2 of 16 rows"
    page.locator("#search").fill("nothing like it")
    assert page.locator("#nothing").is_visible()
    assert not page.locator(".run").is_visible()


def test_rows_that_a_filter_left_come_first(page: Page) -> None:
    assert page.locator(".matrix").is_visible()
    page.locator("#search").fill("case-5")
    assert not page.locator(".matrix").is_visible()
    assert page.locator("article:visible").first.bounding_box()["y"] < 400  # type: ignore[index]


def test_filters_show_what_is_broken_or_beyond_the_tolerance(page: Page) -> None:
    page.locator("#broken").click()
    assert shown(page) == ["case-3@1"]
    page.locator("#setting").select_option("<four> steps")
    assert shown(page) == []
    page.locator("#broken").click()
    page.locator("#metric").select_option("region_clip_score")
    page.locator("#beyond").click()
    assert {name.partition("@")[0] for name in shown(page)} == {f"case-{number}" for number in range(2, 8)}
    page.locator("#setting").select_option("")
    assert {name.partition("@")[0] for name in shown(page)} == {f"case-{number}" for number in range(1, 8)}
    page.locator("#metric").select_option("clip_score")
    assert shown(page) == []


def test_a_seed_can_be_chosen(page: Page) -> None:
    page.locator("#seed").select_option("1")
    assert shown(page) == [f"case-{number}@1" for number in range(CASES)]


def test_rows_can_be_sorted(page: Page) -> None:
    def first_with(sort: str) -> str:
        page.locator("#sort").select_option(sort)
        return shown(page)[0]

    page.locator("#metric").select_option("region_clip_score")
    assert first_with("difference") == "case-7@0"
    assert first_with("loss") == "case-7@0"
    assert first_with("suite") == "case-0@0"
    assert first_with("best") == "case-7@0"
    page.locator("#setting").select_option(SETTINGS[2])
    assert first_with("worst") == "case-0@0"
    assert first_with("name") == "case-0@0"
    assert first_with("best") == "case-0@0"


def test_rows_without_a_score_come_last(watched: Watched, tmp_path: Path) -> None:
    compared = comparison(tmp_path)
    for name, item in compared.stored.items():
        samples = [
            replace(sample, scores={} if sample.case == "case-2" else sample.scores) for sample in item.run.samples
        ]
        compared = replace(
            compared, stored={**compared.stored, name: Stored(replace(item.run, samples=tuple(samples)), item.folder)}
        )
    page = watched.open(page_of(tmp_path, compared))
    for sort in ("worst", "best"):
        page.locator("#sort").select_option(sort)
        assert shown(page)[-2:] == ["case-2@0", "case-2@1"]
    assert cell(page, "case-2", 0, 1).locator(".score").text_content() == "–"


def test_images_can_be_made_larger_and_fit_again(page: Page) -> None:
    image = page.locator(".cell img").first
    page.locator("#size").fill("400")
    assert image.bounding_box()["width"] == 400  # type: ignore[index]
    assert "size=400" in address(page)
    page.locator("#fit").click()
    assert image.bounding_box()["width"] <= 256  # type: ignore[index]


def test_thumbnails_give_way_to_images_only_where_they_are_shown_larger(watched: Watched, tmp_path: Path) -> None:
    page = watched.open(page_of(tmp_path, comparison(tmp_path, size=300)))
    image = page.locator(".cell img").first
    image.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.cell img').naturalWidth === 256")
    assert not any(url.endswith(".png") and "/images/" in url for url in watched.requests)
    page.locator("#size").fill("400")
    page.wait_for_function("document.querySelector('.cell img').naturalWidth === 300")


def test_what_is_shown_stays_in_the_address(watched: Watched, path: Path) -> None:
    page = watched.open(path, "#q=case&metric=region_clip_score&setting=%3Cfour%3E+steps&sort=loss&beyond=1&size=120")
    assert shown(page)[0] == "case-7@0"
    assert page.locator("#search").input_value() == "case"
    assert page.locator("#setting").input_value() == "<four> steps"
    assert page.locator("#beyond").get_attribute("aria-pressed") == "true"
    assert page.locator(".cell img").first.bounding_box()["width"] == 120  # type: ignore[index]


def test_an_address_that_names_what_is_not_there_shows_everything(watched: Watched, path: Path) -> None:
    page = watched.open(path, "#metric=none&setting=none&sort=none&seed=77&open=c9-case-none")
    assert len(shown(page)) == CASES * SEEDS
    assert page.locator("#metric").input_value() == "clip_score"
    assert watched.complaints == []


def test_the_viewer_has_a_panel_for_every_setting_and_a_row_for_every_metric(page: Page) -> None:
    page.locator("#metric").select_option("region_clip_score")
    cell(page, *BROKEN, 2).locator(".shot").click()
    captions = page.locator("#viewer .stage figcaption").all_inner_texts()
    assert [caption.split(" · ")[0] for caption in captions] == [
        f"{letter} {name}" for letter, name in zip("ABC", SETTINGS, strict=True)
    ]
    assert "broken: black image" in captions[2]
    assert captions[1].endswith("region_clip_score 31.50 (-1.50)")
    table = page.locator("#v-scores tbody tr")
    assert table.count() == len(METRICS)
    assert table.nth(4).inner_text().split("\t") == [
        "region_clip_score ↑ points",
        "33.00",
        "31.50 (-1.50)",
        "30.00 (-3.00)",
        "worse: B, C",
    ]


@pytest.mark.parametrize("mode", ["slider", "blend", "blink", "difference"])
def test_any_two_settings_can_be_compared(page: Page, mode: str) -> None:
    cell(page, "case-5", 0, 2).locator(".shot").click()
    page.locator(f"#viewer button[data-mode={mode}]").click()
    assert page.locator("#viewer").get_attribute("data-mode") == mode
    pair = [page.locator(f"#v-{side}").evaluate("e => e.selectedOptions[0].text[0]") for side in ("left", "right")]
    assert pair == ["A", "C"]
    page.locator("#v-left").select_option("1")
    sources = page.locator("#viewer .pile img").evaluate_all("images => images.map(image => image.src)")
    assert [re.search(r"steps-(\d)", source)[1] for source in sources] == ["1", "2"]  # type: ignore[index]


def test_the_difference_from_the_reference_has_numbers(page: Page) -> None:
    cell(page, "case-5", 0, 2).locator(".shot").click()
    page.keyboard.press("d")
    assert re.fullmatch(r"mean difference \S+ levels.*PSNR \S+ dB", page.locator("#v-numbers").inner_text())
    assert page.locator("#v-focus").is_enabled()
    page.locator("#v-left").select_option("1")
    assert page.locator("#v-numbers").inner_text() == "numbers are known only of pairs with A, the reference"


def test_the_viewer_goes_to_other_rows_and_seeds_and_stays_in_the_address(watched: Watched, path: Path) -> None:
    page = watched.open(path)
    cell(page, "case-5", 0, 1).locator(".shot").click()
    page.keyboard.press("ArrowDown")
    assert "open=c0-case-case-5%401" in address(page)
    page.keyboard.press("ArrowRight")
    assert "open=c0-case-case-6%400" in address(page)
    page.keyboard.press("2")
    assert "mode=slider" in address(page)
    again = watched.page.context.new_page()
    again.goto(address(page))
    assert again.locator("#v-case").inner_text() == "case-6"
    assert again.locator("#viewer").get_attribute("data-mode") == "slider"
    page.keyboard.press("Escape")
    page.wait_for_function("!location.hash.includes('open')")
    assert watched.complaints == []


def test_the_viewer_steps_through_the_rows_that_are_shown(page: Page) -> None:
    page.locator("#seed").select_option("1")
    cell(page, "case-6", 1, 0).locator(".shot").click()
    assert page.locator("#v-place").inner_text() == "7 of 8"
    for _ in range(3):
        page.keyboard.press("j")
    assert page.locator("#v-case").inner_text() == "case-7"


def test_it_is_used_with_the_keyboard_alone(page: Page) -> None:
    page.keyboard.press("j")
    assert page.locator("#v-case").inner_text() == "case-0"
    page.keyboard.press("Escape")
    page.wait_for_function("document.activeElement.closest('article')?.dataset.case === 'case-0'")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.locator("#v-case").inner_text() == "case-0"


def test_the_viewer_shows_what_a_case_was_asked_with(page: Page) -> None:
    cell(page, "case-0", 0, 1).locator(".shot").click()
    assert page.locator("#viewer .stage figcaption").first.inner_text() == "init image"
    assert page.locator("#viewer .panel").count() == 4


def test_a_change_of_the_address_closes_the_viewer(watched: Watched, path: Path) -> None:
    page = watched.open(path, "#open=c0-case-case-5%401")
    assert page.locator("#viewer").is_visible()
    page.evaluate("location.hash = '#broken=1'")
    page.wait_for_function("!document.getElementById('viewer').open")
    assert shown(page) == ["case-3@1"]
    assert watched.complaints == []


def test_two_suites_are_filtered_and_viewed_each_by_its_own_settings(watched: Watched, tmp_path: Path) -> None:
    page = watched.open(page_of(tmp_path, comparison(tmp_path), comparison(tmp_path, "plants", settings=2)))
    assert len(shown(page)) == 2 * CASES * SEEDS
    page.locator("#setting").select_option(SETTINGS[2])
    page.locator("#broken").click()
    assert shown(page) == ["case-3@1"]
    page.locator("#broken").click()
    page.locator("#c1 .shot").first.click()
    assert page.locator("#viewer .panel").count() == 3
    assert page.locator("#v-facts").inner_text().split("\n")[:2] == ["suite", "plants"]
    assert watched.complaints == []


def test_many_settings_scroll_inside_their_box(watched: Watched, tmp_path: Path) -> None:
    page = watched.open(page_of(tmp_path, comparison(tmp_path, settings=16)))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    rows = page.locator(".rows")
    assert rows.evaluate("element => element.scrollWidth > element.clientWidth")
    page.locator(".columns").evaluate("element => element.scrollLeft = 300")
    page.wait_for_function("document.querySelector('.rows').scrollLeft === 300")


def test_what_is_beyond_the_tolerance_is_in_sight_beside_the_scores_of_four_settings(
    watched: Watched, tmp_path: Path
) -> None:
    page = watched.open(page_of(tmp_path, comparison(tmp_path, settings=4)))
    cell(page, "case-6", 0, 1).locator(".shot").click()
    details = page.locator("#v-details")
    assert details.evaluate("part => part.scrollWidth <= part.clientWidth")
    assert page.locator("#v-scores tr", has_text=WORSE).locator("td").last.inner_text() == "worse: B, C, D"


def test_a_suite_without_the_chosen_metric_shows_its_own_first_one(
    watched: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = comparison(tmp_path, settings=2)
    monkeypatch.setattr("tests.report.html.test_comparison_browser.METRICS", ("seam",))
    page = watched.open(page_of(tmp_path, first, comparison(tmp_path, suite="plants", settings=2)))
    assert page.locator(".scored").all_inner_texts() == ["clip_score ↑", "seam ↑"]
    assert "–" not in page.locator(".run").last.locator(".score").first.inner_text()
    page.locator("#metric").select_option(WORSE)
    assert page.locator(".scored").all_inner_texts() == [f"{WORSE} ↑", "seam ↑"]
    page.locator("#beyond").click()
    assert not page.locator(".run").last.is_visible()
    assert watched.complaints == []
