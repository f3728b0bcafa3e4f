"""Where a baseline comes from: `accepted.json` in it, an entry for every acceptance since the last one of a whole run.

Who accepted, and when, git knows. What git does not know is here: why, of which run, and drawn by what on what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from sdeval._utils.files import dump_json, read_json, write_text
from sdeval._utils.validation import Checked, Plain, check, from_json, shown
from sdeval.errors import SdevalError
from sdeval.results.run import Run

NAME = "accepted.json"
SCHEMA = 1
ALL: Literal["all"] = "all"
Some = tuple[str, ...] | Literal["all"]
"""Names, or all there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Checked):
    """One acceptance."""

    session: str
    """Name of the session's folder, or of the run's where it lay in none."""
    reason: str = ""
    cases: Some = ALL
    """Ids of those whose scores were accepted, or `all`."""
    metrics: Some = ALL
    """Those whose scores alone were accepted, or `all`: then the pictures were, too."""
    packages: Mapping[str, str]
    """Versions, where the run was drawn."""
    hardware: str
    drawn_by: Mapping[str, Plain]
    """The target's fields, its pipeline and its scheduler."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _File(Checked):
    """What the file holds."""

    schema: Literal[1]
    accepted: tuple[Entry, ...]


def entry_of(run: Run, folder: Path, reason: str) -> Entry:
    """What is told of a run that is accepted as a whole.

    Raises:
        SdevalError: the reason cannot be written down.
    """
    entry = Entry(
        session=_session(run, folder.resolve()),
        reason=reason,
        packages=run.environment.get("packages", {}),
        hardware=run.environment.get("hardware", ""),
        drawn_by=run.drawn_by,
    )
    check(entry, str(folder))
    return entry


def _session(run: Run, folder: Path) -> str:
    inside = (folder.parent.name, folder.name) == (run.suite, run.target)
    return folder.parent.parent.name if inside else folder.name


def write(folder: Path, entries: Sequence[Entry]) -> None:
    """Keep entries, oldest first, in the folder of a baseline."""
    write_text(folder / NAME, dump_json({"schema": SCHEMA, "accepted": [asdict(entry) for entry in entries]}))


def read(folder: Path) -> tuple[Entry, ...]:
    """Entries in the folder of a baseline, oldest first; none where it is older than they are.

    Raises:
        SdevalError: the file is damaged; says where.
    """
    path = folder / NAME
    if not path.exists():
        return ()
    where = f"{path}: is damaged"
    try:
        content = read_json(path, f"{where}: it is gone")
        if isinstance(content, dict) and content.get("schema", SCHEMA) != SCHEMA:
            raise SdevalError(f"{path}: has schema {shown(content['schema'])}; this version of sdeval reads {SCHEMA}")
        return from_json(_File, path.read_bytes(), where).accepted
    except SdevalError as error:
        raise SdevalError(f"{error}; restore it with: git checkout -- {path}") from None
