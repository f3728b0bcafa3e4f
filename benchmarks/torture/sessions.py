"""Kills `pytest` sessions, fills their disk, and runs two of them at once; counts what that harms.

    python -m benchmarks.torture.sessions                                        # about 400 trials
    python -m benchmarks.torture.sessions --kills 30 --full 10 --pairs 6 --seed 3

Every trial is a process forked from this one, in a project of its own: one suite, eight small images, a baseline.

kills: before one of the session's file-system events (see `processes`), or at a random time with SIGKILL, SIGTERM or
SIGINT; then `pytest --sdeval-resume`, in another time zone and with a clock that was set back or forward.
full disk: from one of the events on nothing can be written; and on file systems of 8 to 160 kB, where this process may
mount them. Then there is room again, and `pytest --sdeval-resume`.
pairs: two sessions at once; two that resume the same stopped session; one that resumes while that session still runs.

What is left must be what an undisturbed session leaves: the same verdicts, and the same bytes of images and scores.
lost: no verdicts, or no exit code 0. other verdicts, other bytes: than those. parts: half-written files that nobody
removes. history: a line that cannot be read, or a session without one. baseline: it changed. joined: a session that ran
was resumed by another. wrong code: a full disk did not end with 0 or 4, or printed a traceback.
Exits with 1 if there is any of them.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import chdir, redirect_stdout
from datetime import datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path

import pytest

from benchmarks.torture.processes import code_within, finish, fork, with_full_disk, with_signal
from sdeval.cli import main as sdeval
from sdeval.errors import SdevalError
from sdeval.history import store as history
from sdeval.results import session_folder, session_names

FILES = {
    "paint.py": """
import numpy as np

def paint(case, seed):
    colours = np.random.default_rng([seed, len(case.prompt)]).integers(0, 255, (4, 4, 3), dtype=np.uint8)
    return np.kron(colours, np.ones((16, 16, 1), dtype=np.uint8))
""",
    "test_few.py": """
from sdeval import Case, Suite

test_few = Suite(
    name="few",
    task="text2img",
    cases=tuple(Case(id=f"case-{number}", prompt="a" * (number + 1)) for number in range(4)),
    seeds=(0, 1),
    metrics=("sharpness", "noise"),
    targets=("painted",),
)
""",
    "pyproject.toml": """
[tool.sdeval.targets.painted]
model = "python:paint.py:paint"
batch_size = 2
""",
}
"""A project that generates without a model."""
MEASURED_AGAIN = ("seconds_per_image", "peak_memory")
"""What no two sessions have in common."""
SIZES = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 320)
"""Kilobytes of a file system."""
ZONES = ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kolkata")
SHIFTS = (timedelta(0), timedelta(days=-30), timedelta(hours=-1), timedelta(days=30))
"""Of the clock."""
HARM = ("lost", "other verdicts", "other bytes", "parts", "history", "baseline", "joined", "wrong code")
RESUME = "--sdeval-resume"

Contents = dict[str, bytes]


class Project:
    """A project with a baseline, copied for each trial, and what an undisturbed session of it leaves."""

    def __init__(self, root: Path) -> None:
        self.template = root / "template"
        self.template.mkdir()
        for name, text in FILES.items():
            (self.template / name).write_text(text)
        self._root, self._count = root, 0
        # In this process, so that those forked from it have everything in memory.
        with chdir(self.template), redirect_stdout(io.StringIO()):
            _session()
            sdeval(["accept"])
        for name in ("reports", "__pycache__"):
            shutil.rmtree(self.template / name, ignore_errors=True)
        place = self.copy()
        begun = time.monotonic()
        if code := finish(fork(place, _session)):
            raise RuntimeError(f"pytest: exit code {code}")
        self.seconds = time.monotonic() - begun
        self.verdicts, self.bytes = verdicts_of(place / "reports" / "latest"), bytes_of(place / "reports" / "latest")
        self.baseline = contents_of(place / "baselines")
        shutil.rmtree(place)

    def copy(self) -> Path:
        """A project of its own."""
        self._count += 1
        return Path(shutil.copytree(self.template, self._root / str(self._count)))

    def harm(self, place: Path, codes: Sequence[int], sessions: int = 1) -> list[str]:
        """What is wrong after a trial, which ends with this.

        Args:
            place: of the trial.
            codes: exit codes of what ran last.
            sessions: how many came to their end at least.
        """
        output = place / "reports"
        ended = [path for path in session_names.sessions(output) if (path / session_folder.VERDICTS).is_file()]
        is_latest = (output / "latest" / session_folder.VERDICTS).is_file()
        harm = ["lost"] if any(codes) or len(ended) < sessions or not is_latest else []
        harm += ["other verdicts"] if any(verdicts_of(session) != self.verdicts for session in ended) else []
        harm += ["other bytes"] if any(bytes_of(session) != self.bytes for session in ended) else []
        harm += ["parts"] if any(any(session.rglob("*.part")) for session in ended) else []
        harm += ["history"] if not {session.name for session in ended} <= _in_history(output) else []
        harm += ["baseline"] if contents_of(place / "baselines") != self.baseline else []
        return harm


def _session(*options: str) -> int:
    """A session of pytest in this folder."""
    os.environ.pop("CI", None)
    # A module of this name was imported from the project of another trial.
    sys.modules.pop("test_few", None)
    return int(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "no:xdist", *options]))


def _resume(zone: str = "UTC", shift: timedelta = timedelta(0)) -> int:
    """A session that resumes the one that was stopped, elsewhere and at another time."""
    os.environ["TZ"] = zone
    time.tzset()

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + shift

    session_names.datetime = Shifted  # type: ignore[attr-defined]
    return _session(RESUME)


def verdicts_of(session: Path) -> object:
    """What a session found, but for what is measured again each time."""
    record = json.loads((session / session_folder.VERDICTS).read_text(encoding="utf-8"))
    judged = [verdict for verdict in record["verdicts"] if verdict["metric"] not in MEASURED_AGAIN]
    return judged, record["outcome"], record["notes"]


def bytes_of(session: Path) -> Contents:
    """Images and scores of a session."""
    return {
        name: content
        for name, content in contents_of(session).items()
        if name.endswith((".png", "samples.jsonl", "cases.jsonl"))
    }


def contents_of(folder: Path) -> Contents:
    """Files by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _in_history(output: Path) -> set[str]:
    """Names of the sessions of which the history has a line; none where it cannot be read."""
    try:
        return {entry.session for entry in history.read(output / history.HISTORY)}
    except SdevalError:
        return set()


def count_events(project: Project, *, writes: bool) -> int:
    """How many file-system events an undisturbed session has; those that need room, or all."""
    place = project.copy()
    output = place / "reports"

    def work() -> int:
        disturbed = partial(with_full_disk, -1) if writes else partial(with_signal, signal.SIGKILL, -1)
        (place / "count").write_text(str(disturbed(output, _session)))
        return 0

    finish(fork(place, work))
    count = int((place / "count").read_text())
    shutil.rmtree(place)
    return count


def kill(project: Project, chance: random.Random, event: int) -> list[str]:
    """Kill a session before an event, or where that is 0 at a random time, and resume it."""
    place = project.copy()
    if event:
        finish(fork(place, lambda: with_signal(signal.SIGKILL, event, place / "reports", _session)))
        outcomes = ["at an event"]
    else:
        number = chance.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
        process = fork(place, _session)
        time.sleep(chance.uniform(0, project.seconds))
        os.kill(process, number)
        outcomes = [number.name, *(["too late"] if finish(process) == 0 else [])]
    before = set(session_names.sessions(place / "reports"))
    code = finish(fork(place, lambda: _resume(chance.choice(ZONES), chance.choice(SHIFTS))))
    outcomes.append("resumed" if before == set(session_names.sessions(place / "reports")) else "begun again")
    outcomes += project.harm(place, [code])
    shutil.rmtree(place)
    return outcomes


def fill(project: Project, event: int) -> list[str]:
    """Let nothing be written from an event on, and resume the session when there is room again."""
    place = project.copy()
    code = finish(fork(place, lambda: with_full_disk(event, place / "reports", _session), str(place / "output")))
    return _after_full_disk(project, place, code)


def fill_small(project: Project, size: int) -> list[str]:
    """A session on a file system of some kilobytes, which has room when the session is resumed."""
    place = project.copy()
    output = place / "reports"
    output.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", output], check=True)
    try:
        code = finish(fork(place, _session, str(place / "output")))
        subprocess.run(["mount", "-o", "remount,size=8m", output], check=True)
        return [f"of {size} kB: {code}", *_after_full_disk(project, place, code)]
    finally:
        subprocess.run(["umount", output], check=True)


def _after_full_disk(project: Project, place: Path, code: int) -> list[str]:
    printed = (place / "output").read_text(encoding="utf-8")
    is_told = code == 0 or "cannot write to" in printed
    outcomes = [f"exit code {code}"]
    outcomes += ["wrong code"] if code not in (0, 4) or "Traceback" in printed or not is_told else []
    outcomes += project.harm(place, [finish(fork(place, _resume))])
    if not os.path.ismount(place / "reports"):
        shutil.rmtree(place)
    return outcomes


def pair(project: Project, kind: str, event: int) -> list[str]:
    """Two sessions at once; what is to be counted of it."""
    place = project.copy()
    output = place / "reports"
    number = signal.SIGSTOP if kind == "resumed while it runs" else signal.SIGKILL
    first = fork(place, _session if kind == "at once" else lambda: with_signal(number, event, output, _session))
    expected = 2
    if kind == "resumed twice":
        finish(first)
        first = fork(place, _resume)
        # Where nothing was begun, or all was done, both begin a session of their own.
        expected += len(session_names.sessions(output)) if session_folder.stopped_session(output) is None else 0
    if kind == "resumed while it runs":
        os.waitpid(first, os.WUNTRACED)
    second = fork(place, _session if kind == "at once" else _resume)
    code = finish(second)
    if kind == "resumed while it runs":
        os.kill(first, signal.SIGCONT)
    codes = [code_within(first, 60), code]
    outcomes = [kind, *project.harm(place, [1 if code is None else code for code in codes], 2)]
    outcomes += ["joined"] if len(session_names.sessions(output)) < expected else []
    shutil.rmtree(place)
    return outcomes


def torture(kills: int, full: int, pairs: int, seed: int, folder: Path) -> dict[str, Counter[str]]:
    """Counts of kills, of full disks and of pairs.

    Args:
        kills: how many, two thirds of them before events.
        full: on how many full disks, besides those of `SIZES`.
        pairs: of sessions at once.
        seed: of which.
        folder: that trials are made in.
    """
    chance, project = random.Random(seed), Project(folder)
    events, writes = count_events(project, writes=False), count_events(project, writes=True)
    counts = {"kills": Counter(events=events), "full disk": Counter(events=writes), "pairs": Counter[str]()}
    points = [round(1 + place * (events - 1) / max(1, kills)) for place in range(kills)]
    for trial, event in enumerate(points):
        counts["kills"].update(["trials", *kill(project, chance, 0 if trial % 3 == 2 else event)])
    for event in sorted(chance.sample(range(1, writes + 1), min(full, writes))):
        counts["full disk"].update(["trials", *fill(project, event)])
    for size in chance.sample(SIZES, min(full, len(SIZES))) if _may_mount(folder) else ():
        counts["full disk"].update(["trials", *fill_small(project, size)])
    for trial in range(pairs):
        kind = ("at once", "resumed twice", "resumed while it runs")[trial % 3]
        counts["pairs"].update(["trials", *pair(project, kind, chance.randint(events // 4, events // 2))])
    return counts


def _may_mount(folder: Path) -> bool:
    place = folder / "mounted"
    place.mkdir()
    try:
        command = ["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(place)]
        if subprocess.run(command, capture_output=True).returncode:
            return False
    except OSError:
        return False
    subprocess.run(["umount", place], check=True)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--full", type=int, default=60)
    parser.add_argument("--pairs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = torture(given.kills, given.full, given.pairs, given.seed, Path(folder).resolve())
    for title, count in counts.items():
        print(f"{title}:", ", ".join(f"{count[name]} {name}" for name in ("trials", *HARM)))
        print("  " + ", ".join(f"{number} {name}" for name, number in count.items() if name not in ("trials", *HARM)))
    return int(any(count[name] for count in counts.values() for name in HARM))


if __name__ == "__main__":
    sys.exit(main())
