"""The geometry of a run's plots."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdeval.baselines.variability import MetricVariability, Variability
from sdeval.comparison import Verdict
from sdeval.report.html.run_plots import CROWD, MARGIN, REACH, WIDTH, Plot, plots_of
from sdeval.report.session_runs import ComparedRun
from sdeval.results.records import Timing
from sdeval.results.run import Run
from tests.conftest import make_run

VERDICT = Verdict(
    suite="animals",
    target="tiny",
    metric="clip_score",
    case="",
    verdict="regressed",
    baseline=30.0,
    current=29.0,
    change=-1.0,
    low=-1.5,
    high=-0.5,
    tolerance=0.5,
    higher_is_better=True,
)


def compared(run: Run, before: Run | None, variability: Variability | None = None) -> ComparedRun:
    return ComparedRun(run, Path("run"), before, Path("kept"), variability, ())


def changes_plot(changes: list[float], verdict: Verdict = VERDICT) -> Plot:
    """The plot of cases whose scores changed by so much."""
    before = np.full((len(changes), 1), 30.0)
    now = before + np.array(changes)[:, None]
    return plots_of([verdict], compared(make_run(now), make_run(before)))[0]


def at(tolerances: float) -> float:
    """Where a change in tolerances lies on the scale of changes."""
    return round(MARGIN + (tolerances + REACH) / (2 * REACH) * (WIDTH - 2 * MARGIN), 1)


def test_a_dot_lies_where_its_case_moved_in_tolerances() -> None:
    (row,) = changes_plot([-1.0, 0.0, 0.5]).rows
    assert [dot.x for dot in row.dots] == [at(-2), at(0), at(1)]
    assert row.dots[0].text == "case-0: 30.00 → 29.00 (-2.00 × the tolerance)"
    assert row.dots[0].case == "case-0"


def test_worse_is_to_the_left_where_less_is_better() -> None:
    before, now = make_run(np.array([[30.0]])), make_run(np.array([[31.0]]))
    record = replace(before.metrics["clip_score"], higher_is_better=False)
    sides = [replace(run, metrics={"clip_score": record}) for run in (now, before)]
    (row,) = plots_of([replace(VERDICT, change=1.0, higher_is_better=False)], compared(*sides))[0].rows
    assert row.dots[0].x == at(-2)
    assert row.mean is not None
    assert row.mean.x == at(-2)


def test_what_lies_beyond_the_scale_ends_at_its_edge_and_is_named() -> None:
    (row,) = changes_plot([-50.0, 0.0, 20.0]).rows
    assert [dot.x for dot in row.dots] == [at(-REACH), at(0), at(REACH)]
    assert row.beyond == ("-100.00", "+40.00")


def test_nothing_is_named_where_all_is_on_the_scale() -> None:
    (row,) = changes_plot([-1.0, 1.0]).rows
    assert row.beyond == ("", "")


def test_the_interval_and_the_mean_are_those_of_the_verdict() -> None:
    (row,) = changes_plot([-1.0]).rows
    assert row.mean is not None
    assert row.mean.x == at(-2)
    assert [(span.x, span.x + span.width) for span in row.spans] == [(at(-3), pytest.approx(at(-1), abs=0.06))]


def test_an_interval_without_an_end_is_left_out() -> None:
    (row,) = changes_plot([-1.0], replace(VERDICT, low=-math.inf)).rows
    assert row.spans == ()


def test_the_tolerance_is_marked_on_the_side_of_worse() -> None:
    plot = changes_plot([0.1])
    assert plot.tolerance == at(-1)
    assert plot.zero == at(0)


def test_dots_of_one_place_do_not_cover_each_other() -> None:
    (row,) = changes_plot([0.1] * 9).rows
    assert len({dot.y for dot in row.dots}) == 9


def test_of_many_cases_the_density_is_shown() -> None:
    rng = np.random.default_rng(0)
    (row,) = changes_plot(list(rng.normal(size=CROWD))).rows
    assert row.dots == ()
    points = [tuple(map(float, point.split(","))) for point in row.density.split()]
    highest = max(points, key=lambda point: abs(point[1] - row.y))
    assert abs(highest[0] - at(0)) < abs(at(REACH) - at(0)) / 2


def test_without_a_baseline_there_is_no_plot_of_changes() -> None:
    assert plots_of([VERDICT], compared(make_run(np.array([[30.0]])), None)) == ()


def test_variability_is_two_deviations_and_the_session_is_beside_it() -> None:
    measured = MetricVariability(
        version="1",
        reference="",
        value=30.0,
        variability=0.25,
        harmless=0.0,
        tolerance=0.5,
        stated=None,
        detectable=1.0,
        cases=2,
        cases_needed=2,
    )
    verdict = replace(VERDICT, variability=0.25)
    before = make_run(np.array([[30.0], [31.0]]))
    variability = Variability(
        suite="animals",
        target="tiny",
        seed_sets=4,
        metrics={"clip_score": measured},
        request={},
        samples="",
        generated_by={},
        overrides={},
        environment={},
    )
    plots = plots_of([verdict], compared(before, before, variability))
    plot = next(plot for plot in plots if plot.kind == "variability")
    (row,) = plot.rows
    width = WIDTH - 2 * MARGIN
    assert row.spans[0].width == pytest.approx(width / REACH, abs=0.06)
    assert row.limit is not None
    assert row.limit.x == pytest.approx(MARGIN + 2 * width / REACH, abs=0.06)
    assert row.mean is not None
    assert row.mean.x == row.limit.x


def test_stages_stand_one_after_the_other() -> None:
    run = make_run(np.array([[30.0, 30.0]]))
    timings = {
        sample.key: Timing(call=0, seconds=1.0, encode=0.1, denoise=0.6, decode=0.3, steps=4) for sample in run.samples
    }
    (plot,) = plots_of([], compared(replace(run, timings=timings), None))
    (row,) = plot.rows
    width = WIDTH - 2 * MARGIN
    assert [span.width for span in row.spans] == pytest.approx([0.1 * width, 0.6 * width, 0.3 * width], abs=0.11)
    assert row.label == "current: 1.00 s"
    assert row.spans[1].text == "denoising 600 ms"


def test_a_pipeline_without_stages_has_no_plot_of_them() -> None:
    run = make_run(np.array([[30.0]]))
    timings = {run.samples[0].key: Timing(call=0, seconds=1.0)}
    assert plots_of([], compared(replace(run, timings=timings), None)) == ()


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=200))
def test_everything_is_inside_the_plot(changes: list[float]) -> None:
    plot = changes_plot(changes)
    for row in plot.rows:
        assert 0 <= row.y <= plot.height
        assert all(MARGIN <= dot.x <= WIDTH - MARGIN and 0 <= dot.y <= plot.height for dot in row.dots)
        assert all(MARGIN <= float(point.split(",")[0]) <= WIDTH - MARGIN for point in row.density.split())
