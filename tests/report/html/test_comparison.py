"""Comparison, as a page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sdeval.report.comparison import Compared
from sdeval.report.html.comparison import write_comparison
from sdeval.report.plots.front import letters, plot_front
from tests.report.pages import two_settings


@pytest.fixture
def compared(tmp_path: Path) -> Compared:
    return two_settings(tmp_path)


def test_every_sample_of_every_setting_stands_in_a_row(compared: Compared, tmp_path: Path) -> None:
    page = write_comparison(tmp_path / "page" / "index.html", [compared]).read_text(encoding="utf-8")
    assert page.count('loading="lazy"') == 32
    assert "&lt;four&gt; steps" in page
    assert "<four>" not in page


def test_images_from_elsewhere_travel_with_the_page(compared: Compared, tmp_path: Path) -> None:
    write_comparison(tmp_path / "page" / "index.html", [compared])
    copies = {path.read_bytes() for path in (tmp_path / "page" / "images").glob("*.png")}
    assert copies == {path.read_bytes() for path in (tmp_path / "runs").rglob("images/*.png")}


def test_images_below_the_page_are_not_copied(compared: Compared, tmp_path: Path) -> None:
    page = write_comparison(tmp_path / "index.html", [compared]).read_text(encoding="utf-8")
    assert not (tmp_path / "images").exists()
    assert 'src="runs/0/images/case-0@0.png"' in page


def test_the_plot_names_settings_by_letters(compared: Compared) -> None:
    generated = plot_front(compared.matrix, "fits its prompt", "points")
    assert letters(compared.matrix) == ["A", "B"]
    assert ">A</text>" in generated
    assert ">B</text>" in generated


def test_one_setting_makes_no_plot(compared: Compared) -> None:
    alone = replace(compared.matrix, rows=compared.matrix.rows[:1])
    assert plot_front(alone, "fits its prompt", "points") == ""
