"""`shard.json`: which part of a session a folder holds, and what the other parts must have in common with it.

One in the folder of the session says which shard it is; one in the folder of each job says what was asked of it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from sdeval._utils.environment import package_version
from sdeval._utils.files import dump_json, exists, read_bytes, write_text
from sdeval._utils.validation import Checked, Plain, from_json
from sdeval.config.shard import Shard
from sdeval.errors import SdevalError
from sdeval.results.session_names import SELECTED

NAME = "shard.json"
"""In the folder of a session."""
SECONDS = 30.0
"""That git may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardJob(Checked):
    """A suite on a target, as a shard has it."""

    suite: str
    target: str
    digest: str
    """Hash of the whole job: cases, seeds, settings, metrics and tolerances."""
    baseline: str
    """Hash of what it is compared with; empty where that is nothing."""
    samples: int
    """As many as this shard generated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRecord(Checked):
    """What a shard is a part of."""

    schema: Literal[1] = 1
    shard: Shard
    sdeval: str
    """Version of the package."""
    commit: str
    """Of the project, `-dirty` where files were changed; empty outside git."""
    options: Mapping[str, Plain]
    """Of the command line, by name."""


def write_job(job: ShardJob, folder: Path) -> None:
    """Say in the folder of a run what a shard did for it."""
    write_text(folder / NAME, dump_json(asdict(job)))


def read_jobs(session: Path) -> dict[tuple[str, str], ShardJob]:
    """What a shard did, by suite and target; what it could not generate is missing.

    Raises:
        SdevalError: a file is corrupt.
    """
    paths = sorted(session.glob(f"*/*/{NAME}"))
    jobs = [from_json(ShardJob, read_bytes(path), f"{path}: is corrupt") for path in paths]
    return {(job.suite, job.target): job for job in jobs}


def write(record: ShardRecord, session: Path) -> None:
    """Mark a session as a shard."""
    write_text(session / NAME, dump_json(asdict(record)))


def is_shard(session: Path) -> bool:
    """Whether a session is a part of one, and has no verdicts of its own."""
    return exists(session / NAME)


def read(session: Path) -> ShardRecord:
    """What a session is a part of.

    Raises:
        SdevalError: it is no shard, or its record is corrupt.
    """
    path = session / NAME
    if not exists(path):
        raise SdevalError(f"{session}: is no shard: {NAME} is missing; pytest suites --sdeval-shard 1/4 makes one")
    return from_json(ShardRecord, read_bytes(path), f"{path}: is corrupt")


def refuse_shard(folder: Path) -> None:
    """Refuse a shard, or a run in one, where a whole session is needed.

    Raises:
        SdevalError: it is one.
    """
    for session in (folder, folder.resolve().parent.parent):
        if exists(session / SELECTED) and is_shard(session):
            raise SdevalError(f"{session}: is shard {read(session).shard}; merge all of them first: sdeval merge DIR…")


def code_facts(root: Path) -> dict[str, Any]:
    """The version of sdeval, and the commit of the project."""
    return {"sdeval": package_version("pytest-sdeval") or "", "commit": _commit(root)}


def _commit(root: Path) -> str:
    command = ["git", "-C", str(root), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
