from __future__ import annotations

import math
from dataclasses import replace

import pytest

from sdeval.comparison import Kind, Verdict, summary, worst_first
from sdeval.results.verdict import FAILING, KINDS

BASE = Verdict(suite="animals", target="tiny", metric="clip_score", case="", verdict="passed", tolerance=0.5)


@pytest.mark.parametrize("kind", KINDS)
def test_which_verdicts_fail(kind: Kind) -> None:
    said = replace(BASE, verdict=kind)
    assert said.fails(strict=False) == (kind in ("broken", "regressed", "not_comparable", "unscored"))
    assert said.fails(strict=True) == (kind in (*FAILING, "new"))


def test_what_is_inconclusive_fails_where_it_is_fatal() -> None:
    assert replace(BASE, verdict="inconclusive", fatal=True).fails(strict=False)


@pytest.mark.parametrize(
    ("kind", "change", "warns"),
    [
        ("inconclusive", -0.6, True),
        ("inconclusive", -0.5, False),
        ("inconclusive", -0.4, False),
        ("inconclusive", 0.6, False),
        ("not_significant", -0.6, True),
        ("passed", -0.6, False),
    ],
)
def test_what_lies_beyond_its_tolerance_and_is_not_shown_warns(kind: Kind, change: float, warns: bool) -> None:
    said = replace(BASE, verdict=kind, change=change)
    assert said.warns == warns
    assert replace(said, higher_is_better=False, change=-change).warns == warns


def test_a_loss_beyond_a_tolerance_of_nothing_warns_too() -> None:
    assert replace(BASE, verdict="inconclusive", change=-0.6, tolerance=0.0).warns


@pytest.mark.parametrize(
    ("change", "tolerance", "loss"),
    [
        (-1.0, 0.5, 2.0),
        (1.0, 0.5, -2.0),
        (-1.0, 0.0, math.inf),
        (1.0, 0.0, -math.inf),
        (0.0, 0.0, 0.0),
        (-1.0, None, 0),
    ],
)
def test_a_loss_is_told_in_tolerances(change: float, tolerance: float | None, loss: float) -> None:
    verdict = replace(BASE, change=change, tolerance=tolerance)
    assert verdict.loss == loss
    assert replace(verdict, higher_is_better=False).loss == -loss


def test_the_worst_comes_first_and_whole_suites_before_their_cases() -> None:
    case = replace(BASE, case="cat", verdict="regressed", change=-9.0)
    metric, other = (replace(BASE, verdict="regressed", change=change) for change in (-1.0, -2.0))
    broken = replace(BASE, case="dog", verdict="broken")
    assert worst_first([BASE, case, metric, other, broken]) == [broken, other, metric, case, BASE]


def test_equals_stay_in_their_order() -> None:
    same = [replace(BASE, case=name) for name in ("b", "a", "c")]
    assert worst_first(same) == same


def test_a_summary_counts_worst_first_without_zeros() -> None:
    kinds: tuple[Kind, ...] = ("passed", "not_significant", "new", "passed")
    assert list(summary([replace(BASE, verdict=kind) for kind in kinds]).items()) == [
        ("new", 1),
        ("not_significant", 1),
        ("passed", 2),
    ]
