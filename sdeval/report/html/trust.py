"""Whether a session can be believed: what it was compared with, on which machine, with how much evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sdeval._utils.environment import differences
from sdeval.report.session_runs import ComparedRun
from sdeval.results.run import PASSING, Run, known_to_both
from sdeval.results.verdict import Verdict
from sdeval.results.verdicts_file import Record

SHOWN = ("torch", "diffusers", "transformers")
"""Packages whose versions are always shown."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a reader has to know, and whether it needs care."""

    name: str
    lines: tuple[str, ...]
    care: bool = False


def facts(comparisons: Sequence[ComparedRun], record: Record) -> tuple[Fact, ...]:
    """What a reader has to know before believing a page."""
    first = [
        _compared_with(comparisons),
        _machine(comparisons),
        _evidence(comparisons, record.verdicts),
        _changed(comparisons),
    ]
    notes = Fact("Notes", record.notes, care=True)
    return tuple(fact for fact in (*first, notes, _not_judged(record.verdicts)) if fact.lines)


def changes(compared: ComparedRun) -> tuple[str, ...]:
    """What differs between a run and what it is compared with, besides its images."""
    if compared.before is None:
        return ()
    before, run = compared.before, compared.run
    generated = differences(*known_to_both(before.generated_by, run.generated_by))
    # A run that was decided with fewer seeds asked for nothing else.
    request = differences(_without(before.request, "seeds", "rounds"), _without(run.request, "seeds", "rounds"))
    machine = differences(*(_without(side.environment, *PASSING) for side in (before, run)))
    return (*generated, *request, *machine)


def _without(facts: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in names}


def _compared_with(comparisons: Sequence[ComparedRun]) -> Fact:
    interleaved = [compared for compared in comparisons if compared.before and compared.interleaved]
    accepted = [compared for compared in comparisons if compared.before and not compared.interleaved]
    without = [f"{compared.run.suite} on {compared.run.target}" for compared in comparisons if compared.before is None]
    lines = [f"the accepted baselines of {_suites(accepted)}"] if accepted else []
    lines += [f"{compared.label} with {compared.run.target}" for compared in interleaved]
    lines += [f"accepted because: {reason}" for compared in accepted for reason in compared.reasons]
    lines += [f"nothing yet: {', '.join(without)}"] if without else []
    return Fact("Compared with", tuple(dict.fromkeys(lines)), care=bool(without))


def _suites(comparisons: Sequence[ComparedRun]) -> str:
    return (
        f"{len(comparisons)} runs"
        if len(comparisons) > 1
        else f"{comparisons[0].run.suite} on {comparisons[0].run.target}"
    )


def _machine(comparisons: Sequence[ComparedRun]) -> Fact:
    """What the session ran on, each kind of machine once."""
    machines = dict.fromkeys(_described(compared.run) for compared in comparisons)
    return Fact("Generated on", tuple(machines))


def _described(run: Run) -> str:
    environment = run.environment
    packages = environment.get("packages", {})
    versions = [f"{name} {packages[name]}" for name in SHOWN if name in packages]
    return ", ".join(filter(None, (str(environment.get("hardware", "")), *versions)))


def _evidence(comparisons: Sequence[ComparedRun], verdicts: Sequence[Verdict]) -> Fact:
    cases = sum(len(compared.run.by_case()) for compared in comparisons)
    images = sum(len(compared.run.samples) for compared in comparisons)
    seeds = sorted({len(compared.run.request["seeds"]) for compared in comparisons})
    several = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0]) if seeds else "0"
    lines = [f"{_counted(images, 'image')}: {_counted(cases, 'case')}, {_counted(several, 'seed')} each"]
    judged = [verdict for verdict in verdicts if not verdict.case and verdict.p_value is not None]
    measured = sum(verdict.variability is not None for verdict in judged)
    if judged:
        lines.append(f"variability was measured of {measured} of {len(judged)} metrics that were tested")
    partial = [compared.run.suite for compared in comparisons if not compared.run.complete]
    lines += [f"only a part was generated of: {', '.join(partial)}"] if partial else []
    return Fact("Evidence", tuple(lines), care=bool(partial))


def _counted(count: int | str, name: str) -> str:
    return f"{count} {name}" if str(count) == "1" else f"{count} {name}s"


def _changed(comparisons: Sequence[ComparedRun]) -> Fact:
    """What differs from what the runs are compared with, a line once for all the suites it holds for."""
    with_baseline = [compared for compared in comparisons if compared.before is not None]
    counts = Counter(line for compared in with_baseline for line in changes(compared))
    scopes = {
        line: "" if count == len(with_baseline) else f" ({count} of {len(with_baseline)} runs)"
        for line, count in counts.items()
    }
    lines = [line + where for line, where in scopes.items()]
    if not lines and with_baseline:
        return Fact("What changed", ("nothing but, perhaps, the images: same model, settings, versions and machine",))
    return Fact("What changed", tuple(lines))


def _not_judged(verdicts: Sequence[Verdict]) -> Fact:
    """Metrics and cases without a judgement, by reason; what is not on this machine is reported by a note."""
    unjudged = [verdict for verdict in verdicts if verdict.verdict in ("unscored", "not_comparable", "new")]
    reasons = Counter((verdict.verdict, verdict.suite, verdict.target, verdict.reason) for verdict in unjudged)
    lines = [
        f"{count} {kind} in {suite} on {target}" + (f": {reason}" if reason else "")
        for (kind, suite, target, reason), count in reasons.items()
    ]
    return Fact("Not judged", tuple(lines), care=True)
