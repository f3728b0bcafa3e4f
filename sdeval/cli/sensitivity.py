"""`sdeval sensitivity`: plant faults, and see which ones a suite would catch."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sdeval._utils.progress import Silent
from sdeval.cli.target_options import add_suite_and_target, jobs_of, watcher
from sdeval.errors import SdevalError

if TYPE_CHECKING:
    from sdeval.diagnostics.sensitivity import Finding, Sensitivity

HELP = "plant faults, and see which ones a suite would catch"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said."""
    add_suite_and_target(parser)
    parser.add_argument("--fault", action="append", default=[], metavar="NAME", help="plant only this one; repeatable")
    parser.add_argument("--repeats", type=int, default=1, metavar="N", help="of the controls, with other seeds each")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all findings there")
    parser.add_argument("--progress", action="store_true", help="show every picture that is drawn")


def run(given: argparse.Namespace) -> int:
    """Plant faults one by one and print what the suite said of each; exit with 1 where it missed a clear one."""
    from sdeval._utils.files import dump_json, write_text
    from sdeval.diagnostics.sensitivity import Trial, chosen, measure

    if given.repeats < 1:
        raise SdevalError(f"--repeats: must be a whole number from 1 on, got {given.repeats}")
    found = []
    trials = [
        Trial(
            suite=job.suite,
            target=job.target,
            faults=chosen(given.fault, job.suite),
            baselines=given.baselines,
            repeats=given.repeats,
        )
        for job in jobs_of(given)
    ]
    for trial in trials:
        print(f"\n{trial.suite.name} on {trial.target.name}: {len(trial.faults)} faults and controls", flush=True)
        with TemporaryDirectory() as folder:
            shown = watcher() if given.progress else Silent()
            found.append(measure(trial, Path(folder), shown, _tell))
        _summarize(found[-1])
    if given.json:
        write_text(given.json, dump_json([each.describe() for each in found]))
    return int(not all(each.good for each in found))


def _tell(finding: Finding) -> None:
    """One line, as soon as it is known."""
    if finding.identical:
        said = "no picture changed"
    elif finding.caught:
        said = f"{finding.verdict} by {', '.join(finding.metrics)}"
    else:
        said = finding.verdict
    wrong = finding.caught if finding.control else finding.clear and not finding.caught and not finding.identical
    kind = "control" if finding.control else ("clear" if finding.clear else "faint")
    repeat = f" #{finding.repeat}" if finding.repeat else ""
    mark = "✗" if wrong else "✓" if finding.caught or finding.control else "·"
    print(f"  {mark} {finding.fault + repeat:26} {kind:8} {finding.loss:7.1f} tolerances  {said}", flush=True)


def _summarize(found: Sensitivity) -> None:
    from sdeval.diagnostics.naive_rules import BY_HAND

    clear, faint = found.caught(clear=True), found.caught(clear=False)
    flagged = found.flagged()
    print(f"\n  {'rule':22} {'clear faults':>14} {'faint faults':>14} {'controls flagged':>18}")
    print(f"  {'sdeval':22} {_of(clear):>14} {_of(faint):>14} {_of(flagged):>18}")
    for rule in BY_HAND:
        alarms = [[each.by_hand[rule] for each in found.faults if each.clear == clear] for clear in (True, False)]
        controls = [each.by_hand[rule] for each in found.findings if each.control]
        told = [_of((sum(each), len(each))) for each in (*alarms, controls)]
        print(f"  {rule:22} {told[0]:>14} {told[1]:>14} {told[2]:>18}")
    for note in found.notes:
        print(f"\n  note: {note}")


def _of(count: tuple[int, int]) -> str:
    return f"{count[0]} of {count[1]}"
