"""Accepted speed records, one a class of machine: a file beside the baseline, to which each machine adds its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from sdeval._utils.files import dump_json, exists, read_bytes, read_json, write_text
from sdeval._utils.validation import Checked, from_json
from sdeval.baselines.repair import remedy
from sdeval.baselines.transaction import Transaction
from sdeval.comparison.speed import SpeedRecord, speed_record_of, why_speed_is_not_judged
from sdeval.errors import SdevalError
from sdeval.results.run import Run

SCHEMA: Literal[1] = 1


@dataclass(frozen=True, slots=True)
class _File(Checked):
    """The content of the file."""

    schema: Literal[1]
    machines: Mapping[str, SpeedRecord]


class _OtherSchema(SdevalError):
    """Written by another version of sdeval."""


def path_of(baselines: Path, suite: str, target: str) -> Path:
    """The file, outside the baseline's folder because that folder is the same to the last byte on every machine."""
    return baselines / suite / f"{target}.speed.json"


def accept(run: Run, change: Transaction) -> None:
    """Keep the speed record of a run for its class of machine; those of other classes stay."""
    speed, path = speed_record_of(run), path_of(change.baselines, run.suite, run.target)
    if speed is None or why_speed_is_not_judged(run):
        return
    machines = {**read(path), hardware_of(run): speed}
    text = dump_json(asdict(_File(SCHEMA, machines)))
    change.put(path.relative_to(change.baselines), lambda staged: write_text(staged, text))


def hardware_of(run: Run) -> str:
    """The class of machine that a run was generated on."""
    return str(run.environment.get("hardware", "unknown"))


def read(path: Path) -> Mapping[str, SpeedRecord]:
    """What was accepted for a suite and a target, by class of machine; nothing where there is no file.

    Raises:
        SdevalError: the file is corrupt.
    """
    if not exists(path):
        return {}
    problem = f"{path}: is corrupt"
    try:
        content = read_json(path, f"{problem}: it is gone")
        if isinstance(content, dict) and content.get("schema", SCHEMA) != SCHEMA:
            raise _OtherSchema(f"{path}: written by another version of sdeval; delete it, and accept a run again")
        return from_json(_File, read_bytes(path), problem).machines
    except _OtherSchema:
        raise
    except SdevalError as error:
        raise SdevalError(f"{error}; {remedy(path, 'delete it')}") from None
