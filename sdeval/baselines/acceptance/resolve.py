"""What a part comes to beside a baseline: the ids of its cases, and the metrics that cannot be told apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sdeval.baselines.acceptance.merge import extractors
from sdeval.baselines.acceptance.selection import Part
from sdeval.errors import SdevalError
from sdeval.results.run import Run


def settled(part: Part, baseline: Run, run: Run, source: Path) -> tuple[Part, list[str]]:
    """The part as it can be accepted, and a line on what goes along or is left out.

    Args:
        part: as it was asked for.
        baseline: as it is.
        run: what the part is of.
        source: folder of the run.

    Raises:
        SdevalError: nothing of it is left.
    """
    chosen, notes = part.chosen(run), []
    if part.metrics is None:
        return replace(part, cases=chosen), []
    known = baseline.by_case()
    left = [case for case in chosen if case not in known]
    if left:
        if len(left) == len(chosen):
            first = f"accept them with their images first: sdeval accept {source} -k {left[0]}"
            raise SdevalError(f"{source}: the baseline has none of these cases ({', '.join(left)}); {first}")
        notes.append(f"left out, for the baseline does not have them yet: {', '.join(left)}")
    shared = extractors(run, part.metrics)
    every = dict.fromkeys((*part.metrics, *_resting_on(run, shared), *_resting_on(baseline, shared)))
    more = [name for name in every if name not in part.metrics]
    if more:
        notes.append(f"accepted along, for the same features of {', '.join(sorted(shared))}: {', '.join(more)}")
    return Part(tuple(case for case in chosen if case in known), tuple(every)), notes


def _resting_on(run: Run, names: set[str]) -> list[str]:
    """Metrics of the whole set by features of some extractors."""
    return [name for name, score in run.set_scores.items() if score.extractor in names]
