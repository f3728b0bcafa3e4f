"""Reads cases from YAML, CSV, TSV or JSON Lines; every error names file, line and field."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from sdeval._utils.validation import check_fields, preview
from sdeval.config.suite import Case
from sdeval.errors import SdevalError, unknown


@dataclass(frozen=True, slots=True)
class _Record:
    """One case as the file gives it; `lines` has the line number of each field."""

    line: int
    fields: Mapping[str, Any]
    lines: Mapping[str, int]


def load_cases(path: str | Path) -> tuple[Case, ...]:
    """Read a case file; the format follows from its ending: `.yaml`, `.yml`, `.csv`, `.tsv` or `.jsonl`.

    A YAML file is a list of mappings; the others hold one case a line. The fields are those of `Case` (not
    `origin`); `image` and `mask` are paths relative to the file and stay inside its folder; `tags` are a list, or
    words with spaces between them.

    Raises:
        SdevalError: the file cannot be read, or something in it is wrong: `cases.yaml:7: strength: …`.
    """
    path = Path(path)
    readers = {".yaml": _yaml, ".yml": _yaml, ".csv": _table(","), ".tsv": _table("\t"), ".jsonl": _json_lines}
    if path.suffix not in readers:
        raise SdevalError(f"{path}: case files end in {', '.join(readers)}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SdevalError(f"{path}: cannot be read: {error}") from None
    try:
        cases = tuple(_case(record, path) for record in readers[path.suffix](text, path))
    except RecursionError:
        raise SdevalError(f"{path}: lists or mappings in it are nested too deeply") from None
    if not cases:
        raise SdevalError(f"{path}: no cases in it; give it at least one")
    return cases


def _case(record: _Record, path: Path) -> Case:
    values: dict[str, Any] = {}
    for name, raw in record.fields.items():
        where = _where(record, path, name)
        if name not in FIELDS:
            raise SdevalError(f"{where}: {unknown('field', name, FIELDS)}")
        try:
            values[name] = _READ.get(name, _as_it_is)(raw, path)
        except ValueError as error:
            raise SdevalError(f"{where}: {name}: {error}") from None
    check_fields(Case, values, lambda name: _where(record, path, name))
    if values.get("strength") is not None:
        # 1 and 1.0 are the same case.
        values["strength"] = float(values["strength"])
    return Case(**values, origin=f"{path}:{record.line}")


def _where(record: _Record, path: Path, name: str) -> str:
    return f"{path}:{record.lines.get(name, record.line)}"


def _as_it_is(raw: Any, _: Path) -> Any:
    return raw


def _number(raw: Any, _: Path) -> Any:
    """A number that is written in quotes or in a table; an empty text is no number."""
    if not isinstance(raw, str):
        return raw
    try:
        return float(raw) if raw else None
    except ValueError:
        raise ValueError(f"must be a number, got {preview(raw)}") from None


def _image(raw: Any, file: Path) -> Any:
    """A path seen from the file; an empty text is none."""
    if not isinstance(raw, str):
        return raw
    folder = file.parent.resolve()
    inside = (folder / raw).resolve()
    if not inside.is_relative_to(folder):
        raise ValueError(f"{raw!r} leads out of {folder}; keep images inside it")
    return inside if raw else None


def _tags(raw: Any, _: Path) -> Any:
    """A list, or words with spaces between them."""
    words = raw.split() if isinstance(raw, str) else raw
    return tuple(words) if isinstance(words, list) else words


FIELDS = tuple(field.name for field in fields(Case) if field.name != "origin")
"""What a case of a file may hold."""
_READ: Mapping[str, Callable[[Any, Path], Any]] = {
    "image": _image,
    "mask": _image,
    "strength": _number,
    "tags": _tags,
}
"""How fields are written that are no text."""


def _yaml(text: str, path: Path) -> Iterator[_Record]:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise SdevalError(f"{path}{line}: not YAML: {getattr(error, 'problem', None) or error}") from None
    if root is None:
        return
    if not isinstance(root, yaml.SequenceNode):
        raise SdevalError(f"{path}:{root.start_mark.line + 1}: must be a list of cases, each beginning with '- id:'")
    for node in root.value:
        yield _yaml_record(node, path)


def _yaml_record(node: yaml.Node, path: Path) -> _Record:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        raise SdevalError(f"{path}:{line}: a case must be a mapping such as '- id: red-circle'")
    constructor = yaml.constructor.SafeConstructor()
    fields: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key, value in node.value:
        name, here = str(key.value), key.start_mark.line + 1
        # YAML itself lets a later key overwrite an earlier one in silence.
        if name in fields:
            raise SdevalError(f"{path}:{here}: {name}: is there twice in this case, first at line {lines[name]}")
        try:
            fields[name] = constructor.construct_object(value, deep=True)
        except (yaml.YAMLError, ValueError) as error:
            raise SdevalError(f"{path}:{here}: {name}: {getattr(error, 'problem', error)}") from None
        lines[name] = here
    return _Record(line, fields, lines)


def _table(separator: str) -> Callable[[str, Path], Iterator[_Record]]:
    def read(text: str, path: Path) -> Iterator[_Record]:
        rows = csv.reader(text.splitlines(keepends=True), delimiter=separator, strict=True)
        try:
            columns = next(rows, [])
            if len(set(columns)) != len(columns):
                raise SdevalError(f"{path}:1: a column name is there twice: {', '.join(columns)}")
            for row in rows:
                if not row:
                    continue
                if len(row) != len(columns):
                    raise SdevalError(f"{path}:{rows.line_num}: has {len(row)} fields; the header has {len(columns)}")
                # An empty cell is a field that was not given.
                fields = {name: cell for name, cell in zip(columns, row, strict=True) if cell != ""}
                yield _Record(rows.line_num, fields, {})
        except csv.Error as error:
            raise SdevalError(f"{path}:{rows.line_num}: {error}") from None

    return read


def _json_lines(text: str, path: Path) -> Iterator[_Record]:
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        try:
            fields = json.loads(content)
        except ValueError as error:
            message = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else error
            raise SdevalError(f"{path}:{line}: not JSON: {message}") from None
        if not isinstance(fields, dict):
            raise SdevalError(f'{path}:{line}: must be an object such as {{"id": "red-circle", "prompt": "…"}}')
        yield _Record(line, fields, {})
