"""The connection to a Ray cluster: how many workers fit into it, and errors of one line."""

from __future__ import annotations

import logging
import os
import re
import socket
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from sdeval.config.devices import Devices
from sdeval.config.executor import ExecutorChoice
from sdeval.config.options import Options
from sdeval.config.root import OUTPUT
from sdeval.engines.subprocess_engine import Place
from sdeval.errors import SdevalError, first_line
from sdeval.executors.cluster.exchange import places_to_exchange

CONNECT_SECONDS = 5.0
IN_CLUSTER = "workers of a Ray cluster generated, where other programs may share their devices"
"""Why no speed is judged."""
_VERSIONS = re.compile(r"Ray: (\S+).*?Python: (\S+).*?Ray: (\S+).*?Python: (\S+)", re.DOTALL)
NO_CLUSTER = (
    "executor: no Ray cluster runs on this machine; start one with ray start --head, make this machine a node of one "
    "with ray start --address=HOST:PORT, or name it: --sdeval-executor ray:HOST:PORT"
)


class Cluster:
    """A Ray cluster that this process is connected to.

    Args:
        choice: which cluster.
        devices: what a worker has there.
        exchange: folders and URLs by which images may be exchanged, the best first.

    Raises:
        SdevalError: there is none, or Ray is missing or another version here.
    """

    def __init__(self, choice: ExecutorChoice, devices: Devices, exchange: Sequence[str]) -> None:
        self._devices = devices
        self.exchange = tuple(exchange)
        connect(choice.address)

    @property
    def resources(self) -> dict[str, float]:
        """What a worker occupies on its node, as Ray calls it."""
        if self._devices.kind == "cpu":
            return {"num_cpus": 1, "num_gpus": 0}
        return {"num_cpus": 0, "num_gpus": self._devices.share}

    @property
    def room(self) -> int:
        """How many workers fit into the cluster as it is now, if nothing else runs there."""
        import ray

        return sum(self._fitting(node["Resources"]) for node in ray.nodes() if node["Alive"])

    def _fitting(self, resources: Mapping[str, float]) -> int:
        """How many workers fit onto a node."""
        if self._devices.kind == "cpu":
            return int(resources.get("CPU", 0))
        return int(resources.get("GPU", 0)) * int(1 / self._devices.share + 1e-9)

    def places(self, worker: int, workers: int) -> tuple[Place, ...]:
        """A place for each worker of this process.

        Args:
            worker: number of this process among those of pytest-xdist, from 0.
            workers: how many of those there are.

        Raises:
            SdevalError: the cluster has not enough room.
        """
        room, kind = self.room, self._devices.kind
        count = self._devices.processes if kind == "cpu" else room
        if not room and kind != "cpu":
            advice = "start its nodes with ray start --num-gpus=N, or ask for cores: --sdeval-devices cpu:2"
            raise SdevalError(f"executor: the Ray cluster has no GPU; {advice}")
        if count > room:
            raise SdevalError(f"devices: cpu:{count} asks for more cores than the {room} of the Ray cluster")
        if workers > count:
            raise SdevalError(
                f"devices: {workers} workers of pytest-xdist cannot share {count} of Ray; run pytest -n {count}"
            )
        device = "cpu" if kind == "cpu" else None
        return tuple(
            Place(name=f"ray worker {number + 1}", device=device, is_here=True, speed=IN_CLUSTER)
            for number in range(worker, count, workers)
        )


def cluster_of(options: Options) -> Cluster:
    """The cluster that a session asks for.

    Raises:
        SdevalError: it cannot be reached.
    """
    output = options.image_pool.parent if options.image_pool else Path(OUTPUT)
    return Cluster(options.executor, options.devices, places_to_exchange(str(output.absolute()), options.store))


def connect(address: str) -> None:
    """Connect this process to a cluster, unless it is connected already; Ray builds no environment for it.

    Raises:
        SdevalError: there is no such cluster; Ray is missing, or is another version than there.
    """
    if find_spec("ray") is None:
        raise SdevalError("executor: ray is not installed; get it with: pip install pytest-sdeval[ray]")
    # Under uv, Ray would build the environment of this process again on every node.
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    import ray

    if ray.is_initialized():
        return
    if address:
        _check_that_it_listens(address)
    try:
        ray.init(
            address=address or "auto", log_to_driver=False, logging_level=logging.CRITICAL, configure_logging=False
        )
    except ConnectionError as error:
        raise SdevalError(NO_CLUSTER if not address else _refused(address, error)) from None
    # Ray has no class of its own for other versions, nor for a machine that is no node of the cluster.
    except Exception as error:
        raise SdevalError(_refused(address, error)) from None


def _check_that_it_listens(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
    # OverflowError: a port above 65535.
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise SdevalError(f"executor: no Ray cluster answers at {address}: {reason}") from None


def _refused(address: str, error: Exception) -> str:
    """Why a cluster cannot be used from here."""
    where = f"executor: the Ray cluster {f'at {address}' if address else 'of this machine'}"
    if versions := _VERSIONS.search(str(error)):
        there, python_there, here, python_here = versions.groups()
        advice = "install the same in both"
        return f"{where} has Ray {there} and Python {python_there}, here are {here} and {python_here}; {advice}"
    advice = "this machine must be a node of it: ray start --address=HOST:PORT"
    return f"{where} cannot be used from here: {first_line(error)}; {advice}"


def why_ended(error: Any) -> str:
    """What Ray says of an actor that ended, in few words."""
    text = str(error)
    if "node" in text and re.search(r"node (?:has died|was|is|died)|node.*terminated", text):
        return "its node is gone"
    if match := re.search(r"exit (?:type|code)[^.]*\.|exit code \d+|SIGKILL|out of memory|OOM", text, re.I):
        return f"its process ended ({' '.join(match[0].split()).rstrip('.')})"
    return "its process ended"
