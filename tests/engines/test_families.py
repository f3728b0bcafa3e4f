"""Every family, every task: loaded from disk by the code that loads real models, generated, alone and in company."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdeval import Case, SdevalError, Suite, Target
from sdeval.config.case import TASKS, Sample
from sdeval.engines.diffusers_engine import LoadedTarget, check, largest_batch
from sdeval.engines.engine import check_request
from sdeval.engines.families import family_of
from sdeval.engines.generation import batches, generate_batch
from sdeval.engines.pipeline_classes import call_parameters
from sdeval.errors import CallFailed
from sdeval.imaging.io import to_pixels
from tests.engines.conftest import Checkpoint
from tests.families import SETTINGS_OF, TASKS_OF

STEPS = {"num_inference_steps": 2}
FLOW_PREDICTION = {"prediction_type": "flow_prediction"}
PAIRS = [(family, task) for family, tasks in TASKS_OF.items() for task in tasks]
LARGE = ("qwen-image-edit", "qwen-image-edit-plus", "hidream", "kandinsky5", "kandinsky5-edit")
"""Families whose pipelines make every image, or every init image, larger than the others."""
SIZE_OF = {("qwen-image-edit", "inpainting"): (1024, 1024)}
"""Of images that are larger whatever is asked for; `check_request` refuses the others."""


@pytest.fixture
def samples(tmp_path: Path) -> Callable[[str], list[Sample]]:
    """Three samples of a task, with images and masks of their own."""

    def make(task: str) -> list[Sample]:
        rng = np.random.default_rng(0)
        found = []
        for number in range(3):
            image, mask = tmp_path / f"image-{number}.png", tmp_path / f"mask-{number}.png"
            Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(image)
            half = np.zeros((64, 64), dtype=np.uint8)
            half[:, 20 + 8 * number :] = 255
            Image.fromarray(half).save(mask)
            found.append(
                Sample(
                    Case(
                        id=f"case-{number}",
                        prompt=["a red circle", "a blue cross", "a green star"][number],
                        image=image if task != "text2img" else None,
                        mask=mask if task == "inpainting" else None,
                        strength=0.9 if task in ("img2img", "inpainting") else None,
                    ),
                    seed=number,
                )
            )
        return found

    return make


def loaded(folder: Path, **changes: object) -> LoadedTarget:
    return LoadedTarget(Target(**{"name": "tiny", "model": str(folder), "device": "cpu", **changes}))


def settings(task: str, family: str = "") -> dict[str, Any]:
    size = {"width": 64, "height": 64} if task == "text2img" else {}
    return {**STEPS, **size, **SETTINGS_OF.get(family, {})}


@pytest.mark.parametrize(
    ("family", "task"),
    [pytest.param(*pair, marks=[pytest.mark.slow] * (pair[0] in LARGE)) for pair in PAIRS],
)
def test_a_family_does_a_task_alone_and_in_company(
    checkpoint: Checkpoint, samples: Callable[[str], list[Sample]], family: str, task: str
) -> None:
    target = loaded(checkpoint(family))
    check(target.target, task, STEPS)
    pipeline, call = target.pipeline(task), settings(task, family)
    has_strength = "strength" in call_parameters(type(pipeline))
    request = [
        sample if has_strength else replace(sample, case=replace(sample.case, strength=None))
        for sample in samples(task)
    ]
    together = [
        image
        for batch in batches(request, largest_batch(target.target, task))
        for image in generate_batch(pipeline, batch, call)
    ]
    alone = [generate_batch(pipeline, [sample], call)[0] for sample in request]
    assert {image.sample.case.id for image in together} == {"case-0", "case-1", "case-2"}
    for image in alone:
        beside = next(other for other in together if other.sample == image.sample)
        assert image.finite
        assert image.image.size == SIZE_OF.get((family, task), (call.get("width", 64), call.get("height", 64)))
        apart = np.abs(to_pixels(image.image).astype(int) - to_pixels(beside.image).astype(int))
        assert apart.max() <= 1
    # Other cases and seeds are other images, and so are other prompts; a small Kandinsky hardly reads them.
    assert len({image.image.tobytes() for image in alone}) == 3
    if family.startswith("kandinsky"):
        return
    other = replace(request[0], case=replace(request[0].case, prompt=request[1].case.prompt))
    assert generate_batch(pipeline, [other], call)[0].image.tobytes() != alone[0].image.tobytes()


def test_a_class_that_a_target_names_generates(checkpoint: Checkpoint, samples: Callable[[str], list[Sample]]) -> None:
    target = loaded(checkpoint("sd1"), pipeline="StableDiffusionPAGPipeline")
    check(target.target, "text2img", STEPS)
    (generated,) = target.generate("text2img", samples("text2img")[:1], settings("text2img"))
    assert generated.finite
    assert target.describe("text2img")["pipeline"] == "StableDiffusionPAGPipeline"


@pytest.mark.parametrize(
    ("family", "task", "message"),
    [
        ("sd-inpainting", "text2img", "is an inpainting checkpoint and cannot do text2img"),
        ("sd-inpainting", "img2img", "is an inpainting checkpoint and cannot do img2img"),
        ("chroma", "inpainting", "ChromaInpaintPipeline of diffusers asks for guidance_embeds"),
        ("sana", "img2img", "diffusers has no img2img pipeline for a SanaPipeline checkpoint"),
        ("kandinsky22", "inpainting", "cannot do inpainting; that takes kandinsky-2-2-decoder-inpaint"),
        ("kandinsky22-inpaint", "text2img", "is an inpainting checkpoint and cannot do text2img"),
    ],
)
def test_a_checkpoint_is_refused_for_a_task_that_it_cannot_do(
    checkpoint: Checkpoint, family: str, task: str, message: str
) -> None:
    with pytest.raises(SdevalError, match=message):
        check(loaded(checkpoint(family)).target, task, {})


def test_some_families_generate_one_at_a_time(checkpoint: Checkpoint) -> None:
    assert largest_batch(loaded(checkpoint("kandinsky22-inpaint")).target, "inpainting") == 1
    assert largest_batch(loaded(checkpoint("sd1")).target, "text2img") == 8
    assert family_of("StableDiffusion3ControlNetPipeline").one_at_a_time == set(TASKS)
    klein = family_of("Flux2KleinPipeline")
    assert klein.one_at_a_time == {"img2img", "edit"}


@pytest.mark.parametrize(
    "family",
    [
        *(
            "sd3.5",
            "pixart-sigma",
            "qwen-image",
            "z-image",
            "sana",
            "chroma",
            "auraflow",
            "lumina2",
            "cogview4",
            "bria",
            "fibo",
        ),
        pytest.param("hidream", marks=pytest.mark.slow),
    ],
)
def test_a_negative_prompt_that_is_not_refused_changes_the_image(
    checkpoint: Checkpoint, samples: Callable[[str], list[Sample]], family: str
) -> None:
    target, plain = loaded(checkpoint(family)), samples("text2img")[0]
    negative = replace(plain, case=replace(plain.case, negative_prompt="ugly, blue, a square"))
    call = settings("text2img", family)
    check_request(target.target, Suite(name="few", task="text2img", cases=(negative.case,), settings=call))
    one, other = (target.generate("text2img", [sample], call)[0].image for sample in (plain, negative))
    assert one.tobytes() != other.tobytes()


def test_kandinsky_takes_negative_prompts(checkpoint: Checkpoint, samples: Callable[[str], list[Sample]]) -> None:
    from dataclasses import replace

    pipeline = loaded(checkpoint("kandinsky22-inpaint")).pipeline("inpainting")
    sample = samples("inpainting")[0]
    plain = generate_batch(pipeline, [sample], STEPS)[0]
    negative = replace(sample, case=replace(sample.case, negative_prompt="ugly"))
    assert generate_batch(pipeline, [negative], STEPS)[0].image.tobytes() != plain.image.tobytes()


def test_kandinsky_uses_the_scheduler_that_it_is_told_to(checkpoint: Checkpoint) -> None:
    target = loaded(checkpoint("kandinsky22"), scheduler="DDPMParallelScheduler")
    pipeline = target.pipeline("text2img")
    assert type(pipeline.decoder_pipe.scheduler).__name__ == "DDPMParallelScheduler"
    assert target.describe("text2img")["scheduler"] == "DDPMParallelScheduler"


def test_a_decoder_without_a_prior_says_what_to_do(checkpoint: Checkpoint, tmp_path: Path) -> None:
    import shutil

    folder = shutil.copytree(checkpoint("kandinsky22"), tmp_path / "alone")
    (folder / "README.md").unlink()
    with pytest.raises(SdevalError, match="needs a prior, and no model card names one; set prior"):
        check(loaded(folder).target, "text2img", {})
    prior = f"{checkpoint('kandinsky22')}-prior"
    check(loaded(folder, prior=prior).target, "text2img", {})


@pytest.mark.parametrize(
    ("family", "scheduler", "fits"),
    [
        ("StableDiffusionPipeline", "EulerDiscreteScheduler", True),
        ("StableDiffusionPipeline", "FlowMatchEulerDiscreteScheduler", False),
        ("StableDiffusionXLImg2ImgPipeline", "LCMScheduler", True),
        ("StableDiffusion3Pipeline", "DDIMScheduler", False),
        ("FluxPipeline", "FlowMatchEulerDiscreteScheduler", True),
        ("FluxPipeline", "DDIMScheduler", False),
        ("KandinskyV22CombinedPipeline", "DDIMScheduler", False),
        ("KandinskyV22CombinedPipeline", "DDPMScheduler", True),
        ("LatentConsistencyModelPipeline", "DDIMScheduler", False),
        ("SomeNewPipeline", "DDIMScheduler", True),
    ],
)
def test_schedulers_fit_families(family: str, scheduler: str, fits: bool) -> None:
    assert family_of(family).schedulers_beside("DDIMScheduler", {}).allow(scheduler, {}) is fits


def test_a_scheduler_that_has_to_be_configured_fits_once_it_is() -> None:
    sd3, kandinsky = (
        family_of(name).schedulers_beside("DDPMScheduler", {})
        for name in ("StableDiffusion3Pipeline", "KandinskyV22CombinedPipeline")
    )
    assert not sd3.allow("UniPCMultistepScheduler", {})
    assert sd3.allow("UniPCMultistepScheduler", {"use_flow_sigmas": True})
    assert kandinsky.allow("DPMSolverMultistepScheduler", {"variance_type": "fixed_small"})


@pytest.mark.parametrize(
    ("own", "config", "scheduler", "fits"),
    [
        ("FlowMatchEulerDiscreteScheduler", {}, "DDIMScheduler", False),
        ("FlowMatchEulerDiscreteScheduler", {}, "FlowMatchLCMScheduler", True),
        ("FlowMatchHeunDiscreteScheduler", {}, "FlowMatchHeunDiscreteScheduler", True),
        ("DPMSolverMultistepScheduler", {"prediction_type": "flow_prediction"}, "EulerDiscreteScheduler", False),
        (
            "DPMSolverMultistepScheduler",
            {"prediction_type": "flow_prediction"},
            "FlowMatchEulerDiscreteScheduler",
            True,
        ),
        ("DPMSolverMultistepScheduler", {"use_flow_sigmas": True}, "UniPCMultistepScheduler", True),
        ("DPMSolverMultistepScheduler", {"prediction_type": "epsilon"}, "EulerDiscreteScheduler", True),
        ("DPMSolverMultistepScheduler", {}, "FlowMatchEulerDiscreteScheduler", False),
        ("SCMScheduler", {}, "SCMScheduler", True),
        ("SCMScheduler", {}, "FlowMatchEulerDiscreteScheduler", False),
    ],
)
def test_the_models_own_scheduler_tells_which_fit_a_new_family(
    own: str, config: dict[str, object], scheduler: str, fits: bool
) -> None:
    assert family_of("SomeNewPipeline").schedulers_beside(own, config).allow(scheduler, config) is fits


@pytest.mark.slow
def test_a_compiled_model_generates_the_same_and_its_first_call_is_kept_apart(
    checkpoint: Checkpoint, samples: Callable[[str], list[Sample]]
) -> None:
    batch, request = samples("text2img")[:2], settings("text2img")
    compiled = loaded(checkpoint("sd1"), compile=True)
    calls = [compiled.generate("text2img", batch, request) for _ in range(2)]
    assert [call[0].warming for call in calls] == [True, False]
    plain = loaded(checkpoint("sd1")).generate("text2img", batch, request)
    for mine, other in zip(calls[1], plain, strict=True):
        apart = np.abs(to_pixels(mine.image).astype(int) - to_pixels(other.image).astype(int))
        assert apart.max() <= 1


@pytest.mark.parametrize("components", [None, ["unet", "text_encoder"]])
def test_a_quantized_model_generates_nearly_the_same(
    checkpoint: Checkpoint, samples: Callable[[str], list[Sample]], components: list[str] | None
) -> None:
    from torchao.quantization import Int8Tensor

    quantization = {"backend": "torchao", "quant_type": "Int8WeightOnlyConfig"}
    quantization |= {"components": components} if components else {}
    target, batch = loaded(checkpoint("sd1"), quantization=quantization), samples("text2img")[:1]
    (generated,) = target.generate("text2img", batch, settings("text2img"))
    pipeline = target.pipeline("text2img")
    for name in components or ["unet"]:
        assert any(isinstance(each, Int8Tensor) for each in getattr(pipeline, name).parameters())
    (plain,) = loaded(checkpoint("sd1")).generate("text2img", batch, settings("text2img"))
    apart = np.abs(to_pixels(generated.image).astype(int) - to_pixels(plain.image).astype(int))
    assert 0 < apart.mean() < 5


@pytest.mark.parametrize(
    ("quantization", "message"),
    [
        ({"backend": "torchao", "quant_type": "Int8WeightsOnlyConfig"}, "did you mean Int8WeightOnlyConfig"),
        ({"backend": "torchao", "quant_type": "Int8WeightOnlyConfig", "components": ["unett"]}, "did you mean unet"),
        ({"backend": "torchaoo"}, "unknown backend 'torchaoo'; did you mean torchao"),
    ],
)
def test_a_quantization_that_cannot_be_is_refused_before_weights_are_read(
    checkpoint: Checkpoint, quantization: dict[str, object], message: str
) -> None:
    with pytest.raises(SdevalError, match=message):
        check(loaded(checkpoint("sd1"), quantization=quantization).target, "text2img", {})


def test_a_negative_prompt_of_another_case_changes_nothing(
    checkpoint: Checkpoint, samples: Callable[[str], list[Sample]]
) -> None:
    target = loaded(checkpoint("sdxl"))
    plain, other, *_ = samples("text2img")
    negative = replace(other, case=replace(other.case, negative_prompt="a blue cross, ugly"))
    cut = list(batches([plain, negative], 8))
    assert cut == [[plain], [negative]]
    request = {**settings("text2img"), "guidance_scale": 6.0}
    (alone,) = target.generate("text2img", [plain], request)
    with pytest.raises(CallFailed, match="with and without a negative prompt"):
        target.generate("text2img", [plain, negative], request)
    beside = next(image for batch in cut for image in target.generate("text2img", batch, request))
    assert to_pixels(alone.image).tobytes() == to_pixels(beside.image).tobytes()


@pytest.mark.parametrize(
    "family", ["flux2", "flux2-klein", pytest.param("qwen-image-edit-plus", marks=pytest.mark.slow)]
)
def test_every_input_image_of_an_edit_counts_and_so_does_their_order(
    checkpoint: Checkpoint, samples: Callable[[str], list[Sample]], family: str
) -> None:
    target = loaded(checkpoint(family))
    plain, other, _ = samples("edit")
    first, second = *plain.case.inputs, *other.case.inputs
    cases = [replace(plain.case, image=None, images=images) for images in ((first,), (first, second), (second, first))]
    call = settings("edit", family)
    check_request(target.target, Suite(name="few", task="edit", cases=cases[1:2], settings=call))
    (single, *rest) = [target.generate("edit", [Sample(case, 0)], call)[0].image for case in cases]
    assert len({image.tobytes() for image in (single, *rest)}) == 3
    assert target.generate("edit", [replace(plain, seed=0)], call)[0].image.tobytes() == single.tobytes()


@pytest.mark.parametrize(
    ("family", "kind"),
    [
        ("flux-kontext", "FluxKontextPipeline"),
        ("instruct-pix2pix", "StableDiffusionInstructPix2PixPipeline"),
        ("qwen-image-edit", "QwenImageEditPipeline"),
    ],
)
def test_a_family_that_edits_one_image_is_given_no_more(
    checkpoint: Checkpoint, samples: Callable[[str], list[Sample]], family: str, kind: str
) -> None:
    plain, other, _ = samples("edit")
    case = replace(plain.case, image=None, images=(*plain.case.inputs, *other.case.inputs), origin="cases.yaml:4")
    request = Suite(name="few", task="edit", cases=(case,), settings=settings("edit", family))
    with pytest.raises(SdevalError, match=f"target tiny: cases.yaml:4: images: a {kind} takes one input image, got 2"):
        check_request(loaded(checkpoint(family)).target, request)
