"""Files that appear whole or not at all: written aside, then renamed; and how they are named to people."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from sdeval.errors import SdevalError


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content`; a reader, or a machine that stops half-way, sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        aside.write_bytes(content)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_text(path: Path, content: str) -> None:
    """`write_bytes` for text in UTF-8."""
    write_bytes(path, content.encode("utf-8"))


def read_json(path: Path, missing: str) -> Any:
    """What a JSON file holds.

    Args:
        path: of the file.
        missing: what is said where there is none.

    Raises:
        SdevalError: there is no such file, or it is corrupt.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SdevalError(missing) from None
    # What is not UTF-8, and numbers of thousands of digits, are ValueErrors too.
    except (OSError, ValueError, RecursionError) as error:
        raise SdevalError(f"{path}: is corrupt: {error}") from None


def short(path: Path) -> Path:
    """A path as seen from here, where it lies below."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def dump_json(value: Any) -> str:
    """JSON as files of this project hold it: sorted keys, indented, no NaN, a line break at the end."""
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def dump_line(value: Any) -> str:
    """One JSON object on one line, keys in the order given."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"
