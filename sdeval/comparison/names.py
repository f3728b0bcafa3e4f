"""Short names for the settings of runs: by target where that tells them apart, and by what else differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import chain, islice, product
from typing import Any

from sdeval.results.run import DIGESTS, Run


def setting_names(runs: Sequence[Run]) -> list[str]:
    """One name a run, each only once, in the order given.

    Example: `sd15`, `sd15 scheduler=EulerDiscreteScheduler`, `sd15 torch=2.9.0`.
    """
    names = [
        " ".join((run.target, *_own(run, [other for other in runs if other.target == run.target]))) for run in runs
    ]
    many, seen = Counter(names), Counter[str]()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(f"{name} #{seen[name]}" if many[name] > 1 else name)
    return unique


def _own(run: Run, namesakes: Sequence[Run]) -> list[str]:
    """What runs of the same target differ in: how they were generated, or else on what."""
    for facts in (_generation, _machine):
        all_facts = [facts(namesake) for namesake in namesakes]
        differing = [name for name in facts(run) if _differs([values.get(name) for values in all_facts], name)]
        if differing:
            return [f"{name}={facts(run)[name]}" for name in differing]
    return []


def _differs(values: Sequence[Any], name: str) -> bool:
    unknown = name in DIGESTS and None in values
    return not unknown and len(set(map(str, values))) > 1


def _generation(run: Run) -> dict[str, Any]:
    names = dict.fromkeys((*run.generated_by, *run.request.get("settings", {})))
    return {name: {**run.generated_by, **run.request.get("settings", {})}.get(name) for name in names}


def _machine(run: Run) -> dict[str, Any]:
    return {"hardware": run.environment.get("hardware"), **run.environment.get("packages", {})}


def letters(count: int) -> list[str]:
    """Names of settings where there is little room: A to Z, then AA, AB and on.

    Example:
        >>> letters(3)
        ['A', 'B', 'C']
    """
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    words = chain.from_iterable(product(alphabet, repeat=length) for length in range(1, count + 2))
    return ["".join(word) for word in islice(words, count)]
