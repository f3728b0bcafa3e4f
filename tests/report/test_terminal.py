from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sdeval.compare import Verdict
from sdeval.report.terminal import explain, summary_lines
from sdeval.report.words import number, probability, signed, told_not_here

LOST = Verdict(
    suite="animals",
    target="tiny",
    metric="clip_score",
    case="",
    verdict="regressed",
    baseline=31.5,
    current=28.25,
    delta=-3.25,
    low=-4.0,
    high=-2.5,
    tolerance=0.5,
    p_value=0.0002,
    n=24,
)
BLACK = Verdict(suite="animals", target="tiny", metric="health", case="cat", verdict="broken", reason="seed 0 is black")
FINE = Verdict(suite="animals", target="tiny", metric="health", case="dog", verdict="passed")


def test_an_item_begins_with_its_verdict() -> None:
    said = "clip_score 31.50 → 28.25 (-3.25, allowed 0.5; 95% interval -4.00 to -2.50; p <0.001, n=24)"
    assert explain(LOST) == f"regressed: {said}"
    assert explain(BLACK) == "broken: health: seed 0 is black"


def test_the_summary_is_counts_worst_first_page_and_one_command(tmp_path: Path) -> None:
    lines = summary_lines([FINE, LOST, BLACK], tmp_path / "reports" / "x" / "index.html", tmp_path, 120)
    assert lines[0] == "1 broken, 1 regressed, 1 passed"
    assert [line.split()[1] for line in lines[3:5]] == ["broken", "regressed"]
    assert lines[-2:] == ["page: reports/x/index.html", "next: open reports/x/index.html"]
    assert not any("dog" in line for line in lines)


def test_what_is_not_here_is_told_once_a_target() -> None:
    gone = Verdict(suite="a", target="b", metric="c", case="", verdict="inconclusive", reason="no weights")
    few = replace(gone, n=3, reason="too few cases")
    assert told_not_here([gone, replace(gone, case="cat"), few, replace(gone, verdict="unscored")]) == [
        "a on b: no weights"
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (0.0, "0"), (0.01234, "0.0123"), (-31.686, "-31.69"), (float("inf"), "∞")]
)
def test_numbers(value: float | None, text: str) -> None:
    assert number(value) == text


def test_changes_and_probabilities() -> None:
    assert (signed(2.0), signed(-2.0), signed(None)) == ("+2.00", "-2.00", "–")
    assert (probability(0.0001), probability(0.25), probability(None)) == ("<0.001", "0.250", "–")
