"""What the page shows, as values: made from run folders, baselines and verdicts, and handed to the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdeval import baseline as baselines
from sdeval import run as runs
from sdeval.compare.verdict import KINDS, Verdict, summary, worst_first
from sdeval.environment import differences
from sdeval.errors import SdevalError
from sdeval.files import write_bytes
from sdeval.report.words import SYMBOLS, headline, number, probability, sentence, signed, times_noise, told_not_here
from sdeval.run import AGAINST, PASSING, Run, SampleResult


@dataclass(frozen=True, slots=True)
class Bar:
    """An interval drawn around zero, in percent of the width; the band is what is allowed."""

    left: float
    width: float
    point: float
    band_left: float
    band_width: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of a suite's table."""

    verdict: Verdict
    symbol: str
    title: str
    unit: str
    baseline: str
    current: str
    change: str
    noise: str
    """The change in multiples of what other seeds do."""
    allowed: str
    p_value: str
    bar: Bar | None


@dataclass(frozen=True, slots=True)
class Shot:
    """One sample: its picture now and in the baseline, as paths relative to the page; empty where there is none."""

    seed: int
    current: str
    baseline: str
    health: str
    scores: str


@dataclass(frozen=True, slots=True)
class Card:
    """One case with all its seeds."""

    verdict: Verdict
    symbol: str
    prompt: str
    said: str
    shots: tuple[Shot, ...]


@dataclass(frozen=True, slots=True)
class RunView:
    """One suite on one target."""

    suite: str
    target: str
    task: str
    changed: tuple[str, ...]
    notes: tuple[str, ...]
    figures: tuple[Figure, ...]
    cards: tuple[Card, ...]

    @property
    def rank(self) -> int:
        """How bad its worst verdict is; the worst come first."""
        verdicts = [*(each.verdict for each in self.figures), *(each.verdict for each in self.cards)]
        return min((KINDS.index(each.verdict) for each in verdicts), default=len(KINDS))


@dataclass(frozen=True, slots=True)
class View:
    """The page."""

    headline: str
    failed: bool
    counts: Mapping[str, int]
    symbols: Mapping[str, str]
    worst: tuple[str, ...]
    notes: tuple[str, ...]
    environment: tuple[str, ...]
    runs: tuple[RunView, ...]


def build(session: Path, verdicts: Sequence[Verdict], baseline_folder: Path, *, strict: bool = False) -> View:
    """Read the runs of a session and put them beside their baselines.

    Pictures of the baselines are copied into the session, so that its folder can be moved or uploaded whole.
    """
    views = []
    machine: tuple[str, ...] = ()
    for folder in sorted(path.parent for path in session.glob("*/*/run.json")):
        run = runs.read(folder)
        mine = [each for each in verdicts if (each.suite, each.target) == (run.suite, run.target)]
        views.append(_run_view(session, folder, run, mine, baseline_folder))
        machine = _machine(run)
    failing = [each for each in worst_first(verdicts) if each.fails(strict=strict)]
    return View(
        headline=headline(verdicts, strict=strict),
        failed=bool(failing),
        counts={str(kind): count for kind, count in summary(verdicts).items()},
        symbols=SYMBOLS,
        worst=tuple(map(_worst_line, failing[:5])),
        notes=tuple(told_not_here(verdicts)),
        environment=machine,
        runs=tuple(sorted(views, key=lambda each: each.rank)),
    )


def _worst_line(verdict: Verdict) -> str:
    what = f"{verdict.case} " if verdict.case else ""
    said = verdict.reason if verdict.verdict == "broken" else sentence(verdict)
    return f"{verdict.suite} on {verdict.target}: {what}{verdict.verdict}: {said}"


def _machine(run: Run) -> tuple[str, ...]:
    environment = run.environment
    packages = environment.get("packages", {})
    versions = ", ".join(
        f"{name} {packages[name]}" for name in ("torch", "diffusers", "transformers") if name in packages
    )
    return (str(environment.get("hardware", "")), f"Python {environment.get('python', '')}", versions)


def _run_view(session: Path, folder: Path, run: Run, verdicts: Sequence[Verdict], baseline_folder: Path) -> RunView:
    before, accepted = _held_against(folder, run, baseline_folder)
    old = {sample.key: sample for sample in before.samples} if before else {}
    pictures = {key: _copied(sample, accepted, folder, session) for key, sample in old.items()}
    samples = run.by_case()
    by_case = {each.case: each for each in verdicts if each.case}
    ordered = worst_first([by_case[case] for case in samples if case in by_case])
    return RunView(
        suite=run.suite,
        target=run.target,
        task=run.task,
        changed=tuple(_changed(before, run)) if before else (),
        notes=run.notes,
        figures=tuple(_figure(each, run) for each in worst_first([each for each in verdicts if not each.case])),
        cards=tuple(_card(each, samples[each.case], folder, session, pictures) for each in ordered),
    )


def _held_against(folder: Path, run: Run, baseline_folder: Path) -> tuple[Run | None, Path]:
    """What a run was held against, and where it is: what was drawn in turns with it, or its baseline."""
    rival = folder / AGAINST
    if (rival / "run.json").is_file():
        return runs.read(rival), rival
    return _baseline(baseline_folder, run), baselines.folder_of(baseline_folder, run.suite, run.target)


def _baseline(folder: Path, run: Run) -> Run | None:
    try:
        return baselines.find(folder, run.suite, run.target)
    except SdevalError:
        # The page still shows the run; the session said what is wrong with the baseline.
        return None


def _changed(before: Run, run: Run) -> list[str]:
    drawn = differences(dict(before.drawn_by), dict(run.drawn_by))
    # A run that was decided with fewer seeds asked for nothing else.
    asked = differences(_without(before.asked, "seeds", "looks"), _without(run.asked, "seeds", "looks"))
    machine = differences(*(_without(each.environment, *PASSING) for each in (before, run)))
    return [*drawn, *asked, *machine]


def _without(facts: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in names}


def _copied(sample: SampleResult, accepted: Path, folder: Path, session: Path) -> str:
    """Path of the baseline's picture in the session; empty where there is none any more."""
    source, copy = accepted / sample.image, folder / "baseline" / sample.image
    if not copy.exists() and source.is_file():
        write_bytes(copy, source.read_bytes())
    return _inside(copy, session)


def _inside(picture: Path, session: Path) -> str:
    return picture.relative_to(session).as_posix() if picture.is_file() else ""


def _figure(verdict: Verdict, run: Run) -> Figure:
    record = run.metrics.get(verdict.metric)
    return Figure(
        verdict=verdict,
        symbol=SYMBOLS[verdict.verdict],
        title=record.title if record else verdict.metric.replace("_", " "),
        unit=record.unit if record else {"seconds_per_image": "s", "peak_memory": "MiB"}.get(verdict.metric, ""),
        baseline=number(verdict.baseline),
        current=number(verdict.current),
        change=signed(verdict.delta),
        noise=times_noise(verdict),
        allowed=number(verdict.tolerance),
        p_value=probability(verdict.p_value),
        bar=_bar(verdict),
    )


def _bar(verdict: Verdict) -> Bar | None:
    values = (verdict.low, verdict.high, verdict.delta, verdict.tolerance)
    if any(value is None or abs(value) == float("inf") for value in values):
        return None
    low, high, delta, tolerance = (float(value) for value in values if value is not None)
    reach = 1.15 * max(abs(low), abs(high), abs(delta), tolerance, 1e-12)

    def place(value: float) -> float:
        return round(50 + 50 * value / reach, 2)

    return Bar(
        left=place(low),
        width=round(place(high) - place(low), 2),
        point=place(delta),
        band_left=place(-tolerance),
        band_width=round(place(tolerance) - place(-tolerance), 2),
    )


def _card(
    verdict: Verdict,
    samples: Sequence[SampleResult],
    folder: Path,
    session: Path,
    pictures: Mapping[tuple[str, int], str],
) -> Card:
    shots = tuple(
        Shot(
            seed=sample.seed,
            current=_inside(folder / sample.image, session),
            baseline=pictures.get(sample.key, ""),
            health=sample.health,
            scores=", ".join(f"{name.replace('_', ' ')} {number(value)}" for name, value in sample.scores.items()),
        )
        for sample in samples
    )
    said = sentence(verdict) if verdict.metric != "health" else verdict.reason
    return Card(verdict, SYMBOLS[verdict.verdict], samples[0].prompt, said, shots)
