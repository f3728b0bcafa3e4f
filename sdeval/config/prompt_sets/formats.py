"""Readers of published files: each turns the text of one file into prompts, and raises `FormatError` alone."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sdeval._utils.files import parse_json
from sdeval._utils.validation import label, preview
from sdeval.config.expected_objects import ExpectedObject

TOO_DEEP = "not JSON that is read: lists or objects in it are nested too deeply"
T = TypeVar("T")


class FormatError(ValueError):
    """A file is not in the format of the set."""

    def __init__(self, line: int, reason: object) -> None:
        super().__init__(str(reason))
        self.line = line


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt of a published file."""

    line: int
    key: str
    """Tells it apart from the others of its file: the set's own id, or else its number in the file."""
    text: str
    fields: Mapping[str, str] = field(default_factory=dict)
    """What the set says about it, such as its category."""
    case: Mapping[str, Any] = field(default_factory=dict)
    """Further fields of its case, such as the text that the image shall show."""
    images: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    """What gives the file of each image of its case, by field."""


Reader = Callable[[str], Iterator[Prompt]]


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of a table, or one object of JSON Lines."""

    line: int
    number: int
    """Of the row, from 1 on."""
    cells: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A cell that must not be empty."""
        value = self._cell(name)
        if not isinstance(value, str):
            raise FormatError(self.line, f"{name}: must be text, got {preview(value)}")
        if not value.strip():
            raise FormatError(self.line, f"{name}: is empty")
        return value

    def key(self, name: str) -> str:
        """A cell that is a number or text."""
        value = self._cell(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return self.text(name)

    def texts(self, name: str) -> list[str]:
        """A cell that is a list of texts."""
        value = self._cell(name)
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise FormatError(self.line, f"{name}: must be a list of texts, got {preview(value)}")
        return value

    def _cell(self, name: str) -> Any:
        if name not in self.cells:
            names = preview([label(other) for other in self.cells if other])
            raise FormatError(self.line, f"there is no {name!r} among {names}")
        return self.cells[name]


def numbered(number: int) -> str:
    """The key of a prompt that has no id of its own.

    Example:
        >>> numbered(7)
        '0007'
    """
    return f"{number:04d}"


def read_lines(text: str) -> Iterator[Prompt]:
    """One prompt a line; its number is that of its line, and empty lines are left out."""
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield Prompt(number, numbered(number), line.strip())


def read_quoted(text: str) -> Iterator[Prompt]:
    """One prompt a line, each with the text that the image shall show, in quotes."""
    for prompt in read_lines(text):
        yield replace(prompt, case={"text": tuple(filter(_has_letters, re.findall('"([^"]*)"', prompt.text)))})


def read_texts(text: str) -> Iterator[Prompt]:
    """A list of prompts, as JSON."""
    for number, prompt in enumerate(_json(text, list), 1):
        if not isinstance(prompt, str) or not prompt.strip():
            raise FormatError(1, f"prompt {number}: must be text, got {preview(prompt)}")
        yield Prompt(1, numbered(number), prompt.strip())


def read_mjhq(text: str) -> Iterator[Prompt]:
    """MJHQ-30K: one JSON object, with prompts and categories by id."""
    for number, (key, cells) in enumerate(_json(text, dict).items(), 1):
        if not isinstance(cells, dict):
            raise FormatError(1, f"{label(key)}: must be a JSON object, got {preview(cells)}")
        row = _Row(1, number, cells)
        yield Prompt(1, key, row.text("prompt"), {"category": row.text("category")})


def read_whole(text: str) -> Iterator[Prompt]:
    """One prompt a file, named after the file."""
    if not text.strip():
        raise FormatError(1, "is empty")
    yield Prompt(1, "", text.strip())


def read_parti(text: str) -> Iterator[Prompt]:
    """PartiPrompts: a table with tabs, in which quotes are part of the prompt."""
    for row in _table(text, "\t", quoted=False):
        fields = {"category": row.text("Category"), "challenge": row.text("Challenge")}
        yield Prompt(row.line, numbered(row.number), row.text("Prompt"), fields)


def read_coco(text: str) -> Iterator[Prompt]:
    """Captions of MLPerf: a table with tabs, in which cells with quotes are quoted."""
    for row in _table(text, "\t", quoted=True):
        yield Prompt(row.line, row.key("id"), row.text("caption"))


def read_gecko(text: str) -> Iterator[Prompt]:
    """Gecko: CSV. `dataset_id` is `SKILL:SUB_SKILL` in Gecko(S), and `SOURCE_NUMBER` in Gecko(R)."""
    for row in _table(text, ",", quoted=True):
        skill, _, sub_skill = row.text("dataset_id").partition(":")
        fields = {"type": row.text("prompt_type"), "skill": re.sub(r"_\d+$", "", skill)}
        fields |= {"sub_skill": sub_skill} if sub_skill else {}
        yield Prompt(row.line, row.key("prompt_id"), row.text("prompt"), fields)


def read_geneval(text: str) -> Iterator[Prompt]:
    """GenEval: JSON Lines, with a tag that says what is asked for, and the objects that are."""
    for row in _json_lines(text):
        prompt = Prompt(row.line, numbered(row.number), row.text("prompt"), {"tag": row.text("tag")})
        try:
            yield replace(prompt, case={"objects": tuple(map(str, _geneval_objects(row.cells)))})
        except (LookupError, TypeError, ValueError, AttributeError):
            raise FormatError(row.line, "include and exclude are not the rules of GenEval") from None


def _geneval_objects(cells: Mapping[str, Any]) -> Iterator[ExpectedObject]:
    """The rules of a line; to exclude more than are included is to ask for exactly as many."""
    included = cells["include"]
    excluded = {rule["class"]: int(rule["count"]) for rule in cells.get("exclude", [])}
    for rule in included:
        position, other = rule.get("position", (None, 0))
        yield ExpectedObject(
            rule["class"],
            int(rule["count"]),
            exact=excluded.get(rule["class"]) == int(rule["count"]) + 1,
            color=rule.get("color", ""),
            position=position,
            other=included[other]["class"] if position else "",
        )


def read_longtext(text: str) -> Iterator[Prompt]:
    """LongText-Bench: JSON Lines, with ids."""
    for row in _json_lines(text):
        fields = {"category": row.text("category"), "length": row.text("length")}
        prompt = Prompt(row.line, row.key("prompt_id"), row.text("prompt"), fields)
        yield replace(prompt, case={"text": tuple(filter(_has_letters, row.texts("text")))})


def _has_letters(text: str) -> bool:
    return any(map(str.isalnum, text))


def _json(text: str, kind: type[T]) -> T:
    """A whole file that is one list, or one object."""
    try:
        content = parse_json(text)
    except RecursionError:
        raise FormatError(1, TOO_DEEP) from None
    except ValueError as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
        raise FormatError(line, f"not JSON: {getattr(error, 'msg', error)}") from None
    if not isinstance(content, kind):
        noun = "list" if kind is list else "object"
        raise FormatError(1, f"must be a JSON {noun}, got {preview(content)}")
    return content


def _table(text: str, separator: str, *, quoted: bool) -> Iterator[_Row]:
    # As in case files, lines end with \n or \r\n only: a prompt may hold what Unicode counts as a line break.
    rows = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=separator,
        strict=True,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
    )
    line = 1
    try:
        names = next(rows, [])
        line = rows.line_num + 1
        number = 0
        for cells in rows:
            if any(map(str.strip, cells)):
                number += 1
                yield _Row(line, number, _named(names, cells, line))
            line = rows.line_num + 1
    except csv.Error as error:
        raise FormatError(line, error) from None


def _named(names: list[str], cells: list[str], line: int) -> Mapping[str, str]:
    if len(cells) != len(names):
        raise FormatError(line, f"has {len(cells)} cells; the first line has {len(names)}")
    return dict(zip(names, cells, strict=True))


def _json_lines(text: str) -> Iterator[_Row]:
    number = 0
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        number += 1
        try:
            cells = parse_json(content)
        except RecursionError:
            raise FormatError(line, TOO_DEEP) from None
        except ValueError as error:
            message = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else error
            raise FormatError(line, f"not JSON: {message}") from None
        if not isinstance(cells, dict):
            raise FormatError(line, f"must be a JSON object, got {preview(cells)}")
        yield _Row(line, number, cells)
