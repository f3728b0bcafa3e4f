"""Precision, recall, density and coverage: which images lie near reference images, and the reverse.

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
    check_features,
)
from sdeval.metrics.features.registry import EXTRACTOR_LICENCE, EXTRACTOR_WEIGHTS, load_extractor
from sdeval.metrics.sets.neighbours import (
    Hits,
    K,
    Reached,
    reached_by_own_balls,
    reached_in_reference_balls,
    reference_balls,
)
from sdeval.metrics.sets.swaps import Rows, difference_of, difference_of_sums, pool


@dataclass(frozen=True, slots=True)
class Definition:
    """One of the four metrics: its description, the value of a set, and the difference when cases are swapped."""

    INFO: MetricInfo
    value: Callable[[Floats, Reference], float]
    """The value of rows `[n, d]`."""
    difference: Callable[[Floats, Rows, Reference], Difference]
    """Takes pooled rows `[2 n, d]`, the case of each row `[n]`, and the reference."""

    def create(self, options: MetricOptions) -> SetMetric:
        """Create the metric with the suite's extractor."""
        return Neighbours(self, load_extractor(options))

    def measure(self, features: Features, reference: Reference) -> float:
        """The value of features `[n, d]` in percent.

        Raises:
            ValueError: not more than `K` images on either side, values that are no numbers, other dimensions, or a
                reference without rows.
        """
        rows = check_features(features, reference.dimensions)
        _must_be_enough(len(rows), reference)
        return self.value(rows, reference)

    def swap_difference(self, before: Features, after: Features, cases: Rows, reference: Reference) -> Difference:
        """Value of the candidate minus that of the baseline, with marked cases swapped; raises as `measure`."""
        rows = pool(before, after, reference)
        _must_be_enough(len(before), reference)
        return self.difference(rows, cases, reference)


def of_images(info: MetricInfo, value: Callable[[Hits], Floats]) -> Definition:
    """A mean over images, in percent; the value of an image depends on its own hits only, not on other images."""

    def values(rows: Floats, reference: Reference) -> Floats:
        return 100 * np.concatenate([value(hits) for hits in reference_balls(rows, reference)])

    def difference(rows: Floats, cases: Rows, reference: Reference) -> Difference:
        return difference_of_sums(values(rows, reference) / len(cases), cases)

    return Definition(info, lambda rows, reference: float(values(rows, reference).mean()), difference)


def of_references(info: MetricInfo, reached_by: Callable[[Floats, Reference], Reached]) -> Definition:
    """Percent of the reference images that are reached by any image."""

    def difference(rows: Floats, cases: Rows, reference: Reference) -> Difference:
        reached = reached_by(rows, reference)
        return difference_of(lambda chosen: 100 * float(reached(chosen).mean()), cases)

    def value(rows: Floats, reference: Reference) -> float:
        return 100 * float(reached_by(rows, reference)(np.arange(len(rows))).mean())

    return Definition(info, value, difference)


def _must_be_enough(count: int, reference: Reference) -> None:
    if min(count, reference.count) <= K:
        raise ValueError(
            f"needs more than {K} images on both sides, got {count} images and {reference.count} reference images"
        )


class Neighbours:
    """One of the four metrics in the features of the suite's extractor."""

    def __init__(self, definition: Definition, extractor: Extractor) -> None:
        self.info = definition.INFO
        self.extractor = extractor
        self.version = f"1 k={K} {extractor.version}"
        self.measure = definition.measure
        self.swap_difference = definition.swap_difference


def _info(name: str, explanation: str, formula: str, blind_to: str, highest: float = 100.0) -> MetricInfo:
    newer = name in ("density", "coverage")
    return MetricInfo(
        name=name,
        title=name.capitalize(),
        explanation=explanation,
        unit="%",
        higher_is_better=True,
        tolerance=5.0,
        scope="set",
        range=(0.0, highest),
        needs=("references",),
        formula=f"{formula}; a ball reaches to the {K}th neighbour in its own set",
        paper="Naeem et al. 2020, arXiv 2002.09797" if newer else "Kynkäänniemi et al. 2019, arXiv 1904.06991",
        weights=EXTRACTOR_WEIGHTS,
        licence=EXTRACTOR_LICENCE,
        blind_to=f"{blind_to}; it changes with the number of images, so compare only at equal numbers",
    )


precision = of_images(
    _info(
        "precision",
        "Share of the images that lie among the reference images: how realistic they are.",
        "share of the images that lie in the ball of any reference image",
        "how much of the reference images' variety is missing",
    ),
    lambda hits: np.asarray(hits.any(axis=1), dtype=np.float64),
)
recall = of_references(
    _info(
        "recall",
        "Share of the reference images that lie among the images: how much of their variety is covered.",
        "share of the reference images that lie in the ball of any image",
        "how realistic the images are: far outliers have large balls, and raise it",
    ),
    reached_by_own_balls,
)
density = of_images(
    # Above 100 where reference images lie close together.
    _info(
        "density",
        "How closely reference images surround the images: realism, less sensitive to outliers than precision.",
        f"mean number of reference balls that hold an image, divided by {K}",
        "how much of the reference images' variety is missing",
        math.inf,
    ),
    lambda hits: np.asarray(hits.sum(axis=1) / K),
)
coverage = of_references(
    _info(
        "coverage",
        "Share of the reference images that have an image near them: variety, less sensitive to outliers than recall.",
        "share of the reference images whose ball holds any image",
        "how far away the other images are",
    ),
    reached_in_reference_balls,
)
