"""What an item's verdict is where pytest itself decided: a fixture failed, a marker skipped it, a plugin stopped it.

The verdict always agrees with what pytest reports: an item that pytest counts as failed has a verdict that fails, and
an item that it does not count as failed has none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sdeval.errors import describe_error, one_line
from sdeval.results.verdict import Verdict

if TYPE_CHECKING:
    from sdeval.session.items import Item

PHASES = {"setup": "its setup failed", "call": "it failed", "teardown": "its teardown failed"}


def agreed_verdict(
    item: Item, judged: Verdict | None, report: pytest.TestReport, error: BaseException | None, *, strict: bool
) -> Verdict | None:
    """The verdict of an item after one phase of its test; None where it is still open.

    Args:
        item: what is judged.
        judged: the verdict so far.
        report: pytest's report of the phase.
        error: what the phase raised.
        strict: whether missing baselines fail the session.
    """
    if report.failed:
        return _failed(item, judged, report, error, strict=strict)
    if report.skipped and hasattr(report, "wasxfail"):
        return _expected_failure(item, judged, str(report.wasxfail))
    if report.skipped and (judged is None or judged.fails(strict=strict)):
        return item.without_verdict(_skip_reason(report), "skipped")
    return judged


def _failed(
    item: Item, judged: Verdict | None, report: pytest.TestReport, error: BaseException | None, *, strict: bool
) -> Verdict:
    if judged is not None and judged.fails(strict=strict):
        return judged
    reason = f"{PHASES[report.when]}: {_failure_reason(report, error)}"
    if judged is None:
        return item.without_verdict(reason)
    return replace(judged, verdict="unscored", reason=f"{reason}; was {judged.verdict}")


def _failure_reason(report: pytest.TestReport, error: BaseException | None) -> str:
    return one_line(report.longreprtext) if error is None else describe_error(error)


def _expected_failure(item: Item, judged: Verdict | None, why: str) -> Verdict:
    """A failure that the user marked as expected: it is reported, and fails nothing."""
    expected = f"expected to fail{f' ({why})' if why else ''}"
    if judged is None:
        return item.without_verdict(expected, "skipped")
    return replace(judged, verdict="informational", reason="; ".join(filter(None, (expected, judged.reason))))


def _skip_reason(report: pytest.TestReport) -> str:
    """The reason given to pytest for a skip."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longreprtext
    return one_line(reason.removeprefix("Skipped: "))
