"""A sample depends on its case, its seed and its target, and on nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdeval import Case, Sample, Target
from sdeval.config.case import Task
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.engines.generation import Generated, batches, generate_batch, to_image
from sdeval.scaffold.choices import SHAPES_SETTINGS

STEPS = {"num_inference_steps": 3, "guidance_scale": 3.0}


@pytest.fixture(scope="module")
def loaded(tiny: Path) -> LoadedTarget:
    return LoadedTarget(Target(name="tiny", model=str(tiny), device="cpu"))


@pytest.fixture
def samples(tmp_path: Path, rng: np.random.Generator) -> dict[Task, list[Sample]]:
    cases = []
    for number in range(4):
        image, mask = tmp_path / f"{number}.png", tmp_path / f"{number}-mask.png"
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(image)
        Image.fromarray(np.where(rng.random((32, 32)) < 0.5, 255, 0).astype(np.uint8)).save(mask)
        negative = "blue" if number % 2 else ""
        cases.append(
            Case(id=f"c{number}", prompt=f"a red circle {number}", negative_prompt=negative, image=image, mask=mask)
        )
    return {
        "text2img": [Sample(replace(case, image=None, mask=None), 7 + n) for n, case in enumerate(cases)],
        "img2img": [Sample(replace(case, mask=None, strength=0.7), 7 + n) for n, case in enumerate(cases)],
        "inpainting": [Sample(case, 7 + n) for n, case in enumerate(cases)],
    }


def settings(task: Task) -> dict[str, object]:
    return {**STEPS, "width": 32, "height": 32} if task == "text2img" else dict(STEPS)


def together_of(pipeline: object, samples: list[Sample], settings: dict[str, object]) -> np.ndarray:
    """Levels of samples in their order, generated in batches as large as can be."""
    generated = [image for batch in batches(samples, 8) for image in generate_batch(pipeline, batch, settings)]
    return levels(sorted(generated, key=lambda image: samples.index(image.sample)))


def levels(generated: list[Generated]) -> np.ndarray:
    return np.stack([np.asarray(each.image, dtype=int) for each in generated])


@pytest.mark.parametrize("task", SHAPES_SETTINGS)
def test_the_batch_does_not_matter(loaded: LoadedTarget, samples: dict[Task, list[Sample]], task: Task) -> None:
    pipeline = loaded.pipeline(task)
    together = together_of(pipeline, samples[task], settings(task))
    alone = np.concatenate([levels(generate_batch(pipeline, [sample], settings(task))) for sample in samples[task]])
    assert np.abs(together - alone).max() <= 1


@pytest.mark.parametrize("task", SHAPES_SETTINGS)
def test_the_order_does_not_matter(loaded: LoadedTarget, samples: dict[Task, list[Sample]], task: Task) -> None:
    pipeline = loaded.pipeline(task)
    forth = together_of(pipeline, samples[task], settings(task))
    back = together_of(pipeline, samples[task][::-1], settings(task))
    assert np.abs(forth - back[::-1]).max() <= 1


@pytest.mark.parametrize("task", SHAPES_SETTINGS)
def test_the_same_sample_twice_is_the_same_to_the_last_bit(
    loaded: LoadedTarget, samples: dict[Task, list[Sample]], task: Task
) -> None:
    one, other = (together_of(loaded.pipeline(task), samples[task], settings(task)) for _ in range(2))
    assert np.array_equal(one, other)


def test_another_seed_is_another_image(loaded: LoadedTarget, samples: dict[Task, list[Sample]]) -> None:
    sample = samples["text2img"][0]
    one, other = levels(
        generate_batch(loaded.pipeline("text2img"), [sample, replace(sample, seed=99)], settings("text2img"))
    )
    assert np.abs(one - other).max() > 5


def test_it_is_what_diffusers_generates_with_a_seeded_generator(loaded: LoadedTarget) -> None:
    import torch

    pipeline = loaded.pipeline("text2img")
    (generated,) = generate_batch(pipeline, [Sample(Case(id="a", prompt="a red circle"), 31)], settings("text2img"))
    generator = torch.Generator("cpu").manual_seed(31)
    expected = pipeline("a red circle", generator=generator, **settings("text2img")).images[0]
    assert np.array_equal(np.asarray(generated.image), np.asarray(expected))


def test_batches_share_all_that_a_call_has_once(samples: dict[Task, list[Sample]]) -> None:
    mixed = [
        Sample(replace(sample.case, strength=strength), sample.seed)
        for sample in samples["img2img"]
        for strength in (0.5, 0.8)
    ]
    cut = list(batches(mixed, 3))
    assert [len(batch) for batch in cut] == [2, 2, 2, 2]
    for batch in cut:
        assert len({(sample.case.strength, bool(sample.case.negative_prompt)) for sample in batch}) == 1
    assert sorted(sample.name for batch in cut for sample in batch) == sorted(sample.name for sample in mixed)


def test_values_that_are_no_numbers_are_told(loaded: LoadedTarget) -> None:
    pipeline = loaded.pipeline("text2img")
    weight = pipeline.vae.decoder.conv_out.weight
    kept = weight.detach().clone()
    weight.data.fill_(float("nan"))
    try:
        (generated,) = generate_batch(pipeline, [Sample(Case(id="a", prompt="a"), 0)], settings("text2img"))
    finally:
        weight.data.copy_(kept)
    assert not generated.finite
    assert generated.image.getextrema() == ((0, 0), (0, 0), (0, 0))


def test_pixels_are_rounded_as_diffusers_does() -> None:
    from diffusers.image_processor import VaeImageProcessor

    values = np.random.default_rng(0).random((1, 8, 8, 3)).astype(np.float32)
    expected = VaeImageProcessor.numpy_to_pil(values)[0]
    assert np.array_equal(np.asarray(to_image(values[0])), np.asarray(expected))
