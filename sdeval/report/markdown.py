"""The summary for a pull request or a CI job: short, worst first, with the place of the page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sdeval._utils.formatting import number, probability, with_sign
from sdeval.report.words import SYMBOLS, counted, headline, sign, what
from sdeval.results.verdict import Verdict
from sdeval.results.verdicts_file import Record

MARKER = "<!-- sdeval -->"
"""An invisible first line: a bot finds its own comment by it and overwrites it."""

LIMIT = 12_000
"""Characters at most: a comment is to be read, and a page holds the rest."""
ROWS = 10
NOTES = 5
CELL = 100
"""Characters of one name."""
SENTENCE = 2000
"""Characters of a reason or a note: as many as the message of an error has, so that none is cut."""
QUIET = frozenset({"passed", "informational", "skipped", "not_significant"})
"""Verdicts that need nobody's attention: counted, and not listed."""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where others find the page."""

    place: str
    """An address of the web, or else a path."""
    words: str = "the page"


def markdown(record: Record, notes: Sequence[str], page: Elsewhere, command: str) -> str:
    """Headline, counts, the worst verdicts, notes, the page, and one next command.

    Every reason is there in full. It is never longer than `LIMIT`: where it would be, it has fewer rows, and then
    fewer notes.

    Example output, without the marker:
        ## ✗ sdeval: Something got worse: 1 regressed

        1 regressed, 84 passed

        | verdict | suite on target | what | baseline → current (change, tolerance) | how sure | reason |
        |---|---|---|---|---|---|
        | ▼ regressed | shapes-text2img on shapes | clip_score | 71.20 → 54.31 (-16.89, 0.50) | p <0.001 | |

        Page: `reports/20261121-141503-9f2c/index.html`
        Next: `open reports/20261121-141503-9f2c/index.html`
    """
    notable = [verdict for verdict in record.verdicts if verdict.verdict not in QUIET]
    sizes = [(rows, NOTES) for rows in range(ROWS, 0, -1)] + [(1, count) for count in range(NOTES, -1, -1)] + [(0, 0)]
    texts = (_text(record, notable[:rows], _list(notes, count), _links(page, command)) for rows, count in sizes)
    return next((text for text in texts if len(text) <= LIMIT), _text(record, [], "", ""))


def _text(record: Record, listed: Sequence[Verdict], notes: str, links: str) -> str:
    more = sum(verdict.verdict not in QUIET for verdict in record.verdicts) - len(listed)
    parts = [
        MARKER,
        f"## {sign(record.verdicts, strict=record.strict)} sdeval: {headline(record.verdicts, strict=record.strict)}",
        counted(record.verdicts),
        "\n".join([*_HEAD, *map(_row, listed)]) if listed else "",
        f"… and {more} more on the page." if more else "",
        notes,
        links,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _list(notes: Sequence[str], count: int) -> str:
    lines = [f"- {_plain(note, SENTENCE)}" for note in notes[:count]]
    if len(notes) > count:
        lines.append(f"- … and {len(notes) - count} more notes on the page")
    return "\n".join(lines)


_COLUMNS = ("verdict", "suite on target", "what", "baseline → current (change, tolerance)", "how sure", "reason")
_HEAD = (f"| {' | '.join(_COLUMNS)} |", "|---" * len(_COLUMNS) + "|")


def _row(verdict: Verdict) -> str:
    cells = (f"{verdict.suite} on {verdict.target}", what(verdict), _metrics(verdict), _how_sure(verdict))
    verdict_cell = f"{SYMBOLS[verdict.verdict]} {verdict.verdict}"
    return f"| {' | '.join([verdict_cell, *map(_plain, cells), _plain(verdict.reason, SENTENCE)])} |"


def _metrics(verdict: Verdict) -> str:
    if verdict.baseline is None or verdict.current is None:
        return number(verdict.current)
    change = f"{with_sign(verdict.change)}, {number(verdict.tolerance)}"
    return f"{number(verdict.baseline)} → {number(verdict.current)} ({change})"


def _how_sure(verdict: Verdict) -> str:
    parts = [f"p {probability(verdict.p_value)}"] if verdict.p_value is not None else []
    ends = (verdict.corrected_low, verdict.corrected_high)
    if ends == (None, None):
        ends = (verdict.low, verdict.high)
    if None not in ends:
        parts.append(f"{with_sign(ends[0])} to {with_sign(ends[1])}")
    return "; ".join(parts)


def _links(page: Elsewhere, command: str) -> str:
    """Where the page is, and the next command; one that is too long to be whole is left out."""
    lines = [f"Page: {_link(page)}", f"Next: {_code(command)}" if command else ""]
    return "\n\n".join(line for line in lines if 0 < len(line) <= LIMIT // 4)


def _link(page: Elsewhere) -> str:
    """A link where it leads into the web; `javascript:` and paths of a machine's own stay text."""
    if not re.fullmatch(r"https?://[!-~]+", page.place):
        return _code(page.place)
    return f"[{_plain(page.words)}](<{page.place.replace('<', '%3C').replace('>', '%3E')}>)"


def _code(text: str) -> str:
    """Inline code, in which no character has a meaning in Markdown."""
    return f"`{' '.join(text.split()).replace('`', chr(39))}`"


def _plain(text: str, longest: int = CELL) -> str:
    """Text of which nothing is read as Markdown or HTML, mentions nobody, and links to nothing."""
    line = "".join(character if character.isprintable() else "\ufffd" for character in " ".join(text.split()))
    line = line if len(line) <= longest else f"{line[: longest - 1]}…"
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # An underscore inside a word means nothing, and names are full of them.
    line = re.sub(r"[\\`*{}\[\]~|!]|(?<![^\W_])_|_(?![^\W_])", r"\\\g<0>", line)
    # GitHub looks for these in what is shown; a space of no width breaks them up.
    line = re.sub(r"@|#|:(?=//)|www|gh-", r"\g<0>&#8203;", line, flags=re.IGNORECASE)
    return line.replace("$", "&#36;")
