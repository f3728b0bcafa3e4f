"""Closes a session: everything that is made of its runs and verdicts, for people, programs and CI."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sdeval._utils.attempts import Attempts
from sdeval.config import project
from sdeval.config.options import Config
from sdeval.config.suite import Suite
from sdeval.errors import CannotWrite, SdevalError
from sdeval.history.record import record
from sdeval.history.trends import trend_notes
from sdeval.report import ci
from sdeval.report.comparison import Compared, compared_of, runs_of_suites
from sdeval.report.html.comparison import write_comparison
from sdeval.report.publish import Telling, publish
from sdeval.report.terminal import Further
from sdeval.results.session_folder import COMPARISON, SUMMARY, decided_early, run_folders
from sdeval.results.verdict import Verdict
from sdeval.results.verdicts_file import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """A session whose items all have a verdict."""

    folder: Path
    verdicts: Sequence[Verdict]
    settings: Config
    suite_of: Callable[[str], Suite | None]
    """A suite of the session by its name."""
    flags: str = ""
    """Options with which `sdeval accept` writes to the baselines that the session read."""
    again: str = ""
    """The command that generates all seeds."""
    resume: str = ""
    """The command that resumes the session."""
    notes: tuple[str, ...] = ()
    unwritten: tuple[str, ...] = ()
    """Why something could not be written while items were judged, a line each."""
    origin: Origin | None = None
    """How the session came about, where that is known."""


@dataclass(frozen=True, slots=True)
class Published:
    """What was written at the end of a session, and what the terminal says of it."""

    page: Path
    notes: Sequence[str]
    further: Further
    compared: Sequence[Compared]
    """Of suites that ran on several targets."""
    unwritten: Sequence[str]
    """Why some of it could not be written, a line each."""


def close_session(ending: Ending) -> Published:
    """Write a line of the history, `verdicts.json`, pages, the summary and the link to them, and tell CI."""
    folder, settings, attempts = ending.folder, ending.settings, Attempts()
    options, is_shard = settings.options, settings.options.shard is not None
    compared: Sequence[Compared] = ()
    comparison_notes: list[str] = []
    again = ""
    with attempts.step():
        compared, comparison_notes = _compared(ending)
    with attempts.step():
        again = ending.again if decided_early(folder) else ""
    accepts = not options.interleaved and not is_shard
    further = Further(ending.flags, accepts=accepts, again=again, strict=settings.strict)
    # A shard has no verdicts, and no metrics of a whole suite.
    not_in_history = [] if is_shard else record(folder, ending.verdicts, options.values)
    trends = trend_notes(folder.parent, folder.name)
    telling = Telling(
        strict=settings.strict,
        further=further,
        elsewhere=ci.elsewhere(os.environ),
        notes=(*ending.notes, *not_in_history, *comparison_notes, *trends),
        origin=ending.origin,
    )
    with attempts.step():
        project.record(folder, project.Folders(root=settings.root, baselines=options.baselines))
    publication = publish(folder, ending.verdicts, telling)
    unwritten = tuple(dict.fromkeys([*ending.unwritten, *attempts.failures, *publication.unwritten]))
    further = replace(further, resume=ending.resume if unwritten else "", changed=publication.changed)
    warning = "" if publication.unwritten else ci.tell(folder / SUMMARY, os.environ)
    notes = [*publication.record.notes, *filter(None, [warning]), *unwritten]
    return Published(publication.page, notes, further, compared, unwritten)


def _compared(ending: Ending) -> tuple[Sequence[Compared], list[str]]:
    """The comparison of several targets, which gets a page of its own; or why there is none.

    Raises:
        CannotWrite: there is one, and its page cannot be written.
    """
    if len({verdict.target for verdict in ending.verdicts}) < 2 or ending.settings.options.shard:
        return (), []
    try:
        folders = runs_of_suites(ending.folder)
        compared = compared_of(folders, ending.suite_of, verdicts=ending.verdicts) if folders else []
        if compared:
            write_comparison(ending.folder / COMPARISON, compared)
        return compared, []
    except CannotWrite:
        raise
    # Nothing was generated, or no suite ran on two targets; the verdicts are valid without a comparison.
    except (SdevalError, OSError) as error:
        return (), [f"no comparison: {error}"] if run_folders(ending.folder) else []
