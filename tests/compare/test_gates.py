from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from sdeval.compare import Rule, Verdict, judge_gates, weigh
from sdeval.metrics.base import Reference
from sdeval.metrics.frechet_distance import frechet_distance, swapped_difference
from sdeval.run import Run
from tests.conftest import make_run, with_features


def judge(after: np.ndarray, before: np.ndarray) -> Verdict:
    return judge_gates([weigh(make_run(after), make_run(before), "clip_score")])[0]


@pytest.fixture
def scores(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(30, 3, size=(24, 2))


def test_identical_pictures_pass_without_a_test(scores: np.ndarray) -> None:
    said = judge(scores, scores)
    assert (said.verdict, said.delta, said.reason) == ("passed", 0.0, "identical pictures")


def test_a_clear_loss_is_a_regression(scores: np.ndarray, rng: np.random.Generator) -> None:
    said = judge(scores - 2 + rng.normal(0, 0.5, size=scores.shape), scores)
    assert said.verdict == "regressed"
    assert said.delta == pytest.approx(-2, abs=0.3)
    assert said.p_value is not None
    assert said.p_value < 0.005


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
    assert judge_gates([weigh(turned[0], turned[1], "clip_score")])[0].verdict == "regressed"


def test_one_case_decides_nothing() -> None:
    assert judge(np.array([[10.0, 10.0]]), np.array([[30.0, 30.0]])).verdict == "inconclusive"


def test_no_baseline_is_new(scores: np.ndarray) -> None:
    assert judge_gates([weigh(make_run(scores), None, "clip_score")])[0].verdict == "new"


def test_a_missing_score_is_unscored_and_never_a_number(scores: np.ndarray) -> None:
    holed = scores.copy()
    holed[3, 1] = np.nan
    said = judge(holed, scores)
    assert (said.verdict, said.current) == ("unscored", None)
    assert said.reason == "1 of 48 samples: it failed"


def test_scores_missing_in_the_baseline_are_unscored(scores: np.ndarray) -> None:
    holed = scores.copy()
    holed[3, 1] = np.nan
    assert judge(scores, holed).verdict == "unscored"


def test_another_version_of_the_metric_is_not_comparable(scores: np.ndarray) -> None:
    before = make_run(scores)
    older = replace(before, metrics={"clip_score": replace(before.metrics["clip_score"], version="0")})
    assert judge_gates([weigh(make_run(scores), older, "clip_score")])[0].verdict == "not comparable"


def test_other_prompts_are_not_comparable(scores: np.ndarray) -> None:
    before = make_run(scores)
    changed = replace(before, samples=tuple(replace(each, fingerprint="other") for each in before.samples))
    said = judge_gates([weigh(make_run(scores), changed, "clip_score")])[0]
    assert said.verdict == "not comparable"
    assert said.reason.startswith("48 of 48 samples")


def test_removed_cases_are_not_comparable(scores: np.ndarray) -> None:
    assert judge(scores[:20], scores).verdict == "not comparable"


def test_added_cases_are_new(scores: np.ndarray) -> None:
    assert judge(scores, scores[:20]).verdict == "new"


def test_many_gates_raise_the_bar(scores: np.ndarray, rng: np.random.Generator) -> None:
    gate = weigh(make_run(scores - 1.3 + rng.normal(0, 1.7, size=scores.shape)), make_run(scores), "clip_score")
    assert judge_gates([gate])[0].verdict == "regressed"
    assert judge_gates([gate], total=200)[0].verdict == "inconclusive"


def set_verdict(after: np.ndarray, before: np.ndarray, real: np.ndarray) -> Verdict:
    reference = Reference.of(real)
    one, other = (
        with_features(make_run(np.full((24, 2), 30.0 + index)), values, frechet_distance(values, reference))
        for index, values in enumerate((after, before))
    )
    gate = weigh(one, other, "frechet_distance", partial(swapped_difference, reference=reference))
    return judge_gates([gate])[0]


def test_a_set_that_moves_away_from_the_reference_regresses(rng: np.random.Generator) -> None:
    before, real = rng.normal(size=(48, 8)), rng.normal(size=(200, 8))
    assert set_verdict(before + 1.5, before, real).verdict == "regressed"


def test_a_set_that_comes_closer_improves(rng: np.random.Generator) -> None:
    after, real = rng.normal(size=(48, 8)), rng.normal(size=(200, 8))
    assert set_verdict(after, after + 1.5, real).verdict == "improved"


def test_the_same_set_passes(rng: np.random.Generator) -> None:
    values, real = rng.normal(size=(48, 8)), rng.normal(size=(200, 8))
    assert set_verdict(values, values, real).verdict == "passed"


def test_other_reference_pictures_are_not_comparable(rng: np.random.Generator) -> None:
    features = rng.normal(size=(48, 8))
    one = with_features(make_run(np.ones((24, 2))), features, 1.0, reference="a")
    other = with_features(make_run(np.ones((24, 2))), features, 1.0, reference="b")
    assert judge_gates([weigh(one, other, "frechet_distance")])[0].verdict == "not comparable"


def told(scores: np.ndarray) -> Run:
    """A run whose one metric is told and not judged."""
    run = make_run(scores)
    return replace(run, metrics={"clip_score": replace(run.metrics["clip_score"], judged=False)})


def test_what_is_not_judged_is_information_however_far_it_fell(scores: np.ndarray) -> None:
    said = judge_gates([weigh(told(scores - 20), told(scores), "clip_score")])[0]
    assert (said.verdict, said.reason) == ("information", "told, not judged")
    assert said.current == pytest.approx(scores.mean() - 20)


def test_without_a_baseline_what_is_not_judged_has_nothing_to_tell(scores: np.ndarray) -> None:
    run = told(scores)
    silent = replace(run, samples=tuple(replace(each, scores={}) for each in run.samples))
    said = judge_gates([weigh(silent, None, "clip_score")])[0]
    assert (said.verdict, said.current) == ("information", None)
    assert said.reason == "no picture of the baseline to compare with"


def test_what_is_not_judged_is_no_gate_that_raises_the_bar(scores: np.ndarray, rng: np.random.Generator) -> None:
    gate = weigh(make_run(scores - 1.3 + rng.normal(0, 1.7, size=scores.shape)), make_run(scores), "clip_score")
    others = [weigh(told(scores), told(scores), "clip_score")] * 199
    assert judge_gates([gate, *others])[0].verdict == "regressed"


def test_a_set_metric_without_baseline_features_is_unscored(rng: np.random.Generator) -> None:
    run = with_features(make_run(np.ones((24, 2))), rng.normal(size=(48, 8)), 1.0)
    assert judge_gates([weigh(run, replace(run, features={}), "frechet_distance")])[0].verdict == "unscored"


def test_a_clear_loss_is_found_beside_a_hundred_gates(scores: np.ndarray, rng: np.random.Generator) -> None:
    gates = [weigh(make_run(scores - 20), make_run(scores), "clip_score", rule=Rule(gates=100))] * 100
    assert {each.verdict for each in judge_gates(gates)} == {"regressed"}


def test_too_few_cases_say_how_many_it_takes(scores: np.ndarray) -> None:
    said = judge_gates([weigh(make_run(scores[:5] - 20), make_run(scores[:5]), "clip_score")])[0]
    assert said.verdict == "inconclusive"
    assert said.reason == "5 cases are too few to show any loss beside 1 gates; it takes 9"
    nine = judge_gates([weigh(make_run(scores[:9] - 20), make_run(scores[:9]), "clip_score")])[0]
    assert nine.verdict == "regressed"


def test_an_unbounded_interval_is_none_and_fits_into_json(scores: np.ndarray) -> None:
    from dataclasses import asdict

    from sdeval.files import dump_json

    said = judge_gates([weigh(make_run(scores[:3] - 20), make_run(scores[:3]), "clip_score")])[0]
    assert (said.low, said.high) == (None, None)
    assert dump_json(asdict(said))
