"""What `--sdeval-executor` asks for: this machine generates, or the workers of a Ray cluster."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from sdeval._utils.validation import preview
from sdeval.config.devices import Devices
from sdeval.errors import SdevalError

ALLOWED = "local, ray, or ray:HOST:PORT"


@dataclass(frozen=True, slots=True)
class ExecutorChoice:
    """Which machines generate."""

    kind: Literal["local", "ray"] = "local"
    address: str = ""
    """Of a Ray cluster; empty for that which this machine is a node of, or which `RAY_ADDRESS` names."""

    @property
    def is_ray(self) -> bool:
        """Whether the workers of a Ray cluster generate."""
        return self.kind == "ray"


LOCAL = ExecutorChoice()


def parse_executor(text: str) -> ExecutorChoice:
    """Read the value of the option.

    Raises:
        SdevalError: it is none that is allowed.

    Example:
        >>> parse_executor("ray:10.0.0.5:6379").address
        '10.0.0.5:6379'
    """
    kind, colon, address = text.strip().partition(":")
    if kind == "local" and not colon:
        return LOCAL
    if kind == "ray" and (not colon or re.fullmatch(r"[\w.-]+:\d{1,5}", address)):
        return ExecutorChoice("ray", address)
    raise SdevalError(f"executor: must be {ALLOWED}, got {preview(text)}")


def check_together(executor: ExecutorChoice, devices: Devices) -> None:
    """Refuse devices that an executor does not have.

    Raises:
        SdevalError: says which it has.
    """
    if executor.is_ray and devices.kind == "listed":
        raise SdevalError("devices: Ray hands out its GPUs itself; ask for all, gpu:SHARE or cpu:N")
    if not executor.is_ray and devices.kind == "shares":
        raise SdevalError("devices: only Ray hands out shares of a GPU: --sdeval-executor ray")
