"""What a suite's metrics do while nothing changes, measured by `calibrate` and stored with the baseline."""

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
from sdeval.config.suite import Suite
from sdeval.errors import SdevalError
from sdeval.results import upgrade

SCHEMA = 3


@dataclass(frozen=True, slots=True)
class VariabilityFit:
    """As much of what was measured as fits, and a line for what does not."""

    variability: Variability | None = None
    notes: tuple[str, ...] = ()


class OtherSchema(SdevalError):
    """The file was written by a version of sdeval that kept something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricVariability(Checked):
    """One metric of a suite, in the unit of its metric."""

    version: str
    """Of the metric: scores made in another way have another variability."""
    reference: str
    """Hash of a set metric's reference images; empty for others."""
    value: Number
    """As it is with the suite's own seeds."""
    variability: Number
    """Standard deviation of the metric from one set of seeds to another."""
    harmless: Number
    """Largest change that another batch size, other threads, or a further run of the same made."""
    tolerance: Number
    """What follows: the smallest loss that matters, or one that other seeds hardly ever cause, if that is larger."""
    stated: Number | None
    """The tolerance that the suite states, which goes before; None where it states none."""
    detectable: Number | None
    """The smallest loss that the suite with all its seeds shows four times in five, if a change makes every image
    as different as other seeds do; one that leaves images mostly alone shows sooner. None where it shows none."""
    cases: int
    cases_needed: int
    """About how many cases it takes to show, four times in five, what lies beyond the tolerance; 0 without one."""
    seed_deviation: Number = 0.0
    """Standard deviation of a single score over the seeds of a case."""
    seed_freedom: Number = 0.0
    """Degrees of freedom by which it is known; 0 where it was not measured."""

    @property
    def allowed(self) -> float:
        """The tolerance that counts."""
        return self.tolerance if self.stated is None else self.stated


@dataclass(frozen=True, slots=True, kw_only=True)
class Variability(Checked):
    """What was measured of a suite on a target."""

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
    """Which of the settings came from the target, over the suite's."""
    environment: Mapping[str, Plain]
    images: int = 0
    """How many were generated with all sets of seeds; 0 where defects were not counted."""
    defects: Mapping[str, int] = field(default_factory=dict)
    """How many of them had which defect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File(Variability):
    """What the file holds."""

    schema: Literal[3]

    @property
    def variability(self) -> Variability:
        """It, without the schema."""
        return Variability(**{each.name: getattr(self, each.name) for each in fields(Variability)})


def samples_hash(fingerprints: Iterable[str]) -> str:
    """Hash of what is asked of samples, whatever their order; 16 hex digits."""
    return hashlib.sha256(",".join(sorted(fingerprints)).encode()).hexdigest()[:16]


def path_of(baselines: Path, suite: str, target: str) -> Path:
    """Beside the baseline, so that accepting another one leaves it alone; an older name where only that is there."""
    path = baselines / suite / f"{target}.variability.json"
    before = path.with_name(f"{target}.noise.json")
    return before if exists(before) and not exists(path) else path


def write(variability: Variability, baselines: Path) -> Path:
    """Keep what was measured."""
    before = path_of(baselines, variability.suite, variability.target)
    path = before.with_name(f"{variability.target}.variability.json")
    write_text(path, dump_json({"schema": SCHEMA, **asdict(variability)}))
    if before != path:
        before.unlink()
    return path


def read(baselines: Path, suite: str, target: str) -> Variability | None:
    """What was measured of a suite on a target, if anything.

    Raises:
        OtherSchema: it was written by another version of sdeval.
        SdevalError: the file is corrupt; says where.
    """
    return read_file(path_of(baselines, suite, target))


def read_file(path: Path) -> Variability | None:
    """What a file holds; None where there is none.

    Raises:
        OtherSchema: it was written by another version of sdeval.
        SdevalError: it is corrupt; says where.
    """
    if not exists(path):
        return None
    mend = f"restore it with: git checkout -- {path}"
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
        raise SdevalError(f"{error}; {mend}") from None


def tolerances(suite: Suite, variability: Variability | None) -> Mapping[str, float]:
    """The tolerances of a suite: those it states, and for other metrics those that its variability gives."""
    if variability is None:
        return suite.tolerances
    derived = {name: each.tolerance for name, each in variability.metrics.items() if name in suite.metrics}
    relative = {name: metrics.info(name).tolerance_is_relative for name in derived}
    shares = {
        name: value / abs(variability.metrics[name].value) if relative[name] else value
        for name, value in derived.items()
        if value > 0 and (not relative[name] or variability.metrics[name].value)
    }
    return {**shares, **suite.tolerances}
