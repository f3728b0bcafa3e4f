"""The windows of MLPerf, and what a run says of them."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdeval.cli import main
from sdeval.config.case_files import load_cases
from sdeval.config.prompt_sets.ready import MLPERF_NEGATIVE, MLPERF_SETTINGS, MLPERF_SUITE
from sdeval.evaluation.mlperf import CAPTIONS_SHA256, MODEL, SCHEDULER, mlperf_notes
from sdeval.results.records import CaseRecord, SetScore
from sdeval.results.run import Run
from tests.conftest import FRECHET, ROOT, make_run

PROMPT_SETS = Path(os.environ.get("SDEVAL_PROMPT_SETS", ROOT.parent / "shared" / "data" / "prompts"))
FILE = PROMPT_SETS / "mlperf_coco2014_captions_source.tsv"


def run_with(clip: float, frechet: float | None = None, **changes: object) -> Run:
    run = make_run(np.full((3, 1), clip), suite=MLPERF_SUITE)
    run = replace(
        run,
        request={**run.request, "settings": dict(MLPERF_SETTINGS)},
        generated_by={"model": MODEL, "scheduler": SCHEDULER},
        cases={sample.case: CaseRecord(case=sample.case, negative_prompt=MLPERF_NEGATIVE) for sample in run.samples},
    )
    if frechet is not None:
        score = SetScore(value=frechet, n=3, extractor="inception", reference="r", reference_n=3)
        run = replace(
            run,
            metrics={**run.metrics, "frechet_distance": FRECHET},
            set_scores={"frechet_distance": score},
        )
    return replace(run, **changes)


@pytest.mark.parametrize(
    ("clip", "frechet", "places"),
    [
        (31.75, 23.5, ("inside", "inside")),
        (31.686, 23.9501, ("below", "above")),
        (31.8134, 23.0108, ("above", "below")),
    ],
)
def test_values_lie_in_windows_or_beside_them_on_either_side(
    clip: float, frechet: float, places: tuple[str, str]
) -> None:
    (note,) = mlperf_notes(run_with(clip, frechet))
    assert f"clip_score {clip:.5f} is {places[0]} MLPerf's window of 31.68631873 to 31.81331801" in note
    assert f"frechet_distance {frechet:.5f} is {places[1]} MLPerf's window of 23.01085758 to 23.95007626" in note


def test_what_differs_from_the_set_up_is_named() -> None:
    (note,) = mlperf_notes(run_with(31.75))
    assert "hold for MLPerf's set-up alone" in note
    assert "its prompts (3, not the 5,000 captions once each)" in note
    assert "the noise that images begin with" in note
    assert "guidance_scale" not in note
    assert "scheduler" not in note
    other = run_with(31.75, request={"settings": {**MLPERF_SETTINGS, "guidance_scale": 5.0}}, generated_by={})
    (note,) = mlperf_notes(other)
    assert "guidance_scale (5.0 instead of 8.0)" in note
    assert "scheduler (None instead of EulerDiscreteScheduler)" in note


def test_other_suites_and_parts_have_no_window() -> None:
    assert mlperf_notes(run_with(31.75, suite="animals")) == []
    assert mlperf_notes(run_with(31.75, complete=False)) == []


@pytest.mark.skipif(not FILE.is_file(), reason="the captions of MLPerf are not here")
def test_the_preset_is_made_of_the_published_captions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["import", "mlperf-coco", str(FILE), "--ready", "mlperf"]) == 0
    cases = load_cases("mlperf-coco-mlperf.yaml")
    assert len(cases) == 5000
    assert {case.negative_prompt for case in cases} == {MLPERF_NEGATIVE}
    text = Path("test_mlperf_coco_mlperf.py").read_text(encoding="utf-8")
    assert '"num_inference_steps": 20' in text
    assert 'targets=("sdxl-euler",)' in text
    compile(text, "suite", "exec")
    with FILE.open(encoding="utf-8", newline="") as file:
        captions = sorted(row["caption"] for row in csv.DictReader(file, delimiter="\t"))
    run = make_run(np.full((5000, 1), 31.75), suite=MLPERF_SUITE)
    samples = tuple(replace(sample, prompt=text) for sample, text in zip(run.samples, captions, strict=True))
    (note,) = mlperf_notes(replace(run, samples=samples))
    assert "its prompts" not in note
    assert len(CAPTIONS_SHA256) == 64


def test_only_the_captions_of_mlperf_are_its_preset(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "geneval", "--ready", "mlperf"]) == 2
    assert "--ready mlperf: is for the captions that MLPerf chose" in capsys.readouterr().err
