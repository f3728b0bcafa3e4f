"""The end of a session: what is written, and what the terminal says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from sdeval._utils.attempts import Attempts
from sdeval._utils.invocation import ci_run, git_commit
from sdeval._utils.tables import terminal_width
from sdeval.errors import escaped, plural
from sdeval.plugin import option_values
from sdeval.plugin.state import State
from sdeval.report.closing import Ending, Published, close_session
from sdeval.report.comparison_table import comparison_lines
from sdeval.report.terminal import summary_lines
from sdeval.results import selected, shard_record
from sdeval.results.session_folder import generated_images
from sdeval.results.verdicts_file import Origin

T = TypeVar("T")


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
    shard = state.settings.options.shard
    notes = [*state.recovered, *state.unseen]
    if shard is not None:
        code = shard_record.code_facts(state.settings.root)
        own = shard_record.ShardRecord(shard=shard, options=shared_options(state.config), **code)
        shard_record.write(own, state.session.folder)
        notes.append(f"shard {shard}, with all seeds; once all shards are generated: sdeval merge DIR… --output DIR")
    attempts = Attempts()
    with attempts.step():
        join_image_checks(state)
    ending = Ending(
        folder=state.session.folder,
        verdicts=state.verdicts,
        settings=state.settings,
        suite_of=state.session.suites.get,
        flags=state.flags,
        again=state.all_seeds_command,
        resume=state.resume_command,
        notes=tuple(notes),
        unwritten=(*state.unwritten, *attempts.failures),
        origin=_origin(state),
    )
    published = close_session(ending)
    return replace(published, notes=[*published.notes, *_export(state, state.session.folder)])


def shared_options(config: pytest.Config) -> dict[str, Any]:
    """Options of the command line that all shards have, and that `sdeval merge` needs again."""
    own = ("shard", "output", "baselines", "devices", "executor", "resume")
    return {name: value for name, value in option_values(config).items() if name not in own and value not in (None, [])}


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
