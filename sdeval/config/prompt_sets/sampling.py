"""Picks some of the prompts of a set: the same ones on every machine, and in every version of Python."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, get_args

from sdeval.config.prompt_sets.reading import SetCase

Shares = Literal["equal", "proportional"]
SHARES: tuple[Shares, ...] = get_args(Shares)
WITHOUT = "none"
"""The value of a field that a prompt does not have."""


def pick(cases: Sequence[SetCase], limit: int, field: str | None, seed: int, shares: Shares = "equal") -> list[SetCase]:
    """At most `limit` cases, in the order of the set.

    A case's place in the order of choice depends on its id and the seed alone, so that of two samples with one seed
    the larger one holds the smaller one. With a field, its values take turns: all have equal shares, as far as there
    are enough cases of each; or shares like those that they have in the set.
    """
    totals = Counter(value_of(candidate, field) for candidate in cases)
    by_chance = sorted(cases, key=lambda chosen: _rank(seed, chosen.case.id))
    turns: Counter[str] = Counter()
    order: list[tuple[Fraction, bytes, SetCase]] = []
    for candidate in by_chance:
        # Without a field all have the same value, and each has a turn of its own.
        value = value_of(candidate, field)
        # The middle of its turn, where all turns of a value together take the same time.
        turn = Fraction(2 * turns[value] + 1, 2 * (totals[value] if shares == "proportional" else 1))
        order.append((turn, _rank(seed, value), candidate))
        turns[value] += 1
    order.sort(key=lambda place: place[:2])
    chosen_ids = {candidate.case.id for _, _, candidate in order[:limit]}
    return [candidate for candidate in cases if candidate.case.id in chosen_ids]


def value_of(candidate: SetCase, field: str | None) -> str:
    """The value of a field."""
    return candidate.fields.get(field, WITHOUT) if field else WITHOUT


def _rank(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode(errors="replace")).digest()
