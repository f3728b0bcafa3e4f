"""Which scores of a baseline are those of a run too, and which samples a metric can say something of."""

from __future__ import annotations

from sdeval.metrics import Metric, SampleMetric
from sdeval.results.run import Run


def reusable_rows(run: Run, baseline: Run | None, metric: Metric) -> dict[int, int]:
    """Rows whose image and request are the baseline's to the last bit, where it was scored in the same way.

    Returns:
        The row of the baseline, by row of the run.
    """
    name = metric.info.name
    # A distance from the baseline that is kept in it was measured from the one before.
    if "baseline" in metric.info.needs:
        return {}
    if baseline is None or name not in baseline.metrics or baseline.metrics[name].version != metric.version:
        return {}
    # A score that was accepted without its image says nothing of the image that is there.
    scored_samples = {row: sample for row, sample in enumerate(baseline.samples) if name not in sample.scored_on}
    if not metric.info.alone and not (_same_images(run, baseline) and len(scored_samples) == len(baseline.samples)):
        return {}
    rows = {(sample.key, sample.fingerprint, sample.sha256): row for row, sample in scored_samples.items()}
    baseline_rows = {
        row: rows.get((sample.key, sample.fingerprint, sample.sha256)) for row, sample in enumerate(run.samples)
    }
    return {row: baseline_row for row, baseline_row in baseline_rows.items() if baseline_row is not None}


def _same_images(run: Run, baseline: Run) -> bool:
    return {(s.key, s.sha256) for s in run.samples} == {(s.key, s.sha256) for s in baseline.samples}


def scorable_rows(run: Run, metric: SampleMetric, baseline: Run | None) -> list[int]:
    """Rows that a metric can say something of; nothing to say is no failure.

    Where a sample has no image, seeds of its case cannot be compared either.
    """
    needs = metric.info.needs
    # Without the other cases there is nothing to compare with.
    if not (run.complete or metric.info.alone or "seeds" in needs):
        return []
    lacking = {sample.case for sample in run.samples if sample.failure} if "seeds" in needs else set()
    return [
        row
        for row, sample in enumerate(run.samples)
        if sample.image and sample.case not in lacking
        if "baseline" not in needs or (baseline and (before := baseline.sample(sample)) and before.image)
    ]
