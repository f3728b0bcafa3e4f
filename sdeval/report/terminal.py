"""Output on the terminal: one line for an item, a short table for the session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sdeval._utils.files import resolved
from sdeval._utils.tables import Column, Row, Table, coloured, wrapped
from sdeval._utils.tables import lines as lines_of
from sdeval.errors import escaped, plural
from sdeval.report.row_numbers import RowNumbers, p_value
from sdeval.report.words import SYMBOLS, Tone, counted, headline, not_here, sentence, sign, tone, what
from sdeval.results.verdict import FAILING, Verdict, worst_first

ROWS = 14
"""Verdicts in the table; the page has all of them."""
FEW = 20
"""Up to so many verdicts, as after `-k`, are all in the table, passed ones too."""
MOST_CHANGES = 4
"""Settings and versions that differ from the baseline's, in one line; the page has all of them."""
COLOURS: dict[Tone, str] = {"bad": "red", "warn": "yellow", "good": "green", "open": "yellow"}
"""Of the headline, on the terminal and on the page."""


@dataclass(frozen=True, slots=True)
class Further:
    """What a session knows of the next command."""

    flags: str = ""
    """That `sdeval accept` needs to write where the session read."""
    accepts: bool = True
    """Whether its runs are to become baselines; one that was interleaved with another answers a question."""
    again: str = ""
    """Generates what is still missing of a baseline; empty where nothing is."""
    strict: bool = False
    """Whether the session was strict: then its last line says what it let pass all the same."""
    resume: str = ""
    """Resumes the session, where not all of it could be written; empty where it was."""
    changed: tuple[str, ...] = ()
    """What differs from what its runs are compared with, besides their images."""


def explain(verdict: Verdict) -> str:
    """The verdict, first in the line, and what it rests on: pytest shows only this line in its summary."""
    explanation = sentence(verdict)
    return escaped(f"{verdict.verdict}: {explanation}") if explanation else verdict.verdict


def summary_lines(
    verdicts: Sequence[Verdict],
    page: Path,
    root: Path,
    width: int,
    notes: Sequence[str] = (),
    further: Further = Further(),
    *,
    colour: bool = False,
) -> list[str]:
    """The outcome, counts, the worst verdicts, notes, the page, and one next command.

    No line is wider than the terminal but for paths and commands, which are to be copied.

    Example output:
        ✗ Something got worse: 4 regressed
        4 regressed, 2 inconclusive, 84 passed

        verdict      suite            target  what        baseline  current  change  tolerance  unit         p
        ▼ regressed  shapes-text2img  shapes  clip_score     71.20    54.31  -16.89       0.50  points  <0.001

        page: reports/latest/index.html
        next: sdeval open reports/latest
    """
    listed, left_out = _listed(verdicts)
    outcome = wrapped(f"{sign(verdicts, strict=further.strict)} {headline(verdicts, strict=further.strict)}", width, 2)
    if colour:
        style = f"bold {COLOURS[tone(verdicts, strict=further.strict)]}"
        outcome = [coloured(line, style) for line in outcome]
    table = lines_of(_table(listed, further.strict), width, colour=colour) if listed else []
    more = [f"… and {len(left_out)} more on the page: {counted(left_out)}"] if left_out else []
    link = _latest(page, root)
    links = [*([] if further.resume else [f"page: {link}"]), f"next: {next_command(verdicts, link, further)}"]
    return [
        *outcome,
        *wrapped(counted(verdicts), width),
        *_wrapped([_changed(further.changed)], width),
        "",
        *table,
        *_wrapped(more, width),
        *([""] if notes else []),
        *_wrapped([f"note: {note}" for note in notes], width),
        "",
        *map(escaped, links),
        *_wrapped([_tolerated(verdicts)] if further.strict else [], width),
    ]


def _changed(lines: Sequence[str]) -> str:
    """What may have made the images other ones, in a line."""
    shown, left_out = lines[:MOST_CHANGES], lines[MOST_CHANGES:]
    more = [f"{len(left_out)} more on the page"] if left_out else []
    return f"what changed: {'; '.join([*shown, *more])}" if lines else ""


def _wrapped(texts: Sequence[str], width: int) -> list[str]:
    return [line for text in texts if text for line in wrapped(text, width, 2)]


def _listed(verdicts: Sequence[Verdict]) -> tuple[Sequence[Verdict], Sequence[Verdict]]:
    """The verdicts of the table, worst first, and those for which it has no room.

    What is not on this machine is reported by a note. Of many verdicts, a case is worth a row only where something is
    wrong with it, or where there is nothing else to show.
    """
    ordered = [verdict for verdict in worst_first(verdicts) if not not_here(verdict)]
    only_cases, are_few = all(verdict.case for verdict in verdicts), len(verdicts) <= FEW
    listed_kinds = {*FAILING, "inconclusive", *(("not_significant",) if only_cases else ())}
    judged = {
        (verdict.suite, verdict.target) for verdict in verdicts if verdict.verdict not in ("new", "informational")
    }

    def is_shown(verdict: Verdict) -> bool:
        if not verdict.case or verdict.verdict in listed_kinds:
            return True
        # Without a baseline, what is new is the whole suite.
        is_judged = (verdict.suite, verdict.target) in judged
        return is_judged if verdict.verdict == "new" and not (are_few and only_cases) else are_few

    shown = list(filter(is_shown, ordered))
    most = FEW if are_few else ROWS
    return shown[:most], shown[most:]


def _tolerated(verdicts: Sequence[Verdict]) -> str:
    """What a strict session let pass although it did not pass; empty where there is nothing."""
    metrics = [verdict for verdict in verdicts if verdict.verdict == "inconclusive" and not verdict.fatal]
    beyond = sum(verdict.warns for verdict in metrics)
    cases = sum(verdict.verdict == "not_significant" and verdict.loss > 1 for verdict in verdicts)
    parts = [f"{len(metrics)} inconclusive ({beyond} beyond their tolerance)"] if metrics else []
    parts += [f"{plural(cases, 'case')} beyond a tolerance, not significant"] if cases else []
    advice = '; inconclusive="fail" in the suite or in [tool.sdeval] fails what is inconclusive' if metrics else ""
    return f"let pass: {', '.join(parts)}{advice}" if parts else ""


_NAMES = ("verdict", "suite", "target", "what")
_VALUES = ("baseline", "current", "change", "tolerance")


def _table(verdicts: Sequence[Verdict], strict: bool) -> Table:
    values = [Column(name, numeric=True) for name in _VALUES]
    columns = [*map(Column, _NAMES), *values, Column("unit"), Column("p", numeric=True)]
    return Table(columns, [_row(verdict, strict) for verdict in verdicts], note_name="reason")


def _row(verdict: Verdict, strict: bool) -> Row:
    kind = f"{SYMBOLS[verdict.verdict]} {verdict.verdict.replace('_', ' ')}"
    numbers = RowNumbers.of(verdict, verdict.unit)
    values = [*map(numbers.value, (verdict.baseline, verdict.current)), numbers.change(verdict.change)]
    values += [numbers.value(verdict.tolerance), numbers.unit, p_value(verdict.p_value)]
    cells = (kind, verdict.suite, verdict.target, what(verdict), *values)
    needs_attention = verdict.fails(strict=strict) or verdict.verdict in ("inconclusive", "not_significant")
    return Row(cells, verdict.reason, _colour(verdict, strict), below=needs_attention)


def _colour(verdict: Verdict, strict: bool) -> str:
    if verdict.fails(strict=strict):
        return "red"
    if verdict.verdict == "inconclusive" and verdict.warns:
        return "yellow"
    return "green" if verdict.verdict == "improved" else ""


def next_command(verdicts: Sequence[Verdict], page: Path, further: Further = Further(), place: str = "") -> str:
    """The one thing to do now; `place` is where to look at the page, where that is elsewhere."""
    if further.resume:
        return f"see to what could not be written, then: {further.resume}"
    kinds = {verdict.verdict for verdict in verdicts}
    complete = kinds.isdisjoint({"broken", "regressed", "unscored"}) and not any(map(not_here, verdicts))
    if further.accepts and complete and kinds & {"new", "not_comparable", "improved"}:
        return further.again or f"sdeval accept {page.parent}{further.flags}"
    return f"open {place}" if place else f"sdeval open {page.parent}"


def _latest(page: Path, root: Path) -> Path:
    """The page by way of `latest`, as seen from where the user stands."""
    link = page.parent.parent / "latest"
    path = link / page.name if resolved(link) == resolved(page.parent) else page
    return path.relative_to(root) if path.is_relative_to(root) else path
