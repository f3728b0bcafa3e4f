"""What the terminal says: one line for an item, a short table for the session."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from sdeval.compare.verdict import Verdict, summary, worst_first
from sdeval.report.words import SYMBOLS, number, probability, sentence, signed

ROWS = 14
"""Verdicts in the table; the page has all of them."""


def explain(verdict: Verdict) -> str:
    """The verdict, first in the line, and what it rests on: pytest shows only this line in its summary."""
    return f"{verdict.verdict}: {sentence(verdict)}"


def summary_lines(verdicts: Sequence[Verdict], page: Path, root: Path, *, strict: bool, width: int = 120) -> list[str]:
    """Counts, the worst verdicts, the page, and one next command.

    4 regressed, 2 inconclusive, 84 passed
    ▼ regressed  shapes-text2img  shapes  clip_score  …
    page: reports/latest/index.html
    next: …
    """
    counts = ", ".join(f"{count} {kind}" for kind, count in summary(verdicts).items())
    ordered = worst_first(verdicts)
    shown = [each for each in ordered if each.verdict != "passed" or not each.case]
    lines = [counts, "", *_table(shown[:ROWS], width)]
    if len(shown) > ROWS:
        lines.append(f"… and {len(shown) - ROWS} more on the page")
    return [*lines, "", f"page: {_latest(page, root)}", f"next: {next_command(ordered, page, root, strict=strict)}"]


def _table(verdicts: Sequence[Verdict], width: int) -> list[str]:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title, side in [("verdict", "left"), ("suite", "left"), ("target", "left"), ("what", "left")]:
        table.add_column(title, justify=side, no_wrap=True)  # type: ignore[arg-type]
    for title in ("baseline", "now", "change", "allowed", "p"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("why", no_wrap=True, overflow="ellipsis")
    for each in verdicts:
        what = each.name if each.metric in (each.name, "health") else f"{each.name} {each.metric}"
        figures = (number(each.baseline), number(each.current), signed(each.delta), number(each.tolerance))
        said = f"{SYMBOLS[each.verdict]} {each.verdict}"
        table.add_row(said, each.suite, each.target, what, *figures, probability(each.p_value), each.reason)
    stream = io.StringIO()
    Console(file=stream, width=width, color_system=None, highlight=False, markup=False).print(table)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def next_command(verdicts: Sequence[Verdict], page: Path, root: Path, *, strict: bool) -> str:
    """The one thing to do now."""
    kinds = {each.verdict for each in verdicts}
    latest = _latest(page, root).parent
    if kinds & {"broken", "regressed", "unscored"}:
        return f"open {_latest(page, root)}"
    if kinds & {"new", "not comparable", "improved"}:
        return f"sdeval accept {latest}"
    return f"open {_latest(page, root)}"


def _latest(page: Path, root: Path) -> Path:
    """The page by way of `latest`, as seen from where the user stands."""
    link = page.parent.parent / "latest"
    found = link / page.name if link.exists() else page
    return found.relative_to(root) if found.is_relative_to(root) else found
