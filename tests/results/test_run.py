"""A run as a value."""

from __future__ import annotations

import numpy as np
import pytest

from sdeval.results.run import DIGESTS, known_to_both
from tests.conftest import make_run


@pytest.mark.parametrize("digest", DIGESTS)
def test_a_digest_that_one_side_lacks_is_no_difference(digest: str) -> None:
    old, new = {"model": "tiny"}, {"model": "tiny", digest: "abc"}
    assert known_to_both(old, new) == (old, old)
    assert known_to_both(new, old) == (old, old)


@pytest.mark.parametrize("digest", DIGESTS)
def test_digests_of_both_sides_are_compared(digest: str) -> None:
    old, new = {digest: "abc"}, {digest: "def"}
    assert known_to_both(old, new) == (old, new)


def test_other_facts_that_one_side_lacks_are_a_difference() -> None:
    old, new = {"model": "tiny"}, {"model": "tiny", "variant": "fp16"}
    assert known_to_both(old, new) == (old, new)


def test_samples_of_a_case_stay_together_in_the_order_of_the_suite() -> None:
    run = make_run(np.ones((2, 2)))
    assert {case: [sample.seed for sample in samples] for case, samples in run.by_case().items()} == {
        "case-0": [0, 1],
        "case-1": [0, 1],
    }
