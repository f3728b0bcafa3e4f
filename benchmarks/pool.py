"""Throughput of two processes of one thread each (`--sdeval-devices cpu:2`) and of one process of one thread.

    python -m benchmarks.pool                     # 3 rounds of 96 images of the embedded model
    python -m benchmarks.pool --rounds 5 --cases 96

Both sides generate the same plan, interleaved, so that whatever slows the machine slows both; weights are in memory
before. What is printed is images a second, the median of the ratios, and whether all images are the same to the byte.
"""

from __future__ import annotations

import os

# Before torch comes in: one thread on both sides.
os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from sdeval import Case, Suite
from sdeval.config.devices import parse_devices
from sdeval.config.options import Options
from sdeval.config.target_registry import shipped_targets
from sdeval.engines.engine import open_target
from sdeval.evaluation.evaluate import generate
from sdeval.evaluation.plan import Plan, make_plan
from sdeval.executors.places import cores, places_of
from sdeval.executors.pool import Pool
from sdeval.results.run import Run

SHAPES = ("circle", "square", "triangle", "cross")
COLOURS = ("red", "green", "blue", "white", "yellow", "black")


def plan_of(cases: int, steps: int) -> Plan:
    """A suite of the embedded model, in batches of 4."""
    suite = Suite(
        name="pool",
        task="text2img",
        cases=tuple(
            Case(
                id=f"case-{number}",
                prompt=f"a large {COLOURS[number % 6]} {SHAPES[number // 6 % 4]} on a white background",
            )
            for number in range(cases)
        ),
        seeds=(0, 1),
        settings={"num_inference_steps": steps, "width": 64, "height": 64},
        metrics=(),
    )
    target = replace(shipped_targets()["shapes"], batch_size=4)
    return replace(make_plan(suite, target), self_check=False)


def timed(work: Callable[[Path], Run]) -> tuple[float, tuple[str, ...]]:
    """Seconds that a run takes, and the hashes of its images."""
    with TemporaryDirectory() as folder:
        started = time.perf_counter()
        run = work(Path(folder))
        return time.perf_counter() - started, tuple(sample.sha256 for sample in run.samples)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", type=int, default=48)
    parser.add_argument("--steps", type=int, default=20)
    given = parser.parse_args()
    plan = plan_of(given.cases, given.steps)
    warm = replace(plan, samples=plan.samples[:8])
    engine = open_target(plan.target)
    pool = Pool(plan.target, places_of(Options(devices=parse_devices("cpu:2"))))

    def one(folder: Path, part: Plan = plan) -> Run:
        return generate(part, engine, folder, lambda _: None)

    def two(folder: Path, part: Plan = plan) -> Run:
        return pool.generate(part, folder, lambda _: None, None)

    for side in (one, two):
        timed(lambda folder, side=side: side(folder, warm))  # type: ignore[misc]
    pairs = []
    for number in range(given.rounds):
        sides = (one, two) if number % 2 else (two, one)
        results = {side: timed(side) for side in sides}
        pairs.append((results[one], results[two]))
    pool.close()
    count, load = len(plan.samples), os.getloadavg()[0]
    print(f"{count} images, {given.steps} steps, {cores()} cores, load {load:.1f}")
    for name, place in (("one process", 0), ("cpu:2", 1)):
        print(f"{name}: {count / median(pair[place][0] for pair in pairs):.2f} images a second")
    ratios = [pair[0][0] / pair[1][0] for pair in pairs]
    print(f"throughput of cpu:2 over one process: {median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
    same = len({hashes for pair in pairs for _, hashes in pair}) == 1
    print("images are the same to the byte" if same else "IMAGES DIFFER")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
