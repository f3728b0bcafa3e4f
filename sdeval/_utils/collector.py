"""The garbage collector, where it costs time and finds nothing."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heavy_imports(module: str) -> Iterator[None]:
    """Import a module and what it loads, without looking for garbage among what it makes.

    Torch, transformers and diffusers make very many objects when they are imported, which live as long as the process.
    The collector would look at all of them again and again: a quarter of the processor time of their import, and more
    at every full collection later. They are taken out of its sight instead.

    Where the module is imported already, nothing happens: what lives by then may be garbage one day.

    Args:
        module: its full name.
    """
    if module in sys.modules or not gc.isenabled():
        yield
        return
    with paused_collector():
        try:
            yield
        finally:
            gc.freeze()


@contextmanager
def paused_collector() -> Iterator[None]:
    """Compute with many objects and leave no garbage; also usable as a decorator.

    The collector looks at all objects there are whenever a quarter has been added, so that what is computed of a sample
    would take longer the more samples there are.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
