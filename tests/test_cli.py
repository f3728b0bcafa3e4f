from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdeval import run as runs
from sdeval.cli import main
from sdeval.compare import Verdict
from sdeval.report.folder import Telling, publish
from sdeval.report.markdown import Elsewhere
from tests.conftest import make_run
from tests.test_baseline import contents, on_disk

ENVELOPE = '{"schema": 1, "session": "one", "outcome": "passed", "strict": false, "notes": [], "verdicts": [%s]}'


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A session with one run, published, in the current folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "reports" / "one"
    on_disk(make_run(np.array([[30.0, 31.0], [29.0, 28.0]])), folder / "animals" / "tiny")
    verdict = Verdict(suite="animals", target="tiny", metric="clip_score", case="", verdict="new", current=29.5)
    publish(folder, [verdict], tmp_path / "baselines")
    return folder


def test_accept_takes_the_latest_session_and_says_old_and_new(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["accept"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "animals on tiny: 4 pictures new or changed",
        "  clip_score: – → 29.50",
        "accepted into baselines; undo with git",
    ]
    assert (session.parent.parent / "baselines" / "animals" / "tiny" / "run.json").is_file()


def test_accept_takes_a_single_run(session: Path) -> None:
    assert main(["accept", str(session / "animals" / "tiny"), "--baselines", "elsewhere"]) == 0
    assert Path("elsewhere/animals/tiny/samples.jsonl").is_file()


def test_a_dry_run_writes_nothing(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accept", "--dry-run"]) == 0
    assert "nothing written" in capsys.readouterr().out
    assert not Path("baselines").exists()


def test_the_table_of_pyproject_says_where_baselines_are(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = session.parent.parent
    (root / "pyproject.toml").write_text('[tool.sdeval]\nbaselines = "qa/base"\n')
    (root / "deep").mkdir()
    monkeypatch.chdir(root / "deep")
    assert main(["accept"]) == 0
    assert (root / "qa" / "base" / "animals" / "tiny" / "run.json").is_file()


def test_nothing_is_accepted_where_one_run_is_refused(session: Path) -> None:
    on_disk(replace(make_run(np.array([[1.0, 2.0]])), suite="zoo", complete=False), session / "zoo" / "tiny")
    assert main(["accept"]) == 2
    assert not Path("baselines").exists()


def test_report_draws_the_page_again(session: Path) -> None:
    before = contents(session)
    (session / "index.html").unlink()
    assert main(["report", str(session)]) == 0
    assert contents(session) == before


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["accept", "nowhere"], "sdeval: nowhere: no run in it"),
        (["report", "nowhere"], "sdeval: nowhere: no session in it: verdicts.json is missing"),
    ],
)
def test_mistakes_end_in_one_line(
    session: Path, command: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 2
    error = capsys.readouterr().err
    assert error.startswith(message)
    assert len(error.splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (ENVELOPE % '{"a": 1}', "verdicts.json: is damaged: verdict 1: unknown field 'a'. Known: baseline"),
        ("{}", "verdicts.json: is damaged: schema: is missing"),
        ("[]", "verdicts.json: was written by another version of sdeval; run the suites again: pytest suites"),
        ('{"schema": 2}', "verdicts.json: was written by another version of sdeval"),
        ("[", "verdicts.json: is damaged: Expecting value"),
    ],
)
def test_a_damaged_session_is_named(session: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    (session / "verdicts.json").write_text(text)
    assert main(["report"]) == 2
    assert message in capsys.readouterr().err


def test_the_page_of_a_session_whose_pictures_are_gone_says_so(session: Path) -> None:
    verdict = Verdict(suite="animals", target="tiny", metric="health", case="case-0", verdict="new")
    (session / "animals" / "tiny" / "images" / "case-0@1.png").unlink()
    page = publish(session, [verdict], Path("baselines")).read_text(encoding="utf-8")
    assert page.count('loading="lazy"') == 1
    assert "the picture is gone</span></span><small>seed 1</small>" in page


def test_the_summary_says_where_the_page_is_and_what_comes_next(session: Path) -> None:
    text = (session / "summary.md").read_text(encoding="utf-8")
    assert text.endswith("Page: `reports/one/index.html`\n\nNext: `sdeval accept reports/one`\n")
    verdict = Verdict(suite="animals", target="tiny", metric="health", case="case-0", verdict="broken")
    publish(session, [verdict], Path("baselines"), Telling(elsewhere=Elsewhere("https://pages.example")))
    text = (session / "summary.md").read_text(encoding="utf-8")
    assert text.endswith("Page: [the page](<https://pages.example>)\n\nNext: `open https://pages.example`\n")


def test_a_page_drawn_again_is_as_strict_as_its_session(session: Path) -> None:
    verdict = Verdict(suite="animals", target="tiny", metric="clip_score", case="", verdict="new")
    page = publish(session, [verdict], Path("baselines"), Telling(strict=True))
    page.unlink()
    assert main(["report"]) == 0
    assert '<header class="bad">' in page.read_text(encoding="utf-8")


def test_a_partial_run_is_not_accepted(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = session / "animals" / "tiny"
    runs.write(replace(runs.read(folder), complete=False), folder)
    assert main(["accept"]) == 2
    assert "is a partial run" in capsys.readouterr().err


def test_what_cannot_be_written_is_told_in_one_line(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("baselines").touch()
    assert main(["accept"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("sdeval: ")
    assert "baselines" in error
    assert len(error.splitlines()) == 1


def test_a_crash_is_not_taken_for_something_worse(
    session: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def crash(*_: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("sdeval.report.folder.redraw", crash)
    assert main(["report"]) == 3
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback")
    assert lines[-1] == "sdeval: this is a mistake of sdeval's own; please report it, with the lines above"


def test_an_interrupted_command_says_so(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sdeval.report.folder.redraw", interrupt)
    assert main(["report"]) == 130


@pytest.mark.parametrize(("command", "code"), [(["--help"], 0), (["acept"], 2), (["report", "--wrong"], 2), ([], 2)])
def test_wrong_arguments_are_usage(command: list[str], code: int) -> None:
    assert main(command) == code
