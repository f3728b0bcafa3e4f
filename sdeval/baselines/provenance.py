"""Where a baseline comes from: its `accepted.json` has an entry for every acceptance since a whole run was accepted.

Git records who accepted, and when. This file records what git does not: the reason, the run, and what generated it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from sdeval._utils.files import dump_json, exists, read_bytes, read_json, write_text
from sdeval._utils.validation import Checked, Plain, check, from_json, preview
from sdeval.baselines.repair import remedy
from sdeval.errors import SdevalError
from sdeval.results import upgrade
from sdeval.results.run import Run

NAME = "accepted.json"
SCHEMA = 2
ALL: Literal["all"] = "all"
Some = tuple[str, ...] | Literal["all"]
"""Names, or all there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Checked):
    """One acceptance."""

    session: str
    """Name of the session's folder, or of the run's folder if it was in no session."""
    reason: str = ""
    cases: Some = ALL
    """Ids of the cases whose scores were accepted, or `all`."""
    metrics: Some = ALL
    """Metrics whose scores were accepted without the images; `all` if the images were accepted as well."""
    packages: Mapping[str, str]
    """Versions of packages in the environment that generated the run."""
    hardware: str
    generated_by: Mapping[str, Plain]
    """The target's fields, its pipeline and its scheduler."""
    promoted_by: str = ""
    """Who promoted the draft that it was; empty where it was accepted at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File(Checked):
    """The content of the file."""

    schema: Literal[2]
    accepted: tuple[Entry, ...]


def entry_of(run: Run, folder: Path, reason: str) -> Entry:
    """The entry for a run that is accepted as a whole.

    Raises:
        SdevalError: the reason cannot be stored.
    """
    entry = Entry(
        session=_session(run, folder.resolve()),
        reason=reason,
        packages=run.environment.get("packages", {}),
        hardware=run.environment.get("hardware", ""),
        generated_by=run.generated_by,
    )
    check(entry, str(folder))
    return entry


def _session(run: Run, folder: Path) -> str:
    inside = (folder.parent.name, folder.name) == (run.suite, run.target)
    return folder.parent.parent.name if inside else folder.name


def write(folder: Path, entries: Sequence[Entry]) -> None:
    """Write entries, oldest first, into the folder of a baseline."""
    write_text(folder / NAME, dump_json({"schema": SCHEMA, "accepted": [_content(entry) for entry in entries]}))


def _content(entry: Entry) -> dict[str, object]:
    # A baseline stays the same to the last byte.
    return {name: value for name, value in asdict(entry).items() if value or name != "promoted_by"}


def read(folder: Path) -> tuple[Entry, ...]:
    """Entries in the folder of a baseline, oldest first; empty if the baseline has no such file.

    Raises:
        SdevalError: the file is corrupt; the message says where.
    """
    path = folder / NAME
    if not exists(path):
        return ()
    problem = f"{path}: is corrupt"
    try:
        content = read_json(path, f"{problem}: it is gone")
        if isinstance(content, dict) and content.get("schema") == 1:
            return from_json(_File, json.dumps(upgrade.provenance(content)), problem).accepted
        if isinstance(content, dict) and content.get("schema", SCHEMA) != SCHEMA:
            raise SdevalError(f"{path}: has schema {preview(content['schema'])}; this version of sdeval reads {SCHEMA}")
        return from_json(_File, read_bytes(path), problem).accepted
    except SdevalError as error:
        raise SdevalError(f"{error}; {remedy(path, 'accept a whole run again')}") from None
