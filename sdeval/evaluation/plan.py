"""What generating a suite with a target comes to: its samples, in batches, with settings put together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sdeval import metrics
from sdeval._utils.validation import preview
from sdeval.config.case import Sample, fingerprint
from sdeval.config.case_checks import MULTIPLE
from sdeval.config.shard import Shard
from sdeval.config.suite import Suite, added_seeds
from sdeval.config.target import Target
from sdeval.engines.engine import fitting_settings, largest_batch, notes_on_request
from sdeval.engines.generation import batches
from sdeval.errors import SdevalError
from sdeval.imaging.io import header


@dataclass(frozen=True, slots=True)
class Unit:
    """Samples that are generated together: the smallest piece of work that is handed to a worker."""

    number: int
    """Its place in the plan."""
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be generated: some or all samples of a suite, by one target."""

    suite: Suite
    target: Target
    samples: tuple[Sample, ...]
    settings: Mapping[str, Any]
    """Arguments of the pipeline call."""
    unscored: Mapping[str, str] = field(default_factory=dict)
    """Metrics of the suite that cannot be computed on this machine, and why."""
    self_check: bool = True
    """Whether one sample is generated again by itself, which costs as much as one image more."""
    rounds: tuple[tuple[int, ...], ...] = ()
    """Seeds of each round that the suite allows; the plan may be for one of the first."""
    notes: tuple[str, ...] = ()
    """Notes that the report shows with the verdicts."""
    largest_batch: int | None = None
    """Images that one call may have, whatever the engine's batch size; None where that alone counts."""
    journal: bool = False
    """Whether what is generated is written down batch by batch, and taken from there."""
    image_pool: Path | None = None
    """Folder in which sessions share files of identical images; None where they share nothing."""
    shard: Shard | None = None
    """Which part of the units these samples are; None where they are all that is asked for."""
    requested_cases: frozenset[str] = frozenset()
    """Ids of the cases that are asked for where this is a shard, whoever generates them."""

    @property
    def cases(self) -> frozenset[str]:
        """Ids of the cases that are generated."""
        return frozenset(sample.case.id for sample in self.samples)

    @property
    def complete(self) -> bool:
        """Whether the plan is the whole suite."""
        return len(self.samples) == len(self.suite.samples)

    def units(self, size: int, done: Collection[tuple[str, int]] = ()) -> list[Unit]:
        """What is to be generated, in units that any worker can take, in any order.

        How samples are cut into units depends on the plan alone: neither on what is done, nor on who takes them. Rounds
        share no unit, so that images do not depend on how many there are.

        Args:
            size: samples of a unit at most.
            done: samples that need not be generated, by case and seed.
        """
        cut: list[list[Sample]] = []
        for seeds in added_seeds(self.rounds or (self.suite.seeds,)):
            added = [sample for sample in self.samples if sample.seed in seeds]
            cut += batches(added, min(size, self.largest_batch or size))
        units = [
            Unit(number, tuple(sample for sample in batch if (sample.case.id, sample.seed) not in done))
            for number, batch in enumerate(cut)
        ]
        return [unit for unit in units if unit.samples]

    @property
    def call_size(self) -> int:
        """Images in one call, as far as that is known before an engine is there."""
        return min(self.target.batch_size, self.largest_batch or self.target.batch_size)

    def name_of(self, unit: Unit) -> str:
        """Hash of all that a unit's images are asked to be: target, task, settings and samples; 16 hex digits."""
        samples = [[sample.name, self.fingerprint(sample)] for sample in unit.samples]
        content = [self.target.describe(), self.suite.task, dict(self.settings), samples]
        return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]

    def size(self, sample: Sample) -> tuple[int, int] | None:
        """Width and height asked of a sample: the settings', or those of the init image or the first input image."""
        width, height = self.settings.get("width"), self.settings.get("height")
        if width and height:
            return (width, height)
        image = next(iter(sample.case.inputs), sample.case.control_image)
        return header(image) if image else None

    def fingerprint(self, sample: Sample) -> str:
        """Hash of what is asked of a sample."""
        return fingerprint(sample, *(self.size(sample) or (None, None)))


def make_plan(
    suite: Suite,
    target: Target,
    *,
    cases: Collection[str] | None = None,
    seeds: tuple[int, ...] | None = None,
    missing: Mapping[str, Exception] = MappingProxyType({}),
) -> Plan:
    """What generating a suite with a target comes to, once their settings are put together.

    Args:
        suite: what is asked; its strength is for cases that have none of their own.
        target: what generates; its strength is for all cases.
        cases: ids of those to generate; all where None.
        seeds: those to generate, one of the suite's rounds or others; its first round where None.
        missing: metrics that cannot be computed here, and why.
    """
    overrides = fitting_settings(target, suite.task)
    strength = overrides.pop("strength", None)
    settings = {**suite.settings, **overrides}
    default = settings.pop("strength", None)
    reduced = replace(
        suite,
        seeds=seeds or suite.seeds,
        max_seeds=None,
        settings=settings,
        cases=tuple(replace(case, strength=_first(strength, case.strength, default)) for case in suite.cases),
        metrics=tuple(name for name in suite.metrics if name not in missing),
        tolerances={name: value for name, value in suite.tolerances.items() if name not in missing},
    )
    samples = tuple(sample for sample in reduced.samples if cases is None or sample.case.id in cases)
    unscored = {name: str(error) for name, error in missing.items() if metrics.info(name).gating}
    # Seeds that are none of the suite's own are looked at once.
    rounds = suite.rounds if reduced.seeds in suite.rounds else (reduced.seeds,)
    largest = largest_batch(target, suite.task)
    return Plan(
        reduced,
        target,
        samples,
        settings,
        unscored,
        rounds=rounds,
        notes=notes_on_request(target, suite),
        largest_batch=largest,
    )


def in_shard(plan: Plan, shard: Shard) -> Plan:
    """The part of a plan that one of several machines generates.

    Units stay whole, so that every call has the images that it has in an undivided session. Its metrics are those of
    single images and features; what depends on other images is computed once all shards are together.
    """
    units = [unit for unit in plan.units(plan.call_size) if unit.number % shard.count == shard.number - 1]
    chosen = {sample.name for unit in units for sample in unit.samples}
    return replace(
        plan,
        samples=tuple(sample for sample in plan.samples if sample.name in chosen),
        shard=shard,
        requested_cases=plan.cases,
    )


def check_ranges(suite: Suite, target: Target) -> None:
    """Refuse sizes and strengths that no pipeline generates, with the settings of suite and target put together.

    Raises:
        SdevalError: the size is no multiple of 8 or is half given; a strength is not above 0 and at most 1.
    """
    if target.is_own:
        return
    where, overrides = f"{suite.name} on {target.name}: settings", fitting_settings(target, suite.task)
    settings = {**suite.settings, **overrides}
    _check_size({name: settings[name] for name in ("width", "height") if settings.get(name) is not None}, where)
    default = suite.settings.get("strength")
    for case in suite.cases if suite.task in ("img2img", "inpainting") else ():
        strength = _first(overrides.get("strength"), case.strength, default)
        if strength is None:
            continue
        if not 0 < strength <= 1:
            raise SdevalError(f"{where}: strength: must be above 0 and at most 1, got {strength}")


def _check_size(size: Mapping[str, Any], where: str) -> None:
    if len(size) == 1:
        raise SdevalError(f"{where}: {next(iter(size))} has no effect by itself; give width and height")
    for name, value in size.items():
        if not isinstance(value, int) or value < MULTIPLE or value % MULTIPLE:
            raise SdevalError(f"{where}: {name}: must be a multiple of {MULTIPLE}, got {preview(value)}")


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)
