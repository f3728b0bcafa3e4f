"""What the text of an error says of the process that it came from."""

from __future__ import annotations

import re

_NO_MEMORY = re.compile(
    r"memoryerror|out ?of ?memory|not enough memory|allocate memory|alloc_failed|bad_alloc|invalid buffer size", re.I
)
"""How Python, torch and the backends of accelerators say that memory is full."""
_UNUSABLE = re.compile(
    r"device-side assert|illegal memory access|unspecified launch failure|illegal instruction was encountered"
    r"|misaligned address|launch timed out|uncorrectable ECC|hardware stack error"
    r"|CU(BLAS|DNN|SOLVER|SPARSE|FFT)_STATUS_(INTERNAL_ERROR|EXECUTION_FAILED|MAPPING_ERROR|NOT_INITIALIZED)"
    r"|cuDNN error: .*internal error|CUFFT_INTERNAL_ERROR",
    re.I,
)
"""Errors of CUDA and its libraries after which every call of the same process fails."""


def is_out_of_memory(reason: str) -> bool:
    """Whether a call failed because memory was full: fewer images may fit."""
    return bool(_NO_MEMORY.search(reason))


def leaves_unusable(reason: str) -> bool:
    """Whether nothing more can be generated in the process in which a call failed for this reason."""
    return bool(_UNUSABLE.search(reason)) and not is_out_of_memory(reason)
