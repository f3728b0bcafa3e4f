from __future__ import annotations

import threading

import pytest

from sdeval._utils.parallel import THREADS, in_threads


def test_results_come_in_the_order_of_the_items() -> None:
    assert in_threads(lambda number: number**2, range(100)) == [number**2 for number in range(100)]


def test_work_is_done_at_the_same_time() -> None:
    together = threading.Barrier(THREADS, timeout=60)
    in_threads(lambda _: together.wait(), range(THREADS))


def test_whoever_waits_is_told_how_many_are_done() -> None:
    told: list[int] = []
    in_threads(str, range(5), told.append)
    assert told == [1] * 5


def test_after_a_failure_nothing_more_is_begun() -> None:
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        raise ValueError(number)

    with pytest.raises(ValueError, match=r"^0$"):
        in_threads(work, range(10_000))
    assert len(begun) < 10_000
