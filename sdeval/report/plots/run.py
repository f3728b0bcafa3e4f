"""Plots of a run: how far cases moved, what variability hides, where the time goes. Each is an `<svg>` for the page."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Any, cast

from sdeval.baselines.variability import Variability
from sdeval.report.plots.svg import ACCENT, BAD, FAINT, GOOD, INK, LINE, STYLE, WARN, inline_svg
from sdeval.report.session_runs import ComparedRun, mean_score_pairs
from sdeval.results.run import Run
from sdeval.results.verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REACH = 6.0
"""How many tolerances a plot shows to both sides; a larger change is shown at its edge."""
STAGES = ("encode", "denoise", "decode")
NAMES = {"encode": "text encoding", "denoise": "denoising", "decode": "VAE decoding"}
CROWD = 150
"""Points from which on their density is generated instead of each."""


def plots_of(verdicts: Sequence[Verdict], compared: ComparedRun) -> tuple[str, ...]:
    """All plots for which a run has data."""
    from matplotlib import rc_context

    by_metric = {verdict.metric: verdict for verdict in verdicts if not verdict.case}
    with rc_context(dict(STYLE)):
        plots = (_differences(by_metric, compared), _variability(by_metric, compared), _times(compared))
    return tuple(plot for plot in plots if plot)


def _differences(by_metric: Mapping[str, Verdict], compared: ComparedRun) -> str:
    """Every case's change in every metric, in tolerances, with the mean and its interval."""
    changes = {name: _in_tolerances(name, by_metric[name], compared) for name in by_metric if by_metric[name].tolerance}
    changes = {name: values for name, values in changes.items() if values}
    if not changes:
        return ""
    figure, axes = _rows(list(changes))
    for row, (name, values) in enumerate(changes.items()):
        inside = [max(-REACH, min(REACH, value)) for value in values]
        _points(axes, inside, row)
        _mean(axes, by_metric[name], row)
    _scale(axes, "change of each case in tolerances; worse to the left")
    return inline_svg(figure, "How far each case moved in each metric")


def _points(axes: Axes, values: Sequence[float], row: int) -> None:
    if len(values) < CROWD or len(set(values)) == 1:
        axes.scatter(values, _spread(values, row), s=9, color=FAINT, alpha=0.55, linewidths=0, clip_on=False)
        return
    violin = axes.violinplot([list(values)], positions=[row], orientation="horizontal", widths=0.8, showextrema=False)
    for body in cast("Sequence[Any]", violin["bodies"]):
        body.set(facecolor=FAINT, alpha=0.4)


def _in_tolerances(metric: str, verdict: Verdict, compared: ComparedRun) -> list[float]:
    """Changes of all cases, worse below 0."""
    if compared.before is None or not verdict.tolerance or metric not in compared.run.metrics:
        return []
    sign = compared.run.metrics[metric].sign
    pairs = mean_score_pairs(metric, compared.run, compared.before)
    return [sign * (current - baseline) / verdict.tolerance for baseline, current in pairs]


def _mean(axes: Axes, verdict: Verdict, row: int) -> None:
    sign = 1 if verdict.higher_is_better else -1
    if verdict.change is None or not verdict.tolerance:
        return
    low, high = verdict.low, verdict.high
    if low is not None and high is not None and math.isfinite(low) and math.isfinite(high):
        ends = [max(-REACH, min(REACH, sign * bound / verdict.tolerance)) for bound in (low, high)]
        axes.plot(ends, [row, row], color=ACCENT, linewidth=3, solid_capstyle="round")
    mean = max(-REACH, min(REACH, sign * verdict.change / verdict.tolerance))
    axes.plot([mean], [row], marker="D", markersize=6, color=ACCENT)


def _spread(values: Sequence[float], row: int) -> list[float]:
    """Heights that keep points of about the same value from covering each other."""
    counts: dict[int, int] = {}
    heights = []
    for value in values:
        place = counts[round(value * 12)] = counts.get(round(value * 12), 0) + 1
        heights.append(row + min(0.4, 0.055 * (place // 2)) * (1 if place % 2 else -1))
    return heights


def _variability(by_metric: Mapping[str, Verdict], compared: ComparedRun) -> str:
    """What other seeds do, what the suite can see, and what happened, in tolerances."""
    measured = _measured(by_metric, compared.variability)
    if not measured:
        return ""
    figure, axes = _rows(list(measured))
    for row, (variability, detectable, change) in enumerate(measured.values()):
        axes.barh(row, min(2 * variability, REACH), height=0.5, color=LINE, label="variability (2 sd)")
        _mark(axes, (detectable, row), ("|", 16, INK), "detected 4 times in 5")
        _mark(axes, (change, row), ("D", 6, ACCENT), "this session")
    _scale(axes, "in tolerances", both=False)
    _legend(axes)
    return inline_svg(
        figure, "Variability of each metric, the smallest loss that shows, and the change of this session"
    )


def _mark(axes: Axes, place: tuple[float, int], style: tuple[str, float, str], label: str) -> None:
    marker, size, color = style
    shape: dict[str, Any] = {"marker": marker, "markersize": size, "color": color, "linestyle": ""}
    axes.plot([min(place[0], REACH)], [place[1]], label=label, clip_on=False, **shape)


def _measured(
    by_metric: Mapping[str, Verdict], variability: Variability | None
) -> dict[str, tuple[float, float, float]]:
    rows = {}
    for name, verdict in by_metric.items():
        measured = variability.metrics.get(name) if variability else None
        # A verdict holds its variability only where the measured one still applies.
        if measured and verdict.variability is not None and verdict.tolerance and verdict.change is not None:
            values = (verdict.variability, measured.detectable or math.inf, abs(verdict.change))
            rows[name] = (values[0] / verdict.tolerance, values[1] / verdict.tolerance, values[2] / verdict.tolerance)
    return rows


def _times(compared: ComparedRun) -> str:
    """Seconds per image by stage, of both sides."""
    by_label = {"current": _stages(compared.run), compared.label: _stages(compared.before) if compared.before else {}}
    by_label = {name: stages for name, stages in by_label.items() if stages}
    if not by_label:
        return ""
    figure, axes = _rows(list(by_label))
    for row, stages in enumerate(by_label.values()):
        edges = [0.0]
        for stage, color in zip(STAGES, (WARN, ACCENT, GOOD), strict=True):
            axes.barh(row, stages[stage], left=edges[-1], height=0.5, color=color, alpha=0.75, label=NAMES[stage])
            edges.append(edges[-1] + stages[stage])
        for stage, (left, right) in zip(STAGES, pairwise(edges), strict=True):
            if right - left > 0.12 * edges[-1]:
                axes.text((left + right) / 2, row - 0.38, f"{NAMES[stage]} {1000 * (right - left):.3g} ms", ha="center")
    axes.set_xlabel("seconds per image, median; from left to right: text encoding, denoising, VAE decoding")
    axes.set_xlim(left=0)
    _legend(axes)
    return inline_svg(figure, "Seconds per image by stage")


def _stages(run: Run) -> dict[str, float]:
    """Median seconds of each stage, without calls that were warming up; empty where a pipeline records no stages."""
    timings = [timing for timing in run.timings.values() if not timing.warming and timing.denoise is not None]
    if not timings:
        return {}
    return {stage: median(getattr(timing, stage) or 0.0 for timing in timings) for stage in STAGES}


def _rows(names: Sequence[str]) -> tuple[Figure, Axes]:
    """A metric with a row for each name, the first on top."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 1.25 + 0.5 * len(names)), layout="constrained")
    axes = figure.subplots()
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _scale(axes: Axes, label: str, *, both: bool = True) -> None:
    """An axis in tolerances, with the line beyond which a loss counts."""
    axes.set_xlim(-REACH * 1.04 if both else 0, REACH * 1.04)
    axes.axvline(-1 if both else 1, color=BAD, linewidth=1, linestyle="--", zorder=0)
    if both:
        axes.axvline(0, color=FAINT, linewidth=0.8, zorder=0)
    axes.set_xlabel(label)


def _legend(axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    once = dict(zip(labels, handles, strict=True))
    axes.legend(
        once.values(), once.keys(), loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False, fontsize=9
    )
