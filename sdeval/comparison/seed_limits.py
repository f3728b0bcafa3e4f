"""What a suite cannot see with the seeds it has, or with those that its baseline has: a line for each."""

from __future__ import annotations

from sdeval.config.suite import Suite
from sdeval.results.run import Run
from sdeval.stats import FEWEST_SEEDS


def seed_notes(suite: Suite, target: str, accepted: Run | None, *, all_seeds: bool) -> tuple[str, ...]:
    """What a reader of the verdicts must know of the seeds.

    Args:
        suite: as it is now.
        target: its name.
        accepted: the baseline, if there is one.
        all_seeds: whether all seeds are generated, also those that the baseline does not hold.
    """
    few = _too_few(suite)
    return few if accepted is None or all_seeds else (*few, *_missing_seeds(suite, target, accepted))


def _too_few(suite: Suite) -> tuple[str, ...]:
    most = len(suite.rounds[-1])
    if most >= FEWEST_SEEDS:
        return ()
    advice = f"set max_seeds={FEWEST_SEEDS}, and accept a run made with --sdeval-all-seeds"
    return (f"{suite.name}: single cases can only be shown to be worse with {FEWEST_SEEDS} seeds or more; {advice}",)


def _missing_seeds(suite: Suite, target: str, accepted: Run) -> tuple[str, ...]:
    """What has nothing to be compared with is not generated."""
    existing = {sample.seed for sample in accepted.samples}
    wanted = set(suite.rounds[-1])
    if existing >= wanted:
        return ()
    shared = len(existing.intersection(suite.seeds)) or len(suite.seeds)
    most = max((len(seeds) for seeds in suite.rounds if existing.issuperset(seeds)), default=shared)
    return (
        f"{suite.name} on {target}: has {len(wanted)} seeds, but the baseline holds {len(existing & wanted)} of them, "
        f"so at most {most} are generated; to have all: pytest suites --sdeval-all-seeds, then sdeval accept",
    )
