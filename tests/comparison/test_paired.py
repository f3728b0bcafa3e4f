"""Scores that a run and its baseline have of the same samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sdeval import stats
from sdeval.comparison.paired import (
    PairedScores,
    have_identical_images,
    is_known,
    pair_scores,
    tolerance_of,
    value_of,
)
from sdeval.results.run import Run
from tests.conftest import CLIP_SCORE, FRECHET, make_run, with_features

CASES = ["case-0", "case-1", "case-2"]


@pytest.fixture
def before(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(30, 3, size=(3, 4))


def paired(
    after: np.ndarray | Run, before: np.ndarray | Run, cases: list[str] = CASES, all_seeds: Run | None = None
) -> PairedScores:
    run, baseline = (scores if isinstance(scores, Run) else make_run(scores) for scores in (after, before))
    scores = pair_scores(run, baseline, "clip_score", cases, all_seeds)
    assert scores is not None
    return scores


def test_scores_are_paired_by_case_and_seed_whatever_their_order(before: np.ndarray) -> None:
    after, baseline = before[:, :2] - 1, make_run(before)
    shuffled = replace(baseline, samples=baseline.samples[::-1])
    scores = paired(after, shuffled, ["case-2", "case-0"])
    assert scores.cases == ("case-2", "case-0")
    assert scores.before == pytest.approx(before[[2, 0], :2])
    assert scores.after == pytest.approx(after[[2, 0]])


def test_all_seeds_that_the_baseline_has_of_every_case_count(before: np.ndarray) -> None:
    before[1, 3] = np.nan
    scores = paired(before[:, :2], before)
    assert scores.all_seeds == pytest.approx(before[:, :3])


def test_a_baseline_that_was_reduced_has_its_other_seeds_from_the_whole_one(before: np.ndarray) -> None:
    scores = paired(before[:, :2], before[:, :2], all_seeds=make_run(before))
    assert scores.before == pytest.approx(before[:, :2])
    assert scores.all_seeds == pytest.approx(before)
    assert scores.own_spread == stats.seed_spread(before)


def test_without_cases_nothing_is_paired(before: np.ndarray) -> None:
    assert pair_scores(make_run(before), make_run(before), "clip_score", []) is None


@pytest.mark.parametrize("holed", ["run", "baseline"])
def test_a_score_that_is_missing_on_one_side_pairs_nothing(before: np.ndarray, holed: str) -> None:
    lacking = before.copy()
    lacking[1, 1] = np.nan
    run, baseline = (make_run(lacking if side == holed else before) for side in ("run", "baseline"))
    assert pair_scores(run, baseline, "clip_score", CASES) is None
    assert pair_scores(run, baseline, "clip_score", ["case-0", "case-2"]) is not None


def test_a_seed_without_score_is_left_out_of_how_much_seeds_differ(before: np.ndarray) -> None:
    before[1, 1:] = np.nan
    scores = paired(before[:, :1], before)
    assert scores.own_spread == stats.seed_spread([before[0], before[1, :1], before[2]])


def test_a_case_without_any_score_says_nothing_of_how_much_seeds_differ(before: np.ndarray) -> None:
    before[1] = np.nan
    scores = paired(before[:, :1], before, ["case-0", "case-2"])
    assert scores.own_spread == stats.seed_spread(before[[0, 2]])


def test_with_one_seed_cases_show_how_much_scores_differ(before: np.ndarray) -> None:
    assert paired(before[:, :1], before[:, :1]).own_spread == stats.between_cases(before[:, :1])


def test_scores_that_hang_together_differ_as_cases_do(before: np.ndarray) -> None:
    metrics = {"clip_score": replace(CLIP_SCORE, alone=False)}
    run = replace(make_run(before), metrics=metrics)
    assert paired(run, run).own_spread == stats.between_cases(before)


@pytest.mark.parametrize(("higher_is_better", "sign"), [(True, 1), (False, -1)])
def test_gains_are_positive_for_better(before: np.ndarray, higher_is_better: bool, sign: int) -> None:
    metrics = {"clip_score": replace(CLIP_SCORE, higher_is_better=higher_is_better)}
    scores = paired(replace(make_run(before + 2), metrics=metrics), before)
    assert scores.gains == pytest.approx(np.full((3, 4), sign * 2.0))


def test_a_relative_tolerance_is_a_share_of_the_mean_of_the_baseline(before: np.ndarray) -> None:
    metrics = {"clip_score": replace(CLIP_SCORE, tolerance=0.1, tolerance_is_relative=True)}
    scores = paired(replace(make_run(before), metrics=metrics), -before)
    assert scores.tolerance == pytest.approx(0.1 * before.mean())


@pytest.mark.parametrize(("baseline", "tolerance"), [(50.0, 5.0), (-50.0, 5.0), (0.0, 0.0), (None, 0.0)])
def test_a_share_of_any_baseline_is_a_tolerance(baseline: float | None, tolerance: float) -> None:
    assert tolerance_of(FRECHET, baseline) == tolerance
    assert tolerance_of(CLIP_SCORE, baseline) == 0.5


@pytest.mark.parametrize(("freedom", "is_used"), [(8.0, False), (10.0, True)])
def test_the_spread_that_is_known_better_is_used(before: np.ndarray, freedom: float, is_used: bool) -> None:
    scores, measured = paired(before, before), stats.Spread(7.0, freedom)
    assert scores.own_spread is not None
    assert scores.own_spread.freedom == 9
    assert scores.spread(measured) == (measured if is_used else scores.own_spread)
    assert scores.spread() == scores.own_spread


def test_where_nothing_shows_how_much_scores_differ_there_is_no_prior() -> None:
    scores = paired(np.array([[30.0]]), np.array([[30.0]]), ["case-0"])
    assert scores.spread() is None
    assert scores.prior() is None
    assert scores.spread(stats.Spread(4.0, 9.0)) == stats.Spread(4.0, 9.0)


def test_a_prior_has_a_margin_of_tolerances_unless_only_seeds_count(before: np.ndarray) -> None:
    scores, spread = paired(before[:, :2], before), stats.seed_spread(before)
    assert spread is not None
    assert scores.prior() == stats.Prior.of(spread, 2, 0.5)
    assert scores.prior(margin=False) == stats.Prior.of(spread, 2, 0.0)


@pytest.mark.parametrize(("measured", "unit"), [(0.2, 0.2), (3.0, 0.5)])
def test_margins_are_multiples_of_the_smaller_tolerance(before: np.ndarray, measured: float, unit: float) -> None:
    scores, spread = paired(before, before), stats.Spread(4.0, 99.0, measured)
    assert scores.margin_unit(spread) == unit
    assert scores.margin_unit() == 0.5
    assert scores.prior(spread) == stats.Prior.of(spread, 4, unit)


@pytest.mark.parametrize("score", [None, float("nan"), float("inf"), -float("inf")])
def test_only_numbers_are_known(score: float | None) -> None:
    assert not is_known(score)
    assert is_known(0.0)


def test_the_value_of_a_run_is_the_mean_of_its_scores_or_that_of_the_whole_set(before: np.ndarray) -> None:
    run = with_features(make_run(before), np.ones((12, 2)), 7.0)
    assert value_of(run, "clip_score") == pytest.approx(before.mean())
    assert value_of(run, "frechet_distance") == 7.0
    before[2, 3] = np.nan
    assert value_of(make_run(before), "clip_score") is None
    assert value_of(replace(run, samples=()), "clip_score") is None


def test_images_are_identical_where_each_has_the_pixels_of_the_baselines(before: np.ndarray) -> None:
    run, baseline = make_run(before[:, :2]), make_run(before)
    assert have_identical_images(run, baseline)
    assert not have_identical_images(baseline, run)
    changed = replace(run.samples[3], sha256="other")
    assert not have_identical_images(replace(run, samples=(*run.samples[:3], changed, *run.samples[4:])), baseline)


def without_text(run: Run, *cases: str) -> Run:
    """The run as a metric leaves it that says nothing of some cases."""
    samples = (
        replace(sample, scores={}, inapplicable={"clip_score": "text"}) if sample.case in cases else sample
        for sample in run.samples
    )
    return replace(run, samples=tuple(samples))


def test_cases_that_a_metric_says_nothing_of_are_left_out(before: np.ndarray) -> None:
    run = without_text(make_run(before - 1), "case-1")
    scores = paired(run, without_text(make_run(before), "case-1"))
    assert scores.cases == ("case-0", "case-2")
    assert scores.before == pytest.approx(before[[0, 2]])
    assert value_of(run, "clip_score") == pytest.approx(before[[0, 2]].mean() - 1)


def test_of_cases_that_a_metric_says_nothing_of_nothing_is_paired(before: np.ndarray) -> None:
    run = without_text(make_run(before), *CASES)
    assert pair_scores(run, run, "clip_score", CASES) is None
    assert value_of(run, "clip_score") is None
