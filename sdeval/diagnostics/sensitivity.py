"""Mutation testing for a suite: faults are planted one by one, and the suite is asked which ones it sees."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sdeval import metrics
from sdeval._utils.progress import Watcher
from sdeval.baselines import acceptance as accepting
from sdeval.baselines import store as baselines
from sdeval.baselines.acceptance import BrokenImages
from sdeval.baselines.variability import VariabilityFit
from sdeval.baselines.variability_fit import fit_variability
from sdeval.comparison import FAILING, Kind, Verdict, worst_first
from sdeval.comparison.paired import pair_scores, tolerance_of
from sdeval.comparison.wording import IDENTICAL_IMAGES
from sdeval.config.options import Options
from sdeval.config.suite import Suite
from sdeval.config.target import Target
from sdeval.diagnostics.faults import CONTROLS, FAULTS, Fault, plant_fault
from sdeval.diagnostics.known_faults import metrics_that_see
from sdeval.diagnostics.naive_rules import BY_HAND
from sdeval.engines.engine import Engine, open_target
from sdeval.errors import SdevalError, unknown
from sdeval.metrics import MetricOptions
from sdeval.results import run_folder
from sdeval.results.run import Run
from sdeval.session.session import Session

APART = 100
"""Between the seeds of one repeat and the next."""
TRIES = 20
"""Sets of seeds to try for a sound run without a broken image."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is planted where, and how often."""

    suite: Suite
    target: Target
    faults: Sequence[Fault]
    baselines: Path
    """Where the variability of the suite on the target is kept; nothing is written there."""
    repeats: int = 1
    """Of the controls, with other seeds each."""
    engine: Engine | None = None
    """What generates the target, where it is ready already."""


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
    """Those that failed, worst first; `defect` for broken images."""
    loss: float
    """Largest loss of a metric, in tolerances."""
    by_hand: Mapping[str, bool]
    """Which rules that teams write by hand would have raised an alarm, on the same scores."""
    identical: bool
    """Whether no image changed: the fault does nothing to this target."""
    seen_by: tuple[str, ...] = ()
    """All metrics that saw this fault where it was planted into images of known answers: it is meant for them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """What a suite catches, and what it flags wrongly."""

    suite: str
    target: str
    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    """What a reader of the findings must know besides."""

    def count_caught(self, *, clear: bool | None = None) -> tuple[int, int]:
        """How many planted faults were caught, of how many; only those of clear strength, or the others, if asked."""
        faults = [finding for finding in self.faults if clear is None or finding.clear == clear]
        return sum(finding.caught for finding in faults), len(faults)

    def count_flagged(self) -> tuple[int, int]:
        """How many controls were flagged, of how many."""
        controls = [finding for finding in self.findings if finding.control]
        return sum(finding.caught for finding in controls), len(controls)

    @property
    def faults(self) -> list[Finding]:
        """Planted faults that did something."""
        return [finding for finding in self.findings if not finding.control and not finding.identical]

    @property
    def good(self) -> bool:
        """Whether every fault of clear strength was caught, and no control flagged."""
        count, total = self.count_caught(clear=True)
        return count == total and not self.count_flagged()[0]

    def describe(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def select_faults(names: Sequence[str], suite: Suite, *, in_pipeline: bool = True) -> list[Fault]:
    """Faults and controls by name; all that fit the suite's task, and what generates, where none is named.

    Args:
        names: of faults and controls.
        suite: for its task.
        in_pipeline: whether a diffusers pipeline of this process generates; of others only inputs and images can be
            changed.

    Raises:
        NotAvailable: a fault of objects takes a detector that is not on this machine.
        SdevalError: no such fault, or one that does not fit.
    """
    faults = {**FAULTS, **CONTROLS}
    for name in names:
        if name not in faults:
            raise SdevalError(unknown("fault", name, faults))
        if suite.task not in faults[name].tasks:
            raise SdevalError(f"fault {name} is for {', '.join(faults[name].tasks)}, not for {suite.task}")
        if faults[name].needs_objects and not _with_objects(suite):
            raise SdevalError(f"fault {name} changes what `objects` names, and no case of {suite.name} has any")
        if not in_pipeline and faults[name].around is None:
            fitting = ", ".join(fault.name for fault in _fitting(faults.values(), suite, in_pipeline=False))
            raise SdevalError(f"fault {name} is one of a diffusers pipeline; what can be planted here: {fitting}")
    chosen = [faults[name] for name in names] or _fitting(faults.values(), suite, in_pipeline=in_pipeline)
    return [fault.of_suite(fault, suite) if fault.of_suite else fault for fault in chosen]


def _fitting(faults: Iterable[Fault], suite: Suite, *, in_pipeline: bool) -> list[Fault]:
    with_text = any(case.text for case in suite.cases)
    # Of a suite that has objects for other readers than a detector, none needs to be on this machine.
    with_objects = _with_objects(suite) and "objects" in suite.metrics
    return [
        fault
        for fault in faults
        if suite.task in fault.tasks
        and (in_pipeline or fault.around)
        and (with_text or not fault.needs_text)
        and (with_objects or not fault.needs_objects)
    ]


def _with_objects(suite: Suite) -> bool:
    return any(case.objects for case in suite.cases)


def measure(
    trial: Trial, folder: Path, watcher: Watcher, report: Callable[[Finding], None] = lambda _: None
) -> Sensitivity:
    """Plant every fault once, and every control in each repeat, and judge each against the sound pipeline.

    A repeat generates both sides with other seeds. It is judged like a session of `pytest suites` with this suite
    alone, by the tolerances that `sdeval calibrate` measured, where the suite states none.

    Args:
        trial: what is planted where.
        folder: where sessions go; they may be thrown away afterwards.
        watcher: shows the progress of every image.
        report: called with every finding as soon as it is there.

    Raises:
        NotAvailable: the weights of a metric or of the target are not on this machine.
        SdevalError: the target cannot be generated with, or a fault does not fit it.
    """
    engine = trial.engine or open_target(trial.target)
    metrics.check(trial.suite, engine.device)
    variability = _variability(trial, engine.device)
    findings = []
    for repeat in range(trial.repeats):
        bench = _healthy_bench(_Bench(trial.suite, engine, variability, folder / str(repeat), watcher), APART * repeat)
        for fault in trial.faults:
            if fault.name in CONTROLS or repeat == 0:
                findings.append(bench.finding(fault, repeat))
                report(findings[-1])
    return Sensitivity(
        suite=trial.suite.name, target=trial.target.name, findings=tuple(findings), notes=variability.notes
    )


def _variability(trial: Trial, device: str) -> VariabilityFit:
    """What fits the suite with its own seeds: what a session of it would judge by."""
    accepted = baselines.find(trial.baselines, trial.suite.name, trial.target.name)
    options = MetricOptions.from_suite(trial.suite, device)
    return fit_variability(trial.baselines, trial.suite, trial.target, accepted, options)


def _healthy_bench(bench: _Bench, shift: int) -> _Bench:
    """A bench whose baseline is healthy: a model may generate a broken image now and then, with the best of pipelines.

    Anything else that is wrong would be so with other seeds as well.
    """
    failure = None
    for number in range(TRIES):
        offset = shift + len(bench.suite.rounds[-1]) * number
        suite = replace(bench.suite, seeds=tuple(seed + offset for seed in bench.suite.seeds))
        candidate = replace(bench, suite=suite, folder=bench.folder / f"seeds-{number}")
        try:
            candidate.accept()
            return candidate
        except BrokenImages as error:
            failure = error
    raise SdevalError(f"the pipeline without any fault generates broken images with {TRIES} sets of seeds: {failure}")


@dataclass(frozen=True, slots=True)
class _Bench:
    """One suite and one target that is ready, with a baseline of their own."""

    suite: Suite
    engine: Engine
    variability: VariabilityFit
    folder: Path
    watcher: Watcher

    @property
    def target(self) -> Target:
        return self.engine.target

    @property
    def baselines(self) -> Path:
        return self.folder / "baselines"

    def accept(self) -> None:
        """Generate the sound pipeline with all seeds, and make that the baseline."""
        list(self._verdicts("sound", self.engine))
        accepting.accept(self._run_folder("sound"), self.baselines)

    def finding(self, fault: Fault, repeat: int) -> Finding:
        """Plant a fault, and judge what comes out."""
        try:
            with plant_fault(fault, self.engine, self.suite.task) as engine:
                verdicts = worst_first(list(self._verdicts(fault.name, engine)))
        except SdevalError:
            raise
        except Exception as error:
            why = f"{type(error).__name__}: {error}".splitlines()[0]
            raise SdevalError(
                f"fault {fault.name} does not fit {self.target.name}: {why}; name others with --fault"
            ) from error
        failing = [verdict for verdict in verdicts if verdict.verdict in FAILING]
        run = run_folder.read(self._run_folder(fault.name))
        return Finding(
            fault=fault.name,
            says=fault.says,
            control=fault.name in CONTROLS,
            clear=self.suite.task in fault.clear,
            repeat=repeat,
            verdict=verdicts[0].verdict,
            caught=bool(failing),
            metrics=tuple(dict.fromkeys(verdict.metric for verdict in failing)),
            loss=max([0.0, *(verdict.loss for verdict in verdicts if not verdict.case)]),
            by_hand=self._by_hand(run),
            identical=all(verdict.reason == IDENTICAL_IMAGES for verdict in verdicts if verdict.case),
            seen_by=metrics_that_see(fault.name),
        )

    def _verdicts(self, name: str, engine: Engine) -> Iterator[Verdict]:
        options = Options(named={self.target.name: self.target}, baselines=self.baselines)
        variability = {(self.suite.name, self.target.name): self.variability}
        session = Session(options, self.folder / name, self.watcher, loaded=engine, variability=variability)
        items = session.items(replace(self.suite, targets=(self.target.name,)))
        session.select(items)
        return (session.judge(item) for item in items)

    def _run_folder(self, name: str) -> Path:
        return self.folder / name / self.suite.name / self.target.name

    def _by_hand(self, run: Run) -> dict[str, bool]:
        baseline = baselines.find(self.baselines, self.suite.name, self.target.name)
        assert baseline is not None
        return {rule: any(_alarms(run, baseline, rule)) for rule in BY_HAND}


def _alarms(run: Run, baseline: Run, rule: str) -> Iterator[bool]:
    """What a rule by hand says of every sample metric that is judged."""
    for name, record in run.metrics.items():
        table = (
            pair_scores(run, baseline, name, list(run.by_case()))
            if record.scope == "sample" and record.gating
            else None
        )
        if table is not None:
            tolerance = tolerance_of(record, float(table.before.mean()))
            yield BY_HAND[rule](record.sign * table.before, record.sign * table.after, tolerance)
