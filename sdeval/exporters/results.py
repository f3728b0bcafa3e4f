"""What a session found, as values that exporters send somewhere else. They need no other part of sdeval."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdeval.comparison.paired import value_of
from sdeval.config import project
from sdeval.errors import NotAvailable
from sdeval.report import ci
from sdeval.report.pairs import Pair, worst_pairs
from sdeval.results.run import Run
from sdeval.results.session_folder import PAGE, SUMMARY, read_record, read_run, run_folders
from sdeval.results.verdict import SUITE, Kind, Verdict, worst_first

LONGEST_PARAMETER = 250
"""Characters of the value of a parameter: some trackers take no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricResult:
    """A metric of a suite on a target: its value, and what is said of its change."""

    name: str
    title: str = ""
    unit: str = ""
    higher_is_better: bool = True
    value: float
    baseline: float | None = None
    change: float | None = None
    """Value minus baseline."""
    low: float | None = None
    """The change is at least this, with 95% confidence."""
    high: float | None = None
    """The change is at most this, with 95% confidence."""
    tolerance: float | None = None
    p_value: float | None = None
    verdict: Kind | None = None
    """None where the metric is reported only."""

    @property
    def numbers(self) -> dict[str, float]:
        """The value by the name of the metric, and what else is known of it as `NAME/change` and so on."""
        others = {
            "baseline": self.baseline,
            "change": self.change,
            "change_low": self.low,
            "change_high": self.high,
            "tolerance": self.tolerance,
            "p_value": self.p_value,
        }
        known = {f"{self.name}/{name}": value for name, value in others.items() if value is not None}
        return {self.name: self.value, **known}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResults:
    """A suite on a target."""

    suite: str
    target: str
    task: str
    outcome: Kind
    """The worst of its verdicts."""
    metrics: tuple[MetricResult, ...]
    verdicts: tuple[Verdict, ...]
    """Of its cases, metrics and speeds, worst first."""
    parameters: Mapping[str, str]
    """What was asked, what generated, and on what machine."""
    pairs: tuple[Pair, ...]
    """The worst images beside the accepted ones."""

    @property
    def name(self) -> str:
        """Suite and target."""
        return f"{self.suite}/{self.target}"

    @property
    def numbers(self) -> dict[str, float]:
        """All metrics, and how many verdicts there are of each kind as `verdicts/KIND`."""
        counts = Counter(verdict.verdict for verdict in self.verdicts)
        values = {name: value for metric in self.metrics for name, value in metric.numbers.items()}
        return {**values, **{f"verdicts/{kind}": float(count) for kind, count in counts.items()}}

    @property
    def metric_verdicts(self) -> dict[str, str]:
        """Verdicts on metrics, by metric."""
        return {metric.name: metric.verdict for metric in self.metrics if metric.verdict}


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionResults:
    """A session that has ended."""

    project: str
    """Name of the folder that the project lies in."""
    session: str
    folder: Path
    page: str
    """Address or path of its page."""
    summary: Path
    """A file in Markdown."""
    outcome: str
    strict: bool
    command: str
    started: str
    commit: str
    ci_run: str
    """Address of the CI run; empty outside CI."""
    runs: tuple[RunResults, ...]
    notes: tuple[str, ...]

    @property
    def tags(self) -> dict[str, str]:
        """What tells the session from others; empty values are left out."""
        values = {
            "session": self.session,
            "outcome": self.outcome,
            "page": self.page,
            "commit": self.commit,
            "ci_run": self.ci_run,
            "command": self.command,
        }
        return {name: value for name, value in values.items() if value}


def read_results(session: Path) -> SessionResults:
    """What a session found, read from its folder.

    Raises:
        SdevalError: it has not ended, or a file of it is corrupt.
    """
    record = read_record(session)
    origin, elsewhere = record.origin, ci.elsewhere(os.environ)
    folders = project.recorded(session)
    pairs = worst_pairs(session, record.verdicts, strict=record.strict)
    return SessionResults(
        project=(folders.root if folders else session.parent.parent).name or "sdeval",
        session=record.session,
        folder=session,
        page=elsewhere.place if elsewhere else str(session / PAGE),
        summary=session / SUMMARY,
        outcome=record.outcome,
        strict=record.strict,
        command=origin.command if origin else "",
        started=origin.started if origin else "",
        commit=origin.commit if origin else "",
        ci_run=origin.ci_run if origin else "",
        runs=tuple(_run_results(read_run(folder), record.verdicts, pairs) for folder in run_folders(session)),
        notes=record.notes,
    )


def _run_results(run: Run, verdicts: Sequence[Verdict], pairs: Sequence[Pair]) -> RunResults:
    key = (run.suite, run.target)
    own = worst_first([verdict for verdict in verdicts if (verdict.suite, verdict.target) == key])
    return RunResults(
        suite=run.suite,
        target=run.target,
        task=run.task,
        outcome=own[0].verdict if own else "skipped",
        metrics=tuple(_metrics(run, {verdict.metric: verdict for verdict in own if verdict.case == SUITE})),
        verdicts=tuple(own),
        parameters=dict(_parameters(run)),
        pairs=tuple(pair for pair in pairs if (pair.suite, pair.target) == key),
    )


def _metrics(run: Run, verdicts: Mapping[str, Verdict]) -> Iterator[MetricResult]:
    """Metrics that the run scored, then what is judged of every suite, such as its speed."""
    for name in dict.fromkeys((*run.metrics, *verdicts)):
        verdict, record = verdicts.get(name), run.metrics.get(name)
        value = verdict.current if verdict and verdict.current is not None else None
        if value is None and record is not None:
            value = value_of(run, name)
        if value is None:
            continue
        yield MetricResult(
            name=name,
            title=record.title if record else "",
            unit=record.unit if record else "",
            higher_is_better=record.higher_is_better if record else bool(verdict and verdict.higher_is_better),
            value=value,
            baseline=verdict.baseline if verdict else None,
            change=verdict.change if verdict else None,
            low=verdict.low if verdict else None,
            high=verdict.high if verdict else None,
            tolerance=verdict.tolerance if verdict else None,
            p_value=verdict.p_value if verdict else None,
            verdict=verdict.verdict if verdict else None,
        )


def _parameters(run: Run) -> Iterator[tuple[str, str]]:
    """What was asked, what generated, and the machine, flat and as text."""
    request = {"cases": run.request["cases"], "seeds": len(run.request["seeds"]), **run.request["settings"]}
    environment = {name: run.environment.get(name) for name in ("hardware", "python", "platform", "cuda")}
    groups: Mapping[str, Mapping[str, Any]] = {
        "": {"suite": run.suite, "target": run.target, "task": run.task},
        "request": request,
        "target": run.generated_by,
        "environment": {**environment, **run.environment.get("packages", {})},
    }
    for group, values in groups.items():
        for name, value in values.items():
            if value not in (None, "", {}):
                text = value if isinstance(value, str) else json.dumps(value, default=str)
                yield f"{group}.{name}".strip("."), text[:LONGEST_PARAMETER]


def missing_package(package: str, extra: str) -> NotAvailable:
    """The error of an exporter whose package is not installed."""
    return NotAvailable(f"needs the package {package}: pip install 'pytest-sdeval[{extra}]'")
