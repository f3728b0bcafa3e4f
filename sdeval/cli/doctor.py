"""`sdeval doctor`: whether a target and this machine are fit to be judged."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sdeval._utils.tables import Column, Row, Table, show
from sdeval.cli.target_options import add_target, ready, target_of
from sdeval.engines import checkpoints

if TYPE_CHECKING:
    from sdeval._utils.tables import Row
    from sdeval.diagnostics.doctor import Check

MARKS = {"fine": "✓", "look": "!", "wrong": "✗"}
COLOURS = {"fine": "", "look": "yellow", "wrong": "red"}

EXAMPLE = "sdeval doctor --target sd15 --set scheduler=UniPCMultistepScheduler"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_target(parser)
    parser.add_argument("--no-metrics", action="store_true", help="leave out the known answers of metrics")


def run(args: argparse.Namespace) -> int:
    """Say what images depend on besides case and seed, and whether metrics score well; exit with 1 if not."""
    from sdeval.diagnostics.doctor import examine, suite_for
    from sdeval.evaluation.plan import make_plan

    target = target_of(args, "shapes")
    checkpoints.require(target)
    with TemporaryDirectory() as folder:
        suite = suite_for(target, Path(folder))
        plan = make_plan(suite, target)
        with ready(args, target) as engine:
            checks = examine(engine, plan.suite, plan.settings, plan.samples)
    if not args.no_metrics:
        from sdeval.diagnostics.metric_answers import examine_metrics

        checks += examine_metrics()
    show(Table([Column()], list(map(_row, checks))))
    return int(any(item.state == "wrong" for item in checks))


def _row(check: Check) -> Row:
    note = f"{check.found}\n→ {check.advice}" if check.advice else check.found
    return Row([f"{MARKS[check.state]} {check.name}"], note, COLOURS[check.state])
