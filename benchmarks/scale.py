"""How sdeval scales: memory against the number of images, and the time of each stage per sample.

    python -m benchmarks.scale memory --many 2000 --few 50 --size 1024
    python -m benchmarks.scale time --many 20000 --few 1000 --rounds 3

`memory` runs whole pytest sessions, each in a process of its own: new images, and then others that are compared with
the accepted ones. It prints the peak of each. `time` runs the stages of a session in this process, the two sizes in
turns so that a change of the machine's mood meets both, and prints processor time per sample, and its ratio round by
round.
`--profile STAGE` shows instead where the time of a stage goes with the larger number.

The images are mosaics, which take no time to make and little to compress.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import os
import pstats
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from sdeval.baselines.acceptance.proposal import propose, write
from sdeval.baselines.snapshot import take_snapshot
from sdeval.cli import main as command
from sdeval.comparison import Verdict, judge_metrics
from sdeval.config.case import Case
from sdeval.config.options import Options
from sdeval.config.suite import Suite
from sdeval.config.target import Target
from sdeval.engines.engine import open_target
from sdeval.evaluation.evaluate import generate
from sdeval.evaluation.score import score
from sdeval.history.record import entry_of, record
from sdeval.history.trends import trend_notes
from sdeval.report.publish import publish
from sdeval.results import run_folder
from sdeval.results.run import Run
from sdeval.session.items import Item, Job, items_of
from sdeval.session.judging import Subject, compare
from sdeval.session.resolve import ResolvedJob, resolve

ROOT = Path(__file__).parent.parent
SEEDS = (0, 1, 2, 3)
SESSIONS = ("20260101-000000-aaaa", "20260102-000000-aaaa")
REPEATS = 5
"""How often the stages are measured with few samples that take little time."""
WARMING = 40
"""Samples of the first session, which pays for what is imported and loaded, and is not counted."""
T = TypeVar("T")
METRICS = ("sharpness", "diversity", "duplicates", "psnr")
ENGINE = '''
import numpy as np
from PIL import Image

def generate(case, seed, size=32, version=0):
    """A mosaic of its own for every case and seed; another version has other levels."""
    cells = np.random.default_rng([int(case.id[5:]), seed]).integers(0, 240, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(cells + np.uint8(version)).resize((size, size), Image.Resampling.NEAREST)
'''
SUITE = """
from benchmarks.scale import suite_of

test_mosaics = suite_of({samples}, {metrics})
"""
SETTINGS = """
[tool.sdeval.targets.mosaic]
model = "python:engine.py:generate"
settings = {{ size = {size} }}
"""


def suite_of(samples: int, metrics: tuple[str, ...] = METRICS) -> Suite:
    """A suite of that many samples, four to a case."""
    cases = tuple(Case(id=f"case-{n}", prompt=f"mosaic number {n}") for n in range(max(1, samples // len(SEEDS))))
    options = {"clip_model": "shapes"}
    return Suite(
        name="mosaics",
        task="text2img",
        cases=cases,
        seeds=SEEDS,
        metrics=metrics,
        metric_options=options,
        targets=("mosaic",),
    )


@dataclass(frozen=True, slots=True)
class Session:
    """One pytest session in a process of its own."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def pytest_session(project: Path, *options: str) -> Session:
    """Run pytest on a project, and account for it."""
    command = [sys.executable, "-m", "pytest", str(project), "-q", "-p", "no:cacheprovider", "--sdeval-no-strict"]
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": str(ROOT)}
    log = project / "output.txt"
    started = time.perf_counter()
    with log.open("w") as output:
        process = subprocess.Popen([*command, *options], cwd=project, stdout=output, stderr=output, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise SystemExit(log.read_text())
    seconds = time.perf_counter() - started
    return Session(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def pytest_project(folder: Path, samples: int, size: int, metrics: tuple[str, ...]) -> Path:
    """A project with the suite and the engine."""
    folder.mkdir()
    (folder / "engine.py").write_text(ENGINE)
    (folder / "test_mosaics.py").write_text(SUITE.format(samples=samples, metrics=metrics))
    (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\n" + SETTINGS.format(size=size))
    return folder


def print_memory(arguments: argparse.Namespace) -> None:
    """Peaks of sessions with many and with few images."""
    metrics = tuple(arguments.metrics.split(","))
    peaks: dict[str, dict[int, int]] = {}
    with TemporaryDirectory() as temporary:
        for samples in (arguments.few, arguments.many):
            project = pytest_project(Path(temporary) / str(samples), samples, arguments.size, metrics)
            new = pytest_session(project)
            os.chdir(project)
            if command(["accept"]):
                raise SystemExit((project / "output.txt").read_text())
            changed = pytest_session(project, "--sdeval-set", "version=3")
            os.chdir(ROOT)
            for name, session in (("new images", new), ("compared with a baseline", changed)):
                peaks.setdefault(name, {})[samples] = session.peak_bytes
                peak = session.peak_bytes / 2**20
                print(
                    f"{samples:6} images of {arguments.size} pixels, {name}: {peak:6.0f} MiB at peak, "
                    f"{session.seconds:.0f} s",
                    flush=True,
                )
    for name, by_samples in peaks.items():
        difference = (by_samples[arguments.many] - by_samples[arguments.few]) / 1e6
        print(f"{name}: {difference:+.0f} MB for {arguments.many} images instead of {arguments.few}")


@dataclass(slots=True)
class Stages:
    """A session with some number of samples, stage by stage in this process."""

    folder: Path
    samples: int
    size: int
    repeats: int = 1
    """How often a stage is measured that takes little time."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Processor time of each stage that has run."""
    profiled: str = ""
    """The stage that is profiled."""

    def measure(self, name: str, call: Callable[[], T], repeats: int = 1) -> T:
        """Measure a stage, and return what the last call gave."""
        gc.collect()
        profile = cProfile.Profile(time.process_time) if name == self.profiled else None
        started = time.process_time()
        for _ in range(repeats):
            result = profile.runcall(call) if profile else call()
        self.seconds[name] = (time.process_time() - started) / repeats
        if profile:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(35)
        return result

    def run(self) -> dict[str, float]:
        """Accept a first run, and compare a second one with it.

        Returns:
            The seconds of every stage.
        """
        self.folder.mkdir(parents=True)
        (self.folder / "engine.py").write_text(ENGINE)
        suite = suite_of(self.samples)
        sessions = self.folder / "reports"
        first, second = (sessions / name / suite.name / "mosaic" for name in SESSIONS)
        folders = (self.folder / f"baselines-{number}" for number in range(self.repeats))
        options = Options(baselines=self.folder / "baselines-0", journal=True)
        self._evaluate(resolve(Job(suite, self._target(0)), options), first, "")
        self.measure("accepting", lambda: write(propose(first, next(folders))), self.repeats)
        job = Job(suite, self._target(3))
        resolved = self.measure("reading", lambda: resolve(job, options), self.repeats)
        run, resolved = self._evaluate(resolved, second, " with a baseline")
        self._judge(run, resolved, second.parent.parent)
        return self.seconds

    def _target(self, version: int) -> Target:
        settings = {"size": self.size, "version": version}
        return Target(name="mosaic", model=f"python:{self.folder / 'engine.py'}:generate", settings=settings)

    def _evaluate(self, resolved: ResolvedJob, folder: Path, suffix: str) -> tuple[Run, ResolvedJob]:
        """Generate and score a run, with a baseline where there is one."""
        plan = resolved.plan(0)
        engine = open_target(plan.target)
        accepted = resolved.baseline
        if accepted:
            snapshot = self.measure("snapshot", lambda: take_snapshot(accepted, folder), self.repeats)
            resolved = replace(resolved, baseline=snapshot)
        generated = self.measure(f"generating{suffix}", lambda: generate(plan, engine, folder, lambda _: None))
        if not suffix:
            # Once: hashes of images are remembered.
            self.measure("resuming", lambda: generate(plan, engine, folder, lambda _: None))
        run = self.measure(
            f"scoring{suffix}",
            lambda: score(generated, plan.suite, plan.samples, folder, "cpu", resolved.baseline),
        )
        self.measure("writing", lambda: run_folder.write(run, folder), self.repeats)
        return run, resolved

    def _judge(self, run: Run, resolved: ResolvedJob, session: Path) -> None:
        job = resolved.job
        items = self.measure("items", lambda: items_of(job.suite, [job.target]), self.repeats)
        verdicts = self.measure("judging", lambda: _verdicts(replace(run), resolved, items), self.repeats)
        record(session, verdicts)
        self.measure(
            "history",
            lambda: (entry_of(session, verdicts), trend_notes(session.parent, session.name)),
            self.repeats,
        )
        self.measure("reporting", lambda: publish(session, verdicts), self.repeats)


def _verdicts(run: Run, resolved: ResolvedJob, items: Sequence[Item]) -> list[Verdict]:
    """The verdicts on all items but the speed."""
    cases, metrics = ([item.name for item in items if item.kind == kind] for kind in ("case", "metric"))
    subject = Subject(resolved=resolved, run=run, baseline=resolved.baseline, round=0, cases=cases, metrics=metrics)
    compared = compare(subject, len(metrics), 1)
    return [*judge_metrics(list(compared.evidence.values())), *compared.cases.values()]


def whole_session(folder: Path, samples: int, size: int) -> float:
    """Processor time of a pytest session, less that of one with a single case."""
    seconds = [
        pytest_session(pytest_project(folder / str(count), count, size, METRICS)).cpu_seconds
        for count in (len(SEEDS), samples)
    ]
    return seconds[1] - seconds[0]


def print_times(arguments: argparse.Namespace) -> None:
    """Seconds per sample of every stage, for few samples and for many."""
    sizes = (arguments.few, arguments.many)
    measured: dict[int, list[dict[str, float]]] = {samples: [] for samples in sizes}
    with TemporaryDirectory() as folder:
        Stages(Path(folder) / "project", WARMING, arguments.size).run()
    for samples in arguments.rounds * sizes:
        with TemporaryDirectory() as folder:
            repeats = REPEATS if samples == arguments.few else 1
            stages = Stages(Path(folder) / "project", samples, arguments.size, repeats)
            stages.profiled = arguments.profile if samples == arguments.many else ""
            seconds = stages.run()
            if arguments.sessions:
                seconds["whole pytest session"] = whole_session(Path(folder), samples, arguments.size)
        measured[samples].append({name: value / samples for name, value in seconds.items()})
    few, many = (measured[samples] for samples in sizes)
    print(f"{'stage':28}{f'ms a sample at {sizes[0]:,}':>24}{f'at {sizes[1]:,}':>12}{'ratio':>8}  (ratios of rounds)")
    for name in few[0]:
        ratios = [large[name] / small[name] for small, large in zip(few, many, strict=True)]
        small, large = (1000 * statistics.median(each[name] for each in side) for side in (few, many))
        listed = ", ".join(f"{ratio:.2f}" for ratio in ratios)
        print(f"{name:28}{small:24.3f}{large:12.3f}{statistics.median(ratios):8.2f}  ({listed})")


def main() -> int:
    """Measure, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    memory = commands.add_parser("memory", help="peaks of whole sessions")
    memory.add_argument("--many", type=int, default=2000)
    memory.add_argument("--few", type=int, default=50)
    memory.add_argument("--size", type=int, default=1024)
    memory.add_argument("--metrics", default=",".join(METRICS))
    memory.set_defaults(function=print_memory)
    times = commands.add_parser("time", help="seconds per sample, stage by stage")
    times.add_argument("--many", type=int, default=20_000)
    times.add_argument("--few", type=int, default=1_000)
    times.add_argument("--size", type=int, default=16)
    times.add_argument("--rounds", type=int, default=3)
    times.add_argument("--sessions", action="store_true", help="whole pytest sessions too")
    times.add_argument("--profile", default="", metavar="STAGE")
    times.set_defaults(function=print_times)
    arguments = parser.parse_args()
    function: Callable[[argparse.Namespace], None] = arguments.function
    function(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
