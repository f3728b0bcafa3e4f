"""Generating and scoring with the embedded model; metrics made by hand where a metric has to misbehave."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sdeval.baselines import acceptance as accepting
from sdeval.comparison import judge_cases
from sdeval.diagnostics.faults import alter_call
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.evaluation.evaluate import evaluate, generate
from sdeval.evaluation.plan import make_plan
from sdeval.results import run_folder
from sdeval.results.run import BATCH_CONSISTENCY, Run, Stored
from tests.generated import plan


def test_a_run_is_whole_scored_and_on_disk(generated: tuple[Run, Path]) -> None:
    run, folder = generated
    assert run.complete
    assert len(run.samples) == 6
    assert all(sample.scores["clip_score"] is not None for sample in run.samples)
    metric = run.set_scores["frechet_distance"]
    assert (metric.n, metric.extractor, metric.reference_n) == (6, "clip", 160)
    assert metric.value is not None
    assert metric.value > 0
    assert run_folder.read(folder).samples == run.samples


def test_images_on_disk_are_the_ones_that_were_hashed(generated: tuple[Run, Path]) -> None:
    from sdeval.imaging.io import pixel_hash

    run, folder = generated
    assert all(pixel_hash(folder / sample.image) == sample.sha256 for sample in run.samples)


def test_a_part_of_a_suite_has_no_set_score(loaded: LoadedTarget, tmp_path: Path) -> None:
    whole = plan()
    run = evaluate(replace(whole, samples=whole.samples[:4]), loaded, tmp_path)
    assert not run.complete
    assert run.set_scores["frechet_distance"].value is None
    assert run.set_scores["frechet_distance"].reason.startswith("waits for a whole suite")


def test_without_reference_images_there_is_no_set_score(loaded: LoadedTarget, tmp_path: Path) -> None:
    run = evaluate(plan(references=None), loaded, tmp_path)
    assert run.set_scores["frechet_distance"].reason == "the suite has no reference images"


def test_broken_images_are_named_kept_and_scored(loaded: LoadedTarget, tmp_path: Path) -> None:
    from sdeval.diagnostics.faults.images import blacken_some

    with blacken_some(loaded.pipeline("text2img"), every=3):
        run = evaluate(plan(), loaded, tmp_path)
    assert [sample.defect for sample in run.samples].count("black") == 2
    assert len(run.features["clip"]) == 6
    assert all(sample.scores["clip_score"] is not None for sample in run.samples)


def test_the_wrong_size_is_a_defect(loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sdeval.engines import diffusers_engine as module
    from sdeval.engines.generation import generate_batch

    def small(*arguments: object) -> list[object]:
        generated = generate_batch(*arguments)  # type: ignore[arg-type]
        return [replace(each, image=each.image.resize((32, 32))) for each in generated]

    monkeypatch.setattr(module, "generate_batch", small)
    run = generate(plan(), loaded, tmp_path, lambda _: None)
    assert {sample.defect for sample in run.samples} == {"size_mismatch"}
    assert Image.open(tmp_path / run.samples[0].image).size == (32, 32)


def test_progress_counts_every_image(loaded: LoadedTarget, tmp_path: Path) -> None:
    told: list[int] = []
    generate(plan(), loaded, tmp_path, told.append)
    assert sum(told) == 6


def test_seeds_that_no_look_of_the_suite_has_are_generated_as_well(loaded: LoadedTarget, tmp_path: Path) -> None:
    few = plan(max_seeds=4)
    other = make_plan(few.suite, few.target, seeds=(7, 1))
    run = generate(other, loaded, tmp_path, lambda _: None)
    assert [sample.seed for sample in run.samples] == [7, 1] * 3
    assert run.request["rounds"] == [[7, 1]]


def test_an_image_that_is_the_same_alone_is_recorded_as_such(generated: tuple[Run, Path]) -> None:
    run, folder = generated
    assert run.environment[BATCH_CONSISTENCY] in ("identical", "imperceptible")
    assert run_folder.read(folder).environment[BATCH_CONSISTENCY] == run.environment[BATCH_CONSISTENCY]


def test_an_image_that_depends_on_its_neighbours_is_recorded_as_changed(loaded: LoadedTarget, tmp_path: Path) -> None:
    pipeline = loaded.pipeline("text2img")
    with alter_call(pipeline, images=lambda generated: generated / len(generated)):
        run = generate(plan(), loaded, tmp_path, lambda _: None)
    assert run.environment[BATCH_CONSISTENCY] == "changed"
    assert "came out different" in run.notes[0]


def test_what_the_first_seeds_showed_is_kept_when_more_are_generated(loaded: LoadedTarget, tmp_path: Path) -> None:
    few = plan()
    first = generate(replace(few, samples=few.samples[::2]), loaded, tmp_path, lambda _: None)
    before = replace(first, environment={**first.environment, BATCH_CONSISTENCY: "changed"})
    assert generate(few, loaded, tmp_path, lambda _: None, before).environment[BATCH_CONSISTENCY] == "changed"


def test_the_image_that_is_generated_again_leaves_no_file_and_no_time(loaded: LoadedTarget, tmp_path: Path) -> None:
    run = generate(plan(), loaded, tmp_path, lambda _: None)
    assert len(run.timings) == len(list((tmp_path / "images").iterdir())) == 6


@pytest.fixture
def unsized(loaded: LoadedTarget, tmp_path: Path) -> Stored:
    """An accepted run of a suite that asks for no size, with a metric beside the baseline's image."""
    few = plan(settings={"num_inference_steps": 2}, metrics=("clip_score", "psnr", "ssim"), seeds=(0,))
    evaluate(few, loaded, tmp_path / "run")
    accepting.accept(tmp_path / "run", tmp_path / "baselines")
    return Stored(run_folder.read(tmp_path / "baselines" / "few" / "shapes"), tmp_path / "baselines" / "few" / "shapes")


def generated_as(size: tuple[int, int], unsized: Stored, loaded: LoadedTarget, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The same again, with images of another size."""
    from sdeval.engines import diffusers_engine as module
    from sdeval.engines.generation import generate_batch

    def resized(*arguments: Any) -> list[Any]:
        return [replace(each, image=each.image.resize(size)) for each in generate_batch(*arguments)]

    monkeypatch.setattr(module, "generate_batch", resized)
    few = plan(settings={"num_inference_steps": 2}, metrics=("clip_score", "psnr", "ssim"), seeds=(0,))
    return evaluate(few, loaded, unsized.folder.parent / "again", unsized)


def test_a_run_keeps_the_sizes_of_its_images(unsized: Stored) -> None:
    assert {sample.size for sample in unsized.run.samples} == {(64, 64)}


def test_another_size_than_the_baselines_is_a_defect_where_none_was_request(
    unsized: Stored, loaded: LoadedTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = generated_as((48, 32), unsized, loaded, monkeypatch)
    assert {(each.defect, each.size) for each in run.samples} == {("size_mismatch", (48, 32))}
    assert run.samples[0].detail.startswith("48x32 instead of the baseline's 64x64; ask for width and height")
    assert {verdict.verdict for verdict in judge_cases(run, unsized.run)} == {"broken"}
    # What compares both images says why it cannot.
    assert set(run.samples[0].reasons) == {"psnr", "ssim"}


def test_where_the_baseline_knows_no_size_there_is_none_to_hold_against(
    unsized: Stored, loaded: LoadedTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = tuple(replace(sample, width=0, height=0) for sample in unsized.run.samples)
    before = replace(unsized, run=replace(unsized.run, samples=older))
    assert {each.defect for each in generated_as((48, 32), before, loaded, monkeypatch).samples} == {""}
