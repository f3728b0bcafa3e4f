"""Scores of single images: metrics that look at one, at summaries of all, or at all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sdeval.evaluation.scoring import images
from sdeval.metrics import GeneratedImage
from sdeval.results.run import Stored
from tests.evaluation.scoring.mosaics import ByHand, BySummary, generate, reasons, scores, use


def not_case_1(image: GeneratedImage) -> float:
    if image.case.id == "case-1":
        raise ValueError("no ones")
    return 1.0


def test_one_image_that_cannot_be_scored_takes_none_of_its_batch_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, ByHand(not_case_1))
    run = generate(tmp_path).score("clip_score")
    assert scores(run) == [1.0, 1.0, None, None, 1.0, 1.0]
    assert reasons(run)[2:4] == ["ValueError: no ones"] * 2


@pytest.mark.parametrize("batch", [1, 32])
def test_without_the_summary_of_one_image_none_can_be_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(images, "BATCH", batch)
    use(monkeypatch, BySummary(not_case_1))
    run = generate(tmp_path).score("clip_score")
    assert set(scores(run)) == {None}
    assert set(reasons(run)) == {"ValueError: no ones"}


def test_seeds_of_a_later_round_are_compared_with_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, BySummary(lambda image: image.seed))
    generated = generate(tmp_path, cases=1, seeds=6)
    generated.run.request["rounds"] = [[0, 1], [0, 1, 2, 3, 4, 5]]
    assert scores(generated.score("clip_score")) == [2.0, 2.0, 4.0, 4.0, 4.0, 4.0]


def test_too_few_summaries_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metric = BySummary(lambda image: image.seed)
    monkeypatch.setattr(metric, "summarise", lambda images: [0] * (len(images) - 1))
    use(monkeypatch, metric)
    assert set(reasons(generate(tmp_path).score("clip_score"))) == {"gave 0 summaries for 1 image"}


def test_a_summary_may_be_a_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, BySummary(lambda image: image.case.prompt))
    assert scores(generate(tmp_path).score("clip_score")) == [6.0] * 6


def test_a_metric_of_all_images_that_has_no_summaries_is_given_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metric = ByHand(lambda image: float(image.seed), alone=False)
    use(monkeypatch, metric)
    monkeypatch.setattr(images, "BATCH", 2)
    assert scores(generate(tmp_path).score("clip_score")) == [0.0, 1.0] * 3


def test_a_case_that_lacks_what_a_metric_is_about_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, ByHand(not_case_1, needs=("text",), of_some_cases=True))
    generated = generate(tmp_path)
    samples = [
        replace(sample, case=replace(sample.case, text=() if sample.case.id == "case-1" else ("Open",)))
        for sample in generated.samples
    ]
    run = replace(generated, samples=samples).score("clip_score")
    assert [dict(sample.scores) for sample in run.samples[2:4]] == [{}, {}]
    assert [dict(sample.inapplicable) for sample in run.samples] == [{}] * 2 + [{"clip_score": "text"}] * 2 + [{}] * 2
    assert set(reasons(run)) == {""}
    again = replace(generated, samples=samples).score("clip_score", baseline=Stored(run, tmp_path))
    assert again.samples == tuple(replace(sample, image_change="identical") for sample in run.samples)
