"""The end of a session: what is written, and what the terminal says."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from sdeval._utils.attempts import Attempts
from sdeval._utils.invocation import ci_run, git_commit
from sdeval._utils.tables import terminal_width
from sdeval.config import project
from sdeval.errors import CannotWrite, SdevalError, escaped, plural
from sdeval.history.record import record
from sdeval.history.trends import trend_notes
from sdeval.plugin.state import State
from sdeval.report import ci
from sdeval.report.comparison import Compared, compared_of
from sdeval.report.comparison_table import comparison_lines
from sdeval.report.html.comparison import write_comparison
from sdeval.report.publish import Telling, publish
from sdeval.report.terminal import Further, summary_lines
from sdeval.results import selected
from sdeval.results.session_folder import COMPARISON, SUMMARY, decided_early, generated_images, read_run, run_folders
from sdeval.results.verdicts_file import Origin

T = TypeVar("T")


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


def complete_verdicts(state: State, *, failed: bool) -> None:
    """Give a verdict to every selected item that has none: its worker crashed, or the session ended before it ran.

    Verdicts are in the order of the items from then on.

    Args:
        state: of the session.
        failed: whether pytest counts a failure, after which it may have stopped by itself.
    """
    selection = selected.read(state.session.folder)
    for item in selection:
        if item.nodeid in state.crashes:
            state.gathered[item.nodeid] = item.without_verdict(state.crashes[item.nodeid])
        elif item.nodeid not in state.gathered and item.nodeid not in state.checked:
            reason = "did not run: the session ended before it"
            state.gathered[item.nodeid] = item.without_verdict(reason, "skipped" if failed else "unscored")
    # Workers of pytest-xdist report in any order.
    places = {item.nodeid: place for place, item in enumerate(selection)}
    state.gathered = _in_order(state.gathered, places)
    state.checked = _in_order(state.checked, places)


def _in_order(values: Mapping[str, T], places: Mapping[str, int]) -> dict[str, T]:
    """Values by node id, in the order in which the tests were collected."""
    return dict(sorted(values.items(), key=lambda entry: places.get(entry[0], len(places))))


def join_image_checks(state: State) -> None:
    """Make one run for each suite and target of the images that ordinary tests brought."""
    if not state.checked:
        return
    selection = selected.read_selection(state.session.folder)
    whole = {item.suite for item in selection.items if item.kind == "image"} - set(selection.partial)
    whole -= {item.suite for item in selection.items if item.kind == "image" and item.nodeid not in state.passed}
    cases: dict[tuple[str, str], dict[str, None]] = {}
    for verdicts in state.checked.values():
        for verdict in verdicts:
            cases.setdefault((verdict.suite, verdict.target), {})[verdict.case] = None
    for key, names in cases.items():
        state.image_checks.join(key, tuple(names), whole=key[0] in whole)


def publish_session(state: State) -> Published:
    """Write a line of the history, `verdicts.json`, pages, the summary and the link to them, and tell CI."""
    folder, settings, attempts = state.session.folder, state.settings, Attempts()
    compared: Sequence[Compared] = ()
    comparison_notes: list[str] = []
    again = ""
    with attempts.step():
        join_image_checks(state)
    with attempts.step():
        compared, comparison_notes = _compared(state, folder)
    with attempts.step():
        again = state.all_seeds_command if decided_early(folder) else ""
    further = Further(state.flags, accepts=not settings.options.interleaved, again=again, strict=settings.strict)
    not_in_history = record(folder, state.verdicts, settings.options.values)
    trends = trend_notes(folder.parent, folder.name)
    telling = Telling(
        strict=settings.strict,
        further=further,
        elsewhere=ci.elsewhere(os.environ),
        notes=(*state.recovered, *state.unseen, *not_in_history, *comparison_notes, *trends),
        origin=_origin(state),
    )
    with attempts.step():
        project.record(folder, project.Folders(root=settings.root, baselines=settings.options.baselines))
    publication = publish(folder, state.verdicts, telling)
    unwritten = tuple(dict.fromkeys([*state.unwritten, *attempts.failures, *publication.unwritten]))
    if unwritten:
        further = replace(further, resume=state.resume_command)
    not_exported = _export(state, folder)
    warning = "" if publication.unwritten else ci.tell(folder / SUMMARY, os.environ)
    notes = [*publication.record.notes, *not_exported, *filter(None, [warning]), *unwritten]
    return Published(publication.page, notes, further, compared, unwritten)


def _export(state: State, folder: Path) -> list[str]:
    """Send the session where it was asked to; what fails is a note."""
    settings = state.settings
    if not settings.export:
        return []
    from sdeval.exporters import export

    return export(folder, settings.export, settings.export_timeout)


def _origin(state: State) -> Origin:
    commit, uncommitted = git_commit(state.settings.root)
    started = state.started.isoformat(timespec="seconds")
    return Origin(
        command=state.command,
        started=started,
        seconds=state.seconds,
        commit=commit,
        uncommitted=uncommitted,
        ci_run=ci_run(os.environ),
    )


def is_worse(state: State) -> bool:
    """Whether something was shown to be worse or broken, whatever could not be written."""
    return any(verdict.verdict in ("broken", "regressed") for verdict in state.verdicts)


def _compared(state: State, folder: Path) -> tuple[Sequence[Compared], list[str]]:
    """The comparison of several targets, which gets a page of its own; or why there is none.

    Raises:
        CannotWrite: there is one, and its page cannot be written.
    """
    # Ordinary tests name their engine in the case, if they have several: no case of theirs is there twice.
    if len({verdict.target for verdict in state.gathered.values()}) < 2:
        return (), []
    try:
        folders = [path for path in run_folders(folder) if not read_run(path).from_tests] if state.checked else [folder]
        compared = compared_of(folders, state.session.suites.get, verdicts=state.verdicts)
        if compared:
            write_comparison(folder / COMPARISON, compared)
        return compared, []
    except CannotWrite:
        raise
    # Nothing was generated, or no suite ran on two targets; the verdicts are valid without a comparison.
    except (SdevalError, OSError) as error:
        return (), [f"no comparison: {error}"] if run_folders(folder) else []


def write_summary(state: State, published: Published, terminalreporter: Any) -> None:
    """Counts, the verdicts worst first, notes, the page, and one next command."""
    terminalreporter.section("sdeval")
    width, colour = terminal_width(), bool(terminalreporter.hasmarkup)
    for compared in published.compared:
        for line in (*comparison_lines(compared, width, colour=colour), ""):
            terminalreporter.write_line(line)
    root = state.config.invocation_params.dir
    verdicts, further = state.verdicts, published.further
    for line in summary_lines(verdicts, published.page, root, width, published.notes, further, colour=colour):
        terminalreporter.write_line(line)


def say_how_to_resume(state: State, terminalreporter: Any) -> None:
    """After Ctrl-C: how many images are kept, where, and the command that goes on from there."""
    if not state.begun:
        return
    session, root = state.session.folder, state.config.invocation_params.dir
    count = generated_images(session)
    # An interleaved comparison cannot be split over two sessions.
    restart = "an interleaved comparison starts again" if state.settings.options.interleaved else ""
    advice = restart or f"resume with: {state.resume_command}"
    path = session.relative_to(root) if session.is_relative_to(root) else session
    line = f"sdeval: interrupted; {plural(count, 'image')} kept in {path}; {advice}"
    terminalreporter.write_line(escaped(line), yellow=True)
