"""Scoring a drawn run; metrics made by hand where a metric has to misbehave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdeval.evaluate import evaluate
from sdeval.metrics import Picture
from sdeval.metrics.clip_score import ClipScore
from sdeval.metrics.frechet_distance import FrechetDistance
from sdeval.pipelines.load import LoadedTarget
from sdeval.run import Run, Stored
from sdeval.score import score
from tests.drawn import plan


def test_identical_pictures_reuse_the_scores_of_the_baseline(
    drawn: tuple[Run, Path], loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, folder = drawn

    def never(self: ClipScore, pictures: Sequence[Picture]) -> list[float]:
        raise AssertionError("scored again")

    monkeypatch.setattr(ClipScore, "score", never)
    again = evaluate(plan(), loaded, tmp_path, baseline=Stored(before, folder))
    assert [each.scores for each in again.samples] == [each.scores for each in before.samples]
    assert np.array_equal(again.features["clip"], before.features["clip"])


def test_another_version_of_the_metric_scores_again(
    drawn: tuple[Run, Path], loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, folder = drawn
    older = replace(before.metrics["clip_score"], version="0")
    wrong = tuple(replace(sample, scores={"clip_score": -1.0}) for sample in before.samples)
    stale = replace(before, metrics={**before.metrics, "clip_score": older}, samples=wrong)
    again = evaluate(plan(), loaded, tmp_path, baseline=Stored(stale, folder))
    assert [each.scores for each in again.samples] == [each.scores for each in before.samples]


def scored(drawn: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch, method: object) -> Run:
    """The drawn run scored once more by a CLIP score that does what `method` does."""
    run, folder = drawn
    monkeypatch.setattr(ClipScore, "score", method)
    few = plan(metrics=("clip_score",))
    return score(replace(run, metrics={}), few.suite, few.samples, folder, "cpu")


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
    assert run.samples[0].reasons == {"clip_score": f"the score is {value}, not within -100 to 100"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_a_set_score_that_is_no_distance_is_null_with_a_reason(
    drawn: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    run, folder = drawn
    monkeypatch.setattr(FrechetDistance, "measure", lambda *_: value)
    few = plan(metrics=("frechet_distance",))
    found = score(replace(run, metrics={}), few.suite, few.samples, folder, "cpu").set_scores["frechet_distance"]
    assert found.value is None
    assert found.reason == f"the score is {value}, not within -0.001 to inf"


def test_set_scores_say_what_they_were_measured_with(drawn: tuple[Run, Path]) -> None:
    run, folder = drawn
    few = plan(metrics=("frechet_distance", "kernel_distance", "cmmd", "precision", "recall", "density", "coverage"))
    found = score(replace(run, metrics={}), few.suite, few.samples, folder, "cpu")
    assert set(found.set_scores) == set(few.suite.metrics)
    for name, each in found.set_scores.items():
        assert each.value is not None, each.reason
        assert (each.n, each.extractor, each.reference_n) == (6, "clip", 160)
        assert len(each.reference) == 16
        assert each.extractor_version.startswith("shapes ")
        assert each.extractor_version in found.metrics[name].version
        assert each.resize == "bicubic 64x64 squash"


def test_too_few_pictures_for_a_figure_are_unscored(drawn: tuple[Run, Path]) -> None:
    run, folder = drawn
    few = plan(metrics=("precision",))
    small = replace(run, metrics={}, samples=run.samples[:4], features={})
    found = score(small, few.suite, few.samples[:4], folder, "cpu").set_scores["precision"]
    assert found.value is None
    assert found.reason == "needs more than 5 pictures on both sides, got 4 pictures and 160 reference pictures"
