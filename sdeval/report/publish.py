"""Publishes a session: `verdicts.json`, the page, the summary, and the link `latest`."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sdeval._utils.files import short, write_text
from sdeval.baselines.snapshot import keep_baseline
from sdeval.report.html.image_sources import Embedded
from sdeval.report.html.render import write_page
from sdeval.report.html.view import Request
from sdeval.report.markdown import Elsewhere, markdown
from sdeval.report.terminal import Further, next_command
from sdeval.report.words import made_by_itself, told_not_here
from sdeval.results import journal
from sdeval.results import verdicts_file as record
from sdeval.results.session_folder import PAGE, SUMMARY, VERDICTS, read_record, read_run, run_folders
from sdeval.results.verdict import Verdict
from sdeval.results.verdicts_file import Record


@dataclass(frozen=True, slots=True)
class Telling:
    """What a session knows besides its verdicts."""

    strict: bool = False
    """Whether what is missing failed it."""
    further: Further = field(default_factory=Further)
    elsewhere: Elsewhere | None = None
    """Where others find the page."""
    notes: tuple[str, ...] = ()


def publish(session: Path, verdicts: Sequence[Verdict], baselines: Path, telling: Telling = Telling()) -> Path:
    """Write `verdicts.json`, the page and `summary.md`, point `latest` at the session, and return the page.

    Args:
        session: the folder, with its runs in it.
        verdicts: in any order.
        baselines: where accepted runs are kept; what the page shows of them is copied into the session.
        telling: what the session knows besides.
    """
    told = [*notes(session, verdicts), *telling.notes]
    found = Record.of(session.name, verdicts, strict=telling.strict, notes=told)
    record.write(found, session / VERDICTS)
    for folder in run_folders(session):
        keep_baseline(folder, baselines)
        # The session is at its end: nothing is to go on from it.
        (folder / journal.NAME).unlink(missing_ok=True)
    page = rewrite_page(session)
    where = telling.elsewhere or Elsewhere(str(short(page)))
    command = next_command(found.verdicts, short(page), telling.further, where.place)
    write_text(session / SUMMARY, markdown(found, found.notes, where, command))
    _point_latest(session)
    return page


def rewrite_page(session: Path, *, single: Path | None = None) -> Path:
    """Generate the page of a session again, from what is on disk.

    Args:
        session: its folder.
        single: a file of its own for the page, with small images inside; beside its images where None.

    Raises:
        SdevalError: it is no session folder.
    """
    page, sources = single or session / PAGE, Embedded() if single else None
    write_page(page, Request(session, read_record(session), sources))
    return page


def notes(session: Path, verdicts: Sequence[Verdict] = ()) -> list[str]:
    """What a session tells besides its verdicts: what is not on this machine, and what its runs say; each once."""
    found = [note for folder in run_folders(session) for note in read_run(folder).notes]
    return list(dict.fromkeys([*told_not_here(verdicts), *made_by_itself(verdicts), *found]))


def _point_latest(session: Path) -> None:
    link, aside = session.parent / "latest", session.parent / f".latest.{os.getpid()}"
    # Some systems allow no links; the folder's name still says which is the latest.
    with contextlib.suppress(OSError):
        aside.unlink(missing_ok=True)
        aside.symlink_to(session.name)
        aside.replace(link)
