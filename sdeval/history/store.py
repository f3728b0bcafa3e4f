"""The history: one line for every session, in a file beside their folders; and its metrics, session after session.

Only metrics of the same samples, settings and version of their metric make a series; a line says what it takes to know.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from sdeval._utils.files import NoSuchFile, dump_line, parse_json, read_bytes
from sdeval._utils.validation import Checked, Extensible, Number, Plain, from_json, shown
from sdeval.errors import SdevalError
from sdeval.results import upgrade
from sdeval.results.verdict import Kind

HISTORY = "history.jsonl"
"""In the folder that holds the sessions."""
SCHEMA = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricValue(Checked):
    """One metric of a suite, as one session found it."""

    value: Number | None
    """Over the seeds of the first round, which every session generates; None where it could not be computed."""
    n: int
    """Samples it was computed over."""
    baseline: Number | None = None
    change: Number | None = None
    tolerance: Number
    """In the unit of the metric."""
    variability: Number | None = None
    verdict: Kind | None = None
    """None where the session did not ask for one."""
    version: str
    """What metrics of one kind have in common: version and reference of a metric; machine and batch size of a time."""
    higher_is_better: bool
    gating: bool = True
    """Whether a loss could have failed the session; what is reported only is not watched for trend either."""
    images: str = ""
    """Hash of what it was computed from; empty where every session says something new, as times do."""
    title: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine(Checked):
    """One suite on one target, as one session found it."""

    suite: str
    target: str
    complete: bool
    request: str
    """Hash of what was asked: the samples of the first round, and the settings."""
    images: str
    """Hash of all images."""
    baseline: str = ""
    """Hash of the accepted images and scores; empty without any."""
    hardware: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    generated_by: Mapping[str, Plain] = field(default_factory=dict)
    metrics: Mapping[str, MetricValue]
    """By metric; none where the run is partial."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One session."""

    session: str
    runs: tuple[RunLine, ...]


@dataclass(frozen=True, slots=True)
class _Line(Extensible):
    """A line of the file."""

    schema: Literal[2]
    session: str
    runs: tuple[RunLine, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """A metric in one session."""

    session: str
    value: float
    tolerance: float
    verdict: Kind | None
    baseline_changed: bool
    """Whether another baseline had been accepted since the session before."""
    images: str
    """Hash of what it was computed from; empty where every session says something new."""


@dataclass(frozen=True, slots=True)
class Series:
    """A metric session after session, oldest first."""

    metric: str
    title: str
    unit: str
    higher_is_better: bool
    points: tuple[Point, ...]
    gating: bool = True

    @property
    def sign(self) -> int:
        """1 where more is better, -1 where less is."""
        return 1 if self.higher_is_better else -1


def append(path: Path, entry: Entry) -> None:
    """Add a line, in a single write: two sessions that end at once do not mix.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    line = dump_line({"schema": SCHEMA, **asdict(entry)})
    # What a session left half written, because it was killed, is closed, and marked by an empty line.
    content = (line if _ends_whole(path) else f"\n\n{line}").encode("utf-8")
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        if os.write(descriptor, content) < len(content):
            raise OSError(f"{path}: no space left for a whole line")
    finally:
        os.close(descriptor)


def _ends_whole(path: Path) -> bool:
    """Whether the last line was written to its end."""
    if not path.exists():
        return True
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def read(path: Path) -> tuple[Entry, ...]:
    """All sessions, oldest first.

    A line that was left half written is passed over. Of a session that crashed and went on, the last line counts.

    Raises:
        SdevalError: there is no history yet, or a line is corrupt; says which.
    """
    try:
        lines = read_bytes(path).split(b"\n")
    except NoSuchFile:
        raise SdevalError(f"{path}: no history yet; every session that generates a whole suite adds a line") from None
    found = (_line(lines, number, path) for number in range(len(lines)))
    return tuple({entry.session: entry for entry in found if entry is not None}.values())


def _line(lines: Sequence[bytes], number: int, path: Path) -> Entry | None:
    """What a line holds; None where it is empty, or half of one."""
    if not lines[number]:
        return None
    where = f"{path}:{number + 1}: is corrupt"
    after = lines[number + 1 :]
    try:
        return _entry(lines[number], where)
    except (ValueError, RecursionError) as error:
        # The end of the file, or the mark of a line that was closed later: an empty one, with more to come.
        if not after or (len(after) > 1 and not after[0]):
            return None
        raise SdevalError(f"{where}: {error}; fix or delete that line") from None


def _entry(line: bytes, where: str) -> Entry:
    content = parse_json(line)
    if isinstance(content, dict) and content.get("schema") == 1:
        found = from_json(_Line, json.dumps(upgrade.history_line(content)), where)
        return Entry(found.session, found.runs)
    if isinstance(content, dict) and content.get("schema", SCHEMA) != SCHEMA:
        schema = shown(content["schema"])
        raise SdevalError(f"{where}: has schema {schema}; this version of sdeval reads {SCHEMA}")
    found = from_json(_Line, line, where)
    return Entry(found.session, found.runs)


def suites_and_targets(entries: Sequence[Entry]) -> tuple[tuple[str, str], ...]:
    """What the history knows, in the order it came up."""
    return tuple(dict.fromkeys((run.suite, run.target) for entry in entries for run in entry.runs if run.metrics))


def series(entries: Sequence[Entry], suite: str, target: str) -> tuple[Series, ...]:
    """Every metric of a suite on a target, as far as it is of one kind with the latest.

    Sessions that asked for something else, ran on another machine (of times), or were scored by another version of
    the metric are left out, and so are those without a score.
    """
    mine = [
        (entry.session, run)
        for entry in entries
        for run in entry.runs
        if (run.suite, run.target) == (suite, target) and run.metrics
    ]
    if not mine:
        return ()
    latest = mine[-1][1]
    alike = [(session, run) for session, run in mine if run.request == latest.request]
    return tuple(_series(name, value, alike) for name, value in latest.metrics.items() if value.value is not None)


def _series(name: str, latest: MetricValue, runs: Sequence[tuple[str, RunLine]]) -> Series:
    points: list[Point] = []
    before: str | None = None
    for session, run in runs:
        value = run.metrics.get(name)
        if value is None or value.value is None or (value.version, value.n) != (latest.version, latest.n):
            continue
        changed = before is not None and bool(run.baseline) and run.baseline != before
        points.append(Point(session, value.value, value.tolerance, value.verdict, changed, value.images))
        before = run.baseline
    return Series(name, latest.title, latest.unit, latest.higher_is_better, tuple(points), latest.gating)
