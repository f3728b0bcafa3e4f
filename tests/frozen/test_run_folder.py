"""A run as schema 1 wrote it is read for as long as anybody keeps such baselines. The folder is never written again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sdeval.results import run_folder
from sdeval.results.run import Run
from tests.frozen.test_verdicts import GOLDEN

FOLDER = GOLDEN / "run_schema_1"


@pytest.fixture(scope="module")
def run() -> Run:
    return run_folder.read(FOLDER)


def test_what_was_requested_is_read(run: Run) -> None:
    assert (run.suite, run.task, run.target, run.complete) == ("few", "text2img", "shapes", True)
    assert [(each.case, each.seed) for each in run.samples][:3] == [("circle", 0), ("circle", 1), ("square", 0)]
    assert run.samples[0].prompt == "a large red circle on a blue background"
    assert run.samples[0].fingerprint == "8b96d9de195607cd"


def test_scores_features_and_times_are_read(run: Run) -> None:
    assert run.samples[0].scores["clip_score"] == pytest.approx(43.5539)
    assert run.set_scores["frechet_distance"].value == pytest.approx(231.63365)
    assert run.features["clip"].shape == (6, 128)
    assert all(run.timings[each.key].seconds > 0 for each in run.samples)


def test_images_are_where_it_says(run: Run) -> None:
    assert all((FOLDER / each.image).is_file() for each in run.samples)


def test_what_is_read_is_written_as_schema_2_and_is_the_same_run(run: Run, tmp_path: Path) -> None:
    run_folder.write(run, tmp_path)
    again = run_folder.read(tmp_path)
    assert json.loads((tmp_path / "run.json").read_text())["schema"] == 2
    assert replace(again, features={}) == replace(run, features={})
    assert (again.features["clip"] == run.features["clip"]).all()


def test_names_of_schema_1_are_todays(run: Run) -> None:
    assert run.request["rounds"] == [[0, 1]]
    assert run.generated_by["scheduler"] == "DDIMScheduler"
    assert run.metrics["clip_score"].gating
    assert {sample.defect for sample in run.samples} <= {"", "noise", "uniform"}
