"""Whether this machine has what a target needs, found out in milliseconds: torch is not imported."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from contextlib import suppress
from functools import cache

from sdeval.config.target import Target
from sdeval.errors import NoHardware

NO_GPU = "needs an NVIDIA GPU, and this machine has none that CUDA can use"
"""What is said of a target, and by what its skipped items are counted."""
BUSY = 1.5
"""Load a core above which times say nothing: one program of our own keeps it near 1."""


def require(target: Target) -> None:
    """Refuse a target that needs what this machine does not have.

    Raises:
        NoHardware: says what is missing.
    """
    if target.needs == "cuda" and not cuda_devices():
        raise NoHardware(f"target {target.name} {NO_GPU}")


def busy() -> str:
    """What else uses this machine, as far as it is known; empty where nothing does."""
    cores, load = os.cpu_count() or 1, os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load > BUSY * cores:
        return f"the machine is shared: a load of {load:.1f} on {cores} cores"
    return _gpu_busy() if cuda_devices() else ""


def _gpu_busy() -> str:
    """Other programs on the first GPU, or a clock that is held down; needs NVIDIA's bindings (nvidia-ml-py)."""
    try:
        import pynvml  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return ""
    try:
        pynvml.nvmlInit()
        device = pynvml.nvmlDeviceGetHandleByIndex(0)
        processes = [
            process for process in pynvml.nvmlDeviceGetComputeRunningProcesses(device) if process.pid != os.getpid()
        ]
        reasons = pynvml.nvmlDeviceGetCurrentClocksEventReasons(device)
    except (pynvml.NVMLError, AttributeError):
        return ""
    if len(processes) > 1:
        return f"the GPU is shared with {len(processes)} programs"
    slowed = pynvml.nvmlClocksEventReasonHwSlowdown | pynvml.nvmlClocksEventReasonSwThermalSlowdown
    return "the GPU is throttled: it is too hot, or short of power" if reasons & slowed else ""


def shared_gpus(entries: Sequence[str]) -> str:
    """Other programs on GPUs that each have one process of ours; empty where there are none, or it is not known.

    Args:
        entries: of `CUDA_VISIBLE_DEVICES`: an index, or a UUID; instances of MIG share nothing.
    """
    try:
        import pynvml  # type: ignore[import-not-found, unused-ignore]

        pynvml.nvmlInit()
    # Any error of the bindings: there is nothing to ask.
    except Exception:
        return ""
    for entry in entries:
        with suppress(pynvml.NVMLError, AttributeError):
            if entry.startswith("MIG-"):
                continue
            of = pynvml.nvmlDeviceGetHandleByIndex if entry.isdigit() else pynvml.nvmlDeviceGetHandleByUUID
            running = pynvml.nvmlDeviceGetComputeRunningProcesses(of(int(entry) if entry.isdigit() else entry))
            if len([process for process in running if process.pid != os.getpid()]) > 1:
                return f"GPU {entry} is shared with other programs"
    return ""


@cache
def cuda_devices() -> int:
    """How many GPUs the NVIDIA driver offers to this process; `CUDA_VISIBLE_DEVICES` counts."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    ready = driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
    return count.value if ready else 0
