from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sdeval import SdevalError
from sdeval.comparison import Kind, Verdict, notes, wording
from sdeval.comparison.matrix import Matrix, Row, compare_settings
from sdeval.comparison.names import letters, setting_names
from sdeval.comparison.speed import LatencyStats
from sdeval.config.suite import CLOCK
from sdeval.results.records import Timing
from sdeval.results.run import LOAD, Run
from tests.conftest import CLIP_SCORE, make_run, with_features


@pytest.fixture
def scores(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(30, 3, size=(24, 2))


def timed(run: Run, seconds: float, **changes: object) -> Run:
    times = {each.key: Timing(call=call, seconds=seconds) for call, each in enumerate(run.samples)}
    return replace(run, timings=times, environment={"hardware": "one GPU"}, **changes)


@pytest.fixture
def runs(scores: np.ndarray, rng: np.random.Generator) -> dict[str, Run]:
    hair = rng.normal(0, 0.01, scores.shape)
    return {
        "fifty steps": timed(make_run(scores), 2.0),
        "twenty steps": timed(make_run(scores + hair), 0.8),
        "two steps": timed(make_run(scores - 8), 0.1),
    }


def test_settings_are_judged_against_the_reference(runs: dict[str, Run]) -> None:
    matrix = compare_settings(runs, "fifty steps", lambda _: None)
    said = {row.name: row.verdicts[0].verdict for row in matrix.rows}
    assert said == {"fifty steps": "informational", "twenty steps": "passed", "two steps": "regressed"}


def test_the_fastest_is_one_that_is_not_worse(runs: dict[str, Run]) -> None:
    fastest = compare_settings(runs, "fifty steps", lambda _: None).fastest
    assert fastest is not None
    assert fastest.name == "twenty steps"


def test_what_is_neither_shown_nor_excluded_is_not_called_cheap(runs: dict[str, Run], rng: np.random.Generator) -> None:
    shaken = make_run(np.array([[each.scores["clip_score"]] for each in runs["fifty steps"].samples]).reshape(24, 2))
    noisy = make_run(rng.normal(30, 3, size=(24, 2)))
    matrix = compare_settings({"a": timed(shaken, 2.0), "b": timed(noisy, 0.1)}, "a", lambda _: None)
    assert matrix.rows[1].verdicts[0].verdict == "inconclusive"
    assert matrix.fastest is not None
    assert matrix.fastest.name == "a"


def test_times_of_different_machines_are_not_compared(runs: dict[str, Run]) -> None:
    runs["twenty steps"] = replace(runs["twenty steps"], environment={"hardware": "another GPU"})
    matrix = compare_settings(runs, "fifty steps", lambda _: None)
    assert matrix.fastest is None
    assert of(matrix, "twenty steps").time_obstacle == wording.other_machine("another GPU", "one GPU")
    assert matrix.speed_up(of(matrix, "twenty steps")) is None


def test_the_front_holds_what_no_other_beats_in_time_and_quality(runs: dict[str, Run]) -> None:
    runs["slow and bad"] = timed(runs["two steps"], 3.0)
    matrix = compare_settings(runs, "fifty steps", lambda _: None)
    assert not {row.name: row.on_front for row in matrix.rows}["slow and bad"]
    assert {row.name: row.on_front for row in matrix.rows}["two steps"]


def test_one_setting_that_is_as_fast_and_better_is_enough_to_leave_the_front(runs: dict[str, Run]) -> None:
    runs["twenty slower steps"] = timed(runs["twenty steps"], 1.0)
    matrix = compare_settings(runs, "fifty steps", lambda _: None)
    on_front = {row.name: row.on_front for row in matrix.rows}
    assert (on_front["twenty steps"], on_front["twenty slower steps"]) == (True, False)


def test_settings_that_are_equal_are_both_on_the_front(runs: dict[str, Run]) -> None:
    runs["twenty steps again"] = runs["twenty steps"]
    on_front = {row.name: row.on_front for row in compare_settings(runs, "fifty steps", lambda _: None).rows}
    assert (on_front["twenty steps"], on_front["twenty steps again"]) == (True, True)


@pytest.mark.parametrize(
    ("kinds", "broken", "worse", "not_worse"),
    [
        (("passed", "improved"), 0, False, True),
        (("passed", "inconclusive"), 0, False, False),
        (("passed", "regressed"), 0, True, False),
        (("passed", "informational"), 0, False, True),
        (("informational",), 0, False, False),
        (("passed",), 1, True, False),
    ],
)
def test_a_setting_is_worse_by_any_metric_and_not_worse_by_all(
    kinds: tuple[Kind, ...], broken: int, worse: bool, not_worse: bool
) -> None:
    verdicts = tuple(
        Verdict(suite="animals", target="tiny", metric=f"metric-{number}", case="", verdict=kind)
        for number, kind in enumerate(kinds)
    )
    row = Row("two steps", verdicts, None, "one GPU", broken)
    assert (row.worse, row.not_worse) == (worse, not_worse)


def test_broken_images_make_a_setting_worse(runs: dict[str, Run]) -> None:
    sick = replace(runs["twenty steps"].samples[0], defect="black")
    runs["twenty steps"] = replace(runs["twenty steps"], samples=(sick, *runs["twenty steps"].samples[1:]))
    matrix = compare_settings(runs, "fifty steps", lambda _: None)
    row = matrix.rows[1]
    assert (row.broken, row.images, row.worse, row.not_worse) == (1, 48, True, False)


def without_image(run: Run, row: int) -> Run:
    """The run without one of its images."""
    missing = replace(run.samples[row], image="", failure="out of memory", scores={})
    return replace(run, samples=(*run.samples[:row], missing, *run.samples[row + 1 :]))


@pytest.mark.parametrize("lacking", ["fifty steps", "twenty steps"])
def test_a_missing_image_costs_one_case_of_all_settings(runs: dict[str, Run], lacking: str) -> None:
    whole = compare_settings(runs, "fifty steps", lambda _: None)
    runs[lacking] = without_image(runs[lacking], 3)
    matrix = compare_settings(runs, "fifty steps", lambda _: None)
    reference, cheaper, cheapest = (row.verdicts[0] for row in matrix.rows)
    assert (cheaper.verdict, cheapest.verdict) == ("passed", "regressed")
    assert {verdict.n for verdict in (reference, cheaper, cheapest)} == {23}
    assert cheapest.baseline == reference.current != whole.rows[0].verdicts[0].current
    assert wording.without_lacking(1) in cheaper.reason
    assert of(matrix, lacking).broken == 1


def test_without_any_whole_case_a_metric_is_unscored(runs: dict[str, Run]) -> None:
    run = runs["two steps"]
    runs["two steps"] = replace(run, samples=tuple(replace(each, scores={}) for each in run.samples))
    matrix = compare_settings(runs, "fifty steps", lambda _: None)
    assert of(matrix, "two steps").verdicts[0].verdict == "unscored"


def test_runs_are_reduced_to_the_samples_they_share(runs: dict[str, Run], scores: np.ndarray) -> None:
    runs["fifty steps"] = timed(make_run(np.hstack([scores, scores])), 2.0)
    matrix = compare_settings(runs, "fifty steps", lambda _: None)
    assert matrix.rows[1].verdicts[0].verdict == "passed"
    assert matrix.notes == (notes.shared_samples(48, 96), wording.NOT_INTERLEAVED)


def test_runs_that_share_nothing_cannot_be_compared(scores: np.ndarray) -> None:
    other = make_run(scores)
    other = replace(other, samples=tuple(replace(each, fingerprint="other") for each in other.samples))
    with pytest.raises(SdevalError, match="no sample in common"):
        compare_settings({"a": make_run(scores), "b": other}, "a", lambda _: None)
    with pytest.raises(SdevalError, match="runs of different suites"):
        compare_settings({"a": make_run(scores), "b": make_run(scores, suite="plants")}, "a", lambda _: None)


def test_latency_is_median_ninetieth_and_deviation() -> None:
    assert LatencyStats.of([]) is None
    assert LatencyStats.of([1.0, 2.0, 3.0, 4.0, 100.0]) == LatencyStats(3.0, pytest.approx(61.6), 1.0, 5)


def test_settings_are_named_by_what_differs(scores: np.ndarray) -> None:
    one = make_run(scores, generated_by={"scheduler": "DDIM", "dtype": "float16"})
    two = make_run(scores, generated_by={"scheduler": "Euler", "dtype": "float16"})
    assert setting_names([one, two]) == ["tiny scheduler=DDIM", "tiny scheduler=Euler"]
    assert setting_names([one, replace(two, target="other")]) == ["tiny", "other"]
    newer = replace(one, environment={"packages": {"torch": "3"}})
    older = replace(one, environment={"packages": {"torch": "2"}})
    assert setting_names([older, newer]) == ["tiny torch=2", "tiny torch=3"]
    assert setting_names([one, one]) == ["tiny #1", "tiny #2"]


def of(matrix: Matrix, name: str) -> Row:
    (row,) = (row for row in matrix.rows if row.name == name)
    return row


def test_the_reference_is_not_compared_with_itself(runs: dict[str, Run], scores: np.ndarray) -> None:
    (verdict,) = of(compare_settings(runs, "fifty steps", lambda _: None), "fifty steps").verdicts
    mean = pytest.approx(scores.mean())
    assert verdict == Verdict(
        suite="animals",
        target="tiny",
        metric="clip_score",
        case="",
        verdict="informational",
        unit="points",
        baseline=mean,
        current=mean,
        n=24,
        reason="the reference",
    )


def test_a_row_has_what_is_known_of_its_setting(runs: dict[str, Run]) -> None:
    sick = replace(runs["two steps"].samples[0], defect="black")
    runs["two steps"] = replace(runs["two steps"], samples=(sick, *runs["two steps"].samples[1:]))
    matrix = compare_settings(runs, "fifty steps", lambda _: None)
    row = of(matrix, "two steps")
    assert (matrix.suite, matrix.reference) == ("animals", "fifty steps")
    assert [row.name for row in matrix.rows] == list(runs)
    assert row.seconds is not None
    assert (row.seconds.median, row.hardware, row.broken) == (0.1, "one GPU", 1)


def test_a_run_that_does_not_name_its_machine_is_of_unknown_hardware(scores: np.ndarray) -> None:
    matrix = compare_settings({"a": make_run(scores), "b": make_run(scores)}, "a", lambda _: None)
    assert {(row.hardware, row.seconds, row.on_front) for row in matrix.rows} == {("unknown hardware", None, False)}
    assert matrix.fastest is None


def two_metrics(run: Run, sharpness: float) -> Run:
    """The run with a second metric, in which all samples have the same score."""
    samples = (replace(sample, scores={**sample.scores, "sharpness": sharpness}) for sample in run.samples)
    return replace(run, samples=tuple(samples), metrics={**run.metrics, "sharpness": CLIP_SCORE})


def test_every_setting_has_the_verdicts_of_its_own_metrics(runs: dict[str, Run]) -> None:
    runs = {name: two_metrics(run, 9.0 if name == "two steps" else 5.0) for name, run in runs.items()}
    matrix = compare_settings(runs, "fifty steps", lambda _: None)
    verdicts = {row.name: [(v.metric, v.verdict) for v in row.verdicts] for row in matrix.rows}
    assert verdicts["twenty steps"] == [("clip_score", "passed"), ("sharpness", "passed")]
    assert verdicts["two steps"] == [("clip_score", "regressed"), ("sharpness", "improved")]


def test_all_settings_are_corrected_together(scores: np.ndarray, rng: np.random.Generator) -> None:
    worse = make_run(scores - 1 + rng.normal(0, 2, scores.shape))
    alone = compare_settings({"a": make_run(scores), "b": worse}, "a", lambda _: None)
    others = {f"other {number}": make_run(scores + rng.normal(0, 2, scores.shape)) for number in range(9)}
    beside = compare_settings({"a": make_run(scores), "b": worse, **others}, "a", lambda _: None)
    first, second = (of(matrix, "b").verdicts[0].p_value for matrix in (alone, beside))
    assert first is not None
    assert second is not None
    assert second > first


def point(name: str, seconds: float, value: float | None, *, higher_is_better: bool = True) -> Run:
    """A run of one case, by its time and its score."""
    scores = np.full((1, 3), np.nan if value is None else value)
    metrics = {"clip_score": replace(CLIP_SCORE, higher_is_better=higher_is_better)}
    return timed(make_run(scores, metrics=metrics), seconds, target=name)


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_on_the_front_is_what_no_other_beats_in_both_and_equals_in_none(higher_is_better: bool) -> None:
    sign = 1 if higher_is_better else -1
    values = {
        "base": (2.0, 5.0),
        "faster": (1.0, 4.0),
        "better": (3.0, 6.0),
        "as fast and worse": (2.0, 4.5),
        "as good and slower": (2.5, 5.0),
        "worse in both": (2.5, 3.0),
    }
    runs = {
        name: point("tiny", seconds, sign * value, higher_is_better=higher_is_better)
        for name, (seconds, value) in values.items()
    }
    matrix = compare_settings(runs, "base", lambda _: None)
    assert {row.name for row in matrix.rows if row.on_front} == {"base", "faster", "better"}


def test_a_setting_without_a_score_is_not_on_the_front_and_beats_none() -> None:
    runs = {"base": point("tiny", 2.0, 5.0), "fast": point("tiny", 1.0, None), "slow": point("tiny", 3.0, 4.0)}
    assert pareto_optimal(runs, "base") == {"base"}


def pareto_optimal(runs: dict[str, Run], reference: str) -> set[str]:
    return {row.name for row in compare_settings(runs, reference, none).rows if row.on_front}


def test_one_setting_whose_time_is_known_makes_no_front() -> None:
    assert pareto_optimal({"base": point("tiny", 2.0, 5.0), "fast": point("tiny", 1.0, None)}, "base") == set()


def broken(run: Run, count: int = 1, **changes: str) -> Run:
    """The run with so many broken images."""
    samples = [replace(sample, **(changes or {"defect": "black"})) for sample in run.samples[:count]]
    return replace(run, samples=(*samples, *run.samples[count:]))


@pytest.mark.parametrize("changes", [{"defect": "black"}, {"failure": "out of memory"}])
def test_a_setting_with_broken_images_is_not_pareto_optimal_and_has_no_speed(
    runs: dict[str, Run], changes: dict[str, str]
) -> None:
    assert "two steps" in pareto_optimal(runs, "fifty steps")
    runs["two steps"] = broken(runs["two steps"], 3, **changes)
    matrix = compare_settings(runs, "fifty steps", none)
    row = of(matrix, "two steps")
    assert not row.on_front
    assert matrix.speed_up(row) is None
    assert row.time_obstacle == wording.broken_setting(3, 48)
    assert of(matrix, "twenty steps").on_front


def test_a_broken_setting_beats_no_other(runs: dict[str, Run]) -> None:
    runs["broken and faster"] = broken(timed(runs["twenty steps"], 0.7))
    assert "twenty steps" in pareto_optimal(runs, "fifty steps")


def test_no_speed_is_compared_with_a_broken_reference(runs: dict[str, Run]) -> None:
    runs["fifty steps"] = broken(runs["fifty steps"])
    matrix = compare_settings(runs, "fifty steps", none)
    assert matrix.fastest is None
    assert [matrix.speed_up(row) for row in matrix.rows] == [None, None, None]
    assert of(matrix, "twenty steps").time_obstacle == wording.broken_reference(1, 48)


@pytest.mark.parametrize("loaded", ["fifty steps", "twenty steps"])
def test_times_of_a_machine_that_others_used_are_not_compared(runs: dict[str, Run], loaded: str) -> None:
    load = "the machine is shared: a load of 9.0 on 2 cores"
    runs[loaded] = replace(runs[loaded], environment={"hardware": "one GPU", LOAD: load})
    matrix = compare_settings(runs, "fifty steps", none)
    assert of(matrix, "twenty steps").time_obstacle == wording.busy_machine(load)
    assert matrix.fastest is None
    assert not of(matrix, "twenty steps").on_front


def test_interleaved_settings_are_compared_whatever_the_load(runs: dict[str, Run]) -> None:
    runs = {
        name: replace(run, environment={"hardware": "one GPU", LOAD: "the machine is shared"})
        for name, run in runs.items()
        if name != "two steps"
    }
    matrix = compare_settings(runs, "fifty steps", none, interleaved=["twenty steps"])
    assert matrix.speed_up(of(matrix, "twenty steps")) == 2.5
    assert matrix.notes == ()


def test_times_that_were_not_interleaved_are_compared_with_a_caution(runs: dict[str, Run]) -> None:
    matrix = compare_settings(runs, "fifty steps", none)
    assert matrix.notes == (wording.NOT_INTERLEAVED,)
    assert matrix.speed_up(of(matrix, "twenty steps")) == 2.5


def test_times_by_two_clocks_are_not_compared(runs: dict[str, Run]) -> None:
    runs["twenty steps"] = replace(runs["twenty steps"], environment={"hardware": "one GPU", CLOCK: "its own"})
    matrix = compare_settings(runs, "fifty steps", none)
    assert of(matrix, "twenty steps").time_obstacle == wording.OTHER_CLOCK


def test_times_of_few_calls_are_not_compared(runs: dict[str, Run]) -> None:
    run = runs["twenty steps"]
    two = {key: replace(timing, call=timing.call % 2) for key, timing in run.timings.items()}
    runs["twenty steps"] = replace(run, timings=two)
    matrix = compare_settings(runs, "fifty steps", none)
    assert of(matrix, "twenty steps").time_obstacle == wording.few_calls(2, 3)


def test_letters_go_on_after_z() -> None:
    assert letters(3) == ["A", "B", "C"]
    assert letters(28)[25:] == ["Z", "AA", "AB"]
    assert len(set(letters(2000))) == 2000


def test_the_reference_is_the_cheapest_where_all_others_are_worse(runs: dict[str, Run]) -> None:
    del runs["twenty steps"]
    fastest = compare_settings(runs, "fifty steps", lambda _: None).fastest
    assert fastest is not None
    assert fastest.name == "fifty steps"


def test_machines_of_settings_that_are_worse_do_not_matter(runs: dict[str, Run]) -> None:
    runs["two steps"] = replace(runs["two steps"], environment={"hardware": "another GPU"})
    fastest = compare_settings(runs, "fifty steps", lambda _: None).fastest
    assert fastest is not None
    assert fastest.name == "twenty steps"


def with_set(run: Run) -> Run:
    return with_features(run, np.ones((len(run.samples), 2)), 1.0)


def test_set_metrics_are_left_out_where_a_run_is_reduced(scores: np.ndarray) -> None:
    whole, more = make_run(scores), make_run(np.hstack([scores, scores]))
    matrix = compare_settings({"a": with_set(whole), "b": with_set(more)}, "a", lambda _: None)
    assert {verdict.metric for verdict in of(matrix, "b").verdicts} == {"clip_score"}
    matrix = compare_settings({"a": with_set(whole), "b": with_set(whole)}, "a", lambda _: lambda *_: lambda _: 0.0)
    assert [verdict.metric for verdict in of(matrix, "b").verdicts] == ["clip_score", "frechet_distance"]


def test_a_case_of_which_one_sample_has_another_request_is_left_out(scores: np.ndarray) -> None:
    other = make_run(scores)
    other = replace(other, samples=(replace(other.samples[0], fingerprint="other"), *other.samples[1:]))
    matrix = compare_settings({"a": make_run(scores), "b": other}, "a", none)
    assert matrix.notes == (notes.shared_samples(46, 48),)
    (verdict,) = of(matrix, "b").verdicts
    assert (verdict.verdict, verdict.n) == ("passed", 23)


def none(_: str) -> None:
    """No set metric is swapped."""


def test_runs_of_the_same_size_with_other_samples_are_both_reduced(scores: np.ndarray) -> None:
    run = make_run(scores)
    first, last = replace(run, samples=run.samples[:40]), replace(run, samples=run.samples[8:])
    matrix = compare_settings({"a": first, "b": last}, "a", none)
    assert matrix.notes == (notes.shared_samples(32, 40),)
    assert of(matrix, "b").verdicts[0].n == 16


def with_reported_metric(run: Run, score: float) -> Run:
    """The run with a first metric that never fails, in which all samples have the same score."""
    samples = tuple(replace(sample, scores={"reported": score, **sample.scores}) for sample in run.samples)
    metrics = {"reported": replace(CLIP_SCORE, gating=False), **run.metrics}
    return replace(run, samples=samples, metrics=metrics)


def test_a_metric_that_is_reported_only_does_not_decide_what_is_pareto_optimal(runs: dict[str, Run]) -> None:
    changed = {name: with_reported_metric(run, 0.0 if name == "two steps" else 1.0) for name, run in runs.items()}
    matrix = compare_settings(changed, "fifty steps", none)
    assert matrix.metrics == ("clip_score",)
    assert {row.name for row in matrix.rows if row.on_front} == pareto_optimal(runs, "fifty steps")
