"""Which metric sees which fault, as `python -m benchmarks.metric_faults` measured it on images of known answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("metric_faults.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a metric loses by a fault: positive is worse, in the metric's unit, with its interval at 95%."""

    n: int
    """Cases, or sets."""
    loss: float
    low: float
    high: float
    seen: bool | None
    """Whether the interval lies above the tolerance; False where it lies below, None where neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One metric."""

    images: str
    """What it scored."""
    measured_with: str
    """What stood in for a part of it; empty where nothing did."""
    unit: str
    tolerance: float
    """In the metric's unit; 0 for what is reported only."""
    sound: float
    """The value without a fault."""
    losses: Mapping[str, Loss]
    """By fault."""

    def faults(self, *, seen: bool | None) -> dict[str, Loss]:
        """Those that are seen, not seen, or neither."""
        return {name: loss for name, loss in self.losses.items() if loss.seen is seen}


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricFaults:
    """All metrics."""

    faults: Mapping[str, str]
    """What each of them is, in words."""
    measured: Mapping[str, Measured]
    not_measured: Mapping[str, str]
    """Why not, by metric."""

    def describe(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


@cache
def load() -> MetricFaults:
    """What was measured last."""
    content = json.loads(FILE.read_text(encoding="utf-8"))
    measured = {
        name: Measured(**{**fields, "losses": {fault: Loss(**loss) for fault, loss in fields["losses"].items()}})
        for name, fields in content["measured"].items()
    }
    return MetricFaults(faults=content["faults"], measured=measured, not_measured=content["not_measured"])


def metrics_that_see(fault: str) -> tuple[str, ...]:
    """Metrics that lost more than their tolerance by a fault of this name; of those that judge."""
    return tuple(
        name for name, measured in load().measured.items() if measured.tolerance and fault in measured.faults(seen=True)
    )
