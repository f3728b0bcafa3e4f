"""Accepted speeds, by class of machine: a file beside the baseline, so that each machine adds its own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sdeval._utils.files import dump_json, write_text
from sdeval._utils.validation import check_table, made
from sdeval.compare.speed import Pace, Spread, pace_of
from sdeval.errors import SdevalError
from sdeval.results.run import Run

SCHEMA = 1


def path_of(baselines: Path, suite: str, target: str) -> Path:
    """Beside the baseline, which stays the same to the last byte on every machine."""
    return baselines / suite / f"{target}.speed.json"


def accept(run: Run, baselines: Path) -> None:
    """Keep the pace of a run for its class of machine; those of others stay."""
    pace, path = pace_of(run), path_of(baselines, run.suite, run.target)
    if pace is None:
        return
    machines = {**_read(path), hardware_of(run): asdict(pace)}
    write_text(path, dump_json({"schema": SCHEMA, "machines": dict(sorted(machines.items()))}))


def find(baselines: Path, run: Run) -> Pace | None:
    """What was accepted for a run's suite and target on its class of machine.

    Raises:
        SdevalError: the file is damaged.
    """
    path = path_of(baselines, run.suite, run.target)
    content = _read(path).get(hardware_of(run))
    if content is None:
        return None
    where = f"{path}: is damaged: {hardware_of(run)}"
    known = dict(check_table(content, {"seconds": Mapping[str, Any]}, where, required=("seconds",)))
    return made(Pace, {**known, "seconds": made(Spread, known["seconds"], where)}, where)


def hardware_of(run: Run) -> str:
    """The class of machine that a run was drawn on."""
    return str(run.environment.get("hardware", "unknown"))


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema"] != SCHEMA:
            raise SdevalError(f"{path}: written by another version of sdeval; delete it, and accept a run again")
        return dict(content["machines"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SdevalError(f"{path}: is damaged: {error}; restore it with: git checkout -- {path}") from None
