"""Several processes generate one plan: the images are those of one process, whatever becomes of single processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sdeval import Sample, Target
from sdeval.config.devices import parse_devices
from sdeval.config.options import Options
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.engines.generated import Generated
from sdeval.engines.memory import MemoryUse
from sdeval.engines.subprocess_engine import CannotStart, Place
from sdeval.errors import CallFailed, CannotWrite, ProcessEnded, SdevalError
from sdeval.evaluation.evaluate import generate
from sdeval.evaluation.plan import Plan
from sdeval.executors import pool as pools
from sdeval.executors.places import places_of
from sdeval.executors.pool import Pool
from sdeval.results.run import BATCH_CONSISTENCY, MIXED, WORKERS
from tests.evaluation.test_calls import Scripted
from tests.generated import plan

PLACES = tuple(Place(name=f"worker {number}", variables={"CUDA_VISIBLE_DEVICES": number}) for number in "12")
Failing = Callable[["Worker", Sequence[Sample]], Exception | None]


class Worker(Scripted):
    """Stands in for a process on a device; a function says which of its batches fail."""

    def __init__(self, place: Place, failing: Failing) -> None:
        super().__init__(lambda batch: "")
        self.place, self.batch_size = place, 2
        self.environment = {"hardware": "1x GPU"}
        self._failing = failing
        self.is_killed = False

    def generate(self, task: str, batch: Sequence[Sample], settings: Any) -> list[Generated]:
        self.calls.append([sample.name for sample in batch])
        # So that the other one gets work as well.
        time.sleep(0.01)
        error = self._failing(self, batch)
        if error is not None:
            raise error
        self.calls.pop()
        return super().generate(task, batch, settings)

    def kill(self) -> None:
        self.is_killed = True

    def close(self) -> None: ...


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that makes a pool of two workers."""
    monkeypatch.setattr("sdeval.evaluation.generate.reset_peak_memory", lambda engine: None)
    monkeypatch.setattr("sdeval.evaluation.generate.peak_memory", lambda engine: MemoryUse(peak=len(engine.calls)))
    monkeypatch.setattr(pools.hardware, "shared_gpus", lambda entries: "")

    def make(failing: Failing = lambda worker, batch: None) -> Pool:
        monkeypatch.setattr(pools, "RemoteEngine", lambda target, python, option, place: Worker(place, failing))
        return Pool(plan().target, PLACES)

    return make


def request(**changes: Any) -> Plan:
    whole = plan(seeds=tuple(range(8)))
    return replace(whole, target=replace(whole.target, batch_size=2), self_check=False, **changes)


def calls_of(pool: Pool) -> list[list[str]]:
    return [call for engine in pool.engines for call in engine.calls]  # type: ignore[attr-defined]


def test_all_workers_generate_and_each_unit_once(workers: Any, tmp_path: Path) -> None:
    pool, done = workers(), []
    run = pool.generate(request(), tmp_path, done.append, None)
    assert all(engine.calls for engine in pool.engines)
    assert sorted(calls_of(pool)) == sorted([sample.name for sample in unit.samples] for unit in request().units(2))
    assert sum(done) == 24
    assert [sample.key for sample in run.samples] == [(sample.case.id, sample.seed) for sample in request().samples]
    assert run.environment[WORKERS] == {"devices": ["1", "2"], "speed": ""}
    assert run.peak_memory_bytes == max(len(engine.calls) for engine in pool.engines)


def test_a_worker_that_does_not_start_again_leaves_its_unit_to_the_others(workers: Any, tmp_path: Path) -> None:
    def failing(worker: Worker, batch: Sequence[Sample]) -> Exception | None:
        return CannotStart("worker 2: no more") if worker.place.name == "worker 2" and len(worker.calls) > 2 else None

    pool = workers(failing)
    run = pool.generate(request(), tmp_path, lambda _: None, None)
    assert all(sample.image for sample in run.samples)
    assert [engine.place.name for engine in pool.engines] == ["worker 1"]
    assert run.notes == ("few on shapes: generated without worker 2: no more",)


def test_without_any_worker_the_suite_ends_in_one_line(workers: Any, tmp_path: Path) -> None:
    pool = workers(lambda worker, batch: CannotStart("no more"))
    with pytest.raises(SdevalError, match=r"^no more$"):
        pool.generate(request(), tmp_path, lambda _: None, None)


def test_a_worker_whose_process_ended_makes_its_batch_again(workers: Any, tmp_path: Path) -> None:
    ended: list[str] = []

    def failing(worker: Worker, batch: Sequence[Sample]) -> Exception | None:
        if ended or batch[0].name != "square@2":
            return None
        ended.append("once")
        return ProcessEnded("killed")

    run = workers(failing).generate(request(), tmp_path, lambda _: None, None)
    assert all(sample.image for sample in run.samples)
    assert "a process ended and was replaced" in run.notes[0]


def test_a_sample_that_fails_alone_costs_no_other(workers: Any, tmp_path: Path) -> None:
    def failing(worker: Worker, batch: Sequence[Sample]) -> Exception | None:
        return CallFailed("boom") if "cross@5" in [sample.name for sample in batch] else None

    run = workers(failing).generate(request(), tmp_path, lambda _: None, None)
    assert [(sample.case, sample.failure) for sample in run.samples if sample.failure] == [("cross", "boom")]


def test_what_does_not_fit_into_memory_is_known_to_all_workers(workers: Any, tmp_path: Path) -> None:
    def failing(worker: Worker, batch: Sequence[Sample]) -> Exception | None:
        return CallFailed("CUDA out of memory") if len(batch) > 1 else None

    pool = workers(failing)
    run = pool.generate(request(), tmp_path, lambda _: None, None)
    assert all(sample.image for sample in run.samples)
    # Each may find out by itself, but once.
    assert len([call for call in calls_of(pool) if len(call) > 1]) <= 2
    assert "2 images in a call did not fit into memory" in run.notes[0]


def test_an_error_of_this_process_ends_all_workers(
    workers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise CannotWrite("the disk is full")

    monkeypatch.setattr("sdeval.evaluation.image_records.write_shared", full)
    pool = workers()
    with pytest.raises(CannotWrite):
        pool.generate(request(), tmp_path, lambda _: None, None)
    assert all(engine.is_killed for engine in pool.engines)
    assert pool.is_closed


def test_the_check_comes_first_and_decides_for_all(
    workers: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdeval.evaluation.self_check.SelfCheck.check", lambda self, images: MIXED)
    mixing = replace(request(), self_check=True, samples=plan(seeds=(0, 1, 2)).samples)
    mixing = replace(mixing, suite=replace(mixing.suite, seeds=(0, 1, 2)))
    pool = workers()
    run = pool.generate(mixing, tmp_path / "pool", lambda _: None, None)
    alone: Any = Scripted(lambda batch: "")
    alone.batch_size = 2
    alone.environment = {"hardware": "1x GPU"}
    one = generate(mixing, alone, tmp_path / "one", lambda _: None)
    assert run.environment[BATCH_CONSISTENCY] == one.environment[BATCH_CONSISTENCY] == MIXED
    assert sorted(calls_of(pool)) == sorted(alone.calls)


def test_devices_of_several_classes_have_no_speed(workers: Any, tmp_path: Path) -> None:
    pool = workers()
    pool.engines[1].environment = {"hardware": "1x other GPU"}
    run = pool.generate(request(), tmp_path, lambda _: None, None)
    assert run.environment["hardware"] == "1x GPU + 1x other GPU"
    assert run.environment[WORKERS]["speed"] == "devices of several classes generated: 1x GPU, 1x other GPU"


def on_cores(target: Target, processes: int = 2) -> Pool:
    return Pool(target, places_of(Options(devices=parse_devices(f"cpu:{processes}"))))


@pytest.mark.slow
def test_two_processes_generate_the_bytes_of_one(
    loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    request = replace(plan(seeds=tuple(range(6))), journal=True)
    request = replace(request, target=replace(request.target, batch_size=4))
    pool = on_cores(request.target)
    try:
        one = generate(request, loaded, tmp_path / "one", lambda _: None)
        two = pool.generate(request, tmp_path / "two", lambda _: None, None)
    finally:
        torch.set_num_threads(threads)
        pool.close()
    assert one.samples == two.samples
    assert one.generated_by == two.generated_by
    files = sorted(path.name for path in (tmp_path / "one" / "images").iterdir())
    assert len(files) == 18
    for name in files:
        assert (tmp_path / "one" / "images" / name).read_bytes() == (tmp_path / "two" / "images" / name).read_bytes()


MORTAL = """
import os, signal
from pathlib import Path
from PIL import Image

def generate(case, seed, folder):
    marker = Path(folder) / f"{case.id}@{seed}"
    if case.id == "square" and seed == 1 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if case.id == "cross" and seed == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return Image.new("RGB", (64, 64), (seed * 9, len(case.id), 99))
"""


@pytest.mark.slow
def test_a_killed_process_loses_nothing_and_a_sample_that_kills_costs_itself(tmp_path: Path) -> None:
    (tmp_path / "mortal.py").write_text(MORTAL)
    target = Target(name="mortal", model=f"python:{tmp_path / 'mortal.py'}:generate")
    whole = plan(seeds=(0, 1, 2))
    settings = {"folder": str(tmp_path)}
    request = replace(whole, target=target, settings=settings, suite=replace(whole.suite, settings=settings))
    pool = on_cores(target)
    run = pool.generate(request, tmp_path / "run", lambda _: None, None)
    pool.close()
    (lost,) = [sample for sample in run.samples if not sample.image]
    assert lost.key == ("cross", 0)
    assert lost.failure.startswith("the process that generated it ended each time: worker ")
    assert "SIGKILL" in lost.failure
    assert run.notes[0].startswith("few on mortal: 3 processes ended and were replaced")
