"""What the scripts of the page of a comparison need: settings, metrics, scores and differences, as JSON."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from sdeval._utils.files import short
from sdeval._utils.formatting import number
from sdeval.comparison.matrix import Matrix
from sdeval.comparison.names import letters
from sdeval.imaging.difference import ImageDifference
from sdeval.report.comparison import Compared, session_of
from sdeval.report.html.sample_rows import SampleRow
from sdeval.report.html.setting_differences import measure_differences
from sdeval.report.sample import NUMBERS
from sdeval.report.titles import short_title
from sdeval.results.records import SampleResult
from sdeval.results.run import Run, Stored


def facts_of(compared: Compared, rows: Sequence[SampleRow]) -> dict[str, object]:
    """Settings, metrics of single images, and every score of every row."""
    matrix = compared.matrix
    names = [row.name for row in matrix.rows]
    stored = [compared.stored[name] for name in names]
    reference = names.index(matrix.reference)
    metrics = _metrics_of(matrix, stored)
    keys = [(row.case, row.seed) for row in rows]
    by_key = [{sample.key: sample for sample in item.run.samples} for item in stored]
    samples = [[samples.get(key) for samples in by_key] for key in keys]
    differences = measure_differences(stored, reference, keys)
    return {
        "suite": matrix.suite,
        "reference": reference,
        "settings": names,
        "letters": letters(len(names)),
        "shows": [_show(item) for item in stored],
        "metrics": [_metric_facts(name, stored[reference].run) for name in metrics],
        "scores": {name: [[_score(sample, name) for sample in row] for row in samples] for name in metrics},
        "inputs": {row.case: [asdict(image) for image in row.inputs] for row in rows if row.inputs},
        "outlines": {row.case: row.outline for row in rows if row.outline},
        "expected": {row.case: dict(row.expected) for row in rows if row.expected},
        "readings": {
            place: [dict(sample.readings) if sample else {} for sample in of_row]
            for place, of_row in enumerate(samples)
            if any(sample and sample.readings for sample in of_row)
        },
        "numbers": list(NUMBERS.items())[:4],
        "differences": [
            [_difference_facts(*pair) for pair in zip(*both, strict=True)]
            for both in zip(differences, samples, strict=True)
        ],
    }


def _metrics_of(matrix: Matrix, stored: Sequence[Stored]) -> list[str]:
    """Metrics of single images that two settings have scores of, in the order of the suite.

    Those that look at a baseline may be known of one setting only.
    """
    counts = Counter(name for item in stored for name in _scored_metrics(item.run))
    return [verdict.metric for verdict in matrix.base.verdicts if counts[verdict.metric] > 1]


def _scored_metrics(run: Run) -> set[str]:
    return {name for sample in run.samples for name, score in sample.scores.items() if score is not None}


def _difference_facts(difference: ImageDifference | None, sample: SampleResult | None) -> list[object] | None:
    """Its numbers in the order of `NUMBERS`, and the box of the largest change in thousandths."""
    if difference is None or sample is None:
        return None
    shares = (number(100 * difference.changed), number(difference.psnr))
    numbers = [number(difference.mean), str(difference.maximum), *shares]
    if difference.box is None or sample.size is None:
        return [numbers, None]
    return [numbers, [round(1000 * value / edge) for value, edge in zip(difference.box, 2 * sample.size, strict=True)]]


def _metric_facts(name: str, run: Run) -> dict[str, object]:
    record = run.metrics[name]
    return {
        "name": name,
        "title": short_title(name, run),
        "unit": record.unit,
        "higher": record.higher_is_better,
        "tolerance": record.tolerance,
        "relative": record.tolerance_is_relative,
    }


def _score(sample: SampleResult | None, metric: str) -> float | None:
    score = sample.scores.get(metric) if sample else None
    return None if score is None else float(f"{score:.6g}")


def _show(stored: Stored) -> str:
    """The rest of the command that shows a sample of a run; empty where its folder is in no session."""
    session, run = session_of(stored.folder), stored.run
    return shlex.join([str(short(session)), "--suite", run.suite, "--target", run.target]) if session else ""
