"""Accepted speeds, by class of machine: a file beside the baseline, so that each machine adds its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from sdeval._utils.files import dump_json, exists, read_bytes, read_json, write_text
from sdeval._utils.validation import Checked, from_json
from sdeval.comparison.speed import Pace, pace_of
from sdeval.errors import SdevalError
from sdeval.results.run import Run

SCHEMA: Literal[1] = 1


@dataclass(frozen=True, slots=True)
class _File(Checked):
    """What the file holds."""

    schema: Literal[1]
    machines: Mapping[str, Pace]


class _OtherSchema(SdevalError):
    """Written by another version of sdeval."""


def path_of(baselines: Path, suite: str, target: str) -> Path:
    """Beside the baseline, which stays the same to the last byte on every machine."""
    return baselines / suite / f"{target}.speed.json"


def accept(run: Run, baselines: Path) -> None:
    """Keep the pace of a run for its class of machine; those of others stay."""
    pace, path = pace_of(run), path_of(baselines, run.suite, run.target)
    if pace is None:
        return
    machines = {**_read(path), hardware_of(run): pace}
    write_text(path, dump_json(asdict(_File(SCHEMA, machines))))


def find(baselines: Path, run: Run) -> Pace | None:
    """What was accepted for a run's suite and target on its class of machine.

    Raises:
        SdevalError: the file is corrupt.
    """
    path = path_of(baselines, run.suite, run.target)
    return _read(path).get(hardware_of(run))


def hardware_of(run: Run) -> str:
    """The class of machine that a run was generated on."""
    return str(run.environment.get("hardware", "unknown"))


def _read(path: Path) -> Mapping[str, Pace]:
    if not exists(path):
        return {}
    where = f"{path}: is corrupt"
    try:
        content = read_json(path, f"{where}: it is gone")
        if isinstance(content, dict) and content.get("schema", SCHEMA) != SCHEMA:
            raise _OtherSchema(f"{path}: written by another version of sdeval; delete it, and accept a run again")
        return from_json(_File, read_bytes(path), where).machines
    except _OtherSchema:
        raise
    except SdevalError as error:
        raise SdevalError(f"{error}; restore it with: git checkout -- {path}") from None
