"""The geometry of a run's plots, which a template puts into SVGs. Pure.

How far cases moved, what seeds alone do, and where the time goes. All plots have rows one below the other on one scale,
and are about as wide as a phone: they grow with their column, and their texts stay readable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from sdeval._utils.formatting import number, with_sign
from sdeval.baselines.variability import Variability
from sdeval.report.html.round_values import round_values
from sdeval.report.session_runs import ComparedRun, pairs_of
from sdeval.results.run import Run
from sdeval.results.verdict import Verdict

WIDTH, MARGIN = 360, 16
"""In pixels."""
ROW, HEAD, FOOT = 46, 4, 20
"""Height of a row, of what is above the first one, and of the axis below the last one."""
LINE = 30
"""How far below the top of a row its scale lies; its label is above."""
REACH = 6.0
"""How many tolerances a plot shows to both sides; what lies beyond is marked at its edge, with its value."""
CROWD = 150
"""Cases from which on their density is shown instead of each."""
BINS = 48
SPREAD, LIFT = 11.0, 1.6
"""How far from the line dots may lie that would cover each other, and how far they move for each other, in pixels."""
STAGES = ("encode", "denoise", "decode")
STAGE_NAMES = {"encode": "text encoding", "denoise": "denoising", "decode": "VAE decoding"}


@dataclass(frozen=True, slots=True)
class Tick:
    """A value of the scale."""

    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Dot:
    """The change of one case."""

    x: float
    y: float
    case: str
    text: str
    """Shown on hover."""


@dataclass(frozen=True, slots=True)
class Span:
    """From here to there on the scale."""

    x: float
    width: float
    text: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a plot; what it has not is empty."""

    y: float
    label: str
    dots: tuple[Dot, ...] = ()
    density: str = ""
    """The outline of many dots, as points of a polygon."""
    spans: tuple[Span, ...] = ()
    mean: Dot | None = None
    limit: Dot | None = None
    """The smallest loss that is detected 4 times in 5."""
    beyond: tuple[str, str] = ("", "")
    """The furthest values to the left and to the right that the scale does not reach."""


@dataclass(frozen=True, slots=True)
class Plot:
    """Rows on one scale."""

    kind: str
    label: str
    """In words, for those who cannot see it."""
    axis: str
    """What the scale shows."""
    keys: tuple[tuple[str, str], ...]
    """What its shapes and colours mean: the kind of each, and the words."""
    height: float
    rows: tuple[Row, ...]
    ticks: tuple[Tick, ...]
    zero: float | None = None
    tolerance: float | None = None
    """Beyond which a loss counts."""


def plots_of(verdicts: Sequence[Verdict], compared: ComparedRun) -> tuple[Plot, ...]:
    """All plots for which a run has data."""
    by_metric = {verdict.metric: verdict for verdict in verdicts if not verdict.case}
    plots = (_changes(by_metric, compared), _variability(by_metric, compared.variability), _times(compared))
    return tuple(plot for plot in plots if plot)


def _changes(by_metric: Mapping[str, Verdict], compared: ComparedRun) -> Plot | None:
    """Every case's change in every metric, in tolerances, with the mean and its interval."""
    changes = {name: _in_tolerances(verdict, compared) for name, verdict in by_metric.items()}
    shown = [name for name, values in changes.items() if values]
    if not shown:
        return None
    scale = _Scale(-REACH, REACH)
    rows = [_change_row(by_metric[name], changes[name], scale, place) for place, name in enumerate(shown)]
    return _plot(
        "changes",
        rows,
        scale,
        label=f"How far each case moved in {', '.join(shown)}",
        axis="change of each case in tolerances, worse to the left",
        keys=(("mean", "mean"), ("interval", "its 95% bounds")),
        tolerance=-1.0,
    )


def _in_tolerances(verdict: Verdict, compared: ComparedRun) -> dict[str, tuple[float, str]]:
    """The change of every case, worse below 0, and in words."""
    run, before, tolerance = compared.run, compared.before, verdict.tolerance
    if before is None or not tolerance or verdict.metric not in run.metrics:
        return {}
    sign, earlier = run.metrics[verdict.metric].sign, {sample.key: sample for sample in before.samples}
    changes = {}
    for case, samples in run.by_case().items():
        pairs = pairs_of(verdict.metric, samples, earlier)
        if len(pairs):
            baseline, current = (float(value) for value in pairs.mean(axis=0))
            change = sign * (current - baseline) / tolerance
            changes[case] = (change, f"{case}: {number(baseline)} → {number(current)} ({_times_tolerance(change)})")
    return changes


def _times_tolerance(change: float) -> str:
    return f"{with_sign(round(change, 2))} × the tolerance"


def _change_row(verdict: Verdict, changes: Mapping[str, tuple[float, str]], scale: _Scale, place: int) -> Row:
    line = _line(place)
    values = [change for change, _ in changes.values()]
    crowded = len(values) >= CROWD and len(set(values)) > 1
    heights = _spread(values, line)
    dots = [
        Dot(scale.x(change), y, case, text)
        for (case, (change, text)), y in zip(changes.items(), heights, strict=True)
        if not crowded
    ]
    below, above = min(values), max(values)
    return Row(
        y=line,
        label=verdict.metric,
        dots=tuple(dots),
        density=_density(values, scale, line) if crowded else "",
        spans=_interval(verdict, scale),
        mean=_mean(verdict, scale, line),
        beyond=(
            f"{number(round(below, 1))}" if below < -REACH else "",
            f"+{number(round(above, 1))}" if above > REACH else "",
        ),
    )


def _spread(values: Sequence[float], line: float) -> list[float]:
    """Heights that keep dots of about the same value from covering each other."""
    counts: dict[int, int] = {}
    heights = []
    for value in values:
        place = counts[round(value * 12)] = counts.get(round(value * 12), 0) + 1
        heights.append(round(line + min(SPREAD, LIFT * (place // 2)) * (1 if place % 2 else -1), 1))
    return heights


def _density(values: Sequence[float], scale: _Scale, line: float) -> str:
    """The outline of a histogram on both sides of the line, smoothed over three bins."""
    counts, edges = np.histogram(np.clip(values, -REACH, REACH), bins=BINS, range=(-REACH, REACH))
    smooth = np.convolve(counts, (0.25, 0.5, 0.25), mode="same")
    heights = SPREAD * smooth / smooth.max()
    middles = [scale.x(float(edge)) for edge in (edges[:-1] + edges[1:]) / 2]
    upper = [f"{x:g},{line - height:.1f}" for x, height in zip(middles, heights, strict=True)]
    lower = [f"{x:g},{line + height:.1f}" for x, height in zip(middles, heights, strict=True)]
    return " ".join((*upper, *reversed(lower)))


def _interval(verdict: Verdict, scale: _Scale) -> tuple[Span, ...]:
    low, high = verdict.low, verdict.high
    if low is None or high is None or not verdict.tolerance or not math.isfinite(low + high):
        return ()
    sign = 1 if verdict.higher_is_better else -1
    ends = sorted(scale.x(sign * bound / verdict.tolerance) for bound in (low, high))
    text = f"95% bounds {with_sign(low)} and {with_sign(high)}"
    return (Span(ends[0], round(ends[1] - ends[0], 1), text, "interval"),)


def _mean(verdict: Verdict, scale: _Scale, line: float) -> Dot | None:
    if verdict.change is None or not verdict.tolerance:
        return None
    change = (1 if verdict.higher_is_better else -1) * verdict.change / verdict.tolerance
    text = f"{verdict.metric}: {with_sign(verdict.change)} ({_times_tolerance(change)})"
    return Dot(scale.x(change), line, "", text)


def _variability(by_metric: Mapping[str, Verdict], variability: Variability | None) -> Plot | None:
    """What other seeds do, what the suite can detect, and what happened, in tolerances."""
    scale = _Scale(0.0, REACH)
    rows: list[Row] = []
    for verdict in by_metric.values():
        measured = variability.metrics.get(verdict.metric) if variability else None
        # A verdict holds its variability only where the measured one still applies.
        if measured is None or verdict.variability is None or not verdict.tolerance or verdict.change is None:
            continue
        line = _line(len(rows))
        deviation, change = 2 * verdict.variability / verdict.tolerance, abs(verdict.change) / verdict.tolerance
        detectable = (measured.detectable or math.inf) / verdict.tolerance
        rows.append(
            Row(
                y=line,
                label=verdict.metric,
                spans=(
                    Span(scale.x(0), round(scale.x(deviation) - scale.x(0), 1), _seeds_text(deviation), "variability"),
                ),
                mean=Dot(scale.x(change), line, "", f"change of this session: {number(change)} × the tolerance"),
                limit=Dot(scale.x(detectable), line, "", _detectable_text(detectable)),
                beyond=("", _furthest(deviation, detectable, change)),
            )
        )
    if not rows:
        return None
    return _plot(
        "variability",
        rows,
        scale,
        label="Variability of each metric, the smallest loss that is detected, and the change of this session",
        axis="in tolerances",
        keys=(
            ("variability", "two standard deviations between seeds"),
            ("limit", "smallest loss that is detected 4 times in 5"),
            ("mean", "change of this session"),
        ),
        tolerance=1.0,
    )


def _furthest(*values: float) -> str:
    beyond = [value for value in values if value > REACH and math.isfinite(value)]
    return f"+{number(round(max(beyond), 1))}" if beyond else ""


def _seeds_text(deviation: float) -> str:
    return f"seed variability: two standard deviations are {number(deviation)} × the tolerance"


def _detectable_text(detectable: float) -> str:
    if math.isinf(detectable):
        return "no loss is detected 4 times in 5"
    return f"a loss of {number(detectable)} × the tolerance is detected 4 times in 5"


def _times(compared: ComparedRun) -> Plot | None:
    """Seconds per image by stage, of both sides."""
    sides = {"current": _stages(compared.run), compared.label: _stages(compared.before) if compared.before else {}}
    sides = {name: stages for name, stages in sides.items() if stages}
    if not sides:
        return None
    scale = _Scale(0.0, max(sum(stages.values()) for stages in sides.values()) or 1.0)
    rows = [_stage_row(name, stages, scale, _line(place)) for place, (name, stages) in enumerate(sides.items())]
    label = "; ".join(f"{row.label}: {', '.join(span.text for span in row.spans)}" for row in rows)
    return _plot(
        "times",
        rows,
        scale,
        label=f"Seconds per image by stage. {label}",
        axis="median seconds per image",
        keys=tuple(STAGE_NAMES.items()),
    )


def _stage_row(name: str, stages: Mapping[str, float], scale: _Scale, line: float) -> Row:
    spans, start = [], 0.0
    for stage in STAGES:
        end = start + stages[stage]
        text = f"{STAGE_NAMES[stage]} {1000 * stages[stage]:.3g} ms"
        spans.append(Span(scale.x(start), round(scale.x(end) - scale.x(start), 1), text, stage))
        start = end
    return Row(y=line, label=f"{name}: {number(start)} s", spans=tuple(spans))


def _stages(run: Run) -> dict[str, float]:
    """Median seconds of each stage, without calls that were warming up; empty where a pipeline records no stages."""
    timings = [timing for timing in run.timings.values() if not timing.warming and timing.denoise is not None]
    if not timings:
        return {}
    return {stage: median(getattr(timing, stage) or 0.0 for timing in timings) for stage in STAGES}


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to pixels; what lies beyond ends at the edge."""

    low: float
    high: float

    def x(self, value: float) -> float:
        share = (max(self.low, min(self.high, value)) - self.low) / (self.high - self.low)
        return round(MARGIN + share * (WIDTH - 2 * MARGIN), 1)

    @property
    def ticks(self) -> tuple[Tick, ...]:
        return tuple(Tick(self.x(value), text) for value, text in round_values(self.low, self.high, 6))


def _line(place: int) -> float:
    return HEAD + place * ROW + LINE


def _plot(
    kind: str,
    rows: Sequence[Row],
    scale: _Scale,
    *,
    label: str,
    axis: str,
    keys: tuple[tuple[str, str], ...],
    tolerance: float | None = None,
) -> Plot:
    return Plot(
        kind=kind,
        label=label,
        axis=axis,
        keys=keys,
        height=HEAD + len(rows) * ROW + FOOT,
        rows=tuple(rows),
        ticks=scale.ticks,
        zero=scale.x(0.0),
        tolerance=None if tolerance is None else scale.x(tolerance),
    )
