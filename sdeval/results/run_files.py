"""The files of a run folder, checked as they are read: what they hold is what the rest may rely on."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from typing_extensions import TypedDict

from sdeval._utils.files import read_json
from sdeval._utils.validation import JSON_ONLY, Extensible, Number, Plain, from_json, keeps_extra_keys, shown
from sdeval.config.suite import Task
from sdeval.errors import SdevalError
from sdeval.metrics.base import Features
from sdeval.results import upgrade
from sdeval.results.records import MetricRecord, SetScore

SCHEMA = 2


@keeps_extra_keys
class Request(TypedDict):
    """What was asked of a run; another key of an older or a later version is kept."""

    cases: int
    seeds: Sequence[int]
    rounds: Sequence[Sequence[int]]
    settings: Mapping[str, Any]
    unscored: Mapping[str, str]


@keeps_extra_keys
class Environment(TypedDict, total=False):
    """What a run was generated on; other keys are kept."""

    hardware: str
    packages: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHeader(Extensible):
    """What `run.json` holds: a run but for its samples."""

    schema: Literal[2]
    """Goes up when a field changes its meaning or goes away; new fields leave it as it is."""
    suite: str
    """Name of the suite."""
    task: Task
    """What the pipeline does."""
    target: str
    """Name of what generated."""
    request: Annotated[Request, JSON_ONLY]
    """Number of cases, seeds, seeds of every round that the suite allows, and the settings of the pipeline call."""
    generated_by: Mapping[str, Plain]
    """The target's fields, its pipeline and its scheduler."""
    metrics: Mapping[str, MetricRecord]
    """By name: how each metric scored."""
    set_scores: Mapping[str, SetScore]
    """By metric: metrics of the whole set."""
    environment: Annotated[Environment, JSON_ONLY]
    """Hardware, versions, and what else the images may depend on."""
    complete: bool
    """Whether every sample of the suite is in it."""
    peak_memory_bytes: int
    """Largest memory held: on an accelerator what tensors took, otherwise what the process did."""
    peak_reserved_bytes: int = 0
    """On an accelerator: what was reserved for tensors."""
    load_seconds: Number = 0.0
    """To read the weights; 0 where they were in memory already."""
    notes: tuple[str, ...] = ()
    """What a reader of its verdicts must know besides, a line each; a baseline has none."""


def read_header(path: Path) -> tuple[RunHeader, bool]:
    """What `run.json` holds, and whether it is of schema 1, as the other files are then.

    Raises:
        SdevalError: it is missing, of another schema, or corrupt.
    """
    where = f"{path}: is corrupt"
    content = read_json(path, f"{path.parent}: no run in it: {path.name} is missing")
    found = content.get("schema") if isinstance(content, dict) else None
    if found not in (1, SCHEMA) or isinstance(found, bool):
        raise SdevalError(f"{path}: has schema {shown(found)}; this version of sdeval reads 1 and {SCHEMA}")
    text = json.dumps(upgrade.run_header(content)) if found == 1 else path.read_bytes()
    header = from_json(RunHeader, text, where)
    for name in (header.suite, header.target):
        if not re.fullmatch(r"[a-z0-9]+([.-][a-z0-9]+)*", name):
            raise SdevalError(f"{where}: {shown(name)} is no name")
    request = header.request
    if not request["seeds"] or not request["rounds"] or not all(request["rounds"]):
        raise SdevalError(f"{where}: asked: seeds and looks must not be empty")
    return header, found == 1


def read_lines(path: Path) -> list[tuple[str, str]]:
    """The lines of a file that holds JSON on each, and how messages about each begin.

    Raises:
        SdevalError: the file cannot be read.
    """
    try:
        # Not splitlines: prompts may hold what Unicode counts as a line break.
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SdevalError(f"{path}: cannot be read: {error}") from None
    return [(f"{path}:{number}: is corrupt", line) for number, line in enumerate(lines, 1)]


def json_lines(path: Path) -> list[dict[str, Any]]:
    """The objects of a file that holds one a line, whatever is in them.

    Raises:
        SdevalError: the file cannot be read, or a line is no object.
    """
    values = []
    for where, line in read_lines(path):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise SdevalError(f"{where}: {error}") from None
        if not isinstance(value, dict):
            raise SdevalError(f"{where}: not an object")
        values.append(value)
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
        raise SdevalError(f"{path}: is corrupt: {said}") from None
    if values.ndim != 2 or len(values) != rows or values.dtype.kind != "f":
        raise SdevalError(f"{path}: is corrupt: {values.shape} {values.dtype} features for {rows} samples")
    return np.asarray(values, dtype=np.float32)
