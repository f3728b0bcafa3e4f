"""What an error says of the process that it came from."""

from __future__ import annotations

import pytest

from sdeval.engines.failures import is_out_of_memory, leaves_unusable


@pytest.mark.parametrize(
    "reason",
    [
        "AcceleratorError: CUDA error: device-side assert triggered",
        "RuntimeError: CUDA error: an illegal memory access was encountered",
        "RuntimeError: CUDA error: unspecified launch failure",
        "RuntimeError: CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`",
        "RuntimeError: cuDNN error: CUDNN_STATUS_INTERNAL_ERROR",
        "RuntimeError: CUDA error: uncorrectable ECC error encountered",
    ],
)
def test_errors_after_which_nothing_works(reason: str) -> None:
    assert leaves_unusable(reason)
    assert not is_out_of_memory(reason)


@pytest.mark.parametrize(
    "reason",
    [
        "OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "RuntimeError: CUDA error: no kernel image is available for execution on the device",
        "ValueError: an assert of the program",
    ],
)
def test_errors_after_which_others_work(reason: str) -> None:
    assert not leaves_unusable(reason)
