"""Mutated files: whatever reads files of others reads them, or raises one documented error of one line."""

from __future__ import annotations

import pytest

from benchmarks.torture.fuzz import INPUTS, fuzz
from benchmarks.torture.readers import READERS


def test_mutated_files_are_read_or_refused_in_one_line() -> None:
    counts, failures = fuzz(len(READERS) * 200, seed=1)
    assert not failures, failures[0]
    # The mutations are neither harmless nor all so coarse that nothing is ever read.
    assert all(count["refused"] for count in counts.values())
    assert all(count["read"] for count in counts.values())


@pytest.mark.slow
def test_many_mutated_files_are_read_or_refused_in_one_line() -> None:
    _, failures = fuzz(INPUTS, seed=2)
    assert not failures, failures[0]
