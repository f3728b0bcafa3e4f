"""What a suite cannot show with the seeds that it has, or with those that its baseline has: a note for each."""

from __future__ import annotations

from sdeval.comparison import notes
from sdeval.config.suite import Suite
from sdeval.results.run import Run
from sdeval.stats import FEWEST_SEEDS


def seed_notes(suite: Suite, target: str, accepted: Run | None, *, all_seeds: bool) -> tuple[str, ...]:
    """What whoever reads the verdicts must know about the seeds.

    Args:
        suite: as it is now.
        target: its name.
        accepted: the baseline, if there is one.
        all_seeds: whether all seeds are generated, also those that the baseline does not hold.
    """
    few = _too_few(suite)
    return few if accepted is None or all_seeds else (*few, *_missing_seeds(suite, target, accepted))


def _too_few(suite: Suite) -> tuple[str, ...]:
    return () if len(suite.rounds[-1]) >= FEWEST_SEEDS else (notes.few_seeds(suite.name, FEWEST_SEEDS),)


def _missing_seeds(suite: Suite, target: str, accepted: Run) -> tuple[str, ...]:
    """Seeds that the baseline does not have are not generated, as there is nothing to compare them with."""
    existing = {sample.seed for sample in accepted.samples}
    wanted = set(suite.rounds[-1])
    if existing >= wanted:
        return ()
    shared = len(existing.intersection(suite.seeds)) or len(suite.seeds)
    most = max((len(seeds) for seeds in suite.rounds if existing.issuperset(seeds)), default=shared)
    return (notes.missing_seeds(suite.name, target, len(wanted), len(existing & wanted), most),)
