"""Plots as part of a page."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure

from sdeval.history.store import Point, Series
from sdeval.history.trends import Trend
from sdeval.report.plots import svg
from sdeval.report.plots.history import label, plot_series


def figure(height: float = 1.0) -> Figure:
    with rc_context(dict(svg.STYLE)):
        made = Figure(figsize=(4, 2))
        axes = made.add_subplot()
        axes.plot([0, height], color=svg.ACCENT)
        axes.set_title("a < b & $c")
        return made


def test_it_is_well_formed_without_a_head_and_as_wide_as_there_is_room() -> None:
    generated = svg.inline_svg(figure(), 'scores of "animals" & <others>')
    root = ElementTree.fromstring(generated)
    assert generated.startswith("<svg ")
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("100%", None, "0 0 288 144")
    assert (root.get("role"), root.get("aria-label")) == ("img", 'scores of "animals" & <others>')
    assert "<style" not in generated


def test_every_colour_is_one_of_the_page() -> None:
    generated = svg.inline_svg(figure(), "x")
    assert "stroke: var(--accent)" in generated
    assert re.findall(r"#[0-9a-fA-F]{6}", generated) == []


def test_text_stays_text_in_the_font_of_the_page() -> None:
    generated = svg.inline_svg(figure(), "x")
    assert "a &lt; b &amp; $c" in generated
    assert "DejaVu" not in generated
    assert "system-ui" in generated


def test_the_same_figure_gives_the_same_bytes_and_another_one_other_ids() -> None:
    one, same, other = (svg.inline_svg(figure(height), "x") for height in (1.0, 1.0, 2.0))
    assert one == same
    assert set(re.findall(r'\bid="([^"]+)"', one)).isdisjoint(re.findall(r'\bid="([^"]+)"', other))


def test_what_it_refers_to_is_there() -> None:
    generated = svg.inline_svg(figure(), "x")
    named = set(re.findall(r'\bid="([^"]+)"', generated))
    used = set(re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', generated))
    assert used
    assert {one or other for one, other in used} <= named


def test_every_stand_in_is_a_colour_of_its_own() -> None:
    assert len(svg.PALETTE) == 8
    assert set(svg.PALETTE) == {colour.lower() for colour in svg.PALETTE}


@pytest.fixture
def series() -> Series:
    points = tuple(
        Point(f"202611{day:02d}-101500-aaaa", 31 - day / 10, 0.5, day == 3, day == 4, "p") for day in range(1, 8)
    )
    return Series("clip_score", "fits its prompt", "points", True, points)


def test_failed_sessions_accepted_baselines_and_trends_are_named_in_a_plot(series: Series) -> None:
    trend = Trend(1.2, series.points[2].session, 5, 1, "clip_score has a trend")
    generated = plot_series(series, trend)
    for told in ("failed", "baseline accepted", "has a trend", "points, higher is better", "11-01 10:15"):
        assert f">{told}<" in generated
    assert "1 failed; 1 times another baseline was accepted; clip_score has a trend" in generated
    assert label(series, None).startswith("clip_score over 7 sessions, 30.90 to 30.30")


def test_a_single_session_can_be_generated(series: Series) -> None:
    alone = Series("x", "", "", False, series.points[:1])
    assert ">lower is better<" in plot_series(alone)
