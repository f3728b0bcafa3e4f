"""One sample of a suite by itself: which job it belongs to, its image, and how far that is from another run's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sdeval.config.suite import Suite
from sdeval.errors import SdevalError, unknown
from sdeval.imaging.io import open_rgb, to_pixels
from sdeval.imaging.similarity import ImageChange, image_change
from sdeval.results.records import SampleResult
from sdeval.results.run import Run, Stored
from sdeval.session.items import Job, ambiguous
from sdeval.session.session import Session

if TYPE_CHECKING:
    from sdeval.engines.engine import Engine

Difference = ImageChange | Literal["absent", "other_request"]
"""How far an image is from that of another run: that may have none of this sample, or one of another request."""


def job_of(case: str, suites: Sequence[Suite], session: Session) -> Job:
    """The suite and the target that generate a case, with the settings of both checked.

    Raises:
        SdevalError: no suite has the case, several do or it has several targets, or a setting is wrong.
        NotAvailable: the target cannot run on this machine.
    """
    ids = {known.id for suite in suites for known in suite.cases}
    if case not in ids:
        raise SdevalError(unknown("case", case, ids))
    items = [item for suite in suites for item in session.items(suite) if item.kind == "case" and item.name == case]
    keys = list(dict.fromkeys(item.job.key for item in items))
    if len(keys) > 1:
        raise SdevalError(ambiguous(case, keys))
    session.select(items)
    session.check_settings()
    (job,) = session.jobs
    return job


def generate_sample(job: Job, case: str, seed: int, engine: Engine, folder: Path) -> Run:
    """A run of one sample, without scores; its image is generated into `folder` as a session does it."""
    from sdeval.evaluation.evaluate import generate
    from sdeval.evaluation.plan import make_plan

    plan = make_plan(job.suite, job.target, cases=(case,), seeds=(seed,))
    return generate(plan, engine, folder, lambda _: None)


def judged(sample: SampleResult, baseline: Run | None) -> SampleResult:
    """The sample with its defect as a session judges it: what the baseline's image has as well is a style."""
    from sdeval.evaluation.scoring.baseline_images import judge_defects

    before = baseline.sample(sample) if baseline else None
    return judge_defects(sample, before, None) if before else sample


def difference(sample: SampleResult, image: Path, other: Stored) -> Difference:
    """How far an image is from that of the same sample in another run.

    Raises:
        SdevalError: the other image is not on this machine, or cannot be read.
    """
    same = other.run.sample(sample)
    if same is None or not same.image:
        is_there = same is None and any(known.key == sample.key for known in other.run.samples)
        return "other_request" if is_there else "absent"
    if same.sha256 == sample.sha256:
        return "identical"
    return image_change(to_pixels(open_rgb(other.full_image(same))), to_pixels(open_rgb(image)))
