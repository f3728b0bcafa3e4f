from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from sdeval import stats
from sdeval.comparison import Circumstances, Kind, MetricEvidence, Verdict, collect_evidence, share_of_round, wording
from sdeval.metrics.base import Reference
from sdeval.metrics.sets.frechet_distance import swapped_difference
from sdeval.results.run import Run
from tests.conftest import CLIP_SCORE, make_run, with_features


def evidence(after: np.ndarray, before: np.ndarray, **circumstances: object) -> MetricEvidence:
    settings = Circumstances(**circumstances)
    return collect_evidence(make_run(after), make_run(before), "clip_score", circumstances=settings)


def draft(after: np.ndarray, before: np.ndarray) -> Verdict:
    """The verdict before statistics."""
    return evidence(after, before).draft


@pytest.fixture
def scores(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(30, 3, size=(24, 2))


def reported_only(scores: np.ndarray, *, reads_baseline: bool = False, version: str = "1") -> Run:
    """A run whose one metric is reported and not judged."""
    run = make_run(scores)
    record = replace(run.metrics["clip_score"], gating=False, reads_baseline=reads_baseline, version=version)
    return replace(run, metrics={"clip_score": record})


def test_identical_images_pass_without_a_test(scores: np.ndarray) -> None:
    said = draft(scores, scores)
    assert (said.verdict, said.change, said.reason) == ("passed", 0.0, "identical images")


def test_no_baseline_is_new(scores: np.ndarray) -> None:
    verdict = collect_evidence(make_run(scores), None, "clip_score").draft
    assert (verdict.verdict, verdict.reason) == ("new", wording.NO_BASELINE)


def test_a_missing_score_is_unscored_and_never_a_number(scores: np.ndarray) -> None:
    holed = scores.copy()
    holed[3, 1] = np.nan
    said = draft(holed, scores)
    assert (said.verdict, said.current) == ("unscored", None)
    assert said.reason == "1 of 48 samples: it failed"


def test_scores_missing_in_the_baseline_are_unscored(scores: np.ndarray) -> None:
    holed = scores.copy()
    holed[3, 1] = np.nan
    verdict = draft(scores, holed)
    assert (verdict.verdict, verdict.reason) == ("unscored", wording.NO_BASELINE_SCORES)


def test_another_version_of_the_metric_is_not_comparable(scores: np.ndarray) -> None:
    before = make_run(scores)
    older = replace(before, metrics={"clip_score": replace(before.metrics["clip_score"], version="0")})
    verdict = collect_evidence(make_run(scores), older, "clip_score").draft
    assert (verdict.verdict, verdict.reason) == ("not_comparable", wording.other_version("0", "1"))


def test_other_reference_images_are_not_comparable(rng: np.random.Generator) -> None:
    features = rng.normal(size=(48, 8))
    one = with_features(make_run(np.ones((24, 2))), features, 1.0, reference="a")
    other = with_features(make_run(np.ones((24, 2))), features, 1.0, reference="b")
    verdict = collect_evidence(one, other, "frechet_distance").draft
    assert (verdict.verdict, verdict.reason) == ("not_comparable", wording.OTHER_REFERENCES)


def test_what_is_not_judged_is_information_however_far_it_fell(scores: np.ndarray) -> None:
    said = collect_evidence(reported_only(scores - 20), reported_only(scores), "clip_score").draft
    assert (said.verdict, said.reason) == ("informational", "reported only")
    assert said.current == pytest.approx(scores.mean() - 20)
    assert said.baseline == pytest.approx(scores.mean())
    assert said.change == pytest.approx(-20)


def test_a_distance_from_the_baseline_is_not_compared_with_an_earlier_distance(scores: np.ndarray) -> None:
    runs = [reported_only(each, reads_baseline=True) for each in (scores - 20, scores)]
    said = collect_evidence(*runs, "clip_score").draft
    assert (said.verdict, said.reason, said.baseline, said.change) == ("informational", "reported only", None, None)


def test_what_is_reported_is_not_compared_with_another_version(scores: np.ndarray) -> None:
    said = collect_evidence(reported_only(scores), reported_only(scores, version="0"), "clip_score").draft
    assert (said.verdict, said.baseline) == ("informational", None)
    assert said.reason == f"reported only; {wording.other_version('0', '1')}"


def test_without_a_baseline_what_is_not_judged_has_nothing_to_tell(scores: np.ndarray) -> None:
    run = reported_only(scores, reads_baseline=True)
    silent = replace(run, samples=tuple(replace(each, scores={}) for each in run.samples))
    said = collect_evidence(silent, None, "clip_score").draft
    assert (said.verdict, said.current) == ("informational", None)
    assert said.reason == "the baseline has no image to compare with"


def test_a_set_metric_without_baseline_features_is_unscored(rng: np.random.Generator) -> None:
    run = with_features(make_run(np.ones((24, 2))), rng.normal(size=(48, 8)), 1.0)
    verdict = collect_evidence(run, replace(run, features={}), "frechet_distance").draft
    assert (verdict.verdict, verdict.reason) == ("unscored", wording.NO_BASELINE_FEATURES)


def with_value(run: Run, value: float) -> Run:
    """The run with one score replaced by what only a corrupt file or another program can hold."""
    first = replace(run.samples[0], scores={"clip_score": value})
    return replace(run, samples=(first, *run.samples[1:]))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_score_that_is_no_number_is_unscored_on_either_side(scores: np.ndarray, value: float) -> None:
    run = make_run(scores)
    said = collect_evidence(with_value(run, value), run, "clip_score").draft
    assert (said.verdict, said.current) == ("unscored", None)
    said = collect_evidence(run, with_value(run, value), "clip_score").draft
    assert (said.verdict, said.baseline) == ("unscored", None)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_set_score_that_is_no_number_is_unscored_on_either_side(rng: np.random.Generator, value: float) -> None:
    features = rng.normal(size=(48, 8))
    run, odd = (with_features(make_run(np.ones((24, 2)) + each), features + each, each) for each in (1.0, value))
    swapped = partial(swapped_difference, reference=Reference.of(rng.normal(size=(99, 8))))
    assert collect_evidence(odd, run, "frechet_distance", swapped).draft.verdict == "unscored"
    assert collect_evidence(run, odd, "frechet_distance", swapped).draft.verdict == "unscored"


@pytest.mark.parametrize("cases", [1, 24])
def test_all_scores_null_is_unscored(cases: int) -> None:
    nothing, something = np.full((cases, 2), np.nan), np.full((cases, 2), 30.0)
    assert draft(nothing, nothing).verdict == "unscored"
    assert draft(nothing, something).verdict == "unscored"
    assert draft(something, nothing).verdict == "unscored"


def test_other_images_with_equal_scores_pass_and_say_so(scores: np.ndarray) -> None:
    before = make_run(scores)
    other = replace(before, samples=tuple(replace(each, sha256=f"other {each.sha256}") for each in before.samples))
    said = collect_evidence(other, before, "clip_score").draft
    assert (said.verdict, said.change, said.reason) == ("passed", 0.0, "identical scores")


def test_one_other_image_among_identical_ones_is_enough_not_to_call_them_identical(scores: np.ndarray) -> None:
    before = make_run(scores)
    other = replace(before, samples=(replace(before.samples[0], sha256="other"), *before.samples[1:]))
    assert collect_evidence(other, before, "clip_score").draft.reason == "identical scores"


def test_images_that_are_the_same_but_for_rounding_pass_however_few_they_are() -> None:
    said = draft(np.array([[10.0, 30.0]]), np.array([[10.01, 29.99]]))
    assert (said.verdict, said.low, said.high) == ("passed", pytest.approx(-0.01), pytest.approx(0.01))
    assert said.reason == "no sample changed by more than 10% of the tolerance"


@pytest.mark.parametrize(
    ("change", "reason"),
    [(0.0, "identical images; "), (0.01, "no sample changed by more than 10% of the tolerance"), (-5.0, "")],
)
def test_on_which_cases_a_metric_was_judged_is_told(scores: np.ndarray, change: float, reason: str) -> None:
    verdict = evidence(scores + change, scores, note="on 23 of 24 cases").draft
    assert "on 23 of 24 cases" in verdict.reason
    assert reason in verdict.reason


def test_rounds_of_seeds_share_the_level_by_the_cube_of_seeds(scores: np.ndarray, rng: np.random.Generator) -> None:
    rounds = ((0, 1), (0, 1, 2, 3))
    assert [share_of_round(rounds, number) for number in (0, 1)] == [pytest.approx(1 / 9), pytest.approx(8 / 9)]
    after = scores - 0.8 + rng.normal(0, 1.5, size=scores.shape)
    whole, part = evidence(after, scores), evidence(after, scores, share=0.25)
    assert part.p_worse == pytest.approx(min(1.0, 4 * whole.p_worse))


def test_seeds_that_the_baseline_lacks_leave_the_metric_unscored() -> None:
    before, after = np.full((8, 2), 30.0), np.full((8, 4), 30.0)
    said = draft(after, before)
    assert (said.verdict, said.reason) == ("unscored", "the baseline lacks scores of this metric")


def test_seeds_that_the_run_did_not_need_count_for_the_spread_only() -> None:
    rng = np.random.default_rng(3)
    before = rng.normal(30, 2, (8, 4))
    found = evidence(before[:, :1] - 1, before[:, :1], all_seeds=make_run(before))
    assert found.spread is not None
    assert found.spread.variance == pytest.approx(before.var(axis=1, ddof=1).mean())
    assert (found.spread.freedom, found.seeds) == (24, 1)


def test_a_metric_that_the_baseline_does_not_have_is_new(scores: np.ndarray) -> None:
    bare = replace(make_run(scores), metrics={})
    said = collect_evidence(make_run(scores), bare, "clip_score").draft
    assert (said.verdict, said.reason) == ("new", "the baseline does not have this metric")


def row(kind: Kind, **values: object) -> Verdict:
    """A verdict on the CLIP score of 24 cases."""
    whole = {"metric": "clip_score", "unit": "points", "n": 24, **values}
    return Verdict(suite="animals", target="tiny", case="", verdict=kind, **whole)


def test_the_row_of_a_metric_without_a_baseline_has_its_value(scores: np.ndarray) -> None:
    mean = pytest.approx(scores.mean())
    found = collect_evidence(make_run(scores), None, "clip_score")
    assert found == MetricEvidence(row("new", current=mean, reason=wording.NO_BASELINE))
    told = Circumstances(note="no case is shared")
    found = collect_evidence(make_run(scores), None, "clip_score", circumstances=told)
    assert found.draft.reason == "no case is shared"


def test_the_row_of_a_metric_of_identical_images_has_bounds_of_nothing(scores: np.ndarray) -> None:
    mean = pytest.approx(scores.mean())
    expected = row(
        "passed",
        baseline=mean,
        current=mean,
        change=0.0,
        low=0.0,
        high=0.0,
        tolerance=0.5,
        reason=wording.IDENTICAL_IMAGES,
    )
    assert evidence(scores, scores) == MetricEvidence(expected)


def test_the_row_of_a_metric_that_only_rounding_changed_has_the_smallest_and_the_largest_change(
    scores: np.ndarray,
) -> None:
    after = scores.copy()
    after[3, 0] -= 0.02
    after[5, 1] += 0.049
    found = evidence(after, scores, note="on 23 of 24 cases")
    assert found.draft == row(
        "passed",
        baseline=pytest.approx(scores.mean()),
        current=pytest.approx(after.mean()),
        change=pytest.approx((after - scores).mean()),
        low=pytest.approx(-0.02),
        high=pytest.approx(0.049),
        tolerance=0.5,
        reason=f"on 23 of 24 cases; {wording.only_rounding(0.1)}",
    )
    assert found.estimate is None


@pytest.mark.parametrize(("change", "tested"), [(0.0499, False), (0.0501, True)])
def test_a_change_of_a_tenth_of_the_tolerance_is_more_than_rounding(
    scores: np.ndarray, change: float, tested: bool
) -> None:
    after = scores.copy()
    after[3, 0] -= change
    assert (evidence(after, scores).estimate is not None) == tested


def test_an_image_that_changed_much_is_no_rounding_whatever_the_mean_does(scores: np.ndarray) -> None:
    after = scores.copy()
    after[3] += [5.0, -5.0]
    assert evidence(after, scores).estimate is not None


def shares(cases: int, seeds: int = 2) -> list[float]:
    """Shares of the error level of the tests of a suite."""
    rng = np.random.default_rng(cases)
    before = rng.normal(30, 3, (cases, seeds))
    return [share for _, share in evidence(before + rng.normal(0, 3, before.shape), before).tests]


def test_the_tests_share_the_error_level_as_documented() -> None:
    """In docs/verdicts.md: a twentieth for the stated variance, 45% for ranks from a dozen cases on."""
    assert shares(1) == [1.0]
    assert shares(11) == [pytest.approx(0.95), 0.05]
    assert shares(12) == [pytest.approx(0.5), 0.45, 0.05]


def test_without_seeds_and_other_cases_the_mean_is_the_only_test() -> None:
    found = evidence(np.array([[20.0]]), np.array([[30.0]]))
    assert [share for _, share in found.tests] == [1.0]


def test_the_estimate_and_its_tests_are_those_of_the_gains(scores: np.ndarray, rng: np.random.Generator) -> None:
    after = scores + rng.normal(-1, 1, scores.shape)
    found = evidence(after, scores)
    gains, spread = (after - scores).mean(axis=1), stats.seed_spread(scores)
    assert spread is not None
    estimate = stats.moderated_mean(gains, stats.Prior.of(spread, 2, 0.0))
    assert found.estimate == estimate
    assert found.tests == (
        (stats.moderated_mean(gains, stats.Prior.of(spread, 2, 0.5)), pytest.approx(0.5)),
        (stats.ranked_mean(gains, estimate.error), 0.45),
        (stats.stated_mean(gains, spread, 2, 0.5), 0.05),
    )
    assert (found.spread, found.share, found.seeds) == (spread, 1.0, 2)
    assert found.reach == pytest.approx(np.abs(gains).mean())


def test_of_scores_that_hang_together_it_is_not_known_that_more_seeds_help(scores: np.ndarray) -> None:
    metrics = {"clip_score": replace(CLIP_SCORE, alone=False)}
    run, baseline = (replace(make_run(values), metrics=metrics) for values in (scores - 1, scores))
    assert collect_evidence(run, baseline, "clip_score").spread is None


@pytest.mark.parametrize(("loss", "movable"), [(0.5, False), (0.51, True)])
def test_chance_could_move_a_metric_beyond_its_tolerance_where_its_changes_add_up_to_more(
    loss: float, movable: bool
) -> None:
    before = np.full((24, 2), 32.0)
    signs = np.tile([[1.0], [-1.0]], (12, 2))
    assert evidence(before + loss * signs, before).movable == movable


def test_without_an_estimate_there_is_no_test(scores: np.ndarray) -> None:
    found = evidence(scores, scores)
    assert not found.movable
    with pytest.raises(ValueError, match="clip_score is not tested"):
        found.test  # noqa: B018


def test_the_strongest_test_counts_with_its_share_of_the_level() -> None:
    weak, strong = stats.Estimate(-1.0, 1.0, 10.0), stats.Estimate(-1.0, 0.2, 10.0)
    found = MetricEvidence(row("new"), weak, ((weak, 0.5), (strong, 0.25)), share=0.5)
    assert found.test == (strong, 0.125)
    assert found.p_worse == strong.p_worse() / 0.125
    assert found.p_better == 1.0
    gained = stats.Estimate(1.0, 0.2, 10.0)
    assert MetricEvidence(row("new"), gained, ((gained, 0.5),), share=0.5).p_better == gained.p_better() / 0.25


def test_where_no_tests_are_named_the_estimate_is_tested() -> None:
    estimate = stats.Estimate(-1.0, 0.2, 10.0)
    assert MetricEvidence(row("new"), estimate).test == (estimate, 1.0)


def of_sets(before: np.ndarray, after: np.ndarray, values: tuple[float, float], parts: np.ndarray) -> MetricEvidence:
    """Evidence of a Fréchet distance that is a sum over cases, as swaps see it."""
    baseline, run = (
        with_features(make_run(np.full((24, 2), 30.0 + index)), features, value)
        for index, (features, value) in enumerate(zip((before, after), values, strict=True))
    )
    return collect_evidence(
        run, baseline, "frechet_distance", lambda *_: lambda swapped: float((1 - 2 * swapped) @ parts)
    )


def test_the_row_of_a_set_metric_has_its_change_and_a_share_of_the_baseline_as_tolerance(
    rng: np.random.Generator,
) -> None:
    features, parts = rng.normal(size=(48, 8)), rng.normal(0.1, 1, 24)
    found = of_sets(features, features + 1, (50.0, 50.0 + parts.sum()), parts)
    assert found.draft == row(
        "new",
        metric="frechet_distance",
        unit="",
        baseline=50.0,
        current=pytest.approx(50.0 + parts.sum()),
        change=pytest.approx(parts.sum()),
        tolerance=5.0,
        higher_is_better=False,
    )
    estimate, reach = stats.swap_estimate(lambda swapped: float((1 - 2 * swapped) @ parts), 24, 999)
    assert found.estimate == replace(estimate, gain=pytest.approx(-parts.sum()))
    assert (found.reach, found.seeds, found.share) == (reach, 2, 1.0)


@pytest.mark.parametrize("factor", [-1.0, -100.0])
def test_where_swaps_and_metric_disagree_on_the_direction_their_distance_is_the_least_error(
    rng: np.random.Generator, factor: float
) -> None:
    features, parts = rng.normal(size=(48, 8)), np.full(24, 0.01)
    found = of_sets(features, features + 1, (50.0, 50.0 + factor), parts)
    assert found.estimate is not None
    assert found.estimate.gain == pytest.approx(-factor)
    assert found.estimate.error == pytest.approx(abs(factor) + 0.24)


def test_features_of_the_baseline_are_put_in_the_order_of_the_run(rng: np.random.Generator) -> None:
    features = rng.normal(size=(48, 8))
    run = with_features(make_run(np.ones((24, 2))), features, 1.0)
    turned = replace(run, samples=run.samples[::-1], features={"clip": run.features["clip"][::-1]})
    found = collect_evidence(run, turned, "frechet_distance", lambda *_: lambda swapped: 0.0)
    assert found.draft.reason == wording.IDENTICAL_IMAGES


def test_equal_features_of_other_images_pass_and_say_so(rng: np.random.Generator) -> None:
    features = rng.normal(size=(48, 8))
    found = of_sets(features, features, (50.0, 50.0), np.ones(24))
    assert (found.draft.verdict, found.draft.reason) == ("passed", wording.IDENTICAL_FEATURES)
    assert (found.draft.low, found.draft.high) == (0.0, 0.0)


def test_a_set_metric_that_failed_says_why(rng: np.random.Generator) -> None:
    run = with_features(make_run(np.ones((24, 2))), rng.normal(size=(48, 8)), 1.0)
    score = run.set_scores["frechet_distance"]
    for reason, expected in (("too few images", "too few images"), ("", wording.NO_SCORE)):
        failed = replace(run, set_scores={"frechet_distance": replace(score, value=None, reason=reason)})
        draft = collect_evidence(failed, run, "frechet_distance").draft
        assert (draft.verdict, draft.reason) == ("unscored", expected)


def of_first_cases(scores: np.ndarray, count: int) -> Run:
    """A run of which the metric says nothing of later cases."""
    run = make_run(scores)
    chosen = [f"case-{number}" for number in range(count)]
    samples = (
        sample if sample.case in chosen else replace(sample, scores={}, inapplicable={"clip_score": "text"})
        for sample in run.samples
    )
    return replace(run, samples=tuple(samples))


def test_cases_that_a_metric_says_nothing_of_are_counted_and_left_out(scores: np.ndarray) -> None:
    evidence = collect_evidence(of_first_cases(scores - 1, 3), of_first_cases(scores, 3), "clip_score")
    assert evidence.draft.reason == f"3 of {len(scores)} cases have text"
    assert evidence.draft.n == 3
    assert evidence.draft.current == pytest.approx(scores[:3].mean() - 1)
    assert evidence.draft.change == pytest.approx(-1)


def test_a_metric_that_says_nothing_of_any_case_is_information(scores: np.ndarray) -> None:
    verdict = collect_evidence(of_first_cases(scores, 0), of_first_cases(scores, 0), "clip_score").draft
    assert (verdict.verdict, verdict.reason) == ("informational", wording.APPLIES_TO_NONE)
