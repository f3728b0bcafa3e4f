from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sdeval.cli import main
from sdeval.config.discovery import find_suites
from sdeval.config.target_registry import of_project


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that was begun."""
    monkeypatch.chdir(tmp_path)
    assert main(["init", "--ci", "none"]) == 0
    return tmp_path


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_suite_is_written_beside_others(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "suite", "red-things", "--task", "inpainting", "--metrics", "seam"]) == 0
    (suite,) = find_suites("suites/test_red_things.py", folder)
    assert (suite.name, suite.task, suite.metrics) == ("red-things", "inpainting", ("seam",))
    assert [each.name for each in find_suites("suites", folder)] == ["red-things", "text2img"]
    assert capsys.readouterr().out.endswith("next: pytest suites/test_red_things.py\n")


def test_a_suite_of_edits_has_instructions(folder: Path) -> None:
    assert main(["new", "suite", "edits", "--task", "edit", "--target", "python:ours.py:edit"]) == 0
    (suite,) = find_suites("suites/test_edits.py", folder)
    assert (suite.task, suite.metrics, len(suite.cases)) == ("edit", ("clip_score", "clip_i"), 12)
    assert all(case.image and case.image_prompt and case.edited_prompt for case in suite.cases)


def test_a_metric_is_a_package_with_a_test_that_passes(folder: Path) -> None:
    assert main(["new", "metric", "vivid_ness"]) == 0
    package = folder / "metrics" / "vivid_ness"
    done = run_pytest(package)
    assert "3 passed" in done.stdout, done.stdout


def test_the_entry_point_of_a_metric_makes_it_known(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pip writes it for an editable installation."""
    assert main(["new", "metric", "vividness"]) == 0
    package = folder / "metrics" / "vividness"
    information = package / "sdeval_vividness-0.1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: sdeval-vividness\nVersion: 0.1.0\n")
    (information / "entry_points.txt").write_text("[sdeval.metrics]\nvividness = sdeval_vividness\n")
    monkeypatch.setenv("PYTHONPATH", str(package), prepend=":")
    code = "from sdeval.metrics import info; print(info('vividness').title)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "contrast of the image\n"
    text = (package / "pyproject.toml").read_text()
    assert '[project.entry-points."sdeval.metrics"]\nvividness = "sdeval_vividness"\n' in text


def test_an_engine_is_a_target_with_a_test_that_passes(folder: Path) -> None:
    assert main(["new", "engine", "paint_box"]) == 0
    assert of_project(folder, {})["paint-box"].model == "python:engines/paint_box.py:PaintBox"
    done = run_pytest(folder, "engines")
    assert "3 passed" in done.stdout, done.stdout


def test_an_engine_generates_a_suite(folder: Path) -> None:
    assert main(["new", "engine", "paint_box"]) == 0
    assert main(["new", "suite", "waves", "--target", "paint-box", "--metrics", "sharpness"]) == 0
    done = run_pytest(folder, "suites/test_waves.py", "--sdeval-no-strict")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "new" in done.stdout


@pytest.mark.parametrize("kind", ["suite", "metric", "engine"])
def test_nothing_is_overwritten(folder: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", kind, "extra"]) == 0
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    capsys.readouterr()
    assert main(["new", kind, "extra"]) == 0
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    output = capsys.readouterr().out
    assert "wrote" not in output
    assert "added" not in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["suite", "Red Things"], "suite name 'Red Things' must be lower-case words"),
        (["metric", "my-metric"], "metric name 'my-metric' must be lower-case words and digits joined by underscores"),
        (["metric", "clip_score"], "metric 'clip_score' exists already"),
        (["engine", "../outside"], "engine name '../outside' must be"),
        (["metric", "vividness", "--task", "img2img"], "--task: is for suites"),
        (
            ["suite", "edits", "--task", "edit"],
            "--task: shapes, the embedded model, cannot do edit",
        ),
    ],
)
def test_a_wrong_name_is_refused(
    folder: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(folder.rglob("*"))
    assert main(["new", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before
