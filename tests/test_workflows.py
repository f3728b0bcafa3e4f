"""The workflows in `docs/ci`: read as YAML, and every command in them asked whether it knows its options."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sdeval.cli import _parser
from tests.conftest import ROOT

WORKFLOWS = sorted((ROOT / "docs" / "ci").glob("github-*.yml"))


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
    assert content["permissions"] == {}
    assert content["jobs"]["generate"]["permissions"] == {"contents": "read"}
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


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_by_its_commit_with_the_version_beside_it(path: Path) -> None:
    uses = re.findall(r"^ *(?:- )?uses: (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(uses) == sum("uses" in step for step in steps(path)) > 0
    assert all(re.fullmatch(r"actions/[a-z/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use) for use in uses), uses


def test_the_same_action_is_of_the_same_commit_everywhere() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    commits: dict[str, set[str]] = {}
    for name, commit in re.findall(r"uses: actions/([a-z-]+)\S*@(\S+ # \S+)", texts):
        commits.setdefault(name, set()).add(commit)
    assert set(commits) == {"checkout", "setup-python", "cache", "upload-artifact", "download-artifact"}
    assert {name: len(found) for name, found in commits.items() if len(found) > 1} == {}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_no_token_is_left_in_the_checkout(path: Path) -> None:
    checkouts = [step for step in steps(path) if "actions/checkout" in step.get("uses", "")]
    assert [step["with"] for step in checkouts] == [{"persist-credentials": False}]


def test_weights_that_code_of_a_pull_request_may_touch_are_used_by_no_other_job() -> None:
    """The hosted runner saves none from a pull request; on a machine of one's own they must not be writable."""
    saves = [step for step in steps(WORKFLOWS[0]) if step.get("with", {}).get("path") == "~/.cache/huggingface"]
    assert [step["uses"].partition("@")[0] for step in saves] == ["actions/cache/restore", "actions/cache/save"]
    assert "github.event_name != 'pull_request'" in saves[1]["if"]
    names = [step.get("run", step.get("uses")) for step in steps(WORKFLOWS[0])]
    assert names.index(saves[1]["uses"]) < next(n for n, name in enumerate(names) if name.startswith("pytest "))
    generate = read(WORKFLOWS[1])["jobs"]["generate"]
    assert generate["env"] == {
        "HF_HOME": "/var/cache/huggingface",
        "TORCH_HOME": "/var/cache/torch",
        "HF_HUB_OFFLINE": "1",
    }
    assert not any("hf download" in step.get("run", "") for step in generate["steps"])


@pytest.mark.parametrize("writable", [True, False])
def test_a_runner_that_may_write_its_weights_is_refused(writable: bool, tmp_path: Path) -> None:
    """The first step as the shell runs it; a folder that is not there cannot be written either."""
    first = read(WORKFLOWS[1])["jobs"]["generate"]["steps"][0]
    weights = tmp_path / "weights"
    if writable:
        weights.mkdir()
    environment = {**os.environ, "HF_HOME": str(weights), "TORCH_HOME": str(tmp_path / "none")}
    done = subprocess.run(["bash", "-e", "-c", first["run"]], env=environment, capture_output=True, text=True)
    assert done.returncode == int(writable)
    assert ("can be written: see the head of this workflow" in done.stdout) == writable
