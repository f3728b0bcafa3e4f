"""Cases, as the page shows them: pictures before and now, all seeds together, and how each score moved."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sdeval.compare.paired import tolerance_of
from sdeval.compare.verdict import Verdict, worst_first
from sdeval.noise import Noise
from sdeval.records import CaseRecord, SampleResult
from sdeval.report.page.figures import short_title
from sdeval.report.page.sources import Sources
from sdeval.report.words import SYMBOLS, number, sentence, signed
from sdeval.run import AGAINST, Run
from sdeval.stats import Floats

DRIFTS = ("changed", "imperceptible", "identical")
"""How far pictures moved, furthest first."""


@dataclass(frozen=True, slots=True)
class Move:
    """How far one score of a case moved."""

    title: str
    baseline: str
    current: str
    change: str
    noise: float | None
    """The change in multiples of what other seeds of the same case do, below 0 where it is worse; None where a single
    seed tells nothing of that."""
    loss: float
    """In tolerances; below 0 where it is a gain."""

    @property
    def place(self) -> float:
        """Where the change stands on a scale of four times the noise to both sides, in percent."""
        return round(50 + 12.5 * max(-4.0, min(4.0, self.noise or 0.0)), 1)


@dataclass(frozen=True, slots=True)
class Shot:
    """One sample: its picture now and before, as sources of images; empty where there is none."""

    seed: int
    current: str
    before: str
    health: str
    scores: str
    gains: Mapping[str, float]
    """By how much each score changed; below 0 where it is worse."""


@dataclass(frozen=True, slots=True)
class Card:
    """One case with all its seeds."""

    number: int
    """Place in its suite."""
    verdict: Verdict
    symbol: str
    prompt: str
    negative_prompt: str
    tags: tuple[str, ...]
    said: str
    drift: str
    """The furthest of its pictures; empty without a baseline."""
    shots: tuple[Shot, ...]
    moves: tuple[Move, ...]
    image: str
    mask: str
    outline: str

    @property
    def worst(self) -> float:
        """The worst of its moves, in tolerances."""
        return round(max((move.loss for move in self.moves), default=0.0), 2)

    @property
    def sick(self) -> str:
        """Which of its pictures are none; empty where all are healthy."""
        return ", ".join(f"seed {shot.seed} is {shot.health}" for shot in self.shots if shot.health != "ok")


@dataclass(frozen=True, slots=True)
class Beside:
    """A run, what it is held against, and how their pictures are named."""

    run: Run
    folder: Path
    before: Run | None
    accepted: Path
    """Folder of what it is held against."""
    sources: Sources
    noise: Noise | None = None
    """What was measured of the suite on the target."""
    reasons: tuple[str, ...] = ()
    """Why the baseline was accepted, where somebody said so."""

    @property
    def in_turns(self) -> bool:
        """Whether it is held against what was drawn in turns with it."""
        return self.accepted.name == AGAINST

    @property
    def label(self) -> str:
        """What it is held against, in a word or two; empty where there is nothing."""
        if self.before is None:
            return ""
        return f"{self.before.target}, drawn in turns" if self.in_turns else "baseline"

    def now(self, sample: SampleResult) -> str:
        """The picture of a sample."""
        return self.sources.here(self.folder / sample.image) if sample.image else ""

    def then(self, sample: SampleResult | None) -> str:
        """The picture of a sample that it is held against."""
        return self.sources.here(self.accepted / sample.image) if sample and sample.image else ""


def cards_of(verdicts: Sequence[Verdict], beside: Beside) -> tuple[Card, ...]:
    """The cases of a run, worst first."""
    by_case = {each.case: each for each in verdicts if each.case}
    samples = beside.run.by_case()
    places = {case: number for number, case in enumerate(samples)}
    earlier = {each.key: each for each in beside.before.samples} if beside.before else {}
    noise = _noise(beside)
    ordered = worst_first([by_case[case] for case in samples if case in by_case])
    return tuple(
        _card(verdict, places[verdict.case], samples[verdict.case], earlier, noise, beside) for verdict in ordered
    )


def _card(
    verdict: Verdict,
    place: int,
    samples: Sequence[SampleResult],
    earlier: Mapping[tuple[str, int], SampleResult],
    noise: Mapping[str, float],
    beside: Beside,
) -> Card:
    asked = beside.run.cases.get(verdict.case, CaseRecord(case=verdict.case))
    image, mask = (beside.folder / name if name else None for name in (asked.image, asked.mask))
    drifts = {sample.drift for sample in samples}
    return Card(
        number=place,
        verdict=verdict,
        symbol=SYMBOLS[verdict.verdict],
        prompt=samples[0].prompt,
        negative_prompt=asked.negative_prompt,
        tags=tuple(asked.tags),
        said=_said(verdict, len(samples)),
        drift=next((each for each in DRIFTS if each in drifts), ""),
        shots=tuple(_shot(sample, earlier.get(sample.key), beside) for sample in samples),
        moves=_moves(samples, earlier, noise, beside.run),
        image=beside.sources.here(image) if image else "",
        mask=beside.sources.here(mask) if mask else "",
        outline=beside.sources.outline(mask) if mask else "",
    )


def _said(verdict: Verdict, seeds: int) -> str:
    """What the verdict rests on; it may have needed only the first of the seeds."""
    if verdict.metric == "health":
        return verdict.reason
    of = f" (judged by {verdict.n} of {seeds} seeds)" if 0 < verdict.n < seeds else ""
    return sentence(verdict) + of


def _shot(sample: SampleResult, before: SampleResult | None, beside: Beside) -> Shot:
    told = (f"{short_title(name, beside.run)} {number(value)}" for name, value in sample.scores.items())
    gains = _gains(sample, before, beside.run) if before else {}
    return Shot(sample.seed, beside.now(sample), beside.then(before), sample.health, ", ".join(told), gains)


def _gains(sample: SampleResult, before: SampleResult, run: Run) -> dict[str, float]:
    pairs = {name: (before.scores.get(name), value) for name, value in sample.scores.items()}
    return {
        name: run.metrics[name].sign * (now - then)
        for name, (then, now) in pairs.items()
        if then is not None and now is not None and name in run.metrics
    }


def _moves(
    samples: Sequence[SampleResult],
    earlier: Mapping[tuple[str, int], SampleResult],
    noise: Mapping[str, float],
    run: Run,
) -> tuple[Move, ...]:
    """Every judged score of a case, averaged over the seeds that both sides drew."""
    moves = []
    for name, record in run.metrics.items():
        pairs = _pairs(name, samples, earlier)
        if not record.judged or record.scope != "sample" or not len(pairs):
            continue
        then, now = pairs.mean(axis=0)
        gain = record.sign * float(now - then)
        band, tolerance = noise.get(name, 0.0) / math.sqrt(len(pairs)), tolerance_of(record, float(then)) or 0.0
        times = round(gain / band, 2) if band else None
        loss = -gain / tolerance if tolerance else 0.0
        moves.append(Move(short_title(name, run), number(then), number(now), signed(now - then), times, loss))
    return tuple(moves)


def scores_beside(metric: str, run: Run, before: Run) -> list[tuple[float, float]]:
    """Mean scores of every case, before and now, over the seeds that both drew."""
    earlier = {each.key: each for each in before.samples}
    pairs = [_pairs(metric, samples, earlier) for samples in run.by_case().values()]
    return [(float(each[:, 0].mean()), float(each[:, 1].mean())) for each in pairs if len(each)]


def _pairs(metric: str, samples: Sequence[SampleResult], earlier: Mapping[tuple[str, int], SampleResult]) -> Floats:
    """Scores before and now: `[seeds, 2]`."""
    both = [
        (earlier[sample.key].scores.get(metric), sample.scores.get(metric))
        for sample in samples
        if sample.key in earlier
    ]
    return np.array([pair for pair in both if None not in pair], dtype=float).reshape(-1, 2)


def _noise(beside: Beside) -> dict[str, float]:
    """How much two pictures of a case differ by their seeds alone, for every score: standard deviation of a difference.

    Pooled over the cases of what the run is held against.
    """
    if beside.before is None:
        return {}
    cases = beside.before.by_case().values()
    found = {}
    for name in beside.before.metrics:
        scores = [[s.scores[name] for s in samples if s.scores.get(name) is not None] for samples in cases]
        values = [np.array(each, dtype=float) for each in scores if len(each) > 1]
        freedom = sum(len(each) - 1 for each in values)
        if freedom:
            spread = sum(float(np.square(each - each.mean()).sum()) for each in values)
            found[name] = math.sqrt(2 * spread / freedom)
    return found
