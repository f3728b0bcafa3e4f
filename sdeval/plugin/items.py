"""Test items: each has the session judge one item of a suite, and passes, skips or fails by the verdict."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sdeval.errors import NoHardware, NotAvailable, SdevalError
from sdeval.plugin import junit
from sdeval.plugin.state import STATE, State
from sdeval.results.verdict import Kind, Verdict

if TYPE_CHECKING:
    from sdeval.session.items import Item

VERDICT = pytest.StashKey[Verdict]()


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
        if item.kind == "case":
            # So that `-k` finds a case by its tags.
            test.extra_keyword_matches.update(item.case.tags)
        return test

    def reportinfo(self) -> tuple[Path, int, str]:
        """The module of the suite; by default pytest would report this file."""
        return self.path, 0, self.name

    @property
    def id(self) -> Any:
        """The id as pytest 9.2 reads it back from its cache: the part in brackets does not belong to the name."""
        return type(super().id).parse(self.nodeid)

    def judge(self) -> None:
        """Pass, skip or fail."""
        __tracebackhide__ = True
        from sdeval.report.terminal import explain

        state = self.config.stash[STATE]
        verdict, skipped = _verdict(state, self.item, self)
        self.stash[VERDICT] = verdict
        self.user_properties += junit.properties(verdict, self.item.job.suite.task)
        if skipped:
            pytest.skip(verdict.reason)
        if verdict.fails(strict=state.settings.strict):
            pytest.fail(explain(verdict), pytrace=False)
        if verdict.verdict == "new":
            pytest.skip(explain(verdict))


def _verdict(state: State, item: Item, test: pytest.Item) -> tuple[Verdict, bool]:
    """The verdict, and whether the item is to be skipped because this machine lacks something it needs."""
    __tracebackhide__ = True
    try:
        if state.broken is not None:
            raise state.broken
        return state.session.judge(item), False
    except NotAvailable as error:
        # A local machine need not have everything, and nobody has every GPU: neither the item nor the page fails.
        skipped = not state.settings.strict or isinstance(error, NoHardware)
        kind: Kind = "skipped" if skipped else "unscored"
        return item.without_verdict(str(error), kind), skipped
    except SdevalError as error:
        return item.without_verdict(str(error)), False
    except Exception as error:
        # Whoever has to fix it needs the traceback; the page needs to know that there is no verdict.
        test.stash[VERDICT] = item.without_verdict(f"{type(error).__name__}: {error}".splitlines()[0])
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send the verdict along with the report, which is how it reaches the controller of pytest-xdist."""
    report = yield
    verdict = item.stash.get(VERDICT, None)
    if verdict is not None and report.when == "call":
        vars(report)["sdeval"] = asdict(verdict)
    return report
