from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sdeval.compare import Verdict, collect_evidence, judge_metrics
from sdeval.compare.advice import MOST_SEEDS, MOST_TIMES, Decision, advice
from tests.conftest import CLIP_SCORE, make_run

OPEN = Decision(
    loss=0.2, tolerance=1.0, error=0.6, cases=12, seeds=2, seed_variance=8.0, shown_at=0.001, excluded_at=0.05
)


@given(
    loss=st.floats(-5, 50),
    tolerance=st.floats(0, 5),
    error=st.floats(1e-3, 50),
    cases=st.integers(1, 500),
    seeds=st.integers(1, 16),
    seed_variance=st.floats(0, 100),
)
def test_it_never_asks_for_what_nobody_would_do(**values: float) -> None:
    decision = Decision(shown_at=0.001, excluded_at=0.05, **values)  # type: ignore[arg-type]
    # Otherwise it has passed, and nobody asks.
    assume(decision.wide_enough > decision.tolerance)
    said = advice(decision)
    for count in re.findall(r"(\d+) cases instead", said):
        assert decision.cases < int(count) <= MOST_TIMES * decision.cases
    for count in re.findall(r"(\d+) seeds a case instead", said):
        assert decision.seeds < int(count) <= MOST_SEEDS


def test_no_tolerance_is_advised_that_lets_a_loss_pass() -> None:
    assert advice(replace(OPEN, loss=5.0, error=50.0)) == "worse than its tolerance, and not significant"


def test_a_tolerance_is_advised_where_nothing_less_helps() -> None:
    assert advice(replace(OPEN, error=20.0)) == "a loss as large as its tolerance is not excluded; one of 34 is"


def test_where_nothing_is_known_more_of_both_is_advised() -> None:
    assert advice(replace(OPEN, error=float("inf"))).startswith("so few cases and seeds do not show")


def judged(rng: np.random.Generator, cases: int, seeds: int, loss: float) -> Verdict:
    before, after = (rng.normal(90, 1, size=(cases, seeds)) for _ in range(2))
    metrics = {"clip_score": replace(CLIP_SCORE, tolerance=1.0)}
    sides = [replace(make_run(each), metrics=metrics) for each in (after - loss, before)]
    return judge_metrics([collect_evidence(*sides, "clip_score")])[0]


@pytest.mark.parametrize(("loss", "decided"), [(0.3, "passed"), (1.4, "regressed")])
def test_as_many_cases_as_it_says_decide(loss: float, decided: str) -> None:
    rng = np.random.default_rng(1)
    told = []
    for _ in range(60):
        said = judged(rng, 8, 2, loss)
        told += [int(count) for count in re.findall(r"(\d+) cases instead", said.reason)]
    needed = int(np.median(told))
    found = [judged(rng, needed, 2, loss).verdict for _ in range(60)]
    assert found.count(decided) / 60 > 0.6
