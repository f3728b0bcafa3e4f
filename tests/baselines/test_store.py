from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdeval import SdevalError
from sdeval._utils.files import write_bytes
from sdeval.baselines.acceptance import BrokenImages, accept, propose, write
from sdeval.baselines.acceptance.selection import Part
from sdeval.baselines.lock import PLACE
from sdeval.baselines.snapshot import take_snapshot
from sdeval.baselines.store import check_readable, find, kept, stored
from sdeval.imaging.io import png_bytes, write_png
from sdeval.results import run_folder
from sdeval.results.records import CaseRecord, Timing
from sdeval.results.run import Run
from tests.child import in_child
from tests.conftest import CLIP_SCORE, IMAGES, hash_with, make_run, with_features

REQUEST = {"cases": 2, "seeds": [0, 1], "rounds": [[0, 1]], "settings": {}, "unscored": {}}


def on_disk(run: Run, folder: Path) -> Path:
    run_folder.write(run, folder)
    for sample in run.samples:
        write_png(folder / sample.image, IMAGES[sample.sha256])
    return folder


def enlarged(run: Run) -> Run:
    """The run with images that baselines keep as thumbnails."""
    samples = (replace(sample, sha256=hash_with(sample.seed, size=512)) for sample in run.samples)
    return replace(run, samples=tuple(samples))


def compare_with_baseline(folder: Path, baselines: Path) -> None:
    """Store in the folder of a run what a session stores there before it generates."""
    run = run_folder.read(folder)
    baseline = stored(baselines, run.suite, run.target)
    if baseline is not None:
        take_snapshot(baseline, folder)


@pytest.fixture
def run() -> Run:
    return replace(
        make_run(np.array([[30.0, 31.0], [29.0, 28.0]])),
        timings={("case-0", 0): Timing(call=0, seconds=0.5)},
        peak_memory_bytes=9,
    )


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, but for the lock of baselines."""
    files = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {str(name): path.read_bytes() for name, path in files.items() if PLACE not in name.parts}


def test_an_accepted_run_is_found_and_says_old_and_new(run: Run, tmp_path: Path) -> None:
    (first,) = accept(on_disk(run, tmp_path / "run"), tmp_path / "baselines")
    assert (first.old, first.new, first.images) == (None, 29.5, 4)
    found = find(tmp_path / "baselines", "animals", "tiny")
    assert found is not None
    assert found.samples == run.samples


def test_accepting_the_same_again_changes_no_byte(run: Run, tmp_path: Path) -> None:
    accept(on_disk(run, tmp_path / "run"), tmp_path / "baselines")
    before = contents(tmp_path / "baselines")
    later = replace(run, timings={("case-0", 0): Timing(call=0, seconds=0.9)}, peak_memory_bytes=11)
    (second,) = accept(on_disk(later, tmp_path / "later"), tmp_path / "baselines")
    assert (second.old, second.new, second.images) == (29.5, 29.5, 0)
    assert contents(tmp_path / "baselines") == before


def test_notes_of_a_session_are_not_accepted(run: Run, tmp_path: Path) -> None:
    accept(on_disk(replace(run, notes=("the noise is stale",)), tmp_path / "run"), tmp_path / "baselines")
    found = find(tmp_path / "baselines", "animals", "tiny")
    assert found is not None
    assert found.notes == ()


def test_a_dry_run_writes_nothing(run: Run, tmp_path: Path) -> None:
    accept(on_disk(run, tmp_path / "run"), tmp_path / "baselines", dry_run=True)
    assert not (tmp_path / "baselines").exists()


def test_large_images_are_kept_as_thumbnails(run: Run, tmp_path: Path) -> None:
    accept(on_disk(enlarged(run), tmp_path / "run"), tmp_path / "baselines")
    found = find(tmp_path / "baselines", "animals", "tiny")
    assert found is not None
    image = Image.open(tmp_path / "baselines" / "animals" / "tiny" / found.samples[0].image)
    assert (image.format, image.size) == ("WEBP", (256, 256))
    assert not list((tmp_path / "baselines" / "animals").rglob("*.png"))


def test_what_generated_an_image_does_not_change_the_file_of_a_baseline(run: Run, tmp_path: Path) -> None:
    files = []
    for version in ("1.0", "2.0"):
        folder = on_disk(run, tmp_path / version)
        for sample in run.samples:
            write_bytes(folder / sample.image, png_bytes(IMAGES[sample.sha256], {"Software": f"sdeval {version}"}))
        accept(folder, tmp_path / f"baselines-{version}")
        files.append({path.name: path.read_bytes() for path in (tmp_path / f"baselines-{version}").rglob("*.png")})
    assert files[0] == files[1]
    assert set(files[0].values()) == {png_bytes(IMAGES[sample.sha256]) for sample in run.samples}


def test_images_that_are_gone_leave_the_baseline(run: Run, tmp_path: Path) -> None:
    accept(on_disk(run, tmp_path / "run"), tmp_path / "baselines")
    fewer = replace(run, samples=run.samples[:2], request={**REQUEST, "cases": 1})
    accept(on_disk(fewer, tmp_path / "fewer"), tmp_path / "baselines")
    assert len(list((tmp_path / "baselines").rglob("*.png"))) == 2


def test_how_far_images_are_from_the_baseline_before_is_not_kept(run: Run, tmp_path: Path) -> None:
    drifted = replace(run, samples=tuple(replace(each, image_change="changed") for each in run.samples))
    accept(on_disk(drifted, tmp_path / "run"), tmp_path / "baselines")
    kept = find(tmp_path / "baselines", run.suite, run.target)
    assert kept is not None
    assert {each.image_change for each in kept.samples} == {""}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"complete": False}, "is a partial run"),
        (
            {"request": {**REQUEST, "unscored": {"clip_score": "no weights"}}},
            r"has no clip_score \(no weights\)",
        ),
        ({"metrics": {}}, "has no scores at all"),
        ({"defect": "black"}, "a baseline holds healthy images only"),
        ({"reasons": {"clip_score": "no"}}, "a baseline holds every score"),
        ({"scores": {}}, r"case-0@0: has no clip_score \(and no reason why\); a baseline holds every score"),
    ],
)
def test_bad_runs_are_refused(run: Run, tmp_path: Path, damage: dict[str, object], message: str) -> None:
    if damage.keys() & {"complete", "request", "metrics"}:
        run = replace(run, **damage)
    else:
        run = replace(run, samples=(replace(run.samples[0], **damage), *run.samples[1:]))
    with pytest.raises(SdevalError, match=message):
        accept(on_disk(run, tmp_path / "run"), tmp_path / "baselines")
    assert not (tmp_path / "baselines").exists()


def test_a_broken_image_is_named_before_the_scores_it_lacks(run: Run, tmp_path: Path) -> None:
    sick = replace(run.samples[1], defect="black", reasons={"clip_score": "no"})
    lacking = replace(run.samples[0], reasons={"clip_score": "no"})
    bad = on_disk(replace(run, samples=(lacking, sick, *run.samples[2:])), tmp_path / "run")
    with pytest.raises(BrokenImages, match="case-0@1: is black"):
        accept(bad, tmp_path / "baselines")


def with_report(run: Run, name: str, *, version: str = "1", reads_baseline: bool = False) -> Run:
    """The run with a metric that is reported only, and that has no score of the first image."""
    record = replace(CLIP_SCORE, gating=False, version=version, reads_baseline=reads_baseline)
    first, *others = run.samples
    samples = [replace(first, scores={**first.scores, name: None}, reasons={name: "no"})]
    samples += [replace(sample, scores={**sample.scores, name: 50.0}) for sample in others]
    return replace(run, metrics={**run.metrics, name: record}, samples=tuple(samples))


def test_a_distance_from_the_baseline_before_it_is_neither_requested_nor_kept(run: Run, tmp_path: Path) -> None:
    drifted = with_report(run, "psnr", reads_baseline=True)
    (change,) = accept(on_disk(drifted, tmp_path / "run"), tmp_path / "baselines")
    assert change.metric == "clip_score"
    found = find(tmp_path / "baselines", "animals", "tiny")
    assert found is not None
    assert (found.samples, dict(found.metrics)) == (run.samples, dict(run.metrics))


def test_of_what_is_reported_only_a_baseline_holds_what_there_is(run: Run, tmp_path: Path) -> None:
    reported = with_report(run, "input_ssim")
    accept(on_disk(reported, tmp_path / "run"), tmp_path / "baselines")
    found = find(tmp_path / "baselines", "animals", "tiny")
    assert found is not None
    assert (found.samples, dict(found.metrics)) == (reported.samples, dict(reported.metrics))


@pytest.mark.parametrize("accepted_version", ["", "0"])
def test_a_case_is_accepted_whatever_is_reported_only(run: Run, tmp_path: Path, accepted_version: str) -> None:
    before = with_report(run, "input_ssim", version=accepted_version) if accepted_version else run
    accept(on_disk(before, tmp_path / "one"), tmp_path / "baselines")
    source = on_disk(with_report(run, "input_ssim"), tmp_path / "two")
    write(propose(source, tmp_path / "baselines", [Part(("case-1",))]))
    found = find(tmp_path / "baselines", "animals", "tiny")
    assert found is not None
    assert dict(found.metrics) == dict(run.metrics)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, r"case-1@1: no such file: .*\.png; run the suite again"),
        (b"x", "case-1@1: not an image"),
        (b"", "case-1@1: not an image"),
    ],
)
@pytest.mark.parametrize("dry_run", [True, False])
def test_a_run_whose_images_are_gone_or_damaged_is_refused_before_anything_is_written(
    run: Run, tmp_path: Path, content: bytes | None, message: str, dry_run: bool
) -> None:
    image = on_disk(run, tmp_path / "run") / run.samples[-1].image
    image.unlink()
    if content is not None:
        image.write_bytes(content)
    with pytest.raises(SdevalError, match=message):
        accept(tmp_path / "run", tmp_path / "baselines", dry_run=dry_run)
    assert not (tmp_path / "baselines").exists()


def test_a_cut_image_of_a_baseline_is_damage_and_a_missing_one_is_not(run: Run, tmp_path: Path) -> None:
    accept(on_disk(run, tmp_path / "run"), tmp_path / "baselines")
    baseline = stored(tmp_path / "baselines", "animals", "tiny")
    assert baseline is not None
    image = baseline.folder / run.samples[0].image
    check_readable(baseline)
    image.write_bytes(image.read_bytes()[:60])
    with pytest.raises(SdevalError, match=r"baseline cannot be decoded: .*case-0@0\.png .*; restore it with: git"):
        check_readable(baseline)
    image.unlink()
    check_readable(baseline)
    assert stored(tmp_path / "baselines", "animals", "other") is None


def test_features_of_a_baseline_that_are_no_numbers_are_damage(run: Run, tmp_path: Path) -> None:
    accept(on_disk(with_features(run, np.ones((4, 3)), 1.0), tmp_path / "run"), tmp_path / "baselines")
    np.save(tmp_path / "baselines/animals/tiny/features/clip.npy", np.full((4, 3), np.nan, dtype=np.float32))
    with pytest.raises(SdevalError, match=r"clip\.npy: is corrupt: holds values that are no numbers; restore it"):
        find(tmp_path / "baselines", "animals", "tiny")


def test_a_damaged_baseline_says_how_to_restore_it(run: Run, tmp_path: Path) -> None:
    accept(on_disk(run, tmp_path / "run"), tmp_path / "baselines")
    (tmp_path / "baselines" / "animals" / "tiny" / "samples.jsonl").write_text("{")
    with pytest.raises(SdevalError, match="restore it with: git checkout"):
        find(tmp_path / "baselines", "animals", "tiny")


def test_a_baseline_that_is_just_being_replaced_is_read_when_it_is_there(run: Run, tmp_path: Path) -> None:
    baselines = tmp_path / "baselines"
    accept(on_disk(run, tmp_path / "run"), baselines)
    on_disk(make_run(np.array([[33.0, 33.0], [33.0, 33.0]])), tmp_path / "other")
    real = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if target == baselines / "animals/tiny":
            os.kill(os.getpid(), signal.SIGKILL)
        return real(path, target)

    def work() -> None:
        Path.rename = rename  # type: ignore[assignment, method-assign]
        accept(tmp_path / "other", baselines)

    assert in_child(work) == -signal.SIGKILL
    assert not (baselines / "animals/tiny").exists()
    found = find(baselines, "animals", "tiny")
    assert found is not None
    assert {sample.scores["clip_score"] for sample in found.samples} == {33.0}


def test_a_proposal_is_refused_where_another_baseline_was_accepted_meanwhile(run: Run, tmp_path: Path) -> None:
    first, second = (
        propose(on_disk(make_run(np.full((2, 2), score)), tmp_path / str(score)), tmp_path / "baselines")
        for score in (31.0, 32.0)
    )
    write(first)
    before = contents(tmp_path / "baselines")
    with pytest.raises(SdevalError, match="animals/tiny: another baseline was accepted meanwhile; run the command aga"):
        write(second)
    assert contents(tmp_path / "baselines") == before


def test_no_baseline_is_none(tmp_path: Path) -> None:
    assert find(tmp_path, "animals", "tiny") is None


def test_times_memory_notes_and_tags_of_a_run_are_not_kept(run: Run) -> None:
    cases = {"case-0": CaseRecord(case="case-0", tags=("round",))}
    generated = replace(
        run,
        cases=cases,
        timings={("case-0", 0): Timing(call=0, seconds=1.0)},
        peak_memory_bytes=7,
        peak_reserved_bytes=7,
        load_seconds=7.0,
        notes=("a note",),
        environment={"hardware": "cpu", "threads": 4},
    )
    assert kept(generated) == replace(
        run,
        cases={"case-0": CaseRecord(case="case-0")},
        timings={},
        peak_memory_bytes=0,
        peak_reserved_bytes=0,
        load_seconds=0.0,
        notes=(),
        environment={"hardware": "cpu"},
    )
