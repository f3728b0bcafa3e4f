"""Wheel and sdist depend on nothing but the tracked files, and somebody who begins gets on with the wheel."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from sdeval.cli import main
from tools import check_release
from tools.check_release import ReleaseError, build_twice, check_files
from tools.newcomer import LOSS, Step, StepFailed, ci_steps, journey, report, run_step

PYTEST = """#!{python}
import sys
from pytest import console_main
sys.exit(console_main())
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheel and sdist."""
    pytest.importorskip("build")
    return build_twice(tmp_path_factory.mktemp("release"))


@pytest.fixture
def binaries(built: Path, tmp_path: Path) -> Path:
    """Programs of a new environment with the wheel, which shares all other packages with this one."""
    folder = tmp_path / "environment"
    venv.create(folder, with_pip=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    (site / "shared.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    (wheel,) = built.glob("*.whl")
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", wheel], check=True)
    (folder / "bin" / "pytest").write_text(PYTEST.format(python=python))
    (folder / "bin" / "pytest").chmod(0o755)
    return folder / "bin"


@pytest.mark.slow
def test_what_is_built_twice_is_the_same_and_can_be_published(built: Path) -> None:
    assert [path.suffix for path in sorted(built.iterdir())] == [".whl", ".gz"]
    pytest.importorskip("twine")
    pytest.importorskip("check_wheel_contents")
    check_files(built)


@pytest.mark.slow
def test_the_wheel_is_what_the_steps_use(binaries: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(check_release.ROOT))
    code = f"import sdeval, sys; sys.exit(not sdeval.__file__.startswith({str(binaries.parent)!r}))"
    run_step(Step("a goal", ("python", "-c", code)), tmp_path, binaries)


@pytest.mark.slow
def test_the_wheel_alone_is_enough_to_begin(binaries: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "project"
    root.mkdir()
    report(journey(root, binaries))
    goals = capsys.readouterr().out
    assert "a loss fails: pytest suites --sdeval-set num_inference_steps=2 (exit code 1)" in goals
    assert "in CI: pytest suites --junitxml=reports/junit.xml" in goals


def test_files_that_differ_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(folder: Path, output: Path) -> None:
        output.mkdir()
        (output / "same").write_text("")
        (output / "where.txt").write_text(str(folder))

    monkeypatch.setattr(check_release, "build", build)
    monkeypatch.setattr(check_release, "copy_tracked_files", lambda folder, *, private: None)
    with pytest.raises(ReleaseError, match=r"^not reproducible: where\.txt$"):
        build_twice(tmp_path)


def test_a_step_that_ends_otherwise_is_an_error_with_its_output(tmp_path: Path) -> None:
    folder = Path(sys.executable).parent
    step = Step("a goal", (Path(sys.executable).name, "-c", "print('why'); raise SystemExit(3)"))
    with pytest.raises(StepFailed, match=r"(?s)ended with 3 instead of 0\nwhy"):
        run_step(step, tmp_path, folder)


def test_nothing_of_the_repository_can_be_imported_by_a_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    code = "import os; raise SystemExit('PYTHONPATH' in os.environ)"
    run_step(Step("a goal", (Path(sys.executable).name, "-c", code)), tmp_path, Path(sys.executable).parent)


def test_commands_of_the_written_workflow_are_steps(tmp_path: Path) -> None:
    main(["init", str(tmp_path), "--yes", "--ci", "github"])
    commands = [step.command for step in ci_steps(tmp_path)]
    assert ("pytest", "suites", "--junitxml=reports/junit.xml", *LOSS) in commands
