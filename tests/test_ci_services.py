"""Pipelines for GitLab, Buildkite and Jenkins in `docs/ci`: their syntax, and every command asked for its options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sdeval.cli import _parser
from tests.conftest import ROOT

FOLDER = ROOT / "docs" / "ci"
GITLAB, BUILDKITE, JENKINS = FOLDER / "gitlab.yml", FOLDER / "buildkite.yml", FOLDER / "Jenkinsfile"
ALL = (GITLAB, BUILDKITE, JENKINS)
PAIRS = {"}": "{", ")": "(", "]": "["}


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def gitlab_job() -> dict[str, Any]:
    job: dict[str, Any] = read(GITLAB)["images-gpu"]
    return job


def buildkite_step() -> dict[str, Any]:
    (step,) = read(BUILDKITE)["steps"]
    return dict(step)


def shell_lines(path: Path) -> list[str]:
    if path == GITLAB:
        return [*gitlab_job()["before_script"], *gitlab_job()["script"]]
    if path == BUILDKITE:
        return [line.replace("$$", "$") for line in buildkite_step()["commands"]]
    return re.findall(r"^\s*sh '(.*)'$", path.read_text(encoding="utf-8"), re.MULTILINE)


def commands(path: Path, program: str) -> list[list[str]]:
    """Arguments of a program, wherever a line runs it."""
    words = [shlex.split(line.partition("||")[0]) for line in shell_lines(path)]
    return [line[1:] for line in words if Path(line[0]).name == program]


def code_of(text: str) -> Iterator[str]:
    """Characters of Groovy outside comments and texts; a text that does not end is an error."""
    position = 0
    for match in re.finditer(r"//[^\n]*|/\*.*?\*/|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"", text, re.DOTALL):
        yield from text[position : match.start()]
        position = match.end()
    yield from text[position:]


def test_braces_of_the_jenkinsfile_match() -> None:
    opened: list[str] = []
    for character in code_of(JENKINS.read_text(encoding="utf-8")):
        assert character not in "'\"", "a text does not end"
        if character in PAIRS.values():
            opened.append(character)
        elif character in PAIRS:
            assert opened.pop() == PAIRS[character]
    assert not opened


def test_the_jenkinsfile_has_the_sections_of_a_declarative_pipeline() -> None:
    code = "".join(code_of(JENKINS.read_text(encoding="utf-8")))
    assert code.strip().startswith("pipeline {")
    sections = ("agent", "options", "environment", "stages", "post")
    assert re.findall(r"^    (\w+) \{", code, re.MULTILINE) == list(sections)


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_pytest_and_sdeval_know_every_option(path: Path, pytester: pytest.Pytester) -> None:
    (arguments,) = commands(path, "pytest")
    assert pytester.parseconfig(*arguments).getoption("xmlpath") == "reports/junit.xml"
    for arguments in commands(path, "sdeval"):
        _parser(arguments[0]).parse_args(arguments)


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_every_line_is_a_command_of_a_shell(path: Path) -> None:
    lines = shell_lines(path)
    assert len(lines) > 3
    assert all(shlex.split(line) for line in lines)


def test_gitlab_keeps_the_report_and_reads_junit_whatever_happened() -> None:
    job = gitlab_job()
    assert job["tags"] == ["gpu"]
    assert job["artifacts"]["when"] == "always"
    assert job["artifacts"]["reports"]["junit"] == "reports/junit.xml"
    assert "reports/" in job["artifacts"]["paths"]
    known = {
        *("stage", "image", "tags", "timeout", "resource_group", "interruptible", "rules", "variables", "cache"),
        *("before_script", "script", "artifacts"),
    }
    assert set(job) <= known


def test_buildkite_gives_the_exit_code_of_pytest_after_all_else() -> None:
    step = buildkite_step()
    assert step["agents"] == {"queue": "gpu"}
    assert step["commands"][-1] == "exit $$status"
    assert any(line.endswith("|| status=$$?") for line in step["commands"])
    # Buildkite fills in a variable with one dollar sign before the job has it.
    assert not re.search(r"(?<!\$)\$[A-Za-z]", " ".join(step["commands"]))


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)
def test_pages_say_where_the_report_is(path: Path) -> None:
    assert "SDEVAL_PAGE_URL" in path.read_text(encoding="utf-8")
    assert f"ci/{path.name}" in (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
