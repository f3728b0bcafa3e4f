"""`sdeval doctor`: whether a target and this machine are fit to be judged."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sdeval._utils.tables import Column, Row, Table, show
from sdeval.cli.target_options import add_target, target_of
from sdeval.config.suite import Case, Suite

if TYPE_CHECKING:
    from sdeval._utils.tables import Row
    from sdeval.diagnostics.doctor import Check

MARKS = {"fine": "✓", "look": "!", "wrong": "✗"}
COLOURS = {"fine": "", "look": "yellow", "wrong": "red"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_target(parser)


def run(args: argparse.Namespace) -> int:
    """Generate a few images, and say what they depend on besides case and seed; exit with 1 if something is wrong."""
    from sdeval.diagnostics.doctor import examine
    from sdeval.engines.engine import check, open_target
    from sdeval.evaluation.plan import make_plan

    prompts = ("a large red circle on a blue background", "a small white cross on a green background")
    suite = Suite(
        name="doctor",
        task="text2img",
        cases=tuple(Case(id=f"case-{number}", prompt=prompt) for number, prompt in enumerate(prompts)),
        seeds=(0,),
        settings={"num_inference_steps": 8},
    )
    target = target_of(args, "shapes")
    check(target, suite.task, {**suite.settings, **target.settings})
    plan = make_plan(suite, target)
    checks = examine(open_target(target), suite, plan.settings, plan.samples)
    show(Table([Column()], list(map(_row, checks))))
    return int(any(item.state == "wrong" for item in checks))


def _row(check: Check) -> Row:
    note = f"{check.found}\n→ {check.advice}" if check.advice else check.found
    return Row([f"{MARKS[check.state]} {check.name}"], note, COLOURS[check.state])
