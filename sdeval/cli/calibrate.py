"""`sdeval calibrate`: measure what a suite's metrics do while nothing changes."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sdeval._utils.files import short
from sdeval._utils.formatting import number
from sdeval._utils.tables import Column, Row, Table, show
from sdeval.baselines import variability
from sdeval.cli.target_options import add_suite_and_target, jobs_of, watcher
from sdeval.errors import SdevalError
from sdeval.results import run_folder

if TYPE_CHECKING:
    from sdeval.baselines.variability import MetricVariability, Variability


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said."""
    add_suite_and_target(parser)
    parser.add_argument("--seed-sets", type=int, default=6, metavar="N", help="sets of seeds to generate (default: 6)")
    parser.add_argument(
        "--runs", type=Path, nargs="*", default=[], metavar="RUN", help="further runs of the same, from other machines"
    )


def run(given: argparse.Namespace) -> int:
    """Generate a suite with other seeds, batch sizes and threads, and store how much its metrics vary."""
    from sdeval.diagnostics.calibrate import calibrate

    further = [run_folder.read(folder) for folder in given.runs]
    jobs = jobs_of(given)
    for each, folder in zip(further, given.runs, strict=True):
        if (each.suite, each.target) not in [job.key for job in jobs]:
            request = ", ".join(" on ".join(job.key) for job in jobs)
            raise SdevalError(f"{folder}: is a run of {each.suite} on {each.target}; asked is {request}")
    for job in jobs:
        suite, target = job.suite, job.target
        mine = [each for each in further if (each.suite, each.target) == job.key]
        with TemporaryDirectory() as folder:
            found = calibrate(suite, target, Path(folder), mine, given.seed_sets, watcher())
        _tell(found)
        print(f"written to {short(variability.write(found, given.baselines))}\n")
    return 0


def _tell(found: Variability) -> None:
    names = ("value", "variability", "harmless", "tolerance", "detectable", "cases")
    columns = [Column("metric"), *(Column(name, numeric=True) for name in names)]
    rows = []
    for name, each in found.metrics.items():
        values = (each.value, each.variability, each.harmless, each.allowed, each.detectable)
        rows.append(Row([name, *map(number, values), _cases(each)]))
    show(Table(columns, rows, title=f"{found.suite} on {found.target}, {found.seed_sets} sets of seeds"))
    if found.defects:
        counts = ", ".join(f"{count} {defect}" for defect, count in found.defects.items())
        print(f"broken images that the target makes by itself: {counts}, of {found.images}")
    few = [name for name, each in found.metrics.items() if each.cases_needed > each.cases]
    if few:
        print(f"too few cases to show a loss as small as the tolerance: {', '.join(few)}")


def _cases(each: MetricVariability) -> str:
    return f"{each.cases} of {each.cases_needed}" if each.cases_needed > each.cases else str(each.cases)
