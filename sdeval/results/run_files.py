"""The files of a run folder, checked as they are read: what they hold is what the rest may rely on."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sdeval._utils.files import read_json
from sdeval._utils.validation import Plain, check_table, shown
from sdeval.config.suite import Task
from sdeval.errors import SdevalError
from sdeval.metrics.base import Features

SCHEMA = 1

_HEADER: dict[str, Any] = {
    "suite": str,
    "task": Task,
    "target": str,
    "asked": Mapping[str, Plain],
    "drawn_by": Mapping[str, Plain],
    "metrics": Mapping[str, Mapping[str, Plain]],
    "set_scores": Mapping[str, Mapping[str, Plain]],
    "environment": Mapping[str, Plain],
    "complete": bool,
    "peak_memory_bytes": int,
}
_OPTIONAL: dict[str, Any] = {"notes": Sequence[str], "peak_reserved_bytes": int, "load_seconds": float}
_ASKED: dict[str, Any] = {
    "cases": int,
    "seeds": Sequence[int],
    "looks": Sequence[Sequence[int]],
    "settings": Mapping[str, Plain],
    "unscored": Mapping[str, str],
}
_ENVIRONMENT: dict[str, Any] = {"hardware": str, "packages": Mapping[str, str]}


def read_header(path: Path) -> Mapping[str, Any]:
    """What `run.json` holds.

    Raises:
        SdevalError: it is missing, of another schema, or damaged.
    """
    where = f"{path}: is damaged"
    header = read_json(path, f"{path.parent}: no run in it: {path.name} is missing")
    if not isinstance(header, dict) or header.get("schema") != SCHEMA:
        found = header.get("schema") if isinstance(header, dict) else None
        raise SdevalError(f"{path}: has schema {shown(found)}; this version of sdeval reads {SCHEMA}")
    check_table(header, {**_HEADER, **_OPTIONAL}, where, required=_HEADER)
    for name in (header["suite"], header["target"]):
        if not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", name):
            raise SdevalError(f"{where}: {shown(name)} is no name")
    asked = check_table(header["asked"], _ASKED, f"{where}: asked", required=_ASKED)
    if not asked["seeds"] or not asked["looks"] or not all(asked["looks"]):
        raise SdevalError(f"{where}: asked: seeds and looks must not be empty")
    check_table(header["environment"], _ENVIRONMENT, f"{where}: environment")
    return header


def json_lines(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """The objects of a file that holds one a line, and how messages about each begin.

    Raises:
        SdevalError: the file cannot be read, or a line is no object.
    """
    try:
        # Not splitlines: prompts may hold what Unicode counts as a line break.
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SdevalError(f"{path}: cannot be read: {error}") from None
    values = []
    for number, line in enumerate(lines, 1):
        where = f"{path}:{number}: is damaged"
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise SdevalError(f"{where}: {error}") from None
        if not isinstance(value, dict):
            raise SdevalError(f"{where}: not an object")
        values.append((where, value))
    return values


def npy(values: Features) -> bytes:
    """Features as a file holds them."""
    buffer = io.BytesIO()
    np.save(buffer, values.astype(np.float32), allow_pickle=False)
    return buffer.getvalue()


def read_features(path: Path, rows: int) -> Features:
    """Features of `rows` samples.

    Raises:
        SdevalError: the file cannot be read, or is of another number of samples.
    """
    try:
        with path.open("rb") as file:
            values = np.lib.format.read_array(file, allow_pickle=False)
    # Of bytes that are no array numpy raises whatever it stumbles over.
    except Exception as error:
        said = " ".join(str(error).split()) or type(error).__name__
        raise SdevalError(f"{path}: is damaged: {said}") from None
    if values.ndim != 2 or len(values) != rows or values.dtype.kind != "f":
        raise SdevalError(f"{path}: is damaged: {values.shape} {values.dtype} features for {rows} samples")
    return np.asarray(values, dtype=np.float32)
