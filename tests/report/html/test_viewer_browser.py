"""The viewer of the page in a real browser: one view for all panels, ways to compare, what it says, and its keys."""

from __future__ import annotations

import io
import shlex
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from sdeval.cli import main
from sdeval.config import project
from sdeval.imaging.io import open_rgb, to_pixels
from sdeval.imaging.similarity import image_difference
from sdeval.report.publish import rewrite_page
from sdeval.report.sample import NUMBERS, difference_numbers, facts, find_sample, score_table
from sdeval.results import run_folder
from tests.cli.project import accept, run_session, write_project
from tests.report.browsing import needs_browser
from tests.report.html.test_browser import BASELINE_PANEL, CURRENT_PANEL, Watched
from tests.report.pages import session_page

pytestmark = needs_browser

SIZE = 96
"""Pixels: baselines hold such images in full."""


def with_differences(page: Path) -> Path:
    """The page of a session whose samples have their difference in numbers, as scoring measures it."""
    folder = page.parent / "animals" / "tiny"
    run = run_folder.read(folder)
    files = [(folder / "baseline" / sample.image, folder / sample.image) for sample in run.samples]
    differences = [image_difference(*(to_pixels(open_rgb(path)) for path in pair)) for pair in files]
    samples = tuple(replace(s, difference=measured) for s, measured in zip(run.samples, differences, strict=True))
    run_folder.write(replace(run, samples=samples), folder)
    return rewrite_page(page.parent)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with two seeds of four cases, whose images have moved a little; the first has an init image and a mask."""
    return with_differences(session_page(tmp_path_factory.mktemp("session"), cases=4, size=SIZE))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with images that do not fit at their own size, of whose baseline there are thumbnails only."""
    return session_page(tmp_path_factory.mktemp("large"), cases=2, seeds=1, size=1600)


@pytest.fixture(scope="module")
def project_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A session of a project with a program of its own, whose images are darker than the baseline's."""
    root = tmp_path_factory.mktemp("project")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        write_project(root)
        accept(run_session(root, "one"))
        folder = run_session(root, "two", "levels=64")
        project.record(folder, project.Folders(root=root, baselines=root / "baselines"))
        rewrite_page(folder)
        yield folder


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, has_touch=True)
    yield context
    context.close()


@pytest.fixture
def watched(context: BrowserContext) -> Iterator[Watched]:
    watched = Watched(context.new_page())
    yield watched
    assert watched.complaints == []


def open_viewer(watched: Watched, path: Path, case: str = "case-1") -> Page:
    """The page with the viewer open on a case."""
    page = watched.open(path)
    page.locator(f"article[data-case={case}] .shot").first.click()
    page.wait_for_function("[...document.querySelectorAll('.stage img')].every((img) => img.complete)")
    return page


@pytest.fixture
def page(watched: Watched, path: Path) -> Page:
    return open_viewer(watched, path)


def box(locator: Locator) -> dict[str, float]:
    place = locator.bounding_box()
    assert place is not None
    return dict(place)


def frame_in_room(panel: Locator) -> tuple[float, float, float, float]:
    """Where the frame of a panel begins in its room, and how large it is."""
    room, frame = box(panel.locator(".room")), box(panel.locator(".frame").first)
    return frame["x"] - room["x"], frame["y"] - room["y"], frame["width"], frame["height"]


def panels(page: Page) -> list[Locator]:
    return page.locator(".stage .panel").all()


def zoom(page: Page) -> str:
    return page.locator("#v-zoom").inner_text()


def mode(page: Page) -> str | None:
    return page.locator("#viewer").get_attribute("data-mode")


def at(panel: Locator, across: float, down: float) -> tuple[float, float]:
    """A point of a panel's room, given in fractions."""
    room = box(panel.locator(".room"))
    return room["x"] + across * room["width"], room["y"] + down * room["height"]


def wheel(page: Page, panel: Locator, across: float = 0.5, down: float = 0.5, by: float = -400) -> tuple[float, float]:
    point = at(panel, across, down)
    page.mouse.move(*point)
    page.mouse.wheel(0, by)
    return point


def under(panel: Locator, point: tuple[float, float]) -> tuple[float, float]:
    """Which point of the image is at a point of the window, in fractions of the image."""
    frame = box(panel.locator(".frame").first)
    return (point[0] - frame["x"]) / frame["width"], (point[1] - frame["y"]) / frame["height"]


def pixels(locator: Locator) -> npt.NDArray[np.uint8]:
    """What is seen of an element."""
    return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert("RGB"))


# One view for all panels.


def test_all_panels_show_the_same_part_of_their_images(watched: Watched, path: Path) -> None:
    page = open_viewer(watched, path, "case-0")
    assert len(panels(page)) == 4
    wheel(page, panels(page)[2], 0.4, 0.6)
    places = [frame_in_room(panel) for panel in panels(page)]
    assert all(place == pytest.approx(places[0], abs=0.6) for place in places)
    assert places[0][2] > box(panels(page)[0].locator(".room"))["width"]


@pytest.mark.parametrize("by", [-100, -700, 90])
def test_the_wheel_zooms_to_the_pointer(page: Page, by: float) -> None:
    panel = page.locator(CURRENT_PANEL)
    wheel(page, panel, 0.45, 0.4, -300)
    point = at(panel, 0.6, 0.35)
    before = under(panel, point)
    size = box(panel.locator(".frame").first)["width"]
    wheel(page, panel, 0.6, 0.35, by)
    assert (box(panel.locator(".frame").first)["width"] > size) == (by < 0)
    assert under(panel, point) == pytest.approx(before, abs=0.005)


def test_a_pinch_on_a_touchpad_zooms_the_images_and_not_the_page(page: Page) -> None:
    panel = page.locator(CURRENT_PANEL)
    width = page.evaluate("innerWidth")
    page.keyboard.down("Control")
    wheel(page, panel, 0.5, 0.5, -100)
    page.keyboard.up("Control")
    assert zoom(page) != "fit"
    assert page.evaluate("[innerWidth, visualViewport.scale]") == [width, 1]


def test_two_fingers_zoom_between_them(page: Page) -> None:
    panel = page.locator(CURRENT_PANEL)
    session = page.context.new_cdp_session(page)
    middle = at(panel, 0.5, 0.5)
    before, size = under(panel, middle), box(panel.locator(".frame").first)["width"]
    for kind, apart in (("touchStart", 30), ("touchMove", 60), ("touchMove", 90), ("touchEnd", None)):
        points = (
            []
            if apart is None
            else [{"x": middle[0] - apart, "y": middle[1]}, {"x": middle[0] + apart, "y": middle[1]}]
        )
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert box(panel.locator(".frame").first)["width"] == pytest.approx(3 * size, rel=0.05)
    assert under(panel, middle) == pytest.approx(before, abs=0.02)


def test_a_double_click_shows_a_point_at_its_own_size_and_all_of_the_image_again(watched: Watched, large: Path) -> None:
    page = open_viewer(watched, large)
    panel = page.locator(CURRENT_PANEL)
    fitting = box(panel.locator(".frame").first)["width"]
    point = at(panel, 0.6, 0.4)
    before = under(panel, point)
    page.mouse.dblclick(*point)
    assert zoom(page) == "1×"
    assert box(panel.locator(".frame").first)["width"] == pytest.approx(1600, abs=1)
    assert under(panel, point) == pytest.approx(before, abs=0.005)
    page.mouse.dblclick(*point)
    assert zoom(page) == "fit"
    assert box(panel.locator(".frame").first)["width"] == pytest.approx(fitting)


def test_a_drag_moves_the_images_of_all_panels(page: Page) -> None:
    panel = page.locator(CURRENT_PANEL)
    wheel(page, panel)
    before = [frame_in_room(other) for other in panels(page)]
    start = at(panel, 0.5, 0.5)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + 40, start[1] - 25, steps=4)
    page.mouse.up()
    moved = [(x + 40, y - 25, width, height) for x, y, width, height in before]
    for panel_now, expected in zip(panels(page), moved, strict=True):
        assert frame_in_room(panel_now) == pytest.approx(expected, abs=1)


def test_what_fits_is_not_moved(page: Page) -> None:
    before = frame_in_room(page.locator(CURRENT_PANEL))
    start = at(page.locator(CURRENT_PANEL), 0.5, 0.5)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + 60, start[1])
    page.mouse.up()
    assert frame_in_room(page.locator(CURRENT_PANEL)) == before


def test_enlarged_arrows_move_the_images_and_otherwise_lead_to_other_cases(page: Page) -> None:
    page.keyboard.press("+")
    x, y, *_ = frame_in_room(page.locator(CURRENT_PANEL))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    moved_x, moved_y, *_ = frame_in_room(page.locator(CURRENT_PANEL))
    assert moved_x < x
    assert moved_y < y
    assert page.locator("#v-case").inner_text() == "case-1"
    page.keyboard.press("0")
    page.keyboard.press("ArrowRight")
    assert page.locator("#v-case").inner_text() == "case-2"


@pytest.mark.parametrize("width", [390, 1440])
def test_every_panel_and_its_caption_stay_in_sight_at_any_zoom(watched: Watched, path: Path, width: int) -> None:
    watched.page.set_viewport_size({"width": width, "height": 844})
    page = open_viewer(watched, path, "case-0")
    for _ in range(20):
        page.keyboard.press("+")
    assert zoom(page) == "32×"
    stage = box(page.locator(".stage"))
    for panel in panels(page):
        for part in (panel.locator("figcaption"), panel.locator(".room")):
            inside = box(part)
            assert inside["x"] >= stage["x"]
            assert inside["y"] >= stage["y"]
            assert inside["x"] + inside["width"] <= stage["x"] + stage["width"]
            assert inside["y"] + inside["height"] <= stage["y"] + stage["height"]
    assert page.locator(".stage").evaluate("stage => stage.scrollWidth <= stage.clientWidth")


def test_pixels_are_squares_only_where_images_are_enlarged(watched: Watched, large: Path) -> None:
    page = open_viewer(watched, large)
    rendering = "img => getComputedStyle(img).imageRendering"
    image, thumbnail = (page.locator(f"{panel} img").first for panel in (CURRENT_PANEL, BASELINE_PANEL))
    assert image.evaluate(rendering) == "auto"
    page.mouse.dblclick(*at(page.locator(CURRENT_PANEL), 0.5, 0.5))
    assert image.evaluate(rendering) == "auto"
    page.keyboard.press("+")
    assert image.evaluate(rendering) == "pixelated"
    assert thumbnail.evaluate(rendering) == "auto"


def test_the_view_stays_from_seed_to_seed_and_is_whole_when_opened_again(page: Page) -> None:
    wheel(page, page.locator(CURRENT_PANEL))
    enlarged = zoom(page)
    page.locator("#v-seeds button").nth(1).click()
    assert zoom(page) == enlarged
    page.keyboard.press("Escape")
    expect(page.locator(".stage img")).to_have_count(0)
    page.locator("article[data-case=case-2] .shot").first.click()
    assert zoom(page) == "fit"


# Ways to compare.


def divider(page: Page) -> float:
    """Where the divider is, in percent."""
    return float(page.locator("#v-handle").get_attribute("aria-valuenow") or "nan")


def test_the_handle_of_the_slider_is_moved_by_pointer_and_by_keys(page: Page) -> None:
    page.keyboard.press("2")
    handle = page.locator("#v-handle")
    start = at(page.locator(".both"), 0.5, 0.5)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*at(page.locator(".both"), 0.25, 0.5))
    page.mouse.up()
    assert divider(page) == 25
    expect(handle).to_be_focused()
    page.keyboard.press("ArrowRight")
    assert divider(page) == 27
    page.keyboard.press("End")
    assert divider(page) == 100
    page.keyboard.press("PageDown")
    assert divider(page) == 90
    assert page.locator("#v-case").inner_text() == "case-1"
    middle = box(handle)["x"] + box(handle)["width"] / 2
    room = box(page.locator(".both .room"))
    assert middle == pytest.approx(room["x"] + 0.9 * room["width"], abs=1)


def test_enlarged_the_handle_moves_the_divider_and_the_rest_moves_the_images(page: Page) -> None:
    page.keyboard.press("2")
    wheel(page, page.locator(".both"))
    before = under(page.locator(".both"), at(page.locator(".both"), 0.5, 0.5))
    for start, end in ((0.5, 0.7), (0.2, 0.3)):
        page.mouse.move(*at(page.locator(".both"), start, 0.5))
        page.mouse.down()
        page.mouse.move(*at(page.locator(".both"), end, 0.5))
        page.mouse.up()
        if start == 0.5:
            assert divider(page) == 70
            assert under(page.locator(".both"), at(page.locator(".both"), 0.5, 0.5)) == before
    assert divider(page) == 70
    assert under(page.locator(".both"), at(page.locator(".both"), 0.6, 0.5))[0] == pytest.approx(before[0], abs=0.01)


@pytest.mark.parametrize("colour", ["#000", "#fff", "#808080"])
def test_the_divider_is_seen_on_any_background(page: Page, colour: str) -> None:
    page.keyboard.press("2")
    page.add_style_tag(content=f".pile {{ background: {colour}; }} .pile img {{ visibility: hidden; }}")
    room = pixels(page.locator(".both .room"))
    middle = room.shape[1] // 2
    # Above the round handle.
    strip = room[10, middle - 6 : middle + 6].mean(axis=-1)
    assert strip.max() > 235
    assert strip.min() < 20


def test_the_upper_image_blinks_and_the_caption_says_which_is_seen(page: Page) -> None:
    page.keyboard.press("4")
    weight = "span => getComputedStyle(span).fontWeight"
    seen = set()
    for _ in range(2):
        is_hidden = page.locator(".layer.top").evaluate("layer => getComputedStyle(layer).visibility") == "hidden"
        bold = [page.locator(name).evaluate(weight) for name in (".of-left", ".of-right")]
        assert (bold[0] > bold[1]) == is_hidden
        seen.add(is_hidden)
        page.keyboard.press(" ")
    assert seen == {True, False}
    page.wait_for_function("document.querySelector('#viewer.other')")
    page.wait_for_function("document.querySelector('#viewer:not(.other)')")


THREE = """([sources]) => {
  const nothing = () => {};
  imageViewer.open({
    title: "three", place: "", prompt: "", chip: null, mode: "side", inputs: [], outline: "", seeds: [], seed: "",
    images: sources.map((source, at) => ({ label: `target ${at}`, source, isThumbnail: false, note: `score ${at}` })),
    table: { head: [], rows: [] }, facts: {}, commands: [], accept: null,
    difference: (left, right) => ({ numbers: [["pair", `${left}-${right}`]], box: null, reason: "not measured" }),
    onMode: nothing, onStep: nothing, onSeed: nothing, onClose: nothing,
  });
}"""


def test_any_two_of_several_images_are_compared(watched: Watched, path: Path) -> None:
    page = watched.open(path)
    sources = [f"animals/tiny/images/case-{number}@0.png" for number in range(3)]
    page.evaluate(THREE, [sources])
    assert [panel.locator("figcaption").inner_text() for panel in panels(page)] == [
        f"target {number} · score {number}" for number in range(3)
    ]
    assert not page.locator("#v-pair").is_visible()
    page.keyboard.press("4")
    page.locator("#v-left").select_option(label="target 2")
    page.locator("#v-right").select_option(label="target 1")
    shown = page.locator(".pile img").evaluate_all("images => images.map((img) => img.getAttribute('src'))")
    assert shown == [sources[2], sources[1]]
    page.locator(".stage").focus()
    page.keyboard.press("d")
    assert page.locator("#v-numbers").inner_text() == "pair 2-1"
    page.locator("#v-left").select_option(label="target 1")
    assert page.locator("#v-numbers").inner_text() == "pair 1-2"


def colour_at(page: Page, point: tuple[float, float]) -> list[int]:
    """The colour that is seen at a point of the image, given in fractions."""
    frame, window = box(page.locator(".pile .frame").first), np.asarray(Image.open(io.BytesIO(page.screenshot())))
    return [
        int(level)
        for level in window[
            round(frame["y"] + point[1] * frame["height"]), round(frame["x"] + point[0] * frame["width"]), :3
        ]
    ]


def difference_at(path: Path, point: tuple[float, float]) -> int:
    """The largest difference of the channels of `case-1@0` there."""
    folder = path.parent / "animals" / "tiny"
    before, now = (
        to_pixels(open_rgb(folder / name / "images" / "case-1@0.png")).astype(int) for name in ("baseline", ".")
    )
    place = int(point[1] * SIZE), int(point[0] * SIZE)
    return int(np.abs(before[place] - now[place]).max())


def points_of_every_level(path: Path) -> list[tuple[float, float]]:
    """A point of every level of difference, in the middle of its pixel."""
    grid = [((x + 0.5) / SIZE, (y + 0.5) / SIZE) for y in range(4, SIZE, 6) for x in range(4, SIZE, 6)]
    return list({difference_at(path, point): point for point in grid}.values())


def choose(page: Page, gain: str, threshold: int = 0) -> None:
    page.locator("#v-gain").select_option(gain)
    page.locator("#v-threshold").fill(str(threshold))
    page.locator(".stage").focus()


@pytest.mark.parametrize(("gain", "threshold"), [("1", 0), ("4", 0), ("8", 40), ("1", 64)])
def test_the_difference_shows_the_largest_channel_times_the_gain_above_the_threshold(
    page: Page, path: Path, gain: str, threshold: int
) -> None:
    page.keyboard.press("d")
    choose(page, gain, threshold)
    points = points_of_every_level(path)
    assert len(points) > 2
    for point in points:
        level = difference_at(path, point)
        expected = min(255, int(gain) * level) if level > threshold else 0
        assert colour_at(page, point) == pytest.approx([expected] * 3, abs=2)


def test_the_heat_map_and_its_legend_have_the_same_colours(page: Page, path: Path) -> None:
    page.keyboard.press("d")
    page.keyboard.press("h")
    choose(page, "2")
    legend = pixels(page.locator("#v-legend i"))
    for point in points_of_every_level(path):
        level = min(127, difference_at(path, point))
        # Within its border.
        across = 2 + round((legend.shape[1] - 5) * level / 127.5)
        assert colour_at(page, point) == pytest.approx(legend[legend.shape[0] // 2, across].tolist(), abs=14)
    assert page.locator("#v-legend").inner_text().split("\n")[-1].endswith("in the channel that differs most")


def test_the_legend_says_which_levels_are_brightest_and_which_are_black(page: Page) -> None:
    page.keyboard.press("d")
    choose(page, "4", 12)
    assert "64 or more of 255 levels" in page.locator("#v-legend").inner_text()
    assert page.locator("#v-threshold-text").inner_text() == "12 levels and less are black"
    choose(page, "1")
    assert "255 of 255 levels" in page.locator("#v-legend").inner_text()
    assert page.locator("#v-threshold-text").inner_text() == "none"


def test_the_numbers_are_those_that_were_measured(page: Page, path: Path) -> None:
    page.keyboard.press("d")
    values = difference_numbers(find_sample(path.parent, "case-1@0"))
    expected = [f"{name} {value}{unit}" for (name, unit), value in zip(NUMBERS.items(), values, strict=False)]
    assert page.locator("#v-numbers").inner_text() == " · ".join(expected)


def test_the_largest_change_is_brought_into_the_middle_of_all_panels(page: Page, path: Path) -> None:
    measured = find_sample(path.parent, "case-1@0").sample.difference
    assert measured
    assert measured.box
    left, top, width, height = measured.box
    page.keyboard.press("f")
    for panel in panels(page):
        middle = under(panel, at(panel, 0.5, 0.5))
        assert middle == pytest.approx(((left + width / 2) / SIZE, (top + height / 2) / SIZE), abs=0.01)
        mark, room = box(panel.locator(".mark")), box(panel.locator(".room"))
        assert 0.4 < max(mark["width"] / room["width"], mark["height"] / room["height"]) < 0.8
    assert page.locator("#v-focus").get_attribute("aria-pressed") == "true"
    page.keyboard.press("f")
    assert zoom(page) == "fit"


def test_without_numbers_there_is_no_largest_change_and_the_reason_is_said(watched: Watched, large: Path) -> None:
    page = open_viewer(watched, large)
    assert page.locator("#v-focus").get_attribute("aria-disabled") == "true"
    page.locator("#v-focus").click(force=True)
    assert page.locator("#v-status").inner_text().startswith("the difference was not measured")
    assert zoom(page) == "fit"


# What it says.


def test_the_table_is_that_of_the_command(watched: Watched, project_session: Path) -> None:
    page = open_viewer(watched, project_session / "index.html", "red")
    rows = page.locator("#v-scores tbody tr").all()
    expected = score_table(find_sample(project_session, "red@0")).rows
    for row, wanted in zip(rows, expected, strict=True):
        cells = row.locator("th, td").all_inner_texts()
        name, arrow, unit = cells[0].split()
        assert [name, *cells[1:]] == [*wanted.cells, wanted.note]
        assert (arrow, unit) == ("↑", "dB")
        assert (row.locator("th").get_attribute("title") or "").endswith("higher is better")


def test_a_loss_beyond_its_tolerance_is_marked_by_a_word_and_by_colour(page: Page) -> None:
    row = page.locator("#v-scores tbody tr").first
    assert row.locator("td").last.inner_text() == "beyond its tolerance"
    colours = [row.locator("td").nth(place).evaluate("cell => getComputedStyle(cell).color") for place in (0, 4)]
    assert colours[0] != colours[1]


def test_the_facts_are_those_of_the_command(watched: Watched, project_session: Path) -> None:
    page = open_viewer(watched, project_session / "index.html", "red")
    page.locator("#v-seeds button").nth(1).click()
    names, texts = (page.locator(f"#v-facts {part}").all_inner_texts() for part in ("dt", "dd"))
    shown = facts(find_sample(project_session, "red@1"))
    assert dict(zip(names, texts, strict=True)) == {
        name: text for name, text in shown.items() if name not in ("prompt", "verdict")
    }
    assert shown["negative prompt"] == "blue"
    assert page.locator("#v-prompt").inner_text() == shown["prompt"]


def clipboard_text(page: Page) -> str:
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_commands_that_are_copied_run(
    watched: Watched, project_session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    watched.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = open_viewer(watched, project_session / "index.html", "red")
    commands = []
    for button in page.locator("#v-commands button").all():
        button.click()
        expect(page.locator("#v-status")).to_contain_text("copied: sdeval")
        commands.append(shlex.split(clipboard_text(page)))
    assert [command[:3] for command in commands] == [["sdeval", "show", "red@0"], ["sdeval", "generate", "red@0"]]
    assert main(commands[0][1:]) == 0
    capsys.readouterr()
    assert main([*commands[1][1:], "--output", str(tmp_path / "again.png")]) == 0
    assert "latest session: identical, to the last bit (two)" in capsys.readouterr().out


def test_what_a_browser_does_not_let_copy_is_copied_in_the_old_way(watched: Watched, project_session: Path) -> None:
    watched.page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page = open_viewer(watched, project_session / "index.html", "red")
    page.locator("#v-commands button").first.click()
    expect(page.locator("#v-status")).to_contain_text("copied: sdeval show red@0")
    page.keyboard.press("Escape")
    # Only then the focus stays where it is put.
    expect(page.locator("article[data-case=red] .shot").first).to_be_focused()
    page.locator("#search").press("Control+v")
    expect(page.locator("#search")).to_have_value("sdeval show red@0 reports/two --suite few --target ours")


def test_a_copied_link_opens_the_same_images_in_the_same_way(watched: Watched, path: Path) -> None:
    watched.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = open_viewer(watched, path)
    page.locator("#v-seeds button").nth(1).click()
    page.keyboard.press("3")
    page.locator("#v-link").click()
    expect(page.locator("#v-status")).to_contain_text("copied")
    address = clipboard_text(page)
    page.goto("about:blank")
    page.goto(address)
    assert page.locator("#v-case").inner_text() == "case-1"
    assert page.locator("#v-seeds [aria-pressed=true]").inner_text() == "seed 1"
    assert mode(page) == "blend"


def test_images_can_be_opened_and_files_on_disk_are_named(page: Page) -> None:
    files = [f"animals/tiny/{folder}images/case-1@0.png" for folder in ("baseline/", "")]
    assert page.locator("#v-files a").evaluate_all("links => links.map((link) => link.getAttribute('href'))") == files
    assert page.locator("#v-files code").all_inner_texts() == files
    with page.context.expect_page() as image:
        page.get_by_role("link", name="open current").click()
    assert image.value.url.endswith(files[1])


@pytest.fixture
def address(path: Path) -> Iterator[str]:
    """Where the page is served on this machine."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(path.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/index.html"
        server.shutdown()
        thread.join()


def test_images_of_a_page_that_is_served_can_be_downloaded(watched: Watched, address: str) -> None:
    page = watched.page
    page.goto(f"{address}#open=r0-case-case-1&seed=0")
    with page.expect_download() as download:
        page.get_by_role("link", name="download current").click()
    assert download.value.suggested_filename == "case-1@0.png"


def test_images_inside_a_page_can_be_downloaded(watched: Watched, path: Path, tmp_path: Path) -> None:
    page = open_viewer(watched, rewrite_page(path.parent, single=tmp_path / "alone.html"))
    with page.expect_download() as download:
        page.get_by_role("link", name="download baseline").click()
    assert download.value.suggested_filename.startswith("case-1 baseline.")


def test_an_image_that_is_missing_is_said(watched: Watched, tmp_path: Path) -> None:
    path = session_page(tmp_path, cases=2, seeds=1)
    folder = path.parent / "animals" / "tiny"
    (folder / "images" / "case-1@0.png").unlink()
    page = open_viewer(watched, rewrite_page(path.parent))
    assert page.locator(f"{CURRENT_PANEL} .lost").inner_text() == "the image is gone"
    page.keyboard.press("d")
    assert mode(page) == "side"
    assert page.locator("#v-status").inner_text() == "difference needs two images"
    page.keyboard.press("2")
    assert not page.locator("#v-handle").is_visible()


# By keys alone, on any screen, for anybody.


def test_everything_works_by_keys_alone(watched: Watched, path: Path) -> None:
    page = watched.open(path)
    page.locator("article[data-case=case-1] .shot").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".stage")).to_be_focused()
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.dataset.mode"))
    buttons = page.locator("#viewer :is(button, a, [tabindex='0'])").evaluate_all(
        "elements => elements.filter((e) => e.checkVisibility()).map((e) => e.id || e.dataset.mode)"
    )
    assert reached >= {name for name in buttons if name}
    page.keyboard.press("i")
    assert not page.locator("#v-details").is_visible()
    page.keyboard.press("Escape")
    expect(page.locator("article[data-case=case-1] .shot").first).to_be_focused()


def test_letters_in_a_choice_are_not_keys_of_the_viewer(page: Page) -> None:
    page.keyboard.press("d")
    page.locator("#v-gain").focus()
    page.keyboard.press("1")
    assert mode(page) == "difference"


@pytest.mark.parametrize("key", ["1", "2", "3", "4", "d"])
def test_on_a_phone_images_have_half_of_the_screen(watched: Watched, path: Path, key: str) -> None:
    watched.page.set_viewport_size({"width": 390, "height": 844})
    page = open_viewer(watched, path, "case-0")
    page.keyboard.press(key)
    assert box(page.locator(".stage"))["height"] >= 844 / 2
    assert not page.locator("#v-details").is_visible()
    assert page.locator("#viewer").evaluate("viewer => viewer.scrollWidth <= viewer.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_on_a_phone_the_scores_need_no_scrolling_sideways(watched: Watched, path: Path) -> None:
    watched.page.set_viewport_size({"width": 390, "height": 844})
    page = open_viewer(watched, path, "case-0")
    page.locator("#v-info").click()
    assert page.locator("#v-details").evaluate("details => details.scrollWidth <= details.clientWidth")
    assert box(page.locator(".stage"))["height"] > 200


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("key", ["1", "2", "d"])
def test_nothing_is_hard_to_read_or_without_a_name(
    browser: Browser, path: Path, scheme: Any, width: int, key: str
) -> None:
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    page = open_viewer(Watched(context.new_page()), path, "case-0")
    if width == 390:
        page.locator("#v-info").click()
    page.keyboard.press(key)
    page.keyboard.press("?")
    results = Axe().run(page)
    context.close()
    assert results.violations_count == 0, results.generate_report()
