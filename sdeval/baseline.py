"""Baselines: accepted runs, kept in git. Found by suite and target; written by `accept` and by nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from sdeval import run as runs
from sdeval.compare import Verdict, judge_gates, weigh
from sdeval.errors import SdevalError
from sdeval.files import write_bytes
from sdeval.images import kept_bytes, open_rgb
from sdeval.run import PASSING, Run, SampleResult


class BrokenPictures(SdevalError):
    """A run is refused because of pictures that are not healthy: with other seeds it might not be."""


def folder_of(baselines: Path, suite: str, target: str) -> Path:
    """Where the baseline of a suite and a target lies."""
    return baselines / suite / target


def find(baselines: Path, suite: str, target: str) -> Run | None:
    """The accepted run of a suite and a target, if there is one.

    Raises:
        SdevalError: there is one, and it is damaged; says where.
    """
    folder = folder_of(baselines, suite, target)
    if not folder.exists():
        return None
    with _restorable(folder):
        run = runs.read(folder)
        for name, values in run.features.items():
            if not np.isfinite(values).all():
                raise SdevalError(f"{folder / 'features' / name}.npy: is damaged: holds values that are no numbers")
    return run


def check(baselines: Path, suite: str, target: str) -> None:
    """Find out whether the accepted run of a suite and a target is whole, with its pictures, if there is one.

    A picture that is not there is no damage: figures that need it say so.

    Raises:
        SdevalError: it is damaged; says where.
    """
    run = find(baselines, suite, target)
    folder = folder_of(baselines, suite, target)
    with _restorable(folder):
        for sample in run.samples if run else ():
            if (folder / sample.image).exists():
                open_rgb(folder / sample.image)


@contextmanager
def _restorable(folder: Path) -> Iterator[None]:
    """Say of damage within that it is a baseline's, and what mends it."""
    try:
        yield
    except SdevalError as error:
        mend = f"restore it with: git checkout -- {folder}, or remove that folder and accept a run anew"
        raise SdevalError(f"baseline {error}; {mend}") from None


@dataclass(frozen=True, slots=True)
class Change:
    """One figure as it was and as it is now accepted."""

    suite: str
    target: str
    metric: str
    old: float | None
    new: float | None
    pictures: int
    """How many pictures are not the ones accepted before."""


def accept(run_folder: Path, baselines: Path, *, dry_run: bool = False) -> list[Change]:
    """Make a run the baseline of its suite and target, without drawing or scoring anything again.

    Raises:
        BrokenPictures: a picture is not healthy.
        SdevalError: the run is partial, lacks scores or seeds, or cannot be read.
    """
    run = _without_told(runs.read(run_folder))
    _refuse(run, run_folder)
    before = find(baselines, run.suite, run.target)
    changes = _changes(before, run)
    if not dry_run:
        _replace(folder_of(baselines, run.suite, run.target), run, run_folder)
    return changes


def _refuse(run: Run, folder: Path) -> None:
    if not run.complete:
        raise SdevalError(f"{folder}: is a partial run; run the whole suite {run.suite}, then accept it")
    if not run.metrics:
        raise SdevalError(f"{folder}: has no scores at all; a baseline without them could judge nothing")
    drawn, most = len(run.asked["seeds"]), len(run.asked["looks"][-1])
    if drawn < most:
        raise SdevalError(
            f"{folder}: was decided with {drawn} of {most} seeds; draw all of them and accept that run: "
            "pytest suites --sdeval-all-seeds"
        )
    # First, for a score may be missing because a picture is broken.
    for sample in run.samples:
        if sample.health != "ok":
            what = f"{sample.case}@{sample.seed}: is {sample.health} ({sample.detail})"
            raise BrokenPictures(f"{folder}: {what}; a baseline holds healthy pictures only")
    _refuse_holes(run, folder)


def _refuse_holes(run: Run, folder: Path) -> None:
    """A baseline holds every score."""
    for metric, reason in run.asked.get("unscored", {}).items():
        raise SdevalError(f"{folder}: has no {metric} ({reason}); a baseline holds every score")
    for metric, figure in run.set_scores.items():
        if figure.value is None:
            raise SdevalError(f"{folder}: has no {metric} ({figure.reason}); a baseline holds every score")
    for sample in run.samples:
        _refuse_sample(sample, run, folder)


def _refuse_sample(sample: SampleResult, run: Run, folder: Path) -> None:
    where = f"{folder}: {sample.case}@{sample.seed}"
    for metric, record in run.metrics.items():
        scored = sample.scores.get(metric) is not None and metric not in sample.reasons
        if record.scope == "sample" and not scored:
            reason = sample.reasons.get(metric, "and no reason why")
            raise SdevalError(f"{where}: has no {metric} ({reason}); a baseline holds every score")
    try:
        open_rgb(folder / sample.image)
    except SdevalError as error:
        raise SdevalError(f"{where}: {error}; run the suite again, then accept that run") from None


def _changes(before: Run | None, run: Run) -> list[Change]:
    old = {sample.key: sample.sha256 for sample in before.samples} if before else {}
    pictures = sum(old.get(sample.key) != sample.sha256 for sample in run.samples)
    gates: list[Verdict] = judge_gates([weigh(run, None, metric) for metric in run.metrics])
    previous = (
        {each.metric: each.current for each in judge_gates([weigh(before, None, m) for m in before.metrics])}
        if before
        else {}
    )
    return [
        Change(run.suite, run.target, each.metric, previous.get(each.metric), each.current, pictures) for each in gates
    ]


def _replace(folder: Path, run: Run, source: Path) -> None:
    """Write the new baseline aside and swap it in, so that a stop half-way loses neither."""
    aside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    samples = tuple(_keep_picture(sample, source, aside) for sample in run.samples)
    # Times, memory and the order of threads differ from run to run; a baseline changes only where results do.
    environment = {name: value for name, value in run.environment.items() if name not in PASSING}
    kept = replace(
        run,
        samples=samples,
        timings={},
        peak_memory_bytes=0,
        peak_reserved_bytes=0,
        load_seconds=0.0,
        environment=environment,
        notes=(),
        cases={},
    )
    runs.write(kept, aside)
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    aside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _without_told(run: Run) -> Run:
    """Without distances from the baseline before it: they say nothing about this one."""
    judged = {name: record for name, record in run.metrics.items() if record.judged}
    samples = tuple(
        replace(
            sample,
            scores={name: value for name, value in sample.scores.items() if name in judged},
            reasons={name: why for name, why in sample.reasons.items() if name in judged},
            drift="",
        )
        for sample in run.samples
    )
    return replace(run, samples=samples, metrics=judged)


def _keep_picture(sample: SampleResult, source: Path, folder: Path) -> SampleResult:
    thumbnail = kept_bytes(open_rgb(source / sample.image))
    if thumbnail is None:
        write_bytes(folder / sample.image, (source / sample.image).read_bytes())
        return sample
    name = str(Path(sample.image).with_suffix(".webp"))
    write_bytes(folder / name, thumbnail)
    return replace(sample, image=name)
