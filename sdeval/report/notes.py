"""What a session should know that is no verdict: where it could not look as closely as it was asked to."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from sdeval import baseline as baselines
from sdeval import run as runs
from sdeval.compare.verdict import Verdict
from sdeval.errors import SdevalError
from sdeval.run import Run

ALL_SEEDS = "pytest suites --sdeval-all-seeds"
"""Draws what a baseline needs, where nobody says what was typed."""


def session_notes(
    session: Path, verdicts: Sequence[Verdict], baseline_folder: Path, all_seeds: str = ALL_SEEDS
) -> list[str]:
    """One line for each thing, suite by suite.

    Args:
        session: its folder.
        verdicts: of the session.
        baseline_folder: where accepted runs are.
        all_seeds: the command that draws all seeds of what this session drew.
    """
    found = [*_not_here(verdicts), *_one_seed(verdicts)]
    for folder in sorted(path.parent for path in session.glob("*/*/run.json")):
        run = runs.read(folder)
        # What is wrong with a baseline was said before anything was drawn.
        with contextlib.suppress(SdevalError):
            found += _fewer_seeds(run, baselines.find(baseline_folder, run.suite, run.target), all_seeds)
    return found


def not_here(verdict: Verdict) -> bool:
    """Whether there is nothing but a reason: what it takes is not on this machine. Strict sessions say `unscored`."""
    return verdict.verdict == "inconclusive" and verdict.n == 0


def _not_here(verdicts: Sequence[Verdict]) -> list[str]:
    lines = (f"{each.suite} on {each.target}: {each.reason}" for each in verdicts if not_here(each))
    return list(dict.fromkeys(lines))


def _one_seed(verdicts: Sequence[Verdict]) -> list[str]:
    suites = dict.fromkeys(each.suite for each in verdicts if each.case and each.n == 1)
    return [
        f"{suite}: with one seed, no case alone can be shown to have fallen far; give its `seeds` at least two"
        for suite in suites
    ]


def _fewer_seeds(run: Run, before: Run | None, all_seeds: str) -> list[str]:
    """A suite may draw more seeds than its baseline has to compare them with: those are left out."""
    looks = run.asked["looks"]
    if before is None or set(run.asked["seeds"]).issuperset(looks[-1]):
        return []
    held = {sample.seed for sample in before.samples}
    most = max((len(look) for look in looks if held.issuperset(look)), default=len(looks[0]))
    if most == len(looks[-1]):
        return []
    return [
        f"{run.suite} on {run.target}: may draw up to {len(looks[-1])} seeds, but its baseline holds {len(held)}: at "
        f"most {most} are drawn; to have all of them: {all_seeds}, then sdeval accept"
    ]
