"""What publishes and what CI runs: workflows of this repository, versions, and images for runners."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tools.check_release import ReleaseError, check_versions, stated_versions

FOLDER = ROOT / ".github" / "workflows"
CI, RELEASE = FOLDER / "ci.yml", FOLDER / "release.yml"
WORKFLOWS = [CI, RELEASE, *sorted((ROOT / "docs" / "ci").glob("github-*.yml"))]
IMAGES = sorted((ROOT / "docker").glob("*.Dockerfile"))
PIN = re.compile(r"uses: ([\w./-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)")


def read(path: Path) -> dict[Any, Any]:
    content: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in read(path)["jobs"].values() for step in job["steps"]]


def test_all_files_state_one_version() -> None:
    versions = stated_versions(ROOT)
    assert check_versions(versions, None) == versions["pyproject.toml"]
    assert check_versions(versions, f"v{versions['pyproject.toml']}")


def test_a_tag_of_another_version_is_refused() -> None:
    with pytest.raises(ReleaseError, match=r"versions differ: .*CHANGELOG\.md .*, the tag 9\.9"):
        check_versions(stated_versions(ROOT), "v9.9")


@pytest.mark.parametrize("path", [CI, RELEASE], ids=lambda path: path.stem)
def test_every_action_is_pinned_by_its_commit(path: Path) -> None:
    pins = PIN.findall(path.read_text(encoding="utf-8"))
    assert len(pins) == sum("uses" in step for step in steps(path)) > 0
    copied = {pin for file in (ROOT / "docs" / "ci").glob("github-*.yml") for pin in PIN.findall(file.read_text())}
    assert {pin for pin in pins if pin[0].startswith("actions/")} <= copied


@pytest.mark.parametrize("path", [CI, RELEASE], ids=lambda path: path.stem)
def test_a_job_may_do_what_it_needs_and_no_more(path: Path) -> None:
    content = read(path)
    assert content["permissions"] == {}
    permissions = {name: job["permissions"] for name, job in content["jobs"].items()}
    assert permissions.pop("publish", {"id-token": "write"}) == {"id-token": "write"}
    assert all(permission == {"contents": "read"} for permission in permissions.values())
    assert all(job["timeout-minutes"] for job in content["jobs"].values())
    assert not any("${{" in step.get("run", "") for step in steps(path))
    checkouts = [step for step in steps(path) if "actions/checkout" in step.get("uses", "")]
    assert all(step["with"] == {"persist-credentials": False} for step in checkouts)


def test_what_publishes_runs_no_code_of_the_repository() -> None:
    content = read(RELEASE)
    publish = content["jobs"]["publish"]
    assert [step["uses"].partition("@")[0] for step in publish["steps"]] == [
        "actions/download-artifact",
        "pypa/gh-action-pypi-publish",
    ]
    assert publish["environment"] == "pypi"
    # YAML reads `on` as true.
    assert content[True] == {"push": {"tags": ["v*"]}}
    assert "secrets." not in RELEASE.read_text(encoding="utf-8")
    assert not any("cache" in step.get("with", {}) for step in content["jobs"]["build"]["steps"])


def test_ci_runs_all_scripts_of_the_repository() -> None:
    commands = " ".join(step.get("run", "") for step in steps(CI))
    assert all(f"bash .ci/{name}" in commands for name in ("run", "lowest"))
    assert "python -m tools.check_release --python" in commands
    assert read(CI)["jobs"]["release"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13"]


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_an_image_is_built_in_stages_from_a_stated_version_and_runs_as_nobody_special(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert len(bases) == 2
    assert all(re.fullmatch(r"python:\d+\.\d+\.\d+-slim-\w+", base) for base in bases)
    (user,) = [line for line in lines if line.startswith("USER ")]
    assert user == "USER 1000"
    assert "HF_HUB_OFFLINE=1" in "".join(lines)
    copied = {
        word.strip("/")
        for line in lines
        if line.startswith("COPY ") and "--from" not in line
        for word in line.split()[1:-1]
    }
    ignore = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert copied == {line.removeprefix("!") for line in ignore if line.startswith("!")}


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_hadolint_finds_nothing_in_an_image(path: Path) -> None:
    done = lint("hadolint", "--no-color", path)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_zizmor_finds_nothing_in_a_workflow(path: Path) -> None:
    done = lint("zizmor", "--offline", "--no-progress", path)
    assert done.returncode == 0, done.stdout


def lint(program: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a linter of the extra `test`; skip the test where it is not installed."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    return subprocess.run([path, *map(str, arguments)], capture_output=True, text=True, check=False)
