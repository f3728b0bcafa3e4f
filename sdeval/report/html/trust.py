"""Where a session comes from: what it was compared with, its evidence, and when, how and on which machine it ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sdeval._utils.environment import differences
from sdeval.errors import plural
from sdeval.report.session_runs import ComparedRun
from sdeval.report.words import not_here, notes_on_skipped
from sdeval.results.run import PASSING, Run, known_to_both
from sdeval.results.session_names import moment
from sdeval.results.verdict import Verdict
from sdeval.results.verdicts_file import Record

SHOWN = ("torch", "diffusers", "transformers")
"""Packages whose versions are always shown."""


SHOWN_LINES = 3
"""Lines of a fact that are shown at once."""
SAME = "model, settings, versions and machine"
SAME_IN_TESTS = "versions and machine; only the tests know the model and its settings"


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that a reader has to know, and whether it needs care."""

    name: str
    lines: tuple[str, ...]
    summary: str = ""
    """What unfolds the rest; empty where there is none."""
    folded: tuple[str, ...] = ()
    care: bool = False
    link: str = ""
    """An address in the web that its lines lead to."""
    is_code: bool = False
    """Whether its lines are code, such as a command."""


def facts(comparisons: Sequence[ComparedRun], record: Record) -> tuple[Fact, ...]:
    """What a reader has to know before believing a page."""
    all_facts = (
        _compared_with(comparisons),
        _changed(comparisons),
        _evidence(comparisons, record.verdicts),
        _not_judged(record.verdicts),
        *_origin(record),
        _machine(comparisons),
        _skipped(record.verdicts),
        _notes(record),
    )
    return tuple(fact for fact in all_facts if fact.lines or fact.folded)


def _fact(name: str, lines: Sequence[str], *, care: bool = False) -> Fact:
    """A fact whose first lines are shown; the others unfold."""
    shown, folded = tuple(lines[:SHOWN_LINES]), tuple(lines[SHOWN_LINES:])
    return Fact(name, shown, f"{len(folded)} more" if folded else "", folded, care)


def _origin(record: Record) -> Sequence[Fact]:
    """When a session ran, by which command, of which commit, in which CI run; older sessions know only when."""
    origin = record.origin
    if origin is None:
        began = moment(Path(record.session))
        return () if began == datetime.min.replace(tzinfo=UTC) else (Fact("Date", (f"{began:%Y-%m-%d %H:%M} UTC",)),)
    commit = f"{origin.commit[:12]}{', with uncommitted changes' if origin.uncommitted else ''}"
    return (
        Fact("Date", (f"{_date(origin.started)}, took {_duration(origin.seconds)}",)),
        Fact("Command", (origin.command,), is_code=True),
        Fact("Commit", (commit,) if origin.commit else ()),
        Fact("CI run", (origin.ci_run,) if origin.ci_run else (), link=_web_address(origin.ci_run)),
    )


def _web_address(text: str) -> str:
    """The text where it leads into the web: the file that it comes from may say anything."""
    return text if text.startswith(("https://", "http://")) else ""


def _date(started: str) -> str:
    """Example: `2026-11-27 18:33:23 UTC`."""
    try:
        return f"{datetime.fromisoformat(started).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        return started


def _duration(seconds: float) -> str:
    """Example: `1 h 2 min 3 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if hours or minutes else "", f"{rest} s"]
    return " ".join(filter(None, parts))


def _skipped(verdicts: Sequence[Verdict]) -> Fact:
    """What is not on this machine, in one line; the reasons unfold."""
    skipped = [verdict for verdict in verdicts if not_here(verdict)]
    reasons = Counter(f"{verdict.suite} on {verdict.target}: {verdict.reason}" for verdict in skipped)
    lines = tuple(f"{count} of {reason}" for reason, count in reasons.items())
    return Fact("Skipped", (), plural(len(skipped), "item"), lines)


def _notes(record: Record) -> Fact:
    """Notes, besides those that say why something was skipped."""
    reported = set(notes_on_skipped(record.verdicts))
    lines = tuple(note for note in record.notes if note not in reported)
    return Fact("Notes", lines) if len(lines) == 1 else Fact("Notes", (), plural(len(lines), "note"), lines)


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
    return _fact("Compared with", list(dict.fromkeys(lines)), care=bool(without))


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
    samples = [sample for compared in comparisons for sample in compared.run.samples]
    images = sum(bool(sample.image) for sample in samples)
    missing = f" ({len(samples) - images} missing)" if images < len(samples) else ""
    seeds = sorted({len(compared.run.request["seeds"]) for compared in comparisons})
    several = f"{seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else str(seeds[0]) if seeds else "0"
    lines = [f"{count_cases(comparisons)}: {_counted(images, 'image')}{missing}, {_counted(several, 'seed')} a case"]
    tested = [verdict for verdict in verdicts if not verdict.case and verdict.p_value is not None]
    measured = sum(verdict.variability is not None for verdict in tested)
    if tested:
        remedy = "" if measured else "; sdeval calibrate measures it"
        lines.append(f"seed variability is known of {measured} of {_counted(len(tested), 'tested metric')}{remedy}")
    partial = [compared.run.suite for compared in comparisons if not compared.run.complete]
    lines += [f"only a part was generated of: {', '.join(partial)}"] if partial else []
    return Fact("Evidence", tuple(lines), care=bool(partial))


def count_cases(comparisons: Sequence[ComparedRun]) -> str:
    """Cases of all suites, each once, and on how many targets they ran where those are several."""
    cases = {(compared.run.suite, case) for compared in comparisons for case in compared.run.by_case()}
    targets = {compared.run.target for compared in comparisons}
    return _counted(len(cases), "case") + (f" on {len(targets)} targets" if len(targets) > 1 else "")


def _counted(count: int | str, name: str) -> str:
    return f"{count} {name}" if str(count) == "1" else f"{count} {name}s"


def changed_lines(comparisons: Sequence[ComparedRun]) -> tuple[str, ...]:
    """What differs from what the runs are compared with, a line once for all the suites it holds for."""
    with_baseline = [compared for compared in comparisons if compared.before is not None]
    counts = Counter(line for compared in with_baseline for line in changes(compared))
    scopes = {
        line: "" if count == len(with_baseline) else f" ({count} of {len(with_baseline)} runs)"
        for line, count in counts.items()
    }
    return tuple(line + where for line, where in scopes.items())


def _changed(comparisons: Sequence[ComparedRun]) -> Fact:
    lines = changed_lines(comparisons)
    with_baseline = [compared for compared in comparisons if compared.before is not None]
    if not lines and with_baseline:
        # What an ordinary test generates with is its own affair.
        are_from_tests = any(compared.run.from_tests for compared in with_baseline)
        return Fact("What changed", (f"same {SAME_IN_TESTS if are_from_tests else SAME}",))
    return _fact("What changed", lines)


def _not_judged(verdicts: Sequence[Verdict]) -> Fact:
    """Metrics and cases without a judgement, by reason; what is not on this machine is reported by a note."""
    unjudged = [verdict for verdict in verdicts if verdict.verdict in ("unscored", "not_comparable", "new")]
    reasons = Counter((verdict.verdict, verdict.suite, verdict.target, verdict.reason) for verdict in unjudged)
    lines = [
        f"{count} {kind} in {suite} on {target}" + (f": {reason}" if reason else "")
        for (kind, suite, target, reason), count in reasons.items()
    ]
    return _fact("Not judged", lines, care=True)
