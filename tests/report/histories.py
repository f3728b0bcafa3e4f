"""A session page with a history of sessions beside it, for tests that look at pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shutil import copytree

from sdeval.history.record import entry_of
from sdeval.history.store import HISTORY, Entry, MetricValue, append
from sdeval.report.publish import publish
from tests.report.pages import session_page, verdicts_of

EARLIER = 14
"""Sessions before the one whose page is looked at."""
FAILED, ACCEPTED, ELSEWHERE = 5, 6, 9
"""Which of them failed, was the first with another baseline, and ran on another machine."""
WITH_PAGE = f"202601{EARLIER:02d}-101500-aaaa"
"""The only earlier session whose folder still exists."""


def session_with_history(where: Path) -> Path:
    """The page of a session after fourteen others; beside its folder are the history and its page."""
    page = session_page(where)
    first = page.parent
    session = first.with_name("20260201-090000-abcd")
    copytree(first, session)
    copytree(first, first.with_name(WITH_PAGE))
    latest = entry_of(session, verdicts_of(6))
    for earlier in _earlier(latest):
        append(session.parent / HISTORY, earlier)
    append(session.parent / HISTORY, with_times(latest, 0.5))
    return publish(session, verdicts_of(6)).page


def with_times(entry: Entry, seconds: float, version: str = "1x GPU, batches of 8") -> Entry:
    """The line with a time per image, on a machine."""
    (line,) = entry.runs
    time = MetricValue(
        value=seconds, n=0, tolerance=0.05, version=version, higher_is_better=False, title="Time per image", unit="s",
        baseline=0.5, verdict="passed",
    )  # fmt: skip
    return Entry(entry.session, (replace(line, metrics={**line.metrics, "seconds_per_image": time}),))


def _earlier(latest: Entry) -> Iterator[Entry]:
    (line,) = latest.runs
    for number in range(1, EARLIER + 1):
        accepted = number >= ACCEPTED
        value = 30.2 if number != FAILED else 29.0
        score = replace(
            line.metrics["clip_score"], value=value - number / 100, verdict="passed", baseline=30.0 - accepted
        )
        run = replace(
            line,
            metrics={**line.metrics, "clip_score": score},
            failed=number == FAILED,
            baseline="second" if accepted else "first",
            accepted=f"202601{FAILED:02d}-101500-aaaa" if accepted else "",
        )
        machine = "cpu of a laptop, batches of 1" if number == ELSEWHERE else "1x GPU, batches of 8"
        entry = Entry(f"202601{number:02d}-101500-aaaa", (run,))
        yield with_times(entry, 0.5 + number / 200 if number != ELSEWHERE else 3.0, machine)
