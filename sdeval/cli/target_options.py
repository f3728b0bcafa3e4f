"""Options that several commands share: suites, target and settings."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from sdeval import metrics
from sdeval._utils.progress import Shown, Watcher
from sdeval.config import target as targets
from sdeval.config.discovery import find_suites
from sdeval.config.options import Options
from sdeval.config.target import Target
from sdeval.session.items import Job
from sdeval.session.session import Session


def add_suite_and_target(parser: argparse.ArgumentParser) -> None:
    """`SUITE`, `--target` and `--set`."""
    parser.add_argument(
        "suite", metavar="SUITE", help="a suite's name, or a file such as suites/test_animals.py[::NAME]"
    )
    add_target(parser)


def add_target(parser: argparse.ArgumentParser) -> None:
    """`--target` and `--set`."""
    parser.add_argument("--target", metavar="TARGET", help="a name, a folder or a hub id (default: the suite's first)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a field of the target or an argument of the pipeline call; repeatable",
    )


def jobs_of(args: argparse.Namespace) -> list[Job]:
    """The suites that were named, each with the target that was named or its first.

    Raises:
        NotAvailable: a metric's weights are not on this machine.
        SdevalError: a suite, the target or a setting is wrong; nothing was generated yet.
    """
    from sdeval.engines.diffusers_engine import pick_device

    options = Options(
        targets=(args.target,) if args.target else (),
        named=args.named,
        values=targets.parse_settings(args.set),
        baselines=args.baselines,
    )
    session = Session(options, args.output)
    suites = [replace(suite, targets=suite.targets[:1]) for suite in find_suites(args.suite, args.root)]
    session.select([item for suite in suites for item in session.items(suite)])
    session.check()
    for job in session.jobs:
        metrics.check(job.suite, pick_device(job.target.device))
    return session.jobs


def target_of(args: argparse.Namespace, otherwise: str) -> Target:
    """The target that was named, or another."""
    target = targets.find(args.target or otherwise, args.named)
    return target.with_values(targets.parse_settings(args.set))


def watcher() -> Watcher:
    """Progress on standard error."""
    from contextlib import nullcontext

    return Shown(lambda: sys.stderr, bar=sys.stderr.isatty(), aside=nullcontext)
