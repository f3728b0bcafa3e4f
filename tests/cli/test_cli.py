from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import webbrowser
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdeval.baselines import provenance
from sdeval.cli import COMMANDS, _parser, main
from sdeval.comparison import Verdict
from sdeval.history.store import HISTORY, Entry, append
from sdeval.metrics import metric_names
from sdeval.report.markdown import Elsewhere
from sdeval.report.publish import Telling, publish
from sdeval.results import run_folder
from sdeval.results.session_folder import has_ended
from tests.baselines.test_store import contents, on_disk
from tests.conftest import make_run

ENVELOPE = '{"schema": 2, "session": "one", "outcome": "passed", "strict": false, "notes": [], "verdicts": [%s]}'


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A session with one run, published, in the current folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "reports" / "one"
    on_disk(make_run(np.array([[30.0, 31.0], [29.0, 28.0]])), folder / "animals" / "tiny")
    verdict = Verdict(suite="animals", target="tiny", metric="clip_score", case="", verdict="new", current=29.5)
    publish(folder, [verdict])
    return folder


def test_accept_takes_the_latest_session_and_says_old_and_new(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["accept"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "animals on tiny: 4 images new or changed",
        "  clip_score  –  →  29.50",
        "  2 cases with 2 seeds can show a loss of clip_score from 7.55 on (tolerance 0.5), if all cases lose alike",
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


def test_report_generates_the_page_again(session: Path) -> None:
    before = contents(session)
    (session / "index.html").unlink()
    assert main(["report", str(session)]) == 0
    assert contents(session) == before


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["accept", "nowhere"], "sdeval: nowhere: no such folder; `pytest suites` makes a session"),
        (["accept", "."], "sdeval: .: no run in it: run.json is missing; `pytest suites` makes a session"),
        (["report", "."], "sdeval: .: no session in it: verdicts.json is missing"),
        (["open", "nowhere"], "sdeval: nowhere: no such folder"),
        (["report", "nowhere"], "sdeval: nowhere: no such folder"),
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
        (ENVELOPE % '{"a": 1}', "verdicts.json: is corrupt: verdicts[0]: unknown field 'a'. Known: baseline"),
        ("{}", "verdicts.json: is corrupt: schema: is missing"),
        ("[]", "verdicts.json: was written by another version of sdeval; run the suites again: pytest suites"),
        ('{"schema": 1}', "verdicts.json: was written by another version of sdeval"),
        ("[", "verdicts.json: is corrupt: Expecting value"),
    ],
)
def test_a_damaged_session_is_named(session: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    (session / "verdicts.json").write_text(text)
    assert main(["report"]) == 2
    assert message in capsys.readouterr().err


def test_the_page_of_a_session_whose_images_are_gone_says_so(session: Path) -> None:
    verdict = Verdict(suite="animals", target="tiny", metric="defect", case="case-0", verdict="new")
    (session / "animals" / "tiny" / "images" / "case-0@1.png").unlink()
    page = publish(session, [verdict]).page.read_text(encoding="utf-8")
    assert page.count('loading="lazy"') == 3
    assert "the image is gone</span></span><small>seed 1</small>" in page


@pytest.mark.parametrize("reason", ["\udcff", "\x1b[31m"])
def test_a_reason_that_cannot_be_stored_is_named(
    session: Path, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["accept", "--reason", reason]) == 2
    assert capsys.readouterr().err.startswith("sdeval: --reason: must be text without control characters, got ")


@pytest.mark.parametrize("command", ["accept", "report"])
def test_a_link_to_itself_is_no_session(session: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    (session.parent / "latest").unlink()
    (session.parent / "latest").symlink_to("latest")
    assert main([command]) == 2
    assert "reports/latest" in capsys.readouterr().err


def test_accept_says_what_the_session_could_not_generate(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gone = Verdict(suite="zoo", target="tiny", metric="clip_score", case="", verdict="unscored")
    publish(session, [replace(gone, suite="animals"), gone])
    assert main(["accept"]) == 0
    assert "zoo on tiny: has no run in this session, so its baseline stays" in capsys.readouterr().out.splitlines()


def test_a_session_that_ended_can_be_resumed_where_a_run_came_to_nothing(session: Path) -> None:
    (session / "animals" / "dead").mkdir()
    for target in ("dead", "tiny"):
        (session / "animals" / target / "generated.jsonl").touch()
    publish(session, [Verdict(suite="animals", target="dead", metric="defect", case="case-0", verdict="unscored")])
    assert has_ended(session)
    assert [path.parent.name for path in session.rglob("generated.jsonl")] == ["dead"]


def test_the_summary_says_where_the_page_is_and_what_comes_next(session: Path) -> None:
    text = (session / "summary.md").read_text(encoding="utf-8")
    assert text.endswith("Page: `reports/one/index.html`\n\nNext: `sdeval accept reports/one`\n")
    verdict = Verdict(suite="animals", target="tiny", metric="defect", case="case-0", verdict="broken")
    publish(session, [verdict], Telling(elsewhere=Elsewhere("https://pages.example")))
    text = (session / "summary.md").read_text(encoding="utf-8")
    assert text.endswith("Page: [the page](<https://pages.example>)\n\nNext: `open https://pages.example`\n")


def test_a_page_generated_again_is_as_strict_as_its_session(session: Path) -> None:
    verdict = Verdict(suite="animals", target="tiny", metric="clip_score", case="", verdict="new")
    page = publish(session, [verdict], Telling(strict=True)).page
    page.unlink()
    assert main(["report"]) == 0
    assert '<header class="bad">' in page.read_text(encoding="utf-8")


def test_a_partial_run_is_not_accepted(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = session / "animals" / "tiny"
    run_folder.write(replace(run_folder.read(folder), complete=False), folder)
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
    def crash(*_: object, **__: object) -> None:
        raise KeyError("oops")

    monkeypatch.setattr("sdeval.cli.report.rewrite_page", crash)
    assert main(["report"]) == 3
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback")
    assert lines[-1] == "sdeval: internal error of sdeval; please report it, with the lines above"


def test_an_interrupted_command_says_so(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sdeval.cli.report.rewrite_page", interrupt)
    assert main(["report"]) == 130


@pytest.mark.parametrize(("command", "code"), [(["--help"], 0), (["acept"], 2), (["report", "--wrong"], 2), ([], 2)])
def test_wrong_arguments_are_usage(command: list[str], code: int) -> None:
    assert main(command) == code


def again(session: Path, name: str = "two") -> Path:
    """A later session in which every score is one point higher."""
    later = session.parent / name
    on_disk(make_run(np.array([[31.0, 32.0], [30.0, 29.0]])), later / "animals" / "tiny")
    verdict = Verdict(suite="animals", target="tiny", metric="clip_score", case="", verdict="improved", current=30.5)
    publish(later, [verdict])
    return later


def test_some_cases_are_accepted_and_their_scores_told(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accept", "--reason", "the first"]) == 0
    again(session)
    capsys.readouterr()
    assert main(["accept", "-k", "case and not 0", "--reason", "cats are better", "--dry-run"]) == 0
    told = [
        "animals on tiny: 2 images new or changed",
        "  clip_score         29.50  →  30.00",
        "  case-1 clip_score  28.50  →  29.50",
    ]
    assert capsys.readouterr().out.splitlines() == [*told, "nothing written (dry run)"]
    assert main(["accept", "-k", "case and not 0", "--reason", "cats are better"]) == 0
    assert capsys.readouterr().out.splitlines() == [*told, "accepted into baselines; undo with git"]
    entries = provenance.read(Path("baselines/animals/tiny"))
    assert [(each.session, each.reason) for each in entries] == [("one", "the first"), ("two", "cats are better")]


def test_the_scores_of_a_metric_are_accepted_and_images_stay(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accept"]) == 0
    again(session)
    capsys.readouterr()
    assert main(["accept", "--metric", "clip_score"]) == 0
    assert capsys.readouterr().out.splitlines()[:3] == [
        "animals on tiny: images stay",
        "  clip_score         29.50  →  30.50",
        "  case-0 clip_score  30.50  →  31.50",
    ]


def test_twenty_cases_are_told_and_all_where_request(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder, scores in (("one", np.ones((25, 2))), ("two", np.full((25, 2), 2.0))):
        on_disk(make_run(scores), session.parent / folder / "animals" / "tiny")
    assert main(["accept", str(session)]) == 0
    capsys.readouterr()
    two = str(session.parent / "two")
    assert main(["accept", two, "--metric", "clip_score", "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + 20 + 2
    assert lines[-2] == "  … and 5 more; all of them: --verbose"
    assert main(["accept", two, "--metric", "clip_score", "--dry-run", "-v"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2 + 25 + 1
    # Of a whole run cases are reported only where they are asked for.
    assert main(["accept", two, "--dry-run", "-v"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2 + 25 + 2
    assert main(["accept", two, "--dry-run"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4


def approve(path: Path, **changes: object) -> Path:
    one = {"suite": "animals", "target": "tiny", "cases": ["case-1"], "metrics": "all", **changes}
    path.write_text(json.dumps({"schema": 1, "session": "two", "reason": "ticked", "approvals": [one]}))
    return path


@pytest.mark.parametrize("place", ["approvals.json", "reports/two/approvals.json", "elsewhere.json"])
def test_what_was_ticked_is_accepted(session: Path, place: str) -> None:
    assert main(["accept"]) == 0
    again(session)
    again(session, "three")
    assert main(["accept", str(approve(Path(place)))]) == 0
    now = run_folder.read(Path("baselines/animals/tiny"))
    assert [each.scores["clip_score"] for each in now.samples] == [30.0, 31.0, 30.0, 29.0]
    entry = provenance.read(Path("baselines/animals/tiny"))[-1]
    assert (entry.session, entry.reason, entry.cases) == ("two", "ticked", ("case-1",))


def test_a_session_that_lies_elsewhere_is_named_or_beside_the_file(session: Path) -> None:
    assert main(["accept"]) == 0
    away = session.parent.parent / "away"
    again(session).rename(away)
    file = approve(session.parent.parent / "approvals.json")
    assert main(["accept", str(file)]) == 2
    assert main(["accept", str(file), "--from", "away", "--reason", "mine"]) == 0
    assert provenance.read(Path("baselines/animals/tiny"))[-1].reason == "mine"
    (session.parent.parent / "beside").mkdir()
    away.rename(session.parent.parent / "beside" / "two")
    assert main(["accept", str(approve(Path("beside/approvals.json"), cases=["case-0"]))]) == 0


def test_nothing_is_written_where_one_approval_is_refused(session: Path) -> None:
    assert main(["accept"]) == 0
    again(session)
    before = contents(Path("baselines"))
    one = {"suite": "animals", "target": "tiny", "cases": ["case-1"], "metrics": "all"}
    wrong = {**one, "suite": "../../x"}
    content = {"schema": 1, "session": "two", "reason": "", "approvals": [one, wrong]}
    Path("approvals.json").write_text(json.dumps(content))
    assert main(["accept", "approvals.json"]) == 2
    assert contents(Path("baselines")) == before


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["accept", "none.json"], "none.json: no such file; the page of a session exports one"),
        (["accept", "-k", "a b"], "-k 'a b': cannot be read; write words with and, or, not and brackets"),
        (["accept", "-k", "cat"], "-k 'cat': chooses nothing; cases are case-0, case-1"),
        (
            ["accept", "-k", "0"],
            "there is no baseline of animals on tiny yet; accept the whole run first: sdeval accept",
        ),
        (["accept", "--metric", "clip"], "unknown metric 'clip'"),
        (["accept", "--from", "reports"], "--from: is for an approvals.json"),
        (["accept", "approvals.json", "-k", "0"], "approvals.json: says itself what is accepted; leave out -k"),
        (["accept", "approvals.json"], "session: two is neither in "),
    ],
)
def test_what_is_request_wrongly_ends_in_one_line(
    session: Path, command: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    approve(Path("approvals.json"))
    assert main(command) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
    assert not Path("baselines").exists()


def test_without_a_command_it_prints_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "accept" in capsys.readouterr().out


def test_a_mistyped_command_gets_a_near_match_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accpet"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("sdeval: unknown command 'accpet'; did you mean accept?")
    assert said.count("\n") == 1


def test_targets_are_listed_with_those_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.sdeval.targets.ours]\nmodel = "org/ours"\ndtype = "bf16"\n')
    monkeypatch.chdir(tmp_path)
    assert main(["targets"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["ours", "org/ours", "dtype=bfloat16"] in lines
    assert any(line[:2] == ["shapes", "embedded:shapes"] for line in lines)


def test_metrics_are_listed_with_what_they_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert set(metric_names()) < set(lines)
    assert "tolerance 0.3 points" in lines["clip_score"]
    assert "reported only" in lines["psnr"]


HOSTILE = "\x1b]0;title\x07 a\rb \u202e"


def is_harmless(text: str) -> bool:
    return not any(character in text for character in "\x1b\x07\r\u202e")


def test_no_setting_of_a_target_controls_the_terminal(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = json.dumps(HOSTILE)
    Path("pyproject.toml").write_text(f"[tool.sdeval.targets.own]\nmodel = {text}\nsettings = {{ style = {text} }}\n")
    assert main(["targets"]) == 0
    printed = capsys.readouterr().out
    assert r"\x1b]0;title\x07" in printed
    assert is_harmless(printed)


def test_no_name_in_the_history_controls_the_terminal(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.history.test_history import entry, metric_value

    append(session.parent / HISTORY, entry("one", {HOSTILE: metric_value(1.0)}, suite=HOSTILE, target=HOSTILE))
    assert main(["history"]) == 0
    printed = capsys.readouterr().out
    assert r"\x1b]0;title\x07" in printed
    assert is_harmless(printed)


def test_no_setting_that_is_compared_controls_the_terminal(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place, style in enumerate((HOSTILE, "plain")):
        run = make_run(np.array([[30.0, 31.0], [29.0, 28.0]]))
        styled = replace(run, request={**run.request, "settings": {"style": style}})
        on_disk(styled, session.parent / f"session-{place}" / "animals" / "tiny")
    assert main(["compare", "reports/session-0", "reports/session-1"]) == 0
    printed = capsys.readouterr().out
    assert r"\x1b]0;title\x07" in printed
    assert is_harmless(printed)


@pytest.mark.parametrize("command", [[HOSTILE], ["report", HOSTILE], ["accept", "--no", HOSTILE], ["history", HOSTILE]])
def test_no_argument_controls_the_terminal(
    session: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 2
    assert is_harmless(capsys.readouterr().err)


def test_a_mistake_of_sdevals_own_does_not_control_the_terminal(
    session: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(HOSTILE)

    monkeypatch.setattr("sdeval.cli.report.rewrite_page", fail)
    assert main(["report"]) == 3
    assert is_harmless(capsys.readouterr().err)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", ["metrics", "targets", "report", "history", "accept --dry-run", "--help"])
@pytest.mark.parametrize(("redirection", "code"), [(">/dev/full", 2), (">&-", 0), (">&- 2>&-", 0), ("| true", 2)])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_fails_is_one_line(
    session: Path, command: str, redirection: str, code: int, unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    append(session.parent / HISTORY, Entry("one", ()))
    script = f"{sys.executable} -m sdeval.cli {command} {redirection}"
    options = ["-o", "pipefail"] if shutil.which("bash") else []
    process = subprocess.run(["bash", *options, "-c", script], capture_output=True, text=True, check=False)
    assert process.returncode == code, process.stderr
    # A reader that has ended, as `head` does, has what it wanted.
    assert len(process.stderr.splitlines()) == (1 if code and redirection != "| true" else 0)


def examples(command: str, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The examples at the end of a command's help."""
    assert main([command, "--help"]) == 0
    return [line.strip() for line in capsys.readouterr().out.partition("\nexample:\n")[2].splitlines()]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_example_of_a_commands_help_is_a_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = examples(command, capsys)
    words = shlex.split(example)
    arguments = words[words.index("sdeval") + 1 :]
    assert arguments[0] == command
    # Ends the process where argparse does not understand it.
    assert callable(_parser(command).parse_args(arguments).command)


def test_the_page_of_the_latest_session_is_opened(
    session: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    addresses: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: addresses.append(address) or True)
    assert main(["open"]) == 0
    assert addresses == [(session / "index.html").as_uri()]
    assert capsys.readouterr().out == "reports/latest/index.html\n"


def test_without_a_browser_the_page_is_named(
    session: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    assert main(["open", str(session)]) == 2
    printed = capsys.readouterr()
    assert printed.out == "reports/one/index.html\n"
    assert printed.err.startswith("sdeval: there is no browser that can be started here")


def test_a_session_without_a_page_has_nothing_to_open(session: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (session / "index.html").unlink()
    assert main(["open"]) == 2
    assert capsys.readouterr().err == "sdeval: reports/latest: no page in it: index.html is missing\n".replace(
        "reports/latest", str(session.parent / "latest")
    )


def test_all_schedulers_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["targets", "--schedulers"]) == 0
    names = capsys.readouterr().out.splitlines()
    assert {"DPMSolverMultistepScheduler", "EulerDiscreteScheduler"} < set(names)
    assert names == sorted(names)
