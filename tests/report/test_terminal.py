from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len

from sdeval._utils.formatting import number, probability, with_sign
from sdeval.comparison import Kind, Verdict
from sdeval.engines.hardware import NO_GPU
from sdeval.report.terminal import FEW, Further, explain, next_command, summary_lines
from sdeval.report.words import SYMBOLS, notes_on_skipped
from sdeval.results.verdict import KINDS

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


def kinds_of(lines: list[str]) -> list[str]:
    """Verdicts of the rows of a summary."""
    rows = [line for line in lines[4 : lines.index("", 4)] if line[0] in SYMBOLS.values()]
    return [line[2:].partition("  ")[0] for line in rows]


def test_an_item_begins_with_its_verdict() -> None:
    said = "clip_score 31.50 → 28.25 (-3.25, tolerance 0.5; 95% bounds -4.00 and -2.50; p <0.001, n=24)"
    assert explain(LOST) == f"regressed: {said}"
    assert explain(BLACK) == "broken: seed 0 is black"


def test_the_summary_is_counts_worst_first_page_and_one_command(tmp_path: Path) -> None:
    lines = summary_lines([FINE, LOST, BLACK], tmp_path / "reports" / "x" / "index.html", tmp_path, 120)
    assert lines[:2] == ["✗ Something got worse: 1 broken, 1 regressed", "1 broken, 1 regressed, 1 passed"]
    assert kinds_of(lines) == ["broken", "regressed", "passed"]
    assert lines[-2:] == ["page: reports/x/index.html", "next: sdeval open reports/x"]


def test_of_many_verdicts_cases_that_are_fine_have_no_row(tmp_path: Path) -> None:
    lines = summary_lines([LOST, *(replace(FINE, case=f"dog-{at}") for at in range(20))], tmp_path / "p", tmp_path, 120)
    assert kinds_of(lines) == ["regressed"]


def test_a_row_has_its_unit_and_as_many_decimals_as_its_tolerance_needs(tmp_path: Path) -> None:
    fast = replace(
        LOST, metric="seconds_per_image", unit="s", baseline=0.0042, current=0.0061, change=0.0019, tolerance=0.00042
    )
    large = replace(LOST, metric="peak_memory", unit="MiB", baseline=9216, current=10240, change=1024, tolerance=460)
    lines = summary_lines([fast, large], tmp_path / "p", tmp_path, 160)
    rows = {line.split()[4]: line.split()[5:10] for line in lines if line.startswith("▼")}
    assert rows["seconds_per_image"] == ["0.00420", "0.00610", "+0.00190", "0.00042", "s"]
    assert rows["peak_memory"] == ["9.00", "10.00", "+1.00", "0.45", "GiB"]


def test_notes_stand_before_the_page(tmp_path: Path) -> None:
    page = tmp_path / "reports" / "x" / "index.html"
    lines = summary_lines([FINE], page, tmp_path, 120, ["one", "another"])
    assert lines[-6:-2] == ["", "note: one", "note: another", ""]


def test_what_differs_from_the_baseline_is_below_the_counts(tmp_path: Path) -> None:
    changed = ("num_inference_steps: 20 → 2", *(f"library {number}: 1 → 2" for number in range(5)))
    lines = summary_lines([LOST], tmp_path / "p", tmp_path, 300, further=Further(changed=changed))
    expected = "what changed: num_inference_steps: 20 → 2; library 0: 1 → 2; library 1: 1 → 2; library 2: 1 → 2"
    assert lines[2] == f"{expected}; 2 more on the page"


def test_where_nothing_differs_no_line_says_so(tmp_path: Path) -> None:
    assert not any("what changed" in line for line in summary_lines([LOST], tmp_path / "p", tmp_path, 300))


def test_what_further_commands_need_is_in_the_next_one() -> None:
    new = [Verdict(suite="a", target="b", metric="c", case="", verdict="new")]
    page = Path("r/latest/index.html")
    assert next_command(new, page, Further(flags=" --baselines qa")) == "sdeval accept r/latest --baselines qa"
    assert next_command(new, page, Further(again="pytest --sdeval-all-seeds")) == "pytest --sdeval-all-seeds"


def test_a_case_that_asks_for_something_else_has_its_line(tmp_path: Path) -> None:
    added = replace(FINE, case="bird", verdict="new", reason="prompt changed")
    lines = summary_lines([LOST, FINE, added], tmp_path / "index.html", tmp_path, 120)
    assert [line.split()[1] for line in lines[4:6]] == ["regressed", "new"]


@pytest.mark.parametrize("cases", [1, 21])
def test_a_suite_without_any_baseline_does_not_list_its_cases(cases: int, tmp_path: Path) -> None:
    new = replace(LOST, verdict="new", reason="no baseline for this suite and target")
    verdicts = [new, *(replace(new, case=f"bird-{at}") for at in range(cases))]
    lines = summary_lines(verdicts, tmp_path / "index.html", tmp_path, 120)
    assert kinds_of(lines) == ["new"]
    assert not any("bird" in line for line in lines)


LONG = "because " * 40


@pytest.mark.parametrize("kind", ["passed", "informational", "new", "improved", "not_significant"])
def test_every_selected_row_is_shown_where_they_are_few(kind: Kind, tmp_path: Path) -> None:
    verdicts = [replace(FINE, case=f"dog-{at}", verdict=kind) for at in range(FEW)]
    lines = summary_lines(verdicts, tmp_path / "x" / "p", tmp_path, 120)
    assert kinds_of(lines) == [kind.replace("_", " ")] * FEW
    assert not any("more on the page" in line for line in lines)


@pytest.mark.parametrize("width", [60, 80, 120, 220])
@pytest.mark.parametrize("kind", ["broken", "regressed", "inconclusive", "not_significant"])
def test_the_reason_of_what_failed_or_is_undecided_has_a_line_of_its_own(
    kind: Kind, width: int, tmp_path: Path
) -> None:
    lines = summary_lines([replace(BLACK, verdict=kind)], tmp_path / "x" / "p", tmp_path, width)
    assert "    seed 0 is black" in lines


@pytest.mark.parametrize("width", range(60, 221, 20))
def test_no_line_is_wider_than_the_terminal(width: int, tmp_path: Path) -> None:
    verdicts = [
        *(replace(LOST, verdict=kind, reason=LONG, case="a-woman-with-a-hat-and-an-umbrella") for kind in KINDS),
        replace(LOST, suite="portraits-of-people", target="sdxl-dpmpp-2m-karras", metric="region_clip_score"),
    ]
    notes = ["a note of many words " * 20]
    lines = summary_lines(verdicts, Path("x/p"), tmp_path, width, notes, Further(strict=True))
    assert max(map(cell_len, lines)) <= width


def test_a_path_and_the_next_command_are_each_in_one_line(tmp_path: Path) -> None:
    page = tmp_path / ("deep/" * 20) / "index.html"
    *_, place, command = summary_lines([FINE], page, Path("/elsewhere"), 60)
    assert (place, command) == (f"page: {page}", f"next: sdeval open {page.parent}")


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


@pytest.mark.parametrize(
    ("verdict", "colour"),
    [
        (LOST, "1;31"),
        (replace(LOST, verdict="inconclusive"), "1;33"),
        (replace(LOST, verdict="passed"), "1;32"),
        (replace(LOST, verdict="new"), "1;33"),
    ],
    ids=["bad", "warn", "good", "open"],
)
@pytest.mark.parametrize("width", [20, 120])
def test_the_headline_has_the_colour_of_its_tone(verdict: Verdict, colour: str, width: int, tmp_path: Path) -> None:
    lines = summary_lines([verdict], tmp_path / "x" / "p", tmp_path, width, colour=True)
    headline = lines[: next(at for at, line in enumerate(lines) if line.startswith("1 "))]
    assert headline
    assert all(line.startswith(f"\x1b[{colour}m") for line in headline)


def test_without_colour_no_line_holds_an_escape_sequence(tmp_path: Path) -> None:
    assert "\x1b" not in "".join(summary_lines([LOST, BLACK], tmp_path / "x" / "p", tmp_path, 120))


DOUBT = replace(LOST, verdict="inconclusive", p_value=0.04)


def test_a_strict_session_ends_with_what_it_let_pass(tmp_path: Path) -> None:
    verdicts = [DOUBT, replace(LOST, case="dog", verdict="not_significant")]
    last = summary_lines(verdicts, tmp_path / "x" / "p", tmp_path, 200, (), Further(strict=True))[-1]
    assert last.startswith("let pass: 1 inconclusive (1 beyond their tolerance), 1 case beyond a tolerance")
    assert 'inconclusive="fail"' in last


def test_what_fails_was_not_let_pass(tmp_path: Path) -> None:
    lines = summary_lines([replace(DOUBT, fatal=True)], tmp_path / "x" / "p", tmp_path, 120, (), Further(strict=True))
    assert not any(line.startswith("let pass") for line in lines)


@pytest.mark.parametrize(
    ("kinds", "command"),
    [
        (["passed"], "sdeval open r/latest"),
        (["passed", "new"], "sdeval accept r/latest"),
        (["improved"], "sdeval accept r/latest"),
        (["not_comparable"], "sdeval accept r/latest"),
        (["regressed", "new"], "sdeval open r/latest"),
    ],
)
def test_the_next_command_follows_the_verdicts(kinds: list[Kind], command: str) -> None:
    verdicts = [Verdict(suite="a", target="b", metric="c", case="", verdict=kind) for kind in kinds]
    assert next_command(verdicts, Path("r/latest/index.html")) == command


GONE = Verdict(suite="a", target="b", metric="c", case="", verdict="skipped", reason="no weights")


def test_what_is_not_here_is_no_run_to_accept() -> None:
    new = Verdict(suite="a", target="b", metric="d", case="", verdict="new")
    assert next_command([new, GONE], Path("r/latest/index.html")) == "sdeval open r/latest"


def test_what_is_not_here_is_told_once_a_target() -> None:
    few = replace(GONE, verdict="inconclusive", reason="too few cases")
    verdicts = [GONE, replace(GONE, case="cat"), few, replace(GONE, verdict="unscored")]
    assert notes_on_skipped(verdicts) == ["a on b: no weights"]


def test_what_needs_a_gpu_is_told_once_in_all() -> None:
    needing = replace(GONE, target="sd15", reason=f"target sd15 {NO_GPU}")
    verdicts = [needing, replace(needing, suite="photographs"), GONE]
    assert notes_on_skipped(verdicts) == ["2 items need a GPU: not run here", "a on b: no weights"]
    assert notes_on_skipped([needing]) == ["1 item needs a GPU: not run here"]


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
