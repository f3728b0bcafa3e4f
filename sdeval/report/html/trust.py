"""Whether a session can be believed: what it was compared with, on which machine, with how much evidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sdeval._utils.environment import differences
from sdeval.report.session_runs import ComparedRun
from sdeval.results.run import PASSING, Run
from sdeval.results.verdict import Verdict
from sdeval.results.verdicts_file import Record

SHOWN = ("torch", "diffusers", "transformers")
"""Packages whose versions are always told."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a reader has to know, and whether it needs care."""

    name: str
    lines: tuple[str, ...]
    care: bool = False


def facts(besides: Sequence[ComparedRun], record: Record) -> tuple[Fact, ...]:
    """What a reader has to know before believing a page."""
    found = [_held_against(besides), _machine(besides), _evidence(besides, record.verdicts), _changed(besides)]
    notes = Fact("Notes", record.notes, care=True)
    return tuple(each for each in (*found, notes, _not_judged(record.verdicts)) if each.lines)


def changes(beside: ComparedRun) -> tuple[str, ...]:
    """What differs between a run and what it is compared with, besides its images."""
    if beside.before is None:
        return ()
    before, run = beside.before, beside.run
    generated = differences(dict(before.generated_by), dict(run.generated_by))
    # A run that was decided with fewer seeds asked for nothing else.
    request = differences(_without(before.request, "seeds", "rounds"), _without(run.request, "seeds", "rounds"))
    machine = differences(*(_without(each.environment, *PASSING) for each in (before, run)))
    return (*generated, *request, *machine)


def _without(facts: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in names}


def _held_against(besides: Sequence[ComparedRun]) -> Fact:
    interleaved = [each for each in besides if each.before and each.interleaved]
    accepted = [each for each in besides if each.before and not each.interleaved]
    without = [f"{each.run.suite} on {each.run.target}" for each in besides if each.before is None]
    lines = [f"the accepted baselines of {_suites(accepted)}"] if accepted else []
    lines += [f"{each.label} with {each.run.target}" for each in interleaved]
    lines += [f"accepted because: {reason}" for each in accepted for reason in each.reasons]
    lines += [f"nothing yet: {', '.join(without)}"] if without else []
    return Fact("Compared with", tuple(dict.fromkeys(lines)), care=bool(without))


def _suites(besides: Sequence[ComparedRun]) -> str:
    return f"{len(besides)} runs" if len(besides) > 1 else f"{besides[0].run.suite} on {besides[0].run.target}"


def _machine(besides: Sequence[ComparedRun]) -> Fact:
    """What the session ran on, each kind of machine once."""
    machines = dict.fromkeys(_described(each.run) for each in besides)
    return Fact("Generated on", tuple(machines))


def _described(run: Run) -> str:
    environment = run.environment
    packages = environment.get("packages", {})
    versions = [f"{name} {packages[name]}" for name in SHOWN if name in packages]
    return ", ".join(filter(None, (str(environment.get("hardware", "")), *versions)))


def _evidence(besides: Sequence[ComparedRun], verdicts: Sequence[Verdict]) -> Fact:
    cases = sum(len(each.run.by_case()) for each in besides)
    images = sum(len(each.run.samples) for each in besides)
    seeds = sorted({len(each.run.request["seeds"]) for each in besides})
    several = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0]) if seeds else "0"
    lines = [f"{_counted(images, 'image')}: {_counted(cases, 'case')}, {_counted(several, 'seed')} each"]
    judged = [each for each in verdicts if not each.case and each.p_value is not None]
    known = sum(each.variability is not None for each in judged)
    if judged:
        lines.append(f"variability was measured of {known} of {len(judged)} metrics that were tested")
    partial = [each.run.suite for each in besides if not each.run.complete]
    lines += [f"only a part was generated of: {', '.join(partial)}"] if partial else []
    return Fact("Evidence", tuple(lines), care=bool(partial))


def _counted(count: int | str, name: str) -> str:
    return f"{count} {name}" if str(count) == "1" else f"{count} {name}s"


def _changed(besides: Sequence[ComparedRun]) -> Fact:
    """What differs from what the runs are compared with, a line once for all the suites it holds for."""
    held = [each for each in besides if each.before is not None]
    counts = Counter(line for each in held for line in changes(each))
    of = {line: "" if count == len(held) else f" ({count} of {len(held)} runs)" for line, count in counts.items()}
    lines = [line + where for line, where in of.items()]
    if not lines and held:
        return Fact("What changed", ("nothing but, perhaps, the images: same model, settings, versions and machine",))
    return Fact("What changed", tuple(lines))


def _not_judged(verdicts: Sequence[Verdict]) -> Fact:
    """Metrics and cases without a judgement, by reason; what is not on this machine is reported by a note."""
    open_ = [each for each in verdicts if each.verdict in ("unscored", "not_comparable", "new")]
    reasons = Counter((each.verdict, each.suite, each.target, each.reason) for each in open_)
    lines = [
        f"{count} {kind} in {suite} on {target}" + (f": {reason}" if reason else "")
        for (kind, suite, target, reason), count in reasons.items()
    ]
    return Fact("Not judged", tuple(lines), care=True)
