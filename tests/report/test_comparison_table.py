"""Comparison, in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdeval.comparison import Verdict, notes, wording
from sdeval.comparison.matrix import compare_settings
from sdeval.report.comparison import Compared
from sdeval.report.comparison_table import comparison_lines
from sdeval.results.records import MetricRecord, Timing
from sdeval.results.run import Run, Stored
from tests.conftest import CLIP_SCORE, make_run

METRICS = ("clip_score", "region_clip_score", "outside_change", "sharpness", "noise")


def timed_run(scores: np.ndarray, seconds: float, metrics: Mapping[str, MetricRecord] | None = None) -> Run:
    """A run with several metrics, of which all have the same scores."""
    run = make_run(scores, environment={"hardware": "one GPU"}, metrics=dict.fromkeys(METRICS, CLIP_SCORE))
    samples = tuple(
        replace(sample, scores=dict.fromkeys(METRICS, sample.scores["clip_score"])) for sample in run.samples
    )
    timings = {sample.key: Timing(call=call, seconds=seconds) for call, sample in enumerate(samples)}
    return replace(run, samples=samples, timings=timings)


def compared(runs: Mapping[str, Run], verdicts: Mapping[str, Sequence[Verdict]] | None = None) -> Compared:
    stored = {name: Stored(run, Path(name)) for name, run in runs.items()}
    return Compared(compare_settings(runs, next(iter(runs)), lambda _: None), stored, verdicts=verdicts or {})


@pytest.fixture
def runs(rng: np.random.Generator) -> dict[str, Run]:
    scores = rng.normal(30, 3, size=(24, 2))
    return {
        "fifty steps": timed_run(scores, 2.0),
        "twenty steps": timed_run(scores + rng.normal(0, 0.01, scores.shape), 0.8),
        "two steps": timed_run(scores - 8, 0.1),
    }


def broken(run: Run) -> Run:
    return replace(run, samples=(replace(run.samples[0], defect="black"), *run.samples[1:]))


def table(runs: Mapping[str, Run], width: int = 80) -> list[str]:
    return comparison_lines(compared(runs), width)


def test_every_metric_is_a_row_and_every_setting_a_column(runs: dict[str, Run]) -> None:
    lines = table(runs)
    assert ["A", "B", "C"] in [line.split() for line in lines]
    for metric in (*METRICS, "s/image", "speed-up", "Pareto-optimal"):
        assert any(line.startswith(metric) for line in lines)
    assert "C  two steps" in lines


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("count", [2, 5, 12])
def test_no_row_of_the_table_is_wider_than_the_terminal(rng: np.random.Generator, width: int, count: int) -> None:
    scores = rng.normal(30, 3, size=(12, 2))
    lines = table({f"{number} steps": timed_run(scores, 1.0 + number) for number in range(count)}, width)
    end = lines.index("· reference") if "· reference" in lines else len(lines) - 4
    assert max(map(len, lines[:end])) <= width
    assert "region_clip_score" in {line.split(" ")[0] for line in lines}


def test_the_speed_up_and_the_choice_are_stated(runs: dict[str, Run]) -> None:
    lines = table(runs)
    assert "speed-up (×)" in " ".join(lines)
    assert lines[-1] == "the fastest setting that is not worse than fifty steps: twenty steps, speed-up 2.50×"
    assert wording.NOT_INTERLEAVED in lines


def test_symbols_are_explained(runs: dict[str, Run]) -> None:
    assert "▼ regressed, ✓ passed, · reference" in table(runs)


def test_without_a_faster_setting_that_is_as_good_it_says_so(runs: dict[str, Run]) -> None:
    del runs["twenty steps"]
    assert table(runs)[-1] == "no faster setting is as good as fifty steps"


def test_a_setting_that_is_worse_is_no_choice_however_fast_its_machine_is(runs: dict[str, Run]) -> None:
    runs = {"fifty steps": runs["fifty steps"], "two steps": replace(runs["two steps"], environment={})}
    assert table(runs)[-1] == "no faster setting is as good as fifty steps"


def test_a_slower_setting_that_is_as_good_is_no_choice(runs: dict[str, Run]) -> None:
    assert table({name: runs[name] for name in ("twenty steps", "fifty steps")})[-1] == (
        "no faster setting is as good as twenty steps"
    )


def test_a_faster_setting_that_is_undecided_is_named(runs: dict[str, Run], rng: np.random.Generator) -> None:
    noisy = timed_run(rng.normal(30, 3, size=(24, 2)), 0.1)
    for run in (noisy, replace(noisy, environment={"hardware": "another GPU"})):
        lines = table({"fifty steps": runs["fifty steps"], "noisy": run})
        assert lines[-1] == "no faster setting is shown to be as good as fifty steps; undecided: noisy"


def test_a_broken_setting_says_how_many_images_are_broken_and_has_no_speed(runs: dict[str, Run]) -> None:
    runs["twenty steps"] = broken(runs["twenty steps"])
    lines = table(runs)
    assert "B  twenty steps  1 of 48 images are broken" in lines
    assert "speed of twenty steps: not judged: 1 of 48 images broken" in lines
    (speed,) = [line.split() for line in lines if line.startswith("speed-up")]
    assert speed[2:] == ["1.00", "–", "20.00"]


def test_times_of_another_machine_are_not_compared_and_it_says_why(runs: dict[str, Run]) -> None:
    runs["twenty steps"] = replace(runs["twenty steps"], environment={"hardware": "another GPU"})
    lines = table(runs)
    assert "speed of twenty steps: not judged: measured on another GPU, the reference on one GPU" in lines
    assert lines[-1] == "the fastest setting that is as good as fifty steps is not known: times are not compared"


def test_settings_of_one_obstacle_are_named_together(runs: dict[str, Run]) -> None:
    for name in ("twenty steps", "two steps"):
        runs[name] = replace(runs[name], timings={})
    assert "speed of twenty steps, two steps: nothing was timed" in table(runs)


def test_what_the_runs_share_is_stated(runs: dict[str, Run]) -> None:
    runs["two steps"] = replace(runs["two steps"], samples=runs["two steps"].samples[:24])
    said = "24 of 48 samples exist in all runs; set metrics are left out because they need identical samples"
    assert said in table(runs)
    assert notes.shared_samples(24, 48) == said


def test_a_broken_reference_is_named(runs: dict[str, Run]) -> None:
    runs["fifty steps"] = broken(runs["fifty steps"])
    lines = table(runs)
    assert "fifty steps, the reference: 1 of 48 images are broken" in lines
    assert lines[-1] == "the images of fifty steps are broken: no setting is judged by it"


def test_a_reference_that_is_worse_than_its_baseline_is_named(runs: dict[str, Run]) -> None:
    verdict = Verdict(
        suite="animals",
        target="tiny",
        metric="clip_score",
        case="",
        verdict="regressed",
        baseline=30.0,
        current=29.0,
        change=-1.0,
        tolerance=0.5,
    )
    passed = replace(verdict, metric="sharpness", verdict="passed")
    lines = comparison_lines(compared(runs, {"fifty steps": [passed, verdict]}), 80)
    (line,) = [line for line in lines if "is itself worse than its baseline" in line]
    assert line.startswith(
        "fifty steps, the reference, is itself worse than its baseline: 1 regressed; clip_score 30.00"
    )
    lines = comparison_lines(compared(runs, {"fifty steps": [passed], "two steps": [verdict]}), 80)
    assert not any("is itself worse" in line for line in lines)
