"""What the controller of a pytest session does: it gathers verdicts, and hands them over at the end.

`session_end` does the work, and is imported where there is some.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sdeval.errors import SdevalError, one_line
from sdeval.plugin.junit import Junit
from sdeval.plugin.state import STATE, State, usage_errors
from sdeval.results import selected
from sdeval.results.verdict import Verdict

if TYPE_CHECKING:
    from sdeval.report.closing import Published


class Controller:
    """Gathers verdicts and writes what is shared; under pytest-xdist only the controller has one."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._interrupted = False
        self._published: Published | None = None

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Gather the verdict of an item; a worker that crashed sends a failure without one."""
        if hasattr(report, "sdeval_images"):
            self._begin()
            self._state.checked[report.nodeid] = [Verdict(**verdict) for verdict in report.sdeval_images]
            self._state.crashes.pop(report.nodeid, None)
            if report.when == "call" and report.passed:
                self._state.passed.add(report.nodeid)
        elif hasattr(report, "sdeval"):
            self._begin()
            self._state.unwritten |= dict.fromkeys(report.sdeval_unwritten)
            self._state.gathered[report.nodeid] = Verdict(**report.sdeval)
            self._state.crashes.pop(report.nodeid, None)
        elif report.failed:
            self._state.crashes[report.nodeid] = one_line(str(report.longrepr))

    def _begin(self) -> None:
        """Begin the session where the workers could not even write which items they run; this says why."""
        if not self._state.begun:
            with usage_errors():
                self._state.begin()

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note that the user stopped the session; pytest also stops it itself, after `--maxfail` failures."""
        self._interrupted = not isinstance(excinfo.value, pytest.Session.Interrupted)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Publish the session; one that was interrupted is left as it is, so that it can be resumed."""
        if self._state.begun and not self._interrupted:
            from sdeval.plugin import session_end

            session_end.complete_verdicts(self._state, failed=bool(session.testsfailed))
            self._published = session_end.publish_session(self._state)
            if self._published.unwritten and not session_end.is_worse(self._state):
                session.exitstatus = pytest.ExitCode.USAGE_ERROR

    def pytest_unconfigure(self) -> None:
        """Let go of the session folder."""
        self._state.release()

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Counts, the verdicts worst first, notes, the page, and one next command."""
        if not self._interrupted and self._published is None:
            return
        from sdeval.plugin import session_end

        if self._interrupted:
            session_end.say_how_to_resume(self._state, terminalreporter)
        if self._published is not None:
            session_end.write_summary(self._state, self._published, terminalreporter)


def pytest_report_header(config: pytest.Config) -> str | None:
    """What `--sdeval-resume` found."""
    state = config.stash[STATE]
    if not state.settings.resume:
        return None
    with usage_errors():
        if state.resumed:
            return f"sdeval: resumes {state.resumed}"
    return "sdeval: no session was interrupted; a new one begins"


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Gather verdicts here, unless this is a worker."""
    state = session.config.stash[STATE]
    if state.worker is None:
        session.config.pluginmanager.register(Controller(state), "sdeval-controller")
        session.config.pluginmanager.register(Junit(state), "sdeval-junit")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any) -> None:
    """Begin the session: a worker has collected its items, and none has run."""
    state = node.config.stash[STATE]
    if not selected.is_written(state.session.folder):
        return
    with usage_errors():
        if node.config.getoption("dist") == "each":
            raise SdevalError("--dist each: every worker would write the same images; suites need another --dist: load")
        if not state.begun:
            state.begin()
