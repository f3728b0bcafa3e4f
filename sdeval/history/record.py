"""The line that a session adds to the history: metrics of its whole runs, and what makes them comparable later."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sdeval import metrics
from sdeval._utils.collector import paused_collector
from sdeval.baselines import provenance
from sdeval.baselines.snapshot import BASELINE
from sdeval.baselines.speed import hardware_of
from sdeval.comparison.paired import tolerance_of, value_of
from sdeval.comparison.speed import LEAST, TOLERANCES, SpeedRecord, speed_record_of
from sdeval.config.suite import SPEED, SPEEDS
from sdeval.errors import SdevalError
from sdeval.history import store as history
from sdeval.history.store import FLAGGED, HISTORY, Entry, MetricValue, RunLine
from sdeval.metrics.of_every_suite import OF_EVERY_SUITE
from sdeval.results.run import AGAINST, LOAD, Run
from sdeval.results.run_folder import json_lines
from sdeval.results.session_folder import read_run, run_folders
from sdeval.results.verdict import SUITE, Verdict


def record(
    session: Path, verdicts: Sequence[Verdict], overrides: Mapping[str, Any] = MappingProxyType({})
) -> list[str]:
    """Add a session to the history beside it. What went wrong is given back as a note: no session fails by it."""
    path = session.parent / HISTORY
    try:
        entry = entry_of(session, verdicts, overrides)
        if entry.runs:
            history.append(path, entry)
    except (SdevalError, OSError) as error:
        return [f"this session is not in the history: {error}"]
    return []


@paused_collector()
def entry_of(session: Path, verdicts: Sequence[Verdict], overrides: Mapping[str, Any] = MappingProxyType({})) -> Entry:
    """The line of a session. Runs that were interleaved with another answer a question, and are left out."""
    lines = []
    for folder in run_folders(session):
        if not (folder / AGAINST).exists():
            run = read_run(folder)
            own = [verdict for verdict in verdicts if (verdict.suite, verdict.target) == (run.suite, run.target)]
            line = _line(_JudgedRun(run, own), _baseline_hash(folder / BASELINE))
            lines.append(replace(line, overrides=dict(overrides), accepted=_accepted(folder / BASELINE)))
    return Entry(session.name, tuple(lines))


@dataclass(frozen=True, slots=True)
class _JudgedRun:
    """A run, and the verdicts on its cases and metrics."""

    run: Run
    all_verdicts: Sequence[Verdict]

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """Those on metrics of the whole suite, by metric."""
        return {verdict.metric: verdict for verdict in self.all_verdicts if verdict.case == SUITE}

    @property
    def first_round(self) -> Run:
        """The samples of the first round of seeds, which every session generates."""
        seeds = self.run.request["rounds"][0]
        return replace(self.run, samples=tuple(sample for sample in self.run.samples if sample.seed in seeds))

    def common_fields(self, metric: str, n: int, images: str) -> dict[str, Any]:
        """The fields that scores, times and memory have in common."""
        verdict = self.verdicts.get(metric)
        judgement = {name: getattr(verdict, name, None) for name in ("baseline", "change", "variability", "verdict")}
        return {**judgement, "n": n, "images": images}


def _line(judged: _JudgedRun, baseline: str) -> RunLine:
    run, first = judged.run, judged.first_round
    return RunLine(
        suite=run.suite,
        target=run.target,
        complete=run.complete,
        request=_hash([sorted(sample.fingerprint for sample in first.samples), run.request["settings"]]),
        images=_images(run),
        baseline=baseline,
        hardware=hardware_of(run),
        busy=str(run.environment.get(LOAD, "")),
        packages=dict(run.environment.get("packages", {})),
        generated_by=dict(run.generated_by),
        failed=any(verdict.verdict in FLAGGED for verdict in judged.all_verdicts),
        metrics={**_metrics(judged, first), **_speeds(judged)} if run.complete else {},
    )


def _metrics(judged: _JudgedRun, first: Run) -> dict[str, MetricValue]:
    values = {}
    for name, record in judged.run.metrics.items():
        # More seeds would change a score that depends on the other images.
        run = first if record.scope == "sample" and _alone(name) else judged.run
        value, verdict, score = value_of(run, name), judged.verdicts.get(name), run.set_scores.get(name)
        reference = f" {score.extractor} {score.extractor_version} {score.resize} {score.reference}" if score else ""
        values[name] = MetricValue(
            **judged.common_fields(name, score.n if score else len(run.samples), _images(run)),
            value=value,
            tolerance=_tolerance(verdict) or tolerance_of(record, value),
            version=f"{record.version}{reference}",
            higher_is_better=record.higher_is_better,
            gating=record.gating,
            title=record.title,
            unit=record.unit,
        )
    return values


def _tolerance(verdict: Verdict | None) -> float | None:
    return verdict.tolerance if verdict else None


def _alone(metric: str) -> bool:
    try:
        return metrics.info(metric).alone
    # The metric comes from a package that is no longer installed.
    except SdevalError:
        return False


def _speeds(judged: _JudgedRun) -> dict[str, MetricValue]:
    """Times and memory, which are only comparable on one class of machine and are measured again in every session."""
    record, values = speed_record_of(judged.run), {}
    if record is None:
        return {}
    for name in SPEEDS:
        verdict = judged.verdicts.get(name)
        value = verdict.current if verdict and verdict.current is not None else _value_of(record, name)
        values[name] = MetricValue(
            **judged.common_fields(name, 0, ""),
            value=value,
            tolerance=_tolerance(verdict) or max(TOLERANCES[name] * value, LEAST[name]),
            version=f"{hardware_of(judged.run)}, batches of {record.batch_size}",
            higher_is_better=False,
            gating=not hardware_of(judged.run).startswith("cpu") or _tolerance(verdict) is not None,
            title=OF_EVERY_SUITE[name].title,
            unit=OF_EVERY_SUITE[name].unit,
        )
    return values


def _value_of(record: SpeedRecord, value: str) -> float:
    return record.seconds.median if value == SPEED else record.memory


def _images(run: Run) -> str:
    return _hash(sorted((*sample.key, sample.sha256) for sample in run.samples))


def _baseline_hash(folder: Path) -> str:
    """Of the images and scores that a run was compared with; empty where there were none."""
    path = folder / "samples.jsonl"
    if not path.exists():
        return ""
    accepted = [[sample.get(name) for name in ("case", "seed", "sha256", "scores")] for sample in json_lines(path)]
    return _hash(accepted)


def _accepted(baseline: Path) -> str:
    """The session that was accepted last into a baseline; empty where that is not known."""
    try:
        entries = provenance.read(baseline)
    # The session has reported that the file is corrupt.
    except SdevalError:
        return ""
    return entries[-1].session if entries else ""


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
