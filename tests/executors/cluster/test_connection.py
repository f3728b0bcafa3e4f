"""What goes wrong before a cluster generates anything is said in one line; how many workers fit into one."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

import pytest

from sdeval.config.devices import parse_devices
from sdeval.config.executor import ExecutorChoice
from sdeval.engines.subprocess_engine import Place
from sdeval.errors import SdevalError
from sdeval.executors.cluster import connection
from sdeval.executors.cluster.connection import Cluster, connect, why_ended


def cluster(nodes: list[Mapping[str, float]], devices: str, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    ray = pytest.importorskip("ray")
    monkeypatch.setattr(connection, "connect", lambda address: None)
    monkeypatch.setattr(ray, "nodes", lambda: [{"Alive": not node.get("dead"), "Resources": node} for node in nodes])
    return Cluster(ExecutorChoice("ray"), parse_devices(devices), ["/shared"])


@pytest.mark.parametrize(
    ("nodes", "devices", "workers"),
    [
        ([{"GPU": 4}, {"GPU": 8}, {"CPU": 8}], "auto", 12),
        ([{"GPU": 4}, {"GPU": 8, "dead": 1}], "all", 4),
        ([{"GPU": 1}, {"GPU": 1}], "gpu:0.5", 4),
        # No worker lies across two GPUs.
        ([{"GPU": 2}], "gpu:0.4", 4),
        ([{"GPU": 1}], "gpu:0.1", 10),
        ([{"CPU": 3, "GPU": 1}, {"CPU": 1}], "cpu:4", 4),
    ],
)
def test_a_worker_for_each_gpu_or_share_or_core(
    nodes: list[Mapping[str, float]], devices: str, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = cluster(nodes, devices, monkeypatch).places(0, 1)
    assert len(places) == workers
    assert {place.device for place in places} == {"cpu" if devices.startswith("cpu") else None}


def test_workers_of_xdist_share_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = cluster([{"GPU": 3}], "auto", monkeypatch)

    def names(places: tuple[Place, ...]) -> list[str]:
        return [place.name for place in places]

    assert names(whole.places(0, 2)) == ["ray worker 1", "ray worker 3"]
    assert names(whole.places(1, 2)) == ["ray worker 2"]
    with pytest.raises(SdevalError, match="4 workers of pytest-xdist cannot share 3 of Ray; run pytest -n 3"):
        whole.places(0, 4)


@pytest.mark.parametrize(
    ("nodes", "devices", "message"),
    [
        ([{"CPU": 8}], "auto", "executor: the Ray cluster has no GPU; start its nodes with ray start --num-gpus=N"),
        ([{"CPU": 2}], "cpu:3", "devices: cpu:3 asks for more cores than the 2 of the Ray cluster"),
    ],
)
def test_a_cluster_without_room(
    nodes: list[Mapping[str, float]], devices: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SdevalError) as caught:
        cluster(nodes, devices, monkeypatch).places(0, 1)
    assert str(caught.value).startswith(message)


def test_without_ray_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "find_spec", lambda name: None)
    with pytest.raises(SdevalError, match=r"^executor: ray is not installed; get it with: pip install pytest-sdeval"):
        connect("")


def test_an_address_where_nothing_listens() -> None:
    pytest.importorskip("ray")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(SdevalError, match=rf"^executor: no Ray cluster answers at {address}: Connection refused$"):
        connect(address)
    with pytest.raises(SdevalError, match=r"^executor: no Ray cluster answers at 127.0.0.1:99999: "):
        connect("127.0.0.1:99999")


def test_a_cluster_of_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")
    from ray._private.utils import check_version_info

    def init(**_: Any) -> None:
        # What Ray does once it knows the versions of a cluster.
        check_version_info(
            {"ray_version": "2.9.3", "python_version": "3.9.18"}, "node 10.0.0.7", python_version_match_level="minor"
        )

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(SdevalError) as caught:
        connect("")
    assert str(caught.value).startswith(
        f"executor: the Ray cluster of this machine has Ray 2.9.3 and Python 3.9.18, here are {ray.__version__} and "
    )
    assert str(caught.value).endswith("; install the same in both")


def test_no_cluster_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")

    def init(**_: Any) -> None:
        raise ConnectionError("Could not find any running Ray instance.")

    monkeypatch.setattr(ray, "init", init)
    with pytest.raises(SdevalError, match=r"^executor: no Ray cluster runs on this machine; start one with ray start"):
        connect("")


def test_ray_is_asked_to_build_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")
    asked: dict[str, Any] = {}
    monkeypatch.setattr(ray, "init", lambda **values: asked.update(values))
    monkeypatch.delenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", raising=False)
    connect("")
    assert asked["address"] == "auto"
    assert "runtime_env" not in asked
    import os

    assert os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] == "0"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("The actor is dead because its node has died. Node Id: 1f", "its node is gone"),
        ("worker process has died unexpectedly: SIGKILL", "its process ended (SIGKILL)"),
        ("the connection was lost", "its process ended"),
    ],
)
def test_why_an_actor_ended(text: str, reason: str) -> None:
    assert why_ended(text) == reason
