"""The page of the history: what its plots and tables hold, and how it looks in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page, expect

from sdeval.history.store import HISTORY, HISTORY_PAGE, Point, Series
from sdeval.history.trends import Trend, Watched
from sdeval.report.html.history import LAST, write_history
from sdeval.report.html.history_plot import HEIGHT, WIDTH, Plot, plot_of
from sdeval.report.publish import publish
from sdeval.report.row_numbers import RowNumbers
from tests.report.browsing import needs_browser
from tests.report.histories import ACCEPTED, EARLIER, ELSEWHERE, FAILED, WITH_PAGE, session_with_history
from tests.report.pages import session_page, verdicts_of


def point(number: int, value: float, **changes: object) -> Point:
    made = Point(f"202601{number + 1:02d}-101500-aaaa", value, 0.5, False, False, "p", baseline=30.0)
    return replace(made, **changes)


def series(*points: Point, **changes: object) -> Series:
    return replace(Series("clip_score", "CLIP score", "points", True, points), **changes)


def plot(metric: Series, since: str = "") -> Plot:
    points = sorted((*metric.points, *metric.elsewhere), key=lambda one: one.session)
    numbers = RowNumbers.fitting([one.value for one in points], 0.5, metric.unit)
    return plot_of(points, metric, numbers, [""] * len(points), since)


def test_sessions_with_one_baseline_share_its_line_and_band() -> None:
    shown = plot(series(point(0, 30.1), point(1, 30.2), point(2, 29.1, baseline=29.0)))
    first, second = shown.stretches
    assert first.width == pytest.approx(2 * second.width)
    assert first.baseline < second.baseline
    assert first.top < first.baseline < first.top + first.height
    assert shown.marks[0].y < first.baseline


def test_a_session_without_a_baseline_has_no_band() -> None:
    shown = plot(series(point(0, 30.1, baseline=None, judged=False), point(1, 30.2)))
    (stretch,) = shown.stretches
    assert shown.marks[0].x < stretch.left < shown.marks[1].x
    assert [mark.kind for mark in shown.marks] == ["unjudged", "plain"]


def test_an_accepted_baseline_is_marked_with_the_date_of_its_session() -> None:
    accepted = point(2, 29.1, baseline=29.0, baseline_changed=True, accepted="20260102-101500-aaaa")
    (mark,) = plot(series(point(0, 30.1), point(1, 30.2), accepted)).accepted
    assert (mark.date, mark.text) == ("2026-01-02", "baseline accepted: session of 2026-01-02 10:15")


def test_dates_that_would_cover_each_other_are_left_to_the_hover_text() -> None:
    points = [point(number, 30.0, baseline_changed=number > 0) for number in range(20)]
    marks = plot(series(*points)).accepted
    dated = [mark for mark in marks if mark.date]
    assert len(marks) == 19
    assert 1 < len(dated) < 6


def test_times_of_another_machine_are_no_part_of_the_line() -> None:
    own = (point(0, 0.5, measured_on="GPU"), point(2, 0.6, measured_on="GPU"))
    other = point(1, 9.0, measured_on="cpu")
    shown = plot(series(*own, elsewhere=(other,), gating=False))
    assert [mark.kind for mark in shown.marks] == ["plain", "elsewhere", "plain"]
    assert len(shown.line.split()) == 2
    assert shown.marks[1].text.endswith("; on cpu")


def test_times_of_a_machine_that_others_used_are_told_apart() -> None:
    busy = point(1, 0.9, busy="the machine is shared: a load of 9.0 on 2 cores")
    shown = plot(series(point(0, 0.5), busy, gating=False))
    assert [mark.kind for mark in shown.marks] == ["plain", "unjudged"]
    assert shown.marks[1].text.endswith("; the machine is shared: a load of 9.0 on 2 cores")


def test_a_trend_is_shaded_from_its_first_session_on() -> None:
    points = [point(number, 30.0 - number / 10) for number in range(5)]
    shown = plot(series(*points), points[2].session)
    assert shown.trend is not None
    assert shown.marks[1].x < shown.trend < shown.marks[2].x


@given(
    values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=30),
    tolerance=st.floats(0, 1e308),
)
@settings(deadline=None)
def test_everything_is_in_its_box_with_a_few_ticks(values: list[float], tolerance: float) -> None:
    shown = plot(series(*(point(at, value, tolerance=tolerance) for at, value in enumerate(values))))
    assert all(0 <= mark.x <= WIDTH and 0 <= mark.y <= HEIGHT for mark in shown.marks)
    assert all(0 <= each.top <= each.top + each.height <= HEIGHT for each in shown.stretches)
    assert 1 <= len(shown.ticks) <= 7
    assert len({tick.text for tick in shown.ticks}) == len(shown.ticks)


@pytest.mark.parametrize("value", [0.0, 5e-324, 1e17, -1e308, 1e-200])
@pytest.mark.parametrize("tolerance", [0.0, 0.5, 1e308])
def test_values_without_any_difference_have_a_plot(value: float, tolerance: float) -> None:
    shown = plot(series(point(0, value, tolerance=tolerance, baseline=value), point(1, value, tolerance=tolerance)))
    assert len(shown.marks) == 2
    assert shown.ticks


def test_a_baseline_of_an_older_line_is_marked_with_the_date_of_the_session() -> None:
    (mark,) = plot(series(point(0, 30.1), point(1, 30.2, baseline_changed=True))).accepted
    assert (mark.date, mark.text) == ("2026-01-02", "another baseline, accepted before 2026-01-02 10:15")


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return session_with_history(tmp_path_factory.mktemp("history"))


def test_only_sessions_that_still_exist_are_linked(session: Path) -> None:
    page = (session.parent.parent / HISTORY_PAGE).read_text(encoding="utf-8")
    assert f'href="{WITH_PAGE}/index.html"' in page
    assert f'href="{session.parent.name}/index.html"' in page
    assert "20260103-101500-aaaa/index.html" not in page


def test_links_lead_to_sessions_from_anywhere(session: Path, tmp_path: Path) -> None:
    output = session.parent.parent
    watched = Watched("animals", "tiny", series(replace(point(0, 1.0), session=session.parent.name)), None)
    write_history(tmp_path / "a folder" / "page.html", [watched], output)
    page = (tmp_path / "a folder" / "page.html").read_text(encoding="utf-8")
    address = page.partition('<a href="')[2].partition('"')[0]
    assert (tmp_path / "a folder" / address).resolve() == session.resolve()


def test_a_session_without_a_history_has_no_page_of_it(tmp_path: Path) -> None:
    page = session_page(tmp_path)
    assert not page.parent.with_name(HISTORY_PAGE).exists()
    assert HISTORY_PAGE not in page.read_text(encoding="utf-8")


def test_a_corrupt_history_stops_no_session(tmp_path: Path) -> None:
    session = session_page(tmp_path).parent
    session.with_name(HISTORY).write_text('{"schema": 2}\n\n{"schema": 2}\n', encoding="utf-8")
    assert publish(session, verdicts_of(6)).unwritten == ()


def test_a_long_history_shows_its_latest_sessions_and_says_so(tmp_path: Path) -> None:
    points = [replace(point(0, 30.0), session=f"s{number:04d}") for number in range(LAST + 50)]
    write_history(tmp_path / "page.html", [Watched("animals", "tiny", series(*points), None)], tmp_path)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert f"the latest {LAST} of {LAST + 50} sessions" in page
    assert "s0049" not in page
    assert page.count('class="hit"') == LAST


def test_every_text_is_escaped(tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)>\"'"
    metric = replace(series(replace(point(0, 1.0), measured_on=hostile)), metric=hostile, title=hostile, unit=hostile)
    write_history(tmp_path / "x.html", [Watched(hostile, hostile, metric, Trend(1, "s", 1, 0, hostile))], tmp_path)
    assert "<img src=x" not in (tmp_path / "x.html").read_text(encoding="utf-8")


# In a browser


@pytest.fixture
def page(browser: Browser, session: Path) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    opened.goto((session.parent.parent / HISTORY_PAGE).as_uri())
    yield opened
    context.close()


@needs_browser
def test_a_dot_says_its_values_and_leads_to_its_session(page: Page) -> None:
    dots = page.locator("[id='animals/tiny/clip_score'] svg g:has(.hit)")
    expect(dots).to_have_count(EARLIER + 1)
    assert (
        dots.first.locator("title").text_content() == "2026-01-01 10:15: 30.19 points; baseline 30.00, tolerance 0.50"
    )
    dots.last.click()
    page.wait_for_url("**/20260201-090000-abcd/index.html*")
    expect(page.locator(".brand")).to_contain_text("20260201-090000-abcd")


@needs_browser
def test_from_the_session_page_to_the_metric_and_back(page: Page, session: Path) -> None:
    page.goto(session.as_uri())
    page.locator("td.past a").first.click()
    page.wait_for_url(f"**/{HISTORY_PAGE}#animals/tiny/clip_score")
    expect(page.locator(":target")).to_contain_text("clip_score")
    page.get_by_role("link", name="latest session").click()
    page.wait_for_url(session.as_uri())


@needs_browser
def test_all_values_are_in_a_table_that_keys_reach(page: Page) -> None:
    summary = page.locator("[id='animals/tiny/clip_score'] summary")
    summary.focus()
    page.keyboard.press("Enter")
    rows = page.locator("[id='animals/tiny/clip_score'] tbody tr")
    expect(rows).to_have_count(EARLIER + 1)
    assert rows.nth(EARLIER + 1 - ACCEPTED).inner_text().endswith("baseline accepted: session of 2026-01-05 10:15")
    assert rows.nth(EARLIER + 1 - FAILED).inner_text().endswith("failed")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    focused = page.evaluate("document.activeElement.closest('tr').rowIndex")
    assert focused == 1


@needs_browser
def test_times_of_another_machine_are_told_apart(page: Page) -> None:
    metric = page.locator("[id='animals/tiny/seconds_per_image']")
    expect(metric.locator("svg g.elsewhere")).to_have_count(1)
    expect(metric).to_contain_text("1 session on another machine or with another batch size (hollow squares)")
    metric.locator("summary").click()
    row = metric.locator("tbody tr").nth(EARLIER + 1 - ELSEWHERE)
    expect(row).to_contain_text("on cpu of a laptop, batches of 1")


@needs_browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440, 2560])
def test_it_can_be_read_by_everybody_at_any_width(browser: Browser, session: Path, scheme: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, complaints = context.new_page(), []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto((session.parent.parent / HISTORY_PAGE).as_uri())
    page.locator("summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert Axe().run(page).response["violations"] == []
    heights = page.locator("svg text").first.evaluate("text => text.getBoundingClientRect().height")
    assert 8 < heights < 24
    assert complaints == []
    context.close()
