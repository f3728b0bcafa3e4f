"""Reads cases from YAML, CSV, TSV or JSON Lines; every error names file, line and field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from sdeval._utils.files import check_name, parse_json, read_bytes
from sdeval._utils.validation import check_fields, label, preview
from sdeval.config.case import IMAGES, TEXTS, Case
from sdeval.config.case_tables import FIELDS, Record, decode, read_table
from sdeval.errors import SdevalError, unknown

TABLES = (".csv", ".tsv")
LARGEST = 2**25
"""Bytes of a case file that is read: some 200,000 cases."""


def load_cases(path: str | Path) -> tuple[Case, ...]:
    """Read a case file; the format follows from its ending: `.yaml`, `.yml`, `.csv`, `.tsv` or `.jsonl`.

    A YAML file is a list of mappings; the others hold one case a line. The fields are those of `Case` (not
    `origin`); `image` and the like are paths relative to the file and stay inside its folder; `tags` are a list, or
    words with spaces or commas between them; `images`, `text`, `objects` and `questions` are a text or a list of them,
    in a table with `|` between them. A field that is empty in a table, or null, is not given.

    Raises:
        SdevalError: the file cannot be read, or something in it is wrong: `cases.yaml:7: strength: …`.
    """
    path = Path(path)
    readers = {".yaml": _yaml, ".yml": _yaml, ".csv": read_table, ".tsv": read_table, ".jsonl": _json_lines}
    if path.suffix not in readers:
        raise SdevalError(f"{path}: case files end in {', '.join(readers)}")
    check_name(path)
    text = decode(read_bytes(path, LARGEST), path)
    try:
        cases = tuple(_case(record, path) for record in readers[path.suffix](text, path))
    except RecursionError:
        raise SdevalError(f"{path}: lists or mappings in it are nested too deeply") from None
    if not cases:
        raise SdevalError(f"{path}: no cases in it; give it at least one")
    return cases


def _case(record: Record, path: Path) -> Case:
    values: dict[str, Any] = {}
    for name, raw in record.fields.items():
        where = _where(record, path, name)
        if name not in FIELDS:
            raise SdevalError(f"{where}: {unknown('field', name, FIELDS)}")
        if raw is None:
            continue
        try:
            values[name] = _READ.get(name, _as_it_is)(raw, path)
        except ValueError as error:
            raise SdevalError(f"{where}: {name}: {error}") from None
    check_fields(Case, values, lambda name: _where(record, path, name))
    if values.get("strength") is not None:
        # 1 and 1.0 are the same case.
        values["strength"] = float(values["strength"])
    return Case(**values, origin=f"{path}:{record.line}")


def _where(record: Record, path: Path, name: str) -> str:
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
        advice = f"; write {raw.replace(',', '.')}" if re.fullmatch(r"\d,\d+", raw) else ""
        raise ValueError(f"must be a number, got {preview(raw)}{advice}") from None


def _image(raw: Any, file: Path) -> Any:
    """A path seen from the file; an empty text is none."""
    if not isinstance(raw, str):
        return raw
    folder = file.parent.resolve()
    try:
        inside = (folder / raw).resolve()
    # A link that leads to itself.
    except (OSError, RuntimeError) as error:
        raise ValueError(f"{preview(raw)} cannot be followed: {error}") from None
    if not inside.is_relative_to(folder):
        raise ValueError(f"{preview(raw)} leads out of {folder}; keep images inside it")
    return inside if raw else None


def _images(raw: Any, file: Path) -> Any:
    """Paths as `_image` reads them: a list, or one; a cell of a table may hold several, with `|` between them."""
    paths = _texts(raw, file)
    return tuple(_image(path, file) for path in paths) if isinstance(paths, tuple) else paths


def _tags(raw: Any, _: Path) -> Any:
    """A list, or words with spaces or commas between them."""
    words = re.split(r"[\s,;]+", raw.strip(" ,;")) if isinstance(raw, str) else raw
    return tuple(filter(None, words)) if isinstance(words, list) else words


def _texts(raw: Any, file: Path) -> Any:
    """A list, or one text; a cell of a table may hold several, with `|` between them."""
    if not isinstance(raw, str):
        return tuple(raw) if isinstance(raw, list) else raw
    texts = raw.split("|") if file.suffix in TABLES else [raw]
    return tuple(filter(None, map(str.strip, texts)))


_READ: Mapping[str, Callable[[Any, Path], Any]] = {
    **dict.fromkeys(IMAGES, _image),
    "images": _images,
    "strength": _number,
    **dict.fromkeys(TEXTS, _texts),
    "tags": _tags,
}
"""How fields are written that are no text."""


def _yaml(text: str, path: Path) -> Iterator[Record]:
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
    if _written_out(root, {}) > LARGEST:
        raise SdevalError(f"{path}: its aliases (*) repeat too much: more than {LARGEST // 2**20} MiB, written out")
    for node in root.value:
        yield _yaml_record(node, path)


def _written_out(node: yaml.Node, sizes: dict[int, int]) -> int:
    """Characters of a node with every alias written out; one that stands in itself has no end.

    Args:
        node: of a document.
        sizes: those of the nodes that were looked at, by their id.
    """
    if id(node) not in sizes:
        sizes[id(node)] = LARGEST + 1
        inner = [node.value] if isinstance(node, yaml.ScalarNode) else node.value
        parts = [part for value in inner for part in (value if isinstance(value, tuple) else (value,))]
        sizes[id(node)] = 1 + sum(len(part) if isinstance(part, str) else _written_out(part, sizes) for part in parts)
    return sizes[id(node)]


def _yaml_record(node: yaml.Node, path: Path) -> Record:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        raise SdevalError(f"{path}:{line}: a case must be a mapping such as '- id: red-circle'")
    constructor = yaml.constructor.SafeConstructor()
    fields: dict[str, Any] = {}
    lines: dict[str, int] = {}
    for key, value in node.value:
        name, here = key.value, key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise SdevalError(f"{path}:{here}: the name of a field must be text")
        # YAML itself lets a later key overwrite an earlier one in silence.
        if name in fields:
            raise SdevalError(f"{path}:{here}: {label(name)}: is there twice in this case, first at line {lines[name]}")
        try:
            fields[name] = constructor.construct_object(value, deep=True)
        # Of a text with a tag, such as !!int, PyYAML raises whatever it stumbles over.
        except Exception as error:
            reason = getattr(error, "problem", None) or error
            raise SdevalError(f"{path}:{here}: {label(name)}: {reason}") from None
        lines[name] = here
    return Record(line, fields, lines)


def _json_lines(text: str, path: Path) -> Iterator[Record]:
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        try:
            fields = parse_json(content)
        except ValueError as error:
            message = f"{error.msg} at column {error.colno}" if isinstance(error, json.JSONDecodeError) else error
            listed = "; a JSON list is no JSON Lines: write one object a line" if content.strip() == "[" else ""
            raise SdevalError(f"{path}:{line}: not JSON: {message}{listed}") from None
        if not isinstance(fields, dict):
            raise SdevalError(f'{path}:{line}: must be an object such as {{"id": "red-circle", "prompt": "…"}}')
        yield Record(line, fields, {})
