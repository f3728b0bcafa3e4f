"""Many things at once, in threads: for what waits for a disk or a network, or computes outside of Python."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

THREADS = 16
"""At the same time: many requests wait while few compute."""
CORES = min(os.cpu_count() or 1, 8)
"""Threads for work that computes, each of which may hold a large image."""
T = TypeVar("T")
R = TypeVar("R")


def in_threads(
    work: Callable[[T], R], items: Iterable[T], done: Callable[[int], None] = lambda _: None, threads: int = THREADS
) -> list[R]:
    """The result of every item, in their order; after a failure nothing more is begun.

    Args:
        work: called with each item, in some thread.
        items: what is worked on.
        done: called, in the thread of the caller, with how many more are done.
        threads: at the same time.

    Raises:
        Exception: that of the first item, in their order, whose work failed.
    """
    pool = ThreadPoolExecutor(threads)
    try:
        futures = [pool.submit(work, item) for item in items]
        results = []
        for future in futures:
            results.append(future.result())
            done(1)
        return results
    finally:
        pool.shutdown(cancel_futures=True)
