"""Test items: each has the session judge one item of a suite, and passes, skips or fails by the verdict."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sdeval.errors import SdevalError, describe_error, escaped
from sdeval.plugin import allure, junit
from sdeval.plugin.outcomes import agreed_verdict
from sdeval.plugin.state import STATE, State
from sdeval.results.selected import SelectedItem
from sdeval.results.verdict import Verdict

if TYPE_CHECKING:
    from sdeval.session.items import Item

VERDICT = pytest.StashKey[Verdict | None]()


class SuiteItem(pytest.Function):
    """A test item of a suite; it lies in the module that defines the suite, and the user's fixtures apply to it."""

    item: Item

    @classmethod
    def of(cls, collector: Any, name: str, item: Item) -> SuiteItem:
        """The item called `NAME[TARGET-CASE]`."""

        def judge() -> None:
            test.judge()

        test: SuiteItem = cls.from_parent(collector, name=f"{name}[{item.id}]", callobj=judge)
        test.item = item
        # So that `-k` finds a case by its tags.
        test.extra_keyword_matches.update(item.tags)
        return test

    def reportinfo(self) -> tuple[Path, int, str]:
        """The module of the suite; by default pytest would report this file."""
        return self.path, 0, self.name

    @property
    def id(self) -> Any:
        """The id as pytest 9.2 reads it back from its cache: the part in brackets does not belong to the name."""
        return type(super().id).parse(self.nodeid)

    @property
    def selected(self) -> SelectedItem:
        """What is written of it for the end of the session."""
        suite, target = self.item.job.key
        return SelectedItem(nodeid=self.nodeid, suite=suite, target=target, kind=self.item.kind, name=self.item.name)

    def judge(self) -> None:
        """Pass, skip or fail."""
        __tracebackhide__ = True
        from sdeval.report.terminal import explain

        state = self.config.stash[STATE]
        verdict = _verdict(state, self.item, self)
        self.stash[VERDICT] = verdict
        if verdict.verdict == "skipped":
            pytest.skip(escaped(verdict.reason))
        if verdict.fails(strict=state.settings.strict):
            allure.attach_pair(self.config, state, verdict)
            pytest.fail(explain(verdict), pytrace=False)
        if verdict.verdict == "new":
            pytest.skip(explain(verdict))


def _verdict(state: State, item: Item, test: pytest.Item) -> Verdict:
    """The verdict of the session on an item."""
    __tracebackhide__ = True
    try:
        if state.broken is not None:
            raise state.broken
        return state.session.judge(item)
    except SdevalError as error:
        return item.verdict_after(error, strict=state.settings.strict)
    except Exception as error:
        # Whoever has to fix it needs the traceback; the page needs to know that there is no verdict.
        test.stash[VERDICT] = item.without_verdict(describe_error(error))
        raise


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Keep items of suites in this process where `--forked` gives every test one of its own.

    What they judge is generated once for all of them, and a GPU that this process uses cannot be used by a copy of it.
    """
    option = item.config.option
    if not isinstance(item, SuiteItem) or not getattr(option, "forked", False):
        return (yield)
    option.forked = False
    try:
        return (yield)
    finally:
        option.forked = True


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send the verdict along with the report, which is how it reaches the controller of pytest-xdist.

    It is the outermost hook, so that the report is what pytest and its plugins made of the phase.
    """
    report = yield
    if isinstance(item, SuiteItem):
        # A test that is run again has no verdict yet.
        judged = item.stash.get(VERDICT, None) if call.when != "setup" else None
        error = call.excinfo.value if call.excinfo else None
        strict = item.config.stash[STATE].settings.strict
        verdict = agreed_verdict(item.item, judged, report, error, strict=strict)
        report.longrepr = _printable(report.longrepr)
        report.sections = [(title, escaped(content)) for title, content in report.sections]
        item.stash[VERDICT] = verdict
        if verdict is not None:
            vars(report)["sdeval"] = asdict(verdict)
            vars(report)["sdeval_unwritten"] = tuple(item.config.stash[STATE].session.unwritten)
            report.user_properties += junit.properties(verdict, item.item.job.suite.task)
    return report


def _printable(failure: Any) -> Any:
    """What pytest shows of a failure, but for texts of others that control a terminal, or that UTF-8 cannot hold.

    pytest-xdist could not send the latter to the controller, and would end the session.
    """
    if isinstance(failure, tuple):
        path, line, reason = failure
        return path, line, escaped(reason)
    text = "" if failure is None else str(failure)
    return failure if escaped(text) == text else escaped(text)
