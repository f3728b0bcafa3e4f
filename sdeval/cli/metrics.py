"""`sdeval metrics`: the metrics that a suite can name."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from sdeval import metrics
from sdeval._utils.tables import Column, Row, Table, show
from sdeval.config.case import TASKS

if TYPE_CHECKING:
    from sdeval._utils.tables import Row
    from sdeval.metrics.base import MetricInfo

EXAMPLE = "sdeval metrics"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add nothing: the command has no arguments of its own."""


def run(args: argparse.Namespace) -> int:
    """Print every metric, of other packages too: its name, which way is better, its tolerance, tasks and meaning."""
    further = Row(["torchmetrics.image.X", "", ""], "any image metric of torchmetrics, by its dotted name")
    show(Table([Column()] * 3, [*(_row(metrics.info(name), name) for name in metrics.metric_names()), further]))
    return 0


def _row(info: MetricInfo, name: str) -> Row:
    better = "higher" if info.higher_is_better else "lower"
    tolerance = f"{info.tolerance:g}" + (" of the baseline" if info.tolerance_is_relative else f" {info.unit}")
    allowed = f"tolerance {tolerance.strip()}" if info.gating else "reported only"
    tasks = "" if info.tasks == TASKS else f" ({', '.join(info.tasks)})"
    return Row([name, better, allowed], info.title + tasks)
