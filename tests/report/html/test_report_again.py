"""`sdeval report` writes all pages of a session again: also the comparison of its targets."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdeval.cli import main
from sdeval.results import selected
from sdeval.results.selected import SelectedItem
from sdeval.results.session_folder import COMPARISON, PAGE
from tests.cli.project import run_session, write_project, write_suite


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A session of two targets."""
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    write_suite(tmp_path / "suites", targets=("ours", "dark"))
    return run_session(tmp_path, "one")


def test_the_comparison_of_the_targets_is_written_again(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(session)]) == 0
    assert capsys.readouterr().out.splitlines() == [f"reports/one/{PAGE}", f"reports/one/{COMPARISON}"]
    text = (session / COMPARISON).read_text(encoding="utf-8")
    assert '"settings":["dark","ours"]' in text
    assert f'<a href="{COMPARISON}">' in (session / PAGE).read_text(encoding="utf-8")


def test_a_page_in_one_file_leaves_the_comparison_alone(session: Path) -> None:
    assert main(["report", str(session), "--single-file", "one.html"]) == 0
    assert not (session / COMPARISON).exists()


def test_runs_that_cannot_be_compared_do_not_keep_the_page_from_being_written(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (session / "selected.json").write_text("[", encoding="utf-8")
    (session / PAGE).unlink()
    assert main(["report", str(session)]) == 0
    assert "no comparison: " in capsys.readouterr().out
    assert (session / PAGE).is_file()


def test_one_target_is_compared_with_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    folder = run_session(tmp_path, "one")
    assert main(["report", str(folder)]) == 0
    assert not (folder / COMPARISON).exists()


def test_the_target_that_was_named_first_is_the_reference(session: Path) -> None:
    items = [
        SelectedItem(nodeid=target, suite="few", target=target, kind="case", name="red") for target in ("ours", "dark")
    ]
    selected.write(items, session)
    assert main(["report", str(session)]) == 0
    assert '"reference":0,"settings":["ours","dark"]' in (session / COMPARISON).read_text(encoding="utf-8")
