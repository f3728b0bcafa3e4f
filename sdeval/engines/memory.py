"""How much memory a process holds while it generates."""

from __future__ import annotations

import gc
import resource
import sys
from dataclasses import dataclass

from sdeval._utils.validation import Checked


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryUse(Checked):
    """The largest memory that was held, in bytes."""

    peak: int = 0
    """By tensors on the accelerator if there is one, otherwise by the process."""
    reserved: int = 0
    """Reserved for tensors on the accelerator, if there is one."""

    def largest(self, other: MemoryUse) -> MemoryUse:
        """The larger values of two processes."""
        return MemoryUse(peak=max(self.peak, other.peak), reserved=max(self.reserved, other.reserved))


def reset_peak_memory() -> None:
    """Forget what earlier runs held on the accelerator; what a process held cannot be forgotten."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def peak_memory() -> MemoryUse:
    """The largest memory that this process held."""
    import torch

    if torch.cuda.is_available():
        return MemoryUse(peak=int(torch.cuda.max_memory_allocated()), reserved=int(torch.cuda.max_memory_reserved()))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return MemoryUse(peak=peak if sys.platform == "darwin" else peak * 1024)


def release_memory() -> None:
    """Give back what a failed call held, which the allocator of an accelerator keeps otherwise."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
