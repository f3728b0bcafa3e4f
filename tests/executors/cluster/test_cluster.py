"""A real Ray cluster of several nodes on this machine: the images of one process, whatever becomes of its nodes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sdeval import Target
from sdeval._utils.progress import Silent
from sdeval.config.devices import parse_devices
from sdeval.config.executor import ExecutorChoice
from sdeval.config.options import Options
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.errors import SdevalError
from sdeval.evaluation.evaluate import generate
from sdeval.evaluation.plan import Plan
from sdeval.executors.cluster.connection import IN_CLUSTER, Cluster, connect
from sdeval.executors.cluster.engine import ActorWorker, ClusterEngine
from sdeval.executors.pool import Pool
from sdeval.executors.spread import SpreadExecutor
from sdeval.results.run import WORKERS, Run
from tests.conftest import ROOT
from tests.generated import plan

ray = pytest.importorskip("ray")
pytestmark = pytest.mark.slow

MIB = 2**20


@contextmanager
def running(nodes: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A cluster whose nodes have a core each, but for its head."""
    from ray.cluster_utils import Cluster as LocalCluster

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    # Programs of tests are found by the nodes as they are here.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    local = LocalCluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": 100 * MIB})
    for _ in range(nodes):
        local.add_node(num_cpus=1, object_store_memory=80 * MIB)
    try:
        yield local
    finally:
        ray.shutdown()
        local.shutdown()


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Of a cluster with room for two workers."""
    with pytest.MonkeyPatch.context() as monkeypatch, running(2, monkeypatch) as local:
        yield local.address


def options(address: str, folder: Path) -> Options:
    return Options(
        devices=parse_devices("cpu:2"), executor=ExecutorChoice("ray", address), image_pool=folder / ".images"
    )


def evaluated(request: Plan, address: str, folder: Path, name: str) -> Run:
    """A run that the cluster generated; nothing occupies it afterwards."""
    executor = SpreadExecutor(Silent(), options(address, folder))
    try:
        return executor.evaluate(request, folder / name, None, None)
    finally:
        if executor._pool is not None:
            executor._pool.close()


PROGRAM = """
import os, signal, time
from pathlib import Path
from PIL import Image

def generate(case, seed, folder):
    time.sleep(0.2)
    marker = Path(folder) / f"{case.id}@{seed}"
    if case.id == "square" and seed == 1 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return Image.new("RGB", (64, 64), (seed * 9, len(case.id), 99))
"""


def own_plan(folder: Path, seeds: int) -> Plan:
    """A plan of a program that ends its process once, over one of its samples."""
    (folder / "own.py").write_text(PROGRAM)
    target = Target(name="own", model=f"python:{folder / 'own.py'}:generate")
    whole, settings = plan(seeds=tuple(range(seeds))), {"folder": str(folder)}
    return replace(whole, target=target, settings=settings, suite=replace(whole.suite, settings=settings))


def test_two_nodes_generate_the_bytes_of_one_process(address: str, loaded: LoadedTarget, tmp_path: Path) -> None:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    request = plan(seeds=tuple(range(6)))
    request = replace(request, target=replace(request.target, batch_size=4))
    try:
        one = generate(request, loaded, tmp_path / "one", lambda _: None)
    finally:
        torch.set_num_threads(threads)
    two = evaluated(request, address, tmp_path, "two")
    assert two.environment[WORKERS] == {"devices": ["ray worker 1", "ray worker 2"], "speed": IN_CLUSTER}
    assert [sample.sha256 for sample in one.samples] == [sample.sha256 for sample in two.samples]
    assert one.generated_by == two.generated_by
    names = sorted(path.name for path in (tmp_path / "one" / "images").iterdir())
    assert len(names) == 18
    for name in names:
        assert (tmp_path / "one" / "images" / name).read_bytes() == (tmp_path / "two" / "images" / name).read_bytes()
    # What was exchanged is not left there.
    assert not [path for path in tmp_path.rglob(".exchange*/**/*") if path.is_file()]


def test_a_killed_actor_loses_nothing(address: str, tmp_path: Path) -> None:
    request = own_plan(tmp_path, seeds=3)
    run = evaluated(request, address, tmp_path, "run")
    assert [sample.key for sample in run.samples if not sample.image] == []
    (note,) = [note for note in run.notes if "ended" in note]
    assert note.startswith("few on own: a process ended and was replaced while images were generated")
    assert "ray worker " in note


def test_a_killed_node_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray.shutdown()
    request = own_plan(tmp_path, seeds=12)
    (tmp_path / "square@1").touch()
    with running(2, monkeypatch) as local:
        cluster = Cluster(ExecutorChoice("ray", local.address), parse_devices("cpu:2"), [str(tmp_path)])

        def open_at(target: Target, place: Any) -> ClusterEngine:
            return ClusterEngine(target, place, cluster)

        pool = Pool(request.target, cluster.places(0, 1), open_at)
        done: list[int] = []

        def progress(count: int) -> None:
            done.append(count)
            if sum(done) == 6:
                local.remove_node(next(node for node in local.list_all_nodes() if not node.head), allow_graceful=False)

        run = pool.generate(request, tmp_path / "run", progress, None)
        pool.close()
    assert len(run.samples) == 36
    assert [sample.key for sample in run.samples if not sample.image] == []
    assert any("generated without ray worker" in note for note in run.notes), run.notes


def place_of_worker(address: str) -> Cluster:
    return Cluster(ExecutorChoice("ray", address), parse_devices("cpu:1"), ["memory://each-process-has-its-own"])


def test_images_go_through_the_first_place_that_both_sides_see(address: str, tmp_path: Path) -> None:
    cluster = place_of_worker(address)
    cluster.exchange = (*cluster.exchange, str(tmp_path))
    (place,) = cluster.places(0, 1)
    request = own_plan(tmp_path, seeds=1)
    engine = ClusterEngine(request.target, place, cluster)
    images = engine.generate("text2img", request.samples[:1], request.settings)
    engine.close()
    assert images[0].image.size == (64, 64)


def test_without_a_place_that_both_sides_see_it_says_what_to_do(address: str, tmp_path: Path) -> None:
    cluster = place_of_worker(address)
    before = ActorWorker.running
    with pytest.raises(SdevalError) as caught:
        ClusterEngine(own_plan(tmp_path, seeds=1).target, cluster.places(0, 1)[0], cluster)
    assert str(caught.value).startswith("ray worker 1: its node does not see memory://each-process-has-its-own (")
    assert str(caught.value).endswith("(--sdeval-output), or name a store: [tool.sdeval] store")
    assert ActorWorker.running == before


def test_a_cluster_without_gpus_says_so(address: str) -> None:
    connect(address)
    with pytest.raises(SdevalError, match=r"^executor: the Ray cluster has no GPU; "):
        Cluster(ExecutorChoice("ray", address), parse_devices("auto"), ["/shared"]).places(0, 1)


SUITE = """
from sdeval import Case, Suite

test_few = Suite(
    name="few",
    task="text2img",
    targets=("python:own.py:generate",),
    cases=[Case(id=name, prompt=f"a large red {name}") for name in ("circle", "square", "cross")],
    seeds=(0, 1),
    metrics=("sharpness",),
)
"""


def test_a_session_of_pytest_generates_there(address: str, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_few=SUITE,
        own="""
        from PIL import Image

        def generate(case, seed):
            return Image.linear_gradient("L").resize((64, 64)).rotate(9 * seed + len(case.id)).convert("RGB")
    """,
    )
    command = ["--sdeval-executor", f"ray:{address}", "--sdeval-devices", "cpu:2", "-p", "no:cacheprovider"]
    outcomes = pytester.runpytest_subprocess(*command, "--sdeval-no-strict").parseoutcomes()
    assert not {"failed", "error", "errors"} & set(outcomes)
    assert len(list(pytester.path.glob("reports/latest/few/*/images/*.png"))) == 6
    result = pytester.runpytest_subprocess("--sdeval-executor", f"ray:{address}")
    result.stderr.fnmatch_lines(["*executor: the Ray cluster has no GPU; *"])
