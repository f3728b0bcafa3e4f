"""A size that a pipeline would change in silence is refused."""

from __future__ import annotations

import pytest

from sdeval import Case, SdevalError, Suite, Target
from sdeval.engines.engine import check_request
from sdeval.engines.sizes import size_problem
from tests.engines.conftest import Checkpoint

VAE = {"block_out_channels": [128, 256, 512, 512]}


@pytest.mark.parametrize(
    ("kind", "size", "problem"),
    [
        ("Kandinsky5T2IPipeline", (1024, 1024), ""),
        ("Kandinsky5I2IPipeline", (640, 1408), ""),
        ("Kandinsky5T2IPipeline", (512, 512), "is 512x512; a Kandinsky5T2IPipeline generates 1024x1024, 640x1408"),
        ("HiDreamImagePipeline", (1024, 1024), ""),
        ("HiDreamImagePipeline", (1360, 768), ""),
        ("HiDreamImagePipeline", (512, 512), "is 512x512, of which a HiDreamImagePipeline makes 1024x1024; ask for"),
        ("QwenImageEditInpaintPipeline", (1024, 1024), ""),
        ("QwenImageEditInpaintPipeline", (1184, 896), ""),
        ("QwenImageEditInpaintPipeline", (64, 64), "is 64x64, of which a QwenImageEditInpaintPipeline makes 1024x1024"),
        ("QwenImageEditPipeline", (64, 64), ""),
        ("FluxPipeline", (64, 512), ""),
    ],
)
def test_sizes_of_pipelines_that_are_not_free(kind: str, size: tuple[int, int], problem: str) -> None:
    message = size_problem(kind, VAE, *size)
    assert message.startswith(problem)
    assert bool(message) is bool(problem)


def test_a_size_that_would_become_another_is_refused(checkpoint: Checkpoint) -> None:
    model = Target(name="tiny", model=str(checkpoint("hidream")))
    few = {size: Suite(
        name="few", task="text2img", cases=(Case(id="a", prompt="a cross"),), settings={"width": size, "height": size}
    ) for size in (64, 256)}  # fmt: skip
    with pytest.raises(SdevalError, match="target tiny: settings: the size is 64x64, of which a HiDreamImagePipeline"):
        check_request(model, few[64])
    check_request(model, few[256])
