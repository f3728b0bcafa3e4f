"""What set metrics cost, given the features: the Fréchet distance beside two other packages, and the gates of all.

First our Fréchet distance beside the formulas of torchmetrics and torch-fidelity: moments of the candidate and the
distance, where the reference's moments are at hand for all three, and the root of its covariance for ours. The others
compute in double precision, ours partly in single. Every round runs the three in turns, so that a change of the
machine's speed meets them all; prints medians of processor time, their ratios to ours in processor time and in time by
the clock, and how far their values, and ours in double precision throughout, are from ours.

Then each set metric as a gate of a clear loss, so that no swap is spared: the value, what is prepared once for all
swaps, one swap, and the whole, in time of the processor. Last, the fast gate of the Fréchet distance beside the one
that computes every swap exactly: how often each fails a change, and how far their p-values are apart. The whole of it:

    OMP_NUM_THREADS=1 python -m benchmarks.set_metrics
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable
from unittest.mock import patch

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torchmetrics.image.fid import _compute_fid

from sdeval import stats
from sdeval.metrics import MetricOptions, SetMetric, create, info, metric_names
from sdeval.metrics.base import Features, Reference
from sdeval.metrics.sets import frechet_distance as module
from sdeval.metrics.sets import roots
from sdeval.metrics.sets.frechet_distance import frechet_distance

Formula = Callable[[], float]
LONG = 60
"""Seconds of a round after which there is no other."""
ALPHA = 0.01
OTHERS = ("torchmetrics", "torch-fidelity")


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


def measure_time(formula: Formula) -> tuple[float, float, float]:
    """Seconds of processor time, of all threads together, seconds by the clock, and value."""
    processor, clock = time.process_time(), time.perf_counter()
    value = formula()
    return time.process_time() - processor, time.perf_counter() - clock, value


def compare_formulas(count: int, dimensions: int, reference: Reference, rounds: int) -> str:
    """A line of the table of Fréchet distances."""
    rows = features(np.random.default_rng(2), count, dimensions, 0.1)
    calls = formulas(rows, reference)
    calls["sdeval"]()
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    values: dict[str, float] = {}
    for _ in range(rounds):
        for name, formula in calls.items():
            *elapsed, values[name] = measure_time(formula)
            seconds[name].append((elapsed[0], elapsed[1]))
        if sum(times[-1][0] for times in seconds.values()) > LONG:
            break
    medians = {name: np.median(times, axis=0) for name, times in seconds.items()}
    with patch.object(roots, "SINGLE_FROM", math.inf):
        values["double"] = frechet_distance(rows, reference)
    times = "".join(f"{1000 * processor:11.1f}" for processor, _ in medians.values())
    ratios = "".join(f"{ratio:10.1f}x" for name in OTHERS for ratio in medians[name] / medians["sdeval"])
    apart = "".join(f"{abs(values[name] / values['sdeval'] - 1):11.0e}" for name in (*OTHERS, "double"))
    return f"{dimensions:6}{count:7}{times}{ratios}{apart}"


def gate(metric: SetMetric, count: int, dimensions: int, reference: Reference, swaps: int) -> str:
    """A line of the table of tests: a loss in every case."""
    before, after = (
        features(np.random.default_rng(seed), count, dimensions, shift) for seed, shift in ((2, 0), (4, 1))
    )
    # Results that depend on the reference alone are cached between calls.
    metric.measure(before[:64], reference)
    value, _, _ = measure_time(lambda: metric.measure(after, reference))
    started = time.process_time()
    difference = metric.swap_difference(before, after, np.arange(count), reference)
    ready = time.process_time() - started
    test, _, _ = measure_time(lambda: stats.swap_estimate(difference, count, swaps)[0].p_worse())
    times = f"{1000 * value:11.0f}{1000 * ready:11.0f}{1000 * test / swaps:11.3f}{value + ready + test:11.1f}"
    return f"{dimensions:6}{count:7}{times}  {metric.info.name}"


def change(name: str, values: Features, rng: np.random.Generator) -> Features:
    """A candidate's features after a change of the pipeline."""
    deviation = values.std()
    changes = {
        "nothing": lambda: values,
        "small shift": lambda: values + 0.1 * deviation,
        "shift": lambda: values + 0.3 * deviation,
        "less spread": lambda: 0.7 * values + 0.3 * values.mean(axis=0),
        "noise": lambda: values + 0.3 * deviation * rng.normal(size=values.shape),
    }
    return np.asarray(changes[name](), dtype=np.float32)


def compare_gates(count: int, dimensions: int, changed: str, pairs: int) -> str:
    """A line of the table that compares the fast with the exact gate, in features that the two sides share in part."""
    reference = Reference.of(features(np.random.default_rng(3), 500, dimensions, 0.0))
    p_values = np.empty((pairs, 2))
    for pair in range(pairs):
        rng = np.random.default_rng((pair, count, dimensions))
        common, one, other = (features(rng, count, dimensions, 0.0) for _ in range(3))
        before, after = 0.8 * common + 0.6 * one, change(changed, 0.8 * common + 0.6 * other, rng)
        for column, limit in enumerate((0, math.inf)):
            with patch.object(module, "EXACT_UP_TO", limit):
                difference = module.swapped_difference(before, after, np.arange(count), reference)
            p_values[pair, column] = stats.swap_estimate(difference, count, 999)[0].p_worse()
    failed = p_values < ALPHA
    differing = int((failed[:, 0] != failed[:, 1]).sum())
    shares = "".join(f"{100 * share:10.0f}%" for share in failed.mean(axis=0))
    apart = np.abs(p_values[:, 0] - p_values[:, 1])
    return f"{dimensions:6}{count:7}{shares}{differing:11}{np.median(apart):11.3f}{apart.max():11.3f}  {changed}"


def print_heading(*names: str, last: str = "") -> None:
    print(f"{'d':>6}{'n':>7}" + "".join(f"{name:>11}" for name in names) + f"  {last}")


def print_formulas(references: dict[int, Reference], args: argparse.Namespace) -> None:
    print("ms a call; torchmetrics (tm) and torch-fidelity (tf) in times of ours, by the processor and by the clock;")
    print("how far their values, and ours in double precision (f64), are from ours")
    print_heading("sdeval", "tm", "tf", "tm/ours", "clock", "tf/ours", "clock", "tm apart", "tf apart", "f64 apart")
    for dimensions, reference in references.items():
        for count in args.sizes:
            print(compare_formulas(count, dimensions, reference, args.rounds), flush=True)


def print_gates(references: dict[int, Reference], args: argparse.Namespace) -> None:
    print(f"\ngates of a clear loss, {args.swaps} swaps: value, preparation and a swap in ms, the whole in s")
    print_heading("value", "ready", "swap", "gate", last="metric")
    names = args.metrics or [name for name in metric_names() if info(name).scope == "set"]
    # `fd_dinov2` is the Fréchet distance, in features that need a download.
    names = [name for name in names if name != "fd_dinov2"]
    options = MetricOptions(clip_model="shapes", device=args.device)
    metrics = [metric for metric in (create(name, options) for name in names) if isinstance(metric, SetMetric)]
    for dimensions, reference in references.items():
        for count in args.sizes:
            for metric in metrics:
                print(gate(metric, count, dimensions, reference, args.swaps), flush=True)


def print_agreement(pairs: int) -> None:
    print(f"\nfast and exact gate of {pairs} pairs: share with p below {ALPHA}, pairs that differ, p-values apart")
    print_heading("fast", "exact", "differ", "median", "most", last="change")
    for count, dimensions in ((40, 96), (60, 64), (120, 64), (200, 32)):
        for changed in ("nothing", "small shift", "shift", "less spread", "noise"):
            print(compare_gates(count, dimensions, changed, pairs), flush=True)


def main() -> int:
    """Measure and print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 256, 2000, 10000], metavar="N")
    parser.add_argument("--dimensions", type=int, nargs="+", default=[512, 2048], metavar="D")
    parser.add_argument("--references", type=int, default=5000, metavar="M", help="images behind the reference")
    parser.add_argument("--swaps", type=int, default=4999, metavar="S", help="swaps of a gate; a session makes 999")
    parser.add_argument("--metrics", nargs="+", metavar="NAME", help="gates to measure (default: all set metrics)")
    parser.add_argument("--device", default="cpu", help="where gates compute large products")
    parser.add_argument("--pairs", type=int, default=40, help="simulated pairs on which both gates are compared")
    tables = ("formulas", "gates", "agreement")
    parser.add_argument("--tables", nargs="+", choices=tables, default=tables, help="what to print (default: all)")
    args = parser.parse_args()
    print(f"{args.rounds} rounds, {torch.get_num_threads()} threads, {args.references} reference images")
    references = {
        dimensions: Reference.of(features(np.random.default_rng(3), args.references, dimensions, 0.0))
        for dimensions in args.dimensions
    }
    if "formulas" in args.tables:
        print_formulas(references, args)
    if "gates" in args.tables:
        print_gates(references, args)
    if "agreement" in args.tables:
        print_agreement(args.pairs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
