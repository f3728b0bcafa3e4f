"""The files of a project: a suite with its cases, targets, settings, lines for git, and a workflow for CI."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib import metadata, resources
from pathlib import Path

from sdeval._utils.files import exists, read_toml
from sdeval.config.root import SETTINGS, TARGETS
from sdeval.config.target import Target
from sdeval.scaffold.cases import COUNT, example_cases
from sdeval.scaffold.choices import SHAPES, SHAPES_TOLERANCES, Choices
from sdeval.scaffold.new_files import Report, add_lines, add_table, write_new
from sdeval.scaffold.templating import rendered

SUITES = "suites"
SCHEMAS = ("cases", "targets")
"""JSON Schemas that editors read beside the files of a project."""
IGNORED = ("/reports/",)
WORKFLOWS = {"github": ".github/workflows/images.yml", "gitlab": ".gitlab-ci.yml"}
DISTRIBUTION = "pytest-sdeval"


def module_path(name: str) -> str:
    """Where the module of a suite lies, seen from the root of the project."""
    return f"{SUITES}/test_{name.replace('-', '_')}.py"


def write_suite(root: Path, choices: Choices, report: Report) -> None:
    """Write a suite, its cases, images and masks, and schemas for the editor; a new target goes into its file."""
    write_new(root, {**_suite_files(choices), **_schema_files()}, report)
    if not choices.is_known:
        add_target(root, choices.target, report)


def write_project(root: Path, choices: Choices, report: Report) -> None:
    """Write a suite and everything around it."""
    write_suite(root, choices, report)
    if choices.is_known:
        write_new(root, {str(TARGETS): _targets(choices.target)}, report)
    add_table(root / SETTINGS, ("tool", "sdeval"), rendered("settings.toml.j2"), report)
    add_lines(root / ".gitignore", IGNORED, report)
    if choices.ci != "none":
        write_new(root, {WORKFLOWS[choices.ci]: workflow(root, choices)}, report)


def add_target(root: Path, target: Target, report: Report) -> None:
    """Add a target to the file of targets, which is made where there is none."""
    path, table = root / TARGETS, rendered("target.toml.j2", target=target)
    if os.path.lexists(path):
        add_table(path, (target.name,), table, report)
    else:
        write_new(root, {str(TARGETS): _targets(target, table)}, report)


def _targets(target: Target, table: str = "") -> str:
    return rendered("targets.toml.j2", target=target, table=table)


def _suite_files(choices: Choices) -> dict[str, str | bytes]:
    examples = example_cases(choices.task, shapes=choices.is_shapes)
    folder = f"{SUITES}/{choices.name}"
    head = rendered("cases_head.yaml.j2", name=choices.name, shapes=choices.is_shapes)
    files: dict[str, str | bytes] = {
        module_path(choices.name): _module(choices),
        f"{folder}/cases.yaml": examples.yaml(head),
    }
    return {**files, **{f"{folder}/{name}": content for name, content in examples.files.items()}}


def _module(choices: Choices) -> str:
    used = {name: value for name, value in SHAPES_TOLERANCES.items() if name in choices.metrics}
    return rendered(
        "suite.py.j2",
        choices=choices,
        variable=choices.name.replace("-", "_"),
        cases=COUNT,
        settings=_python(choices.settings),
        metrics=", ".join(map(json.dumps, choices.metrics)) + ("," if len(choices.metrics) == 1 else ""),
        options=_python({"clip_model": SHAPES}) if choices.is_shapes else "",
        tolerances=_python(used) if choices.is_shapes and used else "",
    )


def _python(values: Mapping[str, object]) -> str:
    """A mapping as Python is formatted; nothing where it is empty."""
    return "{" + ", ".join(f'"{name}": {json.dumps(value)}' for name, value in values.items()) + "}" if values else ""


def _schema_files() -> dict[str, str | bytes]:
    folder = resources.files("sdeval") / "schemas"
    names = [f"{name}.schema.json" for name in SCHEMAS]
    return {f"{SUITES}/schemas/{name}": (folder / name).read_text(encoding="utf-8") for name in names}


def workflow(root: Path, choices: Choices) -> str:
    """The workflow of a CI provider, on a runner with or without a GPU."""
    template = "gitlab.yml.j2" if choices.ci == "gitlab" else f"github-{'gpu' if choices.gpu else 'cpu'}.yml.j2"
    return rendered(
        template,
        printed=False,
        target=choices.target.name,
        model=choices.target.model,
        weights=not choices.is_shapes,
        gpu=choices.gpu,
        packages=" ".join([*_own_packages(root), _requirement("gpu" if choices.gpu else "")]),
    )


def _own_packages(root: Path) -> list[str]:
    """What pip installs of the project itself."""
    is_package = "project" in read_toml(root / SETTINGS) or exists(root / "setup.py")
    requirements = "requirements.txt"
    return [*(["."] if is_package else []), *(["-r", requirements] if exists(root / requirements) else [])]


def _requirement(extra: str) -> str:
    """Sdeval as pip installs it elsewhere: from the repository that it came from here, otherwise from the index."""
    name = f"{DISTRIBUTION}[{extra}]" if extra else DISTRIBUTION
    address = source_of_installation()
    text = f"{name} @ {address}" if address and not address.startswith("file:") else name
    return f'"{text}"' if text != DISTRIBUTION else text


def source_of_installation() -> str:
    """Where sdeval was installed from, if not from an index: `git+https://…@COMMIT`, or `file://…` of a folder."""
    try:
        text = metadata.distribution(DISTRIBUTION).read_text("direct_url.json")
        source = json.loads(text) if text else {}
    except (metadata.PackageNotFoundError, ValueError):
        return ""
    address, version = source.get("url", ""), source.get("vcs_info", {})
    return f"{version['vcs']}+{address}@{version['commit_id']}" if version else address
