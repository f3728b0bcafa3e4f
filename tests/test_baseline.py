from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdeval import SdevalError
from sdeval import run as runs
from sdeval.baseline import BrokenPictures, accept, find
from sdeval.images import write_png
from sdeval.run import Run
from tests.conftest import CLIP_SCORE, make_run


def on_disk(run: Run, folder: Path, size: int = 32) -> Path:
    runs.write(run, folder)
    for number, sample in enumerate(run.samples):
        write_png(folder / sample.image, Image.new("RGB", (size, size), (number, 90, 90)))
    return folder


@pytest.fixture
def run() -> Run:
    return replace(make_run(np.array([[30.0, 31.0], [29.0, 28.0]])), seconds={("case-0", 0): 0.5}, peak_memory_bytes=9)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_accepted_run_is_found_and_says_old_and_new(run: Run, tmp_path: Path) -> None:
    (first,) = accept(on_disk(run, tmp_path / "run"), tmp_path / "baselines")
    assert (first.old, first.new, first.pictures) == (None, 29.5, 4)
    found = find(tmp_path / "baselines", "animals", "tiny")
    assert found is not None
    assert found.samples == run.samples


def test_accepting_the_same_again_changes_no_byte(run: Run, tmp_path: Path) -> None:
    accept(on_disk(run, tmp_path / "run"), tmp_path / "baselines")
    before = contents(tmp_path / "baselines")
    later = replace(run, seconds={("case-0", 0): 0.9}, peak_memory_bytes=11)
    (second,) = accept(on_disk(later, tmp_path / "later"), tmp_path / "baselines")
    assert (second.old, second.new, second.pictures) == (29.5, 29.5, 0)
    assert contents(tmp_path / "baselines") == before


def test_notes_of_a_session_are_not_accepted(run: Run, tmp_path: Path) -> None:
    accept(on_disk(replace(run, notes=("the noise is stale",)), tmp_path / "run"), tmp_path / "baselines")
    found = find(tmp_path / "baselines", "animals", "tiny")
    assert found is not None
    assert found.notes == ()


def test_a_dry_run_writes_nothing(run: Run, tmp_path: Path) -> None:
    accept(on_disk(run, tmp_path / "run"), tmp_path / "baselines", dry_run=True)
    assert not (tmp_path / "baselines").exists()


def test_large_pictures_are_kept_as_thumbnails(run: Run, tmp_path: Path) -> None:
    accept(on_disk(run, tmp_path / "run", size=512), tmp_path / "baselines")
    found = find(tmp_path / "baselines", "animals", "tiny")
    assert found is not None
    picture = Image.open(tmp_path / "baselines" / "animals" / "tiny" / found.samples[0].image)
    assert (picture.format, picture.size) == ("WEBP", (256, 256))


def test_pictures_that_are_gone_leave_the_baseline(run: Run, tmp_path: Path) -> None:
    accept(on_disk(run, tmp_path / "run"), tmp_path / "baselines")
    fewer = replace(run, samples=run.samples[:2])
    accept(on_disk(fewer, tmp_path / "fewer"), tmp_path / "baselines")
    assert len(list((tmp_path / "baselines").rglob("*.png"))) == 2


def test_how_far_pictures_are_from_the_baseline_before_is_not_kept(run: Run, tmp_path: Path) -> None:
    drifted = replace(run, samples=tuple(replace(each, drift="changed") for each in run.samples))
    accept(on_disk(drifted, tmp_path / "run"), tmp_path / "baselines")
    kept = find(tmp_path / "baselines", run.suite, run.target)
    assert kept is not None
    assert {each.drift for each in kept.samples} == {""}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"complete": False}, "is a partial run"),
        (
            {"asked": {"unscored": {"clip_score": "no weights"}, "seeds": [0], "looks": [[0]]}},
            r"has no clip_score \(no weights\)",
        ),
        ({"metrics": {}}, "has no scores at all"),
        ({"health": "black"}, "a baseline holds healthy pictures only"),
        ({"reasons": {"clip_score": "no"}}, "a baseline holds every score"),
    ],
)
def test_bad_runs_are_refused(run: Run, tmp_path: Path, damage: dict[str, object], message: str) -> None:
    if damage.keys() & {"complete", "asked", "metrics"}:
        run = replace(run, **damage)
    else:
        run = replace(run, samples=(replace(run.samples[0], **damage), *run.samples[1:]))
    with pytest.raises(SdevalError, match=message):
        accept(on_disk(run, tmp_path / "run"), tmp_path / "baselines")
    assert not (tmp_path / "baselines").exists()


def test_a_broken_picture_is_named_before_the_scores_it_lacks(run: Run, tmp_path: Path) -> None:
    sick = replace(run.samples[1], health="black", reasons={"clip_score": "no"})
    lacking = replace(run.samples[0], reasons={"clip_score": "no"})
    with pytest.raises(BrokenPictures, match="case-0@1: is black"):
        accept(on_disk(replace(run, samples=(lacking, sick)), tmp_path / "run"), tmp_path / "baselines")


def test_what_is_told_and_not_judged_is_neither_asked_for_nor_kept(run: Run, tmp_path: Path) -> None:
    told = replace(CLIP_SCORE, judged=False)
    first, *others = run.samples
    samples = (replace(first, scores={**first.scores, "psnr": None}, reasons={"psnr": "no"}), *others)
    drifted = replace(run, metrics={**run.metrics, "psnr": told}, samples=samples)
    (change,) = accept(on_disk(drifted, tmp_path / "run"), tmp_path / "baselines")
    assert change.metric == "clip_score"
    found = find(tmp_path / "baselines", "animals", "tiny")
    assert found is not None
    assert (found.samples, dict(found.metrics)) == (run.samples, dict(run.metrics))


def test_a_damaged_baseline_says_how_to_restore_it(run: Run, tmp_path: Path) -> None:
    accept(on_disk(run, tmp_path / "run"), tmp_path / "baselines")
    (tmp_path / "baselines" / "animals" / "tiny" / "samples.jsonl").write_text("{")
    with pytest.raises(SdevalError, match="restore it with: git checkout"):
        find(tmp_path / "baselines", "animals", "tiny")


def test_no_baseline_is_none(tmp_path: Path) -> None:
    assert find(tmp_path, "animals", "tiny") is None
