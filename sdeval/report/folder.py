"""The folder of a session: its name, `verdicts.json`, the page, and the link `latest`."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from sdeval import run as runs
from sdeval.compare.verdict import Verdict, worst_first
from sdeval.errors import SdevalError
from sdeval.files import dump_json, write_text
from sdeval.report.html import write_page
from sdeval.report.sources import Embedded
from sdeval.report.view import Asked
from sdeval.report.words import told_not_here
from sdeval.typed import made

VERDICTS = "verdicts.json"
PAGE = "index.html"


def new_name() -> str:
    """A name that sorts by time and never clashes: `20261121-141503-9f2c`."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"


def publish(session: Path, verdicts: Sequence[Verdict], baselines: Path) -> Path:
    """Write `verdicts.json` and the page, point `latest` at the session, and return the page."""
    ordered = worst_first(verdicts)
    write_text(session / VERDICTS, dump_json([asdict(verdict) for verdict in ordered]))
    page = redraw(session, baselines)
    _point_latest(session)
    return page


def redraw(session: Path, baselines: Path, single: Path | None = None) -> Path:
    """Draw the page of a session again, from what is on disk.

    Args:
        session: its folder.
        baselines: where accepted runs are kept.
        single: a file of its own for the page, with small pictures inside; beside its pictures where None.

    Raises:
        SdevalError: it is no session folder.
    """
    page = single or session / PAGE
    write_page(page, Asked(session, read_verdicts(session), baselines, sources=Embedded() if single else None))
    return page


def read_verdicts(session: Path) -> list[Verdict]:
    """The verdicts of a session.

    Raises:
        SdevalError: there are none, or the file is damaged.
    """
    path = session / VERDICTS
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SdevalError(f"{session}: no session in it: {VERDICTS} is missing") from None
    except (OSError, ValueError, RecursionError) as error:
        raise SdevalError(f"{path}: is damaged: {error}") from None
    if not isinstance(content, list):
        raise SdevalError(f"{path}: is damaged: must be a list of verdicts")
    return [made(Verdict, each, f"{path}: is damaged: verdict {number}") for number, each in enumerate(content, 1)]


def run_folders(session: Path) -> list[Path]:
    """Folders of the runs in a session, or the folder itself where it is a run."""
    if (session / "run.json").is_file():
        return [session]
    return sorted(path.parent for path in session.glob("*/*/run.json"))


def decided_early(session: Path) -> bool:
    """Whether a run of a session was decided before all its seeds were drawn: it cannot be accepted as it is."""
    asked = [runs.read(folder).asked for folder in run_folders(session)]
    return any(len(each["seeds"]) < len(each["looks"][-1]) for each in asked)


def notes(session: Path, verdicts: Sequence[Verdict] = ()) -> list[str]:
    """What a session tells besides its verdicts: what is not on this machine, and what its runs say; each once."""
    found = [note for folder in run_folders(session) for note in runs.read(folder).notes]
    return list(dict.fromkeys([*told_not_here(verdicts), *found]))


def _point_latest(session: Path) -> None:
    link, aside = session.parent / "latest", session.parent / f".latest.{os.getpid()}"
    # Some systems allow no links; the folder's name still says which is the latest.
    with contextlib.suppress(OSError):
        aside.unlink(missing_ok=True)
        aside.symlink_to(session.name)
        aside.replace(link)
