"""What `sdeval init` and `sdeval new` share: options, questions, and what they print."""

from __future__ import annotations

import argparse
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from sdeval import metrics
from sdeval._utils.files import short
from sdeval._utils.tables import say, terminal_width, wrapped
from sdeval.comparison import notes
from sdeval.comparison.undetectable import losses_at_best
from sdeval.config import target as targets
from sdeval.config import target_registry as named_targets
from sdeval.config.case import TASKS, Task
from sdeval.config.options import read_table
from sdeval.config.suite import Suite
from sdeval.config.target import Target
from sdeval.errors import SdevalError, plural
from sdeval.scaffold.choices import check_metrics
from sdeval.scaffold.new_files import Report

LISTED = 3
"""Files of one folder and ending that are printed one by one; of more, the number."""


def add_suite_options(parser: argparse.ArgumentParser) -> None:
    """`--task`, `--target` and `--metrics`."""
    parser.add_argument("--task", choices=TASKS, help="default: text2img")
    target_help = (
        "a name, a folder in diffusers format, a hub id, python:FILE.py:NAME, or a server (default: shapes, the "
        "embedded model, which needs no GPU and no weights)"
    )
    parser.add_argument("--target", metavar="TARGET", help=target_help)
    parser.add_argument("--metrics", metavar="A,B", help="`sdeval metrics` lists them (default: two that fit the task)")


def choose(question: str, default: str, allowed: Sequence[str] | None = None) -> str:
    """Ask on the terminal.

    Raises:
        SdevalError: the input ended.
    """
    from rich.prompt import Prompt

    choices = list(allowed) if allowed else None
    try:
        return str(Prompt.ask(question, choices=choices, default=default)).strip()
    except EOFError:
        raise SdevalError("the input ended before all was answered; give options, or --yes for the defaults") from None


def project_targets(root: Path) -> Mapping[str, Target]:
    """The targets that can be named in a project."""
    return named_targets.of_project(root, read_table(root).get("targets", {}))


def chosen_target(text: str, named: Mapping[str, Target], root: Path) -> tuple[Target, bool]:
    """The target that was named, and whether it has a name already; of another one the folder is seen from the root.

    Raises:
        SdevalError: it is no target.
    """
    target = targets.find(text, named)
    if text in named:
        return target, True
    folder = Path(target.model).expanduser()
    if target.is_pipeline and folder.is_dir():
        inside = os.path.relpath(folder.resolve(), root.resolve())
        model = str(folder.resolve()) if inside.startswith("..") else f"./{Path(inside).as_posix()}"
        target = replace(target, model=model)
    namesake = next((known for known in named.values() if known.describe() == target.describe()), None)
    if namesake is not None:
        return namesake, True
    return (replace(target, name=f"{target.name}-ours") if target.name in named else target), False


def chosen_metrics(text: str, task: Task) -> tuple[str, ...]:
    """The metrics that were named, with commas between them.

    Raises:
        SdevalError: the suite that is written could not have one of them.
    """
    return check_metrics([name.strip() for name in text.split(",") if name.strip()], task)


def print_files(report: Report) -> None:
    """A line for each file that was written, extended or left; many images of one folder are one line."""
    folders = Counter((path.parent, path.suffix) for path in report.written)
    for path in report.written:
        if folders[path.parent, path.suffix] <= LISTED:
            say(f"wrote {_shown(path)}")
    for (folder, ending), count in folders.items():
        if count > LISTED:
            say(f"wrote {_shown(folder)}/ ({plural(count, f'{ending} file')})")
    for path in report.extended:
        say(f"added to {_shown(path)}")
    left = Counter((path.parent, path.suffix, why) for path, why in report.left.items())
    for (folder, ending, why), count in left.items():
        paths = [path for path in report.left if (path.parent, path.suffix, report.left[path]) == (folder, ending, why)]
        if count > LISTED:
            say(f"left {_shown(folder)}/ as it is ({plural(count, f'{ending} file')}): {why}")
        else:
            for path in paths:
                say(f"left {_shown(path)} as it is: {why}")


def _shown(path: Path) -> Path:
    return short(path.absolute())


def print_power(suite: Suite) -> None:
    """What a suite can show at best, as far as that is known before it has run."""
    tolerances = {}
    for name in suite.metrics:
        info = metrics.info(name)
        # A share of a baseline's value is not known before there is one.
        if info.gating and info.scope == "sample" and info.alone and not info.tolerance_is_relative:
            tolerances[name] = suite.tolerances.get(name, info.tolerance)
    line = notes.detectable_losses(losses_at_best(suite, tolerances))
    if line:
        say_wrapped(f"{suite.name}: at best, {line}; the first run says what it really shows")


def say_wrapped(text: str) -> None:
    """Print a sentence, in lines as wide as the terminal."""
    for line in wrapped(text, terminal_width(), 2):
        say(line)
