"""A suite: a task, its cases, and how they are generated and scored. Pure data; `case_files` reads cases from files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from sdeval._utils import validation as typed
from sdeval._utils.validation import Plain
from sdeval.config.case import Case, Sample, Task
from sdeval.config.case_checks import check_case, id_problem
from sdeval.config.names import naming_problem
from sdeval.errors import SdevalError, unknown

MOST_SEEDS = 100_000
"""Seeds of a suite."""
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")

SPEED = "seconds_per_image"
MEMORY = "peak_memory"
COLLAPSED = "collapsed_samples"
"""Percent of the samples that went wrong, by any metric: judged in every suite with metrics of single images."""
SPEEDS = (SPEED, MEMORY)
"""Metrics that every run has besides its metrics; a tolerance of one is a share, such as 0.1."""
CLOCK = "times"
"""Of the environment of a server: whether it states its times itself, or whole requests are timed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite(typed.Checked):
    """A task, its cases and how they are generated and scored.

    Assign one to a name that begins with `test_` in a module that pytest collects:

        HERE = Path(__file__).parent
        test_text2img = Suite(
            name="shapes-text2img",
            task="text2img",
            cases=load_cases(HERE / "text2img.yaml"),
            settings={"width": 64, "height": 64, "num_inference_steps": 20},
            metrics=("clip_score", "frechet_distance"),
            references=HERE / "references",
        )

    Raises:
        SdevalError: something in it cannot be right; says what and where.
    """

    name: str
    task: Task
    cases: Annotated[tuple[Case, ...], "load_cases(PATH) reads a file of them"]
    seeds: tuple[int, ...] = (0, 1)
    max_seeds: int | None = None
    """Seeds at most: while a metric is inconclusive their number is doubled up to this. None generates `seeds` only."""
    settings: Mapping[str, Plain] = field(default_factory=dict)
    """Arguments of the pipeline call that all cases share; targets and `--sdeval-set` override them."""
    metrics: tuple[str, ...] = ("clip_score",)
    metric_options: Mapping[str, Any] = field(default_factory=dict)
    """What metrics need to know: `clip_model`, `extractor`."""
    tolerances: Mapping[str, float] = field(default_factory=dict)
    """Per metric, the smallest loss that matters: in its unit, or as a share of the baseline for the Fréchet distance.
    The metric's own default otherwise."""
    inconclusive: Literal["warn", "fail"] | None = None
    """Whether a metric fails that is neither shown to be worse nor shown not to be: `warn` says so and passes; `fail`
    asks for proof. None leaves it to `[tool.sdeval]`, whose own default is `warn`."""
    targets: tuple[str, ...] = ("shapes",)
    """Generated where `--sdeval-target` names none."""
    references: Path | None = None
    """Folder of real images (.png) for set metrics."""

    def __post_init__(self) -> None:
        for name in ("settings", "metric_options", "tolerances"):
            typed.convert(self, name, Mapping, lambda value: MappingProxyType(dict(value)))
        for name in ("cases", "metrics", "targets"):
            typed.convert(self, name, (list, Iterator), tuple)
        # No more than the check has to see: a range may have more numbers than fit into memory.
        typed.convert(self, "seeds", (list, range, Iterator), lambda values: tuple(islice(values, MOST_SEEDS + 1)))
        typed.convert(self, "references", str, Path)
        typed.check(self, f"suite {typed.label(self.name)}")
        self._check()

    def _check(self) -> None:
        where = f"suite {self.name}"
        if problem := _name_problem(self.name):
            raise SdevalError(f"suite name {typed.preview(self.name)} {problem}")
        for name in ("metrics", "targets"):
            values = getattr(self, name)
            if len(set(values)) != len(values) or (not values and name != "metrics"):
                raise SdevalError(f"{where}: {name} must be distinct and at least one, got {list(values)}")
        self._check_seeds(where)
        for metric, tolerance in self.tolerances.items():
            if metric not in (names := (*self.metrics, COLLAPSED, *SPEEDS)):
                raise SdevalError(f"{where}: tolerances: {unknown('metric', metric, names)}")
            if not tolerance > 0:
                raise SdevalError(f"{where}: tolerances: {metric} must be above 0, got {tolerance}")
        if self.references is not None and not _has_images(self.references):
            raise SdevalError(f"{where}: references: no .png images in {self.references}")
        self._check_cases(where)

    def _check_seeds(self, where: str) -> None:
        for name, count in (("seeds", len(self.seeds)), ("max_seeds", self.max_seeds or 0)):
            if count > MOST_SEEDS:
                raise SdevalError(f"{where}: {name}: must be at most {MOST_SEEDS} seeds")
        if len(set(self.seeds)) != len(self.seeds) or not self.seeds:
            raise SdevalError(
                f"{where}: seeds must be distinct and at least one, got {typed.preview(list(self.seeds))}"
            )
        if any(not -(2**63) <= seed < 2**63 for seed in self.seeds):
            raise SdevalError(f"{where}: seeds must fit into 64 bits, got {typed.preview(list(self.seeds))}")
        if self.max_seeds is not None and self.max_seeds < len(self.seeds):
            raise SdevalError(f"{where}: max_seeds must be at least {len(self.seeds)}, got {self.max_seeds}")

    def _check_cases(self, where: str) -> None:
        if not self.cases:
            raise SdevalError(f"{where}: no cases; give it at least one")
        cases_by_id: dict[str, Case] = {}
        metric_names = {*self.metrics, COLLAPSED, *SPEEDS}
        for case in self.cases:
            case_where = case.origin or f"{where}, case {case.id!r}"
            if problem := id_problem(case.id):
                raise SdevalError(f"{case_where}: id: {typed.preview(case.id)} {problem}")
            if case.id in metric_names:
                raise SdevalError(f"{case_where}: id: {case.id!r} is the name of a metric of the suite")
            # Where a disk makes no difference between capitals and small letters, both would be one file.
            if namesake := cases_by_id.get(case.id.lower()):
                first = f", first at {namesake.origin}" if namesake.origin else ""
                other = "" if namesake.id == case.id else f" but for capitals, by {namesake.id!r}"
                raise SdevalError(f"{case_where}: id: {case.id!r} is taken already{other}{first}")
            cases_by_id[case.id.lower()] = case
            check_case(case, self.task, case_where)

    @property
    def rounds(self) -> tuple[tuple[int, ...], ...]:
        """The seeds of each round at the metrics, from `seeds` to all of them.

        Example:
            >>> Suite(..., seeds=(0, 1), max_seeds=6).rounds
            ((0, 1), (0, 1, 2, 3), (0, 1, 2, 3, 4, 5))
        """
        limit = self.max_seeds or len(self.seeds)
        seeds = (*self.seeds, *range(max(self.seeds) + 1, max(self.seeds) + 1 + limit - len(self.seeds)))
        rounds = [self.seeds]
        while len(rounds[-1]) < limit:
            rounds.append(seeds[: min(2 * len(rounds[-1]), limit)])
        return tuple(rounds)

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Every case with every seed, case by case."""
        return tuple(Sample(case, seed) for case in self.cases for seed in self.seeds)


def added_seeds(rounds: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The seeds that each round adds to those before it.

    Example:
        >>> added_seeds([(0, 1), (0, 1, 2, 3)])
        [(0, 1), (2, 3)]
    """
    return [
        tuple(seed for seed in seeds if seed not in before)
        for before, seeds in zip(((), *rounds), rounds, strict=False)
    ]


def _has_images(folder: Path) -> bool:
    try:
        return any(folder.glob("*.png"))
    # A name that is too long, for example.
    except OSError:
        return False


def _name_problem(name: str) -> str:
    """What is wrong with the name of a suite; empty where it is right."""
    return naming_problem(name) if _NAME.fullmatch(name) else "must be lower-case words and digits joined by hyphens"
