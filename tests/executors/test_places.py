"""Where processes generate, by what the user asks for and by what the machine has."""

from __future__ import annotations

from typing import Any

import pytest

from sdeval import Target
from sdeval.config.devices import parse_devices
from sdeval.config.options import Options, xdist_worker
from sdeval.errors import SdevalError
from sdeval.executors import places
from sdeval.executors.places import device_notes, places_of, spreads


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that says which GPUs there are."""

    def with_gpus(listed: str) -> None:
        count = len(listed.split(",")) if listed else 0
        monkeypatch.setattr(places, "cuda_devices", lambda: count)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)

    return with_gpus


def options(devices: str, **changes: Any) -> Options:
    return Options(devices=parse_devices(devices), **changes)


def test_a_machine_with_one_gpu_or_none_generates_in_this_process(machine: Any) -> None:
    for listed in ("", "GPU-1"):
        machine(listed)
        assert places_of(options("auto")) == ()


def test_every_process_sees_one_device(machine: Any) -> None:
    machine("GPU-1,MIG-2,7")
    found = places_of(options("auto"))
    assert [place.variables for place in found] == [{"CUDA_VISIBLE_DEVICES": name} for name in ("GPU-1", "MIG-2", "7")]
    assert found[0].name == "worker on device GPU-1"


def test_processes_on_cores_share_them_and_see_no_gpu(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    machine("GPU-1")
    monkeypatch.setattr(places, "cores", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    found = places_of(options("cpu:3"))
    assert [(place.device, place.variables["OMP_NUM_THREADS"]) for place in found] == [("cpu", "2")] * 3
    assert {place.variables["CUDA_VISIBLE_DEVICES"] for place in found} == {""}
    # Never more threads than the user allows.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert places_of(options("cpu:3"))[0].variables["OMP_NUM_THREADS"] == "1"


def test_workers_of_xdist_share_the_devices(machine: Any) -> None:
    machine("0,1,2")
    shares = [places_of(options("all", xdist=(worker, 2))) for worker in range(2)]
    assert [[place.variables["CUDA_VISIBLE_DEVICES"] for place in share] for share in shares] == [["0", "2"], ["1"]]
    assert [len(places_of(options("cpu:3", xdist=(worker, 2)))) for worker in range(2)] == [2, 1]


@pytest.mark.parametrize("devices", ["all", "0,1", "cpu:2"])
def test_more_workers_of_xdist_than_devices_are_refused(machine: Any, devices: str) -> None:
    machine("0,1")
    with pytest.raises(SdevalError, match=r"3 workers of pytest-xdist cannot share 2 .*; run pytest -n 2, or leave"):
        places_of(options(devices, xdist=(0, 3)))


def test_more_workers_of_xdist_than_devices_share_them_where_nothing_is_asked_for(machine: Any) -> None:
    machine("0,1")
    found = [places_of(options("auto", xdist=(worker, 3))) for worker in range(3)]
    assert [place.variables["CUDA_VISIBLE_DEVICES"] for (place,) in found] == ["0", "1", "0"]


def test_a_worker_that_takes_the_place_of_another_has_its_devices() -> None:
    assert xdist_worker({"PYTEST_XDIST_WORKER": "gw5", "PYTEST_XDIST_WORKER_COUNT": "4"}) == (1, 4)
    assert xdist_worker({}) is None


def test_a_target_with_a_device_of_its_own_is_not_moved() -> None:
    target = Target(name="a", model="b", device="cuda:1")
    assert not spreads(target, parse_devices("auto"))
    with pytest.raises(SdevalError, match="target a: device cuda:1 is its own, and --sdeval-devices asks for others"):
        spreads(target, parse_devices("all"))


def test_what_the_devices_do_not_generate_is_said() -> None:
    server = Target(name="ours", model="a1111:http://localhost:1")
    (note,) = device_notes(server, options("cpu:2"))
    assert note.startswith("target ours is a server")
    pipeline = Target(name="a", model="b")
    (note,) = device_notes(pipeline, options("cpu:2", compare_to=server))
    assert note.startswith("an interleaved comparison generates on one device")
    assert device_notes(pipeline, options("cpu:2")) == ()
    assert device_notes(server, options("auto")) == ()
