"""What a session judges: every case, every metric and every speed of a suite on a target is one item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sdeval import metrics
from sdeval.config.suite import COLLAPSED, SPEEDS, Suite, added_seeds
from sdeval.config.target import Target
from sdeval.errors import NoHardware, NotAvailable, SdevalError
from sdeval.results.verdict import Kind, Verdict, missing_verdict

Key = tuple[str, str]
"""Names of a suite and a target."""


@dataclass(frozen=True, slots=True)
class Job:
    """A suite that is evaluated on a target."""

    suite: Suite
    target: Target

    @property
    def key(self) -> Key:
        """Names of both."""
        return (self.suite.name, self.target.name)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that gets a verdict: a case, a metric of the whole suite, or a speed."""

    job: Job
    kind: Literal["case", "metric", "speed"]
    name: str
    tags: tuple[str, ...] = ()
    """Of the case."""

    @property
    def key(self) -> str:
        """Names the item in a session."""
        return "/".join((*self.job.key, self.name))

    @property
    def id(self) -> str:
        """What a test item is called: the target first, so that its items read together."""
        return f"{self.job.target.name}-{self.name}"

    def verdict_after(self, error: SdevalError, *, strict: bool) -> Verdict:
        """The verdict where an error left none: `skipped` where something is not on this machine, or `unscored`.

        Args:
            error: why there is none.
            strict: whether what is missing is a failure; hardware never is, for nobody has every GPU.
        """
        is_missing = isinstance(error, NotAvailable) and (not strict or isinstance(error, NoHardware))
        return self.without_verdict(str(error), "skipped" if is_missing else "unscored")

    def without_verdict(self, reason: str, verdict: Kind = "unscored") -> Verdict:
        """The verdict where there can be none."""
        return missing_verdict(*self.job.key, self.name, reason, verdict, is_case=self.kind == "case")


def items_of(suite: Suite, targets: Sequence[Target]) -> list[Item]:
    """Everything to judge of a suite: its cases, metrics and speeds, target by target.

    Raises:
        SdevalError: an unknown metric, or one that does not fit the suite.
    """
    metrics.MetricOptions.from_suite(suite, "cpu")
    for name in suite.metrics:
        _check_metric(suite, metrics.info(name))
    items: list[Item] = []
    for target in targets:
        job = Job(suite, target)
        items += [Item(job, "case", case.id, case.tags) for case in suite.cases]
        items += [Item(job, "metric", name) for name in gating_metrics(suite)]
        items += [Item(job, "speed", name) for name in SPEEDS]
    return items


def gating_metrics(suite: Suite) -> tuple[str, ...]:
    """Everything about a whole suite that is judged by its images: its metrics, and the samples that collapsed."""
    return (*suite.metrics, *((COLLAPSED,) if collapsing_metrics(suite) else ()))


def collapsing_metrics(suite: Suite) -> list[str]:
    """Metrics of a suite by which a sample can collapse."""
    infos = [metrics.info(name) for name in suite.metrics]
    return [info.name for info in infos if info.gating and info.scope == "sample" and info.alone]


def _check_metric(suite: Suite, info: metrics.MetricInfo) -> None:
    where = f"suite {suite.name}"
    if suite.task not in info.tasks:
        raise SdevalError(f"{where}: metric {info.name} is for {', '.join(info.tasks)}, not for {suite.task}")
    tolerance = suite.tolerances.get(info.name, info.tolerance)
    if info.tolerance_is_relative and not tolerance < 1:
        raise SdevalError(f"{where}: tolerances: {info.name} is a share of the baseline, such as 0.1; got {tolerance}")
    if "seeds" in info.needs and min(map(len, added_seeds(suite.rounds))) < 2:
        raise SdevalError(
            f"{where}: metric {info.name} compares seeds of a case; give every round at least two new ones"
        )
    for field in info.case_fields(suite.task):
        lacking = [case for case in suite.cases if not getattr(case, field)]
        if info.of_some_cases and len(lacking) < len(suite.cases):
            continue
        for case in lacking:
            here = case.origin or f"{where}, case {case.id!r}"
            others = " in this case and all others" if info.of_some_cases else ""
            purpose = metrics.base.CASE_FIELDS[field]
            raise SdevalError(f"{here}: {field}: is missing{others}; metric {info.name} needs {purpose}")


def ambiguous(name: str, keys: Sequence[Key]) -> str:
    """Message for what is in several suites or targets, with the options that choose each of them."""
    choices = " or ".join(f"--suite {suite} --target {target}" for suite, target in keys)
    return f"{name}: is there {len(keys)} times; choose one with {choices}"
