"""What a session records of its project, so that its page and its baselines are found again from its folder."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from sdeval._utils.files import dump_json, exists, read_bytes, write_text
from sdeval._utils.validation import Checked, from_json
from sdeval.config.root import OTHER_SETTINGS, SETTINGS

RECORD = "project.json"
"""In the folder of a session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record(Checked):
    """What a session records: paths seen from its folder, so that a project can be moved as a whole."""

    schema: Literal[1] = 1
    root: str
    baselines: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """Of the project that a session was made in."""

    root: Path
    baselines: Path


def record(session: Path, folders: Folders) -> None:
    """Write down in the folder of a session what project it was made in."""
    own = session.resolve()
    root, baselines = (os.path.relpath(path.resolve(), own) for path in (folders.root, folders.baselines))
    write_text(session / RECORD, dump_json(asdict(_Record(root=root, baselines=baselines))))


def recorded(path: Path) -> Folders | None:
    """What was recorded by the session that a path lies in; None where nothing was, or it was moved out of its project.

    Raises:
        SdevalError: the record is corrupt.
    """
    inside = path.resolve()
    session = next((folder for folder in (inside, *inside.parents[:3]) if exists(folder / RECORD)), None)
    if session is None:
        return None
    content = from_json(_Record, read_bytes(session / RECORD), f"{session / RECORD}: is corrupt")
    root, baselines = (Path(os.path.normpath(session / text)) for text in (content.root, content.baselines))
    signs = (*(root / name for name in (SETTINGS, *OTHER_SETTINGS)), baselines)
    return Folders(root=root, baselines=baselines) if any(map(exists, signs)) else None
