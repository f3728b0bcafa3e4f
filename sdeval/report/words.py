"""Numbers and verdicts in plain words, the same on the terminal and on the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal

from sdeval._utils.formatting import number, probability, with_sign
from sdeval.engines.hardware import NO_GPU
from sdeval.errors import plural
from sdeval.results.verdict import DEFECT, Kind, Verdict, summary, worst_first

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
GOOD = ("improved", "passed")
"""Verdicts that exclude a loss."""
COMPARED = (*JUDGED, "regressed", "not_comparable")
"""Verdicts of a suite that has a baseline."""
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
    failing = [verdict for verdict in verdicts if verdict.fails(strict=strict)]
    if failing:
        return _headline_of_failures(verdicts, failing)
    counts = summary(verdicts)
    if not any(kind in counts for kind in JUDGED):
        rest = _without_loss(verdicts) or counted(verdicts) or "no case"
        return f"{'Nothing to compare with yet' if 'new' in counts else 'Nothing was judged'}: {rest}"
    doubtful = doubts(verdicts)
    if doubtful:
        more = f" and {len(doubtful) - 1} more" if len(doubtful) > 1 else ""
        return f"Perhaps worse: {_describe_doubt(doubtful[0])}{more}"
    beyond = insignificant_losses(verdicts)
    if beyond:
        return f"No regression is shown; {plural(len(beyond), 'case')} beyond tolerance, not significant"
    if not any(kind in counts for kind in GOOD):
        return f"Nothing could be decided: {_without_loss(verdicts)}"
    return "; ".join(filter(None, ("Nothing got worse", _without_loss(verdicts))))


def _headline_of_failures(verdicts: Sequence[Verdict], failing: Sequence[Verdict]) -> str:
    kinds = {verdict.verdict for verdict in failing}
    failures = counted(failing)
    if "regressed" in kinds or any(
        _was_compared(verdict, verdicts) for verdict in failing if verdict.verdict == "broken"
    ):
        return f"Something got worse: {failures}"
    if "broken" in kinds:
        return f"Broken images: {failures}"
    if "inconclusive" in kinds and kinds <= {"inconclusive", "new"}:
        return f"A loss is not excluded: {failures}"
    was_judged = any(verdict.verdict in JUDGED for verdict in verdicts)
    if kinds == {"new"} and not was_judged:
        return f"Nothing to compare with yet: {failures}"
    return f"Not everything could be judged: {failures}"


def _was_compared(verdict: Verdict, verdicts: Sequence[Verdict]) -> bool:
    """Whether its suite was compared with a baseline on its target: without one, nothing can have become worse."""
    key = (verdict.suite, verdict.target)
    return any((other.suite, other.target) == key and other.verdict in COMPARED for other in verdicts)


def _without_loss(verdicts: Sequence[Verdict]) -> str:
    """What a session has besides that which passed, improved, or is reported only."""
    names: dict[Kind, str] = {"not_significant": "with as many broken images as usual"}
    shown: tuple[Kind, ...] = ("new", "inconclusive", "not_significant", "skipped")
    counts = summary(verdicts)
    return ", ".join(f"{counts[kind]} {names.get(kind, kind)}" for kind in shown if kind in counts)


def doubts(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """What may be worse and is neither shown nor excluded, worst first.

    Metrics beyond their tolerance, and cases with a large loss. Single cases beyond a tolerance are left out:
    other seeds move many of them so far.
    """
    return [verdict for verdict in worst_first(verdicts) if verdict.verdict == "inconclusive" and verdict.warns]


def insignificant_losses(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Single cases that lie beyond a tolerance, and no further than chance moves them, worst first.

    Broken images that the target makes by itself have no tolerance, and are not among them.
    """
    return [verdict for verdict in worst_first(verdicts) if verdict.verdict == "not_significant" and verdict.loss > 1]


def _describe_doubt(verdict: Verdict) -> str:
    subject = f"{what(verdict)} of {verdict.suite}"
    return f"{subject} ({with_sign(verdict.change)}, tolerance {number(verdict.tolerance)})"


def tone(verdicts: Sequence[Verdict], *, strict: bool = False) -> Tone:
    """How a session went. It is good only where something was decided, and nothing lies beyond its tolerance."""
    if any(verdict.fails(strict=strict) for verdict in verdicts):
        return "bad"
    if doubts(verdicts) or insignificant_losses(verdicts):
        return "warn"
    return "good" if any(verdict.verdict in GOOD for verdict in verdicts) else "open"


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
        CLIP score: 91.29 → 89.24, worse by 2.04 points, 2.0 times its tolerance; with 95% confidence the change is
        at least -3.25 and at most -0.878; 4.2 × its seed variability
    """
    if verdict.verdict == "broken" or verdict.baseline is None or verdict.current is None or not verdict.change:
        value = f" {number(verdict.current)}" if verdict.current is not None else ""
        return verdict.reason or title + value
    parts = [f"{title}: {_difference(verdict, unit)}{_in_tolerances(verdict)}"]
    if verdict.low is not None and verdict.high is not None:
        ends = f"at least {with_sign(verdict.low)} and at most {with_sign(verdict.high)}"
        parts.append(f"with 95% confidence the change is {ends}")
    parts += filter(None, (times_variability(verdict), verdict.reason))
    return "; ".join(parts)


def case_text(verdict: Verdict, unit: str, seeds: int) -> str:
    """The verdict on a case in plain words; `seeds` is how many images it has, of which the first may have decided.

    Example:
        clip_score 91.25 → 61.85, worse by 29.40 points, 29.4 times its tolerance. Every seed lost far more than
        the other cases did, and more than seeds of this case vary.
    """
    has_values = verdict.metric != DEFECT and verdict.baseline is not None and verdict.current is not None
    sentences = [verdict.reason, f"judged by {verdict.n} of {seeds} seeds" if 0 < verdict.n < seeds else ""]
    capitalised = [f"{text[0].upper()}{text[1:]}." for text in sentences if text]
    if has_values and verdict.change:
        capitalised.insert(0, f"{verdict.metric} {_difference(verdict, unit)}{_in_tolerances(verdict)}.")
    return " ".join(capitalised)


def _difference(verdict: Verdict, unit: str) -> str:
    """Both values, and by how much the second is better or worse."""
    change = verdict.change or 0.0
    better = (change > 0) == verdict.higher_is_better
    by = f"{'better' if better else 'worse'} by {number(abs(change))} {unit}".rstrip()
    return f"{number(verdict.baseline)} → {number(verdict.current)}, {by}"


def _in_tolerances(verdict: Verdict) -> str:
    if not 0 < verdict.loss < math.inf:
        return ""
    return f", {verdict.loss:.1f} times its tolerance" if verdict.loss > 1 else ", within its tolerance"


def not_here(verdict: Verdict) -> bool:
    """Whether it was skipped, as something that it needs is not on this machine."""
    return verdict.verdict == "skipped"


def notes_on_skipped(verdicts: Iterable[Verdict]) -> list[str]:
    """What is not on this machine, once for each suite and target; what needs a GPU in one line for all of them."""
    skipped = [verdict for verdict in verdicts if not_here(verdict)]
    others = [verdict for verdict in skipped if not verdict.reason.endswith(NO_GPU)]
    lines = dict.fromkeys(f"{verdict.suite} on {verdict.target}: {verdict.reason}" for verdict in others)
    count = len(skipped) - len(others)
    needing = f"{plural(count, 'item')} {'needs' if count == 1 else 'need'} a GPU: not run here"
    return [*([needing] if count else []), *lines]


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
