"""What the first run of a suite says it will be able to show, and later ones do not say again."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdeval.report.publish import notes
from sdeval.results.session_folder import read_record
from tests.cli.project import accept, run_session, write_project, write_suite

CASES = tuple(f"case-{number}" for number in range(10))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_project(tmp_path)
    write_suite(tmp_path / "suites", cases=CASES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def detectable(session: Path) -> list[str]:
    return [note for note in notes(session, read_record(session).verdicts) if "can show" in note]


def test_the_first_run_says_how_small_a_loss_it_can_show(root: Path) -> None:
    (note,) = detectable(run_session(root, "one"))
    assert note.startswith("few on ours, once accepted: 10 cases with 2 seeds can show a loss of sharpness from ")


def test_a_run_with_a_baseline_does_not_say_it_again(root: Path) -> None:
    accept(run_session(root, "one"))
    assert detectable(run_session(root, "two")) == []
