"""Throughput of two workers of a Ray cluster against one, each of one thread: images a second, in turns.

python -m benchmarks.cluster --rounds 3
python -m benchmarks.cluster --rounds 3 --waiting

A cluster of two nodes with one core each is started on this machine, and ended afterwards. The embedded model
generates; weights are loaded before the clock starts. The load of the machine is printed with the ratio: two workers
are only faster where two cores are free. With `--waiting`, a program generates that only waits, 0.5 s an image, as for
an accelerator: what is left is the cost of the cluster.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from sdeval import Case, Suite, Target
from sdeval.config.devices import parse_devices
from sdeval.config.executor import ExecutorChoice
from sdeval.config.target_registry import shipped_targets
from sdeval.evaluation.plan import Plan
from sdeval.executors.cluster.connection import Cluster
from sdeval.executors.cluster.engine import ClusterEngine
from sdeval.executors.pool import Pool

MIB = 2**20
ROOT = Path(__file__).parent.parent


WAITING = """
import time
from PIL import Image

def generate(case, seed):
    time.sleep(0.5)
    return Image.linear_gradient("L").resize((64, 64)).rotate(len(case.id)).convert("RGB")
"""


def waiting_plan(images: int, folder: Path) -> Plan:
    """The same, of a program that computes nothing."""
    (folder / "waiting.py").write_text(WAITING, encoding="utf-8")
    target = Target(name="waiting", model=f"python:{folder / 'waiting.py'}:generate", batch_size=4)
    return replace(plan_of(images, 1), target=target, settings={})


def plan_of(images: int, steps: int) -> Plan:
    cases = tuple(Case(id=f"case-{number}", prompt=f"a large red circle, image {number}") for number in range(images))
    suite = Suite(name="cluster", task="text2img", cases=cases, seeds=(0,), settings={"num_inference_steps": steps})
    target = replace(shipped_targets()["shapes"], batch_size=4)
    return Plan(suite, target, suite.samples, dict(suite.settings), self_check=False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=48)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--waiting", action="store_true", help="generate by a program that only waits")
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    import ray
    from ray.cluster_utils import Cluster as LocalCluster

    local = LocalCluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 100 * MIB})
    for _ in range(3):
        local.add_node(num_cpus=1, object_store_memory=80 * MIB)
    with TemporaryDirectory() as text:
        folder = Path(text)
        plan = waiting_plan(args.images, folder) if args.waiting else plan_of(args.images, args.steps)
        cluster = Cluster(ExecutorChoice("ray", local.address), parse_devices("cpu:3"), [text])
        places, open_at = cluster.places(0, 1), partial(ClusterEngine, cluster=cluster)
        pools = {1: Pool(plan.target, places[:1], open_at), 2: Pool(plan.target, places[1:], open_at)}
        speeds: dict[int, list[float]] = {1: [], 2: []}
        ratios, loads = [], []
        for number in range(args.rounds + 1):
            for workers, pool in pools.items():
                loads.append(os.getloadavg()[0])
                started = time.perf_counter()
                pool.generate(plan, folder / f"{number}-{workers}", lambda _: None, None)
                # The first round reads the weights.
                if number:
                    speeds[workers].append(args.images / (time.perf_counter() - started))
            if number:
                ratios.append(speeds[2][-1] / speeds[1][-1])
        for pool in pools.values():
            pool.close()
        ray.shutdown()
        local.shutdown()
    print(f"one worker {median(speeds[1]):.3g} images a second, two {median(speeds[2]):.3g}")
    print(f"ratio: median {median(ratios):.2f}, {min(ratios):.2f} to {max(ratios):.2f} (n={len(ratios)})")
    print(f"load {min(loads):.1f} to {max(loads):.1f} on {os.cpu_count()} cores")
    return 0


if __name__ == "__main__":
    sys.exit(main())
