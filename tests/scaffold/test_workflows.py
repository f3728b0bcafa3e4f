"""Workflows that `sdeval init` writes: the ones of docs/ci, fitted to a project."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from sdeval.cli import _parser
from sdeval.config.target_registry import shipped_targets
from sdeval.scaffold import project_files
from sdeval.scaffold.choices import Choices, Ci
from tests.conftest import ROOT
from tools.write_workflows import workflows


def made(root: Path, ci: Ci, target: str = "shapes", *, gpu: bool = False) -> str:
    choices = Choices(
        name="text2img", task="text2img", target=shipped_targets()[target], metrics=("clip_score",), ci=ci, gpu=gpu
    )
    return project_files.workflow(root, choices)


KINDS: list[tuple[Ci, str, bool]] = [
    ("github", "shapes", False),
    ("github", "sd15", False),
    ("github", "sd15", True),
    ("gitlab", "shapes", False),
    ("gitlab", "sd15", True),
]


def lines(text: str) -> list[str]:
    """Lines that a shell runs."""
    content: dict[Any, Any] = yaml.safe_load(text)
    if "images" in content:
        return list(content["images"]["script"])
    steps = [step for job in content["jobs"].values() for step in job["steps"]]
    return [line for step in steps for line in step.get("run", "").splitlines()]


def test_those_of_the_documentation_are_current() -> None:
    made_again = workflows()
    written = {name: (ROOT / "docs" / "ci" / name).read_text(encoding="utf-8") for name in made_again}
    assert made_again == written, "write them again with: python -m tools.write_workflows"


@pytest.mark.parametrize(("ci", "target", "gpu"), KINDS)
def test_every_command_is_known(tmp_path: Path, pytester: pytest.Pytester, ci: Ci, target: str, gpu: bool) -> None:
    commands = [shlex.split(line) for line in lines(made(tmp_path, ci, target, gpu=gpu))]
    for program, *arguments in commands:
        if program == "sdeval":
            _parser(arguments[0]).parse_args(arguments)
        elif program == "pytest":
            assert pytester.parseconfig(*arguments).getoption("xmlpath") == "reports/junit.xml"
    assert any(command[0] == "pytest" for command in commands)


@pytest.mark.parametrize("gpu", [True, False])
def test_actions_are_pinned_and_rights_are_few(tmp_path: Path, gpu: bool) -> None:
    text = made(tmp_path, "github", "sd15", gpu=gpu)
    uses = re.findall(r"uses: (.*)$", text, re.MULTILINE)
    assert uses
    assert all(re.fullmatch(r"actions/[a-z/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use) for use in uses)
    content = yaml.safe_load(text)
    assert content["permissions"] == {}
    assert content["jobs"]["generate"]["permissions"] == {"contents": "read"}
    assert "Copy it to" not in text


def test_the_embedded_model_needs_no_weights(tmp_path: Path) -> None:
    assert "sdeval fetch" not in lines(made(tmp_path, "github"))
    assert "huggingface" not in made(tmp_path, "github")
    assert "sdeval fetch" in lines(made(tmp_path, "github", "sd15"))
    assert "sdeval fetch" not in lines(made(tmp_path, "gitlab"))


def install(root: Path) -> str:
    """What pip installs, last."""
    return next(line for line in reversed(lines(made(root, "github"))) if line.startswith("pip install"))


def test_the_project_is_installed_where_it_is_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_files, "source_of_installation", lambda: "")
    assert install(tmp_path) == "pip install pytest-sdeval"
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\n")
    (tmp_path / "requirements.txt").write_text("diffusers\n")
    assert install(tmp_path) == "pip install -r requirements.txt pytest-sdeval"
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert install(tmp_path) == "pip install . -r requirements.txt pytest-sdeval"


def test_sdeval_is_installed_from_where_it_came_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = "git+https://example.org/sdeval@0123abc"
    monkeypatch.setattr(project_files, "source_of_installation", lambda: address)
    assert install(tmp_path) == f'pip install "pytest-sdeval @ {address}"'
    assert shlex.split(install(tmp_path))[-1] == f"pytest-sdeval @ {address}"
    monkeypatch.setattr(project_files, "source_of_installation", lambda: "file:///home/me/sdeval")
    assert install(tmp_path) == "pip install pytest-sdeval"


def test_merge_requests_do_not_save_weights_on_gitlab(tmp_path: Path) -> None:
    job = yaml.safe_load(made(tmp_path, "gitlab", "sd15"))["images"]
    (weights,) = [cache for cache in job["cache"] if cache["key"] == "weights"]
    assert weights["policy"] == "$WEIGHTS_POLICY"
    assert job["rules"][0]["variables"] == {"WEIGHTS_POLICY": "pull"}
