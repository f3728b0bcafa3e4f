from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sdeval import SdevalError
from sdeval.comparison import Kind, Verdict, notes
from sdeval.comparison.matrix import Matrix, Row, compare_settings
from sdeval.comparison.names import setting_names
from sdeval.comparison.speed import LatencyStats
from sdeval.report.comparison_table import matrix_lines
from sdeval.results.records import Timing
from sdeval.results.run import Run
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


def test_the_cheapest_is_the_fastest_that_is_not_worse(runs: dict[str, Run]) -> None:
    cheapest = compare_settings(runs, "fifty steps", lambda _: None).cheapest
    assert cheapest is not None
    assert cheapest.name == "twenty steps"


def test_what_is_neither_shown_nor_excluded_is_not_called_cheap(runs: dict[str, Run], rng: np.random.Generator) -> None:
    shaken = make_run(np.array([[each.scores["clip_score"]] for each in runs["fifty steps"].samples]).reshape(24, 2))
    noisy = make_run(rng.normal(30, 3, size=(24, 2)))
    matrix = compare_settings({"a": timed(shaken, 2.0), "b": timed(noisy, 0.1)}, "a", lambda _: None)
    assert matrix.rows[1].verdicts[0].verdict == "inconclusive"
    assert matrix.cheapest is not None
    assert matrix.cheapest.name == "a"


def test_times_of_different_machines_are_not_compared(runs: dict[str, Run]) -> None:
    runs["twenty steps"] = replace(runs["twenty steps"], environment={"hardware": "another GPU"})
    matrix = compare_settings(runs, "fifty steps", lambda _: None)
    assert matrix.cheapest is None
    assert matrix_lines(matrix, 120)[-1].startswith("times are of different machines")


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
    assert (row.broken, row.worse, row.not_worse) == (1, True, False)
    assert "twenty steps: 1 broken images" in matrix_lines(matrix, 120)


def test_runs_are_reduced_to_the_samples_they_share(runs: dict[str, Run], scores: np.ndarray) -> None:
    runs["fifty steps"] = timed(make_run(np.hstack([scores, scores])), 2.0)
    matrix = compare_settings(runs, "fifty steps", lambda _: None)
    assert matrix.rows[1].verdicts[0].verdict == "passed"
    assert matrix.notes == (notes.shared_samples(48, 96),)


def test_runs_that_share_nothing_cannot_be_compared(scores: np.ndarray) -> None:
    other = make_run(scores)
    other = replace(other, samples=tuple(replace(each, fingerprint="other") for each in other.samples))
    with pytest.raises(SdevalError, match="no sample in common"):
        compare_settings({"a": make_run(scores), "b": other}, "a", lambda _: None)
    with pytest.raises(SdevalError, match="runs of different suites"):
        compare_settings({"a": make_run(scores), "b": make_run(scores, suite="plants")}, "a", lambda _: None)


def test_the_table_shows_time_change_and_the_choice(runs: dict[str, Run]) -> None:
    text = "\n".join(matrix_lines(compare_settings(runs, "fifty steps", lambda _: None), 120))
    for each in ("twenty steps", "2.50", "▼ ", "●", "the cheapest setting that is not worse than fifty steps"):
        assert each in text
    assert "twenty steps, 2.50 times as fast" in text


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
    assert (matrix.suite, matrix.reference, matrix.notes) == ("animals", "fifty steps", ())
    assert [row.name for row in matrix.rows] == list(runs)
    assert row.seconds is not None
    assert (row.seconds.median, row.hardware, row.broken) == (0.1, "one GPU", 1)


def test_a_run_that_does_not_name_its_machine_is_of_unknown_hardware(scores: np.ndarray) -> None:
    matrix = compare_settings({"a": make_run(scores), "b": make_run(scores)}, "a", lambda _: None)
    assert {(row.hardware, row.seconds, row.on_front) for row in matrix.rows} == {("unknown hardware", None, False)}
    assert matrix.cheapest is None


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
    """A run of one image, by its time and its score."""
    scores = np.array([[np.nan if value is None else value]])
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
    runs = {"base": point("tiny", 2.0, 5.0), "fast": point("tiny", 1.0, None)}
    matrix = compare_settings(runs, "base", lambda _: None)
    assert {row.name for row in matrix.rows if row.on_front} == {"base"}


def test_the_reference_is_the_cheapest_where_all_others_are_worse(runs: dict[str, Run]) -> None:
    del runs["twenty steps"]
    cheapest = compare_settings(runs, "fifty steps", lambda _: None).cheapest
    assert cheapest is not None
    assert cheapest.name == "fifty steps"


def test_machines_of_settings_that_are_worse_do_not_matter(runs: dict[str, Run]) -> None:
    runs["two steps"] = replace(runs["two steps"], environment={"hardware": "another GPU"})
    cheapest = compare_settings(runs, "fifty steps", lambda _: None).cheapest
    assert cheapest is not None
    assert cheapest.name == "twenty steps"


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
