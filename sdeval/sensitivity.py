"""Mutation testing for a suite: faults are planted one by one, and the suite is asked which ones it sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sdeval import baseline as baselines
from sdeval import run as runs
from sdeval.by_hand import BY_HAND
from sdeval.compare import FAILING, Kind, Verdict, worst_first
from sdeval.compare.paired import paired, tolerance_of
from sdeval.errors import SdevalError, unknown
from sdeval.faults import CONTROLS, FAULTS, Fault
from sdeval.pipelines.load import LoadedTarget
from sdeval.progress import Watcher
from sdeval.run import Run
from sdeval.runner import Options
from sdeval.session import Session
from sdeval.suite import Suite
from sdeval.target import Target

APART = 100
"""Between the seeds of one repeat and the next."""
TRIES = 20
"""Sets of seeds to try for a sound run without a broken picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a suite said of one planted fault."""

    fault: str
    says: str
    control: bool
    clear: bool
    repeat: int
    verdict: Kind
    """The worst of the session."""
    caught: bool
    metrics: tuple[str, ...]
    """Those that failed, worst first; `health` for broken pictures."""
    loss: float
    """Largest loss of a figure, in tolerances."""
    by_hand: Mapping[str, bool]
    """Which rules that teams write by hand would have raised an alarm, on the same scores."""
    identical: bool
    """Whether no picture changed: the fault does nothing to this target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """What a suite catches, and what it flags wrongly."""

    suite: str
    target: str
    findings: tuple[Finding, ...]

    def caught(self, *, clear: bool | None = None) -> tuple[int, int]:
        """How many planted faults were caught, of how many; only those of clear strength, or the others, if asked."""
        mine = [each for each in self.faults if clear is None or each.clear == clear]
        return sum(each.caught for each in mine), len(mine)

    def flagged(self) -> tuple[int, int]:
        """How many controls were flagged, of how many."""
        controls = [each for each in self.findings if each.control]
        return sum(each.caught for each in controls), len(controls)

    @property
    def faults(self) -> list[Finding]:
        """Planted faults that did something."""
        return [each for each in self.findings if not each.control and not each.identical]

    @property
    def good(self) -> bool:
        """Whether every fault of clear strength was caught, and no control flagged."""
        right, total = self.caught(clear=True)
        return right == total and not self.flagged()[0]

    def describe(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def chosen(names: Sequence[str], suite: Suite) -> list[Fault]:
    """Faults and controls by name; all that fit the suite's task where none is named.

    Raises:
        SdevalError: no such fault, or one of another task.
    """
    known = {**FAULTS, **CONTROLS}
    for name in names:
        if name not in known:
            raise SdevalError(unknown("fault", name, known))
        if suite.task not in known[name].tasks:
            raise SdevalError(f"fault {name} is for {', '.join(known[name].tasks)}, not for {suite.task}")
    return [known[name] for name in names] or [each for each in known.values() if suite.task in each.tasks]


def measure(
    suite: Suite,
    target: Target,
    faults: Sequence[Fault],
    folder: Path,
    repeats: int,
    watcher: Watcher,
    told: Callable[[Finding], None] = lambda _: None,
) -> Sensitivity:
    """Plant every fault once, and every control in each repeat, and judge each against the sound pipeline.

    A repeat draws both sides with other seeds. Judging is that of `pytest suites`, for a session of this suite alone.

    Args:
        suite: what is asked.
        target: what draws.
        faults: what is planted.
        folder: where sessions go; they may be thrown away afterwards.
        repeats: of the controls.
        watcher: told of every picture.
        told: given every finding as soon as it is there.

    Raises:
        SdevalError: the target cannot be drawn with, or a fault does not fit it.
    """
    loaded = LoadedTarget(target)
    findings = []
    for repeat in range(repeats):
        bench = _sound(suite, APART * repeat, loaded, folder / str(repeat), watcher)
        for fault in faults:
            if fault.name in CONTROLS or repeat == 0:
                findings.append(bench.finding(fault, repeat))
                told(findings[-1])
    return Sensitivity(suite=suite.name, target=target.name, findings=tuple(findings))


def _sound(suite: Suite, shift: int, loaded: LoadedTarget, folder: Path, watcher: Watcher) -> _Bench:
    """A bench whose baseline is healthy: a model may draw a broken picture now and then, with the best of pipelines."""
    refused = None
    for number in range(TRIES):
        moved = replace(suite, seeds=tuple(seed + shift + len(suite.looks[-1]) * number for seed in suite.seeds))
        here = folder / f"seeds-{number}"
        named = {loaded.target.name: loaded.target}
        options = Options(named=named, baselines=here / "baselines")
        bench = _Bench(moved, loaded.target, loaded, options, here, watcher)
        try:
            bench.accept()
            return bench
        except SdevalError as error:
            refused = error
    raise SdevalError(f"the pipeline without any fault draws broken pictures with {TRIES} sets of seeds: {refused}")


@dataclass(frozen=True, slots=True)
class _Bench:
    """One suite and one loaded target, with a baseline of their own."""

    suite: Suite
    target: Target
    loaded: LoadedTarget
    options: Options
    folder: Path
    watcher: Watcher

    def accept(self) -> None:
        """Draw the sound pipeline with all seeds, and make that the baseline."""
        list(self._verdicts("sound"))
        baselines.accept(self._run_folder("sound"), self.options.baselines)

    def finding(self, fault: Fault, repeat: int) -> Finding:
        """Plant a fault, and judge what comes out."""
        try:
            with fault.plant(self.loaded.pipeline(self.suite.task)):
                verdicts = worst_first(list(self._verdicts(fault.name)))
        except SdevalError:
            raise
        except Exception as error:
            why = f"{type(error).__name__}: {error}".splitlines()[0]
            raise SdevalError(
                f"fault {fault.name} does not fit {self.target.name}: {why}; name others with --fault"
            ) from error
        failing = [each for each in verdicts if each.verdict in FAILING]
        run = runs.read(self._run_folder(fault.name))
        return Finding(
            fault=fault.name,
            says=fault.says,
            control=fault.name in CONTROLS,
            clear=self.suite.task in fault.clear,
            repeat=repeat,
            verdict=verdicts[0].verdict,
            caught=bool(failing),
            metrics=tuple(dict.fromkeys(each.metric for each in failing)),
            loss=max([0.0, *(each.loss for each in verdicts if not each.case)]),
            by_hand=self._by_hand(run),
            identical=all(each.reason == "identical pictures" for each in verdicts if each.case),
        )

    def _verdicts(self, name: str) -> Iterator[Verdict]:
        session = Session(self.options, self.folder / name, self.watcher, loaded=self.loaded)
        questions = session.questions(replace(self.suite, targets=(self.target.name,)))
        session.select(questions)
        return (session.answer(question) for question in questions)

    def _run_folder(self, name: str) -> Path:
        return self.folder / name / self.suite.name / self.target.name

    def _by_hand(self, run: Run) -> dict[str, bool]:
        before = baselines.find(self.options.baselines, self.suite.name, self.target.name)
        assert before is not None
        return {rule: any(_alarms(run, before, rule)) for rule in BY_HAND}


def _alarms(run: Run, baseline: Run, rule: str) -> Iterator[bool]:
    """What a rule by hand says of every sample metric that is judged."""
    for name, record in run.metrics.items():
        table = paired(run, baseline, name, list(run.by_case())) if record.scope == "sample" and record.judged else None
        if table is not None:
            tolerance = tolerance_of(record, float(table.before.mean()))
            yield BY_HAND[rule](record.sign * table.before, record.sign * table.after, tolerance)
