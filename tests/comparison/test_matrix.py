from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sdeval import SdevalError
from sdeval.comparison import Kind, Verdict, notes
from sdeval.comparison.matrix import Row, compare_settings
from sdeval.comparison.names import setting_names
from sdeval.comparison.speed import LatencyStats
from sdeval.report.comparison_table import matrix_lines
from sdeval.results.records import Timing
from sdeval.results.run import Run
from tests.conftest import make_run


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
