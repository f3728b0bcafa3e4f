from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from benchmarks import simulated
from benchmarks.simulated import NOISES, all_lower, simulate, some_fail
from sdeval import stats
from sdeval.comparison import (
    ALPHA_FURTHER,
    ALPHA_METRICS,
    Circumstances,
    MetricEvidence,
    Verdict,
    collect_evidence,
    judge_metrics,
    wording,
)
from sdeval.comparison.decision import Decision
from sdeval.metrics.base import Reference
from sdeval.metrics.sets.frechet_distance import frechet_distance, swapped_difference
from sdeval.results.run import Run
from tests.conftest import make_run, with_features


def evidence(after: np.ndarray, before: np.ndarray, **circumstances: object) -> MetricEvidence:
    told = Circumstances(**circumstances)
    return collect_evidence(make_run(after), make_run(before), "clip_score", circumstances=told)


def judge(after: np.ndarray, before: np.ndarray) -> Verdict:
    return judge_metrics([evidence(after, before)])[0]


@pytest.fixture
def scores(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(30, 3, size=(24, 2))


def test_a_clear_loss_is_a_regression(scores: np.ndarray, rng: np.random.Generator) -> None:
    said = judge(scores - 2 + rng.normal(0, 0.5, size=scores.shape), scores)
    assert said.verdict == "regressed"
    assert said.change == pytest.approx(-2, abs=0.3)
    assert said.p_value is not None
    assert said.p_value < ALPHA_METRICS


def test_different_but_not_worse_passes(scores: np.ndarray, rng: np.random.Generator) -> None:
    assert judge(scores + rng.normal(0, 0.4, size=scores.shape), scores).verdict == "passed"


def test_a_sure_loss_below_the_tolerance_passes(scores: np.ndarray) -> None:
    assert judge(scores - 0.1, scores).verdict == "passed"


def test_a_clear_gain_is_an_improvement(scores: np.ndarray) -> None:
    assert judge(scores + 2, scores).verdict == "improved"


def test_too_much_noise_is_inconclusive(scores: np.ndarray, rng: np.random.Generator) -> None:
    assert judge(scores + rng.normal(-0.4, 6, size=scores.shape), scores).verdict == "inconclusive"


def test_lower_is_better_is_turned_around(scores: np.ndarray) -> None:
    before, after = make_run(scores), make_run(scores + 2)
    record = replace(before.metrics["clip_score"], higher_is_better=False)
    turned = [replace(run, metrics={"clip_score": record}) for run in (after, before)]
    assert judge_metrics([collect_evidence(turned[0], turned[1], "clip_score")])[0].verdict == "regressed"


def test_many_gates_raise_the_bar(scores: np.ndarray, rng: np.random.Generator) -> None:
    gate = collect_evidence(
        make_run(scores - 1.3 + rng.normal(0, 1.7, size=scores.shape)), make_run(scores), "clip_score"
    )
    assert judge_metrics([gate])[0].verdict == "regressed"
    assert judge_metrics([gate], total=200)[0].verdict == "inconclusive"


def set_verdict(after: np.ndarray, before: np.ndarray, real: np.ndarray, digits: int = 15) -> Verdict:
    reference = Reference.of(real)
    one, other = (
        with_features(
            make_run(np.full((24, 2), 30.0 + index)), values, round(frechet_distance(values, reference), digits)
        )
        for index, values in enumerate((after, before))
    )
    gate = collect_evidence(one, other, "frechet_distance", partial(swapped_difference, reference=reference))
    return judge_metrics([gate])[0]


def test_a_set_that_moves_away_from_the_reference_regresses(rng: np.random.Generator) -> None:
    before, real = rng.normal(size=(48, 8)), rng.normal(size=(200, 8))
    assert set_verdict(before + 1.5, before, real).verdict == "regressed"


def test_a_set_that_comes_closer_improves(rng: np.random.Generator) -> None:
    after, real = rng.normal(size=(48, 8)), rng.normal(size=(200, 8))
    assert set_verdict(after, after + 1.5, real).verdict == "improved"


def test_a_test_that_says_the_opposite_of_the_metric_shows_nothing(rng: np.random.Generator) -> None:
    features = rng.normal(size=(48, 8))
    for metrics in ((1.0, 2.0), (2.0, 1.0)):
        one, other = (
            with_features(make_run(np.full((24, 2), 30.0 + index)), features + index, metric)
            for index, metric in enumerate(metrics)
        )
        signs = np.full(24, metrics[1] - metrics[0])
        gate = collect_evidence(
            one, other, "frechet_distance", lambda *_, signs=signs: lambda swapped: (1 - 2 * swapped) @ signs
        )
        assert judge_metrics([gate])[0].verdict in ("inconclusive", "passed")


def test_the_interval_of_a_set_metric_that_is_a_sum_over_cases_is_students(rng: np.random.Generator) -> None:
    parts, features = rng.normal(0.1, 1, 24), rng.normal(size=(48, 8))
    before, after = (
        with_features(make_run(np.full((24, 2), 30.0 + index)), features + index, value)
        for index, value in enumerate((50.0, 50.0 + parts.sum()))
    )
    evidence = collect_evidence(after, before, "frechet_distance", lambda *_: lambda swapped: (1 - 2 * swapped) @ parts)
    verdict = judge_metrics([evidence])[0]
    expected = ttest_1samp(parts, 0).confidence_interval(0.9)
    # Swaps know the error to 2%.
    assert verdict.low == pytest.approx(24 * expected.low, abs=0.5)
    assert verdict.high == pytest.approx(24 * expected.high, abs=0.5)


def test_the_same_set_passes(rng: np.random.Generator) -> None:
    values, real = rng.normal(size=(48, 8)), rng.normal(size=(200, 8))
    assert set_verdict(values, values, real).verdict == "passed"


def reported_only(scores: np.ndarray) -> Run:
    """A run whose one metric is reported and not judged."""
    run = make_run(scores)
    return replace(run, metrics={"clip_score": replace(run.metrics["clip_score"], gating=False)})


def test_what_is_not_judged_is_no_gate_that_raises_the_bar(scores: np.ndarray, rng: np.random.Generator) -> None:
    gate = collect_evidence(
        make_run(scores - 1.3 + rng.normal(0, 1.7, size=scores.shape)), make_run(scores), "clip_score"
    )
    others = [collect_evidence(reported_only(scores), reported_only(scores), "clip_score")] * 199
    assert judge_metrics([gate, *others])[0].verdict == "regressed"


def test_a_clear_loss_is_found_beside_a_hundred_gates(scores: np.ndarray, rng: np.random.Generator) -> None:
    gates = [collect_evidence(make_run(scores - 20), make_run(scores), "clip_score")] * 100
    assert {each.verdict for each in judge_metrics(gates)} == {"regressed"}


def test_a_clear_loss_is_found_beside_any_number_of_gates(scores: np.ndarray) -> None:
    gate = collect_evidence(make_run(scores - 20), make_run(scores), "clip_score")
    assert judge_metrics([gate], total=5000)[0].verdict == "regressed"


@pytest.mark.parametrize("value", [0.0, -7.0, 30.0])
def test_scores_all_equal_to_each_other_are_judged_as_any(value: float) -> None:
    before = np.full((24, 2), value)
    assert judge(before, before).verdict == "passed"
    assert judge(before - 2, before).verdict == "regressed"
    assert judge(before + 2, before).verdict == "improved"


@pytest.mark.parametrize(
    ("change", "expected"), [(-0.1, "passed"), (-0.5, "inconclusive"), (-0.6, "regressed"), (0.6, "improved")]
)
def test_the_same_change_in_every_case_is_sure_and_judged_by_its_size(change: float, expected: str) -> None:
    before = np.full((24, 2), 32.0)
    said = judge(before + change, before)
    assert said.verdict == expected
    assert (said.low, said.high) == (pytest.approx(change), pytest.approx(change))


def test_one_case_that_is_the_same_passes() -> None:
    assert judge(np.array([[30.0]]), np.array([[30.0]])).verdict == "passed"


def test_a_share_of_a_baseline_of_zero_tolerates_no_loss(rng: np.random.Generator) -> None:
    before, after = make_run(np.zeros((24, 2))), make_run(np.zeros((24, 2)) - rng.random((24, 2)) / 100)
    record = replace(before.metrics["clip_score"], tolerance=0.1, tolerance_is_relative=True)
    one, other = (replace(run, metrics={"clip_score": record}) for run in (after, before))
    assert judge_metrics([collect_evidence(one, other, "clip_score")])[0].verdict == "regressed"


def suite_of(cases: int, held: int, rng: np.random.Generator, spread: float = 2.0) -> np.ndarray:
    """Scores of a baseline whose cases and seeds differ."""
    return rng.normal(90, 2, size=(cases, 1)) + rng.normal(0, spread, size=(cases, held))


def against(before: np.ndarray, after: np.ndarray) -> Verdict:
    """A run of the first seeds compared with a baseline that holds more."""
    seeds = after.shape[1]
    return judge_metrics([evidence(after, before[:, :seeds], all_seeds=make_run(before))])[0]


@pytest.mark.parametrize(
    ("cases", "seeds", "held", "loss"), [(3, 2, 4, 45), (1, 2, 4, 45), (5, 2, 2, 75), (2, 2, 4, 45)]
)
def test_a_gross_loss_is_found_in_the_smallest_suites(cases: int, seeds: int, held: int, loss: float) -> None:
    for seed in range(20):
        rng = np.random.default_rng((seed, cases))
        before = suite_of(cases, held, rng)
        after = suite_of(cases, seeds, rng) - loss
        assert against(before, after).verdict == "regressed"


@pytest.mark.parametrize("cases", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("together", [0.0, 2.0])
def test_small_suites_raise_no_false_alarms(cases: int, together: float) -> None:
    """Seeds differ by 2; a change moves all seeds of a case together by as much as `together`, to either side."""
    alarms = 0
    for seed in range(400):
        rng = np.random.default_rng((seed, cases, 5))
        level = rng.normal(90, 2, size=(cases, 1))
        before, after = (
            level + rng.normal(0, together, (cases, 1)) + rng.normal(0, 2 if not together else 0.5, (cases, held))
            for held in (4, 2)
        )
        alarms += against(before, after).verdict == "regressed"
    # Binomial, 400 at 1%: more than 9 in one of a hundred.
    assert alarms <= 9


def test_a_case_with_one_seed_on_both_sides_shows_nothing_and_says_so() -> None:
    said = judge(np.array([[10.0]]), np.array([[30.0]]))
    assert said.verdict == "inconclusive"
    assert (said.low, said.high, said.corrected_low, said.corrected_high) == (None, None, None, None)
    assert "too few cases and seeds to tell how much scores vary" in said.reason


def test_what_calibrate_measured_speaks_for_a_case_with_one_seed() -> None:
    spreads = {"clip_score": stats.Spread(4.0, 30.0)}
    found = evidence(np.array([[10.0]]), np.array([[60.0]]), spreads=spreads)
    assert judge_metrics([found])[0].verdict == "regressed"


def test_what_could_not_move_beyond_its_tolerance_costs_the_others_nothing(scores: np.ndarray) -> None:
    lost = evidence(scores - 2 + np.linspace(-3, 3, 24)[:, None], scores)
    still = evidence(scores + np.linspace(-0.3, 0.3, 24)[:, None], scores)
    alone, beside = judge_metrics([lost])[0], judge_metrics([lost, *[still] * 50])
    assert beside[0].p_value == alone.p_value
    assert (beside[1].verdict, beside[1].p_value, beside[1].corrected_low) == ("passed", None, None)


def test_a_change_of_exactly_the_tolerance_is_not_one_that_chance_moved_beyond_it() -> None:
    before = np.full((24, 2), 32.0)
    assert judge(before - 0.5, before).p_value is None
    assert judge(before - 0.625, before).p_value is not None


def other_metric(found: MetricEvidence, **changed: object) -> MetricEvidence:
    return replace(found, draft=replace(found.draft, metric="sharpness", **changed))


def test_beside_a_metric_that_regressed_another_needs_no_more_than_its_95_percent_interval(scores: np.ndarray) -> None:
    shown = evidence(scores - 9, scores)
    doubtful = other_metric(evidence(scores - 2.6 + np.linspace(-10, 10, 24)[:, None], scores))
    (alone,), (_, beside) = judge_metrics([doubtful], 3), judge_metrics([shown, doubtful], 3)
    assert alone.verdict == "inconclusive"
    assert (alone.high or 0.0) < -(alone.tolerance or 0.0)
    assert beside.verdict == "regressed"
    assert beside.reason == "its whole 95% interval lies beyond the tolerance, and clip_score regressed"


def test_beside_a_metric_that_regressed_any_loss_counts_where_none_is_tolerated(scores: np.ndarray) -> None:
    shown = evidence(scores - 9, scores)
    doubtful = other_metric(evidence(scores - 2.6 + np.linspace(-10, 10, 24)[:, None], scores), tolerance=0.0)
    _, beside = judge_metrics([shown, doubtful], 3)
    assert beside.high is not None
    assert -1 < beside.high < 0
    assert beside.verdict == "regressed"


def test_what_was_known_of_a_metric_is_said_as_well_where_it_regresses_beside_another(scores: np.ndarray) -> None:
    shown = evidence(scores - 9, scores)
    doubtful = evidence(scores - 2.6 + np.linspace(-10, 10, 24)[:, None], scores)
    _, beside = judge_metrics([shown, other_metric(doubtful, reason="on 3 of 4 cases")], 3)
    assert beside.reason.startswith("on 3 of 4 cases; its whole 95% interval")


def test_a_metric_of_another_target_does_not_speak_for_it(scores: np.ndarray) -> None:
    shown = evidence(scores - 9, scores)
    doubtful = other_metric(evidence(scores - 2.6 + np.linspace(-10, 10, 24)[:, None], scores), target="other")
    assert judge_metrics([shown, doubtful], 3)[1].verdict == "inconclusive"


def test_a_gain_beside_a_loss_says_to_look_first(scores: np.ndarray) -> None:
    _, gained = judge_metrics([evidence(scores - 9, scores), other_metric(evidence(scores + 9, scores))])
    assert (gained.verdict, gained.reason) == ("improved", "look first: clip_score regressed")


def test_a_tolerance_that_was_derived_from_the_spread_hides_no_loss() -> None:
    """Margins for single prompts are multiples of what matters, not of what seeds do."""
    before, after = np.array([[40.0, 80.0]] * 3), np.array([[0.0, 40.0]] * 3)
    wide, narrow = (
        judge_metrics([evidence_with(after, before, 8.0, stats.Spread(400.0, 30.0, unit))])[0] for unit in (8.0, 0.3)
    )
    assert (narrow.p_value or 1.0) < (wide.p_value or 0.0) / 2


def evidence_with(after: np.ndarray, before: np.ndarray, tolerance: float, spread: stats.Spread) -> MetricEvidence:
    run, baseline = stated(make_run(after), tolerance), stated(make_run(before), tolerance)
    return collect_evidence(run, baseline, "clip_score", circumstances=Circumstances(spreads={"clip_score": spread}))


def test_another_process_counts_as_unchanged(scores: np.ndarray) -> None:
    found = evidence(scores - 2 + np.linspace(-5, 5, 24)[:, None], scores)
    (alone,), (beside,) = judge_metrics([found]), judge_metrics([found], total=10)
    assert beside.p_value == pytest.approx(min(1.0, 10 * (alone.p_value or 0)))


def agrees(said: Verdict) -> bool:
    """Whether a verdict is what the numbers in its row say."""
    change, tolerance = said.change or 0.0, said.tolerance or 0.0
    lost, sign = (-change, 1) if said.higher_is_better else (change, -1)
    worst = -sign * (said.low if sign > 0 else said.high)  # type: ignore[operator]
    least = (
        (said.corrected_high if sign > 0 else said.corrected_low),
        (said.corrected_low if sign > 0 else said.corrected_high),
    )
    shown = least[0] is not None and sign * least[0] < 0
    gained = least[1] is not None and sign * least[1] > 0
    if lost > tolerance and shown:
        expected = "regressed"
    elif -lost > tolerance and gained:
        expected = "improved"
    else:
        expected = "passed" if worst < tolerance else "inconclusive"
    if "its whole 95% interval lies beyond the tolerance" in said.reason:
        least_lost = -sign * (said.high if sign > 0 else said.low)  # type: ignore[operator]
        assert said.p_value is not None
        return said.verdict == "regressed" and least_lost > tolerance and said.p_value < ALPHA_FURTHER
    significant = said.p_value is not None and said.p_value < ALPHA_METRICS
    bounded = said.low is not None and said.high is not None and said.low <= change <= said.high
    return said.verdict == expected and bounded and (significant == (gained if expected == "improved" else shown))


def wide_enough(said: Verdict) -> bool:
    """Whether corrected bounds, of which more is asked, hold the change and the 95% bounds."""
    inner, outer = (said.low, said.high), (said.corrected_low, said.corrected_high)
    if outer == (None, None):
        return True
    low, high = (-np.inf if outer[0] is None else outer[0], np.inf if outer[1] is None else outer[1])
    hair = 1e-9 * (abs(low) + abs(high)) if np.isfinite([low, high]).all() else 0.0
    return all(low - hair <= each <= high + hair for each in (said.change, *inner) if each is not None)


@pytest.mark.parametrize("cases", [1, 2, 3, 8, 32])
@pytest.mark.parametrize("noise", sorted(NOISES))
def test_no_verdict_disagrees_with_the_numbers_in_its_row(noise: str, cases: int) -> None:
    kinds: set[str] = set()
    for seed in range(10):
        rng = np.random.default_rng((seed, cases))
        loss = float(rng.choice([0.0, 1.0, 3.0, 10.0, 40.0, -10.0]))
        harm = partial(all_lower, tolerances=loss) if seed % 2 else partial(some_fail, share=0.125)
        judged = simulated.judge(simulate(rng, NOISES[noise], harm, (cases, 4)), ((0, 1), (0, 1, 2, 3)))
        tested = [each for each in judged.verdicts if not each.case and each.low != each.high]
        assert [each for each in tested if not (agrees(each) and wide_enough(each))] == []
        kinds |= {each.verdict for each in tested}
    assert len(kinds) > 1


@pytest.mark.parametrize(("cases", "seeds"), [(1, 2), (3, 2), (8, 2), (24, 4)])
def test_a_loss_as_large_as_the_tolerance_passes_once_in_twenty(cases: int, seeds: int) -> None:
    passed = 0
    for number in range(400):
        rng = np.random.default_rng((number, cases, seeds))
        level = rng.normal(90, 3, (cases, 1))
        before, after = (level + rng.normal(0, 2, (cases, count)) for count in (4, seeds))
        held, accepted, run = (stated(make_run(each), 1.0) for each in (before, before[:, :seeds], after - 1.0))
        found = collect_evidence(run, accepted, "clip_score", circumstances=Circumstances(all_seeds=held))
        passed += judge_metrics([found])[0].verdict == "passed"
    # Binomial, 400 at 5%: more than 32 in three of a thousand.
    assert passed <= 32


def test_no_verdict_of_a_set_disagrees_with_the_numbers_in_its_row() -> None:
    real = np.random.default_rng(0).normal(size=(200, 4))
    kinds = set()
    for seed in range(60):
        rng = np.random.default_rng((seed, 3))
        before = rng.normal(size=(48, 4))
        said = set_verdict(before + rng.normal(0, 0.3, before.shape) + rng.choice([0.0, 0.3, 1.0]), before, real)
        assert agrees(said)
        kinds.add(said.verdict)
    assert {"regressed", "passed"} <= kinds


def test_a_set_of_which_the_last_digits_moved_passes() -> None:
    """As another batch size moves them: the metric is the same to the last digit that is kept."""
    real = np.random.default_rng(0).normal(size=(200, 8))
    for number in range(10):
        rng = np.random.default_rng((number, 6))
        before = rng.normal(size=(48, 8)).astype(np.float32)
        after = (before * (1 + rng.normal(0, 1e-7, before.shape))).astype(np.float32)
        said = set_verdict(after, before, real, digits=6)
        assert (said.change, said.verdict) == (pytest.approx(0, abs=2e-6), "passed")


@pytest.mark.parametrize("scale", [1.0, 1 / 24])
@pytest.mark.parametrize("sign", [1, -1])
def test_swaps_that_say_the_opposite_of_the_metric_show_nothing_of_any_size(
    rng: np.random.Generator, scale: float, sign: int
) -> None:
    features, signs = rng.normal(size=(48, 8)), np.full(24, -sign * scale)
    before, after = (
        with_features(make_run(np.full((24, 2), 30.0 + index)), features + index, metric)
        for index, metric in enumerate((2.0, 2.0 + sign))
    )
    found = collect_evidence(after, before, "frechet_distance", lambda *_: lambda swapped: (1 - 2 * swapped) @ signs)
    assert judge_metrics([found])[0].verdict == "inconclusive"


def stated(run: Run, tolerance: float, *, relative: bool = False) -> Run:
    """The run with another tolerance."""
    record = replace(run.metrics["clip_score"], tolerance=tolerance, tolerance_is_relative=relative)
    return replace(run, metrics={"clip_score": record})


def test_a_single_case_that_lost_half_of_its_score_regresses() -> None:
    for number in range(20):
        rng = np.random.default_rng((number, 45))
        before, after = rng.normal(90, 2, (1, 4)), rng.normal(90 - 45, 2, (1, 2))
        held, accepted, run = (stated(make_run(each), 1.0) for each in (before, before[:, :2], after))
        found = collect_evidence(run, accepted, "clip_score", circumstances=Circumstances(all_seeds=held))
        said = judge_metrics([found])[0]
        assert said.verdict == "regressed"
        assert said.p_value is not None
        assert said.p_value < ALPHA_METRICS


def test_a_tolerance_of_nothing_fails_what_is_shown_and_passes_no_loss() -> None:
    rng = np.random.default_rng(4)
    before = rng.normal(30, 2, (24, 2))
    for shift, allowed in ((-1.0, {"regressed"}), (-0.001, {"inconclusive"}), (1.0, {"improved"}), (0.0, {"passed"})):
        after = before + shift + (rng.normal(0, 0.1, before.shape) if shift else 0.0)
        sides = (stated(make_run(each), 0.0) for each in (after, before))
        assert judge_metrics([collect_evidence(*sides, "clip_score")])[0].verdict in allowed


@pytest.mark.parametrize("cases", [3, 24])
def test_scores_that_never_vary_are_judged_by_their_tolerance_alone(cases: int) -> None:
    before = np.full((cases, 2), 30.0)
    said = judge(before - 20.0, before)
    assert (said.verdict, said.change) == ("regressed", -20.0)
    assert judge(before - 0.01, before).verdict != "regressed"


@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (1, 2)])
def test_whatever_little_there_is_has_an_answer(shape: tuple[int, int], rng: np.random.Generator) -> None:
    before = rng.normal(30, 2, shape)
    for shift in (-40.0, -0.1, 0.1, 40.0):
        said = judge(before + shift, before)
        assert said.verdict in ("regressed", "inconclusive", "passed", "improved")
        assert said.change == pytest.approx(shift)


def test_without_any_evidence_there_is_no_verdict() -> None:
    assert judge_metrics([]) == []


def test_a_set_of_images_that_are_all_alike_is_no_crash(rng: np.random.Generator) -> None:
    reference = Reference.of(rng.normal(size=(99, 8)))
    run = with_features(make_run(np.ones((6, 2))), rng.normal(size=(12, 8)), 1.0)
    constant = replace(run, features={"clip": np.ones((12, 8), dtype=np.float32)})
    swapped = partial(swapped_difference, reference=reference)
    said = judge_metrics([collect_evidence(constant, run, "frechet_distance", swapped)])[0]
    assert said.verdict in ("inconclusive", "passed")


def doubtful(scores: np.ndarray) -> MetricEvidence:
    """A loss that is not shown, but probable: cases differ much."""
    return evidence(scores - 2.6 + np.linspace(-10, 10, 24)[:, None], scores)


def test_the_row_of_a_metric_has_bounds_of_95_percent_and_corrected_ones(scores: np.ndarray) -> None:
    found = doubtful(scores)
    estimate, (test, share) = found.estimate, found.test
    assert estimate is not None
    (verdict,) = judge_metrics([found], total=4)
    p_value = 4 * found.p_worse
    assert verdict == replace(
        found.draft,
        verdict="inconclusive",
        low=pytest.approx(estimate.at_least(0.05)),
        high=pytest.approx(estimate.at_most(0.05)),
        p_value=pytest.approx(p_value),
        corrected_low=pytest.approx(test.at_least(0.008 / 4 * share)),
        corrected_high=pytest.approx(test.at_most(0.008 / 4 * share)),
        reason=verdict.reason,
    )
    assert verdict.reason.startswith("worse than its tolerance, but chance does that in more than 0.8% of sessions")


def test_bounds_of_a_round_have_its_share_of_the_level(scores: np.ndarray) -> None:
    found = replace(doubtful(scores), share=0.25)
    assert found.estimate is not None
    (verdict,) = judge_metrics([found])
    assert verdict.low == pytest.approx(found.estimate.at_least(0.0125))
    assert verdict.high == pytest.approx(found.estimate.at_most(0.0125))


def test_bounds_of_a_metric_of_which_less_is_better_are_turned_around(scores: np.ndarray) -> None:
    found = doubtful(scores)
    (verdict,) = judge_metrics([found])
    draft = replace(found.draft, higher_is_better=False, change=-(found.draft.change or 0.0))
    (turned,) = judge_metrics([replace(found, draft=draft)])
    assert verdict.low is not None
    assert verdict.corrected_low is not None
    assert (turned.low, turned.high) == (-(verdict.high or 0.0), -verdict.low)
    assert (turned.corrected_low, turned.corrected_high) == (-(verdict.corrected_high or 0.0), -verdict.corrected_low)
    assert (turned.verdict, turned.p_value) == (verdict.verdict, verdict.p_value)


def test_the_p_value_of_a_gain_is_that_of_the_gain(scores: np.ndarray) -> None:
    found = evidence(scores + 5 + np.linspace(-2, 2, 24)[:, None], scores)
    (verdict,) = judge_metrics([found], total=3)
    assert verdict.verdict == "improved"
    assert verdict.p_value == pytest.approx(3 * found.p_better)
    assert verdict.corrected_low is not None
    assert verdict.corrected_low > 0


def test_of_several_metrics_that_regressed_each_needs_a_part_of_the_level(scores: np.ndarray) -> None:
    """Two of four are shown, so the bounds of all are at half of the level."""
    lost, other = evidence(scores - 5 + np.linspace(-2, 2, 24)[:, None], scores), doubtful(scores)
    verdicts = judge_metrics([lost, lost, other], total=4)
    test, share = other.test
    assert [verdict.verdict for verdict in verdicts[:2]] == ["regressed", "regressed"]
    assert verdicts[2].corrected_high == pytest.approx(test.at_most(0.008 * 2 / 4 * share))
    assert verdicts[2].corrected_low == pytest.approx(test.at_least(0.008 / 4 * share))


def certain(p_worse: float, loss: float = 1.0, **draft: object) -> MetricEvidence:
    """A loss of one, with a given p-value, where half as much is tolerated."""
    verdict = Verdict(
        suite="animals", target="tiny", metric="clip_score", case="", verdict="new", change=-loss, tolerance=0.5, n=24
    )
    error = loss / stats.quantile(1 - p_worse, 30.0)
    return MetricEvidence(replace(verdict, **draft), stats.Estimate(-loss, error, 30.0), seeds=2)


@pytest.mark.parametrize(("p_worse", "kind"), [(0.00799, "regressed"), (0.00801, "inconclusive")])
def test_a_loss_is_shown_at_the_level_that_is_documented(p_worse: float, kind: str) -> None:
    (verdict,) = judge_metrics([certain(p_worse)])
    assert (verdict.verdict, verdict.p_value) == (kind, pytest.approx(p_worse))


def passing(bound: float) -> Verdict:
    """The verdict on a loss whose upper 95% bound is this."""
    error = (bound - 0.2) / stats.quantile(0.95, 30.0)
    found = certain(0.3, 0.2)
    return judge_metrics([replace(found, estimate=stats.Estimate(-0.2, error, 30.0))])[0]


@pytest.mark.parametrize(("bound", "kind"), [(0.499, "passed"), (0.501, "inconclusive")])
def test_a_metric_passes_where_its_95_percent_bound_is_within_the_tolerance(bound: float, kind: str) -> None:
    assert passing(bound).verdict == kind


@pytest.mark.parametrize(("gain", "kind"), [(0.51, "improved"), (0.49, "passed")])
def test_a_gain_within_the_tolerance_is_no_improvement(gain: float, kind: str) -> None:
    assert judge_metrics([certain(1e-6, -gain)])[0].verdict == "passed"
    found = replace(certain(0.3), estimate=stats.Estimate(gain, 0.01, 30.0))
    assert judge_metrics([replace(found, draft=replace(found.draft, change=gain))])[0].verdict == kind


@pytest.mark.parametrize(("gain", "reason"), [(0.51, wording.GAIN_NOT_SHOWN), (0.49, "")])
def test_a_gain_beyond_the_tolerance_that_chance_may_explain_says_so(gain: float, reason: str) -> None:
    found = replace(certain(0.3), estimate=stats.Estimate(gain, 0.3, 30.0))
    (verdict,) = judge_metrics([replace(found, draft=replace(found.draft, change=gain))])
    assert (verdict.verdict, verdict.reason) == ("passed", reason)


@pytest.mark.parametrize(("p_worse", "kind"), [(0.0124, "regressed"), (0.0126, "inconclusive")])
def test_beside_a_metric_that_regressed_a_p_value_below_a_twentieth_is_enough(p_worse: float, kind: str) -> None:
    """The second of four metrics, in a round with half of the level."""
    further = replace(certain(p_worse, 10.0, metric="psnr"), share=0.5)
    _, beside = judge_metrics([certain(1e-9), further], total=4)
    assert beside.p_value == pytest.approx(p_worse * 4 / 2 / 0.5)
    assert beside.verdict == kind


def test_a_metric_of_another_suite_that_regressed_is_named_with_its_suite(scores: np.ndarray) -> None:
    shown = evidence(scores - 9, scores)
    other = replace(doubtful(scores), draft=replace(doubtful(scores).draft, suite="plants"))
    _, beside = judge_metrics([shown, other], 3)
    assert beside.verdict == "regressed"
    assert beside.reason.endswith("and clip_score in animals regressed")


def test_a_gain_beside_a_loss_of_another_suite_is_an_improvement_like_any(scores: np.ndarray) -> None:
    gained = other_metric(evidence(scores + 9, scores), suite="plants")
    _, verdict = judge_metrics([evidence(scores - 9, scores), gained])
    assert (verdict.verdict, verdict.reason) == ("improved", "")


def test_beside_a_metric_that_regressed_what_passed_has_passed(scores: np.ndarray) -> None:
    fine = other_metric(evidence(scores + np.linspace(-0.6, 0.6, 24)[:, None], scores))
    _, verdict = judge_metrics([evidence(scores - 9, scores), fine])
    assert verdict.verdict == "passed"


def test_a_loss_whose_interval_is_partly_within_the_tolerance_is_not_shown_by_another(scores: np.ndarray) -> None:
    partly = other_metric(certain(0.02, 0.6))
    _, verdict = judge_metrics([evidence(scores - 9, scores), partly], 3)
    assert verdict.verdict == "inconclusive"


@pytest.mark.parametrize("total", [None, 1, 2])
def test_metrics_of_other_processes_count_where_there_are_more(scores: np.ndarray, total: int | None) -> None:
    found = doubtful(scores)
    verdicts = judge_metrics([found, other_metric(found)], total)
    assert [verdict.p_value for verdict in verdicts] == [pytest.approx(found.p_worse)] * 2


def test_what_was_not_tested_of_this_process_is_not_counted_as_of_another(scores: np.ndarray) -> None:
    found, still = doubtful(scores), evidence(scores, scores)
    first, *_ = judge_metrics([found, still, still], total=3)
    assert first.p_value == pytest.approx(found.p_worse)
    first, *_ = judge_metrics([found, still, still], total=5)
    assert first.p_value == pytest.approx(3 * found.p_worse)


def advice(found: MetricEvidence, total: int) -> str:
    (verdict,) = judge_metrics([found], total)
    assert verdict.verdict == "inconclusive"
    return verdict.reason


def test_advice_is_that_of_a_decision_at_the_levels_of_the_session() -> None:
    spread = stats.Spread(0.1, 30.0)
    found = replace(certain(0.05), spread=spread, share=0.5)
    estimate = found.estimate
    assert estimate is not None
    decision = Decision(
        loss=1.0,
        tolerance=0.5,
        error=estimate.error,
        cases=24,
        seeds=2,
        seed_variance=0.2,
        shown_at=0.008 / 4 * 0.5,
        excluded_at=0.025,
        session_level=0.008,
        wide_enough=-estimate.at_least(0.025),
    )
    assert advice(found, 4) == wording.inconclusive(decision)
    within = replace(found, estimate=replace(estimate, gain=-0.4), draft=replace(found.draft, change=-0.4))
    wide_enough = 0.4 - 1.0 + decision.wide_enough
    assert advice(within, 4) == wording.inconclusive(replace(decision, loss=0.4, wide_enough=wide_enough))


def test_of_a_loss_that_is_shown_or_not_the_error_of_its_test_counts() -> None:
    """Of one within the tolerance, that of the estimate."""
    found = certain(0.05)
    wide = stats.Estimate(-1.0, 1.2, 30.0)
    tested = replace(found, tests=((wide, 1.0),))
    assert advice(tested, 4) == advice(replace(found, estimate=replace(wide, gain=-1.0), tests=()), 4)
    draft, near = replace(found.draft, change=-0.4), stats.Estimate(-0.4, 0.3, 30.0)
    within = replace(tested, draft=draft, estimate=near)
    assert advice(within, 4) == advice(replace(within, tests=()), 4)


@pytest.mark.parametrize("change", [0.0, None])
def test_advice_on_a_change_of_nothing_is_that_of_no_loss(change: float | None) -> None:
    found = certain(0.05)
    estimate = stats.Estimate(0.0, 0.6, 30.0)
    still = replace(found, estimate=estimate, draft=replace(found.draft, change=change))
    decision = Decision(
        loss=0.0,
        tolerance=0.5,
        error=0.6,
        cases=24,
        seeds=2,
        seed_variance=0.0,
        shown_at=0.008,
        excluded_at=0.05,
        session_level=0.008,
        wide_enough=-estimate.at_least(0.05),
    )
    assert advice(still, 1) == wording.inconclusive(decision)
