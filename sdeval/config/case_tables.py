"""Cases in tables: CSV as spreadsheets save it, TSV as prompt sets have it. What is harmless is read."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sdeval._utils.validation import preview
from sdeval.config.case import Case
from sdeval.errors import SdevalError, unknown

MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
"""How texts begin that say their encoding: "Unicode text" of Excel is UTF-16."""
SEPARATORS = (",", "\t", ";")
FIELDS = tuple(field.name for field in fields(Case) if field.name != "origin")
"""What a case of a file may hold."""
NEEDED = {"id", "prompt"}
"""Columns that every table has."""
_QUOTED_CELL = re.compile(r'"(?:[^"]|"")*"')

Rows = list[tuple[int, list[str]]]
"""The line that each begins in, and its cells."""


@dataclass(frozen=True, slots=True)
class Record:
    """One case as the file gives it; `lines` says where each field stands."""

    line: int
    fields: Mapping[str, Any]
    lines: Mapping[str, int]


def decode(content: bytes, path: Path) -> str:
    """The text of a case file: UTF-8, or UTF-16 that says so.

    Raises:
        SdevalError: it is in another encoding; says in which line that shows.
    """
    encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        guess = "perhaps Windows-1252, as Excel saves CSV" if encoding == "utf-8" else "although it begins as such"
        advice = "save it as UTF-8 (in Excel: CSV UTF-8)"
        raise SdevalError(f"{path}:{line}: is not {encoding.upper()}, {guess}; {advice}") from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise SdevalError(f"{path}:{line}: holds null characters, as UTF-16 without a mark does; save it as UTF-8")
    return text


def read_table(text: str, path: Path) -> Iterator[Record]:
    """The cases of a table: the first line names the columns, and every other one that is not empty is a case.

    Raises:
        SdevalError: a row does not fit the columns, or the columns are no case's; names the line.
    """
    declared = re.match(r"sep=(.)\r?\n", text)
    text = text[declared.end() :] if declared else text
    usual = declared[1] if declared else "\t" if path.suffix == ".tsv" else ","
    separator = _separator(text, usual)
    rows = _rows(text, separator, path, quoted=separator != "\t" or _is_quoted(text, usual=separator))
    rows = [(line + bool(declared), cells) for line, cells in rows if any(map(str.strip, cells))]
    if not rows:
        return
    columns = _columns(rows[0][1], f"{path}:{rows[0][0]}")
    for line, cells in rows[1:]:
        _check_row(cells, columns, f"{path}:{line}")
        # An empty cell is a field that was not given.
        fields = {name: _cell(name, cell) for name, cell in zip(columns, cells, strict=False) if name and cell.strip()}
        yield Record(line, fields, {})


def _separator(text: str, usual: str) -> str:
    """What stands between cells: the usual, unless the first line names columns of a case with another one only."""
    first = next(iter(text.splitlines()), "")
    fitting = [mark for mark in (usual, *SEPARATORS) if set(map(_column, first.split(mark))) >= NEEDED]
    return fitting[0] if fitting else usual


def _column(cell: str) -> str:
    """The field that a column is meant to name: capitals, blanks and quotes do not matter."""
    return re.sub(r"[\s-]+", "_", cell.strip().strip('"').strip().lower())


def _columns(cells: Sequence[str], where: str) -> list[str]:
    """The names of the columns; empty for those without one."""
    columns = [_column(cell) for cell in cells]
    named = [name for name in columns if name]
    if len(set(named)) != len(named):
        raise SdevalError(f"{where}: a column name is there twice: {preview(named)}")
    for name in named:
        if name not in FIELDS:
            raise SdevalError(f"{where}: {unknown('field', name, FIELDS)}")
    missing = [name for name in ("id", "prompt") if name not in named]
    if missing:
        advice = f"the first line names the columns, and {' and '.join(missing)} must be among them"
        raise SdevalError(f"{where}: {missing[0]}: is missing; {advice}, got {preview(named)}")
    return columns


def _check_row(cells: Sequence[str], columns: Sequence[str], where: str) -> None:
    named = max(place for place, name in enumerate(columns, 1) if name)
    if len(cells) < named or any(map(str.strip, cells[len(columns) :])):
        raise SdevalError(f"{where}: has {len(cells)} fields; the header has {len(columns)}")
    for number, (name, cell) in enumerate(zip(columns, cells, strict=False), 1):
        if not name and cell.strip():
            raise SdevalError(f"{where}: column {number} has no name in the header, but holds {preview(cell)}")


def _cell(name: str, cell: str) -> str:
    """A cell; the blanks around it are part of texts only."""
    return cell if name.endswith("prompt") else cell.strip()


def _rows(text: str, separator: str, path: Path, *, quoted: bool) -> Rows:
    """All rows with the lines that they begin in.

    Raises:
        SdevalError: quotes do not fit.
    """
    # Lines end as files have it: a prompt may hold what Unicode counts as a line break.
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=separator,
        strict=True,
        skipinitialspace=quoted,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
    )
    rows: Rows = []
    line = 1
    try:
        for cells in reader:
            rows.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        advice = '; a cell that begins with a quote ends with one, and has "" for each inside' if quoted else ""
        raise SdevalError(f"{path}:{line}: {error}{advice}") from None
    return rows


def _is_quoted(text: str, usual: str) -> bool:
    """Whether a table without need for quotes clearly has them; otherwise a quote is part of a prompt.

    That is so where the first line is quoted, or where every cell that begins with a quote is a quoted one and one of
    them has a quote doubled inside.
    """
    lines = [line.rstrip("\r").split(usual) for line in text.split("\n")]
    cells = [cell for line in lines for cell in line if cell.startswith('"')]
    if all(_QUOTED_CELL.fullmatch(cell) for cell in lines[0]):
        return True
    return all(map(_QUOTED_CELL.fullmatch, cells)) and any('""' in cell[1:-1] for cell in cells)
