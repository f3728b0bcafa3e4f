"""Baselines: accepted runs, kept in git. Found by suite and target; `accepting` decides what is in them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from sdeval._utils.files import exists, read_bytes, write_bytes
from sdeval.baselines import provenance
from sdeval.baselines.repair import is_left_out, remedy
from sdeval.baselines.transaction import is_changing, recover
from sdeval.errors import SdevalError
from sdeval.imaging.io import has_thumbnail, open_rgb, pixel_hash, without_metadata
from sdeval.results import run_folder
from sdeval.results.records import SampleResult
from sdeval.results.run import PASSING, ImageSource, Run, Stored


def folder_of(baselines: Path, suite: str, target: str) -> Path:
    """Where the baseline of a suite and a target lies."""
    return baselines / suite / target


def find(baselines: Path, suite: str, target: str) -> Run | None:
    """The accepted run of a suite and a target, if there is one.

    Raises:
        SdevalError: there is one, and it is corrupt; says where.
    """
    folder = folder_of(baselines, suite, target)
    run = _read_settled(baselines, folder)
    if run is None and is_left_out(folder):
        raise SdevalError(f"{folder}: a sparse checkout leaves it out; get it with: git sparse-checkout add {folder}")
    return run


def _read_settled(baselines: Path, folder: Path) -> Run | None:
    """A baseline from one moment: an accept may replace its folder between two files that are read."""
    while True:
        before = _identity(folder)
        try:
            run = _read(folder) if before else None
        except SdevalError:
            if _identity(folder) == before and not is_changing(baselines):
                raise
            run = None
        if is_changing(baselines):
            recover(baselines)
        elif _identity(folder) == before:
            return run


def _identity(folder: Path) -> tuple[int, int] | None:
    """What tells a folder from another one of that name; None where there is none."""
    try:
        status = folder.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SdevalError(f"{folder}: cannot be read: {error.strerror}") from None
    return status.st_ino, status.st_mtime_ns


def _read(folder: Path) -> Run:
    with _restorable(folder):
        run = run_folder.read(folder)
        for name, values in run.features.items():
            if not np.isfinite(values).all():
                raise SdevalError(f"{folder / 'features' / name}.npy: is corrupt: holds values that are no numbers")
        return run


def stored(baselines: Path, suite: str, target: str, images: ImageSource | None = None) -> Stored | None:
    """The accepted run of a suite and a target with its folder, if there is one.

    Args:
        baselines: the folder of all of them.
        suite: its name.
        target: its name.
        images: where the full-size images are of which it holds thumbnails.

    Raises:
        SdevalError: there is one, and it is corrupt; says where.
    """
    run = find(baselines, suite, target)
    return Stored(run, folder_of(baselines, suite, target), images) if run else None


def check_readable(baseline: Stored) -> None:
    """Find out whether the images of a baseline can be opened, and where it comes from be read.

    An image that is not there is no damage: metrics that need it say so.

    Raises:
        SdevalError: one is corrupt; says which.
    """
    provenance.read(baseline.folder)
    with _restorable(baseline.folder):
        for sample in baseline.run.samples:
            if exists(baseline.folder / sample.image):
                open_rgb(baseline.folder / sample.image)


@contextmanager
def _restorable(folder: Path) -> Iterator[None]:
    """Say of damage within that it is a baseline's, and what fixes it."""
    try:
        yield
    except (SdevalError, OSError) as error:
        advice = remedy(folder, "remove that folder and accept a run again")
        raise SdevalError(f"baseline {error}; {advice}") from None


def digest(baselines: Path, suite: str, target: str) -> str:
    """A hash of what a baseline says, by which another one is told from it; empty where there is none."""
    folder = folder_of(baselines, suite, target)
    found = [path for path in (folder / "run.json", folder / "samples.jsonl", folder / provenance.NAME) if exists(path)]
    return hashlib.sha256(b"\0".join(read_bytes(path) for path in found)).hexdigest() if found else ""


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


def keep_image(sample: SampleResult, source: Path, folder: Path, thumbnails: Mapping[str, bytes]) -> SampleResult:
    """Put the image of a run's sample into a baseline as it is kept there; the sample then names that file.

    Args:
        sample: of the run.
        source: folder of the run.
        folder: of the baseline.
        thumbnails: of large images, by the hash of their pixels; these images themselves are in a store.

    Raises:
        SdevalError: it is not the image that the run generated.
    """
    thumbnail = thumbnails.get(sample.sha256)
    if thumbnail is not None:
        name = str(Path(sample.image).with_suffix(".webp"))
        write_bytes(folder / name, thumbnail)
        return replace(sample, image=name)
    copy = folder / sample.image
    # What it was generated with stands in the run; with every new version in it, the file would change in git.
    write_bytes(copy, without_metadata(read_bytes(inside(source, sample))))
    # The copy is looked at: nobody changes that any more.
    image = _generated_image(copy, sample)
    if has_thumbnail(image):
        raise SdevalError(f"{source / sample.image}: is large, and not in the store; run the command again")
    return sample


def check_image(sample: SampleResult, source: Path) -> None:
    """Refuse an image of a run that is not the one that was generated for a sample.

    Raises:
        SdevalError: it is gone, corrupt, a link, or its pixels do not have the hash that the run wrote down.
    """
    _generated_image(inside(source, sample), sample)


def inside(source: Path, sample: SampleResult) -> Path:
    """The image of a sample in the folder of its run.

    Raises:
        SdevalError: it is a link, which may lead anywhere.
    """
    path = source / sample.image
    if path.is_symlink() or path.parent.is_symlink():
        raise SdevalError(f"{path} is a link; an image must lie in its run")
    return path


def _generated_image(path: Path, sample: SampleResult) -> Image.Image:
    image = open_rgb(path)
    if pixel_hash(image) != sample.sha256:
        raise SdevalError(f"{path} is not the image that was generated: its pixels do not have the hash of the run")
    return image


def carry_image(sample: SampleResult, before: Path, folder: Path) -> SampleResult:
    """Put the image of a baseline's sample into the baseline after it; one that is gone stays gone."""
    path = inside(before, sample)
    if path.is_file():
        write_bytes(folder / sample.image, read_bytes(path))
    return sample
