"""Filters, search, sorting and sizes of cases on the page, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from sdeval.baselines.acceptance import accept
from sdeval.comparison import Kind, Verdict
from sdeval.config.case import Case
from sdeval.report.publish import Telling, publish
from sdeval.results import run_folder
from sdeval.results.inputs import keep_inputs
from sdeval.results.records import CaseRecord, SampleResult
from sdeval.results.run import Run
from sdeval.results.verdicts_file import Origin
from tests.baselines.test_store import compare_with_baseline
from tests.conftest import make_run
from tests.report.browsing import WatchedPage, address, cases_shown, needs_browser
from tests.report.pages import painted, session_page, with_metrics

pytestmark = needs_browser

CASES, SEEDS = 8, 3
TARGETS = ("tiny", "tiny-fast")
ORIGIN = Origin(
    command="pytest suites --hub-token '***'",
    started="2026-11-27T18:33:23+00:00",
    seconds=83.0,
    commit="0123456789abcdef",
    ci_run="https://ci.example/runs/1",
)


def verdict(target: str, kind: Kind, metric: str = "defect", case: str = "", **values: object) -> Verdict:
    base = Verdict(suite="animals", target=target, metric=metric, case=case, verdict=kind)
    return replace(base, **values)


LOSS = {"baseline": 30.0, "current": 27.0, "change": -3.0, "tolerance": 0.5}
VERDICTS = [
    verdict("tiny", "regressed", "clip_score", **LOSS),
    verdict("tiny", "inconclusive", "sharpness", **LOSS),
    verdict("tiny", "passed", "noise"),
    verdict("tiny", "broken", case="case-0", reason="seed 1 is black"),
    verdict("tiny", "regressed", "clip_score", "case-1", n=3, reason="every seed lost much", **LOSS),
    verdict("tiny", "regressed", "sharpness", "case-2", **LOSS),
    *(verdict("tiny", "passed", case=f"case-{number}", reason="images changed") for number in range(3, CASES)),
    verdict("tiny-fast", "passed", "clip_score"),
    *(verdict("tiny-fast", "passed", case=f"case-{number}", reason="images changed") for number in range(CASES)),
    *(verdict("huge", "skipped", case=f"case-{number}", reason="needs a GPU") for number in range(CASES)),
    verdict("huge", "skipped", "clip_score", reason="needs a GPU"),
]
PROMPTS = ("a red cat", "a red dog", "a blue cat", "a blue dog")


def two_targets(where: Path) -> Path:
    """A session on two targets, and on a third that is not here: scores, tags and defects are known."""
    session = where / "reports" / "20260101-000000-abcd"
    for target in TARGETS:
        write_run(where, session / "animals" / target, target)
    return publish(session, VERDICTS, Telling(origin=ORIGIN, notes=("a first note", "a second note"))).page


def write_run(where: Path, folder: Path, target: str) -> None:
    plain = with_metrics(make_run(np.full((CASES, SEEDS), 30.0)), ("sharpness", "noise"))
    samples = tuple(replace(each, prompt=PROMPTS[int(each.case[5:]) % 4]) for each in plain.samples)
    plain = replace(plain, target=target, samples=samples, environment={"hardware": "a laptop"})
    old = where / "old" / target
    run_folder.write(painted(plain, old), old)
    accept(old, where / "baselines")
    changed = painted(plain, folder, shift=3)
    changed = replace(changed, samples=tuple(map(scored, changed.samples)), cases=tagged(folder))
    run_folder.write(changed if target == "tiny" else without_defects(changed), folder)
    compare_with_baseline(folder, where / "baselines")


def scored(sample: SampleResult) -> SampleResult:
    """Case 0 is black at seed 1; clip_score falls with the number of a case, sharpness rises with it."""
    number = int(sample.case[5:])
    scores = {"clip_score": 30.0 - number, "sharpness": 30.0 + number, "noise": 30.0}
    defect = "black" if (number, sample.seed) == (0, 1) else ""
    change = "identical" if number == CASES - 1 else "changed"
    return replace(sample, scores=scores, defect=defect, image_change=change)


def without_defects(run: Run) -> Run:
    return replace(run, samples=tuple(replace(each, defect="") for each in run.samples))


def tagged(folder: Path) -> Mapping[str, CaseRecord]:
    tags = (("text", "two words"), ("text",), ("colour",))
    cases = [Case(id=f"case-{number}", prompt="p", tags=tags[number % 3]) for number in range(CASES)]
    return keep_inputs(tuple(cases), folder)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    opened = browser.new_context(viewport={"width": 1440, "height": 900})
    yield opened
    opened.close()


@pytest.fixture
def watched(context: BrowserContext) -> Iterator[WatchedPage]:
    watched_page = WatchedPage(context.new_page())
    yield watched_page
    assert watched_page.complaints == []


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return two_targets(tmp_path_factory.mktemp("targets"))


@pytest.fixture
def page(watched: WatchedPage, path: Path) -> Page:
    return watched.open(path)


def results(page: Page) -> list[str]:
    """Shown cases as `target/number`, in the order of the page."""
    return page.locator("article").evaluate_all(
        """cards => cards.filter((card) => card.checkVisibility())
          .map((card) => card.closest('.run').dataset.target + '/' + card.dataset.case.slice(5))"""
    )


def search(page: Page, query: str) -> list[str]:
    page.locator("#search").fill(query)
    return results(page)


FAST = [f"tiny-fast/{number}" for number in range(CASES)]


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("s:regressed", ["tiny/1", "tiny/2"]),
        ("s:regressed metric:clip_score", ["tiny/1", "tiny/2"]),
        ("s:regressed metric:sharpness", ["tiny/2"]),
        ("s:regressed s:broken", ["tiny/0", "tiny/1", "tiny/2"]),
        ("s:failed", ["tiny/0", "tiny/1", "tiny/2"]),
        ("VERDICT:Regressed target:tiny", ["tiny/1", "tiny/2"]),
        ("s:regressed -metric:sharpness", ["tiny/1"]),
        ("tag:text s:failed", ["tiny/0", "tiny/1"]),
        ('tag:"two words" target:tiny', ["tiny/0", "tiny/3", "tiny/6"]),
        ("target:tiny -tag:text", ["tiny/2", "tiny/5"]),
        ("defect:black", ["tiny/0"]),
        ("defect:black seed:1", ["tiny/0"]),
        ("defect:black seed:2", []),
        ("black", ["tiny/0"]),
        ("target:tiny -defect:*", [f"tiny/{number}" for number in range(1, CASES)]),
        ("change:identical", ["tiny/7", "tiny-fast/7"]),
        ("target:*fast -change:identical", FAST[:-1]),
        ("cat blue target:tiny", ["tiny/2", "tiny/6"]),
        ('"blue cat" target:tiny', ["tiny/2", "tiny/6"]),
        ("target:tiny-fast -cat", FAST[1::2]),
        ("case:case-3", ["tiny/3", "tiny-fast/3"]),
        ("case-3 target:tiny", ["tiny/3"]),
        ("suite:animals s:broken", ["tiny/0"]),
        ("suite:plants", []),
        ("s:", [f"tiny/{number}" for number in range(CASES)] + FAST),
    ],
)
def test_terms_and_words_combine(page: Page, query: str, hits: list[str]) -> None:
    assert search(page, query) == hits


@pytest.mark.parametrize(
    ("query", "hint"),
    [
        ("colour:red", "colour: is no filter; there are s: suite: target:"),
        ("s:regresed", "nothing here has s:regresed"),
        ("s:regressed tag:text", ""),
        ('"colour:red"', ""),
    ],
)
def test_what_a_query_does_not_know_gets_a_hint(page: Page, query: str, hint: str) -> None:
    page.locator("#search").fill(query)
    assert (page.locator("#hint").text_content() or "").startswith(hint)
    assert page.locator("#hint").is_visible() == bool(hint)


def test_the_query_is_in_the_address(page: Page) -> None:
    page.locator("#search").fill('s:regressed tag:"two words" -dog')
    link = address(page)
    page.goto("about:blank")
    page.goto(link)
    assert page.locator("#search").input_value() == 's:regressed tag:"two words" -dog'
    assert results(page) == []
    page.locator("#search").fill("")
    assert "#" not in address(page).rstrip("#")


def test_chips_and_lists_are_a_view_of_the_query(page: Page) -> None:
    page.locator("button[data-show=regressed]").click()
    page.locator("select[data-key=tag]").select_option("text")
    search_box = page.locator("#search")
    assert search_box.input_value() == "s:regressed tag:text"
    assert results(page) == ["tiny/1"]
    search_box.fill('s:broken tag:"two words"')
    assert page.locator("button[data-show=broken]").get_attribute("aria-pressed") == "true"
    assert page.locator("button[data-show=regressed]").get_attribute("aria-pressed") == "false"
    assert page.locator("select[data-key=tag]").input_value() == "two words"
    page.locator("button[data-show=broken]").click()
    page.locator("select[data-key=tag]").select_option("")
    assert search_box.input_value() == ""
    assert page.locator("button[data-show='']").get_attribute("aria-pressed") == "true"


def counted(page: Page) -> str:
    """What the page shows, in the words of its chips."""
    cases, metrics = page.locator("[data-item]").evaluate_all(
        """items => [true, false].map((isCase) => items.filter((item) =>
          !item.hidden && item.matches('article, [data-other-case]') === isCase).length)"""
    )
    names = [(cases, "result"), (metrics, "metric")]
    return ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in names if count)


@pytest.mark.parametrize("query", ["", "cat", "target:tiny", "seed:1", "-tag:text", "metric:clip_score"])
def test_a_count_is_what_pressing_shows(page: Page, query: str) -> None:
    page.locator("#search").fill(query)
    chips = page.locator("#chips button[data-key=s]:visible, #chips button[data-key=change]:visible")
    labels = [
        (chips.nth(place).get_attribute("data-show"), chips.nth(place).locator("b").inner_text())
        for place in range(chips.count())
    ]
    assert labels
    for name, label in labels:
        chip = page.locator(f"#chips button[data-show={name}]")
        chip.click()
        assert counted(page) == label
        chip.click()


@pytest.mark.parametrize("key", ["target", "metric", "tag", "defect", "seed"])
def test_counts_of_lists_are_what_choosing_shows(page: Page, key: str) -> None:
    page.locator("#search").fill("-dog")
    choice = page.locator(f"select[data-key={key}]")
    for option in choice.locator("option").evaluate_all(
        "options => options.slice(1).map((one) => [one.value, one.text])"
    ):
        choice.select_option(option[0])
        assert option[1] == f"{option[0]} ({counted(page) or '0'})"


def test_skipped_items_are_listed_where_their_chip_is_pressed(page: Page) -> None:
    assert not page.locator("#others li").first.is_visible()
    chip = page.locator("button[data-show=skipped]")
    assert chip.locator("b").inner_text() == "8 results, 1 metric"
    chip.click()
    assert page.locator("#others li:visible").count() == 9
    assert page.locator("#others summary").inner_text() == "– skipped 9 of animals on huge: needs a GPU"


def test_cases_are_counted_once_and_on_how_many_targets(page: Page) -> None:
    assert page.locator("#found").inner_text() == "8 of 8 cases on 3 targets, 5 of 5 metrics"
    page.locator("#search").fill("cat target:tiny s:passed")
    assert page.locator("#found").inner_text() == "2 of 8 cases on 3 targets, 0 of 5 metrics"
    assert "8 cases on 2 targets: 48 images, 3 seeds a case" in page.locator(".trust").inner_text()


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("change:clip_score", "7 6 5"),
        ("current:clip_score", "7 6 5"),
        ("change:sharpness", "0 1 2"),
        ("loss", "7 6 5"),
        ("suite", "0 1 2"),
        ("name", "0 1 2"),
        ("worst", "0 1 2"),
    ],
)
def test_cases_are_sorted_by_any_metric(page: Page, sort: str, first: str) -> None:
    page.locator("#search").fill("target:tiny")
    page.locator("#sort").select_option(sort)
    in_order = results(page)
    assert " ".join(name.rpartition("/")[2] for name in in_order[:3]) == first
    page.locator("#order").click()
    assert results(page) == in_order[::-1]
    assert "order=reverse" in address(page)


def test_seeds_that_are_filtered_show_alone(page: Page) -> None:
    page.locator("#search").fill("seed:2 target:tiny")
    seeds = page.locator("article:visible .shot:visible").evaluate_all(
        "shots => shots.map((shot) => shot.dataset.seed)"
    )
    assert seeds == ["2"] * CASES


def test_hits_come_first(page: Page) -> None:
    page.locator("#search").fill("s:broken")
    assert page.locator(".plots:visible, .note:visible, .changed:visible, .first:visible").count() == 0
    top = page.locator("article:visible").bounding_box()
    nav = page.locator("nav").bounding_box()
    assert top
    assert nav
    assert top["y"] - nav["y"] - nav["height"] < 120


def test_a_link_of_the_first_screen_shows_what_it_names(page: Page) -> None:
    link = page.locator(".worst a").nth(1)
    assert page.locator(".worst a").all_inner_texts() == [
        "case-0, animals on tiny",
        "clip_score, animals on tiny",
        "case-1 clip_score, animals on tiny",
        "case-2 sharpness, animals on tiny",
    ]
    link.click()
    assert page.locator(".revealed").get_attribute("id") == "r0-clip_score"


def test_images_of_the_first_screen_are_labelled(page: Page) -> None:
    shot = page.locator(".seen .shot").first
    assert shot.locator(".sides").inner_text().split() == ["baseline", "current"]
    assert shot.locator("small").inner_text() == "case-0, seed 1: black"


def test_provenance_is_told_in_one_line_each(page: Page) -> None:
    facts = page.locator(".trust dl").inner_text()
    assert "2026-11-27 18:33:23 UTC, took 1 min 23 s" in facts
    assert "pytest suites --hub-token '***'" in facts
    assert "0123456789ab" in facts
    assert page.locator(".trust a").get_attribute("href") == "https://ci.example/runs/1"
    assert "9 items" in facts
    assert "2 notes" in facts
    assert not page.get_by_text("a second note").is_visible()
    page.get_by_text("2 notes").click()
    assert page.get_by_text("a second note").is_visible()


def test_another_suite_is_jumped_to(page: Page) -> None:
    jump = page.locator("#jump")
    assert jump.locator("option").all_inner_texts() == [
        "animals on tiny: 4 failed, 1 undecided",
        "animals on tiny-fast",
        "without images",
    ]
    jump.select_option("r1")
    expect(page.locator("#r1 h2")).to_be_in_viewport()


def fully_visible(page: Page) -> int:
    return int(
        page.evaluate(
            """() => {
              const top = document.querySelector('nav').getBoundingClientRect().bottom;
              const boxes = [...document.querySelectorAll('article')].map((card) => card.getBoundingClientRect());
              return boxes.filter((box) => box.height && box.top >= top - 1 && box.bottom <= innerHeight).length;
            }"""
        )
    )


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return session_page(tmp_path_factory.mktemp("many"), cases=60, seeds=4, size=64)


@pytest.mark.parametrize(
    ("hash_", "fewest"), [("#view=grid", 24), ("#view=grid&size=small", 24), ("#size=small", 18), ("#size=medium", 4)]
)
def test_many_cases_fit_on_one_screen(watched: WatchedPage, many: Path, hash_: str, fewest: int) -> None:
    page = watched.open(many, hash_)
    page.locator(".cards").evaluate("box => box.scrollIntoView()")
    page.wait_for_function("document.querySelector('article').getBoundingClientRect().height > 20")
    assert fully_visible(page) >= fewest


def test_sizes_stay_in_the_address(page: Page) -> None:
    def width() -> float:
        box = page.locator("article:visible .shot img").first.bounding_box()
        assert box
        return box["width"]

    widths = []
    for size in ("small", "medium", "large"):
        page.locator(f"nav [data-size={size}]").click()
        widths.append(width())
    assert widths == sorted(set(widths))
    page.locator("#grid").click()
    assert "size=large" in address(page)
    assert "view=grid" in address(page)
    page.reload()
    assert page.locator("nav [data-size=large]").get_attribute("aria-pressed") == "true"
    assert not page.locator("article h3").first.is_visible()


@pytest.mark.parametrize("width", [390, 820, 1440, 2560])
@pytest.mark.parametrize("hash_", ["", "#view=grid", "#size=large", "#size=small&q=cat"])
def test_cases_use_the_width_and_nothing_scrolls_sideways(
    watched: WatchedPage, path: Path, width: int, hash_: str
) -> None:
    watched.page.set_viewport_size({"width": width, "height": 900})
    page = watched.open(path, hash_)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    box = page.locator(".chunk").first.bounding_box()
    assert box
    assert box["width"] > width - 80


def test_a_page_of_many_cases_has_few_tab_stops(watched: WatchedPage, many: Path) -> None:
    page = watched.open(many)
    stops = page.locator("main article :is(a, button, input, summary)").evaluate_all(
        "elements => elements.filter((element) => element.tabIndex >= 0).length"
    )
    assert stops == 1


def test_keys_lead_from_image_to_image_and_accept(page: Page) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")

    def focused() -> list[str]:
        return page.evaluate(
            "[document.activeElement.closest('article').dataset.case, document.activeElement.dataset.seed]"
        )

    assert focused() == ["case-0", "0"]
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert focused() == ["case-1", "0"]
    page.keyboard.press("ArrowLeft")
    assert focused() == ["case-0", "2"]
    page.keyboard.press("ArrowDown")
    assert focused() == ["case-4", "0"]
    page.keyboard.press("a")
    assert page.locator("article[data-case=case-4] [data-accept]").first.is_checked()
    page.keyboard.press("Enter")
    assert page.locator("#viewer").is_visible()
    page.keyboard.press("Escape")
    # The event comes after the dialog is gone.
    page.wait_for_function("document.activeElement.closest('article')?.dataset.case === 'case-4'")
    assert focused() == ["case-4", "0"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("hash_", ["", "#view=grid", "#q=s:skipped", "#q=nothing:known&size=large"])
def test_it_is_accessible(browser: Browser, path: Path, scheme: str, hash_: str) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(path.as_uri() + hash_)
    report = Axe().run(page)
    context.close()
    assert report.violations_count == 0, report.generate_report()


def test_a_page_of_metrics_alone_shows_the_images_that_lost_most(
    watched: WatchedPage, path: Path, tmp_path: Path
) -> None:
    session = two_targets(tmp_path).parent
    page = watched.open(publish(session, VERDICTS[:1]).page)
    captions = page.locator(".seen small").all_inner_texts()
    assert captions == ["case-7, seed 0", "case-7, seed 1", "case-7, seed 2"]
    page.locator(".seen .shot").first.click()
    assert page.locator("#viewer").is_visible()
    page.keyboard.press("Escape")
    assert len(cases_shown(page)) == 2 * CASES


def test_a_session_in_which_everything_was_skipped_lists_it(watched: WatchedPage, tmp_path: Path) -> None:
    skipped = [entry for entry in VERDICTS if entry.verdict == "skipped"]
    page = watched.open(publish(tmp_path / "20260101-000000-abcd", skipped).page)
    assert page.locator("h1").inner_text() == "– Nothing was judged: 9 skipped"
    assert page.locator("#found").inner_text() == "8 of 8 cases, 1 of 1 metric"
    page.locator("#search").fill("case-3")
    assert page.locator("#others li:visible").all_inner_texts() == ["case-3"]
    page.locator("#search").fill("no such case")
    assert page.locator("#nothing").is_visible()


def test_a_hostile_query_and_hostile_names_are_text(watched: WatchedPage, tmp_path: Path) -> None:
    page = watched.open(session_page(tmp_path, prompts=["<img src=x onerror='window.hacked = 1'>"]))
    page.locator("#search").fill("<img src=x onerror='window.hacked = 1'> foo:<b> tag:[(* - \">")
    assert page.evaluate("window.hacked") is None
    assert "foo: is no filter" in page.locator("#hint").inner_text()
    assert page.locator("#hint b, #chips img").count() == 0
