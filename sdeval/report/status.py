"""How far a session is that runs in another process, or on another machine that shares its folder."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from sdeval._utils.tables import Column, Row, Table
from sdeval.errors import SdevalError
from sdeval.results import journal, selected, shard_record
from sdeval.results.run_folder import read_header
from sdeval.results.session_folder import has_ended, read_record
from sdeval.results.session_lock import holder, is_running
from sdeval.results.session_names import SELECTED, sessions

MINUTE, HOUR = 60, 3600


def session_to_show(output: Path) -> Path:
    """The session that runs, or the latest one.

    Raises:
        SdevalError: there is none.
    """
    known = sessions(output)
    if not known:
        raise SdevalError(f"{output}: no sessions in it; pytest suites makes one")
    return next((session for session in reversed(known) if is_running(session)), known[-1])


def status_lines(session: Path) -> list[str]:
    """Whether a session runs, and who holds it.

    Raises:
        SdevalError: it is no session.
    """
    if not selected.is_written(session):
        raise SdevalError(f"{session}: no session in it: {SELECTED} is missing")
    part = f", shard {shard_record.read(session).shard}" if shard_record.is_shard(session) else ""
    if has_ended(session):
        record = read_record(session)
        return [f"session {session.name}{part}: has ended: {record.outcome}"]
    by = holder(session)
    state = "is running" if is_running(session) else "is not running any more; --sdeval-resume resumes it"
    return [f"session {session.name}{part}: {state}", *([f"held by {by}"] if by else [])]


def status_table(session: Path) -> Table:
    """Images of every suite and target: generated of all, how many a second, and the time left."""
    items = selected.read(session)
    keys = dict.fromkeys((item.suite, item.target) for item in items)
    columns = [Column("suite"), Column("target"), Column("images", numeric=True), Column("per second", numeric=True)]
    columns += [Column("time left", numeric=True), Column("state")]
    now = time.time()
    return Table(columns, [_row(session / suite / target, (suite, target), now) for suite, target in keys])


def _row(folder: Path, key: Sequence[str], now: float) -> Row:
    pace = journal.pace(folder)
    if pace.asked and (pace.generated < pace.asked or not (folder / "run.json").is_file()):
        left = (pace.asked - pace.generated) / pace.rate if pace.rate else None
        state = f"latest image {duration(now - pace.latest)} ago" if pace.latest else "no image yet"
        if pace.generated == pace.asked:
            state = "is being scored"
        rate = f"{pace.rate:.2f}" if pace.rate else "–"
        return Row([*key, f"{pace.generated}/{pace.asked}", rate, duration(left) if left is not None else "–", state])
    if (folder / "run.json").is_file():
        header, _ = read_header(folder / "run.json")
        count = sum(1 for _ in (folder / "samples.jsonl").open(encoding="utf-8"))
        state = "scored" if header.complete else "scored; a part of the suite"
        return Row([*key, f"{count}/{count}", "–", "–", state])
    return Row([*key, "–", "–", "–", "not begun"])


def duration(seconds: float) -> str:
    """A number of seconds as people say it.

    Example:
        >>> duration(7.2), duration(130), duration(7300)
        ('7 s', '2 min', '2 h 1 min')
    """
    whole = max(0, round(seconds))
    if whole < 2 * MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} min"
