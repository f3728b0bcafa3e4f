"""pytest and commands agree where a project is (field case F05)."""

from __future__ import annotations

import json
import os

import pytest

# What pytester imports is forgotten after each test, and torch cannot be imported twice.
import sdeval.engines.diffusers_engine
import sdeval.report.publish  # noqa: F401
from sdeval.cli import main
from sdeval.config.project import RECORD

MODULE = """
from pathlib import Path
from sdeval import Case, Suite

test_one = Suite(
    name="one",
    task="text2img",
    cases=(Case(id="circle", prompt="a large red circle on a blue background"),),
    seeds=(0,),
    settings={"num_inference_steps": 2, "width": 64, "height": 64},
    metrics=("sharpness",),
)
"""


@pytest.mark.parametrize("settings", ["pytest.ini", "tox.ini"])
@pytest.mark.parametrize("inside", [False, True], ids=["from the repository", "from the package"])
def test_f05_pytest_and_commands_agree_in_a_monorepo(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, settings: str, inside: bool
) -> None:
    package = pytester.path / "svc" / "a"
    (package / "suites").mkdir(parents=True)
    (package / "suites" / "test_one.py").write_text(MODULE)
    (package / "pyproject.toml").write_text('[tool.sdeval]\nbaselines = "qa"\n')
    (pytester.path / settings).write_text("[pytest]\n")
    if inside:
        monkeypatch.chdir(package)
    pytester.runpytest("suites" if inside else "svc/a/suites", "-p", "no:cacheprovider").assert_outcomes(
        passed=2, skipped=3
    )
    assert main(["accept", "reports/latest" if inside else "svc/a/reports/latest"]) == 0
    assert (package / "qa" / "one" / "shapes" / "run.json").is_file()
    latest = json.loads((package / "reports" / "latest" / RECORD).read_text())
    assert latest == {"schema": 1, "root": "../..", "baselines": "../../qa"}


def test_a_folder_whose_name_is_not_utf_8_is_refused_before_anything_is_generated(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_one=MODULE)
    result = pytester.runpytest("--sdeval-output", os.fsdecode(b"reports-\xff"))
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*reports-*udcff*: this name of a file or folder is not UTF-8; rename it"])
