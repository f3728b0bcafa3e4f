"""What a run is compared with, stored in its folder before it is generated.

Whoever accepts another baseline meanwhile, or later, changes neither the verdicts, nor the page, nor the history.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from sdeval._utils.files import discard, exists, link_or_copy, read_bytes, write_bytes
from sdeval.baselines import provenance, variability
from sdeval.errors import SdevalError
from sdeval.results import run_folder
from sdeval.results.records import SampleResult
from sdeval.results.run import AGAINST, ImageSource, Run, Stored
from sdeval.results.session_folder import read_run

BASELINE = "baseline"
"""In the folder of a run: the baseline that it is compared with, without features."""
VARIABILITY = "variability.json"
FULL = "full"
"""In that folder: full-size images of which the baseline has thumbnails, by the hash of their pixels."""


class FetchedImages:
    """Full-size images of a baseline, which remembers those that were asked for and are on this machine.

    Args:
        source: where they come from.
    """

    def __init__(self, source: ImageSource) -> None:
        self._source = source
        self.paths: dict[str, Path] = {}
        """By the hash of their pixels."""

    def get(self, sha256: str) -> Path:
        """A local file with the image whose pixels have this hash, as its source gives it."""
        self.paths[sha256] = path = self._source.get(sha256)
        return path

    def find_nearby(self, sha256: str) -> Path | None:
        """That file where its source has it on this machine."""
        path = self._source.find_nearby(sha256)
        if path is not None:
            self.paths[sha256] = path
        return path


class Outdated(SdevalError):
    """The baseline that was read is not the one that lies in its place now."""


def take_snapshot(baseline: Stored, folder: Path, cases: Collection[str] | None = None) -> Stored:
    """Copy what a run needs of a baseline into the folder of the run; all else of it is in memory, or in a store.

    Args:
        baseline: as it was read, in the folder of its target in the folder of its suite.
        folder: of the run.
        cases: ids of those that will be generated; all where None.

    Returns:
        The baseline with the copy as its folder.

    Raises:
        Outdated: another baseline lies there now; nothing is copied.
    """
    copy, run, source = folder / BASELINE, baseline.run, baseline.folder
    discard(copy)
    for sample in run.samples:
        if cases is None or sample.case in cases:
            _copy_image(source / sample.image, copy / sample.image)
    _copy(source / provenance.NAME, copy / provenance.NAME)
    _copy(variability.path_of(source.parent.parent, run.suite, run.target), copy / VARIABILITY)
    if not _holds(source, run):
        discard(copy)
        raise Outdated(f"{source}: another baseline was accepted meanwhile")
    sample_metrics = {name: record for name, record in run.metrics.items() if record.scope == "sample"}
    run_folder.write(replace(run, metrics=sample_metrics, set_scores={}, features={}), copy)
    return replace(baseline, folder=copy)


def _holds(folder: Path, run: Run) -> bool:
    """Whether a folder still holds a run that was read from it."""
    try:
        return run_folder.read(folder).samples == run.samples
    except SdevalError:
        return False


def content_hash(baseline: Run) -> str:
    """Hash of the images and scores of a baseline."""
    content = [[sample.case, sample.seed, sample.sha256, dict(sample.scores)] for sample in baseline.samples]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def full_image_of(snapshot: Path, sample: SampleResult) -> Path:
    """Where a snapshot holds the full-size image of a sample of its baseline, if it holds it."""
    return snapshot / FULL / f"{sample.sha256}.png"


def link_full_images(run: Run, baseline: Stored, fetched: FetchedImages, folder: Path) -> None:
    """Put full-size images of a baseline beside a run, so that pages can show them without the image store.

    Only of images that changed or are missing: of the others the run has them itself.

    Args:
        run: what was generated.
        baseline: what it is compared with.
        fetched: full-size images of the baseline that were compared with those of the run. Where the run has no image,
            there was nothing to compare: the baseline's is taken if it is on this machine.
        folder: of the run.

    Raises:
        CannotWrite: one cannot be written.
    """
    for sample in run.samples:
        before = baseline.run.sample(sample)
        if before is None or not before.is_thumbnail or before.sha256 == sample.sha256:
            continue
        if not sample.image:
            fetched.find_nearby(before.sha256)
        if before.sha256 in fetched.paths:
            link_or_copy(fetched.paths[before.sha256], full_image_of(folder / BASELINE, before))


def forget_snapshot(folder: Path) -> None:
    """Remove what an earlier attempt at a run was compared with."""
    discard(folder / BASELINE)


def trim_snapshot(folder: Path) -> None:
    """Remove images of a snapshot that the run beside it has no images to show with."""
    copy = folder / BASELINE
    if not (copy / "run.json").is_file() or (folder / AGAINST).exists():
        return
    generated = {sample.key for sample in read_run(folder).samples}
    for sample in run_folder.read(copy).samples:
        if sample.key not in generated:
            discard(copy / sample.image)
            discard(full_image_of(copy, sample))


def _copy_image(source: Path, copy: Path) -> None:
    """Images never change: only their names do."""
    if exists(source):
        link_or_copy(source.resolve(), copy)


def _copy(source: Path, copy: Path) -> None:
    if exists(source):
        write_bytes(copy, read_bytes(source))
