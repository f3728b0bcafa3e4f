"""Settings side by side, as a page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdeval import run as runs
from sdeval.compare.matrix import side_by_side
from sdeval.report.front_plot import letters, plot_front
from sdeval.report.sheet import Compared, write_sheets
from sdeval.run import Stored, Timing
from tests.conftest import make_run
from tests.report.pages import painted


@pytest.fixture
def compared(tmp_path: Path) -> Compared:
    stored = {}
    for place, name in enumerate(("twenty steps", "<four> steps")):
        run = make_run(np.full((8, 2), 30.0) - place + np.random.default_rng(place).normal(size=(8, 2)) / 20)
        timings = {each.key: Timing(call=0, seconds=1.0 - place / 2) for each in run.samples}
        run = replace(run, target=name, timings=timings, environment={"hardware": "a laptop"})
        folder = tmp_path / "runs" / str(place)
        runs.write(painted(run, folder), folder)
        stored[name] = Stored(runs.read(folder), folder)
    matrix = side_by_side({name: each.run for name, each in stored.items()}, "twenty steps", lambda _: None)
    return Compared(matrix, stored)


def test_every_sample_of_every_setting_stands_in_a_row(compared: Compared, tmp_path: Path) -> None:
    page = write_sheets(tmp_path / "page" / "index.html", [compared]).read_text(encoding="utf-8")
    assert page.count('loading="lazy"') == 32
    assert "&lt;four&gt; steps" in page
    assert "<four>" not in page


def test_pictures_from_elsewhere_travel_with_the_page(compared: Compared, tmp_path: Path) -> None:
    write_sheets(tmp_path / "page" / "index.html", [compared])
    assert len(list((tmp_path / "page" / "pictures" / "animals").rglob("*.png"))) == 32


def test_pictures_below_the_page_are_not_copied(compared: Compared, tmp_path: Path) -> None:
    page = write_sheets(tmp_path / "index.html", [compared]).read_text(encoding="utf-8")
    assert not (tmp_path / "pictures").exists()
    assert 'src="runs/0/images/case-0@0.png"' in page


def test_the_plot_names_settings_by_letters(compared: Compared) -> None:
    drawn = plot_front(compared.matrix, "fits its prompt", "points")
    assert letters(compared.matrix) == ["A", "B"]
    assert ">A</text>" in drawn
    assert ">B</text>" in drawn


def test_one_setting_makes_no_plot(compared: Compared) -> None:
    alone = replace(compared.matrix, rows=compared.matrix.rows[:1])
    assert plot_front(alone, "fits its prompt", "points") == ""
