"""What somebody does who begins: init, run, accept, run again, change something. Each as in docs/getting-started.md."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sdeval.scaffold.choices import SHAPES_SETTINGS
from tests.conftest import ROOT

pytestmark = pytest.mark.slow


def run(folder: Path, *command: str, code: int = 0, **environment: str) -> str:
    """What a command prints; it must end with a certain code."""
    outside = {name: value for name, value in os.environ.items() if name not in ("CI", "GITHUB_STEP_SUMMARY")}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        # Wide enough that no sentence is wrapped.
        env={**outside, "PYTHONPATH": str(ROOT), "COLUMNS": "400", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def verdicts(folder: Path) -> list[dict[str, Any]]:
    content = json.loads((folder / "reports" / "latest" / "verdicts.json").read_text(encoding="utf-8"))
    return list(content["verdicts"])


@pytest.mark.parametrize("task", SHAPES_SETTINGS)
def test_a_new_project_passes_and_fails_as_it_should(tmp_path: Path, task: str) -> None:
    run(tmp_path, "sdeval.cli", "init", "--task", task)
    first = run(tmp_path, "pytest", "suites")
    assert f"note: {task} on shapes, once accepted: 12 cases with 4 seeds can show a loss of clip_score" in first
    assert "next: sdeval accept" in first
    assert not [each for each in verdicts(tmp_path) if each["verdict"] in ("broken", "unscored", "skipped")]
    assert "12 cases with 4 seeds can show a loss of clip_score" in run(tmp_path, "sdeval.cli", "accept")
    # As CI runs it: the suite is able to show a gross loss, so a strict session starts.
    second = run(tmp_path, "pytest", "suites", CI="true")
    assert "once accepted" not in second
    assert {each["verdict"] for each in verdicts(tmp_path)} == {"passed", "informational"}
    run(tmp_path, "pytest", "suites", "--sdeval-set", "num_inference_steps=2", code=1, CI="true")
    regressed = [each for each in verdicts(tmp_path) if each["verdict"] == "regressed"]
    assert "clip_score" in {each["metric"] for each in regressed}


def test_another_scheduler_of_the_written_targets_passes(tmp_path: Path) -> None:
    run(tmp_path, "sdeval.cli", "init")
    run(tmp_path, "pytest", "suites", "--sdeval-target", "shapes-dpm", "--sdeval-compare-to", "shapes")
    assert {each["target"] for each in verdicts(tmp_path)} == {"shapes-dpm"}
    assert "regressed" not in {each["verdict"] for each in verdicts(tmp_path)}
