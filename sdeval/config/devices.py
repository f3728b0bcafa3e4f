"""What `--sdeval-devices` asks for: accelerators, or processes that share the cores of this machine."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sdeval._utils.validation import preview
from sdeval.errors import SdevalError

VISIBLE = "CUDA_VISIBLE_DEVICES"
"""The environment variable that says which accelerators a process may use: indices, UUIDs or MIG instances."""
ALLOWED = "auto, all, places in CUDA_VISIBLE_DEVICES such as 0,1, cpu:N, or with Ray gpu:SHARE such as gpu:0.5"


@dataclass(frozen=True, slots=True)
class Devices:
    """The devices that a user asks for."""

    kind: Literal["auto", "all", "listed", "cpu", "shares"] = "auto"
    """`auto` is all accelerators if there are several, and otherwise this process, as if nothing was said."""
    names: tuple[str, ...] = ()
    """Where `listed`: places in the list of visible devices, or entries of it."""
    processes: int = 0
    """Where `cpu`."""
    share: float = 1.0
    """Of a GPU that one worker has, where `shares`: as many workers as fit onto each."""

    @property
    def is_explicit(self) -> bool:
        """Whether the user asked for them."""
        return self.kind != "auto"


AUTO = Devices()


def parse_devices(text: str) -> Devices:
    """Read the value of the option.

    Raises:
        SdevalError: it is none that is allowed.

    Example:
        >>> parse_devices("0,1").names
        ('0', '1')
    """
    value = text.strip()
    if value == "auto":
        return AUTO
    if value == "all":
        return Devices("all")
    if match := re.fullmatch(r"cpu:([1-9]\d{0,3})", value):
        return Devices("cpu", processes=int(match[1]))
    if match := re.fullmatch(r"gpu:(0?\.\d*[1-9]\d*)", value):
        return Devices("shares", share=float(match[1]))
    names = tuple(name.strip() for name in value.split(","))
    if not all(re.fullmatch(r"\d+|(GPU|MIG)-[\w/.-]+", name) for name in names):
        raise SdevalError(f"devices: must be {ALLOWED}, got {preview(text)}")
    if len(set(names)) < len(names):
        raise SdevalError(f"devices: a device is named twice in {preview(text)}")
    return Devices("listed", names)


def visible_entries(count: int, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The entries that tie a process to one device each: those of the caller, as they are.

    Args:
        count: devices that the driver offers to this process.
        environment: of this process.

    Example:
        >>> visible_entries(2, {"CUDA_VISIBLE_DEVICES": "GPU-5a1e,3,7"})
        ('GPU-5a1e', '3')
    """
    listed = environment.get(VISIBLE)
    if listed is None:
        return tuple(map(str, range(count)))
    # The driver ignores what follows an entry that names no device.
    return tuple(entry.strip() for entry in listed.split(","))[:count] if count else ()


def chosen_entries(devices: Devices, entries: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the visible devices that a user asks for.

    Raises:
        SdevalError: there is none, or one is named that there is not.
    """
    if devices.kind == "auto":
        return entries
    if not entries:
        raise SdevalError(
            "devices: this machine has no GPU that CUDA can use; leave --sdeval-devices out, or split the cores: cpu:2"
        )
    if devices.kind == "all":
        return entries
    return tuple(_entry(name, entries) for name in devices.names)


def _entry(name: str, entries: tuple[str, ...]) -> str:
    if name in entries and not name.isdigit():
        return name
    if not name.isdigit() or int(name) >= len(entries):
        places = f"0 to {len(entries) - 1}" if len(entries) > 1 else "0"
        raise SdevalError(
            f"devices: {name} is not among the visible devices, {', '.join(entries)}; their places are {places}"
        )
    return entries[int(name)]


def share_of_worker(entries: tuple[str, ...], worker: int, workers: int) -> tuple[str, ...]:
    """The devices of one of several processes that generate side by side; more processes than devices share them.

    Example:
        >>> share_of_worker(("0", "1", "2"), worker=1, workers=2)
        ('1',)
    """
    if not entries:
        return ()
    return entries[worker::workers] or (entries[worker % len(entries)],)
