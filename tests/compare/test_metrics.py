from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from sdeval import stats
from sdeval.compare import Gate, Rule, Verdict, decide, judge_gates, weigh
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


def test_a_test_that_says_the_opposite_of_the_figure_shows_nothing(rng: np.random.Generator) -> None:
    features = rng.normal(size=(48, 8))
    for figures in ((1.0, 2.0), (2.0, 1.0)):
        one, other = (
            with_features(make_run(np.full((24, 2), 30.0 + index)), features + index, figure)
            for index, figure in enumerate(figures)
        )
        signs = np.full(24, figures[1] - figures[0])
        gate = weigh(one, other, "frechet_distance", lambda *_, signs=signs: lambda swapped: (1 - 2 * swapped) @ signs)
        assert min(gate.p_worse, gate.p_better) < 1e-3
        assert judge_gates([gate])[0].verdict in ("inconclusive", "passed")


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
    assert said.reason == "5 cases are too few to show any loss beside 1 gates; it takes 8"


@pytest.mark.parametrize(("gates", "looks"), [(1, 1), (1, 3), (3, 2), (40, 4)])
def test_as_many_cases_as_it_takes_can_show_a_loss_and_one_less_cannot(
    rng: np.random.Generator, gates: int, looks: int
) -> None:
    def said(cases: int) -> Verdict:
        scores = rng.normal(30, 3, size=(cases, 2))
        gate = weigh(make_run(scores - 20), make_run(scores), "clip_score", rule=Rule(gates, looks))
        return judge_gates([gate], total=gates)[0]

    takes = int(said(3).reason.split()[-1])
    assert said(takes).verdict == "regressed"
    assert said(takes - 1).reason.endswith(f"it takes {takes}")


def test_a_clear_loss_is_found_beside_any_number_of_gates(scores: np.ndarray) -> None:
    gate = weigh(make_run(scores - 20), make_run(scores), "clip_score", rule=Rule(gates=5000))
    assert judge_gates([gate], total=5000)[0].verdict == "regressed"


def test_inconclusive_says_about_how_many_cases_would_decide_and_they_do(rng: np.random.Generator) -> None:
    def draw(cases: int) -> Verdict:
        before = rng.normal(30, 3, size=(cases, 1))
        return judge(before - 0.2 + rng.normal(0, 1.0, size=before.shape), before)

    reasons = [said.reason for said in (draw(14) for _ in range(40)) if said.verdict == "inconclusive"]
    assert reasons
    told = [int(reason.split("about ")[1].split()[0]) for reason in reasons if "about" in reason]
    # Each number comes from the loss and the spread of one draw; their median knows both better.
    needed = int(np.median(told))
    assert np.mean([draw(needed).verdict == "passed" for _ in range(100)]) == pytest.approx(0.8, abs=0.12)


def test_no_number_of_cases_is_told_that_the_suite_has_already(rng: np.random.Generator) -> None:
    for _ in range(60):
        before = rng.normal(30, 3, size=(9, 1))
        said = judge(before - 3 + rng.normal(0, 2.5, size=before.shape), before)
        if "about" in said.reason:
            assert int(said.reason.split("about ")[1].split()[0]) > 9


def test_an_unbounded_interval_is_none_and_fits_into_json(scores: np.ndarray) -> None:
    from dataclasses import asdict

    from sdeval.files import dump_json

    said = judge_gates([weigh(make_run(scores[:3] - 20), make_run(scores[:3]), "clip_score")])[0]
    assert (said.low, said.high) == (None, None)
    assert dump_json(asdict(said))


def with_value(run: Run, value: float) -> Run:
    """The run with one score replaced by what only a damaged file or another program can hold."""
    first = replace(run.samples[0], scores={"clip_score": value})
    return replace(run, samples=(first, *run.samples[1:]))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_score_that_is_no_number_is_unscored_on_either_side(scores: np.ndarray, value: float) -> None:
    run = make_run(scores)
    (said,) = judge_gates([weigh(with_value(run, value), run, "clip_score")])
    assert (said.verdict, said.current) == ("unscored", None)
    (said,) = judge_gates([weigh(run, with_value(run, value), "clip_score")])
    assert (said.verdict, said.baseline) == ("unscored", None)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_set_score_that_is_no_number_is_unscored_on_either_side(rng: np.random.Generator, value: float) -> None:
    features = rng.normal(size=(48, 8))
    run, odd = (with_features(make_run(np.ones((24, 2)) + each), features + each, each) for each in (1.0, value))
    swapped = partial(swapped_difference, reference=Reference.of(rng.normal(size=(99, 8))))
    assert judge_gates([weigh(odd, run, "frechet_distance", swapped)])[0].verdict == "unscored"
    assert judge_gates([weigh(run, odd, "frechet_distance", swapped)])[0].verdict == "unscored"


@pytest.mark.parametrize("cases", [1, 24])
def test_all_scores_null_is_unscored(cases: int) -> None:
    nothing, something = np.full((cases, 2), np.nan), np.full((cases, 2), 30.0)
    assert judge(nothing, nothing).verdict == "unscored"
    assert judge(nothing, something).verdict == "unscored"
    assert judge(something, nothing).verdict == "unscored"


def test_other_pictures_with_equal_scores_pass_and_say_so(scores: np.ndarray) -> None:
    before = make_run(scores)
    other = replace(before, samples=tuple(replace(each, sha256=f"other {each.sha256}") for each in before.samples))
    said = judge_gates([weigh(other, before, "clip_score")])[0]
    assert (said.verdict, said.delta, said.reason) == ("passed", 0.0, "identical scores")


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


@pytest.mark.parametrize("change", [0.1, -0.1, 20.0, -20.0])
def test_one_case_is_inconclusive_whatever_it_did(change: float) -> None:
    said = judge(np.array([[30.0 + change]]), np.array([[30.0]]))
    assert said.verdict == "inconclusive"
    assert (said.low, said.high) == (None, None)
    assert said.reason.startswith("1 cases are too few")


def test_one_case_that_is_the_same_passes() -> None:
    assert judge(np.array([[30.0]]), np.array([[30.0]])).verdict == "passed"


def test_a_share_of_a_baseline_of_zero_tolerates_no_loss(rng: np.random.Generator) -> None:
    before, after = make_run(np.zeros((24, 2))), make_run(np.zeros((24, 2)) - rng.random((24, 2)) / 100)
    record = replace(before.metrics["clip_score"], tolerance=0.1, tolerance_is_relative=True)
    one, other = (replace(run, metrics={"clip_score": record}) for run in (after, before))
    assert judge_gates([weigh(one, other, "clip_score")])[0].verdict == "regressed"


def test_every_look_has_its_share_of_the_error_level(scores: np.ndarray, rng: np.random.Generator) -> None:
    after = scores - 0.8 + rng.normal(0, 1.5, size=scores.shape)
    once, thrice = (weigh(make_run(after), make_run(scores), "clip_score", rule=Rule(looks=n)) for n in (1, 3))
    assert thrice.p_worse == pytest.approx(3 * once.p_worse)
    assert (once.p_better, thrice.p_better) == (pytest.approx(1, abs=0.05), 1.0)


def test_every_look_of_a_set_has_its_share_of_the_error_level(rng: np.random.Generator) -> None:
    before, real = rng.normal(size=(48, 4)), rng.normal(size=(200, 4))
    after = before + rng.normal(0.05, 0.4, size=before.shape)
    reference = Reference.of(real)
    one, other = (with_features(make_run(np.ones((24, 2))), x, frechet_distance(x, reference)) for x in (after, before))
    swapped = partial(swapped_difference, reference=reference)
    once, thrice = (weigh(one, other, "frechet_distance", swapped, Rule(looks=n)) for n in (1, 3))
    assert thrice.p_worse == pytest.approx(min(1, 3 * once.p_worse))
    assert thrice.p_better == pytest.approx(min(1, 3 * once.p_better))


def test_a_tolerable_loss_has_to_be_excluded_more_surely_by_each_of_several_looks(rng: np.random.Generator) -> None:
    before = rng.normal(30, 3, size=(14, 1))
    after = before + rng.normal(0, 1, size=before.shape)
    by_looks = [weigh(make_run(after), make_run(before), "clip_score", rule=Rule(looks=n)).not_worse for n in (1, 50)]
    assert by_looks == [True, False]


def broken(run: Run, seed: int) -> Run:
    """The run with every picture of a seed black."""
    return replace(
        run, samples=tuple(replace(each, health="black") if each.seed == seed else each for each in run.samples)
    )


def told_by_cases(*seeds: int) -> frozenset[tuple[str, int]]:
    return frozenset((f"case-{case}", seed) for case in range(24) for seed in seeds)


def test_broken_pictures_of_seeds_that_no_case_has_judged_break_the_gate(scores: np.ndarray) -> None:
    run = make_run(scores)
    said = judge_gates([weigh(broken(run, 1), run, "clip_score", rule=Rule(seen=told_by_cases(0)))])[0]
    assert said.verdict == "broken"
    assert said.reason.startswith(
        "24 pictures that no case tells of: case-0@1 is black, case-1@1 is black, case-2@1 is"
    )


@pytest.mark.parametrize("seeds", [None, (0, 1)])
def test_broken_pictures_that_cases_tell_of_do_not_break_the_gate_too(
    scores: np.ndarray, seeds: tuple[int, ...] | None
) -> None:
    run = make_run(scores)
    seen = None if seeds is None else told_by_cases(*seeds)
    assert judge_gates([weigh(broken(run, 1), run, "clip_score", rule=Rule(seen=seen))])[0].verdict == "passed"


def gate(name: str, **evidence: object) -> Gate:
    said = Verdict(suite="a", target="b", metric=name, case="", verdict="new", delta=-1.0, tolerance=0.5, n=24)
    return Gate(**{"said": said, "decided": False, "error": 1.0, **evidence})


def test_what_is_decided_is_not_looked_at_again() -> None:
    asked: list[list[str]] = []

    def further(names: Sequence[str]) -> dict[str, Gate]:
        asked.append(list(names))
        return {}

    gates = {"shown": gate("shown", p_worse=1e-4), "sound": gate("sound", not_worse=True), "open": gate("open")}
    verdicts = decide(gates, further)
    assert asked == [["open"]]
    found = {name: each.verdict for name, each in verdicts.items()}
    assert found == {"shown": "regressed", "sound": "passed", "open": "inconclusive"}


def test_looking_ends_as_soon_as_everything_is_decided() -> None:
    looks = iter([{"one": gate("one", not_worse=True)}, {"two": gate("two", p_worse=1e-5)}])
    asked: list[list[str]] = []

    def further(names: Sequence[str]) -> dict[str, Gate]:
        asked.append(list(names))
        return next(looks) if names else {}

    verdicts = decide({"one": gate("one"), "two": gate("two")}, further)
    assert asked == [["one", "two"], ["two"], []]
    assert [each.verdict for each in verdicts.values()] == ["passed", "regressed"]


def test_what_an_earlier_look_showed_stays_shown() -> None:
    # Beside three gates it was not enough; once the others are decided it is.
    earlier, later = gate("one", p_worse=0.003, p_better=0.9), gate("one", p_worse=0.2, p_better=0.001)
    kept = later.after(earlier)
    assert (kept.p_worse, kept.p_better, kept.said) == (0.003, 0.001, later.said)
    assert gate("one").after(gate("one", not_worse=True)).not_worse


def test_decide_counts_the_gates_that_another_process_judges() -> None:
    gates = {"one": gate("one", p_worse=0.003)}
    assert decide(gates, lambda _: {})["one"].verdict == "regressed"
    assert decide(gates, lambda _: {}, total=2)["one"].verdict == "inconclusive"


def test_looks_together_keep_the_error_level() -> None:
    """Up to three looks at figures in which nothing changed, the real rule with a level that shows in few runs."""
    rng = np.random.default_rng(1)
    level, alarms = 0.05, 0
    for _ in range(400):
        change = rng.normal(0, 1, size=(10, 4))
        p_values = [3 * stats.sign_flip_p(change[:, :seeds].mean(axis=1)) for seeds in (1, 2, 4)]
        alarms += min(p_values) < level
    assert alarms / 400 <= level


def more_cases(scores: np.ndarray) -> np.ndarray:
    return np.concatenate([scores, scores[:1]])


def test_a_loss_on_the_cases_that_the_baseline_has_is_not_hidden_by_a_new_case(scores: np.ndarray) -> None:
    after = more_cases(scores - 5)
    said = judge(after, scores)
    assert (said.verdict, said.n) == ("regressed", len(scores))
    assert said.reason == f"on the {len(scores)} cases that the baseline has as well"


def test_without_a_loss_a_suite_with_a_new_case_is_new(scores: np.ndarray, rng: np.random.Generator) -> None:
    said = judge(more_cases(scores + rng.normal(0, 0.1, scores.shape)), scores)
    assert (said.verdict, said.reason) == ("new", "the baseline lacks 2 of 50 samples")


def test_a_loss_is_not_hidden_by_a_changed_prompt(scores: np.ndarray) -> None:
    before = make_run(scores)
    other = replace(before.samples[0], fingerprint="something else")
    before = replace(before, samples=(other, *before.samples[1:]))
    assert judge_gates([weigh(make_run(scores - 5), before, "clip_score")])[0].verdict == "regressed"
    assert judge_gates([weigh(make_run(scores), before, "clip_score")])[0].verdict == "not comparable"


def test_broken_pictures_that_no_case_tells_of_are_told_by_the_figure(scores: np.ndarray) -> None:
    run = make_run(scores)
    sick = replace(run.samples[0], health="black")
    run = replace(run, samples=(sick, *run.samples[1:]))
    weighed = [weigh(run, make_run(scores), "clip_score", rule=Rule(seen=seen)) for seen in (frozenset(), None)]
    assert [each.verdict for each in judge_gates(weighed)] == ["broken", "passed"]
