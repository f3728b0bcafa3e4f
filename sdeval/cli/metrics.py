"""`sdeval metrics`: the metrics that a suite can name."""

from __future__ import annotations

import argparse

HELP = "metrics that suites can name"


def arguments(parser: argparse.ArgumentParser) -> None:
    """None of its own."""


def run(given: argparse.Namespace) -> int:
    """Print every metric, of other packages too: its name, which way is better, its tolerance, tasks and meaning."""
    from sdeval import metrics
    from sdeval.config.suite import TASKS

    names = metrics.known()
    width = max(map(len, names))
    for name in names:
        info = metrics.info(name)
        better = "higher" if info.higher_is_better else "lower"
        tolerance = f"{info.tolerance:g}" + (" of the baseline" if info.tolerance_is_relative else f" {info.unit}")
        allowed = f"tolerance {tolerance.strip()}" if info.judged else "reported only"
        tasks = "" if info.tasks == TASKS else f" ({', '.join(info.tasks)})"
        print(f"{name:<{width}}  {better:<6}  {allowed:<28}  {info.title}{tasks}")
    print(f"{'torchmetrics.image.X':<{width}}  any image metric of torchmetrics, by its dotted name")
    return 0
