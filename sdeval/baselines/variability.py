"""How much a suite's metrics vary while nothing changes: measured by `calibrate`, and stored with the baseline."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Literal

from sdeval import metrics
from sdeval._utils.files import dump_json, exists, read_bytes, read_json, write_text
from sdeval._utils.validation import Checked, Number, Plain, from_json
from sdeval.baselines.repair import remedy
from sdeval.config.suite import Suite
from sdeval.errors import SdevalError
from sdeval.results import upgrade

SCHEMA = 3


@dataclass(frozen=True, slots=True)
class VariabilityFit:
    """The part of a measured variability that still fits, and a note for each part that does not."""

    variability: Variability | None = None
    notes: tuple[str, ...] = ()


class OtherSchema(SdevalError):
    """The file was written by a version of sdeval that measured something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricVariability(Checked):
    """The variability of one metric of a suite, in the unit of the metric."""

    version: str
    """Version of the metric: scores that are computed in another way have another variability."""
    reference: str
    """Hash of a set metric's reference images; empty for other metrics."""
    value: Number
    """The value with the suite's own seeds."""
    variability: Number
    """Standard deviation of the metric from one set of seeds to another."""
    harmless: Number
    """Largest change by another batch size, by other threads, or in a further run with the same request."""
    tolerance: Number
    """The resulting tolerance: the smallest loss that matters, or a larger one that other seeds rarely cause."""
    stated: Number | None
    """The tolerance that the suite states, which takes precedence; None where it states none."""
    detectable: Number | None
    """The smallest loss that the suite with all its seeds shows four times in five, if it takes the same from every
    case, and the change makes every image as different as other seeds do. None where it shows none."""
    cases: int
    cases_needed: int
    """About how many cases it takes to show, four times in five, what lies beyond the tolerance; 0 without one."""
    detectable_anyhow: Number | None = None
    """The same for a mean loss that may fall on a few cases only, or on one. None where it shows none, or for a set
    metric, or where it was measured by an earlier version."""
    seed_deviation: Number = 0.0
    """Standard deviation of a single score over the seeds of a case."""
    seed_freedom: Number = 0.0
    """Degrees of freedom of `seed_deviation`; 0 where it was not measured."""

    @property
    def effective_tolerance(self) -> float:
        """The stated tolerance, or else the measured one."""
        return self.tolerance if self.stated is None else self.stated


@dataclass(frozen=True, slots=True, kw_only=True)
class Variability(Checked):
    """The measured variability of a suite on a target."""

    suite: str
    target: str
    seed_sets: int
    """How many sets of seeds were generated, the suite's own among them."""
    metrics: Mapping[str, MetricVariability]
    request: Mapping[str, Plain]
    """Number of cases, the suite's own seeds, and the settings of the pipeline call."""
    samples: str
    """`samples_hash` of the suite's own seeds."""
    generated_by: Mapping[str, Plain]
    """The target's fields, its pipeline and its scheduler."""
    overrides: Mapping[str, Plain]
    """The settings that the target put in place of the suite's own."""
    environment: Mapping[str, Plain]
    images: int = 0
    """Number of images that were generated with all sets of seeds; 0 where defects were not counted."""
    defects: Mapping[str, int] = field(default_factory=dict)
    """How many of these images had which defect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File(Variability):
    """The content of the file."""

    schema: Literal[3]

    @property
    def variability(self) -> Variability:
        """The content without the schema."""
        return Variability(**{item.name: getattr(self, item.name) for item in fields(Variability)})


def samples_hash(fingerprints: Iterable[str]) -> str:
    """Hash of the requests of samples, independent of their order; 16 hex digits."""
    return hashlib.sha256(",".join(sorted(fingerprints)).encode()).hexdigest()[:16]


def path_of(baselines: Path, suite: str, target: str) -> Path:
    """The file, next to the baseline's folder so that accepting does not touch it; its old name if only that exists."""
    path = baselines / suite / f"{target}.variability.json"
    old_path = path.with_name(f"{target}.noise.json")
    return old_path if exists(old_path) and not exists(path) else path


def write(variability: Variability, baselines: Path) -> Path:
    """Write a measured variability, and return its path."""
    old_path = path_of(baselines, variability.suite, variability.target)
    path = old_path.with_name(f"{variability.target}.variability.json")
    write_text(path, dump_json({"schema": SCHEMA, **asdict(variability)}))
    if old_path != path:
        old_path.unlink()
    return path


def read(baselines: Path, suite: str, target: str) -> Variability | None:
    """The measured variability of a suite on a target, if there is one.

    Raises:
        OtherSchema: it was written by another version of sdeval.
        SdevalError: the file is corrupt; the message says where.
    """
    return read_file(path_of(baselines, suite, target))


def read_file(path: Path) -> Variability | None:
    """The variability in a file; None if the file does not exist.

    Raises:
        OtherSchema: it was written by another version of sdeval.
        SdevalError: it is corrupt; the message says where.
    """
    if not exists(path):
        return None
    try:
        content = read_json(path, f"{path}: is corrupt: it is gone")
        if isinstance(content, dict) and content.get("schema") == 2:
            return from_json(_File, json.dumps(upgrade.variability(content)), f"{path}: is corrupt").variability
        if isinstance(content, dict) and content.get("schema", SCHEMA) != SCHEMA:
            raise OtherSchema(f"{path}: written by another version of sdeval; measure again with: sdeval calibrate")
        return from_json(_File, read_bytes(path), f"{path}: is corrupt").variability
    except OtherSchema:
        raise
    except SdevalError as error:
        raise SdevalError(f"{error}; {remedy(path, 'measure again with: sdeval calibrate')}") from None


def tolerances(suite: Suite, variability: Variability | None) -> Mapping[str, float]:
    """The tolerances of a suite: those it states, and for its other metrics those from the variability."""
    if variability is None:
        return suite.tolerances
    derived = {name: metric.tolerance for name, metric in variability.metrics.items() if name in suite.metrics}
    relative = {name: metrics.info(name).tolerance_is_relative for name in derived}
    shares = {
        name: value / abs(variability.metrics[name].value) if relative[name] else value
        for name, value in derived.items()
        if value > 0 and (not relative[name] or variability.metrics[name].value)
    }
    return {**shares, **suite.tolerances}
