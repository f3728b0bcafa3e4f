"""The workflows in `docs/ci`: read as YAML, and every command in them asked whether it knows its options."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from sdeval.cli import _parser
from tests.conftest import ROOT

WORKFLOWS = sorted((ROOT / "docs" / "ci").glob("*.yml"))


def read(path: Path) -> dict[Any, Any]:
    content: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def commands(path: Path, program: str) -> list[list[str]]:
    """Arguments of a program, wherever a step runs it."""
    lines = [line for step in steps(path) for line in step.get("run", "").splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.split()[:1] == [program]]


def test_there_is_one_for_a_processor_and_one_for_a_gpu() -> None:
    assert [path.stem for path in WORKFLOWS] == ["github-cpu", "github-gpu"]
    assert read(WORKFLOWS[1])["jobs"]["generate"]["runs-on"] == ["self-hosted", "gpu"]
    assert any("--sdeval-target" in arguments for arguments in commands(WORKFLOWS[1], "pytest"))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_pytest_knows_every_option(path: Path, pytester: pytest.Pytester) -> None:
    with pytest.raises(pytest.UsageError, match="--sdeval-targte"):
        pytester.parseconfig("--sdeval-targte=shapes")
    for arguments in commands(path, "pytest"):
        assert pytester.parseconfig(*arguments).getoption("xmlpath") == "reports/junit.xml"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_sdeval_knows_every_command(path: Path) -> None:
    for arguments in commands(path, "sdeval"):
        _parser(arguments[0]).parse_args(arguments)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_what_runs_code_of_a_pull_request_may_write_nothing(path: Path) -> None:
    content = read(path)
    assert content["permissions"] == {"contents": "read"}
    assert "permissions" not in content["jobs"]["generate"]
    assert content["jobs"]["comment"]["permissions"] == {"pull-requests": "write"}
    assert not any("checkout" in step.get("uses", "") for step in content["jobs"]["comment"]["steps"])
    assert all(job["timeout-minutes"] for job in content["jobs"].values())


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_the_report_is_kept_whatever_happened(path: Path) -> None:
    kept = {step["with"]["name"]: step for step in steps(path) if "upload-artifact" in step.get("uses", "")}
    assert set(kept) == {"report", "summary"}
    assert all(step["if"] == "always()" for step in kept.values())
    assert kept["summary"]["with"]["path"] == "reports/latest/summary.md"


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_nothing_of_a_pull_request_is_pasted_into_a_shell(path: Path) -> None:
    assert not any("${{" in step.get("run", "") for step in steps(path))
