"""Baselines: accepted runs, kept in git. Found by suite and target; `accepting` decides what is in them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from sdeval._utils.files import exists, read_bytes, write_bytes
from sdeval.errors import SdevalError
from sdeval.imaging.io import kept_bytes, open_rgb
from sdeval.results import run_folder
from sdeval.results.records import SampleResult
from sdeval.results.run import PASSING, Run, Stored


def folder_of(baselines: Path, suite: str, target: str) -> Path:
    """Where the baseline of a suite and a target lies."""
    return baselines / suite / target


def find(baselines: Path, suite: str, target: str) -> Run | None:
    """The accepted run of a suite and a target, if there is one.

    Raises:
        SdevalError: there is one, and it is corrupt; says where.
    """
    folder = folder_of(baselines, suite, target)
    if not exists(folder):
        return None
    with _restorable(folder):
        run = run_folder.read(folder)
        for name, values in run.features.items():
            if not np.isfinite(values).all():
                raise SdevalError(f"{folder / 'features' / name}.npy: is corrupt: holds values that are no numbers")
    return run


def stored(baselines: Path, suite: str, target: str) -> Stored | None:
    """The accepted run of a suite and a target with its folder, if there is one.

    Raises:
        SdevalError: there is one, and it is corrupt; says where.
    """
    run = find(baselines, suite, target)
    return Stored(run, folder_of(baselines, suite, target)) if run else None


def check_images(baseline: Stored) -> None:
    """Find out whether the images of a baseline can be opened.

    An image that is not there is no damage: metrics that need it say so.

    Raises:
        SdevalError: one is corrupt; says which.
    """
    with _restorable(baseline.folder):
        for sample in baseline.run.samples:
            if exists(baseline.folder / sample.image):
                open_rgb(baseline.folder / sample.image)


@contextmanager
def _restorable(folder: Path) -> Iterator[None]:
    """Say of damage within that it is a baseline's, and what fixes it."""
    try:
        yield
    except SdevalError as error:
        mend = f"restore it with: git checkout -- {folder}, or remove that folder and accept a run again"
        raise SdevalError(f"baseline {error}; {mend}") from None


def swap(folder: Path, fill: Callable[[Path], None], besides: Collection[str] = ()) -> None:
    """Write a baseline aside and swap it in, so that a stop half-way loses neither.

    Args:
        folder: of the baseline.
        fill: writes the new one into the folder that it is given.
        besides: files that do not count: where all others are as they were, nothing is touched.
    """
    aside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    fill(aside)
    if _contents(aside, besides) == _contents(folder, besides):
        shutil.rmtree(aside, ignore_errors=True)
        return
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    aside.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _contents(folder: Path, besides: Collection[str]) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    every = {str(path.relative_to(folder)): path for path in files}
    return {name: path.read_bytes() for name, path in every.items() if name not in besides}


def kept(run: Run) -> Run:
    """What a baseline keeps of a run, but for its images."""
    # Times, memory and the order of threads differ from run to run; a baseline changes only where results do.
    environment = {name: value for name, value in run.environment.items() if name not in PASSING}
    return replace(
        run,
        timings={},
        peak_memory_bytes=0,
        peak_reserved_bytes=0,
        load_seconds=0.0,
        environment=environment,
        notes=(),
        # What was asked, so that a change of it can be named; tags change nothing that is generated.
        cases={name: replace(each, tags=()) for name, each in run.cases.items()},
    )


def keep_image(sample: SampleResult, source: Path, folder: Path) -> SampleResult:
    """Put the image of a run's sample into a baseline as it is kept there; the sample then names that file."""
    thumbnail = kept_bytes(open_rgb(source / sample.image))
    if thumbnail is None:
        write_bytes(folder / sample.image, read_bytes(source / sample.image))
        return sample
    name = str(Path(sample.image).with_suffix(".webp"))
    write_bytes(folder / name, thumbnail)
    return replace(sample, image=name)


def carry_image(sample: SampleResult, before: Path, folder: Path) -> SampleResult:
    """Put the image of a baseline's sample into the baseline after it; one that is gone stays gone."""
    if exists(before / sample.image):
        write_bytes(folder / sample.image, read_bytes(before / sample.image))
    return sample
