"""`sdeval init`: the files with which a project begins."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from sdeval._utils.tables import say
from sdeval.cli.scaffolding import (
    add_suite_options,
    choose,
    chosen_metrics,
    chosen_target,
    print_files,
    print_power,
    project_targets,
    say_wrapped,
)
from sdeval.config.case import TASKS, Task
from sdeval.config.discovery import find_suites
from sdeval.errors import SdevalError
from sdeval.scaffold import project_files
from sdeval.scaffold.choices import CI_PROVIDERS, DEFAULT_METRICS, SHAPES, Choices, Ci, check_task
from sdeval.scaffold.new_files import Report

EXAMPLE = "sdeval init --task inpainting --target ./models/ours --gpu --ci github"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("directory", nargs="?", type=Path, default=Path(), metavar="DIR", help="default: here")
    add_suite_options(parser)
    ci_help = "write a workflow for it (default: github)"
    parser.add_argument("--ci", choices=CI_PROVIDERS, help=ci_help)
    gpu_help = "whether images are generated on a GPU (default: as the target needs)"
    parser.add_argument("--gpu", action=argparse.BooleanOptionalAction, help=gpu_help)
    parser.add_argument("-y", "--yes", action="store_true", help="ask nothing: take the defaults")


def run(args: argparse.Namespace) -> int:
    """Write a suite that runs at once, targets, settings, and a workflow for CI.

    On a terminal it asks what is not given as an option. Nothing that exists is overwritten: such files are left as
    they are, and named.
    """
    root = args.directory
    if root.exists() and not root.is_dir():
        raise SdevalError(f"{root}: is no folder; name the folder of the project")
    choices = _choices(args, root, asks=not args.yes and sys.stdin.isatty() and sys.stdout.isatty())
    report = Report()
    project_files.write_project(root, choices, report)
    print_files(report)
    for line in _advice(root, choices, report):
        say_wrapped(line)
    module = root / project_files.module_path(choices.name)
    if module not in report.left:
        print_power(find_suites(str(module), root)[0])
    say(f"next: {_next_command(root, choices)}")
    return 0


def _choices(args: argparse.Namespace, root: Path, *, asks: bool) -> Choices:
    """What was given as options; of the rest, what is answered on the terminal, or the defaults."""

    def pick(given: Any, question: str, default: str, allowed: Sequence[str] | None = None) -> str:
        if given is not None:
            return cast(str, given)
        return choose(question, default, allowed) if asks else default

    task = cast(Task, pick(args.task, "Task", TASKS[0], TASKS))
    named = project_targets(root)
    target, is_known = chosen_target(
        pick(args.target, "Target: a name, a folder in diffusers format, a hub id, a program or a server", SHAPES),
        named,
        root,
    )
    check_task(task, target)
    metrics = chosen_metrics(pick(args.metrics, "Metrics, with commas", ",".join(DEFAULT_METRICS[task])), task)
    gpu = args.gpu
    if gpu is None:
        needs_one = target.needs == "cuda"
        is_open = asks and target.is_pipeline and not is_known
        gpu = choose("Generate on a GPU", "no", ("yes", "no")) == "yes" if is_open else needs_one
    if gpu and not is_known and target.is_pipeline:
        target = target.with_values({"dtype": "float16", "needs": "cuda"})
    ci = cast(Ci, pick(args.ci, "CI", CI_PROVIDERS[0], CI_PROVIDERS))
    return Choices(name=task, task=task, target=target, is_known=is_known, metrics=metrics, ci=ci, gpu=gpu)


def _advice(root: Path, choices: Choices, report: Report) -> list[str]:
    """What somebody has to see to."""
    advice = []
    workflow = root / project_files.WORKFLOWS.get(choices.ci, "")
    if choices.ci == "github" and workflow in report.written and (top := _repository_above(root)):
        place = os.path.relpath(root.resolve(), top)
        advice.append(
            f"GitHub reads workflows only from the top of the repository: move {workflow} to {top / '.github'}, "
            f"and set working-directory: {place} in it"
        )
    if workflow in report.written and project_files.source_of_installation().startswith("file:"):
        advice.append(
            f"sdeval was installed from a folder of this machine: in {workflow}, say where CI installs "
            f"{project_files.DISTRIBUTION} from"
        )
    return advice


def _repository_above(root: Path) -> Path | None:
    """The top of the git repository that a folder lies in, where it is another one."""
    folder = root.resolve()
    top = next((path for path in (folder, *folder.parents) if (path / ".git").exists()), folder)
    return top if top != folder else None


def _next_command(root: Path, choices: Choices) -> str:
    enter = "" if root.resolve() == Path.cwd() else f"cd {root} && "
    fetch = "" if choices.is_shapes else "sdeval fetch && "
    return f"{enter}{fetch}pytest {project_files.SUITES}"
