"""`sdeval new`: one more suite, or an example of a metric or an engine."""

from __future__ import annotations

import argparse
from typing import Literal, get_args

from sdeval._utils.files import short
from sdeval._utils.tables import say
from sdeval.cli.scaffolding import (
    add_suite_options,
    chosen_metrics,
    chosen_target,
    print_files,
    print_power,
    project_targets,
)
from sdeval.config.case import TASKS, Case
from sdeval.config.discovery import find_suites
from sdeval.config.suite import Suite
from sdeval.errors import SdevalError
from sdeval.scaffold import examples, project_files
from sdeval.scaffold.choices import DEFAULT_METRICS, SHAPES, Choices, check_task
from sdeval.scaffold.new_files import Report

Kind = Literal["suite", "metric", "engine"]

EXAMPLE = "sdeval new suite portraits --target sd15"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("kind", choices=get_args(Kind), help="what to write")
    parser.add_argument("name", metavar="NAME", help="what to call it")
    add_suite_options(parser)


def run(args: argparse.Namespace) -> int:
    """Write a suite with example cases, or an example of a metric or an engine with its test; overwrite nothing.

    A suite goes into suites/, a metric into a package of its own in metrics/, an engine into engines/, with a target
    in suites/targets.toml.
    """
    if args.kind != "suite" and (given := [name for name in ("task", "target", "metrics") if getattr(args, name)]):
        raise SdevalError(f"--{given[0]}: is for suites, and has no effect on a new {args.kind}; leave it out")
    report = Report()
    if args.kind == "suite":
        return _new_suite(args, report)
    if args.kind == "metric":
        return _new_metric(args, report)
    return _new_engine(args, report)


def _new_suite(args: argparse.Namespace, report: Report) -> int:
    # Whoever names a suite wrongly learns it before anything is written.
    Suite(name=args.name, task="text2img", cases=(Case(id="example", prompt="an example"),))
    task = args.task or TASKS[0]
    target, is_known = chosen_target(args.target or SHAPES, project_targets(args.root), args.root)
    check_task(task, target)
    metrics = chosen_metrics(args.metrics or ",".join(DEFAULT_METRICS[task]), task)
    choices = Choices(name=args.name, task=task, target=target, is_known=is_known, metrics=metrics)
    project_files.write_suite(args.root, choices, report)
    print_files(report)
    module = args.root / project_files.module_path(choices.name)
    if module in report.written:
        print_power(find_suites(str(module), args.root)[0])
    say(f"next: pytest {short(module.absolute())}")
    return 0


def _new_metric(args: argparse.Namespace, report: Report) -> int:
    examples.write_metric(args.root, args.name, report)
    print_files(report)
    folder = short((args.root / examples.metric_folder(args.name)).absolute())
    say(f'next: pip install -e {folder} && pytest {folder}; then name it in a suite: metrics=("{args.name}",)')
    return 0


def _new_engine(args: argparse.Namespace, report: Report) -> int:
    target = examples.write_engine(args.root, args.name, report)
    print_files(report)
    say(f"next: pytest engines && pytest suites --sdeval-target {target.name}")
    return 0
