"""Scoring a generated run; metrics made by hand where a metric has to misbehave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdeval import SdevalError
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.evaluation.evaluate import evaluate
from sdeval.evaluation.score import score
from sdeval.evaluation.scoring.baseline_images import judge_defects
from sdeval.evaluation.scoring.parts import part_of, with_seeds
from sdeval.imaging.defects import NOT_IN_PIXELS, Measures, measure
from sdeval.imaging.io import pixel_hash, to_pixels
from sdeval.metrics import GeneratedImage, MetricInfo
from sdeval.metrics.clip_score import INFO, ClipScore
from sdeval.metrics.features.clip import Clip
from sdeval.metrics.per_image import OneByOne
from sdeval.metrics.sets.frechet_distance import FrechetDistance
from sdeval.results import run_folder
from sdeval.results.records import SampleResult
from sdeval.results.run import Run, Stored
from sdeval.results.run_folder import _sample_line
from tests.conftest import make_run
from tests.generated import plan


def test_identical_images_reuse_the_scores_of_the_baseline(
    generated: tuple[Run, Path], loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, folder = generated

    def never(self: ClipScore, images: Sequence[GeneratedImage]) -> list[float]:
        raise AssertionError("scored again")

    monkeypatch.setattr(ClipScore, "score", never)
    again = evaluate(plan(), loaded, tmp_path, baseline=Stored(before, folder))
    assert [each.scores for each in again.samples] == [each.scores for each in before.samples]
    assert np.array_equal(again.features["clip"], before.features["clip"])


def test_another_version_of_the_metric_scores_again(
    generated: tuple[Run, Path], loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, folder = generated
    older = replace(before.metrics["clip_score"], version="0")
    wrong = tuple(replace(sample, scores={"clip_score": -1.0}) for sample in before.samples)
    stale = replace(before, metrics={**before.metrics, "clip_score": older}, samples=wrong)
    again = evaluate(plan(), loaded, tmp_path, baseline=Stored(stale, folder))
    assert [each.scores for each in again.samples] == [each.scores for each in before.samples]


def scored(generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch, method: object) -> Run:
    """The generated run scored once more by a CLIP score that does what `method` does."""
    run, folder = generated
    monkeypatch.setattr(ClipScore, "score", method)
    few = plan(metrics=("clip_score",))
    return score(replace(run, metrics={}), few.suite, few.samples, folder, "cpu")


def test_one_image_that_cannot_be_scored_does_not_take_the_others_with_it(
    generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def picky(self: ClipScore, images: Sequence[GeneratedImage]) -> list[float]:
        if any(each.case.id == "square" for each in images):
            raise ValueError("no squares")
        return [1.0 for _ in images]

    run = scored(generated, monkeypatch, picky)
    values = [sample.scores["clip_score"] for sample in run.samples]
    assert values == [1.0, 1.0, None, None, 1.0, 1.0]
    assert run.samples[2].reasons == {"clip_score": "ValueError: no squares"}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_null_with_a_reason(
    generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    run = scored(generated, monkeypatch, lambda self, images: [value for _ in images])
    assert run.samples[0].scores == {"clip_score": None}
    assert run.samples[0].reasons == {"clip_score": f"the score is {value}, not within -100 to 100"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
def test_a_set_score_that_is_no_distance_is_null_with_a_reason(
    generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    run, folder = generated
    monkeypatch.setattr(FrechetDistance, "measure", lambda *_: value)
    few = plan(metrics=("frechet_distance",))
    found = score(replace(run, metrics={}), few.suite, few.samples, folder, "cpu").set_scores["frechet_distance"]
    assert found.value is None
    assert found.reason == f"the score is {value}, not within -0.001 to inf"


def test_set_scores_say_what_they_were_measured_with(generated: tuple[Run, Path]) -> None:
    run, folder = generated
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


def test_too_few_images_for_a_metric_are_unscored(generated: tuple[Run, Path]) -> None:
    run, folder = generated
    few = plan(metrics=("precision",))
    small = replace(run, metrics={}, samples=run.samples[:4], features={})
    found = score(small, few.suite, few.samples[:4], folder, "cpu").set_scores["precision"]
    assert found.value is None
    assert found.reason == "needs more than 5 images on both sides, got 4 images and 160 reference images"


def by_hand(monkeypatch: pytest.MonkeyPatch, function: object, **facts: object) -> MetricInfo:
    """Put a metric that is `function` of an image in the place of the CLIP score."""
    info = replace(INFO, **facts)
    monkeypatch.setattr("sdeval.evaluation.score.create", lambda name, options: OneByOne(info, "1", function))
    return info


def once_more(run: Run, folder: Path, baseline: Run | None) -> Run:
    """The generated run, scored by the metric in the place of the CLIP score."""
    few = plan(metrics=("clip_score",))
    stored = Stored(baseline, folder) if baseline else None
    return score(replace(run, metrics={}), few.suite, few.samples, folder, "cpu", stored)


def with_score(run: Run, value: float) -> Run:
    """The run, accepted when every image had this score by version 1 of the metric."""
    record = replace(run.metrics["clip_score"], version="1")
    samples = tuple(replace(sample, scores={"clip_score": value}) for sample in run.samples)
    return replace(run, metrics={"clip_score": record}, samples=samples)


def unscored(run: Run) -> Run:
    return replace(run, samples=tuple(replace(sample, scores={}) for sample in run.samples))


@pytest.mark.parametrize(("value", "expected"), [(100.0005, 100.0005), (100.5, None), (-0.5, None), (-0.0005, -0.0005)])
def test_a_score_out_of_range_is_null_with_a_reason(
    generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch, value: float, expected: float | None
) -> None:
    by_hand(monkeypatch, lambda each: value, range=(0.0, 100.0))
    sample = once_more(*generated, None).samples[0]
    assert sample.scores == {"clip_score": expected}
    reason = {"clip_score": f"the score is {value}, not within 0 to 100"}
    assert sample.reasons == ({} if expected is not None else reason)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_metric_without_bounds_has_finite_scores_too(
    generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch, value: float
) -> None:
    by_hand(monkeypatch, lambda each: value, range=(-float("inf"), float("inf")))
    assert once_more(*generated, None).samples[0].scores == {"clip_score": None}


def test_without_a_baseline_a_distance_from_it_is_neither_a_score_nor_missing(
    generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand(monkeypatch, lambda each: 1.0, needs=("baseline",), gating=False)
    run, folder = generated
    scored = once_more(unscored(run), folder, None)
    assert all((sample.scores, sample.reasons) == ({}, {}) for sample in scored.samples)
    assert not scored.metrics["clip_score"].gating


def test_a_distance_is_told_where_the_baseline_was_request_the_same(
    generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand(monkeypatch, lambda each: float(each.pair[0] == each.pair[1]), needs=("baseline",), gating=False)
    run, folder = generated
    request_else = replace(run, samples=(replace(run.samples[0], fingerprint="other"), *run.samples[1:]))
    scored = once_more(unscored(run), folder, request_else)
    assert [sample.scores for sample in scored.samples] == [{}] + [{"clip_score": 1.0}] * 5


def test_a_distance_is_never_taken_from_the_baseline(
    generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand(monkeypatch, lambda each: 1.0, needs=("baseline",), gating=False)
    run, folder = generated
    scored = once_more(run, folder, with_score(run, 7.0))
    assert [sample.scores["clip_score"] for sample in scored.samples] == [1.0] * 6


def test_a_score_of_the_whole_run_is_reused_where_all_images_are_the_baselines(
    generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand(monkeypatch, lambda each: 1.0, alone=False)
    run, folder = generated
    scored = once_more(run, folder, with_score(run, 7.0))
    assert [sample.scores["clip_score"] for sample in scored.samples] == [7.0] * 6


@pytest.mark.parametrize("changed", ["sha256", "fingerprint"])
def test_one_other_image_or_prompt_scores_the_whole_run_again(
    generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    run, folder = generated
    before = with_score(run, 7.0)
    before = replace(before, samples=(replace(before.samples[0], **{changed: "other"}), *before.samples[1:]))
    by_hand(monkeypatch, lambda each: 1.0, alone=False)
    together = once_more(run, folder, before)
    assert [sample.scores["clip_score"] for sample in together.samples] == [1.0] * 6
    by_hand(monkeypatch, lambda each: 1.0, alone=True)
    alone = once_more(run, folder, before)
    assert [sample.scores["clip_score"] for sample in alone.samples] == [1.0] + [7.0] * 5


def test_a_part_of_a_run_is_not_scored_as_the_whole_was(
    generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_hand(monkeypatch, lambda each: 1.0, alone=False)
    run, folder = generated
    few = plan(metrics=("clip_score",))
    part = replace(run, metrics={}, samples=run.samples[:2])
    scored = score(part, few.suite, few.samples[:2], folder, "cpu", Stored(with_score(run, 7.0), folder))
    assert [sample.scores["clip_score"] for sample in scored.samples] == [1.0, 1.0]


def test_what_one_image_spoils_for_the_run_is_missing_in_all(
    generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def picky(each: GeneratedImage) -> float:
        if each.case.id == "square":
            raise ValueError("no squares")
        return 1.0

    by_hand(monkeypatch, picky, alone=False)
    scored = once_more(*generated, None)
    assert [sample.scores["clip_score"] for sample in scored.samples] == [None] * 6
    assert {sample.reasons["clip_score"] for sample in scored.samples} == {"ValueError: no squares"}


def test_the_part_of_a_run_with_some_seeds_is_what_scoring_that_part_gives(generated: tuple[Run, Path]) -> None:
    run, folder = generated
    request = plan(metrics=("clip_score", "frechet_distance", "kernel_distance", "recall"))
    whole = score(replace(run, metrics={}, set_scores={}), request.suite, request.samples, folder, "cpu")
    part = with_seeds(whole, {1}, request.suite, "cpu")
    assert [sample.key for sample in part.samples] == [("circle", 1), ("square", 1), ("cross", 1)]
    # Features are measured in batches, whose size changes their last bits: they are those of the whole.
    rows = {"clip": whole.features["clip"][1::2]}
    bare = replace(run, metrics={}, set_scores={}, features=rows, samples=run.samples[1::2])
    alone = score(bare, request.suite, request.samples[1::2], folder, "cpu")
    assert part.samples == alone.samples
    assert np.array_equal(part.features["clip"], alone.features["clip"])
    assert part.set_scores == alone.set_scores
    assert part.set_scores["frechet_distance"] != whole.set_scores["frechet_distance"]


@pytest.mark.parametrize("seeds", [{0, 1}, {0, 1, 7}])
def test_all_seeds_of_a_run_are_the_run(generated: tuple[Run, Path], seeds: set[int]) -> None:
    run, _ = generated
    assert with_seeds(run, seeds, plan().suite, "cpu") is run


def test_no_seed_in_common_leaves_no_image_and_no_metric(generated: tuple[Run, Path]) -> None:
    run, _ = generated
    part = with_seeds(run, {7}, plan().suite, "cpu")
    assert part.samples == ()
    assert part.set_scores["frechet_distance"].value is None
    assert part.set_scores["frechet_distance"].reason


def test_a_part_leaves_out_set_metrics_that_the_suite_no_longer_has(generated: tuple[Run, Path]) -> None:
    run, _ = generated
    assert with_seeds(run, {1}, plan(metrics=("clip_score",)).suite, "cpu").set_scores == {}


def marked(cut: bool) -> Image.Image:
    """Fine stripes of colour, of which a quarter may be black."""
    pixels = np.random.default_rng(0).integers(90, 160, (64, 64, 3)).cumsum(axis=1) % 256
    if cut:
        pixels[:32, :32] = 0
    return Image.fromarray(pixels.astype(np.uint8))


def defect_with_baseline(baseline: SampleResult, now: Image.Image, kept: Image.Image | None, defect: str = "") -> str:
    """The health of an image judged against a baseline's sample."""
    result = replace(
        baseline, sha256=pixel_hash(now), defect=defect, measures=measure(to_pixels(now)).as_dict(), width=64, height=64
    )
    return judge_defects(result, baseline, kept).defect


def baseline_of(image: Image.Image, measured: bool = True) -> SampleResult:
    run = make_run(np.zeros((1, 1)))
    measures = measure(to_pixels(image)).as_dict() if measured else {}
    return replace(run.samples[0], sha256=pixel_hash(image), measures=measures, width=64, height=64)


def test_an_image_is_judged_by_the_measures_of_the_baseline() -> None:
    whole, cut = marked(False), marked(True)
    assert defect_with_baseline(baseline_of(whole), cut, None) == "missing_area"
    assert defect_with_baseline(baseline_of(cut), cut.transpose(Image.Transpose.ROTATE_90), None, "missing_area") == ""


def test_of_an_older_baseline_the_image_is_measured_where_it_is_whole() -> None:
    whole, cut = marked(False), marked(True)
    older = baseline_of(whole, measured=False)
    assert defect_with_baseline(older, cut, whole) == "missing_area"
    # Nothing is known of a thumbnail, or without one: what was found alone stays.
    for kept in (whole.resize((32, 32)), None):
        assert defect_with_baseline(older, cut, kept) == ""
        assert defect_with_baseline(older, cut, kept, "missing_area") == "missing_area"


def test_an_identical_image_is_as_healthy_as_the_baseline() -> None:
    assert defect_with_baseline(baseline_of(marked(True)), marked(True), None, "missing_area") == ""


@pytest.mark.parametrize("defect", NOT_IN_PIXELS)
def test_what_is_known_from_elsewhere_stays(defect: str) -> None:
    assert defect_with_baseline(baseline_of(marked(False)), marked(False), None, defect) == defect


def test_measures_of_a_run_are_on_disk(generated: tuple[Run, Path]) -> None:
    run, folder = generated
    assert all(Measures.from_dict(sample.measures) for sample in run_folder.read(folder).samples)
    assert "measures" not in _sample_line(replace(run.samples[0], measures={}))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SystemExit(3), "SystemExit: 3"),
        (RuntimeError("no\nsquares \ud800"), r"RuntimeError: no squares \ud800"),
        (pytest.skip.Exception("no squares"), "Skipped: no squares"),
        (SdevalError("cannot be decoded"), "cannot be decoded"),
    ],
)
def test_whatever_a_metric_raises_costs_the_score_of_that_image(
    generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch, error: BaseException, reason: str
) -> None:
    def no_squares(self: ClipScore, images: Sequence[GeneratedImage]) -> list[float]:
        if any(image.case.id == "square" for image in images):
            raise error
        return [1.0] * len(images)

    run = scored(generated, monkeypatch, no_squares)
    assert [sample.reasons for sample in run.samples if sample.case != "square"] == [{}] * 4
    assert [sample.reasons for sample in run.samples if sample.case == "square"] == [{"clip_score": reason}] * 2


def test_a_metric_that_gives_too_few_scores_says_so(
    generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = scored(generated, monkeypatch, lambda self, images: [1.0] * (len(images) - 1))
    assert {sample.reasons["clip_score"] for sample in run.samples} == {"gave 0 scores for 1 image"}


def without_image(run: Run, row: int) -> Run:
    """A run of which one sample failed."""
    samples = list(run.samples)
    samples[row] = replace(samples[row], image="", sha256="", failure="boom", scores={}, measures={})
    return replace(run, metrics={}, set_scores={}, features={}, samples=tuple(samples))


EVERY_KIND = ("clip_score", "diversity", "duplicates", "frechet_distance", "kernel_distance")


def test_a_missing_image_has_no_scores_and_the_others_have_theirs(generated: tuple[Run, Path], tmp_path: Path) -> None:
    run, folder = generated
    request = plan(metrics=EVERY_KIND)
    whole = score(replace(run, metrics={}), request.suite, request.samples, folder, "cpu")
    part = score(without_image(run, 3), request.suite, request.samples, folder, "cpu")
    assert part.samples[3].scores == {}
    names = [set(sample.scores) for sample in part.samples]
    # Seeds of a case cannot be compared where one is missing.
    assert names == [{"clip_score", "diversity", "duplicates"}] * 2 + [{"clip_score", "duplicates"}, set()] + names[:2]
    assert [sample.scores["clip_score"] for sample in part.samples[:3]] == [
        sample.scores["clip_score"] for sample in whole.samples[:3]
    ]
    for name in ("frechet_distance", "kernel_distance"):
        assert part.set_scores[name].value is None
        assert part.set_scores[name].reason == "lacks 1 of 6 images; square@1: no image: boom"
    run_folder.write(part, tmp_path)
    again = run_folder.read(tmp_path)
    assert again.samples == part.samples
    assert np.isnan(again.features["clip"][3]).all()
    # The set metrics of the cases that are whole are those of a run of these cases.
    assert again.features["clip"].shape == whole.features["clip"].shape
    keys = {sample.key for sample in part.samples if sample.case != "square"}
    reduced = part_of(again, keys, request.suite, "cpu").set_scores["frechet_distance"]
    expected = part_of(whole, keys, request.suite, "cpu").set_scores["frechet_distance"]
    assert reduced.value == pytest.approx(expected.value, rel=1e-4)


def test_a_run_without_any_image_can_be_written_and_read(generated: tuple[Run, Path], tmp_path: Path) -> None:
    run, folder = generated
    for row in range(len(run.samples)):
        run = without_image(run, row)
    request = plan(metrics=EVERY_KIND)
    empty = score(run, request.suite, request.samples, folder, "cpu")
    assert empty.set_scores["frechet_distance"].reason.startswith("lacks 6 of 6 images")
    run_folder.write(empty, tmp_path)
    assert run_folder.read(tmp_path).samples == empty.samples


def test_an_image_that_has_no_features_is_told_by_all_metrics_of_the_set(
    generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, folder = generated
    request = plan(metrics=("frechet_distance", "kernel_distance"))
    bad = pixel_hash(folder / run.samples[3].image)
    real = Clip.images

    def images(self: Clip, images: Sequence[Image.Image]) -> np.ndarray:
        if any(pixel_hash(image) == bad for image in images):
            raise RuntimeError("no\nfeatures")
        return real(self, images)

    monkeypatch.setattr(Clip, "images", images)
    found = score(replace(run, metrics={}, set_scores={}, features={}), request.suite, request.samples, folder, "cpu")
    why = "RuntimeError: no features"
    assert found.samples[3].reasons == dict.fromkeys(request.suite.metrics, why)
    assert [sample.reasons for sample in found.samples[:3]] == [{}] * 3
    for name in request.suite.metrics:
        assert found.set_scores[name].reason == f"lacks 1 of 6 images; square@1: {why}"


def test_an_image_of_a_run_is_missing_or_there(generated: tuple[Run, Path], tmp_path: Path) -> None:
    run, _ = generated
    both = replace(run.samples[0], failure="boom")
    run_folder.write(replace(run, samples=(both, *run.samples[1:])), tmp_path)
    with pytest.raises(SdevalError, match=r"samples\.jsonl:1: is corrupt: .* is no image of a run"):
        run_folder.read(tmp_path)
