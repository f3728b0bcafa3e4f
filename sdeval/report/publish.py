"""Publishes a session: `verdicts.json`, the page, the summary, and the link `latest`."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sdeval._utils.attempts import Attempts
from sdeval._utils.files import resolved, short, write_text
from sdeval.baselines.snapshot import trim_snapshot
from sdeval.comparison import notes as sentences
from sdeval.comparison.undetectable import detectable_losses
from sdeval.errors import SdevalError, printable
from sdeval.history.store import HISTORY, HISTORY_PAGE
from sdeval.history.store import read as read_history
from sdeval.history.trends import watch
from sdeval.report.comparison import SuiteOf, compared_of, runs_of_suites
from sdeval.report.html.comparison import write_comparison
from sdeval.report.html.history import write_history
from sdeval.report.html.image_sources import Embedded
from sdeval.report.html.render import write_page
from sdeval.report.html.view import Request
from sdeval.report.markdown import Elsewhere, markdown
from sdeval.report.terminal import Further, next_command
from sdeval.report.words import notes_on_skipped, notes_on_target_defects
from sdeval.results import journal
from sdeval.results import verdicts_file as record
from sdeval.results.run import Run
from sdeval.results.session_folder import (
    COMPARISON,
    PAGE,
    SUMMARY,
    VERDICTS,
    point_latest,
    read_record,
    read_run,
    run_folders,
)
from sdeval.results.session_lock import HOLDER
from sdeval.results.verdict import Verdict
from sdeval.results.verdicts_file import Origin, Record


@dataclass(frozen=True, slots=True)
class Telling:
    """What a session knows besides its verdicts."""

    strict: bool = False
    """Whether what is missing failed it."""
    further: Further = field(default_factory=Further)
    elsewhere: Elsewhere | None = None
    """Where others find the page."""
    notes: tuple[str, ...] = ()
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class Publication:
    """What became of a session."""

    record: Record
    page: Path
    unwritten: tuple[str, ...]
    """Why some of it could not be written, a line each."""
    changed: tuple[str, ...] = ()
    """What differs from what its runs are compared with, besides their images."""


def publish(session: Path, verdicts: Sequence[Verdict], telling: Telling = Telling()) -> Publication:
    """Write `verdicts.json`, the page and `summary.md`, and point `latest` at the session.

    As much is written as can be. A session that could not be written whole can be resumed.

    Args:
        session: the folder, with its runs in it.
        verdicts: in any order.
        telling: what the session knows besides.
    """
    attempts, all_notes, page = Attempts(), list(telling.notes), session / PAGE
    changed: tuple[str, ...] = ()
    with attempts.step():
        all_notes = [*notes(session, verdicts), *telling.notes]
    session_record = Record.of(session.name, verdicts, strict=telling.strict, notes=all_notes, origin=telling.origin)
    with attempts.step():
        record.write(session_record, session / VERDICTS)
    with attempts.step():
        for folder in run_folders(session):
            trim_snapshot(folder)
    with attempts.step():
        _write_history(session)
    with attempts.step():
        changed = write_page(page, Request(session, session_record)).changed
    with attempts.step():
        destination = telling.elsewhere or Elsewhere(str(short(page)))
        command = next_command(session_record.verdicts, short(page), telling.further, destination.place)
        write_text(session / SUMMARY, markdown(session_record, session_record.notes, destination, command))
    with attempts.step():
        point_latest(session)
        if not attempts.failures:
            _end(session)
    return Publication(session_record, page, tuple(dict.fromkeys(attempts.failures)), changed)


def _write_history(session: Path) -> None:
    """Write the page of the history beside a session, which the pages of sessions link to."""
    output = resolved(session).parent
    try:
        entries = read_history(output / HISTORY) if (output / HISTORY).is_file() else ()
    except SdevalError:
        # The session has reported that the history is corrupt.
        return
    if entries:
        write_history(output / HISTORY_PAGE, watch(entries), output)


def _end(session: Path) -> None:
    """From now on the session has come to its end; only what came to nothing of it can be resumed."""
    for folder in run_folders(session):
        (folder / journal.NAME).unlink(missing_ok=True)
    (session / HOLDER).unlink(missing_ok=True)


def publish_unfinished(session: Path, resume: str) -> None:
    """Point `latest` at a session that begins, with a page that says so until the session ends.

    Args:
        session: its folder.
        resume: the command that resumes it, should it be stopped.
    """
    lines = (
        f"Session {session.name} has not ended: it is still running, or was stopped.",
        f"If it was stopped, resume it with: {resume}",
    )
    text = "".join(f"<p>{html.escape(printable(line))}</p>\n" for line in lines)
    page = f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>sdeval {session.name}</title>\n{text}'
    write_text(session / PAGE, page)
    point_latest(session)


def rewrite_page(session: Path, *, single: Path | None = None) -> Path:
    """Generate the page of a session again, from what is on disk.

    Args:
        session: its folder.
        single: a file of its own for the page, with small images inside; in the folder of its images where None.

    Raises:
        SdevalError: it is no session folder.
    """
    page, sources = single or session / PAGE, Embedded() if single else None
    write_page(page, Request(session, read_record(session), sources))
    return page


def rewrite_comparison(session: Path, suite_of: SuiteOf) -> Path | None:
    """Generate the page again that compares the targets of a session; None where it has but one.

    Args:
        session: its folder.
        suite_of: finds a suite of its project by its name.

    Raises:
        SdevalError: its runs cannot be compared.
    """
    folders = run_folders(session)
    if len({read_run(folder).target for folder in folders}) < 2:
        return None
    compared = compared_of(own, suite_of) if (own := runs_of_suites(session)) else []
    return write_comparison(session / COMPARISON, compared) if compared else None


def notes(session: Path, verdicts: Sequence[Verdict] = ()) -> list[str]:
    """Notes of a session, each once: what is not on this machine, broken images of the target, notes of its runs."""
    runs = [read_run(folder) for folder in run_folders(session)]
    run_notes = [note for run in runs for note in run.notes]
    first = _first_run_notes(runs, verdicts)
    return list(dict.fromkeys([*notes_on_skipped(verdicts), *notes_on_target_defects(verdicts), *run_notes, *first]))


def _first_run_notes(runs: Sequence[Run], verdicts: Sequence[Verdict]) -> list[str]:
    """What each suite without a baseline will be able to show once its run is accepted, a line each."""
    new = {(verdict.suite, verdict.target) for verdict in verdicts if verdict.verdict == "new" and not verdict.case}
    lines = [
        (run, sentences.detectable_losses(detectable_losses(run)))
        for run in runs
        if run.complete and (run.suite, run.target) in new
    ]
    return [f"{run.suite} on {run.target}, once accepted: {line}" for run, line in lines if line]
