"""Cases, as the page shows them: images before and now, all seeds together, and how each score moved."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sdeval._utils.formatting import number, with_sign
from sdeval.baselines.snapshot import full_image_of
from sdeval.comparison.paired import tolerance_of
from sdeval.config.suite import COLLAPSED
from sdeval.report.html.image_sources import Sources
from sdeval.report.session_runs import ComparedRun, pairs_of
from sdeval.report.titles import short_title, unit_of
from sdeval.report.words import SYMBOLS, case_text
from sdeval.results.records import CaseRecord, SampleResult
from sdeval.results.run import Run
from sdeval.results.verdict import DEFECT, Verdict, worst_first

NOT_SELECTED = "not selected for a verdict of its own"
IMAGE_CHANGES = ("changed", "imperceptible", "identical")
"""How far images moved, furthest first."""


@dataclass(frozen=True, slots=True)
class Move:
    """How far one score of a case moved."""

    metric: str
    gating: bool
    """Whether a loss of it can fail the session."""
    values: tuple[float, float]
    """Of the baseline and of the run."""
    baseline: str
    current: str
    change: str
    variability: float | None
    """The change in multiples of what other seeds of the same case do, below 0 where it is worse; None where a single
    seed does not show that."""
    loss: float
    """In tolerances; below 0 where it is a gain."""

    @property
    def place(self) -> float:
        """Where the change stands on a scale of four times the variability to both sides, in percent of its width."""
        return round(50 + 12 * max(-4.0, min(4.0, self.variability or 0.0)), 1)


@dataclass(frozen=True, slots=True)
class ShotImage:
    """An image of a sample, as sources of images."""

    small: str
    """In lists of images."""
    full: str
    """In the viewer; empty where that shows the small one."""
    is_thumbnail: bool
    """Whether the image was larger than what the viewer shows."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One sample: its image and that of what it is compared with; None where there is none."""

    seed: int
    current: ShotImage | None
    baseline: ShotImage | None
    defect: str
    scores: str
    gains: Mapping[str, float]
    """By how much each score changed; below 0 where it is worse. Under `collapsed_samples`, that of the judged score
    that lost most, in tolerances."""


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
    """The verdict in plain words."""
    image_change: str
    """The furthest of its images; empty without a baseline."""
    shots: tuple[Shot, ...]
    moves: tuple[Move, ...]

    @property
    def worst(self) -> float:
        """The worst of its gating moves, in tolerances."""
        return round(max((move.loss for move in self.moves if move.gating), default=0.0), 2)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Metrics that it is about: the one that its verdict names, and those beyond their tolerance."""
        beyond = [move.metric for move in self.moves if move.gating and move.loss > 1]
        named = [] if self.verdict.metric == DEFECT else [self.verdict.metric]
        return tuple(dict.fromkeys([*named, *beyond]))

    @property
    def lead(self) -> int:
        """Seed of the image that shows its loss best: a broken one, or else the one that lost most."""
        if not self.shots:
            return 0
        metric = COLLAPSED if self.verdict.metric == DEFECT else self.verdict.metric
        return min(self.shots, key=lambda shot: (not shot.defect, shot.gains.get(metric, 0.0))).seed

    def values(self, metrics: Sequence[str]) -> list[list[float] | None]:
        """Of these metrics: values of the baseline and of the run; None where one of them is not known."""
        known = {move.metric: [_rounded(value) for value in move.values] for move in self.moves}
        return [known.get(metric) for metric in metrics]

    @property
    def defects(self) -> str:
        """Which of its images are none; empty where all are healthy."""
        return ", ".join(f"seed {shot.seed} is {shot.defect}" for shot in self.shots if shot.defect)


@dataclass(frozen=True, slots=True)
class _Sides:
    """What all cards of a run need: both sides, how their images are named, and what seeds alone do."""

    compared: ComparedRun
    sources: Sources
    earlier: Mapping[tuple[str, int], SampleResult]
    variability: Mapping[str, float]

    @property
    def run(self) -> Run:
        return self.compared.run

    def images(self, sample: SampleResult, before: SampleResult | None) -> tuple[ShotImage | None, ShotImage | None]:
        """The image of a sample, and that which it is compared with."""
        current = _shot_image(sample, self.compared.folder, self.sources)
        if before is None:
            return current, None
        # Of the same pixels, only the run may have all.
        if current and not current.is_thumbnail and before.sha256 == sample.sha256:
            return current, current
        return current, _shot_image(before, self.compared.kept, self.sources)


def cards_of(verdicts: Sequence[Verdict], compared: ComparedRun, sources: Sources) -> tuple[Card, ...]:
    """The cases of a run, worst first: also those that have no verdict of their own, as only metrics were selected."""
    by_case = {verdict.case: verdict for verdict in verdicts if verdict.case}
    earlier = {sample.key: sample for sample in compared.before.samples} if compared.before else {}
    sides, samples = _Sides(compared, sources, earlier, _variability(compared)), compared.run.by_case()
    places = {case: number for number, case in enumerate(samples)}
    ordered = worst_first([by_case.get(case) or _without_verdict(case, compared.run) for case in samples])
    return tuple(_card(verdict, places[verdict.case], samples[verdict.case], sides) for verdict in ordered)


def _without_verdict(case: str, run: Run) -> Verdict:
    return Verdict(
        suite=run.suite, target=run.target, metric=DEFECT, case=case, verdict="informational", reason=NOT_SELECTED
    )


def _rounded(value: float) -> float:
    """With as many digits as sorting needs."""
    return float(f"{value:.5g}")


def _shot_image(sample: SampleResult, folder: Path, sources: Sources) -> ShotImage | None:
    """An image in the folder of a run or a baseline; runs of before there were thumbnails have none."""
    if not sample.image:
        return None
    kept, own_thumbnail = folder / sample.image, folder / sample.thumbnail
    thumbnail, image = (kept, full_image_of(folder, sample)) if sample.is_thumbnail else (own_thumbnail, kept)
    full, has_thumbnail = sources.full(image), thumbnail.is_file()
    small = sources.here(thumbnail if has_thumbnail else image)
    is_thumbnail = (has_thumbnail and not image.is_file()) or sources.shrinks(sample.width, sample.height)
    return ShotImage(small, full if full != small else "", is_thumbnail) if small else None


def _card(verdict: Verdict, place: int, samples: Sequence[SampleResult], sides: _Sides) -> Card:
    request = sides.run.cases.get(verdict.case, CaseRecord(case=verdict.case))
    drifts = {sample.image_change for sample in samples}
    return Card(
        number=place,
        verdict=verdict,
        symbol=SYMBOLS[verdict.verdict],
        prompt=samples[0].prompt,
        negative_prompt=request.negative_prompt,
        tags=tuple(request.tags),
        said=case_text(verdict, unit_of(verdict.metric, sides.run), len(samples)),
        image_change=next((change for change in IMAGE_CHANGES if change in drifts), ""),
        shots=tuple(_shot(sample, sides.earlier.get(sample.key), sides) for sample in samples),
        moves=_moves(samples, sides),
    )


def _shot(sample: SampleResult, before: SampleResult | None, sides: _Sides) -> Shot:
    scores = (f"{short_title(name, sides.run)} {number(value)}" for name, value in sample.scores.items())
    gains = _gains(sample, before, sides.run) if before else {}
    current, then = sides.images(sample, before)
    defect = "without an image" if sample.failure else sample.defect
    return Shot(sample.seed, current, then, defect, ", ".join(scores), gains)


def _gains(sample: SampleResult, before: SampleResult, run: Run) -> dict[str, float]:
    pairs = {name: (before.scores.get(name), value) for name, value in sample.scores.items()}
    both_sides = {
        name: (run.metrics[name], then, now)
        for name, (then, now) in pairs.items()
        if then is not None and now is not None and name in run.metrics
    }
    gains = {name: record.sign * (now - then) for name, (record, then, now) in both_sides.items()}
    judged_gains = [
        gains[name] / tolerance
        for name, (record, then, _) in both_sides.items()
        if record.gating and record.alone and (tolerance := tolerance_of(record, then))
    ]
    return {**gains, COLLAPSED: min(judged_gains, default=0.0)}


def _moves(samples: Sequence[SampleResult], sides: _Sides) -> tuple[Move, ...]:
    """Every score of a case, averaged over the seeds that both sides generated; those that can fail a session first."""
    run = sides.run
    moves = []
    for name, record in run.metrics.items():
        pairs = pairs_of(name, samples, sides.earlier)
        if record.scope != "sample" or not len(pairs):
            continue
        then, now = pairs.mean(axis=0)
        gain = record.sign * float(now - then)
        band, tolerance = (
            sides.variability.get(name, 0.0) / math.sqrt(len(pairs)),
            tolerance_of(record, float(then)) or 0.0,
        )
        times = round(gain / band, 2) if band else None
        loss = -gain / tolerance if tolerance else 0.0
        texts = (number(then), number(now), with_sign(now - then))
        values = (float(then), float(now))
        moves.append(Move(name, record.gating, values, *texts, times, loss))
    return tuple(sorted(moves, key=lambda move: not move.gating))


def _variability(compared: ComparedRun) -> dict[str, float]:
    """How much two images of a case differ by their seeds alone, for every score: standard deviation of a difference.

    Pooled over the cases of what the run is compared with.
    """
    if compared.before is None:
        return {}
    cases = compared.before.by_case().values()
    by_metric = {}
    for name in compared.before.metrics:
        scores = [[s.scores[name] for s in samples if s.scores.get(name) is not None] for samples in cases]
        values = [np.array(of_case, dtype=float) for of_case in scores if len(of_case) > 1]
        freedom = sum(len(of_case) - 1 for of_case in values)
        if freedom:
            spread = sum(float(np.square(of_case - of_case.mean()).sum()) for of_case in values)
            by_metric[name] = math.sqrt(2 * spread / freedom)
    return by_metric
