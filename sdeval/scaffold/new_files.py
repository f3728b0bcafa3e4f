"""New files in a project: whatever exists already is left as it is, and named."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sdeval._utils.files import read_text, write_bytes, writing
from sdeval.errors import SdevalError


@dataclass(slots=True)
class Report:
    """What became of the files that were to be written."""

    written: list[Path] = field(default_factory=list)
    extended: list[Path] = field(default_factory=list)
    """Files to which something was added at the end."""
    left: dict[Path, str] = field(default_factory=dict)
    """Files that were left as they are, and why."""


def write_new(root: Path, files: Mapping[str, str | bytes], report: Report) -> None:
    """Write the files that are not there yet.

    Args:
        root: the folder that their names are seen from.
        files: contents by name.
        report: gets what became of each.

    Raises:
        CannotWrite: the disk is full, a right is missing, or a file lies where a folder is needed.
    """
    for name, content in files.items():
        path = root / name
        # Also a link that leads nowhere: writing would replace it.
        if os.path.lexists(path):
            report.left[path] = "is there already"
            continue
        write_bytes(path, content.encode("utf-8") if isinstance(content, str) else content)
        report.written.append(path)


def add_lines(path: Path, lines: Sequence[str], report: Report) -> None:
    """Add the lines that a file does not have yet to its end; the file is made where there is none."""
    present = {line.strip() for line in _text(path).splitlines()}
    missing = [line for line in lines if line not in present]
    if missing:
        _append(path, "".join(f"{line}\n" for line in missing), report)
    else:
        report.left[path] = f"has {' and '.join(lines)} already"


def add_table(path: Path, names: Sequence[str], text: str, report: Report) -> None:
    """Add a table to the end of a TOML file that has none of this name; the file is made where there is none.

    Args:
        path: of the file.
        names: of the table, from the outermost to its own.
        text: of the table, with its heading.
        report: gets what became of it.

    Raises:
        SdevalError: the file is no TOML.
    """
    before, heading = _text(path), ".".join(names)
    if _has(_parsed(path, before), names):
        report.left[path] = f"has [{heading}] already"
        return
    addition = text if not before else f"\n{text}"
    try:
        tomllib.loads(f"{_with_end(before)}{addition}")
    # For example, `tool = {…}`: such a table cannot be extended further down.
    except tomllib.TOMLDecodeError:
        report.left[path] = f"cannot take [{heading}] at its end; add it yourself: {' '.join(text.split())}"
        return
    _append(path, addition, report)


def _parsed(path: Path, text: str) -> Mapping[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SdevalError(f"{path}: is not TOML: {error}") from None


def _has(content: object, names: Sequence[str]) -> bool:
    for name in names:
        if not isinstance(content, Mapping) or name not in content:
            return False
        content = content[name]
    return True


def _text(path: Path) -> str:
    return read_text(path) if os.path.lexists(path) else ""


def _with_end(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def _append(path: Path, addition: str, report: Report) -> None:
    """Add a text to a file in place, so that links to it and its rights stay; with the line ends that it has."""
    existed, before = os.path.lexists(path), _text(path)
    ending = _with_end(before)[len(before) :]
    line_end = "\r\n" if "\r\n" in before else "\n"
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", newline=line_end) as file:
            file.write(ending + addition)
    (report.extended if existed else report.written).append(path)
