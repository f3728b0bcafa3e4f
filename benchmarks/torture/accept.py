"""Kills `sdeval accept` before any of its file-system events, and interleaves two of them; counts what that harms.

    python -m benchmarks.torture.accept                      # 400 kills, 400 interleavings
    python -m benchmarks.torture.accept --kills 40 --interleavings 40 --seed 3

Events are those of `processes`. Every trial is a process forked from this one, in a project of its own: two suites
with a few tiny images.

A kill is followed by what every command does first, `recover`, which is killed as well; then by the same command again.
Of two accepts, the first is stopped (SIGSTOP) before one of its events; the second begins; then the first goes on, or
is killed. In between, a reader looks at every baseline. What is left must be what the two leave one after the other.

lost: a baseline is gone. mixed: suites, or files of one suite, of two accepts. damaged: a baseline that cannot be read.
Exits with 1 if there is any of them.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from benchmarks.torture.processes import code_within, finish, fork, with_signal
from sdeval.baselines import lock, store, transaction
from sdeval.cli import main as sdeval
from sdeval.errors import SdevalError
from sdeval.imaging.io import pixel_hash, write_png
from sdeval.results import run_folder
from sdeval.results.records import MetricRecord, SampleResult, Timing
from sdeval.results.run import Run

SUITES = ("animals", "zoo")
TARGET = "tiny"
SPEEDS = ["--speed"]
COMMANDS: dict[str, list[str]] = {
    "whole": ["reports/two", *SPEEDS],
    "other whole": ["reports/three", *SPEEDS],
    "one suite": ["reports/three/zoo/tiny", *SPEEDS],
    "case": ["reports/two", "-k", "case-0"],
    "other case": ["reports/three", "-k", "case-1"],
    "metric": ["reports/two", "--metric", "clip_score"],
    "approvals": ["approvals.json"],
}
"""Arguments of `sdeval accept`; what was accepted before is `reports/one`."""
SETTLED, IMPATIENT, PATIENT = 0.05, 0.02, 30.0
"""Seconds after which a process is taken to wait, and for which one waits that gives up, or that gets its turn."""

MOST_OF_RECOVERY = 60
"""Events of a recovery among which it is killed."""

Contents = dict[str, bytes]
"""Files of the baselines by path; the lock is none of them."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two accepts, of which the first is stopped."""

    first: str
    second: str
    event: int
    """Of the first, before which it is stopped."""
    fate: str
    """`gives up`: the second does not wait. `waits`: it gets its turn. `killed`: the first is killed meanwhile."""


class Project:
    """A project with baselines of one session, and two further sessions; copied for each trial."""

    def __init__(self, root: Path) -> None:
        self.template = root / "template"
        for place, session in enumerate(("one", "two", "three")):
            for suite in SUITES:
                _write_run(self.template / "reports" / session / suite / TARGET, suite, 30.0 + place)
        approvals = [{"suite": suite, "target": TARGET, "cases": ["case-1"], "metrics": "all"} for suite in SUITES]
        content = {"schema": 1, "session": "two", "approvals": approvals}
        (self.template / "approvals.json").write_text(json.dumps(content))
        self._root, self._count = root, 0
        # In this process, so that those forked from it have everything in memory.
        with contextlib.chdir(self.template), contextlib.redirect_stdout(io.StringIO()):
            _accept(["reports/one", *SPEEDS])
            sdeval(["accept", "reports/two", "--dry-run"])
        shutil.rmtree(self.template / "baselines" / lock.PLACE)

    def copy(self) -> Path:
        """A project of its own; reports are read only, and shared."""
        self._count += 1
        place = self._root / str(self._count)
        shutil.copytree(self.template / "baselines", place / "baselines")
        for name in ("reports", "approvals.json"):
            (place / name).symlink_to(self.template / name)
        return place

    def after(self, *commands: str) -> Contents:
        """What undisturbed accepts leave, one after the other."""
        place = self.copy()
        for command in commands:
            if code := finish(fork(place, lambda command=command: _accept(COMMANDS[command]))):  # type: ignore[misc]
                raise RuntimeError(f"sdeval accept {command}: exit code {code}")
        return self.leave(place)

    @staticmethod
    def leave(place: Path) -> Contents:
        """The baselines of a trial, which ends with this."""
        contents = contents_of(place)
        shutil.rmtree(place)
        return contents


def _write_run(folder: Path, suite: str, score: float) -> None:
    samples, timings = [], {}
    for case in range(2):
        colour = (case * 90, int(score) * 7, len(suite) * 20)
        image = Image.new("RGB", (8, 8), colour)
        sample = SampleResult(
            case=f"case-{case}",
            seed=0,
            prompt=f"prompt {case}",
            fingerprint=f"asked-{case}",
            sha256=pixel_hash(image),
            image=f"images/case-{case}@0.png",
            scores={"clip_score": score + case},
        )
        write_png(folder / sample.image, image)
        samples.append(sample)
        timings[sample.key] = Timing(call=case, seconds=score / 100)
    metric = MetricRecord(
        version="1", unit="", higher_is_better=True, scope="sample", tolerance=0.5, tolerance_is_relative=False
    )
    run = Run(
        suite=suite,
        task="text2img",
        target=TARGET,
        request={"cases": 2, "seeds": [0], "rounds": [[0]], "settings": {}, "unscored": {}},
        generated_by={"model": TARGET},
        metrics={"clip_score": metric},
        samples=tuple(samples),
        complete=True,
        timings=timings,
        environment={"hardware": "cpu of a kind"},
    )
    run_folder.write(run, folder)


def contents_of(place: Path) -> Contents:
    """Files of the baselines of a trial, but for the lock; with whatever an accept has left there besides."""
    baselines = place / "baselines"
    harmless = {f"{lock.PLACE}/{name}" for name in (lock.LOCK, lock.IGNORED, lock.HOLDER)}
    files = {str(path.relative_to(baselines)): path for path in baselines.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if name not in harmless}


def harm(left: Contents, allowed: Sequence[Contents], place: Path) -> str:
    """What is wrong with baselines: empty, `lost`, `mixed` or `damaged`."""
    if left in allowed:
        return ""
    for suite in SUITES:
        try:
            if store.find(place / "baselines", suite, TARGET) is None:
                return "lost"
        except SdevalError:
            return "damaged"
    return "mixed"


def _accept(arguments: Sequence[str]) -> int:
    return sdeval(["accept", *arguments])


def count_events(project: Project, command: str) -> int:
    """How many events an undisturbed accept has."""
    place = project.copy()

    def work() -> int:
        count = with_signal(signal.SIGKILL, -1, place / "baselines", lambda: _accept(COMMANDS[command]))
        (place / "count").write_text(str(count))
        return 0

    finish(fork(place, work))
    count = int((place / "count").read_text())
    project.leave(place)
    return count


def kill(project: Project, command: str, events: tuple[int, int], before: Contents, after: Contents) -> list[str]:
    """Kill an accept before an event, and what recovers from that before another one; what is to be counted of it."""
    place = project.copy()
    finish(_fork_signalled(place, signal.SIGKILL, events[0], lambda: _accept(COMMANDS[command])))
    code = finish(_fork_signalled(place, signal.SIGKILL, events[1], lambda: _recover(place)))
    lines = transaction.recover(place / "baselines")
    outcomes = [harm(contents_of(place), [before, after], place)]
    outcomes += ["killed again"] if code == -signal.SIGKILL else []
    outcomes += ["recovered"] if lines else []
    outcomes += ["accepted"] if contents_of(place) == after else ["as before"]
    code = finish(fork(place, lambda: _accept(COMMANDS[command])))
    outcomes += ["again refused"] if code or contents_of(place) != after else []
    project.leave(place)
    return list(filter(None, outcomes))


def _fork_signalled(place: Path, number: int, event: int, work: Callable[[], int]) -> int:
    """A process that gets a signal before an event in the baselines."""
    return fork(place, lambda: with_signal(number, event, place / "baselines", work))


def _recover(place: Path) -> int:
    transaction.recover(place / "baselines")
    return 0


def interleave(project: Project, pair: Pair, after: Callable[..., Contents]) -> list[str]:
    """Stop one accept before an event, begin another one, and go on; what is to be counted of it."""
    place = project.copy()
    first = _fork_signalled(place, signal.SIGSTOP, pair.event, lambda: _accept(COMMANDS[pair.first]))
    if os.WIFEXITED(os.waitpid(first, os.WUNTRACED)[1]):
        raise RuntimeError(f"{pair} ended before it was stopped")
    outcomes = [_read(place, [after(), after(pair.first)])]
    second = fork(place, lambda: _accept_within(IMPATIENT if pair.fate == "gives up" else PATIENT, pair.second))
    code = finish(second) if pair.fate == "gives up" else code_within(second, SETTLED)
    os.kill(first, signal.SIGKILL if pair.fate == "killed" else signal.SIGCONT)
    codes = (finish(first), finish(second) if code is None else code)
    transaction.recover(place / "baselines")
    outcomes.append(harm(contents_of(place), _allowed(pair, codes, after), place))
    outcomes.append(f"exit codes {codes[0]} and {codes[1]}")
    project.leave(place)
    return list(filter(None, outcomes))


def _accept_within(seconds: float, command: str) -> int:
    transaction.WAIT_SECONDS = seconds
    return _accept(COMMANDS[command])


def _allowed(pair: Pair, codes: tuple[int, int], after: Callable[..., Contents]) -> list[Contents]:
    """What may be left, by who says that it accepted."""
    first, second = pair.first, pair.second
    if codes == (0, 0):
        return [after(first, second), after(second, first)]
    if codes[1] == 0:
        # A killed accept may have come to its end, or not.
        return [after(second), *([after(first, second), after(second, first)] if codes[0] < 0 else [])]
    return [after(first)] if codes[0] == 0 else [after(), after(first)] if codes[0] < 0 else []


def _read(place: Path, states: Sequence[Contents]) -> str:
    """What a reader finds in the middle of an accept: `half read` where it is neither what was nor what will be."""

    def work() -> int:
        transaction.WAIT_SECONDS = IMPATIENT
        for suite in SUITES:
            try:
                run = store.find(place / "baselines", suite, TARGET)
            except SdevalError as error:
                # Told that somebody is just replacing it.
                return 0 if "is being changed by" in str(error) else 1
            scores = None if run is None else [sample.scores for sample in run.samples]
            if scores not in [_scores(state, suite) for state in states]:
                return 1
        return 0

    return "half read" if finish(fork(place, work)) else ""


def _scores(state: Contents, suite: str) -> list[dict[str, float]]:
    return [json.loads(line)["scores"] for line in state[f"{suite}/{TARGET}/samples.jsonl"].splitlines()]


def torture(kills: int, interleavings: int, seed: int, folder: Path) -> tuple[Counter[str], Counter[str]]:
    """Counts of kills, and of interleavings.

    Args:
        kills: how many, at most one for each event of each command.
        interleavings: how many.
        seed: of which.
        folder: that trials are made in.
    """
    chance, project = random.Random(seed), Project(folder)
    known: dict[tuple[str, ...], Contents] = {}

    def after(*commands: str) -> Contents:
        if commands not in known:
            known[commands] = project.after(*commands)
        return known[commands]

    events = {command: count_events(project, command) for command in COMMANDS}
    points = [(command, event) for command, count in events.items() for event in range(1, count + 1)]
    killed = Counter({"events": len(points)})
    for command, event in chance.sample(points, min(kills, len(points))):
        events_of_both = (event, chance.randint(1, MOST_OF_RECOVERY))
        killed.update(["trials", *kill(project, command, events_of_both, after(), after(command))])
    interleaved: Counter[str] = Counter()
    for number in range(interleavings):
        first, event = chance.choice(points)
        pair = Pair(first, chance.choice(list(COMMANDS)), event, ("gives up", "waits", "killed")[number % 3])
        interleaved.update(["trials", pair.fate, *interleave(project, pair, after)])
    return killed, interleaved


HARM = ("lost", "mixed", "damaged", "half read", "again refused")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=400)
    parser.add_argument("--interleavings", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    # Processes are killed, and no machine: a file system in memory will do, and waits for no disk.
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        counts = torture(given.kills, given.interleavings, given.seed, Path(folder).resolve())
    for title, count in zip(("kills", "interleavings"), counts, strict=True):
        print(f"{title}:", ", ".join(f"{count[name]} {name}" for name in ("trials", *HARM)))
        print("  " + ", ".join(f"{number} {name}" for name, number in count.items() if name not in ("trials", *HARM)))
    return int(any(count[name] for count in counts for name in HARM))


if __name__ == "__main__":
    sys.exit(main())
