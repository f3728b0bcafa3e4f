"""Items: each asks the session its question, and passes, skips or fails by the answer."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest

from sdeval.errors import NoHardware, NotAvailable, SdevalError
from sdeval.plugin import junit
from sdeval.plugin.state import STATE, State
from sdeval.results.verdict import Kind, Verdict

if TYPE_CHECKING:
    from sdeval.session.session import Question

VERDICT = pytest.StashKey[Verdict]()


@pytest.fixture
def sdeval_judge(request: pytest.FixtureRequest) -> Any:
    """A function that asks the session one question and passes, skips or fails by the answer."""
    state = request.config.stash[STATE]

    def judge(question: Question) -> None:
        from sdeval.report.terminal import explain

        __tracebackhide__ = True
        verdict, skipped = _answer(state, question, request.node)
        request.node.stash[VERDICT] = verdict
        request.node.user_properties += junit.properties(verdict, question.job.suite.task)
        if skipped:
            pytest.skip(verdict.reason)
        if verdict.fails(strict=state.settings.strict):
            pytest.fail(explain(verdict), pytrace=False)
        if verdict.verdict == "new":
            pytest.skip(explain(verdict))

    return judge


def _answer(state: State, question: Question, item: pytest.Item) -> tuple[Verdict, bool]:
    """The verdict, and whether it is none because of what this machine lacks, and that is to be skipped."""
    __tracebackhide__ = True
    try:
        if state.broken is not None:
            raise state.broken
        return state.session.answer(question), False
    except NotAvailable as error:
        # A desk need not have everything, and nobody has every GPU: no failure of the item's, nor of the page's.
        skipped = not state.settings.strict or isinstance(error, NoHardware)
        kind: Kind = "skipped" if skipped else "unscored"
        return question.unanswered(str(error), kind), skipped
    except SdevalError as error:
        return question.unanswered(str(error)), False
    except Exception as error:
        # Whoever has to mend it wants the traceback; the page wants to know that there is no answer.
        item.stash[VERDICT] = question.unanswered(f"{type(error).__name__}: {error}".splitlines()[0])
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send the verdict along with the report, which is how it reaches the controller of pytest-xdist."""
    report = yield
    verdict = item.stash.get(VERDICT, None)
    if verdict is not None and report.when == "call":
        vars(report)["sdeval"] = asdict(verdict)
    return report
