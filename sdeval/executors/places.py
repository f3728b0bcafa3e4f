"""Where the processes of a pool generate: one on each device, each tied to its device before CUDA starts."""

from __future__ import annotations

import os

from sdeval.config.devices import VISIBLE, Devices, chosen_entries, share_of_worker, visible_entries
from sdeval.config.options import Options
from sdeval.config.target import Target
from sdeval.engines.hardware import cuda_devices
from sdeval.engines.subprocess_engine import Place
from sdeval.errors import SdevalError

SHARED = "processes of this session shared a device"


def places_of(options: Options) -> tuple[Place, ...]:
    """Where to generate; nowhere but in this process where that is empty.

    Raises:
        SdevalError: a device is asked for that there is not, or there are more workers of pytest-xdist than devices.
    """
    devices, (worker, workers) = options.devices, options.xdist or (0, 1)
    if devices.kind == "cpu":
        _refuse_more_workers(devices, devices.processes, workers)
        return _places_on_cores(devices.processes, len(range(worker, devices.processes, workers)))
    entries = chosen_entries(devices, visible_entries(cuda_devices()))
    if devices.is_explicit:
        _refuse_more_workers(devices, len(entries), workers)
    elif len(entries) < 2:
        return ()
    return tuple(
        Place(
            name=f"worker on device {entry}",
            variables={VISIBLE: entry},
            is_here=True,
            is_shared=workers > len(entries),
        )
        for entry in share_of_worker(entries, worker, workers)
    )


def _refuse_more_workers(devices: Devices, count: int, workers: int) -> None:
    if workers > count:
        advice = f"run pytest -n {count}, or leave --sdeval-devices out"
        raise SdevalError(f"devices: {workers} workers of pytest-xdist cannot share {count} ({devices.kind}); {advice}")


def _places_on_cores(processes: int, here: int) -> tuple[Place, ...]:
    """Processes that share the cores: `here` of all that run on this machine."""
    threads = max(1, cores() // processes)
    stated = os.environ.get("OMP_NUM_THREADS", "")
    threads = min(threads, int(stated)) if stated.isdigit() and int(stated) else threads
    variables = {VISIBLE: "", "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    return tuple(
        Place(
            name=f"worker {number} of cpu:{processes}",
            variables=variables,
            device="cpu",
            is_here=True,
            is_shared=processes > 1,
        )
        for number in range(1, here + 1)
    )


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def spreads(target: Target, devices: Devices) -> bool:
    """Whether the devices generate a target; otherwise this process does, or a server.

    Raises:
        SdevalError: the target names a device of its own, and others are asked for.
    """
    fitting = ("auto", "cpu") if devices.kind == "cpu" else ("auto", "cuda")
    if target.is_server:
        return False
    if target.device in fitting:
        return True
    if devices.is_explicit and target.device.startswith("cuda"):
        where = f"target {target.name}: device {target.device}"
        raise SdevalError(f"{where} is its own, and --sdeval-devices asks for others; leave one of them out")
    return False


def device_notes(target: Target, options: Options) -> tuple[str, ...]:
    """Why the devices that a user asks for generate nothing, a line each."""
    if not options.devices.is_explicit and not options.executor.is_ray:
        return ()
    if options.interleaved:
        reason = "an interleaved comparison generates on one device, in this process"
    elif target.is_server:
        reason = f"target {target.name} is a server, which has devices of its own"
    elif not spreads(target, options.devices):
        reason = f"target {target.name} has device {target.device}"
    else:
        return ()
    option = "--sdeval-executor" if options.executor.is_ray else "--sdeval-devices"
    return (f"{reason}: {option} has no effect on it",)
