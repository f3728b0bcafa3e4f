"""`sdeval bisect`, alone and as `git bisect run` calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sdeval.cli import main
from sdeval.cli.bisect import ABORT, CANNOT_JUDGE, _extract_baselines, judge
from sdeval.comparison import Kind
from sdeval.results.verdicts_file import Record
from sdeval.stores.images import LOCAL
from tests.conftest import ROOT
from tests.report.test_terminal import BLACK, FINE

GOOD = """
import numpy as np

def generate(case, seed):
    image = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    return np.kron(image, np.ones((8, 8, 1), dtype=np.uint8))
"""
BLACKENED = GOOD.replace("return ", "return 0 * ")
UNUSABLE = "import no_such_module\n"
PROJECT = {
    "pyproject.toml": '[tool.sdeval.targets.ours]\nmodel = "python:engine.py:generate"\n',
    ".gitignore": "reports/\n__pycache__/\n.pytest_cache/\n",
    "suites/test_few.py": """
from sdeval import Case, Suite

test_few = Suite(
    name="few", task="text2img", targets=("ours",), metrics=("sharpness",), seeds=(0, 1),
    cases=tuple(Case(id=name, prompt=name) for name in ("red", "green")),
)
""",
}


@pytest.mark.parametrize(
    ("code", "kinds", "exit_code", "why"),
    [
        (0, ["passed", "informational", "skipped"], 0, "not worse"),
        (0, ["improved", "inconclusive"], 0, "not worse"),
        (1, ["passed", "regressed", "broken"], 1, "worse: animals on tiny: dog broken, and 1 more"),
        (1, ["regressed", "unscored"], 1, "worse: animals on tiny: dog regressed"),
        (0, ["inconclusive", "informational"], CANNOT_JUDGE, "cannot judge: nothing passed and nothing is worse"),
        (0, ["skipped"], CANNOT_JUDGE, "cannot judge: nothing passed and nothing is worse"),
        (0, ["new", "passed"], CANNOT_JUDGE, "cannot judge: animals on tiny: dog new"),
        (1, ["not_comparable", "passed"], CANNOT_JUDGE, "cannot judge: animals on tiny: dog not_comparable"),
        (1, ["unscored", "passed"], CANNOT_JUDGE, "cannot judge: animals on tiny: dog unscored"),
        (1, ["passed"], CANNOT_JUDGE, "cannot judge: pytest failed, but for no verdict"),
        (3, ["regressed"], CANNOT_JUDGE, "cannot judge: pytest ended with 3"),
    ],
)
def test_git_is_told_worse_not_worse_or_to_leave_it_out(code: int, kinds: list[Kind], exit_code: int, why: str) -> None:
    found = Record.of("one", [replace(FINE, verdict=kind) for kind in kinds], strict=False)
    assert judge(code, found) == (exit_code, why)


def test_what_is_worse_is_named_with_its_reason() -> None:
    assert judge(1, Record.of("one", [FINE, BLACK], strict=False)) == (
        1,
        "worse: animals on tiny: cat broken: seed 0 is black",
    )


@pytest.mark.parametrize("code", [2, 4, 5])
def test_a_session_without_verdicts_is_left_out(code: int) -> None:
    assert judge(code, None) == (CANNOT_JUDGE, f"cannot judge: pytest ended with {code}, and there is no verdict")


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def commit(folder: Path, engine: str, note: str) -> str:
    (folder / "engine.py").write_text(engine)
    (folder / "note.txt").write_text(note)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", note)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in git, in the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    git(tmp_path, "init", "--quiet")
    for name, text in PROJECT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_baselines_come_from_another_commit(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    kept = repository / "qa" / "baselines" / "few" / "ours" / "run.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("then")
    then = commit(repository, GOOD, "with a baseline")
    kept.write_text("now")
    aside = tmp_path_factory.mktemp("aside")
    image = repository / "qa" / "baselines" / LOCAL / "ab" / "image.png"
    image.parent.mkdir(parents=True)
    image.write_text("full size")
    found = _extract_baselines(then, repository / "qa" / "baselines", repository, aside)
    assert (found / LOCAL / "ab" / "image.png").read_text() == "full size"
    assert (found / "few" / "ours" / "run.json").read_text() == "then"
    assert kept.read_text() == "now"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--baselines-of", "nowhere"], "--baselines-of nowhere: fatal: not a valid object name"),
        (["--baselines-of", "HEAD"], "did not match any files"),
        (["--baselines-of", "HEAD", "--baselines", "/"], "is outside of"),
        (["-k", "red"], "unrecognized arguments: -k"),
    ],
)
def test_a_mistake_in_the_command_stops_git_bisect(
    repository: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    commit(repository, GOOD, "without a baseline")
    assert main(["bisect", *arguments]) == ABORT
    assert message in capsys.readouterr().err


def test_a_commit_whose_settings_are_wrong_is_left_out(repository: Path) -> None:
    (repository / "pyproject.toml").write_text("[tool.sdeval]\nwrong = 1\n")
    assert main(["bisect"]) == CANNOT_JUDGE


def test_a_commit_without_suites_is_left_out(repository: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["bisect", "--", "nowhere"]) == CANNOT_JUDGE
    assert capfd.readouterr().out.splitlines()[-1] == (
        "sdeval bisect: cannot judge: pytest ended with 4, and there is no verdict"
    )


@pytest.mark.slow
def test_git_bisect_finds_the_commit_that_got_worse(repository: Path) -> None:
    environment = {**os.environ, "CI": "true"}
    (repository / "engine.py").write_text(GOOD)
    subprocess.run([sys.executable, "-m", "pytest", "suites", "-q", "--sdeval-no-strict"], env=environment)
    assert main(["accept"]) == 0
    good = commit(repository, GOOD, "good, with a baseline")
    git(repository, "rm", "-r", "--quiet", "baselines")
    commit(repository, GOOD + "# 2\n", "still good, its baseline gone")
    commit(repository, GOOD + "# 3\n", "still good")
    unusable = commit(repository, UNUSABLE, "cannot be imported")
    commit(repository, GOOD + "# 5\n", "good again")
    culprit = commit(repository, BLACKENED, "black")
    commit(repository, BLACKENED + "# 7\n", "still black")

    git(repository, "bisect", "start", "HEAD", good)
    command = [sys.executable, "-m", "sdeval.cli", "bisect", "--baselines-of", good, "--", "suites", "-q"]
    environment["GITHUB_STEP_SUMMARY"] = str(repository / "reports" / "job.md")
    done = subprocess.run(
        ["git", "bisect", "run", *command], cwd=repository, env=environment, capture_output=True, text=True
    )
    assert f"{culprit} is the first bad commit" in done.stdout, done.stdout + done.stderr
    assert f"git bisect skip {unusable}" in git(repository, "bisect", "log")
    assert "sdeval bisect: worse: few on ours: " in done.stdout
    assert "sdeval bisect: not worse" in done.stdout
    assert not (repository / "reports" / "job.md").exists()
