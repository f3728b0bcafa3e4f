"""What people call metrics, and what pages say of them: from the run, and of sdeval's own metrics also without it."""

from __future__ import annotations

from functools import cache
from importlib import metadata

from sdeval import metrics
from sdeval.metrics.base import MetricInfo
from sdeval.metrics.of_every_suite import OF_EVERY_SUITE
from sdeval.results.run import Run

DOCUMENT = "docs/metrics.md"
"""Has a chapter for each of sdeval's own metrics, under its name."""


def title_of(metric: str, run: Run) -> str:
    """The title of a metric, or its name in words where it has none."""
    if metric in OF_EVERY_SUITE:
        return OF_EVERY_SUITE[metric].title
    record = run.metrics.get(metric)
    return record.title if record and record.title else metric.replace("_", " ")


def short_title(metric: str, run: Run) -> str:
    """A title without what stands in brackets."""
    return title_of(metric, run).partition(" (")[0]


def unit_of(metric: str, run: Run) -> str:
    """The unit of a metric; empty where it has none."""
    if metric in OF_EVERY_SUITE:
        return OF_EVERY_SUITE[metric].unit
    record = run.metrics.get(metric)
    return record.unit if record else ""


def explanation_of(metric: str, run: Run) -> str:
    """What a metric measures, in one sentence; empty where neither the run nor sdeval knows it."""
    record, own = run.metrics.get(metric), _documented().get(metric)
    return as_sentence((record.explanation if record else "") or (own.explanation if own else ""))


def as_sentence(text: str) -> str:
    """A text with a capital at its beginning and a full stop at its end.

    Example:
        >>> as_sentence("how red it is"), as_sentence("")
        ('How red it is.', '')
    """
    text = text.strip()
    return f"{text[0].upper()}{text[1:].rstrip('.')}." if text else ""


def blind_spot_of(metric: str) -> str:
    """What one of sdeval's own metrics cannot see; empty for others."""
    own = _documented().get(metric)
    return own.blind_to if own else ""


def chapter_of(metric: str) -> str:
    """Where a metric is documented, `docs/metrics.md#NAME`; empty for metrics that are not sdeval's own."""
    return f"{DOCUMENT}#{metric}" if metric in _documented() else ""


@cache
def repository() -> str:
    """The address of the folder that holds `docs/`, as the package's metadata names it; empty where it names none."""
    try:
        addresses = metadata.metadata("pytest-sdeval").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return ""
    by_label = {
        label.strip().lower(): address.strip() for label, _, address in (line.partition(",") for line in addresses)
    }
    source = by_label.get("repository") or by_label.get("source")
    return f"{source.rstrip('/')}/blob/main" if source else ""


@cache
def _documented() -> dict[str, MetricInfo]:
    return {info.name: info for info in metrics.documented()}
