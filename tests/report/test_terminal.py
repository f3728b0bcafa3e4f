from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sdeval._utils.formatting import number, probability, with_sign
from sdeval.comparison import Kind, Verdict
from sdeval.report.terminal import Further, explain, next_command, summary_lines
from sdeval.report.words import notes_on_skipped

LOST = Verdict(
    suite="animals",
    target="tiny",
    metric="clip_score",
    case="",
    verdict="regressed",
    baseline=31.5,
    current=28.25,
    change=-3.25,
    low=-4.0,
    high=-2.5,
    tolerance=0.5,
    p_value=0.0002,
    n=24,
)
BLACK = Verdict(suite="animals", target="tiny", metric="defect", case="cat", verdict="broken", reason="seed 0 is black")
FINE = Verdict(suite="animals", target="tiny", metric="defect", case="dog", verdict="passed")


def test_an_item_begins_with_its_verdict() -> None:
    said = "clip_score 31.50 → 28.25 (-3.25, tolerance 0.5; 95% bounds -4.00 and -2.50; p <0.001, n=24)"
    assert explain(LOST) == f"regressed: {said}"
    assert explain(BLACK) == "broken: seed 0 is black"


def test_the_summary_is_counts_worst_first_page_and_one_command(tmp_path: Path) -> None:
    lines = summary_lines([FINE, LOST, BLACK], tmp_path / "reports" / "x" / "index.html", tmp_path, 120)
    assert lines[:2] == ["✗ Something got worse: 1 broken, 1 regressed", "1 broken, 1 regressed, 1 passed"]
    assert [line.split()[1] for line in lines[4:6]] == ["broken", "regressed"]
    assert lines[-2:] == ["page: reports/x/index.html", "next: open reports/x/index.html"]
    assert not any("dog" in line for line in lines)


def test_notes_stand_before_the_page(tmp_path: Path) -> None:
    page = tmp_path / "reports" / "x" / "index.html"
    lines = summary_lines([FINE], page, tmp_path, 120, ["one", "another"])
    assert lines[-6:-2] == ["", "note: one", "note: another", ""]


def test_what_further_commands_need_is_in_the_next_one() -> None:
    new = [Verdict(suite="a", target="b", metric="c", case="", verdict="new")]
    page = Path("r/latest/index.html")
    assert next_command(new, page, Further(flags=" --baselines qa")) == "sdeval accept r/latest --baselines qa"
    assert next_command(new, page, Further(again="pytest --sdeval-all-seeds")) == "pytest --sdeval-all-seeds"


def test_a_case_that_asks_for_something_else_has_its_line(tmp_path: Path) -> None:
    added = replace(FINE, case="bird", verdict="new", reason="prompt changed")
    lines = summary_lines([LOST, FINE, added], tmp_path / "index.html", tmp_path, 120)
    assert [line.split()[1] for line in lines[4:6]] == ["regressed", "new"]


def test_a_suite_without_any_baseline_does_not_list_its_cases(tmp_path: Path) -> None:
    added = replace(FINE, case="bird", verdict="new", reason="no baseline for this suite and target")
    assert not any("bird" in line for line in summary_lines([added], tmp_path / "index.html", tmp_path, 120))


LONG = "because " * 40


def test_columns_line_up(tmp_path: Path) -> None:
    lines = summary_lines([replace(LOST, verdict="passed"), LOST], tmp_path / "x" / "p", tmp_path, 120)
    assert lines[3].index("suite") == lines[4].index("animals") == lines[5].index("animals")


@pytest.mark.parametrize("width", [80, 100, 120, 200])
@pytest.mark.parametrize("kind", ["broken", "passed", "informational"])
def test_every_reason_is_whole(kind: Kind, width: int, tmp_path: Path) -> None:
    lines = summary_lines([replace(BLACK, case="", verdict=kind, reason=LONG)], tmp_path / "x" / "p", tmp_path, width)
    assert max(map(len, lines)) <= width
    assert sum(line.count("because") for line in lines) == 40


def test_what_is_left_out_is_counted_by_kind(tmp_path: Path) -> None:
    metrics = [replace(LOST, metric=f"m{at}", verdict="passed" if at < 16 else "informational") for at in range(21)]
    lines = summary_lines(metrics, tmp_path / "x" / "p", tmp_path, 120)
    assert "… and 7 more on the page: 2 passed, 5 informational" in lines


@pytest.mark.parametrize(
    ("verdict", "strict", "colour"),
    [
        (LOST, False, "31"),
        (replace(LOST, verdict="inconclusive", fatal=True), False, "31"),
        (replace(LOST, verdict="new"), True, "31"),
        (replace(LOST, verdict="inconclusive"), False, "33"),
        (replace(LOST, verdict="improved", change=3.25), False, "32"),
    ],
    ids=["regressed", "fatal", "strict", "beyond", "improved"],
)
def test_rows_are_coloured_by_their_verdict(verdict: Verdict, strict: bool, colour: str, tmp_path: Path) -> None:
    further = Further(strict=strict)
    lines = summary_lines([verdict], tmp_path / "x" / "p", tmp_path, 120, (), further, colour=True)
    assert lines[4].startswith(f"\x1b[{colour}m")


@pytest.mark.parametrize("kind", ["new", "passed", "informational", "inconclusive"])
def test_rows_that_nobody_must_look_at_have_no_colour(kind: Kind, tmp_path: Path) -> None:
    verdict = replace(LOST, verdict=kind, change=-0.25)
    lines = summary_lines([verdict], tmp_path / "x" / "p", tmp_path, 120, colour=True)
    assert "\x1b" not in lines[4]


def test_without_colour_no_line_holds_an_escape_sequence(tmp_path: Path) -> None:
    assert "\x1b" not in "".join(summary_lines([LOST, BLACK], tmp_path / "x" / "p", tmp_path, 120))


DOUBT = replace(LOST, verdict="inconclusive", p_value=0.04)


def test_a_strict_session_ends_with_what_it_let_pass(tmp_path: Path) -> None:
    verdicts = [DOUBT, replace(LOST, case="dog", verdict="not_significant")]
    last = summary_lines(verdicts, tmp_path / "x" / "p", tmp_path, 120, (), Further(strict=True))[-1]
    assert last.startswith("let pass: 1 inconclusive (1 beyond their tolerance), 1 case beyond a tolerance")
    assert 'inconclusive="fail"' in last


def test_what_fails_was_not_let_pass(tmp_path: Path) -> None:
    lines = summary_lines([replace(DOUBT, fatal=True)], tmp_path / "x" / "p", tmp_path, 120, (), Further(strict=True))
    assert not any(line.startswith("let pass") for line in lines)


@pytest.mark.parametrize(
    ("kinds", "command"),
    [
        (["passed"], "open r/latest/index.html"),
        (["passed", "new"], "sdeval accept r/latest"),
        (["improved"], "sdeval accept r/latest"),
        (["not_comparable"], "sdeval accept r/latest"),
        (["regressed", "new"], "open r/latest/index.html"),
    ],
)
def test_the_next_command_follows_the_verdicts(kinds: list[Kind], command: str) -> None:
    verdicts = [Verdict(suite="a", target="b", metric="c", case="", verdict=kind) for kind in kinds]
    assert next_command(verdicts, Path("r/latest/index.html")) == command


GONE = Verdict(suite="a", target="b", metric="c", case="", verdict="skipped", reason="no weights")


def test_what_is_not_here_is_no_run_to_accept() -> None:
    new = Verdict(suite="a", target="b", metric="d", case="", verdict="new")
    assert next_command([new, GONE], Path("r/latest/index.html")) == "open r/latest/index.html"


def test_what_is_not_here_is_told_once_a_target() -> None:
    few = replace(GONE, verdict="inconclusive", reason="too few cases")
    verdicts = [GONE, replace(GONE, case="cat"), few, replace(GONE, verdict="unscored")]
    assert notes_on_skipped(verdicts) == ["a on b: no weights"]


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.0, "0"), (0.01234, "0.0123"), (-31.686, "-31.69"), (float("inf"), "∞")]
)
def test_numbers(value: float | None, text: str) -> None:
    assert number(value) == text


def test_changes_and_probabilities() -> None:
    assert (with_sign(2.0), with_sign(-2.0), with_sign(None)) == ("+2.00", "-2.00", "–")
    assert (probability(0.0001), probability(0.25), probability(None)) == ("<0.001", "0.250", "–")


def test_no_text_of_a_session_controls_the_terminal(tmp_path: Path) -> None:
    hostile = replace(BLACK, reason="\x1b[31m \u202e")
    assert explain(hostile) == r"broken: \x1b[31m \u202e"
    further = Further(resume="pytest \x1b[31m")
    shown = "\n".join(summary_lines([hostile], tmp_path / "x" / "\x07", tmp_path, 120, ["a note \x1b[31m\r"], further))
    assert not any(character in shown for character in "\x1b\x07\r\u202e")


def test_a_session_that_could_not_be_written_whole_is_to_be_resumed(tmp_path: Path) -> None:
    lines = summary_lines([FINE], tmp_path / "x" / "p", tmp_path, 120, (), Further(resume="pytest --sdeval-resume"))
    assert lines[-1] == "next: see to what could not be written, then: pytest --sdeval-resume"
    assert not any(line.startswith("page:") for line in lines)
