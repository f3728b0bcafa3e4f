"""Whether this machine has what a target needs, found out in milliseconds: torch is not imported."""

from __future__ import annotations

import ctypes
from functools import cache

from sdeval.errors import NoHardware
from sdeval.target import Target


def require(target: Target) -> None:
    """Refuse a target that needs what this machine does not have.

    Raises:
        NoHardware: says what is missing.
    """
    if target.needs == "cuda" and not cuda_devices():
        raise NoHardware(f"target {target.name} needs an NVIDIA GPU, and this machine has none that CUDA can use")


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
