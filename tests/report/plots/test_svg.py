"""Plots as part of a page."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from matplotlib import rc_context
from matplotlib.figure import Figure

from sdeval.report.plots import svg


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
