"""The end of a session: verdicts gathered, written and told; and how pytest-xdist shares the work."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sdeval.errors import SdevalError, plural
from sdeval.plugin.junit import Junit
from sdeval.plugin.state import STATE, State, usage_errors
from sdeval.results.verdict import Verdict

if TYPE_CHECKING:
    from sdeval.report.html.comparison import Compared
    from sdeval.report.publish import Telling
    from sdeval.report.terminal import Further


class Controller:
    """Gathers verdicts and writes what is shared; under pytest-xdist only the controller has one."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._page: Path | None = None
        self._compared: list[Compared] = []
        self._alone: list[str] = []
        self._warning = ""
        self._interrupted = False
        self._further: Further | None = None

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Gather the verdict of an item."""
        if hasattr(report, "sdeval"):
            self._state.verdicts.append(Verdict(**report.sdeval))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write a line of the history, `verdicts.json`, pages, the summary and the link to them, and tell CI.

        A session that was interrupted is left as it is, so that it can be resumed.
        """
        self._interrupted = exitstatus == pytest.ExitCode.INTERRUPTED
        if self._interrupted or not self._state.verdicts:
            return
        from sdeval.report import ci
        from sdeval.report.publish import publish
        from sdeval.results.session_folder import SUMMARY

        folder, baselines = self._state.session.folder, self._state.settings.options.baselines
        self._put_side_by_side(folder)
        self._page = publish(folder, self._state.verdicts, baselines, self._telling(folder))
        self._warning = ci.tell(folder / SUMMARY, os.environ)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Counts, the verdicts worst first, notes, the page, and one next command."""
        if self._interrupted:
            self._say_how_to_resume(terminalreporter)
        if self._page is None or self._further is None:
            return
        from sdeval._utils.tables import terminal_width
        from sdeval.report.comparison_table import matrix_lines
        from sdeval.report.terminal import summary_lines
        from sdeval.report.words import tone
        from sdeval.results.session_folder import read_record

        terminalreporter.section("sdeval")
        root = self._state.config.invocation_params.dir
        width, colour = terminal_width(), bool(terminalreporter.hasmarkup)
        told = [*read_record(self._page.parent).notes, *filter(None, [self._warning])]
        tables = [line for each in self._compared for line in (*matrix_lines(each.matrix, width, colour=colour), "")]
        for text in tables:
            terminalreporter.write_line(text)
        outcome, *lines = summary_lines(
            self._state.verdicts, self._page, root, width, told, self._further, colour=colour
        )
        colours = {"bad": "red", "warn": "yellow", "good": "green", "open": "yellow"}
        whole = colours[tone(self._state.verdicts, strict=self._state.settings.strict)]
        terminalreporter.write_line(outcome, bold=True, **{whole: True})
        for text in lines:
            terminalreporter.write_line(text)

    def _say_how_to_resume(self, terminalreporter: Any) -> None:
        from sdeval.results.session_folder import generated_images

        session = self._state.session.folder
        count = generated_images(session)
        if not count:
            return
        # An interleaved comparison that is split over two sessions is none.
        again = "an interleaved comparison starts again" if self._state.settings.options.interleaved else ""
        way = again or f"resume with: {self._state.resume_command}"
        kept = f"{plural(count, 'image')} kept in {self._shown(session)}"
        terminalreporter.write_line(f"sdeval: interrupted; {kept}; {way}", yellow=True)

    def _shown(self, path: Path) -> Path:
        """A path as seen from where the user stands."""
        root = self._state.config.invocation_params.dir
        return path.relative_to(root) if path.is_relative_to(root) else path

    def _telling(self, folder: Path) -> Telling:
        from sdeval.history.record import record
        from sdeval.history.trends import told
        from sdeval.report import ci
        from sdeval.report.publish import Telling

        settings = self._state.settings
        self._further = self._next_command(folder)
        unwritten = record(folder, self._state.verdicts, settings.options.baselines)
        return Telling(
            strict=settings.strict,
            further=self._further,
            elsewhere=ci.elsewhere(os.environ),
            notes=(*self._state.unseen, *unwritten, *self._alone, *told(folder.parent, folder.name)),
        )

    def _next_command(self, folder: Path) -> Further:
        from sdeval.report.terminal import Further
        from sdeval.results.session_folder import decided_early

        again = self._state.all_seeds_command if decided_early(folder) else ""
        settings = self._state.settings
        accepts = not settings.options.interleaved
        return Further(self._state.flags, accepts=accepts, again=again, strict=settings.strict)

    def _put_side_by_side(self, folder: Path) -> None:
        """A page of settings beside each other, where suites ran on several targets."""
        if len({each.target for each in self._state.verdicts}) < 2:
            return
        from sdeval.report.comparison import compared_of
        from sdeval.report.html.comparison import write_sheets
        from sdeval.report.html.view import SHEETS
        from sdeval.results.session_folder import run_folders

        try:
            self._compared = compared_of([folder], self._state.session.suites.get)
            if self._compared:
                write_sheets(folder / SHEETS, self._compared)
        # Nothing was generated, or nothing that two of them share: the verdicts stand without it.
        except (SdevalError, OSError) as error:
            self._alone = [f"no comparison: {error}"] if run_folders(folder) else []


def pytest_report_header(config: pytest.Config) -> str | None:
    """What `--sdeval-resume` found."""
    state = config.stash[STATE]
    if not state.settings.resume:
        return None
    return (
        f"sdeval: resumes {state.resumed}" if state.resumed else "sdeval: no session was interrupted; a new one begins"
    )


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Gather verdicts here, unless this is a worker."""
    state = session.config.stash[STATE]
    if state.worker is None:
        session.config.pluginmanager.register(Controller(state), "sdeval-controller")
        session.config.pluginmanager.register(Junit(state), "sdeval-junit")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Let all workers of pytest-xdist write into one session folder."""
    node.workerinput["sdeval_name"] = node.config.stash[STATE].session.folder.name


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep every target on one worker, so that it is loaded once, unless the user chose how to distribute."""
    if config.getoption("dist") != "load":
        return None
    from sdeval.plugin.distribution import by_target

    with usage_errors():
        return by_target(config, log, config.stash[STATE].session.target_names)
