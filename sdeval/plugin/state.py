"""What the plugin remembers during one pytest session."""

from __future__ import annotations

import contextlib
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from sdeval.config.options import Config
from sdeval.config.suite import Suite
from sdeval.errors import CannotWrite, SdevalError, escaped, plural
from sdeval.plugin.output import Output, shield
from sdeval.results.verdict import Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from sdeval.results.session_lock import SessionLock
    from sdeval.session.image_checks import ImageChecks
    from sdeval.session.items import Item
    from sdeval.session.session import Session

STATE = pytest.StashKey["State"]()


class State:
    """What the plugin remembers during one pytest session."""

    def __init__(self, config: pytest.Config, settings: Config, name: str = "") -> None:
        self.config = config
        self.settings = settings
        self.started, self._clock = datetime.now(UTC), time.monotonic()
        self.errors: list[SdevalError] = []
        self.suites: dict[str, str] = {}
        self.gathered: dict[str, Verdict] = {}
        """Verdicts by node id; of a test that ran several times, that of the last time."""
        self.checked: dict[str, Sequence[Verdict]] = {}
        """Verdicts on images of ordinary tests, by node id; of a test that ran several times, those of the last."""
        self.passed: set[str] = set()
        """Ordinary tests that brought all their images: no check ended them."""
        self.begun = False
        """Whether items run: the session is published when they end."""
        self.crashes: dict[str, str] = {}
        """Failures that have no verdict, by node id."""
        self.unwritten: dict[str, None] = {}
        """Why something could not be written while items ran, each once."""
        self.broken: SdevalError | None = None
        self.unseen: list[str] = []
        self.recovered: list[str] = []
        self._known_name = name
        self._session: Session | None = None
        self._lock: SessionLock | None = None
        self._output: Output | None = None

    @property
    def worker(self) -> dict[str, Any] | None:
        """Input from the controller of pytest-xdist to this worker; None where this is no worker."""
        return getattr(self.config, "workerinput", None)

    @property
    def session(self) -> Session:
        """The session, begun when the first suite is collected."""
        if self._session is None:
            from sdeval.baselines.transaction import check_folder, recover
            from sdeval.session.session import Session

            baselines = self.settings.options.baselines
            check_folder(baselines, required=bool(self.config.getoption("sdeval_baselines")))
            self.recovered = recover(baselines)
            name = self.worker["sdeval_name"] if self.worker else self._name()
            folder = self.settings.output / name
            shared = self.worker is not None
            self._session = Session(self.settings.options, folder, self._watcher(), shared=shared)
        return self._session

    @property
    def seconds(self) -> float:
        """How long the session has been running."""
        return round(time.monotonic() - self._clock, 1)

    @property
    def command(self) -> str:
        """The command of this session, without secrets."""
        from sdeval._utils.invocation import masked_command

        return masked_command(["pytest", *map(str, self.config.invocation_params.args)])

    @property
    def verdicts(self) -> list[Verdict]:
        """Verdicts of all items so far, and on images of ordinary tests."""
        return [*self.gathered.values(), *(verdict for verdicts in self.checked.values() for verdict in verdicts)]

    @cached_property
    def image_checks(self) -> ImageChecks:
        """Judges images of ordinary tests."""
        from sdeval.session.image_checks import ImageChecks

        settings = self.settings
        return ImageChecks(settings.options, self.session.folder, strict=settings.strict)

    @cached_property
    def stopped(self) -> Path | None:
        """The latest session, where it was stopped before its end."""
        from sdeval.results.session_folder import stopped_session

        return stopped_session(self.settings.output)

    @cached_property
    def resumed(self) -> str | None:
        """The session that this one resumes, by its name; from then on it is this one's."""
        from sdeval.results.session_folder import claim_stopped

        # Looked up before this session has a folder.
        stopped = self.stopped
        self._lock = claim_stopped(stopped) if self.settings.resume and stopped else None
        return self._lock.session.name if self._lock else None

    def begin(self) -> None:
        """Take the session folder, so that whatever becomes of this process, `latest` shows this session."""
        from sdeval.report.publish import publish_unfinished
        from sdeval.results.session_folder import remove_partial_files
        from sdeval.results.session_lock import SessionLock

        folder = self.session.folder
        if self._lock is None:
            self._report_stopped()
            self._lock = SessionLock(folder)
            self._lock.claim()
        remove_partial_files(folder)
        publish_unfinished(folder, self.resume_command)
        terminal = self.config.pluginmanager.getplugin("terminalreporter")
        if terminal is not None and not self.begun:
            self._output = shield(terminal)
        self.begun = True

    def _report_stopped(self) -> None:
        """Report a session that ended without verdicts: its exit code may have been 0."""
        from sdeval.results.session_folder import generated_images, has_ended
        from sdeval.results.session_lock import holder

        terminal = self.config.pluginmanager.getplugin("terminalreporter")
        if self.stopped is not None and not has_ended(self.stopped) and terminal is not None:
            kept, by = plural(generated_images(self.stopped), "image"), holder(self.stopped)
            line = f"session {self.stopped.name} stopped before its end{f' ({by})' if by else ''}; {kept} are kept"
            terminal.write_line(escaped(f"sdeval: {line}; --sdeval-resume resumes it"), yellow=True)

    def release(self) -> None:
        """Let go of the session folder, and say on stderr what could not be printed."""
        if self._lock is not None:
            self._lock.release()
        if self._output is not None and self._output.failure:
            line = f"the output cannot be printed ({self._output.failure}); the session is in {self.session.folder}"
            from sdeval._utils.tables import say

            with contextlib.suppress(CannotWrite):
                say(f"sdeval: {line}", sys.stderr)

    def _name(self) -> str:
        from sdeval.results.session_names import new_name

        return self.resumed or self._known_name or new_name(self.settings.output)

    def _watcher(self) -> Any:
        from sdeval._utils.progress import Shown, Silent, can_redraw

        terminal = self.config.pluginmanager.getplugin("terminalreporter")
        if self.worker is not None or terminal is None:
            return Silent()
        capture = self.config.pluginmanager.getplugin("capturemanager")
        aside = capture.global_and_fixture_disabled if capture else contextlib.nullcontext
        return Shown(
            lambda: sys.stdout, bar=can_redraw(is_terminal=terminal.isatty), aside=aside, colour=terminal.hasmarkup
        )

    @property
    def flags(self) -> str:
        """Options with which `sdeval accept` writes to the baselines that this session reads."""
        folder = self.config.getoption("sdeval_baselines")
        return f" --baselines {folder}" if folder else ""

    @property
    def all_seeds_command(self) -> str:
        """This session once more, with all the seeds that a baseline needs."""
        return self._command_with("--sdeval-all-seeds")

    @property
    def resume_command(self) -> str:
        """The command that resumes this session after it was interrupted."""
        return self._command_with("--sdeval-resume")

    def _command_with(self, option: str) -> str:
        """The command of this session with one more option."""
        arguments = [str(argument) for argument in self.config.invocation_params.args if argument != option]
        return shlex.join(["pytest", *arguments, option])

    def items(self, suite: Suite, where: str) -> list[Item]:
        """Everything to judge of a suite."""
        # pytest collects a file twice where it is named twice with --keep-duplicates.
        if self.suites.get(suite.name, where) != where:
            raise SdevalError(f"{where}: suite name {suite.name!r} is taken already by {self.suites[suite.name]}")
        self.suites[suite.name] = where
        return self.session.items(suite)


@contextlib.contextmanager
def usage_errors() -> Iterator[None]:
    """Turn an `SdevalError` into a usage error: one line, and exit code 4."""
    try:
        yield
    except SdevalError as error:
        raise pytest.UsageError(str(error)) from None
