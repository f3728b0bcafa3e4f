"""A pytest run without suites gets nothing of sdeval; one with suites gets all of it, with or without settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.plugin.project import SUITE, verdicts

NEEDED = {"sdeval", "sdeval.plugin", "sdeval.config", "sdeval.config.root"}
"""What a run without suites imports of sdeval: it has to find out whether the project has settings."""
IMPORTED = """
import sys
def test_imports():
    print('HAVE', *sorted(name for name in sys.modules if name.partition('.')[0] == 'sdeval'))
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False, timeout=300)


def test_a_run_without_suites_imports_nothing_but_the_front(tmp_path: Path) -> None:
    tmp_path.joinpath("pytest.ini").touch()
    tmp_path.joinpath("test_own.py").write_text(IMPORTED)
    line = next(line for line in run(tmp_path, "-s").stdout.splitlines() if "HAVE" in line)
    assert set(line.partition("HAVE")[2].split()) == NEEDED


def test_a_distributed_run_without_suites_is_distributed_as_ever(tmp_path: Path) -> None:
    tmp_path.joinpath("pytest.ini").touch()
    tmp_path.joinpath("test_own.py").write_text("def test_one(): pass\ndef test_two(): pass\n")
    done = run(tmp_path, "-n", "2", "-v")
    assert "2 passed" in done.stdout
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".py" and path.name != "__pycache__"] == [
        "pytest.ini"
    ]
    assert "scheduling tests via LoadScheduling" in done.stdout


def test_a_project_without_settings_has_its_suites_judged(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_first="def test_one(): pass", test_suite=SUITE.format(task="text2img", name="few"))
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    assert result.ret == 0
    assert len(verdicts(pytester)) == 7


@pytest.mark.slow
def test_a_distributed_project_without_settings_has_its_suites_judged(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_first="def test_one(): pass", test_suite=SUITE.format(task="text2img", name="few"))
    done = run(pytester.path, "-n", "1", "-v")
    assert "scheduling tests via ByTarget" in done.stdout
    assert len(verdicts(pytester)) == 7


def test_the_first_module_that_does_not_load_ends_in_one_line(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_suite=SUITE.format(task="text2img", name="few").replace("text2img", "text2image"))
    done = run(pytester.path)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "did you mean text2img" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_settings_that_are_wrong_end_a_run_without_suites(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml("[tool.sdeval]\noutputs = 'here'\n")
    pytester.makepyfile(test_own="def test_one(): pass")
    done = run(pytester.path)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "did you mean output" in done.stderr
