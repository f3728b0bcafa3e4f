"""An example metric, as a package of its own, and an example engine: each works as it is, and has a test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from sdeval import metrics
from sdeval.config.target import Target
from sdeval.errors import SdevalError
from sdeval.scaffold.new_files import Report, write_new
from sdeval.scaffold.project_files import add_target
from sdeval.scaffold.templating import rendered

_NAME = re.compile("[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_NAME_HELP = "must be lower-case words and digits joined by underscores, such as redness"


def metric_folder(name: str) -> str:
    """Where the package of a metric lies, seen from the root of the project."""
    return f"metrics/{name}"


def engine_path(name: str) -> str:
    """Where the module of an engine lies, seen from the root of the project."""
    return f"engines/{name}.py"


def write_metric(root: Path, name: str, report: Report) -> None:
    """Write a package with one metric, its entry point, and a test.

    Raises:
        SdevalError: the name is no metric's, or is taken.
    """
    _check_name("metric", name)
    folder = metric_folder(name)
    if name in metrics.metric_names() and not (root / folder).exists():
        raise SdevalError(f"metric {name!r} exists already; `sdeval metrics` lists all of them")
    files = {
        f"{folder}/pyproject.toml": "metric_package.toml.j2",
        f"{folder}/sdeval_{name}.py": "metric.py.j2",
        f"{folder}/test_{name}.py": "test_metric.py.j2",
    }
    _write_templates(root, files, name, report)


def write_engine(root: Path, name: str, report: Report) -> Target:
    """Write a program of one's own with a test, and the target that runs it.

    Raises:
        SdevalError: the name is no engine's.
    """
    _check_name("engine", name)
    path = engine_path(name)
    files = {path: "engine.py.j2", f"engines/test_{name}.py": "test_engine.py.j2"}
    _write_templates(root, files, name, report)
    target = Target(name=name.replace("_", "-"), model=f"python:{path}:{_class_name(name)}")
    add_target(root, target, report)
    return target


def _write_templates(root: Path, templates: Mapping[str, str], name: str, report: Report) -> None:
    values = {"name": name, "class_name": _class_name(name)}
    write_new(root, {path: rendered(template, **values) for path, template in templates.items()}, report)


def _class_name(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


def _check_name(kind: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise SdevalError(f"{kind} name {name!r} {_NAME_HELP}")
