"""Scores of single images: the baseline's where image and request are the same, otherwise measured batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sdeval.evaluation.scoring.attempts import NoValue, attempt_all, attempt_each, check_score
from sdeval.evaluation.scoring.images import DecodedSample, LazyImages, RunImages
from sdeval.evaluation.scoring.reuse import reusable_rows, scorable_rows
from sdeval.metrics import GeneratedImage, ReadingMetric, SampleMetric, SummaryMetric
from sdeval.results.run import Run

DIGITS = 4
"""Decimals of a stored score: finer than any metric's noise, coarse enough to be read."""


class SampleScores:
    """The scores of one metric while images pass by; here of a metric that scores each image by itself.

    Args:
        metric: scores the images.
        images: of the run.
    """

    def __init__(self, metric: SampleMetric, images: RunImages) -> None:
        self._metric = metric
        self._images = images
        run, baseline = images.run, images.baseline
        accepted = baseline.run if baseline else None
        fields = {row: metric.info.lacks(sample.case, run.task) for row, sample in enumerate(images.samples)}
        self._inapplicable = {row: field for row, field in fields.items() if field}
        """Rows of cases that the metric says nothing of, and what they lack."""
        reused = {
            row: accepted.samples[before]
            for row, before in reusable_rows(run, accepted, metric).items()
            if accepted and row not in self._inapplicable
        }
        self._scores: dict[int, float | NoValue | None] = {
            row: sample.scores.get(metric.info.name) for row, sample in reused.items()
        }
        self._reading = metric.reading if isinstance(metric, ReadingMetric) else ""
        self._readings = {
            row: sample.readings[self._reading] for row, sample in reused.items() if self._reading in sample.readings
        }
        """What the metric found in the images, in words."""
        scorable = [row for row in scorable_rows(run, metric, accepted) if row not in self._inapplicable]
        missing = [row for row in scorable if self._scores.get(row) is None]
        # Some may have kept their image and changed their prompt; the scores of all hang together.
        self._missing = scorable if missing and not metric.info.alone else missing
        self.rows: set[int] = set(self._missing)
        """Rows whose images it has not seen yet."""

    @property
    def needs_pair(self) -> bool:
        """Whether the baseline's images are needed at full size."""
        return "baseline" in self._metric.info.needs

    def take(self, batch: Sequence[DecodedSample]) -> None:
        """Look at a batch, of which nothing else is kept than what the metric says of it."""
        new = [decoded for decoded in batch if decoded.row in self.rows]
        self.rows.difference_update(decoded.row for decoded in new)
        lacking = {decoded.row: decoded.without_pair for decoded in new if self.needs_pair and decoded.without_pair}
        self._scores.update({row: NoValue(reason) for row, reason in lacking.items()})
        complete = [decoded for decoded in new if decoded.row not in lacking]
        images, rows = [decoded.generated for decoded in complete], [decoded.row for decoded in complete]
        self._keep(rows, self._outcomes(images))
        self._read(rows, images)

    def _read(self, rows: Sequence[int], images: Sequence[GeneratedImage]) -> None:
        """Keep what the metric found in the images; of one that it could not read there is nothing to keep."""
        if isinstance(self._metric, ReadingMetric):
            findings = attempt_each(self._metric.readings, images, "readings")
            self._readings.update(
                {row: finding for row, finding in zip(rows, findings, strict=True) if isinstance(finding, str)}
            )

    def _outcomes(self, images: Sequence[GeneratedImage]) -> Sequence[Any]:
        return attempt_each(lambda group: self._checked(self._metric.score(group)), images, "scores")

    def _keep(self, rows: Sequence[int], outcomes: Sequence[Any]) -> None:
        self._scores.update(zip(rows, outcomes, strict=True))

    def _checked(self, scores: Iterable[float]) -> list[float | NoValue]:
        return [check_score(score, self._metric.info) for score in scores]

    def finish(self) -> None:
        """Score what takes all images of a run; they have passed by."""

    def add_to(self, run: Run) -> Run:
        """The run with these scores."""
        name = self._metric.info.name
        samples = list(run.samples)
        for row, score in self._scores.items():
            sample = samples[row]
            if isinstance(score, NoValue):
                reasons = {**sample.reasons, name: score.reason}
                samples[row] = replace(sample, scores={**sample.scores, name: None}, reasons=reasons)
            else:
                value = score if score is None else round(score, DIGITS)
                samples[row] = replace(sample, scores={**sample.scores, name: value})
        for row, field in self._inapplicable.items():
            sample = samples[row]
            samples[row] = replace(sample, inapplicable={**sample.inapplicable, name: field})
        for row, finding in self._readings.items():
            sample = samples[row]
            samples[row] = replace(sample, readings={**sample.readings, self._reading: finding})
        return replace(run, samples=tuple(samples))

    def _keep_together(self, rows: Sequence[int], outcome: Sequence[float | NoValue] | NoValue) -> None:
        """Keep what came of rows that were scored in one call, or why nothing did."""
        scores = [outcome] * len(rows) if isinstance(outcome, NoValue) else outcome
        self._scores.update(zip(rows, scores, strict=True))

    def _groups(self) -> list[list[int]]:
        """Rows whose scores hang together: those of a round of seeds, so that they are the same whatever follows."""
        rounds: dict[int, list[int]] = {}
        for row in self._missing:
            rounds.setdefault(self._images.run.round_of(self._images.run.samples[row].seed), []).append(row)
        return list(rounds.values())


class SummaryScores(SampleScores):
    """The scores of a metric that compares images with each other by a small summary of each."""

    def __init__(self, metric: SummaryMetric, images: RunImages) -> None:
        super().__init__(metric, images)
        self._summarising = metric
        self._summaries: dict[int, Any] = {}

    def _outcomes(self, images: Sequence[GeneratedImage]) -> Sequence[Any]:
        return attempt_each(self._summarising.summarise, images, "summaries")

    def _keep(self, rows: Sequence[int], outcomes: Sequence[Any]) -> None:
        self._summaries.update(zip(rows, outcomes, strict=True))

    def finish(self) -> None:
        """Score each round of seeds. Where one image has no summary, none can be compared with all the others."""
        for rows in self._groups():
            summaries = [self._summaries[row] for row in rows]
            lacking = next((summary for summary in summaries if isinstance(summary, NoValue)), None)
            outcome = lacking or attempt_all(self._score, list(zip(rows, summaries, strict=True)), "scores")
            self._keep_together(rows, outcome)

    def _score(self, summaries: Sequence[tuple[int, Any]]) -> list[float | NoValue]:
        cases = [self._images.run.samples[row].case for row, _ in summaries]
        return self._checked(self._summarising.score_summaries([summary for _, summary in summaries], cases))


class WholeScores(SampleScores):
    """The scores of a metric that must see all images in one call, and opens those that it looks at."""

    def __init__(self, metric: SampleMetric, images: RunImages) -> None:
        super().__init__(metric, images)
        self.rows = set()

    def finish(self) -> None:
        """Score each round of seeds."""
        for rows in self._groups():
            images = LazyImages(self._images, rows, frozenset(rows if self.needs_pair else ()))
            outcome = attempt_all(lambda group: self._checked(self._metric.score(group)), images, "scores")
            self._keep_together(rows, outcome)


def sample_scores(metric: SampleMetric, images: RunImages) -> SampleScores:
    """The scores of a metric, computed as it allows."""
    if metric.info.alone:
        return SampleScores(metric, images)
    return SummaryScores(metric, images) if isinstance(metric, SummaryMetric) else WholeScores(metric, images)
