from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from sdeval.comparison import Circumstances, MetricEvidence, Verdict, collect_evidence, share_of_round, wording
from sdeval.metrics.base import Reference
from sdeval.metrics.sets.frechet_distance import swapped_difference
from sdeval.results.run import Run
from tests.conftest import make_run, with_features


def evidence(after: np.ndarray, before: np.ndarray, **circumstances: object) -> MetricEvidence:
    settings = Circumstances(**circumstances)
    return collect_evidence(make_run(after), make_run(before), "clip_score", circumstances=settings)


def draft(after: np.ndarray, before: np.ndarray) -> Verdict:
    """The verdict before statistics."""
    return evidence(after, before).draft


@pytest.fixture
def scores(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(30, 3, size=(24, 2))


def reported_only(scores: np.ndarray) -> Run:
    """A run whose one metric is reported and not judged."""
    run = make_run(scores)
    return replace(run, metrics={"clip_score": replace(run.metrics["clip_score"], gating=False)})


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


def test_without_a_baseline_what_is_not_judged_has_nothing_to_tell(scores: np.ndarray) -> None:
    run = reported_only(scores)
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
