"""Tables for the terminal: alignment, wrapping, and colours are decided here, for every command and for pytest.

A row is its names, its numbers, and a note of any length. The note stands at the end of the row, or below it where
little room is left. Where names and numbers do not fit into one line, the numbers go into a line of their own, still
below their headings. A table without notes that is too wide is split into several, which all begin with the first
column. Nothing is ever cut off, and a path that is longer than a line stays whole, so that it can be copied.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TextIO

from sdeval.errors import CannotWrite, NobodyReads, escaped

if TYPE_CHECKING:
    from rich.console import RenderableType

PLAIN_WIDTH = 120
"""Characters in a line where the output is no terminal and COLUMNS is not set, as in the log of a CI job."""
UNLIMITED = 10_000
LEAST_WIDTH = 60
NOTE_WIDTH = 50
"""A note that needs more than one line stands at the end of its row only where there is this much room."""
INDENT = 4
"""Of a note below its row."""
GAP = 2
"""Between two columns."""
MISSING = ("", "–")
_DOWNLOAD = re.compile(r"\bhf download \S+(?: --\S+ \S+)*")
_NO_BREAK = "\ue000"
"""Stands for a space at which no line ends: of a character for private use, which no text has."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of names, or of numbers, which are aligned at their right."""

    name: str = ""
    numeric: bool = False
    width: int = 0
    """At least this many characters."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row."""

    cells: Sequence[str]
    note: str = ""
    """What else there is to say, of any length."""
    colour: str = ""
    """A colour of rich, such as `red`."""
    below: bool = False
    """Whether the note has lines of its own, however much room there is beside the row."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns, those of names first, and rows in the order in which they are shown."""

    columns: Sequence[Column]
    rows: Sequence[Row]
    title: str = ""
    note_name: str = ""
    """Heading of the notes."""
    indent: int = 0
    """Spaces before every line."""

    @property
    def heading(self) -> Row:
        """The names of the columns."""
        return Row([column.name for column in self.columns], self.note_name, "bold")

    @property
    def has_notes(self) -> bool:
        """Whether any row has a note."""
        return any(row.note for row in self.rows)


def show(table: Table) -> None:
    """Print a table; every row is one line in a file or a pipe, so that grep finds all of it."""
    show_lines(lines(table, terminal_width(default=UNLIMITED), colour=has_colour()))


def show_lines(shown: Sequence[str]) -> None:
    """Print lines that may hold colours; whoever makes them escapes the texts in them."""
    _print("\n".join(shown), None)


def say(text: str = "", file: TextIO | None = None) -> None:
    """Print a text of which nothing controls the terminal, on the standard output unless another stream is given."""
    _print(escaped(text), file)


def _print(text: str, file: TextIO | None) -> None:
    """Print at once.

    Raises:
        CannotWrite: the stream is full or closed.
        NobodyReads: the program that reads it has ended.
    """
    try:
        print(text, file=file, flush=True)
    except BrokenPipeError:
        raise NobodyReads("the output cannot be printed: nobody reads it any more") from None
    # ValueError: it was closed by this process.
    except (OSError, ValueError) as error:
        raise CannotWrite(f"the output cannot be printed: {getattr(error, 'strerror', None) or error}") from None


def terminal_width(default: int = PLAIN_WIDTH) -> int:
    """Characters in a line of the standard output, which COLUMNS overrides.

    Args:
        default: width if the standard output is not a terminal.
    """
    return max(LEAST_WIDTH, shutil.get_terminal_size((default, 24)).columns)


def has_colour() -> bool:
    """Whether the standard output is a terminal with colours, and NO_COLOR is not set."""
    from rich.console import Console

    console = Console()
    return console.color_system in ("standard", "256", "truecolor") and not console.no_color


Styled = tuple[str, str]
"""A line, and its style."""


def wrapped(text: str, width: int, indent: int = 0) -> list[str]:
    """A text as lines of a terminal, of which all but the first are indented; what would control it is escaped."""
    first, *more = _wrap(escaped(text), width - indent) or [""]
    return [first, *(" " * indent + line for line in more)]


def coloured(text: str, style: str) -> str:
    """A line with the escape sequences of a style of rich, such as `bold red`."""
    from rich.color import ColorSystem
    from rich.style import Style

    return Style.parse(style).render(text, color_system=ColorSystem.STANDARD)


def lines(table: Table, width: int, *, colour: bool = False) -> list[str]:
    """The lines of a table.

    Args:
        table: what to show.
        width: characters in a line.
        colour: whether lines hold the escape sequences of colours.
    """
    table, room = _escaped(table), width - table.indent
    widths = _widths(table)
    parts = [list(range(len(widths)))]
    if _total(widths) > room and not table.has_notes:
        widths, parts = _split(widths, room)
    title = [(table.title, "bold")] if table.title else []
    shown = [*title, *_lines_of(_part(table, parts[0]), [widths[at] for at in parts[0]], room)]
    for part in parts[1:]:
        shown += [("", ""), *_lines_of(_part(table, part), [widths[at] for at in part], room)]
    return [" " * table.indent + (coloured(text, style) if colour else text) for text, style in shown]


def _escaped(table: Table) -> Table:
    """The table with texts of which nothing controls a terminal."""
    rows = [replace(row, cells=list(map(escaped, row.cells)), note=escaped(row.note)) for row in table.rows]
    columns = [replace(column, name=escaped(column.name)) for column in table.columns]
    return replace(table, columns=columns, rows=rows, title=escaped(table.title), note_name=escaped(table.note_name))


def _widths(table: Table) -> list[int]:
    """As wide as every column must be for its longest line."""
    return [
        max(column.width, *(_length(cell) for cell in cells))
        for column, *cells in zip(table.columns, table.heading.cells, *(row.cells for row in table.rows), strict=True)
    ]


def _length(text: str) -> int:
    """Characters of the longest line, as wide as a terminal shows them."""
    from rich.cells import cell_len

    return max(map(cell_len, text.split("\n")))


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * max(0, len(widths) - 1)


def _split(widths: Sequence[int], width: int) -> tuple[list[int], list[list[int]]]:
    """How wide columns are, and which of them stand beside each other: the first is everywhere, and may wrap."""
    first = min(widths[0], max(width // 3, width - GAP - max(widths[1:], default=0)))
    parts = [[0]]
    for column in range(1, len(widths)):
        together = [first, *(widths[index] for index in (*parts[-1][1:], column))]
        if len(parts[-1]) > 1 and _total(together) > width:
            parts.append([0])
        parts[-1].append(column)
    return [first, *widths[1:]], parts


def _part(table: Table, part: Sequence[int]) -> Table:
    """Some columns of a table."""
    rows = [replace(row, cells=[row.cells[index] for index in part]) for row in table.rows]
    return Table([table.columns[index] for index in part], rows, note_name=table.note_name)


def _lines_of(table: Table, widths: Sequence[int], width: int) -> list[Styled]:
    """The heading, unless nothing has a name, and all rows."""
    layout = _Layout.of(table.columns, widths, width)
    beside = [layout.is_beside(row) for row in table.rows]
    has_names = any((*table.heading.cells, table.note_name))
    heading = Row(table.heading.cells, table.note_name if any(beside) else "", table.heading.colour)
    rows = [heading, *table.rows] if has_names else table.rows
    return [(text, row.colour) for row in rows for text in layout.lines(row)]


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the parts of every row stand."""

    columns: Sequence[Column]
    widths: Sequence[int]
    width: int
    """Of the whole line."""
    names: int
    """How many columns of names there are before the first of numbers."""
    start: int
    """Where numbers begin."""

    @classmethod
    def of(cls, columns: Sequence[Column], widths: Sequence[int], width: int) -> _Layout:
        """Every column as wide as it must be; where that is too much, numbers stand at the right of the line."""
        names = next((at for at, column in enumerate(columns) if column.numeric), len(columns))
        natural = _total(widths[:names]) + GAP
        furthest = width - _total(widths[names:]) if names < len(widths) else width + GAP
        return cls(columns, widths, width, names, min(natural, max(INDENT, furthest)))

    @property
    def room(self) -> int:
        """For a note at the end of a row."""
        numbers = self.widths[self.names :]
        return self.width - self.start - (_total(numbers) + GAP if numbers else 0)

    def is_beside(self, row: Row) -> bool:
        """Whether the note of a row stands at its end."""
        has_room = self.room >= NOTE_WIDTH or _length(row.note) <= self.room
        return bool(row.note) and has_room and not row.below

    def lines(self, row: Row) -> list[str]:
        """A row, with its note."""
        if self.is_beside(row):
            return self._cells(row, row.note)
        return [*self._cells(row), *(line for text in row.note.split("\n") if text for line in self._below(text))]

    def _cells(self, row: Row, note: str = "") -> list[str]:
        """Names and numbers in one line, or in two."""
        *first, last = row.cells[: self.names]
        needed = _total([*self.widths[: len(first)], _length(last)])
        if needed + GAP <= self.start:
            size = self.start - GAP - _total([*self.widths[: len(first)], 0])
            widths = [*self.widths[: len(first)], size, *self.widths[self.names :]]
            return _align(self.columns, widths, row.cells, note, self.room)
        return [*self._names(row, needed), *self._numbers(row)]

    def _names(self, row: Row, needed: int) -> list[str]:
        """The names alone, in one line where that is possible; otherwise the last one stands below the others."""
        names = row.cells[: self.names]
        if needed <= self.width:
            return _align(self.columns[: self.names], [*self.widths[: self.names - 1], _length(names[-1])], names)
        *first, last = names
        widths = self.widths[: len(first)]
        if _total(widths) <= self.width:
            return [*_align(self.columns[: len(first)], widths, first), *self._below(last)]
        return [*_wrap((" " * GAP).join(first), self.width), *self._below(last)]

    def _numbers(self, row: Row) -> list[str]:
        """The numbers alone, below their headings; nothing where all are missing."""
        numbers = row.cells[self.names :]
        if all(cell in MISSING for cell in numbers):
            return []
        texts = _align(self.columns[self.names :], self.widths[self.names :], numbers)
        return [" " * self.start + text for text in texts]

    def _below(self, note: str) -> list[str]:
        return [" " * INDENT + text for text in _wrap(note, self.width - INDENT)]


def _align(
    columns: Sequence[Column], widths: Sequence[int], cells: Sequence[str], note: str = "", room: int = 0
) -> list[str]:
    """Cells beside each other; a note wraps inside its column."""
    from rich.table import Table as Grid
    from rich.text import Text

    grid = Grid.grid(padding=(0, GAP, 0, 0))
    for column, width in zip(columns, widths, strict=True):
        grid.add_column(justify="right" if column.numeric else "left", width=width, overflow="fold")
    if note:
        grid.add_column(width=room, overflow="fold")
    grid.add_row(*map(Text, (*cells, note) if note else cells))
    return _render(grid, _total([*widths, room]))


def _wrap(text: str, width: int) -> list[str]:
    """Lines of words; of what is longer than a line, a path and a download command stay whole."""
    from rich.console import Console
    from rich.text import Text

    joined = _DOWNLOAD.sub(lambda match: match[0].replace(" ", _NO_BREAK), text)
    has_path = any("/" in word and _length(word) > width for word in joined.split())
    wrapped_text = Text(joined).wrap(Console(width=width), width, overflow="ignore" if has_path else "fold")
    return [line.plain.rstrip().replace(_NO_BREAK, " ") for line in wrapped_text]


def _render(renderable: RenderableType, width: int) -> list[str]:
    """What rich makes of it, line by line, without colours and without spaces at the end."""
    from io import StringIO

    from rich.console import Console

    console = Console(file=StringIO(), width=width, color_system=None, force_terminal=False, legacy_windows=False)
    rendered = console.render_lines(renderable, pad=False)
    return ["".join(segment.text for segment in line).rstrip() for line in rendered]
