"""The end of a session: verdicts gathered, written and told; and how pytest-xdist shares the work."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sdeval.compare.verdict import Verdict
from sdeval.plugin.state import STATE, State, usage_errors

if TYPE_CHECKING:
    from sdeval.report.terminal import Further


class Controller:
    """Gathers verdicts and writes what is shared; under pytest-xdist only the controller has one."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._page: Path | None = None
        self._history: list[str] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Gather the verdict of an item."""
        if hasattr(report, "sdeval"):
            self._state.verdicts.append(Verdict(**report.sdeval))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write `verdicts.json`, the page, the link to them, and a line of the history."""
        if self._state.verdicts:
            from sdeval.recorded import record
            from sdeval.report.folder import publish
            from sdeval.slow_drift import told

            folder, baselines = self._state.session.folder, self._state.settings.options.baselines
            self._page = publish(folder, self._state.verdicts, baselines)
            self._history = record(folder, self._state.verdicts, baselines) + told(folder.parent, folder.name)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Counts, the verdicts worst first, notes, the page, and one next command."""
        if self._page is None:
            return
        from sdeval.report.folder import decided_early, notes
        from sdeval.report.terminal import summary_lines

        terminalreporter.section("sdeval")
        root = self._state.config.invocation_params.dir
        width = max(100, shutil.get_terminal_size().columns)
        again = self._state.all_seeds_command if decided_early(self._page.parent) else ""
        told, further = [*notes(self._page.parent, self._state.verdicts), *self._history], self._further(again)
        for text in self._side_by_side(width):
            terminalreporter.write_line(text)
        for text in summary_lines(self._state.verdicts, self._page, root, width, told, further):
            terminalreporter.write_line(text)

    def _further(self, again: str) -> Further:
        from sdeval.report.terminal import Further

        return Further(self._state.flags, accepts=not self._state.settings.options.in_turns, again=again)

    def _side_by_side(self, width: int) -> list[str]:
        """Settings beside each other, where suites ran on several targets."""
        if self._page is None or len({each.target for each in self._state.verdicts}) < 2:
            return []
        from sdeval.report.matrix import matrix_lines
        from sdeval.side_by_side import compared_of

        found = compared_of([self._page.parent], self._state.session.suites.get)
        return [line for each in found for line in (*matrix_lines(each.matrix, width), "")]


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Gather verdicts here, unless this is a worker."""
    state = session.config.stash[STATE]
    if state.worker is None:
        session.config.pluginmanager.register(Controller(state), "sdeval-controller")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Let all workers of pytest-xdist write into one session folder."""
    node.workerinput["sdeval_name"] = node.config.stash[STATE].session.folder.name


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep every target on one worker, so that it is loaded once, unless the user chose how to distribute."""
    if config.getoption("dist") != "load":
        return None
    from sdeval.distribute import by_target

    with usage_errors():
        return by_target(config, log, config.stash[STATE].session.target_names)
