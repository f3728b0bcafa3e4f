from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from sdeval.comparison import Circumstances, Verdict, collect_evidence, judge_metrics
from sdeval.comparison.decision import MOST_SEEDS, MOST_TIMES, Decision
from sdeval.comparison.wording import inconclusive
from tests.conftest import CLIP_SCORE, make_run

OPEN = Decision(
    loss=0.2,
    tolerance=1.0,
    error=0.6,
    cases=12,
    seeds=2,
    seed_variance=8.0,
    shown_at=0.001,
    excluded_at=0.05,
    session_level=0.008,
    wide_enough=1.19,
)


def still_open(decision: Decision) -> Decision:
    """With the bound that it has by the normal distribution; otherwise it has passed, and nobody asks."""
    decision = replace(decision, wide_enough=decision.loss + 1.645 * decision.error)
    assume(decision.wide_enough > decision.tolerance)
    return decision


@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(
    loss=st.floats(-5, 50),
    tolerance=st.floats(0, 5),
    error=st.floats(1e-3, 50),
    cases=st.integers(1, 500),
    seeds=st.integers(1, 16),
    seed_variance=st.floats(0, 100),
)
def test_it_never_asks_for_what_nobody_would_do(**values: float) -> None:
    decision = still_open(replace(OPEN, **values))
    said = inconclusive(decision)
    for count in re.findall(r"(\d+) cases instead", said):
        assert decision.cases < int(count) <= MOST_TIMES * decision.cases
    for count in re.findall(r"(\d+) seeds a case instead", said):
        assert decision.seeds < int(count) <= MOST_SEEDS


def test_no_tolerance_is_advised_that_lets_a_loss_pass() -> None:
    assert inconclusive(replace(OPEN, loss=5.0, error=50.0)) == (
        "worse than its tolerance, but chance does that in more than 0.8% of sessions"
    )


def test_a_tolerance_is_advised_where_nothing_less_helps() -> None:
    assert inconclusive(replace(OPEN, error=20.0, wide_enough=33.1)) == (
        "not enough data to tell whether the loss exceeds the tolerance; a loss of 34 is excluded"
    )


@pytest.mark.parametrize(
    ("wide_enough", "excluded"), [(33.1, "34"), (34.0, "35"), (0.0331, "0.034"), (331.0, "340"), (9.95, "10")]
)
def test_the_loss_that_is_excluded_is_the_next_number_of_two_digits(wide_enough: float, excluded: str) -> None:
    reason = inconclusive(replace(OPEN, error=20.0, wide_enough=wide_enough))
    assert reason.endswith(f"; a loss of {excluded} is excluded")


def test_where_nothing_is_known_more_of_both_is_advised() -> None:
    assert inconclusive(replace(OPEN, error=float("inf"))).startswith("there are too few cases and seeds")


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


def stated(before: np.ndarray, after: np.ndarray, tolerance: float) -> Verdict:
    """The verdict with a tolerance."""
    metrics = {"clip_score": replace(CLIP_SCORE, tolerance=tolerance)}
    sides = (replace(make_run(each), metrics=metrics) for each in (after, before))
    return judge_metrics([collect_evidence(*sides, "clip_score")])[0]


def advised_tolerances(cases: int) -> list[tuple[np.ndarray, np.ndarray, Verdict, float]]:
    """Both sides of suites whose spread is so wide that nothing but a tolerance is advised, and which."""
    found = []
    for number in range(40):
        rng = np.random.default_rng((number, cases))
        level = rng.normal(90, 3, (cases, 1))
        before, after = (level + rng.normal(0, 6, (cases, 2)) for _ in range(2))
        said = stated(before, after, 0.1)
        found += [
            (before, after, said, float(each)) for each in re.findall(r"a loss of ([\d.e+]+) is excluded$", said.reason)
        ]
    assert len(found) >= 5
    return found


@pytest.mark.parametrize("cases", [3, 8, 24])
def test_an_advised_tolerance_is_beyond_the_bound_in_its_row(cases: int) -> None:
    for _, _, said, advised in advised_tolerances(cases):
        assert said.low is not None
        assert advised >= -said.low


@pytest.mark.parametrize("cases", [3, 8, 24])
def test_with_an_advised_tolerance_it_passes(cases: int) -> None:
    for before, after, _, advised in advised_tolerances(cases):
        assert stated(before, after, advised).verdict == "passed"


@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(loss=st.floats(-5, 50), tolerance=st.floats(1e-6, 5), error=st.floats(1e-3, 50), cases=st.integers(1, 500))
def test_a_tolerance_is_advised_only_for_losses_within_it_and_is_wide_enough(**values: float) -> None:
    decision = still_open(replace(OPEN, **values))
    advised = re.findall(r"a loss of ([\d.e+-]+) is excluded$", inconclusive(decision))
    assert not (advised and decision.loss > decision.tolerance)
    assert all(float(each) >= decision.wide_enough * (1 - 1e-5) for each in advised)


def test_the_tolerance_that_it_has_is_not_advised() -> None:
    before = np.full((24, 2), 32.0)
    said = stated(before, before - 0.5, 0.5)
    assert said.verdict == "inconclusive"
    assert all(float(each) > 0.5 for each in re.findall(r"a loss of ([\d.e+]+) is excluded$", said.reason))


def generated_with(seeds: int, number: int) -> Verdict:
    """A suite of 32 cases, of which every image is generated again and nothing else changed; seeds differ by 2."""
    rng = np.random.default_rng((number, 8))
    level = rng.normal(90, 3, (32, 1))
    before, after = (level + rng.normal(0, 2, (32, 16)) for _ in range(2))
    circumstances = Circumstances(all_seeds=make_run(before))
    sides = (make_run(each[:, :seeds]) for each in (after, before))
    return judge_metrics([collect_evidence(*sides, "clip_score", circumstances=circumstances)])[0]


def test_as_many_seeds_as_it_says_decide() -> None:
    reasons = [generated_with(2, number).reason for number in range(60)]
    told = [int(count) for reason in reasons for count in re.findall(r"(\d+) seeds a case", reason)]
    assert len(told) >= 10
    needed = int(np.median(told))
    passed = [generated_with(needed, 1000 + number).verdict == "passed" for number in range(60)]
    assert np.mean(passed) > 0.6


@pytest.mark.parametrize("reach", [0.0, 8.0])
def test_more_seeds_are_no_advice_where_seeds_are_not_what_varies(reach: float) -> None:
    assert ("seeds a case" in inconclusive(replace(OPEN, seed_variance=reach))) == (reach > 0)


def test_a_tolerance_of_next_to_nothing_is_no_crash() -> None:
    assert inconclusive(replace(OPEN, loss=0.0, tolerance=1e-160, error=1.0, cases=1))


def test_a_loss_beyond_the_tolerance_is_shown_four_times_in_five_with_the_error_that_it_needs() -> None:
    decision = replace(OPEN, loss=3.0)
    assert norm.sf(norm.isf(0.001) - 3.0 / decision.needed_error) == pytest.approx(0.8)


@pytest.mark.parametrize("loss", [0.2, 0.0, -0.5])
def test_a_loss_within_the_tolerance_passes_four_times_in_five_with_the_error_that_it_needs(loss: float) -> None:
    decision = replace(OPEN, loss=loss)
    assert norm.sf(norm.isf(0.05) - (1.0 - loss) / decision.needed_error) == pytest.approx(0.8)


decisions = st.builds(
    Decision,
    loss=st.floats(-2, 5),
    tolerance=st.just(1.0),
    error=st.floats(0.05, 5),
    cases=st.integers(1, 60),
    seeds=st.integers(1, 12),
    seed_variance=st.floats(0, 100),
    shown_at=st.floats(1e-4, 0.01),
    excluded_at=st.floats(0.01, 0.05),
    session_level=st.just(0.008),
    wide_enough=st.just(9.0),
)


def seeds_by_trying(decision: Decision) -> int | None:
    """The fewest further seeds with which the error is small enough; seeds change only their part of it."""
    by_seeds = min(decision.seed_variance / decision.seeds / decision.cases, decision.error**2)
    for seeds in range(decision.seeds + 1, 17):
        if decision.error**2 - by_seeds + by_seeds * decision.seeds / seeds <= decision.needed_error**2:
            return seeds
    return None


def cases_by_trying(decision: Decision) -> int | None:
    """The fewest further cases with which the error is small enough; four times as many at most."""
    for cases in range(decision.cases + 1, 4 * decision.cases + 1):
        if decision.error**2 * decision.cases / cases <= decision.needed_error**2:
            return cases
    return None


@given(decisions)
@settings(max_examples=500, deadline=None)
def test_the_fewest_seeds_and_cases_that_decide_are_advised(decision: Decision) -> None:
    # Where the error is small enough already, it is by chance that nothing was decided.
    assume(decision.error > 1.001 * decision.needed_error > 0)
    assert decision.advised_seeds == seeds_by_trying(decision)
    assert decision.advised_cases == cases_by_trying(decision)


def test_up_to_sixteen_seeds_and_four_times_the_cases_are_advised() -> None:
    """An error that is twice too large, and all of it by seeds."""
    needed = OPEN.needed_error
    decision = replace(OPEN, error=2 * needed, cases=3, seeds=4, seed_variance=4 * needed**2 * 4 * 3)
    few = replace(decision, error=1.999 * needed, seed_variance=1.999**2 * needed**2 * 4 * 3)
    more = replace(decision, error=2.01 * needed, seed_variance=2.01**2 * needed**2 * 4 * 3)
    assert (few.advised_seeds, few.advised_cases) == (16, 12)
    assert (more.advised_seeds, more.advised_cases) == (None, None)


def test_a_loss_of_exactly_the_tolerance_without_any_error_needs_nothing_more() -> None:
    decision = replace(OPEN, loss=1.0, error=0.0)
    assert (decision.advised_seeds, decision.advised_cases) == (None, None)
    assert decision.is_beyond
