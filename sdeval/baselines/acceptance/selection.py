"""What of a run is accepted: some of its cases with their images, or the scores of some metrics alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sdeval import metrics
from sdeval.baselines.acceptance.expression import matcher
from sdeval.config.suite import SPEEDS
from sdeval.errors import SdevalError, unknown
from sdeval.results.run import Run


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a run; all of it by default."""

    cases: tuple[str, ...] | None = None
    """Their ids; None is all that the run holds."""
    metrics: tuple[str, ...] | None = None
    """Those whose scores alone are accepted, while images stay; None is all of them, and the images too."""

    def chosen(self, run: Run) -> tuple[str, ...]:
        """Ids of its cases, in the order of the run."""
        chosen = run.by_case().keys() if self.cases is None else set(self.cases)
        return tuple(case for case in run.by_case() if case in chosen)

    def is_whole(self, run: Run, baseline: Run | None) -> bool:
        """Whether nothing of what was accepted before stays: then only the run counts."""
        if self.metrics is not None:
            return False
        if self.cases is None:
            return True
        before = baseline.by_case() if baseline else {}
        return run.complete and set(self.cases) >= {*run.by_case(), *before}


def parts_by_words(
    runs: Mapping[tuple[str, str], Run], words: Sequence[str], names: Sequence[str]
) -> dict[tuple[str, str], Part]:
    """What `-k` and `--metric` choose of the runs of a session; a run of which they choose nothing is left out.

    Args:
        runs: of the session, by suite and target.
        words: expressions over the ids of cases; a case may match any of them. None of them chooses all cases.
        names: metrics. None of them chooses all, and the images.

    Raises:
        SdevalError: a word that no case matches, or a metric that no run has.
    """
    for name in names:
        check_metric(name, {metric for run in runs.values() for metric, record in run.metrics.items() if record.gating})
    matching = list(map(matcher, words))
    parts = {}
    for key, run in runs.items():
        cases = tuple(case for case in run.by_case() if any(matches(case) for matches in matching))
        own_names = tuple(name for name in names if name in run.metrics)
        if (cases or not words) and (own_names or not names):
            parts[key] = Part(cases if words else None, own_names if names else None)
    if not parts:
        raise SdevalError(_nothing(runs, words))
    return parts


def check_metric(name: str, known: Collection[str]) -> None:
    """Refuse a metric that is not among those of a run which are judged.

    Raises:
        SdevalError: lists the near matches.
    """
    if name in known:
        return
    if name in SPEEDS:
        raise SdevalError(f"{name} is accepted with a whole run, not by itself: sdeval accept RUN --speed")
    if name in metrics.metric_names() and not metrics.info(name).gating:
        raise SdevalError(f"metric {name} is reported only; its scores are accepted with the images")
    raise SdevalError(unknown("metric", name, known))


def _nothing(runs: Mapping[tuple[str, str], Run], words: Sequence[str]) -> str:
    cases = sorted({case for run in runs.values() for case in run.by_case()})
    message = " ".join(f"-k {word!r}" for word in words)
    more = f", … and {len(cases) - 10} more" if len(cases) > 10 else ""
    return f"{message}: chooses nothing; cases are {', '.join(cases[:10])}{more}"
