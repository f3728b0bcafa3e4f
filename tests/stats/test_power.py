"""What a suite is said to show before anything is generated, against what it shows in simulation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from sdeval import stats
from sdeval.comparison import ALPHA_METRICS, Circumstances, MetricEvidence, collect_evidence, judge_metrics
from sdeval.results.run import Run
from tests.conftest import CLIP_SCORE, make_run

SPREAD = stats.Spread(4.0, 96.0)
HELD = 4
TIMES = 150


def with_tolerance(scores: np.ndarray) -> Run:
    return replace(make_run(scores), metrics={"clip_score": replace(CLIP_SCORE, tolerance=1.0)})


def regenerated(cases: int, seeds: int, loss: float, number: int) -> MetricEvidence:
    """Every image as if by another seed, where seeds differ by 2, and lower by a loss."""
    rng = np.random.default_rng((number, cases, seeds))
    level = rng.normal(90, 3, size=(cases, 1))
    before, after = (level + rng.normal(0, 2, size=(cases, count)) for count in (HELD, seeds))
    held, baseline, run = map(with_tolerance, (before, before[:, :seeds], after - loss))
    return collect_evidence(run, baseline, "clip_score", circumstances=Circumstances(all_seeds=held))


def power(cases: int, seeds: int, loss: float) -> float:
    said = [judge_metrics([regenerated(cases, seeds, loss, number)])[0].verdict for number in range(TIMES)]
    return said.count("regressed") / TIMES


@pytest.mark.parametrize(("cases", "seeds"), [(1, 2), (3, 2), (8, 2), (16, 4), (32, 1)])
def test_a_loss_as_large_as_it_says_is_found_about_four_times_in_five(cases: int, seeds: int) -> None:
    spread = stats.Spread(4.0, cases * (HELD - 1))
    loss = stats.detectable_loss(spread, cases, seeds, 1.0, ALPHA_METRICS)
    assert power(cases, seeds, loss) == pytest.approx(0.8, abs=0.13)
    assert power(cases, seeds, 1.4 * loss) > 0.95
    # From a dozen cases on ranks show a little more.
    assert power(cases, seeds, 0.7 * loss) < (0.65 if cases >= stats.FEWEST_RANKED else 0.5)


@pytest.mark.parametrize(("cases", "seeds"), [(1, 2), (3, 2), (20, 1)])
def test_the_detectable_loss_without_what_chance_takes_off_is_just_significant(cases: int, seeds: int) -> None:
    """Of gains that vary as seeds do."""
    chance = stats.quantile(stats.POWER, math.inf) * math.sqrt(2 * SPREAD.variance / seeds / cases)
    loss = stats.detectable_loss(SPREAD, cases, seeds, 0.5, 0.001) - chance
    steps = np.linspace(-1, 1, cases) if cases > 1 else np.zeros(1)
    gains = steps * math.sqrt(2 * SPREAD.variance / seeds / (steps.var(ddof=1) if cases > 1 else 1.0)) - loss
    assert stats.moderated_mean(gains, stats.Prior.of(SPREAD, seeds, 0.5)).p_worse() == pytest.approx(0.001)


def test_more_of_anything_detects_less() -> None:
    few = stats.detectable_loss(SPREAD, 3, 2, 1.0, 0.001)
    assert stats.detectable_loss(SPREAD, 6, 2, 1.0, 0.001) < few
    assert stats.detectable_loss(SPREAD, 3, 4, 1.0, 0.001) < few
    assert stats.detectable_loss(SPREAD, 3, 2, 0.5, 0.001) < few
    assert stats.detectable_loss(SPREAD, 3, 2, 1.0, 0.01) < few
    assert stats.detectable_loss(SPREAD, 3, 2, 1.0, 0.001, power=0.5) < few
    assert stats.detectable_loss(stats.Spread(4.0, 3.0), 3, 2, 1.0, 0.001) > few


def test_nothing_is_detectable_where_nothing_is_known() -> None:
    assert stats.detectable_loss(None, 30, 4, 1.0, 0.001) == math.inf


@pytest.mark.parametrize(("cases", "seeds"), [(1, 1), (3, 2), (64, 8), (5000, 8)])
def test_no_loss_within_the_tolerance_is_detectable(cases: int, seeds: int) -> None:
    assert stats.detectable_loss(SPREAD, cases, seeds, 1.0, 0.001) > 1.0


@pytest.mark.parametrize("seeds", [2, 4])
def test_as_many_cases_as_are_needed_show_a_loss_as_large_as_the_tolerance(seeds: int) -> None:
    def shown(cases: int) -> float:
        """Without the bar of the tolerance itself, which a loss as large passes every other time."""
        found = [regenerated(cases, seeds, 1.0, number).p_worse < ALPHA_METRICS for number in range(TIMES)]
        return sum(found) / TIMES

    needed = stats.needed_cases(SPREAD, seeds, 1.0, ALPHA_METRICS)
    assert shown(needed) == pytest.approx(0.8, abs=0.13)
    assert shown(needed // 2) < 0.5


@pytest.mark.parametrize(("seeds", "level"), [(1, 0.006), (2, 0.001), (8, 0.0001)])
def test_with_as_many_cases_as_are_needed_the_tolerance_is_the_only_bar(seeds: int, level: float) -> None:
    needed = stats.needed_cases(SPREAD, seeds, 1.0, level)

    def beyond_chance(cases: int) -> float:
        """Of what is detectable, what does not go back to a loss that strays towards better."""
        chance = stats.quantile(stats.POWER, math.inf) * math.sqrt(2 * SPREAD.variance / seeds / cases)
        return stats.detectable_loss(SPREAD, cases, seeds, 1.0, level) - chance

    assert beyond_chance(needed) == pytest.approx(1.0)
    # Far fewer have another.
    assert beyond_chance(needed // 3) > 1.0


def test_fewer_cases_are_needed_with_more_seeds_and_a_wider_tolerance() -> None:
    needed = stats.needed_cases(SPREAD, 2, 1.0, 0.001)
    assert stats.needed_cases(SPREAD, 4, 1.0, 0.001) < needed
    assert stats.needed_cases(SPREAD, 2, 2.0, 0.001) < needed
    assert stats.needed_cases(SPREAD, 2, 1.0, 0.01) < needed


def test_a_tolerance_of_hardly_anything_needs_as_many_as_there_can_be() -> None:
    assert stats.needed_cases(SPREAD, 2, 1e-9, 0.001) == stats.power.MOST_CASES


def without_chance(loss: float, spread: stats.Spread, cases: int, seeds: int) -> float:
    """A detectable loss without how far an estimate errs towards better in four of five runs."""
    return loss - norm.ppf(0.8) * math.sqrt(2 * spread.variance / seeds / cases)


@pytest.mark.parametrize("unit", [None, 0.2])
@pytest.mark.parametrize(("cases", "seeds"), [(1, 1), (2, 4), (30, 2)])
def test_a_loss_that_is_detectable_anyhow_is_just_significant_by_the_stated_variance(
    cases: int, seeds: int, unit: float | None
) -> None:
    loss = stats.detectable_anyhow(SPREAD, cases, seeds, 0.5, 0.001, margin_unit=unit)
    gains = np.full(cases, -without_chance(loss, SPREAD, cases, seeds))
    margin = 0.5 if unit is None else unit
    assert stats.stated_mean(gains, SPREAD, seeds, margin).p_worse() == pytest.approx(0.001)


@pytest.mark.parametrize("unit", [None, 0.2])
@pytest.mark.parametrize(("cases", "seeds"), [(1, 1), (2, 4)])
def test_margins_are_multiples_of_another_tolerance_where_one_is_given(
    cases: int, seeds: int, unit: float | None
) -> None:
    loss = stats.detectable_loss(SPREAD, cases, seeds, 0.5, 0.001, margin_unit=unit)
    (expected,) = {stats.detectable_loss(SPREAD, cases, seeds, margin, 0.001) for margin in (unit or 0.5,)}
    assert loss == pytest.approx(expected)


def test_of_what_is_detectable_anyhow_nothing_lies_within_the_tolerance() -> None:
    spread = stats.Spread(1e-6, 96.0)
    loss = stats.detectable_anyhow(spread, 5000, 8, 1.0, 0.001)
    assert without_chance(loss, spread, 5000, 8) == 1.0


def test_where_nothing_is_known_of_seeds_nothing_is_detectable_anyhow() -> None:
    assert stats.detectable_anyhow(None, 30, 4, 1.0, 0.001) == math.inf


@pytest.mark.parametrize("power", [0.5, 0.9])
def test_what_is_shown_half_of_the_time_is_less_than_what_is_shown_nearly_always(power: float) -> None:
    shown = [function(SPREAD, 3, 2, 1.0, 0.001, power) for function in (stats.detectable_loss, stats.detectable_anyhow)]
    usual = [function(SPREAD, 3, 2, 1.0, 0.001) for function in (stats.detectable_loss, stats.detectable_anyhow)]
    step = (norm.ppf(power) - norm.ppf(0.8)) * math.sqrt(2 * SPREAD.variance / 2 / 3)
    assert np.subtract(shown, usual) == pytest.approx([step, step])


def test_a_single_case_may_be_enough() -> None:
    assert stats.needed_cases(stats.Spread(1.0, 1000.0), 8, 1e3, 0.4) == 1
