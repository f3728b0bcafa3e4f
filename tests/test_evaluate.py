"""Drawing and scoring with the embedded model; metrics made by hand where a metric has to misbehave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdeval import Case, Suite
from sdeval import run as runs
from sdeval.evaluate import Plan, draw_samples, evaluate, score
from sdeval.metrics import Picture
from sdeval.metrics.clip_score import ClipScore
from sdeval.pipelines.load import LoadedTarget
from sdeval.run import Run
from sdeval.target import shipped
from tests.conftest import ROOT

SETTINGS = {"num_inference_steps": 2, "width": 64, "height": 64}


@pytest.fixture(scope="module")
def loaded() -> LoadedTarget:
    return LoadedTarget(shipped()["shapes"])


def plan(**changes: object) -> Plan:
    names = ("circle", "square", "cross")
    suite = Suite(
        name="few",
        task="text2img",
        cases=tuple(Case(id=name, prompt=f"a large red {name} on a blue background") for name in names),
        settings=SETTINGS,
        metrics=("clip_score", "frechet_distance"),
        metric_options={"clip_model": "shapes"},
        references=ROOT / "suites" / "shapes" / "references" / "text2img",
    )
    suite = replace(suite, **changes)
    return Plan(suite, shipped()["shapes"], suite.samples, dict(suite.settings))


@pytest.fixture(scope="module")
def drawn(loaded: LoadedTarget, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    folder = tmp_path_factory.mktemp("run")
    return evaluate(plan(), loaded, folder), folder


def test_a_run_is_whole_scored_and_on_disk(drawn: tuple[Run, Path]) -> None:
    run, folder = drawn
    assert run.complete
    assert len(run.samples) == 6
    assert all(sample.scores["clip_score"] is not None for sample in run.samples)
    figure = run.set_scores["frechet_distance"]
    assert (figure.n, figure.extractor, figure.reference_n) == (6, "clip", 160)
    assert figure.value is not None
    assert figure.value > 0
    assert runs.read(folder).samples == run.samples


def test_pictures_on_disk_are_the_ones_that_were_hashed(drawn: tuple[Run, Path]) -> None:
    from sdeval.images import pixel_hash

    run, folder = drawn
    assert all(pixel_hash(folder / sample.image) == sample.sha256 for sample in run.samples)


def test_a_part_of_a_suite_has_no_set_score(loaded: LoadedTarget, tmp_path: Path) -> None:
    whole = plan()
    run = evaluate(replace(whole, samples=whole.samples[:4]), loaded, tmp_path)
    assert not run.complete
    assert run.set_scores["frechet_distance"].value is None
    assert run.set_scores["frechet_distance"].reason.startswith("waits for a whole suite")


def test_without_reference_pictures_there_is_no_set_score(loaded: LoadedTarget, tmp_path: Path) -> None:
    run = evaluate(plan(references=None), loaded, tmp_path)
    assert run.set_scores["frechet_distance"].reason == "the suite has no reference pictures"


def test_identical_pictures_reuse_the_scores_of_the_baseline(
    drawn: tuple[Run, Path], loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, _ = drawn

    def never(self: ClipScore, pictures: Sequence[Picture]) -> list[float]:
        raise AssertionError("scored again")

    monkeypatch.setattr(ClipScore, "score", never)
    again = evaluate(plan(), loaded, tmp_path, baseline=before)
    assert [each.scores for each in again.samples] == [each.scores for each in before.samples]
    assert np.array_equal(again.features["clip"], before.features["clip"])


def test_another_version_of_the_metric_scores_again(
    drawn: tuple[Run, Path], loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, _ = drawn
    older = replace(before.metrics["clip_score"], version="0")
    wrong = tuple(replace(sample, scores={"clip_score": -1.0}) for sample in before.samples)
    stale = replace(before, metrics={**before.metrics, "clip_score": older}, samples=wrong)
    again = evaluate(plan(), loaded, tmp_path, baseline=stale)
    assert [each.scores for each in again.samples] == [each.scores for each in before.samples]


def scored(drawn: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch, method: object) -> Run:
    """The drawn run scored once more by a CLIP score that does what `method` does."""
    run, folder = drawn
    monkeypatch.setattr(ClipScore, "score", method)
    return score(plan(metrics=("clip_score",)), replace(run, metrics={}), folder, "cpu", None)


def test_one_picture_that_cannot_be_scored_does_not_take_the_others_with_it(
    drawn: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def picky(self: ClipScore, pictures: Sequence[Picture]) -> list[float]:
        if any(each.case.id == "square" for each in pictures):
            raise ValueError("no squares")
        return [1.0 for _ in pictures]

    run = scored(drawn, monkeypatch, picky)
    values = [sample.scores["clip_score"] for sample in run.samples]
    assert values == [1.0, 1.0, None, None, 1.0, 1.0]
    assert run.samples[2].reasons == {"clip_score": "ValueError: no squares"}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_null_with_a_reason(
    drawn: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    run = scored(drawn, monkeypatch, lambda self, pictures: [value for _ in pictures])
    assert run.samples[0].scores == {"clip_score": None}
    assert run.samples[0].reasons == {"clip_score": f"the score is {value}"}


def test_broken_pictures_are_named_kept_and_scored(loaded: LoadedTarget, tmp_path: Path) -> None:
    from sdeval.faults import some_black

    with some_black(loaded.pipeline("text2img"), every=3):
        run = evaluate(plan(), loaded, tmp_path)
    assert [sample.health for sample in run.samples].count("black") == 2
    assert len(run.features["clip"]) == 6
    assert all(sample.scores["clip_score"] is not None for sample in run.samples)


def test_the_wrong_size_is_a_defect(loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sdeval import evaluate as module
    from sdeval.pipelines.draw import draw

    def small(*arguments: object) -> list[object]:
        drawn = draw(*arguments)  # type: ignore[arg-type]
        return [replace(each, picture=each.picture.resize((32, 32))) for each in drawn]

    monkeypatch.setattr(module, "draw", small)
    run = draw_samples(plan(), loaded, tmp_path, lambda _: None)
    assert {sample.health for sample in run.samples} == {"wrong size"}
    assert Image.open(tmp_path / run.samples[0].image).size == (32, 32)


def test_progress_counts_every_picture(loaded: LoadedTarget, tmp_path: Path) -> None:
    told: list[int] = []
    draw_samples(plan(), loaded, tmp_path, told.append)
    assert sum(told) == 6
