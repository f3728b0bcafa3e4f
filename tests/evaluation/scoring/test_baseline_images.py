"""Images compared with the baseline's: unchanged ones unseen, thumbnails with thumbnails, pairs at full size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdeval.baselines.acceptance import accept
from sdeval.baselines.store import stored
from sdeval.errors import SdevalError
from sdeval.evaluation.scoring import images
from sdeval.imaging.io import open_rgb, write_png
from sdeval.imaging.similarity import image_difference, psnr
from sdeval.results import run_folder
from sdeval.results.run import Stored
from tests.evaluation.scoring.mosaics import Generated, generate, mosaic, reasons, scores

LARGE = 160
"""Pixels; baselines keep thumbnails of images of this size."""


@dataclass
class Source:
    """Full-size images by hash, of which some may be missing."""

    paths: Mapping[str, Path]
    asked: list[str] = field(default_factory=list)
    nearby: bool = False
    """Whether the images are on this machine already."""

    def get(self, sha256: str) -> Path:
        self.asked.append(sha256)
        if sha256 not in self.paths:
            raise SdevalError("the store cannot be reached")
        return self.paths[sha256]

    def find_nearby(self, sha256: str) -> Path | None:
        return self.paths.get(sha256) if self.nearby else None


def accepted(before: Generated, baselines: Path, source: Source | None = None) -> Stored:
    """A run accepted as a baseline."""
    run_folder.write(before.score("sharpness"), before.folder)
    accept(before.folder, baselines)
    baseline = stored(baselines, "animals", "tiny")
    assert baseline is not None
    return replace(baseline, images=source)


def source_of(generated: Generated) -> Source:
    return Source({sample.sha256: generated.folder / sample.image for sample in generated.run.samples})


def test_an_unchanged_image_is_identical_and_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = generate(tmp_path / "before")
    run = before.score("sharpness", "diversity", "duplicates")

    def never(path: Path) -> Image.Image:
        raise AssertionError(f"decoded {path}")

    monkeypatch.setattr(images, "open_rgb", never)
    again = before.score("sharpness", "diversity", "duplicates", baseline=Stored(run, before.folder))
    assert {sample.image_change for sample in again.samples} == {"identical"}
    assert [sample.scores for sample in again.samples] == [sample.scores for sample in run.samples]


def test_of_some_changed_images_only_those_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = generate(tmp_path / "before")
    accepted_run = before.score("sharpness")
    now = generate(tmp_path / "now", version=9, changed=lambda sample: sample.case == "case-1")
    opened = []
    monkeypatch.setattr(images, "open_rgb", lambda path: opened.append(path) or open_rgb(path))
    run = now.score("sharpness", baseline=Stored(accepted_run, before.folder))
    assert {path.name for path in opened} == {"case-1@0.png", "case-1@1.png"}
    assert [sample.image_change for sample in run.samples] == ["identical"] * 2 + ["changed"] * 2 + ["identical"] * 2


def test_a_change_that_a_thumbnail_does_not_show_is_never_identical(tmp_path: Path) -> None:
    before = generate(tmp_path / "before", size=LARGE)
    baseline = accepted(before, tmp_path / "baselines")
    now = generate(tmp_path / "now", size=LARGE)
    samples = list(now.run.samples)
    image = mosaic(0, 0, LARGE)
    image.putpixel((5, 5), tuple(level + 1 for level in image.getpixel((5, 5))))
    write_png(now.folder / samples[0].image, image)
    samples[0] = replace(samples[0], sha256="other")
    now = replace(now, run=replace(now.run, samples=tuple(samples)))
    run = now.score("sharpness", baseline=baseline)
    assert [sample.image_change for sample in run.samples[:2]] == ["imperceptible", "identical"]


@pytest.mark.parametrize("size", [64, LARGE])
def test_a_pair_is_compared_at_full_size(tmp_path: Path, size: int) -> None:
    before = generate(tmp_path / "before", size=size)
    baseline = accepted(before, tmp_path / "baselines", source_of(before))
    now = generate(tmp_path / "now", size=size, version=3)
    run = now.score("psnr", "ssim", baseline=baseline)
    expected = [
        psnr(np.asarray(mosaic(case, seed, size, 3)), np.asarray(mosaic(case, seed, size)))
        for case in range(3)
        for seed in range(2)
    ]
    assert scores(run, "psnr") == pytest.approx(expected, abs=1e-4)
    assert None not in scores(run, "ssim")


def test_full_size_images_are_got_only_where_a_metric_needs_them(tmp_path: Path) -> None:
    before = generate(tmp_path / "before", size=LARGE)
    source = source_of(before)
    baseline = accepted(before, tmp_path / "baselines", source)
    now = generate(tmp_path / "now", size=LARGE, version=3, changed=lambda sample: sample.case == "case-1")
    now.score("sharpness", baseline=baseline)
    assert source.asked == []
    run = now.score("sharpness", "psnr", "ssim", baseline=baseline)
    assert sorted(source.asked) == sorted(sample.sha256 for sample in before.run.samples[2:4])
    assert scores(run, "psnr")[:2] == [100.0, 100.0]


@pytest.mark.parametrize(
    ("source", "cause"),
    [(None, "the baseline holds no full-size image of case-1@0"), (Source({}), "the store cannot be reached")],
)
def test_without_the_full_size_image_a_distance_is_unscored(tmp_path: Path, source: Source | None, cause: str) -> None:
    baseline = accepted(generate(tmp_path / "before", size=LARGE), tmp_path / "baselines", source)
    now = generate(tmp_path / "now", size=LARGE, version=3, changed=lambda sample: sample.case == "case-1")
    run = now.score("sharpness", "psnr", baseline=baseline)
    assert scores(run, "psnr") == [100.0, 100.0, None, None, 100.0, 100.0]
    assert reasons(run, "psnr")[2] == f"cannot be compared at full size: {cause}"
    assert None not in scores(run, "sharpness")
    assert [sample.image_change for sample in run.samples[2:4]] == ["changed"] * 2


def with_another_first_case(folder: Path, size: int) -> Generated:
    """The first case changed, the others as they are in version 0."""
    return generate(folder, size=size, version=3, changed=lambda sample: sample.case == "case-0")


@pytest.mark.parametrize("size", [64, LARGE])
def test_the_difference_is_measured_where_both_images_are_at_hand(tmp_path: Path, size: int) -> None:
    before = generate(tmp_path / "before", size=size)
    source = replace(source_of(before), nearby=True)
    baseline = accepted(before, tmp_path / "baselines", source)
    run = with_another_first_case(tmp_path / "now", size).score("sharpness", baseline=baseline)
    images = [(np.asarray(mosaic(0, seed, size)), np.asarray(mosaic(0, seed, size, 3))) for seed in range(2)]
    assert [sample.difference for sample in run.samples[:2]] == [image_difference(*pair) for pair in images]
    assert {sample.difference for sample in run.samples[2:]} == {None}
    assert source.asked == []


def test_nothing_is_fetched_for_the_difference(tmp_path: Path) -> None:
    before = generate(tmp_path / "before", size=LARGE)
    source = source_of(before)
    baseline = accepted(before, tmp_path / "baselines", source)
    run = with_another_first_case(tmp_path / "now", LARGE).score("sharpness", baseline=baseline)
    assert source.asked == []
    assert {sample.difference for sample in run.samples} == {None}
    assert [sample.image_change for sample in run.samples[:2]] == ["changed"] * 2


def test_what_a_metric_fetches_is_measured_as_well(tmp_path: Path) -> None:
    before = generate(tmp_path / "before", size=LARGE)
    baseline = accepted(before, tmp_path / "baselines", source_of(before))
    run = with_another_first_case(tmp_path / "now", LARGE).score("psnr", baseline=baseline)
    difference = run.samples[0].difference
    assert difference
    assert difference.psnr == pytest.approx(scores(run, "psnr")[0], abs=0.01)


def test_images_of_different_sizes_have_no_difference(tmp_path: Path) -> None:
    before = generate(tmp_path / "before", size=64)
    baseline = accepted(before, tmp_path / "baselines")
    run = generate(tmp_path / "now", size=72).score("sharpness", baseline=baseline)
    assert {(sample.difference, sample.defect) for sample in run.samples} == {(None, "size_mismatch")}


def test_an_accepted_run_keeps_no_difference(tmp_path: Path) -> None:
    before = generate(tmp_path / "before", size=64)
    baseline = accepted(before, tmp_path / "baselines")
    now = with_another_first_case(tmp_path / "now", 64)
    run = now.score("sharpness", baseline=baseline)
    run_folder.write(run, now.folder)
    assert run_folder.read(now.folder).samples == run.samples
    accept(now.folder, tmp_path / "baselines")
    lines = (tmp_path / "baselines" / "animals" / "tiny" / "samples.jsonl").read_text(encoding="utf-8")
    assert "difference" not in lines
