"""`sdeval calibrate`: measure the variability of a suite's metrics while nothing changes."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sdeval._utils.files import short
from sdeval._utils.formatting import number
from sdeval._utils.tables import Column, Row, Table, say, show
from sdeval.baselines import variability
from sdeval.cli.target_options import add_suite_and_target, jobs_of, ready, watcher
from sdeval.errors import SdevalError
from sdeval.results import run_folder

if TYPE_CHECKING:
    from sdeval.baselines.variability import MetricVariability, Variability

EXAMPLE = "sdeval calibrate suites/test_animals.py --seed-sets 6"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_suite_and_target(parser)
    parser.add_argument("--seed-sets", type=int, default=6, metavar="N", help="sets of seeds to generate (default: 6)")
    parser.add_argument(
        "--runs", type=Path, nargs="*", default=[], metavar="RUN", help="further runs of the same, from other machines"
    )


def run(args: argparse.Namespace) -> int:
    """Generate a suite with other seeds, batch sizes and threads, and store how much its metrics vary."""
    from sdeval.diagnostics.calibrate import calibrate

    further = [run_folder.read(folder) for folder in args.runs]
    jobs = jobs_of(args)
    for further_run, folder in zip(further, args.runs, strict=True):
        if (further_run.suite, further_run.target) not in [job.key for job in jobs]:
            request = ", ".join(" on ".join(job.key) for job in jobs)
            raise SdevalError(
                f"{folder}: is a run of {further_run.suite} on {further_run.target}; requested is {request}"
            )
    for job in jobs:
        suite, target = job.suite, job.target
        matching = [stored for stored in further if (stored.suite, stored.target) == job.key]
        with TemporaryDirectory() as folder, ready(args, target) as engine:
            measured = calibrate(suite, target, Path(folder), matching, args.seed_sets, watcher(), engine)
        _print(measured)
        say(f"written to {short(variability.write(measured, args.baselines))}\n")
    return 0


def _print(measured: Variability) -> None:
    names = ("value", "variability", "harmless", "tolerance", "if all lose alike", "detectable", "cases")
    columns = [Column("metric"), *(Column(name, numeric=True) for name in names)]
    rows = []
    for name, metric in measured.metrics.items():
        alike, anyhow = metric.detectable, metric.detectable_anyhow
        # What a set metric shows does not depend on how a loss falls on the cases.
        losses = (None, alike) if anyhow is None else (alike, anyhow)
        values = (metric.value, metric.variability, metric.harmless, metric.effective_tolerance, *losses)
        rows.append(Row([name, *map(number, values), _cases(metric)]))
    show(Table(columns, rows, title=f"{measured.suite} on {measured.target}, {measured.seed_sets} sets of seeds"))
    say("detectable: a loss of the mean that is shown 4 times in 5, however it falls on the cases")
    if measured.defects:
        counts = ", ".join(f"{count} {defect}" for defect, count in measured.defects.items())
        say(f"broken images that the target makes by itself: {counts}, of {measured.images}")
    few = [name for name, metric in measured.metrics.items() if metric.cases_needed > metric.cases]
    if few:
        say(f"too few cases to show a loss as small as the tolerance: {', '.join(few)}")


def _cases(metric: MetricVariability) -> str:
    return f"{metric.cases} of {metric.cases_needed}" if metric.cases_needed > metric.cases else str(metric.cases)
