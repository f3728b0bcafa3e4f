"""`sdeval sensitivity`: plant faults, and see which ones a suite would catch."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sdeval._utils.files import dump_json, write_text
from sdeval._utils.progress import Silent
from sdeval._utils.tables import Column, Row, Table, say, show
from sdeval.cli.target_options import add_suite_and_target, jobs_of, ready, watcher
from sdeval.errors import SdevalError

if TYPE_CHECKING:
    from sdeval.diagnostics.sensitivity import Finding, Sensitivity

EXAMPLE = "sdeval sensitivity suites/test_animals.py --json findings.json"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_suite_and_target(parser)
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="plant only this one; repeatable")
    parser.add_argument("--repeats", type=int, default=1, metavar="N", help="of the controls, with other seeds each")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all findings there")
    parser.add_argument("--progress", action="store_true", help="show every image that is generated")


def run(args: argparse.Namespace) -> int:
    """Plant faults one by one and print what the suite said of each; exit with 1 where it missed a clear one."""
    from sdeval.diagnostics.sensitivity import Trial, measure, select_faults

    if args.repeats < 1:
        raise SdevalError(f"--repeats: must be a whole number from 1 on, got {args.repeats}")
    results = []
    trials = [
        Trial(
            suite=job.suite,
            target=job.target,
            faults=select_faults(args.fault, job.suite, in_pipeline=job.target.is_pipeline and not args.python),
            baselines=args.baselines,
            repeats=args.repeats,
        )
        for job in jobs_of(args)
    ]
    for trial in trials:
        say(f"\n{trial.suite.name} on {trial.target.name}: {len(trial.faults)} faults and controls")
        with TemporaryDirectory() as folder, ready(args, trial.target) as engine:
            progress = watcher() if args.progress else Silent()
            width = max(len(fault.name) for fault in trial.faults)
            prepared = replace(trial, engine=engine)
            printing = partial(_print_finding, width=width, metrics=trial.suite.metrics)
            results.append(measure(prepared, Path(folder), progress, printing))
        _summarize(results[-1])
    if args.json:
        write_text(args.json, dump_json([result.describe() for result in results]))
    return int(not all(result.good for result in results))


def _print_finding(finding: Finding, width: int, metrics: Sequence[str]) -> None:
    """One row, as soon as it is known.

    Args:
        finding: of one fault.
        width: of the longest name of a fault.
        metrics: those of the suite.
    """
    kind = "control" if finding.control else ("clear" if finding.clear else "faint")
    repeat = f" #{finding.repeat}" if finding.repeat else ""
    is_mistake = finding.caught if finding.control else finding.clear and not finding.caught and not finding.identical
    mark = "✗" if is_mistake else "✓" if finding.caught or finding.control else "·"
    columns = [Column(width=width + len("✓  #9")), Column(width=len("control")), Column(numeric=True, width=18)]
    cells = (f"{mark} {finding.fault}{repeat}", kind, f"{finding.loss:.1f} tolerances")
    show(Table(columns, [Row(cells, _outcome(finding, metrics), "red" if is_mistake else "")], indent=2))


def _outcome(finding: Finding, metrics: Sequence[str]) -> str:
    if finding.identical:
        return "no image changed"
    if finding.caught:
        return f"{finding.verdict} by {', '.join(finding.metrics)}"
    meant = [name for name in finding.seen_by if name in metrics]
    if meant:
        return f"{finding.verdict}, though it is a fault for {', '.join(meant)}"
    if finding.seen_by:
        return f"{finding.verdict}; seen by metrics that this suite lacks: {', '.join(finding.seen_by)}"
    return finding.verdict


def _summarize(result: Sensitivity) -> None:
    from sdeval.diagnostics.naive_rules import BY_HAND

    columns = [
        Column("rule"),
        *(Column(name, numeric=True) for name in ("clear faults", "faint faults", "controls flagged")),
    ]
    counts = (result.count_caught(clear=True), result.count_caught(clear=False), result.count_flagged())
    rows = [Row(["sdeval", *map(_ratio, counts)]), *(Row([rule, *_alarms(result, rule)]) for rule in BY_HAND)]
    say()
    show(Table(columns, rows, indent=2))
    for note in result.notes:
        say(f"\n  note: {note}")


def _alarms(result: Sensitivity, rule: str) -> list[str]:
    """How many of the clear faults, the faint ones and the controls a rule raises an alarm for."""
    alarms = [[fault.by_hand[rule] for fault in result.faults if fault.clear == clear] for clear in (True, False)]
    controls = [finding.by_hand[rule] for finding in result.findings if finding.control]
    return [_ratio((sum(group), len(group))) for group in (*alarms, controls)]


def _ratio(count: tuple[int, int]) -> str:
    return f"{count[0]} of {count[1]}"
