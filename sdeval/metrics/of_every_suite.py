"""The descriptions of metrics that every suite has: no metric scores images for them, they come from the run itself."""

from __future__ import annotations

from collections.abc import Mapping

from sdeval.config.suite import COLLAPSED, MEMORY, SPEED
from sdeval.metrics.base import MetricInfo

OF_EVERY_SUITE: Mapping[str, MetricInfo] = {
    info.name: info
    for info in (
        MetricInfo(
            name=COLLAPSED,
            title="Collapsed samples",
            explanation="Share of single images that went wrong while the others are fine.",
            unit="%",
            higher_is_better=False,
            tolerance=5.0,
            range=(-100.0, 100.0),
            formula=(
                "share of images that score more than 12 tolerances and 4 standard deviations below the baseline's "
                "image of the same seed, and below all images of the case there, minus the share that recovered"
            ),
            paper="sdeval's own",
            weights="those of the suite's metrics",
            licence="Apache-2.0 (sdeval)",
            blind_to="what the suite's metrics cannot see; suites of fewer than 16 images have no rate",
        ),
        MetricInfo(
            name=SPEED,
            title="Time per image",
            explanation="Median time of a pipeline call divided by its images, without the first call.",
            unit="s",
            higher_is_better=False,
            tolerance=0.10,
            tolerance_is_relative=True,
            range=(0.0, float("inf")),
            formula="median over the pipeline calls of seconds / images of the call",
            paper="sdeval's own",
            weights="none",
            licence="Apache-2.0 (sdeval)",
            blind_to="the time to load the model and to warm up; other programs on the machine change it",
        ),
        MetricInfo(
            name=MEMORY,
            title="Peak memory",
            explanation="The most memory that was held while images were generated.",
            unit="MiB",
            higher_is_better=False,
            tolerance=0.05,
            tolerance_is_relative=True,
            range=(0.0, float("inf")),
            formula="on an accelerator the largest size of all tensors together, otherwise that of the process",
            paper="sdeval's own",
            weights="none",
            licence="Apache-2.0 (sdeval)",
            blind_to="what an accelerator reserves besides tensors; on a CPU it includes what the process held before",
        ),
    )
}
"""By name."""
