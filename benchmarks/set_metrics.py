"""What set metrics cost, given the features: the Fréchet distance beside two other packages, and the gates of all.

First our Fréchet distance beside the formulas of torchmetrics and torch-fidelity, all in double precision: moments of
the candidate and the distance, where the reference's moments are at hand for all three. Every round runs the three in
turns, so that a change of the machine's mood meets them all; prints medians, their ratios to ours, and how far the
values are apart.

Then each set metric as a gate of a clear loss, so that no swap is spared: the value, what is prepared once for all
swaps, one swap, and the whole. All times are of the processor and not of the clock. The whole of it:

    OMP_NUM_THREADS=1 python benchmarks/set_metrics.py
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torchmetrics.image.fid import _compute_fid

from sdeval import stats
from sdeval.comparison.evidence import SWAPS
from sdeval.metrics import MetricOptions, SetMetric, create, info, metric_names
from sdeval.metrics.base import Features, Reference
from sdeval.metrics.sets.frechet_distance import frechet_distance

Formula = Callable[[], float]
LONG = 60
"""Seconds of a round after which there is no other."""


def features(rng: np.random.Generator, count: int, dimensions: int, shift: float) -> Features:
    """Correlated and never negative, as those of a pooling layer: `[count, dimensions]`."""
    mixing = np.random.default_rng(1).normal(size=(dimensions, dimensions)) / np.sqrt(dimensions)
    return np.maximum(rng.normal(size=(count, dimensions)) @ mixing + shift, 0).astype(np.float32)


def formulas(values: Features, reference: Reference) -> dict[str, Formula]:
    """Each of the three as a call without arguments."""
    mean, covariance = torch.from_numpy(reference.mean), torch.from_numpy(reference.covariance)
    theirs = {"mu": reference.mean, "sigma": reference.covariance}

    def torchmetrics() -> float:
        rows = torch.from_numpy(values).double()
        return float(_compute_fid(rows.mean(dim=0), torch.cov(rows.T), mean, covariance))

    def torch_fidelity() -> float:
        own = fid_features_to_statistics(torch.from_numpy(values).double())
        return float(fid_statistics_to_metric(own, theirs, verbose=False)["frechet_inception_distance"])

    return {
        "sdeval": lambda: frechet_distance(values, reference),
        "torchmetrics": torchmetrics,
        "torch-fidelity": torch_fidelity,
    }


def measure_time(formula: Formula) -> tuple[float, float]:
    """Seconds of processor time, of all threads together, and value."""
    started = time.process_time()
    value = formula()
    return time.process_time() - started, value


def compare_formulas(count: int, dimensions: int, reference: Reference, rounds: int) -> str:
    """A line of the table of Fréchet distances."""
    calls = formulas(features(np.random.default_rng(2), count, dimensions, 0.1), reference)
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    values: dict[str, float] = {}
    for _ in range(rounds):
        for name, formula in calls.items():
            elapsed, values[name] = measure_time(formula)
            seconds[name].append(elapsed)
        if sum(times_of_formula[-1] for times_of_formula in seconds.values()) > LONG:
            break
    medians = {name: statistics.median(times_of_formula) for name, times_of_formula in seconds.items()}
    times = "".join(f"{1000 * times_of_formula:11.1f}" for times_of_formula in medians.values())
    others = [name for name in calls if name != "sdeval"]
    ratios = "".join(f"{medians[name] / medians['sdeval']:10.1f}x" for name in others)
    apart = "".join(f"{abs(values[name] / values['sdeval'] - 1):11.0e}" for name in others)
    return f"{dimensions:6}{count:7}{times}{ratios}{apart}"


def gate(metric: SetMetric, count: int, dimensions: int, reference: Reference) -> str:
    """A line of the table of tests: a loss in every case."""
    before, after = (
        features(np.random.default_rng(seed), count, dimensions, shift) for seed, shift in ((2, 0), (4, 1))
    )
    # Results that depend on the reference alone are cached between calls.
    metric.measure(before[:64], reference)
    value, _ = measure_time(lambda: metric.measure(after, reference))
    started = time.process_time()
    difference = metric.swap_difference(before, after, np.arange(count), reference)
    ready = time.process_time() - started
    test, _ = measure_time(lambda: stats.swap_estimate(difference, count, SWAPS)[0].p_worse())
    times = f"{1000 * value:11.0f}{1000 * ready:11.0f}{1000 * test / SWAPS:11.3f}{value + ready + test:11.1f}"
    return f"{dimensions:6}{count:7}{times}  {metric.info.name}"


def main() -> int:
    """Measure and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 256, 2000, 10000], metavar="N")
    parser.add_argument("--dimensions", type=int, nargs="+", default=[512, 2048], metavar="D")
    parser.add_argument("--references", type=int, default=5000, metavar="M", help="images behind the reference")
    args = parser.parse_args()
    references = {
        dimensions: Reference.of(features(np.random.default_rng(3), args.references, dimensions, 0.0))
        for dimensions in args.dimensions
    }
    print(f"{args.rounds} rounds, {torch.get_num_threads()} threads, {args.references} reference images")
    print("ms a call; torchmetrics (tm) and torch-fidelity (tf) in times of ours; how far their values are from ours")
    names = ("sdeval", "tm", "tf", "tm/ours", "tf/ours", "tm apart", "tf apart")
    print(f"{'d':>6}{'n':>7}" + "".join(f"{name:>11}" for name in names))
    for dimensions, reference in references.items():
        for count in args.sizes:
            print(compare_formulas(count, dimensions, reference, args.rounds), flush=True)
    print(f"\ngates of a clear loss, {SWAPS} swaps: value, preparation and a swap in ms, the whole in s")
    print(f"{'d':>6}{'n':>7}" + "".join(f"{name:>11}" for name in ("value", "ready", "swap", "gate")) + "  metric")
    metrics = [create(name, MetricOptions(clip_model="shapes")) for name in metric_names() if info(name).scope == "set"]
    for dimensions, reference in references.items():
        for count in args.sizes:
            for metric in metrics:
                print(gate(metric, count, dimensions, reference), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
