"""`sdeval status` tells how far a session of another process is."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from sdeval._utils.files import dump_line
from sdeval.cli import main
from sdeval.report.status import duration
from sdeval.results import journal
from sdeval.results.journal import Journal
from sdeval.results.records import SampleResult, Timing
from sdeval.results.session_lock import SessionLock

NAME = "20260101-120000-abcd"


def sample(seed: int) -> SampleResult:
    return SampleResult(case="a", seed=seed, prompt="a", fingerprint="", sha256="", image="")


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A session of two suites, of which one has begun."""
    (tmp_path / "pyproject.toml").write_text("[tool.sdeval]\n")
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "reports" / NAME
    folder.mkdir(parents=True)
    items = [
        {"nodeid": f"t.py::t[x-{suite}]", "suite": suite, "target": "x", "kind": "case", "name": "a"}
        for suite in ("first", "second")
    ]
    (folder / "selected.json").write_text(json.dumps({"items": items}))
    return folder


def write_journal(session: Path, times: list[float], asked: int) -> None:
    folder = session / "first" / "x"
    own = Journal(folder, {})
    own.recall({})
    own.ask(asked)
    with (folder / journal.NAME).open("a") as file:
        for seed, moment in enumerate(times):
            timing = asdict(Timing(call=seed, seconds=1.0))
            file.write(dump_line({"sample": asdict(sample(seed)), "timing": timing, "at": moment}))


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["status", *arguments]) == 0
    return capsys.readouterr().out


def test_a_session_that_runs_says_who_holds_it_and_how_far_it_is(
    session: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdeval.report.status.time.time", lambda: 1012.0)
    write_journal(session, [1000.0, 1000.0, 1004.0, 1004.0, 1008.0, 1008.0], 14)
    lock = SessionLock(session)
    lock.claim()
    text = output(capsys)
    lock.release()
    assert f"session {NAME}: is running" in text
    assert "held by `" in text
    (line,) = [line for line in text.splitlines() if line.startswith("first")]
    assert line.split()[:4] == ["first", "x", "6/14", "0.50"]
    assert "16 s" in line
    assert "latest image 4 s ago" in line
    (other,) = [line for line in text.splitlines() if line.startswith("second")]
    assert other.endswith("not begun")


def test_a_session_that_was_killed_says_how_to_resume(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = SessionLock(session)
    lock.claim()
    lock.release()
    assert "is not running any more; --sdeval-resume resumes it" in output(capsys, str(session))


def test_what_is_generated_is_scored_next(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_journal(session, [1.0, 2.0], 2)
    (session / "running.json").write_text("{}")
    assert "is being scored" in output(capsys, "reports")


def test_old_images_say_nothing_of_the_rate(session: Path) -> None:
    write_journal(session, [0.0, *(5000.0 + second for second in range(5))], 9)
    assert journal.pace(session / "first" / "x").rate == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("folder", "message"), [("reports", "no sessions in it"), ("reports/none", "no sessions in it")]
)
def test_without_a_session_there_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folder: str,
    message: str,
) -> None:
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)
    assert main(["status", folder]) == 2
    assert message in capsys.readouterr().err


def test_durations_are_short() -> None:
    assert [duration(seconds) for seconds in (0.2, 119, 120, 7300)] == ["0 s", "119 s", "2 min", "2 h 1 min"]
