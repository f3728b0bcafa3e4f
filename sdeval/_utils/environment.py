"""What machine this is and which versions run on it; what differs between two runs."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = (
    "pytest-sdeval",
    "torch",
    "diffusers",
    "transformers",
    "accelerate",
    "open_clip_torch",
    "torchmetrics",
    "numpy",
    "scipy",
    "pillow",
    "xformers",
)


def calm_threads() -> None:
    """Let idle CPU threads sleep instead of spinning, unless the user said otherwise. Works only before torch is in.

    With a busy neighbour on the other core, spinning makes CPU work up to 50 times slower.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@contextmanager
def other_threads() -> Iterator[None]:
    """One thread, or two where there was one. Imports torch."""
    import torch

    count = torch.get_num_threads()
    torch.set_num_threads(1 if count > 1 else 2)
    try:
        yield
    finally:
        torch.set_num_threads(count)


def describe() -> dict[str, Any]:
    """Versions, processor, accelerator and threads, as plain values. Imports torch."""
    import torch

    cuda = torch.cuda.is_available()
    return {
        "hardware": hardware_class(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {name: version for name in PACKAGES if (version := package_version(name))},
        "cuda": torch.version.cuda if cuda else None,
        "threads": torch.get_num_threads(),
        "omp_wait_policy": os.environ.get("OMP_WAIT_POLICY"),
    }


def hardware_class() -> str:
    """What speed may be compared within: the accelerators by name and count, or the processor and its cores.

    Example: `1x NVIDIA H200`, `cpu AMD EPYC, 2 cores`.
    """
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()}x {torch.cuda.get_device_name(0)}"
    if torch.backends.mps.is_available():
        return f"mps {_processor()}"
    return f"cpu {_processor()}, {os.cpu_count()} cores"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


@cache
def package_version(package: str) -> str | None:
    """Version of a package; None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What changed between two nested descriptions, one `name: old → new` each.

    Example:
        >>> differences({"dtype": "float32"}, {"dtype": "bfloat16"})
        ['dtype: float32 → bfloat16']
    """
    lines: list[str] = []
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name), after.get(name)
        if isinstance(old, Mapping | None) and isinstance(new, Mapping | None):
            lines += differences(old or {}, new or {})
        elif old != new:
            lines.append(f"{name}: {_text(old)} → {_text(new)}")
    return lines


def _text(value: Any) -> str:
    return "none" if value is None else str(value)
