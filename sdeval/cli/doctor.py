"""`sdeval doctor`: whether a target and this machine are fit to be judged."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sdeval._utils.progress import on_stderr
from sdeval._utils.tables import Column, Row, Table, say, show
from sdeval.cli.target_options import add_target, ready, target_of
from sdeval.config.case import TASKS
from sdeval.engines import checkpoints

if TYPE_CHECKING:
    from sdeval._utils.tables import Row
    from sdeval.diagnostics.doctor import Check

MARKS = {"fine": "✓", "look": "!", "wrong": "✗"}
COLOURS = {"fine": "", "look": "yellow", "wrong": "red"}

EXAMPLE = "sdeval doctor --target sd15 --set scheduler=UniPCMultistepScheduler"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_target(parser, "shapes")
    task_help = "what is asked of it (default: the first that a pipeline can do, text2img of everything else)"
    parser.add_argument("--task", choices=TASKS, help=task_help)
    parser.add_argument("--no-metrics", action="store_true", help="leave out the known answers of metrics")


def run(args: argparse.Namespace) -> int:
    """Say what images depend on besides case and seed, and whether metrics score well; exit with 1 if not."""
    from sdeval.diagnostics.doctor import count_calls, examine, suite_for
    from sdeval.evaluation.plan import make_plan

    target = target_of(args, "shapes")
    checkpoints.require(target)
    with TemporaryDirectory() as folder:
        suite = suite_for(target, Path(folder), args.task)
        plan = make_plan(suite, target)
        with ready(args, target) as engine:
            calls = count_calls(engine)
            say(f"{target.name}: {calls} calls of the pipeline, {plan.suite.task}", sys.stderr)
            with on_stderr().watch(target.name, calls) as progress:
                checks = examine(engine, plan.suite, plan.settings, plan.samples, progress)
    if not args.no_metrics:
        from sdeval.diagnostics.metric_answers import examine_metrics

        say("known answers of metrics", sys.stderr)
        checks += examine_metrics()
    show(Table([Column()], list(map(_row, checks))))
    return int(any(item.state == "wrong" for item in checks))


def _row(check: Check) -> Row:
    note = f"{check.found}\n→ {check.advice}" if check.advice else check.found
    return Row([f"{MARKS[check.state]} {check.name}"], note, COLOURS[check.state])
