"""What of a run cannot be accepted, wherever it goes: broken images, missing scores, too few seeds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from sdeval._utils.parallel import CORES, in_threads
from sdeval._utils.progress import Silent, Watcher
from sdeval.baselines.store import check_image
from sdeval.errors import SdevalError
from sdeval.results.records import SampleResult
from sdeval.results.run import Run


class BrokenImages(SdevalError):
    """A run is refused because of images that are not healthy: with other seeds it might not be."""


def refuse_whole(run: Run, folder: Path, watcher: Watcher | None = None) -> None:
    """Refuse a run that cannot be a baseline as it is.

    Args:
        run: as it was read.
        folder: of the run.
        watcher: is shown how many images are checked.

    Raises:
        BrokenPictures: an image is not healthy.
        SdevalError: the run is partial, lacks scores or seeds, or its images cannot be read.
    """
    if not run.complete:
        message = f"run the whole suite {run.suite}, then accept it; or accept cases of it by -k"
        raise SdevalError(f"{folder}: is a partial run; {message}")
    if not run.metrics:
        raise SdevalError(f"{folder}: has no scores at all; a baseline without them could judge nothing")
    refuse_early(run, folder)
    # First, for a score may be missing because an image is broken.
    refuse_sick(run.samples, folder)
    refuse_holes(run, folder)
    for metric, score in run.set_scores.items():
        if score.value is None and run.metrics[metric].gating:
            raise SdevalError(f"{folder}: has no {metric} ({score.reason}); a baseline holds every score")
    refuse_scoreless(run.samples, judged_by_sample(run), folder)
    refuse_unseen(run.samples, folder, watcher)


def judged_by_sample(run: Run) -> list[str]:
    """The metrics of single images that a baseline must hold; of what is reported only, it holds what there is."""
    return [name for name, record in run.metrics.items() if record.scope == "sample" and record.gating]


def refuse_early(run: Run, folder: Path) -> None:
    """Refuse a run that was decided before all its seeds were generated."""
    generated, most = len(run.request["seeds"]), len(run.request["rounds"][-1])
    if generated < most:
        raise SdevalError(
            f"{folder}: was decided with {generated} of {most} seeds; generate all of them and accept that run: "
            "pytest suites --sdeval-all-seeds"
        )


def refuse_sick(samples: Iterable[SampleResult], folder: Path) -> None:
    """Refuse broken and missing images."""
    for sample in samples:
        if sample.failure:
            raise BrokenImages(f"{folder}: {sample.case}@{sample.seed}: has no image ({sample.failure})")
        if sample.defect:
            what = f"{sample.case}@{sample.seed}: is {sample.defect} ({sample.detail})"
            raise BrokenImages(f"{folder}: {what}; a baseline holds healthy images only")


def refuse_holes(run: Run, folder: Path) -> None:
    """Refuse a run without a metric that its suite has."""
    for metric, reason in run.request.get("unscored", {}).items():
        raise SdevalError(f"{folder}: has no {metric} ({reason}); a baseline holds every score")


def refuse_scoreless(samples: Iterable[SampleResult], metrics: Collection[str], folder: Path) -> None:
    """Refuse samples that lack a score."""
    for sample in samples:
        for metric in metrics:
            if metric in sample.inapplicable:
                continue
            if sample.scores.get(metric) is None or metric in sample.reasons:
                reason = sample.reasons.get(metric, "and no reason why")
                what = f"{sample.case}@{sample.seed}: has no {metric} ({reason})"
                raise SdevalError(f"{folder}: {what}; a baseline holds every score")


def refuse_unseen(samples: Sequence[SampleResult], folder: Path, watcher: Watcher | None = None) -> None:
    """Refuse images that are gone, corrupt, or not those that were generated."""

    def check(sample: SampleResult) -> None:
        try:
            check_image(sample, folder)
        except SdevalError as error:
            where = f"{folder}: {sample.case}@{sample.seed}"
            raise SdevalError(f"{where}: {error}; run the suite again, then accept that run") from None

    with (watcher or Silent()).watch("checking", len(samples)) as progress:
        in_threads(check, samples, progress, CORES)
