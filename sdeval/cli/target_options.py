"""Options that several commands share: suites, target and settings."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sdeval import metrics
from sdeval._utils.progress import Shown, Watcher, can_redraw
from sdeval._utils.tables import say
from sdeval.config import target as targets
from sdeval.config.discovery import find_suites
from sdeval.config.options import Config, Options, read_table
from sdeval.config.target import Target
from sdeval.engines import checkpoints
from sdeval.errors import NotAvailable, SdevalError, first_line
from sdeval.session.items import Job
from sdeval.session.session import Session

if TYPE_CHECKING:
    from sdeval.engines.engine import Engine


def add_suite_and_target(parser: argparse.ArgumentParser) -> None:
    """`SUITE`, `--target`, `--set` and `--python`."""
    parser.add_argument(
        "suite", metavar="SUITE", help="a suite's name, or a file such as suites/test_animals.py[::NAME]"
    )
    add_target(parser)


def add_target(parser: argparse.ArgumentParser, default: str = "the suite's first") -> None:
    """`--target`, `--set` and `--python`; the help says what the target is where none is named."""
    parser.add_argument("--target", metavar="TARGET", help=f"a name, a folder or a hub id (default: {default})")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a field of the target or an argument of the pipeline call; repeatable",
    )
    parser.add_argument(
        "--python", type=Path, metavar="PATH", help="the Python of another environment that generates the images"
    )


def jobs_of(args: argparse.Namespace) -> list[Job]:
    """The suites that were named, each with the target that was named or its first.

    Those whose target cannot run on this machine are left out, with a line on standard error.

    Raises:
        NotAvailable: no target can run here, or a metric's weights are not on this machine.
        SdevalError: a suite, the target or a setting is wrong; nothing was generated yet.
    """
    from sdeval.engines.diffusers_engine import pick_device

    options = session_options(args.root, args.baselines, args)
    session = Session(replace(options, compare_to=None, compare_to_python=None), args.output)
    suites = [replace(suite, targets=suite.targets[:1]) for suite in find_suites(args.suite, args.root)]
    session.select([item for suite in suites for item in session.items(suite)])
    session.check()
    jobs = _available(session.jobs)
    for job in jobs:
        metrics.check(job.suite, pick_device(job.target.device))
    return jobs


def session_options(root: Path, baselines: Path, given: argparse.Namespace | None = None) -> Options:
    """The options that a session of the project has.

    Args:
        root: of the project.
        baselines: the folder of its baselines.
        given: a command that may name a target and settings.

    Raises:
        SdevalError: what is named as a setting is none.
    """
    values = {"target": [] if given.target is None else [given.target], "set": given.set} if given else {}
    return replace(Config.merge(values, read_table(root), root, ci=False).options, baselines=baselines)


def _available(jobs: list[Job]) -> list[Job]:
    """Those whose target can run on this machine.

    Raises:
        NotAvailable: there is none.
    """
    available, missing = [], []
    for job in jobs:
        try:
            checkpoints.require(job.target)
            available.append(job)
        except NotAvailable as error:
            missing.append((job, error))
    if missing and not available:
        raise missing[0][1]
    for job, reason in missing:
        say(f"{job.suite.name} on {job.target.name} is skipped: {reason}", sys.stderr)
    return available


@contextmanager
def ready(given: argparse.Namespace, target: Target) -> Iterator[Engine]:
    """What generates a target: this process, or the Python that was named.

    Raises:
        SdevalError: it cannot generate. A program of one's own may fail in any way, and is named.
    """
    from sdeval.engines.engine import open_target
    from sdeval.engines.subprocess_engine import RemoteEngine

    remote = RemoteEngine(target, given.python, option="--python") if given.python else None
    try:
        yield remote or open_target(target)
    except SdevalError:
        raise
    except Exception as error:
        if not target.is_own:
            raise
        message = f"{type(error).__name__}: {first_line(error)}"
        raise SdevalError(f"target {target.name}: {target.model} failed: {message}") from error
    finally:
        if remote is not None:
            remote.close()


def target_of(args: argparse.Namespace, otherwise: str) -> Target:
    """The target that was named, or another."""
    target = targets.find(otherwise if args.target is None else args.target, args.named)
    return target.with_values(targets.parse_settings(args.set))


def watcher() -> Watcher:
    """Progress on standard error."""
    from contextlib import nullcontext

    return Shown(lambda: sys.stderr, bar=can_redraw(is_terminal=sys.stderr.isatty()), aside=nullcontext)
