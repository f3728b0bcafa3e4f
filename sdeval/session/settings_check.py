"""Checks targets and settings of a session before anything is generated, and says what a user should see before."""

from __future__ import annotations

from collections.abc import Sequence

from sdeval import metrics
from sdeval._utils.collector import heavy_imports
from sdeval.config.options import Options
from sdeval.config.target import Target
from sdeval.engines.names import check_names
from sdeval.errors import SdevalError
from sdeval.session.items import Job
from sdeval.session.resolve import is_on_this_machine


def announcements(jobs: Sequence[Job], options: Options) -> list[str]:
    """What a user should see before anything is generated: calls of servers and metrics that may have to be paid."""
    lines: list[str] = []
    for job, side in _sides(jobs, options):
        if side.is_server and is_on_this_machine(side):
            from sdeval.engines.engine import announcements as of_server

            lines += of_server(side, job.suite, len(job.suite.cases) * len(job.suite.rounds[-1]))
    for job in jobs:
        where = f"{job.suite.name} on {job.target.name}"
        lines += [f"{where}: {line}" for line in metrics.announcements(job.suite, 2 if options.interleaved else 1)]
    return lines


def check_settings(jobs: Sequence[Job], options: Options) -> None:
    """Refuse settings that no suite of a target can use: for example, a text-to-image suite has no `strength`.

    Raises:
        SdevalError: a setting of a target or a suite is wrong.
    """
    sides = _sides(jobs, options)
    # Unknown names are refused first, before anything heavy is imported.
    for job, side in sides:
        check_names(side, job.suite.settings)
    with heavy_imports("sdeval.engines.engine"):
        _check_fit(sides)
    for job, side in sides:
        if is_on_this_machine(side):
            from sdeval.evaluation.plan import check_ranges

            check_ranges(job.suite, side)


def _check_fit(sides: Sequence[tuple[Job, Target]]) -> None:
    """Check every setting with every task of its target."""
    misfits: dict[tuple[str, str], SdevalError] = {}
    fitting: set[tuple[str, str]] = set()
    for job, side in sides:
        if not is_on_this_machine(side):
            continue
        from sdeval.engines import engine as engines

        engines.check(side, job.suite.task, job.suite.settings)
        engines.check_request(side, job.suite)
        for name, value in side.settings.items():
            try:
                engines.check(side, job.suite.task, {name: value})
                fitting.add((side.fingerprint, name))
            except SdevalError as error:
                misfits.setdefault((side.fingerprint, name), error)
    for key, misfit in misfits.items():
        if key not in fitting:
            raise misfit


def _sides(jobs: Sequence[Job], options: Options) -> list[tuple[Job, Target]]:
    """Each job with its target, and with what that is compared with, if it is."""
    return [(job, side) for job in jobs for side in (job.target, options.compare_to) if side]
