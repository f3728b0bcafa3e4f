"""What of a run is generated, written batch by batch, so that a session that was killed can go on where it stopped."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sdeval._utils.files import dump_line, exists, read_bytes, write_text, writing
from sdeval._utils.validation import Checked, from_json
from sdeval.errors import SdevalError, Unusable
from sdeval.imaging.io import pixel_hash
from sdeval.results.records import SampleResult, Timing

NAME = "generated.jsonl"
"""In the folder of a run, until its session ends."""
RECENT_S = 300.0
"""Seconds over which the rate of a run is taken."""
Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Generated:
    """What was generated before."""

    samples: Mapping[Key, SampleResult] = field(default_factory=dict)
    timings: Mapping[Key, Timing] = field(default_factory=dict)
    self_check: str = ""
    deaths: Mapping[Key, int] = field(default_factory=dict)
    """How many processes ended while they generated a sample; only those of this test run are counted, others are 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(Checked):
    """A line of the journal: the first holds `facts`, others a sample, a call or what became of the self-check."""

    facts: str | None = None
    sample: SampleResult | None = None
    timing: Timing | None = None
    self_check: str | None = None
    begun: tuple[Key, ...] | None = None
    """Samples of a call that begins."""
    by: str | None = None
    """The test run that makes the call."""
    ended: bool | None = None
    """Whether the call before came back, in whatever way."""
    asked: int | None = None
    """How many samples are asked for, from here on."""
    at: float | None = None
    """When the line was written, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How far a run is, by its journal."""

    generated: int
    asked: int
    """As many as are asked for; 0 where that is not known."""
    latest: float
    """When the latest image was written, in seconds since 1970; 0 where there is none."""
    rate: float
    """Images a second of late; 0 where that is not known."""


def pace(folder: Path) -> Pace:
    """How far the run in a folder is; its session may be running in another process."""
    lines = _lines(folder / NAME)
    times = [line.at for line in lines if line.sample is not None and line.at is not None]
    keys = {line.sample.key for line in lines if line.sample is not None}
    asked = next((line.asked for line in reversed(lines) if line.asked is not None), 0)
    recent = [moment for moment in times if moment > times[-1] - RECENT_S]
    # Images of one call are written together, at its end.
    span, since = (recent[-1] - recent[0], sum(moment > recent[0] for moment in recent)) if recent else (0.0, 0)
    return Pace(len(keys), asked, times[-1] if times else 0.0, since / span if span > 0 else 0.0)


def run_id() -> str:
    """What the processes of one test run have in common: workers of pytest-xdist, or this process by itself."""
    return os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"{os.getpid()}"


class Journal:
    """The journal of one run.

    Args:
        folder: of the run.
        facts: everything else that images depend on; a journal with other facts is not used.
    """

    def __init__(self, folder: Path, facts: Mapping[str, Any]) -> None:
        self._folder = folder
        self._path = folder / NAME
        self._facts = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()

    def recall(self, request: Mapping[Key, str]) -> Generated:
        """What of the samples that are asked for is generated, and whole; begins again where no journal fits.

        Args:
            request: hash of what is asked, for each sample.
        """
        lines = _lines(self._path)
        if not lines or lines[0] != Line(facts=self._facts):
            write_text(self._path, dump_line({"facts": self._facts}))
            return Generated()
        check = next((line.self_check for line in reversed(lines) if line.self_check is not None), "")
        samples: dict[Key, SampleResult] = {}
        timings: dict[Key, Timing] = {}
        for line in lines:
            sample, timing = line.sample, line.timing
            if sample and timing and request.get(sample.key) == sample.fingerprint and self._is_whole(sample):
                samples[sample.key], timings[sample.key] = sample, timing
        return Generated(samples, timings, check, _deaths(lines))

    @contextmanager
    def call(self, keys: Sequence[Key]) -> Iterator[None]:
        """Write when a call begins and that it came back: a process that it ends leaves the first alone."""
        self._append([{"begun": [list(key) for key in keys], "by": run_id()}])
        try:
            yield
        except Unusable:
            # As if it had ended the process, which is of no use any more.
            raise
        except BaseException:
            self._append([{"ended": True}])
            raise
        self._append([{"ended": True}])

    def ask(self, count: int) -> None:
        """Write how many samples are asked for, so that others can tell how far the run is."""
        self._append([{"asked": count, "at": time.time()}])

    def add(self, samples: Iterable[SampleResult], timings: Mapping[Key, Timing]) -> None:
        """Write what was generated; a stop in between leaves a line that is passed over."""
        now = time.time()
        lines = [{"sample": asdict(sample), "timing": asdict(timings[sample.key]), "at": now} for sample in samples]
        self._append(lines)

    def add_check(self, result: str) -> None:
        """Write what became of the self-check."""
        self._append([{"self_check": result}])

    def _append(self, lines: Iterable[Mapping[str, Any]]) -> None:
        with writing(self._path), self._path.open("a", encoding="utf-8") as file:
            # The line before may be half a line.
            file.write("\n" + "".join(map(dump_line, lines)))

    def _is_whole(self, sample: SampleResult) -> bool:
        try:
            return pixel_hash(self._folder / sample.image) == sample.sha256
        except (SdevalError, OSError):
            return False


def _deaths(lines: Iterable[Line]) -> dict[Key, int]:
    """How many calls of each sample never came back; calls of other test runs are named, but not counted."""
    deaths: dict[Key, int] = {}
    open_call: Line | None = None
    for line in (*lines, Line(begun=())):
        if line.begun is not None and open_call is not None:
            for key in open_call.begun or ():
                deaths[key] = deaths.get(key, 0) + (open_call.by == run_id())
        if line.begun is not None or line.ended:
            open_call = line if line.begun is not None else None
    return deaths


def _lines(path: Path) -> list[Line]:
    """Every line that is whole; what another holds is generated again."""
    lines = []
    content = read_bytes(path).decode("utf-8", errors="replace") if exists(path) else ""
    for line in content.split("\n"):
        with suppress(SdevalError):
            lines.append(from_json(Line, line, NAME))
    return lines
