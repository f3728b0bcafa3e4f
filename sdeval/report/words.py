"""Numbers and verdicts in plain words, the same on the terminal and on the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal

from sdeval._utils.formatting import number, probability, with_sign
from sdeval.errors import plural
from sdeval.results.verdict import DEFECT, KINDS, Kind, Verdict, summary, worst_first

KIND_WORDS: dict[Kind, str] = {"not_significant": "beyond tolerance, not significant"}
"""Kinds that a sentence says in other words."""
SYMBOLS: dict[str, str] = {
    "broken": "✗",
    "regressed": "▼",
    "not_comparable": "≠",
    "unscored": "?",
    "new": "+",
    "inconclusive": "~",
    "not_significant": "≈",
    "improved": "▲",
    "passed": "✓",
    "informational": "·",
    "skipped": "–",
}


JUDGED = ("improved", "passed", "inconclusive", "not_significant")
"""Verdicts that rest on a comparison, and fail nothing."""
Tone = Literal["bad", "warn", "good", "open"]
"""How a session went: it failed; something may be worse; nothing is; nothing was judged."""


def times_variability(verdict: Verdict) -> str:
    """A change in multiples of the seed variability; empty where that was not measured, or hardly anything changed."""
    if not verdict.variability or not verdict.change:
        return ""
    times = f"{abs(verdict.change) / verdict.variability:.1f}"
    return "" if times == "0.0" else f"{times} × seed variability"


def headline(verdicts: Sequence[Verdict], *, strict: bool = False) -> str:
    """The whole session in one line."""
    counts = summary(verdicts)
    failing = {verdict.verdict for verdict in verdicts if verdict.fails(strict=strict)}
    failures = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if kind in failing)
    if failing & {"broken", "regressed"}:
        return f"Something got worse: {failures}"
    judged = any(kind in counts for kind in JUDGED)
    if "inconclusive" in failing and failing <= {"inconclusive", "new"}:
        return f"A loss is not excluded: {failures}"
    if failing - {"new"} or (failing and judged):
        return f"Not everything could be judged: {failures}"
    rest = ", ".join(
        f"{counts[kind]} {KIND_WORDS.get(kind, kind)}"
        for kind in ("new", "inconclusive", "not_significant", "skipped")
        if kind in counts
    )
    if not judged:
        return f"Nothing to compare with yet: {rest}" if "new" in counts else f"Nothing was judged: {rest or 'no case'}"
    doubtful = doubts(verdicts)
    if doubtful:
        more = f" and {len(doubtful) - 1} more" if len(doubtful) > 1 else ""
        return f"Perhaps worse: {_describe_doubt(doubtful[0])}{more}"
    return f"Nothing got worse; {rest}" if rest else "Nothing got worse"


def doubts(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """What may be worse and is neither shown nor excluded, worst first.

    Metrics beyond their tolerance, and cases with a large loss. Single cases beyond a tolerance are left out:
    other seeds move many of them so far.
    """
    return [verdict for verdict in worst_first(verdicts) if verdict.verdict == "inconclusive" and verdict.warns]


def _describe_doubt(verdict: Verdict) -> str:
    subject = f"{what(verdict)} of {verdict.suite}"
    return f"{subject} ({with_sign(verdict.change)}, tolerance {number(verdict.tolerance)})"


def tone(verdicts: Sequence[Verdict], *, strict: bool = False) -> Tone:
    """How a session went."""
    if any(verdict.fails(strict=strict) for verdict in verdicts):
        return "bad"
    if doubts(verdicts):
        return "warn"
    return "good" if any(verdict.verdict in ("passed", "improved") for verdict in verdicts) else "open"


def sign(verdicts: Sequence[Verdict], *, strict: bool = False) -> str:
    """The symbol of a session."""
    kinds = {"bad": "broken", "warn": "inconclusive", "good": "passed", "open": "skipped"}
    return SYMBOLS[kinds[tone(verdicts, strict=strict)]]


def bounds(verdict: Verdict) -> str:
    """Between which bounds a change lies, as far as they are known."""
    parts = []
    if verdict.low is not None:
        parts.append(f"95% bounds {with_sign(verdict.low)} and {with_sign(verdict.high)}")
    if verdict.corrected_low is not None:
        parts.append(f"corrected {with_sign(verdict.corrected_low)} and {with_sign(verdict.corrected_high)}")
    return "; ".join(parts)


def counted(verdicts: Sequence[Verdict]) -> str:
    """How many there are of each kind, worst first."""
    return ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in summary(verdicts).items())


def what(verdict: Verdict) -> str:
    """What a verdict is about: the case, the metric, or both."""
    return verdict.name if verdict.metric in (verdict.name, DEFECT) else f"{verdict.name} {verdict.metric}"


def sentence(verdict: Verdict) -> str:
    """What a verdict rests on, in one line.

    Example: `clip_score 24.1 → 21.9 (-2.2, tolerance 0.5; 95% bounds -2.9 and -1.5; p <0.001, n=24)`
    """
    if verdict.metric == DEFECT:
        return verdict.reason
    if verdict.current is None or verdict.baseline is None:
        now = f" {number(verdict.current)}" if verdict.current is not None else ""
        return f"{verdict.metric}{now}" + (f": {verdict.reason}" if verdict.reason else "")
    parts = [f"{with_sign(verdict.change)}, tolerance {number(verdict.tolerance)}"]
    parts += filter(None, [bounds(verdict)])
    if times_variability(verdict):
        parts.append(times_variability(verdict))
    if verdict.p_value is not None:
        parts.append(f"p {probability(verdict.p_value)}, n={verdict.n}")
    tail = f": {verdict.reason}" if verdict.reason else ""
    return f"{verdict.metric} {number(verdict.baseline)} → {number(verdict.current)} ({'; '.join(parts)}){tail}"


def plain(verdict: Verdict, title: str, unit: str) -> str:
    """What happened, for somebody who did not run anything.

    Example:
        fits its prompt (CLIP): 91.29 → 89.24, worse by 2.04 points, 2.0 times its tolerance; with 95% confidence the
        change is at least -3.25 and at most -0.878; 4.2 × its seed variability
    """
    subject = f"{verdict.case}: " if verdict.case else ""
    if verdict.verdict == "broken" or verdict.baseline is None or verdict.current is None or not verdict.change:
        value = f" {number(verdict.current)}" if verdict.current is not None else ""
        return subject + (verdict.reason or title + value)
    better = (verdict.change > 0) == verdict.higher_is_better
    difference = f"{'better' if better else 'worse'} by {number(abs(verdict.change))} {unit}".rstrip()
    values = f"{number(verdict.baseline)} → {number(verdict.current)}"
    parts = [f"{subject}{title}: {values}, {difference}{_in_tolerances(verdict)}"]
    if verdict.low is not None and verdict.high is not None:
        ends = f"at least {with_sign(verdict.low)} and at most {with_sign(verdict.high)}"
        parts.append(f"with 95% confidence the change is {ends}")
    parts += filter(None, (times_variability(verdict), verdict.reason))
    return "; ".join(parts)


def _in_tolerances(verdict: Verdict) -> str:
    return f", {verdict.loss:.1f} times its tolerance" if 0 < verdict.loss < math.inf else ""


def not_here(verdict: Verdict) -> bool:
    """Whether it was skipped, as something that it needs is not on this machine."""
    return verdict.verdict == "skipped"


def notes_on_skipped(verdicts: Iterable[Verdict]) -> list[str]:
    """What is not on this machine, once for each suite and target."""
    lines = (f"{verdict.suite} on {verdict.target}: {verdict.reason}" for verdict in verdicts if not_here(verdict))
    return list(dict.fromkeys(lines))


def notes_on_target_defects(verdicts: Iterable[Verdict]) -> list[str]:
    """Broken images that fail nothing, as the target makes so many by itself: a line for each suite and target."""
    cases: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.metric == DEFECT and verdict.verdict == "not_significant":
            cases.setdefault(f"{verdict.suite} on {verdict.target}", []).append(verdict)
    return [
        f"{where}: {plural(len(broken), 'case')} with broken images, no more than the target makes by itself: "
        + ", ".join(f"{verdict.case} ({verdict.reason.partition(';')[0]})" for verdict in broken)
        for where, broken in cases.items()
    ]


def moment_of(session: str) -> str:
    """When a session began, by its name: `2026-11-21 14:15`, in UTC; another name as it is."""
    day, _, rest = session.partition("-")
    is_moment = len(day) == 8 and day.isdigit() and rest[:4].isdigit()
    return f"{day[:4]}-{day[4:6]}-{day[6:]} {rest[:2]}:{rest[2:4]}" if is_moment else session
