"""The history: a file with one line for every session, in the folder of the sessions; and its metrics over time.

Values belong to one series only if they have the same samples, settings and version of the metric. A line holds what is
needed to check that.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

from sdeval._utils.files import NoSuchFile, dump_line, parse_json, read_bytes, writing
from sdeval._utils.validation import Checked, Extensible, Number, Plain, from_json, preview
from sdeval.config.suite import SPEEDS
from sdeval.errors import SdevalError
from sdeval.results import upgrade
from sdeval.results.verdict import Kind

HISTORY = "history.jsonl"
"""Name of the file, in the folder that holds the sessions."""
HISTORY_PAGE = "history.html"
"""Name of the page with its plots, beside it."""
SCHEMA = 2
FLAGGED = ("broken", "regressed")
"""Verdicts that report a loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricValue(Checked):
    """One metric of a suite in one session."""

    value: Number | None
    """The value over the seeds of the first round, which every session generates; None if it could not be computed."""
    n: int
    """Number of samples that it was computed from."""
    baseline: Number | None = None
    change: Number | None = None
    tolerance: Number
    """In the unit of the metric."""
    variability: Number | None = None
    verdict: Kind | None = None
    """None where the session did not judge the metric."""
    version: str
    """What makes values comparable: version and reference of a metric, or machine and batch size of a time."""
    higher_is_better: bool
    gating: bool = True
    """Whether a loss could have failed the session; a metric that is reported only is not tested for a trend either."""
    images: str = ""
    """Hash of the images it was computed from; empty for times and memory, which every session measures again."""
    title: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine(Checked):
    """One suite on one target in one session."""

    suite: str
    target: str
    complete: bool
    request: str
    """Hash of the request: the samples of the first round, and the settings."""
    images: str
    """Hash of all images."""
    baseline: str = ""
    """Hash of the accepted images and scores; empty without a baseline."""
    accepted: str = ""
    """Name of the session that was accepted last into the baseline; empty in older lines."""
    hardware: str = ""
    busy: str = ""
    """What else used the machine, as far as that is known."""
    packages: Mapping[str, str] = field(default_factory=dict)
    generated_by: Mapping[str, Plain] = field(default_factory=dict)
    overrides: Mapping[str, Plain] = field(default_factory=dict)
    """Settings of this session only, from the command line."""
    failed: bool = False
    """Whether a case or a metric of the suite was broken or regressed."""
    metrics: Mapping[str, MetricValue]
    """Values by metric; empty where the run is partial."""


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
    failed: bool
    """Whether the session reported the suite as worse, by this metric or by anything else."""
    baseline_changed: bool
    """Whether another baseline was accepted after the previous session."""
    images: str
    """Hash of the images it was computed from; empty for times and memory."""
    baseline: float | None = None
    """What the session compared it with."""
    accepted: str = ""
    """Name of the session that was accepted last into the baseline."""
    measured_on: str = ""
    """Of times and memory: the machine and the batch size."""
    busy: str = ""
    """Of times and memory: what else used the machine, as far as that is known."""
    judged: bool = True
    """Whether the session judged it."""


@dataclass(frozen=True, slots=True)
class Series:
    """A metric session after session, oldest first."""

    metric: str
    title: str
    unit: str
    higher_is_better: bool
    points: tuple[Point, ...]
    gating: bool = True
    elsewhere: tuple[Point, ...] = ()
    """Times and memory of other machines and batch sizes, which are not compared with the others."""
    left_out: int = 0
    """How many sessions of the suite and target are not in it, as they asked for something else than the latest."""

    @property
    def sign(self) -> int:
        """1 where higher is better, -1 where lower is better."""
        return 1 if self.higher_is_better else -1


def append(path: Path, entry: Entry) -> None:
    """Add a line in a single write, so that two sessions that end at once do not mix.

    Raises:
        CannotWrite: the file cannot be written.
    """
    line = dump_line({"schema": SCHEMA, **asdict(entry)})
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # A session that was killed may have left half a line; it is ended, and marked by an empty line.
        content = (line if _ends_whole(path) else f"\n\n{line}").encode("utf-8")
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            if os.write(descriptor, content) < len(content):
                raise OSError("no space left for a whole line")
        finally:
            os.close(descriptor)


def _ends_whole(path: Path) -> bool:
    """Whether the last line is complete."""
    if not path.exists():
        return True
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def read(path: Path) -> tuple[Entry, ...]:
    """All sessions, oldest first.

    A line that is only half written is ignored. If a session was resumed, its last line counts.

    Raises:
        SdevalError: there is no history yet, or a line is corrupt; the message names the line.
    """
    # The end of a session needs it for its notes and for its page.
    stat = path.stat() if path.is_file() else None
    return _read(path, (stat.st_mtime_ns, stat.st_size) if stat else None)


@lru_cache(maxsize=1)
def _read(path: Path, _: tuple[int, int] | None) -> tuple[Entry, ...]:
    try:
        lines = read_bytes(path).split(b"\n")
    except NoSuchFile:
        raise SdevalError(f"{path}: no history yet; every session that generates a whole suite adds a line") from None
    except OSError as error:
        raise SdevalError(f"{path}: cannot be read: {error}") from None
    entries = (_line(lines, number, path) for number in range(len(lines)))
    return tuple({entry.session: entry for entry in entries if entry is not None}.values())


def _line(lines: Sequence[bytes], number: int, path: Path) -> Entry | None:
    """The entry in a line; None where the line is empty or only half written."""
    if not lines[number]:
        return None
    where = f"{path}:{number + 1}: is corrupt"
    try:
        return _entry(lines[number], where)
    except (ValueError, RecursionError) as error:
        following = lines[number + 1 :]
        # Half a line is the last one of the file, or is followed by an empty line and more sessions.
        if not following or (len(following) > 1 and not following[0]):
            return None
        raise SdevalError(f"{where}: {error}; fix or delete that line") from None


def _entry(line: bytes, where: str) -> Entry:
    content = parse_json(line)
    if isinstance(content, dict) and content.get("schema") == 1:
        parsed = from_json(_Line, json.dumps(upgrade.history_line(content)), where)
        return Entry(parsed.session, parsed.runs)
    if isinstance(content, dict) and content.get("schema", SCHEMA) != SCHEMA:
        schema = preview(content["schema"])
        raise SdevalError(f"{where}: has schema {schema}; this version of sdeval reads {SCHEMA}")
    parsed = from_json(_Line, line, where)
    return Entry(parsed.session, parsed.runs)


def suites_and_targets(entries: Sequence[Entry]) -> tuple[tuple[str, str], ...]:
    """Suites and targets in the history, in the order of their first session."""
    return tuple(dict.fromkeys((run.suite, run.target) for entry in entries for run in entry.runs if run.metrics))


def series(entries: Sequence[Entry], suite: str, target: str) -> tuple[Series, ...]:
    """Every metric of a suite on a target, in the sessions that are comparable with the latest one.

    Left out are sessions with another request or with other settings on the command line, values of another version of
    the metric, times of another machine, and sessions without a score.
    """
    matching = [
        (entry.session, run)
        for entry in entries
        for run in entry.runs
        if (run.suite, run.target) == (suite, target) and run.metrics
    ]
    if not matching:
        return ()
    latest = matching[-1][1]
    conditions = (latest.request, latest.overrides)
    alike = [(session, run) for session, run in matching if (run.request, run.overrides) == conditions]
    left_out = len(matching) - len(alike)
    return tuple(
        replace(_series(name, value, alike), left_out=left_out)
        for name, value in latest.metrics.items()
        if value.value is not None
    )


def _series(name: str, latest: MetricValue, runs: Sequence[tuple[str, RunLine]]) -> Series:
    points: list[Point] = []
    elsewhere: list[Point] = []
    previous_baseline: str | None = None
    for session, run in runs:
        value = run.metrics.get(name)
        if value is None or value.value is None:
            continue
        if (value.version, value.n) != (latest.version, latest.n):
            elsewhere += [_point(session, run, value, value.value)] if name in SPEEDS else []
            continue
        changed = previous_baseline is not None and bool(run.baseline) and run.baseline != previous_baseline
        points.append(replace(_point(session, run, value, value.value), baseline_changed=changed))
        previous_baseline = run.baseline
    return Series(
        name, latest.title, latest.unit, latest.higher_is_better, tuple(points), latest.gating, tuple(elsewhere)
    )


def _point(session: str, run: RunLine, metric: MetricValue, value: float) -> Point:
    return Point(
        session=session,
        value=value,
        tolerance=metric.tolerance,
        failed=_failed(run, metric),
        baseline_changed=False,
        images=metric.images,
        baseline=metric.baseline,
        accepted=run.accepted,
        measured_on="" if metric.images else metric.version,
        busy="" if metric.images else run.busy,
        judged=metric.verdict not in (None, "informational", "new"),
    )


def _failed(run: RunLine, value: MetricValue) -> bool:
    """Lines of earlier versions only have the verdict on the metric."""
    return run.failed or value.verdict in FLAGGED
