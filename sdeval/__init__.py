"""Evaluation and regression tests for image-generation pipelines. See README.md; importing this imports nothing heavy.

Everything that users and metric packages need is here; what is not listed in `__all__` may change at any time.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdeval.api import compare, evaluate, load_run
    from sdeval.config.case import Case, Sample
    from sdeval.config.case_files import load_cases
    from sdeval.config.suite import Suite
    from sdeval.config.target import Target
    from sdeval.errors import NotAvailable, SdevalError
    from sdeval.metrics.base import (
        Extractor,
        GeneratedImage,
        MetricInfo,
        MetricOptions,
        ReadingMetric,
        Reference,
        SampleMetric,
        SetMetric,
        SummaryMetric,
    )
    from sdeval.results.run import Run
    from sdeval.results.verdict import Verdict

_LAZY = {
    **dict.fromkeys(("compare", "evaluate", "load_run"), "sdeval.api"),
    **dict.fromkeys(("Case", "Sample"), "sdeval.config.case"),
    "Suite": "sdeval.config.suite",
    **dict.fromkeys(("NotAvailable", "SdevalError"), "sdeval.errors"),
    **dict.fromkeys(
        (
            "Extractor",
            "MetricInfo",
            "MetricOptions",
            "GeneratedImage",
            "ReadingMetric",
            "Reference",
            "SampleMetric",
            "SetMetric",
            "SummaryMetric",
        ),
        "sdeval.metrics.base",
    ),
    "Target": "sdeval.config.target",
    "load_cases": "sdeval.config.case_files",
    "Run": "sdeval.results.run",
    "Verdict": "sdeval.results.verdict",
}
"""By name: the module that defines it, which is imported when the name is first used."""

__all__ = [
    "Case",
    "Extractor",
    "GeneratedImage",
    "MetricInfo",
    "MetricOptions",
    "NotAvailable",
    "ReadingMetric",
    "Reference",
    "Run",
    "Sample",
    "SampleMetric",
    "SdevalError",
    "SetMetric",
    "Suite",
    "SummaryMetric",
    "Target",
    "Verdict",
    "compare",
    "evaluate",
    "load_cases",
    "load_run",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'sdeval' has no attribute {name!r}; it has {', '.join(__all__)}")
    from importlib import import_module

    return getattr(import_module(_LAZY[name]), name)


def __dir__() -> list[str]:
    return __all__
