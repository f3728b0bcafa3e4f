"""Precision, recall, density and coverage: which pictures lie near reference pictures, and which of those have any.

Kynkäänniemi et al. 2019 (arXiv 1904.06991) for the first two, Naeem et al. 2020 (arXiv 2002.09797) for the others. All
four change with n where nothing else does: compare only at equal n.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sdeval.metrics.base import (
    Difference,
    Extractor,
    Features,
    Floats,
    MetricInfo,
    MetricOptions,
    Reference,
    SetMetric,
    checked_features,
)
from sdeval.metrics.extractors import load_extractor
from sdeval.metrics.neighbours import Hits, HitsOf, K, own_balls, reference_balls
from sdeval.metrics.swaps import Rows, difference_of, pooled


def share_of_pictures(hits: Hits) -> float:
    """Percent of the pictures that have any hit."""
    return 100 * float(hits.any(axis=1).mean())


def share_of_references(hits: Hits) -> float:
    """Percent of the reference pictures that have any hit."""
    return 100 * float(hits.any(axis=0).mean())


def hits_a_picture(hits: Hits) -> float:
    """Mean number of hits of a picture in percent of `K`; above 100 where reference pictures lie close together."""
    return 100 * float(hits.sum(axis=1).mean()) / K


@dataclass(frozen=True, slots=True)
class Definition:
    """One of the four: facts, whose balls count, and what is counted."""

    INFO: MetricInfo
    balls: Callable[[Floats, Reference], HitsOf]
    figure: Callable[[Hits], float]

    def create(self, options: MetricOptions) -> SetMetric:
        """With the suite's extractor."""
        return Neighbours(self, load_extractor(options))

    def measure(self, features: Features, reference: Reference) -> float:
        """The figure of features `[n, d]` in percent.

        Raises:
            ValueError: not more than `K` pictures on either side, values that are no numbers, other dimensions, or a
                reference without rows.
        """
        rows = checked_features(features, reference.dimensions)
        _must_be_enough(len(rows), reference)
        return self.figure(self.balls(rows, reference)(np.arange(len(rows))))

    def swapped(self, before: Features, after: Features, cases: Rows, reference: Reference) -> Difference:
        """Figure of the candidate minus that of the baseline, with marked cases swapped; raises as `measure`."""
        rows = pooled(before, after, reference)
        _must_be_enough(len(before), reference)
        hits = self.balls(rows, reference)
        return difference_of(lambda chosen: self.figure(hits(chosen)), cases)


def _must_be_enough(count: int, reference: Reference) -> None:
    if min(count, reference.count) <= K:
        raise ValueError(
            f"needs more than {K} pictures on both sides, got {count} pictures and {reference.count} reference pictures"
        )


class Neighbours:
    """One of the four in the features of the suite's extractor."""

    def __init__(self, definition: Definition, extractor: Extractor) -> None:
        self.info = definition.INFO
        self.extractor = extractor
        self.version = f"1 k={K} {extractor.version}"
        self.measure = definition.measure
        self.swapped = definition.swapped


def _info(name: str, title: str, most: float = 100.0) -> MetricInfo:
    return MetricInfo(
        name=name,
        title=title,
        unit="%",
        higher_is_better=True,
        tolerance=5.0,
        scope="set",
        range=(0.0, most),
        needs=("references",),
    )


precision = Definition(
    _info("precision", "share of pictures that lie among real pictures (precision)"), reference_balls, share_of_pictures
)
recall = Definition(
    _info("recall", "share of real pictures that lie among the pictures (recall)"), own_balls, share_of_references
)
density = Definition(
    _info("density", "how closely real pictures surround the pictures (density)", math.inf),
    reference_balls,
    hits_a_picture,
)
coverage = Definition(
    _info("coverage", "share of real pictures with a picture near them (coverage)"),
    reference_balls,
    share_of_references,
)
