"""The page in a real browser: Debian's Chromium, driven by Playwright. Skipped where there is none, but not in CI."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from sdeval.baselines.snapshot import BASELINE, full_image_of
from sdeval.report.publish import rewrite_page
from sdeval.results import run_folder
from tests.report.browsing import address, image_width, needs_browser, wait_for_images
from tests.report.pages import HOSTILE, session_page

BASELINE_PANEL, CURRENT_PANEL = "[data-panel=baseline]", "[data-panel=current]"
pytestmark = needs_browser


@dataclass
class Watched:
    """A page, and what it did that it should not."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def open(self, path: Path, hash_: str = "") -> Page:
        self.page.on("console", lambda said: self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri() + hash_)
        return self.page


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    found = browser.new_context(viewport={"width": 1280, "height": 800})
    yield found
    found.close()


@pytest.fixture
def watched(context: BrowserContext) -> Watched:
    return Watched(context.new_page())


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return session_page(tmp_path_factory.mktemp("session"))


@pytest.fixture
def page(watched: Watched, path: Path) -> Page:
    return watched.open(path)


def shown(page: Page) -> list[str]:
    cards = page.locator("article:visible")
    return [cards.nth(number).get_attribute("data-case") or "" for number in range(cards.count())]


def test_it_opens_from_disk_without_complaint_and_without_network(watched: Watched, path: Path) -> None:
    page = watched.open(path)
    page.locator(".shot").first.click()
    assert watched.complaints == []
    assert watched.requests
    assert all(url.startswith(("file:", "data:")) for url in watched.requests)


def test_the_first_screen_says_what_got_worse_and_leads_there(page: Page) -> None:
    assert page.locator("h1").inner_text().endswith("Something got worse: 1 broken, 2 regressed")
    page.locator(".worst a").first.click()
    assert page.locator("article.revealed").get_attribute("data-case") == "case-0"


def test_filters_show_one_kind_and_say_how_many(page: Page) -> None:
    chip = page.locator("button[data-show=broken]")
    assert chip.locator("b").inner_text() == "1 case"
    chip.click()
    assert shown(page) == ["case-0"]
    assert page.locator("#found").inner_text() == "1 of 6 cases, 0 of 1 metric"
    page.locator("button[data-show='']").click()
    assert len(shown(page)) == 6


def test_search_finds_prompts_names_and_tags(page: Page) -> None:
    page.locator("#search").fill("PROMPT 3")
    assert shown(page) == ["case-3"]
    page.locator("#search").fill("colour")
    assert shown(page) == ["case-1"]
    page.locator("#search").fill("nothing like it")
    assert page.locator("#nothing").is_visible()


def test_cases_can_be_sorted(page: Page) -> None:
    page.locator("#sort").select_option("suite")
    assert shown(page) == [f"case-{number}" for number in range(6)]


def test_the_address_keeps_what_is_shown(watched: Watched, path: Path) -> None:
    page = watched.open(path)
    page.locator("#search").fill("prompt")
    page.locator("button[data-show=passed]").click()
    page.locator("article:visible .shot").nth(1).click()
    page.keyboard.press("3")
    link = address(page)
    page.goto("about:blank")
    page.goto(link)
    assert page.locator("#search").input_value() == "prompt s:passed"
    assert len(shown(page)) == 4
    assert page.locator("#viewer").get_attribute("data-mode") == "blend"
    assert page.locator("#v-case").inner_text() == "case-2"
    assert page.locator("#v-seeds [aria-pressed=true]").inner_text() == "seed 1"


@pytest.mark.parametrize(
    ("mode", "visible", "hidden"),
    [
        ("side", [BASELINE_PANEL, CURRENT_PANEL], [".both"]),
        ("slider", [".both", "#v-handle"], [BASELINE_PANEL, "#v-blend"]),
        ("blend", [".both", "#v-blend"], [CURRENT_PANEL, "#v-handle"]),
        ("blink", [".both"], ["#v-blend", "#v-levels"]),
        ("difference", [".both", "#v-levels"], ["#v-blend"]),
    ],
)
def test_every_way_to_compare_shows_its_images(page: Page, mode: str, visible: list[str], hidden: list[str]) -> None:
    page.locator(".shot").first.click()
    page.locator(f"button[data-mode={mode}]").click()
    assert all(page.locator(each).is_visible() for each in visible)
    assert not any(page.locator(each).is_visible() for each in hidden)
    wait_for_images(page, "#viewer .frame img")


def test_the_slider_uncovers_the_other_image(page: Page) -> None:
    page.locator(".shot").first.click()
    page.keyboard.press("3")
    page.locator("#v-blend input").fill("30")
    page.keyboard.press("2")
    assert "30%" in page.locator(".layer.top").evaluate("layer => getComputedStyle(layer).clipPath")


def test_images_can_be_made_larger_and_smaller_from_what_is_seen(page: Page) -> None:
    page.locator(".shot").first.click()
    frame = page.locator(f"{CURRENT_PANEL} .frame")

    def width() -> float:
        box = frame.bounding_box()
        assert box is not None
        return box["width"]

    seen = width()
    page.keyboard.press("+")
    assert width() > seen
    page.keyboard.press("0")
    assert width() == pytest.approx(seen)
    page.keyboard.press("-")
    assert width() < seen
    assert width() / 32 == float(page.locator("#v-zoom").inner_text().removesuffix("×"))


def test_a_case_that_is_called_like_a_metric_opens(watched: Watched, tmp_path: Path) -> None:
    page = watched.open(session_page(tmp_path, metrics=["case-0"]))
    page.locator(".seen .shot").first.click()
    assert page.locator("#viewer").is_visible()


@pytest.mark.parametrize("hash_", ["#%", "#100%", "#open=nothing", "#show=nothing&sort=nothing&mode=nothing"])
def test_an_address_that_means_nothing_does_no_harm(watched: Watched, path: Path, hash_: str) -> None:
    page = watched.open(path, hash_)
    page.locator("button[data-show='']").click()
    assert len(shown(page)) == 6
    assert watched.complaints == []


def test_a_link_of_the_first_screen_keeps_what_is_in_the_address(page: Page) -> None:
    page.locator("nav [data-size=small]").click()
    page.locator(".worst a").first.click()
    assert page.locator("article[data-case=case-0]").is_visible()
    assert address(page).endswith("#size=small")


def test_closing_goes_back_to_where_it_was_opened(page: Page) -> None:
    page.locator(".seen .shot").first.click()
    page.keyboard.press("Escape")
    # The event comes after the dialog is gone.
    page.wait_for_function("document.activeElement.closest('.seen') !== null")
    assert page.evaluate("scrollY") == 0


def test_what_is_accepted_in_the_viewer_shows_there(page: Page) -> None:
    page.locator("article[data-case=case-1] .shot").first.click()
    page.keyboard.press("a")
    assert page.locator("#v-accept").get_attribute("aria-pressed") == "true"
    page.locator("#v-next").click()
    assert page.locator("#v-accept").get_attribute("aria-pressed") == "false"


def test_keys_lead_through_cases_seeds_and_modes(page: Page) -> None:
    page.keyboard.press("j")
    assert page.locator("#v-case").inner_text() == "case-0"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("j")
    assert page.locator("#v-case").inner_text() == "case-2"
    page.keyboard.press("k")
    assert page.locator("#v-case").inner_text() == "case-1"
    page.keyboard.press("ArrowDown")
    assert page.locator("#v-seeds [aria-pressed=true]").inner_text() == "seed 1"
    page.keyboard.press("d")
    assert page.locator("#viewer").get_attribute("data-mode") == "difference"
    page.keyboard.press("?")
    assert page.locator("#v-keys").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#viewer").is_visible()


def test_letters_in_the_search_are_letters(page: Page) -> None:
    page.locator("#search").press_sequentially("jk d")
    assert page.locator("#search").input_value() == "jk d"
    assert not page.locator("#viewer").is_visible()


def test_what_was_put_in_and_the_edge_of_the_mask_are_shown(page: Page) -> None:
    page.locator("article[data-case=case-0] .shot").first.click()
    assert page.locator("[data-panel='init image']").is_visible()
    assert page.locator("[data-panel^=mask]").is_visible()
    edge = page.locator(f"{CURRENT_PANEL} .over")
    assert image_width(edge) == 32
    page.keyboard.press("m")
    assert not edge.is_visible()


def test_what_is_ticked_becomes_a_file(page: Page) -> None:
    assert not page.locator("#approvals").is_visible()
    page.locator("article[data-case=case-1] [data-accept]").check()
    page.locator("input[data-metric=clip_score]").check()
    assert page.locator("#ticked").inner_text() == "1 case, 1 metric to accept"
    page.locator("#reason").fill('a "better" model')
    with page.expect_download() as saved:
        page.locator("#export").click()
    assert saved.value.suggested_filename == "approvals.json"
    assert json.loads(Path(saved.value.path()).read_text(encoding="utf-8")) == {
        "schema": 1,
        "session": "20260101-000000-abcd",
        "reason": 'a "better" model',
        "approvals": [
            {"suite": "animals", "target": "tiny", "cases": ["case-1"], "metrics": "all"},
            {"suite": "animals", "target": "tiny", "cases": "all", "metrics": ["clip_score"]},
        ],
    }


def test_a_broken_case_cannot_be_ticked(page: Page) -> None:
    assert page.locator("article[data-case=case-0] [data-accept]").count() == 0


def test_hostile_prompts_are_text(watched: Watched, tmp_path: Path) -> None:
    page = watched.open(session_page(tmp_path, prompts=HOSTILE))
    texts = {page.locator(f"article[data-case=case-{number}] .prompt").first.text_content() for number in range(6)}
    assert texts == set(HOSTILE)
    page.keyboard.press("j")
    for _ in HOSTILE:
        page.keyboard.press("j")
    assert page.evaluate("window.hacked") is None
    assert watched.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewer", [False, True])
def test_nothing_is_hard_to_read_or_without_a_name(browser: Browser, path: Path, scheme: str, viewer: bool) -> None:
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(path.as_uri())
    page.locator("article[data-case=case-1] [data-accept]").check()
    if viewer:
        page.keyboard.press("j")
    found = Axe().run(page)
    context.close()
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [390, 820, 1600])
def test_nothing_scrolls_sideways(watched: Watched, path: Path, width: int) -> None:
    watched.page.set_viewport_size({"width": width, "height": 800})
    page = watched.open(path)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_images_out_of_sight_are_not_loaded_and_the_page_is_small(watched: Watched, tmp_path: Path) -> None:
    metrics = ("sharpness", "noise", "outside_change", "seam")
    path = session_page(tmp_path, cases=500, seeds=4, metrics=metrics)
    page = watched.open(path)
    page.wait_for_load_state("load")
    assert path.stat().st_size < 3_000_000
    assert len([url for url in watched.requests if url.endswith(".png")]) < 500


def full_size_requests(watched: Watched) -> list[str]:
    return [url for url in watched.requests if url.endswith(".png")]


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A page of large images, all of them changed, of whose baseline there are thumbnails only."""
    return session_page(tmp_path, cases=2, seeds=1, size=300)


def shown_width(page: Page, figure: str) -> int:
    return image_width(page.locator(f"{figure} img").first)


def wait_for_image(page: Page, selector: str, width: int) -> None:
    """Wait until an image in the page is loaded, and as wide; those out of sight are loaded by and by."""
    page.locator(selector).first.scroll_into_view_if_needed()
    wide = f"document.querySelector({selector!r}).naturalWidth === {width}"
    page.wait_for_function(wide)


def test_large_images_are_loaded_only_where_the_viewer_shows_them(watched: Watched, large: Path) -> None:
    page = watched.open(large)
    for side in ("baseline", "current"):
        wait_for_image(page, f"article[data-case=case-1] img.{side}", 256)
    assert full_size_requests(watched) == []
    page.locator("article[data-case=case-1] .shot").click()
    assert shown_width(page, CURRENT_PANEL) == 300
    assert [url.rpartition("/")[2] for url in full_size_requests(watched)] == ["case-1@0.png"]


def test_closing_the_viewer_lets_go_of_large_images(watched: Watched, large: Path) -> None:
    page = watched.open(large)
    page.locator("article[data-case=case-1] .shot").click()
    page.keyboard.press("Escape")
    # The event comes after the dialog is gone.
    expect(page.locator(".stage img[src]")).to_have_count(0)


def test_a_thumbnail_of_the_baseline_is_named_and_has_no_difference(watched: Watched, large: Path) -> None:
    page = watched.open(large)
    page.locator("article[data-case=case-1] .shot").click()
    assert shown_width(page, BASELINE_PANEL) == 256
    assert page.locator(f"{BASELINE_PANEL} figcaption").inner_text() == "baseline: a thumbnail, 256 pixels wide"
    assert page.locator("#v-difference").get_attribute("aria-disabled") == "true"
    page.keyboard.press("d")
    assert page.locator("#viewer").get_attribute("data-mode") == "side"
    assert "one of them is a thumbnail" in page.locator("#v-status").inner_text()


def test_of_an_identical_image_the_full_size_is_shown_and_has_no_difference(watched: Watched, tmp_path: Path) -> None:
    page = watched.open(session_page(tmp_path, cases=2, seeds=1, size=300, shift=0))
    page.locator("article[data-case=case-1] .shot").click()
    assert shown_width(page, BASELINE_PANEL) == 300
    assert page.locator(f"{BASELINE_PANEL} figcaption").inner_text() == "baseline"
    page.keyboard.press("d")
    assert page.locator("#viewer").get_attribute("data-mode") == "difference"
    sources = page.locator(".both img:not(.over)").evaluate_all("images => images.map((img) => img.src)")
    assert sources[0] == sources[1]


def test_a_full_size_image_of_the_baseline_is_shown_where_it_is_at_hand(watched: Watched, large: Path) -> None:
    folder = large.parent / "animals" / "tiny"
    for sample in run_folder.read(folder / BASELINE).samples:
        full = full_image_of(folder / BASELINE, sample)
        full.parent.mkdir(exist_ok=True)
        Image.new("RGB", (300, 300), "red").save(full)
    page = watched.open(rewrite_page(large.parent))
    page.locator("article[data-case=case-1] .shot").click()
    assert shown_width(page, BASELINE_PANEL) == 300
    assert page.locator("#v-difference").get_attribute("aria-disabled") == "false"


def test_a_difference_that_one_case_does_not_have_is_there_again_with_the_next(watched: Watched, large: Path) -> None:
    folder = large.parent / "animals" / "tiny" / BASELINE
    sample = next(sample for sample in run_folder.read(folder).samples if sample.case == "case-1")
    full_image_of(folder, sample).parent.mkdir()
    Image.new("RGB", (300, 300), "red").save(full_image_of(folder, sample))
    page = watched.open(rewrite_page(large.parent))
    page.locator("article[data-case=case-1] .shot").click()
    page.keyboard.press("d")
    page.locator("#v-back").click()
    assert page.locator("#viewer").get_attribute("data-mode") == "side"
    page.locator("#v-next").click()
    assert page.locator("#viewer").get_attribute("data-mode") == "difference"


def test_a_run_without_thumbnails_shows_its_images(watched: Watched, large: Path) -> None:
    shutil.rmtree(large.parent / "animals" / "tiny" / "thumbnails")
    page = watched.open(rewrite_page(large.parent))
    wait_for_image(page, "article[data-case=case-1] img.current", 300)
    assert watched.complaints == []


def test_a_run_whose_images_are_gone_shows_its_thumbnails(watched: Watched, large: Path) -> None:
    shutil.rmtree(large.parent / "animals" / "tiny" / "images")
    page = watched.open(rewrite_page(large.parent))
    page.locator("article[data-case=case-1] .shot").click()
    assert page.locator(f"{CURRENT_PANEL} figcaption").inner_text() == "current: a thumbnail, 256 pixels wide"
    assert watched.complaints == []


def test_it_prints_without_buttons(page: Page) -> None:
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.locator("article").first.is_visible()


def test_a_single_file_needs_nothing_beside_it(watched: Watched, path: Path, tmp_path: Path) -> None:
    alone = rewrite_page(path.parent, single=tmp_path / "alone.html")
    page = watched.open(alone)
    page.locator("article[data-case=case-1] .shot").first.click()
    assert shown_width(page, CURRENT_PANEL) == 32
    assert watched.complaints == []
    assert all(url == alone.as_uri() or url.startswith("data:") for url in watched.requests)
