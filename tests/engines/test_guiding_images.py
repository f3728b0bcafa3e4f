"""Control images and reference images reach the model of their own case, and no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdeval import Case, SdevalError, Suite, Target
from sdeval.config.case import Sample, Task, fingerprint
from sdeval.diagnostics.doctor import suite_for
from sdeval.engines.diffusers_engine import LoadedTarget, check, largest_batch
from sdeval.engines.engine import check_request
from sdeval.engines.generation import batches
from sdeval.evaluation.plan import make_plan
from sdeval.imaging.io import pixel_hash, to_pixels
from sdeval.results.inputs import keep_inputs
from tests.engines.conftest import Checkpoint
from tests.families import controlnet, ip_adapter

SETTINGS = {"num_inference_steps": 2}
Files = Callable[[str, int], Path]


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Images of a kind, by number."""
    folder = tmp_path_factory.mktemp("guiding")

    def write(kind: str, number: int) -> Path:
        path = folder / f"{kind}-{number}.png"
        rng = np.random.default_rng(number)
        if kind == "mask":
            Image.fromarray(np.repeat([0, 255], 32).astype(np.uint8)[None].repeat(64, axis=0)).save(path)
        else:
            Image.fromarray(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)).save(path)
        return path

    return write


@pytest.fixture(scope="session")
def controls(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The controlnet of a family."""
    made: dict[str, Path] = {}

    def find(family: str) -> Path:
        if family not in made:
            made[family] = controlnet(family, tmp_path_factory.mktemp(f"control-{family}"))
        return made[family]

    return find


@pytest.fixture(scope="session")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ip_adapter(tmp_path_factory.mktemp("adapter"))


def target(folder: Path, **changes: Any) -> Target:
    return Target(**{"name": "tiny", "model": str(folder), "device": "cpu", **changes})


def sample(number: int, files: Files, task: Task = "text2img", **changes: Any) -> Sample:
    case = Case(
        id=f"case-{number}",
        prompt=["a red circle", "a blue cross"][number],
        image=files("init", number) if task != "text2img" else None,
        mask=files("mask", 0) if task == "inpainting" else None,
        strength=0.9 if task != "text2img" else None,
        **changes,
    )
    return Sample(case, seed=number)


def distance(one: Image.Image, other: Image.Image) -> int:
    return int(np.abs(to_pixels(one).astype(int) - to_pixels(other).astype(int)).max())


@pytest.mark.parametrize(
    ("family", "task"),
    [
        ("sd1", "text2img"),
        ("sd1", "img2img"),
        ("sd1", "inpainting"),
        ("sdxl", "text2img"),
        ("sd3", "text2img"),
        ("flux", "text2img"),
        ("flux", "img2img"),
    ],
)
def test_each_control_image_guides_its_own_case(
    checkpoint: Checkpoint, controls: Callable[[str], Path], files: Files, family: str, task: Task
) -> None:
    guided = target(checkpoint(family), controlnet=str(controls(family)))
    check(guided, task, SETTINGS)
    engine = LoadedTarget(guided)
    pair = [sample(number, files, task, control_image=files("control", number)) for number in (0, 1)]
    cut = batches(pair, largest_batch(guided, task))
    together = [image for batch in cut for image in engine.generate(task, batch, SETTINGS)]
    for beside in together:
        (alone,) = engine.generate(task, [beside.sample], SETTINGS)
        assert alone.finite
        assert alone.image.size == (64, 64)
        assert distance(alone.image, beside.image) <= 1
    other = replace(pair[0], case=replace(pair[0].case, control_image=files("control", 5)))
    (changed,) = engine.generate(task, [other], SETTINGS)
    assert distance(changed.image, together[0].image) > 1


def test_tasks_share_a_controlnet(checkpoint: Checkpoint, controls: Callable[[str], Path]) -> None:
    engine = LoadedTarget(target(checkpoint("sd1"), controlnet=str(controls("sd1"))))
    assert engine.pipeline("text2img").controlnet is engine.pipeline("inpainting").controlnet


def test_a_reference_image_guides_its_own_case(checkpoint: Checkpoint, adapter: Path, files: Files) -> None:
    guided = target(checkpoint("sd1"), ip_adapter=str(adapter))
    check(guided, "text2img", SETTINGS)
    assert largest_batch(guided, "text2img") == 1
    engine, settings = LoadedTarget(guided), {**SETTINGS, "width": 64, "height": 64}
    same = sample(0, files, reference_image=files("reference", 0))
    other = replace(same, case=replace(same.case, reference_image=files("reference", 1)))
    one, again, changed = (engine.generate("text2img", [request], settings)[0].image for request in (same, same, other))
    assert distance(one, again) == 0
    assert distance(one, changed) > 1
    weak = LoadedTarget(target(checkpoint("sd1"), ip_adapter=str(adapter), ip_adapter_scale=0.0))
    (ignored,) = weak.generate("text2img", [same], settings)
    (plain,) = LoadedTarget(target(checkpoint("sd1"))).generate("text2img", [sample(0, files)], settings)
    assert distance(ignored.image, plain.image) <= 1


@pytest.mark.parametrize(
    ("changes", "images", "message"),
    [
        ({}, ["control_image"], "cases.yaml:3: control_image: has no effect on a StableDiffusionPipeline; set contr"),
        ({}, ["reference_image"], "cases.yaml:3: reference_image: has no effect; set ip_adapter of the target"),
        (
            {"controlnet": "sd1"},
            [],
            "cases.yaml:3: control_image: is missing; a StableDiffusionControlNetPip",
        ),
        ({"ip_adapter": "sd1"}, [], "cases.yaml:3: reference_image: is missing; the target has an ip_adapter"),
    ],
)
def test_images_without_effect_and_missing_ones_are_refused_with_their_line(
    checkpoint: Checkpoint, files: Files, changes: dict[str, str], images: list[str], message: str
) -> None:
    case = Case(id="a", prompt="a cross", origin="cases.yaml:3", **{name: files(name, 0) for name in images})
    with pytest.raises(SdevalError, match=message):
        check_request(target(checkpoint("sd1"), **changes), Suite(name="few", task="text2img", cases=(case,)))


@pytest.mark.parametrize(
    ("family", "changes", "message"),
    [
        ("sd1", {"controlnet": "./none"}, "target tiny: controlnet: no such folder: ./none"),
        ("pixart-sigma", {"ip_adapter": "{adapter}"}, "ip_adapter: a PixArtSigmaPipeline takes none"),
        ("sd1", {"ip_adapter": "./none.safetensors"}, "ip_adapter: no such file or folder: ./none.safetensors"),
        ("sd1", {"controlnet": "{model}/vae"}, "which is no controlnet of diffusers"),
        ("sd1", {"ip_adapter": "{model}/vae"}, "ip_adapter: no image_encoder/config.json in"),
    ],
)
def test_parts_that_cannot_be_are_refused_before_weights_are_read(
    checkpoint: Checkpoint, adapter: Path, family: str, changes: dict[str, str], message: str
) -> None:
    folder = checkpoint(family)
    texts = {name: text.format(adapter=adapter, model=folder) for name, text in changes.items()}
    with pytest.raises(SdevalError, match=message):
        check(target(folder, **texts), "text2img", {})


def test_an_adapter_of_another_model_is_one_line(checkpoint: Checkpoint, adapter: Path) -> None:
    with pytest.raises(SdevalError, match=r"ip_adapter: .* does not fit a StableDiffusionXLPipeline: ") as error:
        LoadedTarget(target(checkpoint("sdxl"), ip_adapter=str(adapter))).pipeline("text2img")
    assert "\n" not in str(error.value)


def test_a_scale_without_an_adapter_is_refused() -> None:
    with pytest.raises(SdevalError, match="ip_adapter_scale has no effect without an ip_adapter"):
        Target(name="a", model="b/c", ip_adapter_scale=0.5)
    with pytest.raises(SdevalError, match="ip_adapter_scale must be from 0 on"):
        Target(name="a", model="b/c", ip_adapter="b/d/e.safetensors", ip_adapter_scale=-1.0)


def test_other_guiding_images_are_other_requests(files: Files) -> None:
    requests = [
        sample(0, files, **changes)
        for changes in (
            {},
            {"control_image": files("control", 0)},
            {"control_image": files("control", 1)},
            {"reference_image": files("control", 0)},
        )
    ]
    assert len({fingerprint(request, 64, 64) for request in requests}) == len(requests)


def test_the_size_is_that_of_the_control_image(checkpoint: Checkpoint, files: Files) -> None:
    request = sample(0, files, control_image=files("control", 0))
    suite = Suite(name="few", task="text2img", cases=(request.case,))
    assert make_plan(suite, target(checkpoint("sd1"), controlnet="./edges")).size(request) == (64, 64)


def test_a_guided_target_is_examined_with_guiding_images(
    checkpoint: Checkpoint, controls: Callable[[str], Path], adapter: Path, tmp_path: Path
) -> None:
    guided = target(checkpoint("sd1"), controlnet=str(controls("sd1")), ip_adapter=str(adapter))
    suite = suite_for(guided, tmp_path)
    check_request(guided, suite)
    assert all(case.control_image and case.reference_image and not case.image for case in suite.cases)


def test_guiding_images_are_kept_with_a_run(files: Files, tmp_path: Path) -> None:
    control, reference = files("control", 0), files("reference", 1)
    case = sample(0, files, control_image=control, reference_image=reference).case
    record = keep_inputs([case], tmp_path)["case-0"]
    assert pixel_hash(tmp_path / record.control_image) == pixel_hash(control)
    assert pixel_hash(tmp_path / record.reference_image) == pixel_hash(reference)


def test_a_control_image_is_as_large_as_the_init_image(files: Files, tmp_path: Path) -> None:
    Image.new("RGB", (32, 32)).save(tmp_path / "small.png")
    case = sample(0, files, "img2img", control_image=tmp_path / "small.png").case
    with pytest.raises(SdevalError, match="control_image: is 32x32 pixels but the image is 64x64; make them the same"):
        Suite(name="few", task="img2img", cases=(case,))
