"""ComfyUI: workflows are filled in, run, and their images fetched."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdeval import SdevalError, Suite, Target
from sdeval.engines.engine import announcements, check, check_request
from sdeval.engines.servers.engine import ServerEngine
from sdeval.errors import CallFailed
from tests.engines.servers.comfy_fake import NODES, ComfyFake, node, workflow, write
from tests.engines.servers.conftest import generate, target_of
from tests.engines.servers.fakes import Fake

Serve = Callable[[Fake], Fake]
Make = Callable[..., Suite]


def comfy(fake: Fake, folder: Path, nodes: dict[str, Any], **server: Any) -> Target:
    return target_of(fake, "comfyui", server={"workflow": write(folder, nodes), **server})


def ask(target: Target, suite: Suite) -> Image.Image:
    """One image without a probe."""
    return ServerEngine(target).generate(suite.task, [suite.samples[0]], suite.settings)[0].image


def test_places_are_inferred_filled_in_and_said(tmp_path: Path, serve: Serve, suite_of: Make) -> None:
    fake = serve(ComfyFake())
    target = comfy(fake, tmp_path, workflow())
    settings = {"num_inference_steps": 4, "guidance_scale": 5.0, "width": 40, "height": 24}
    suite = suite_of("text2img", settings=settings, negative_prompt="dogs")
    image = generate(target, suite)
    wish = fake.painted[-1]
    assert image.size == (40, 24)
    assert (wish.prompt, wish.negative, wish.seed, wish.steps, wish.guidance) == ("a red cat", "dogs", 3, 4, 5.0)
    assert announcements(target, suite, 2) == [
        f"few on mine: bindings inferred from {target.server['workflow']}: prompt = 6.text, seed = 3.seed, "
        "num_inference_steps = 3.steps, guidance_scale = 3.cfg, negative_prompt = 7.text, strength = 3.denoise, "
        "width = 5.width, height = 5.height"
    ]


@pytest.mark.parametrize("mask_node", [True, False], ids=["LoadImageMask", "transparency"])
def test_a_masked_edit_paints_what_is_white(mask_node: bool, tmp_path: Path, serve: Serve, suite_of: Make) -> None:
    fake = serve(ComfyFake())
    suite = suite_of("inpainting", strength=0.8)
    image = generate(comfy(fake, tmp_path, workflow("inpainting", mask_node=mask_node)), suite)
    changed = (np.asarray(image) != np.asarray(Image.open(suite.cases[0].image))).any(axis=-1)
    assert changed[:, :8].mean() > 0.9
    assert not changed[:, 8:].any()


def test_an_image_is_changed(tmp_path: Path, serve: Serve, suite_of: Make) -> None:
    fake = serve(ComfyFake())
    generate(comfy(fake, tmp_path, workflow("img2img")), suite_of("img2img", strength=0.4))
    assert fake.painted[-1].strength == 0.4


def test_bindings_are_stated_by_title_and_by_id(tmp_path: Path, serve: Serve, suite_of: Make) -> None:
    fake = serve(ComfyFake())
    nodes = workflow()
    nodes["12"] = node("PrimitiveInt", "Seed", value=0)
    nodes["3"]["inputs"]["seed"] = ["12", 0]
    bindings = {"prompt": "title:Positive.text", "seed": "title:Seed.value", "sampler": "3.sampler_name"}
    target = comfy(fake, tmp_path, nodes, bindings=bindings)
    generate(target, suite_of("text2img", settings={"sampler": "heun"}))
    graph = fake.posts("/prompt")[-1]["prompt"]
    assert graph["12"]["inputs"]["value"] == 3
    assert graph["3"]["inputs"]["sampler_name"] == "heun"
    described = ServerEngine(target).describe("text2img")
    assert described["bindings"]["seed"] == "12.value"
    assert len(described["workflow"]) == 16


def test_a_seed_in_a_node_of_its_own_is_found(tmp_path: Path, serve: Serve, suite_of: Make) -> None:
    fake = serve(ComfyFake())
    nodes = workflow()
    nodes["12"] = node("PrimitiveInt", "Seed", value=0)
    nodes["3"]["inputs"]["seed"] = ["12", 0]
    generate(comfy(fake, tmp_path, nodes), suite_of("text2img"))
    assert fake.painted[-1].seed == 3


def test_prompts_are_followed_through_other_conditioning(tmp_path: Path, serve: Serve, suite_of: Make) -> None:
    fake = serve(ComfyFake())
    nodes = workflow()
    nodes["20"] = node("ControlNetApplyAdvanced", positive=["6", 0], negative=["7", 0], strength=1.0)
    nodes["3"]["inputs"] |= {"positive": ["20", 0], "negative": ["20", 1]}
    generate(comfy(fake, tmp_path, nodes), suite_of("text2img", negative_prompt="dogs"))
    assert (fake.painted[-1].prompt, fake.painted[-1].negative) == ("a red cat", "dogs")


def test_a_cache_is_passed_by(tmp_path: Path, serve: Serve, suite_of: Make) -> None:
    fake = serve(ComfyFake())
    suite = suite_of("text2img")
    engine = ServerEngine(comfy(fake, tmp_path, workflow()))
    for _ in range(2):
        assert engine.generate("text2img", [suite.samples[0]], {})[0].seconds == 0.003
    assert len(fake.painted) == 2
    assert engine.notes == ()


def test_images_from_a_cache_are_reported(tmp_path: Path, serve: Serve, suite_of: Make) -> None:
    fake = serve(ComfyFake(cache=True))
    suite = suite_of("text2img")
    engine = ServerEngine(comfy(fake, tmp_path, workflow()))
    for _ in range(2):
        engine.generate("text2img", [suite.samples[0]], {})
    assert engine.notes[0] == "mine (comfyui): 1 image came from its cache: their times are none of generating"


def test_the_server_says_what_it_runs_on(tmp_path: Path, serve: Serve) -> None:
    environment = ServerEngine(comfy(serve(ComfyFake()), tmp_path, workflow())).environment
    assert environment["hardware"] == "comfyui on cuda:0 Fake GPU"
    assert environment["packages"] == {"comfyui": "0.34.0", "torch": "2.13.0"}


def two_seeds() -> dict[str, Any]:
    nodes = workflow()
    nodes["30"] = node("KSampler", **{**nodes["3"]["inputs"], "latent_image": ["3", 0]})
    nodes["8"]["inputs"]["samples"] = ["30", 0]
    return nodes


def test_what_could_be_two_places_is_for_the_user(tmp_path: Path, suite_of: Make) -> None:
    target = comfy(Fake(), tmp_path, two_seeds())
    with pytest.raises(
        SdevalError, match=r"seed could be any of 3.seed \(KSampler\), 30.seed \(KSampler\); say which: "
    ):
        check_request(target, suite_of("text2img"))
    target = comfy(Fake(), tmp_path, two_seeds(), bindings={"seed": ["3.seed", "30.seed"]})
    check_request(target, suite_of("text2img"))
    with pytest.raises(SdevalError, match=r"num_inference_steps could be any of"):
        check(target, "text2img", {"num_inference_steps": 4})


@pytest.mark.parametrize(
    ("server", "message"),
    [
        ({}, r"server: workflow: is missing"),
        ({"workflow": "nowhere.json"}, r"nowhere.json: no such file"),
        ({"bindings": {"prompt": "66.text"}}, r"bindings.prompt: .*unknown node '66'"),
        ({"bindings": {"prompt": "6.txt"}}, r"unknown input of node 6 \(CLIPTextEncode\) 'txt'; did you mean text"),
        ({"bindings": {"prompt": "title:Positiv.text"}}, r"unknown title 'Positiv'; did you mean Positive"),
        ({"bindings": {"prompt": "prompt"}}, r"must be NODE.INPUT or title:TITLE.INPUT, got 'prompt'"),
        ({"bindings": {"prompt": 6}}, r"must be text such as 6.text"),
        ({"output": "99"}, r"unknown node '99'"),
    ],
)
def test_wrong_options_are_refused_without_asking(server: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = {"workflow": write(tmp_path, workflow())} if server else {}
    with pytest.raises(SdevalError, match=message):
        check(target_of(Fake(), "comfyui", server={**path, **server}), "text2img", {})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"nodes": [], "links": []}, r"is what the editor of ComfyUI saves; export it again with Export \(API\)"),
        ({"3": {"inputs": {}}}, r"is no workflow in API format"),
        ([], r"is no workflow in API format"),
        ({"3": node("KSampler")}, r"no SaveImage node in it; say which node gives the image: server.output"),
    ],
)
def test_what_is_no_workflow_is_refused(content: object, message: str, tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match=message):
        check(target_of(Fake(), "comfyui", server={"workflow": write(tmp_path, content)}), "text2img", {})


def test_a_task_needs_its_places(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match=r"no place for image was found, which img2img needs; say where"):
        check(comfy(Fake(), tmp_path, workflow()), "img2img", {})


def test_a_node_that_the_server_lacks_is_named(tmp_path: Path, serve: Serve) -> None:
    fake = serve(ComfyFake())
    del fake.nodes["VAEDecode"]  # type: ignore[attr-defined]
    with pytest.raises(SdevalError, match=r"has no node VAEDecode, which \S+ uses; install what brings it"):
        ServerEngine(comfy(fake, tmp_path, workflow())).describe("text2img")


def test_an_input_that_the_server_lacks_is_named(tmp_path: Path, serve: Serve) -> None:
    fake = serve(ComfyFake())
    fake.nodes["KSampler"] = NODES["KSampler"][1:3]  # type: ignore[attr-defined]
    with pytest.raises(
        SdevalError, match=r"strength goes into 3.denoise, and the KSampler of \S+ has no input denoise"
    ):
        ServerEngine(comfy(fake, tmp_path, workflow())).describe("text2img")


@pytest.mark.parametrize(
    ("faults", "case", "settings", "message"),
    [
        ({}, {"prompt": "fail"}, {}, r"/prompt: node 3 \(KSampler\) failed: out of memory"),
        ({}, {}, {"guidance_scale": 666}, r"answered 400 Bad Request: .*Value 666 bigger than max"),
        ({"answer": "two"}, {}, {}, r"node 9: answered with 2 images where one was asked for"),
        ({"answer": "jpeg"}, {}, {}, r"answered with a JPEG image"),
        ({"answer": "truncated"}, {}, {}, r"cannot be decoded"),
        ({"answer": "500"}, {}, {}, r"answered 500"),
        ({"answer": "garbage"}, {}, {}, r"is no JSON"),
    ],
)
def test_failures_are_one_line(
    faults: dict[str, Any],
    case: dict[str, Any],
    settings: dict[str, Any],
    message: str,
    tmp_path: Path,
    serve: Serve,
    suite_of: Make,
) -> None:
    fake = serve(ComfyFake(**faults))
    with pytest.raises(CallFailed, match=message):
        ask(comfy(fake, tmp_path, workflow()), suite_of("text2img", settings=settings, **case))


def test_a_prompt_that_takes_too_long_is_taken_back(tmp_path: Path, serve: Serve, suite_of: Make) -> None:
    fake = serve(ComfyFake())
    fake._progress = lambda number: (200, {}, b"{}")  # type: ignore[attr-defined]
    target = Target(**{**vars_of(comfy(fake, tmp_path, workflow())), "timeout": 0.3})
    with pytest.raises(CallFailed, match=r"took longer than the timeout of 0.3 seconds"):
        ask(target, suite_of("text2img"))
    assert fake.posts("/queue") == [{"delete": ["prompt-0"]}]


def vars_of(target: Target) -> dict[str, Any]:
    return {"name": target.name, "model": target.model, "server": dict(target.server)}


def test_a_negative_prompt_without_a_place_is_refused(tmp_path: Path, suite_of: Make) -> None:
    nodes = workflow()
    nodes["7"] = node("ConditioningZeroOut", conditioning=["6", 0])
    with pytest.raises(SdevalError, match="negative_prompt: comfyui takes none for text2img; remove it"):
        check_request(comfy(Fake(), tmp_path, nodes), suite_of("text2img", negative_prompt="dogs"))


@pytest.fixture
def two_images() -> dict[str, Any]:
    """A workflow that looks at a second image beside the prompt."""
    nodes = workflow("img2img")
    nodes["30"] = node("LoadImage", "Hat", image="example.png")
    nodes["3"]["inputs"]["denoise"] = 0.6
    nodes["6"]["inputs"]["image"] = ["30", 0]
    return nodes


def test_input_images_of_an_edit_go_where_bindings_say(
    two_images: dict[str, Any], inputs: tuple[Path, Path], hat: Path, tmp_path: Path, serve: Serve, suite_of: Make
) -> None:
    fake = serve(ComfyFake())
    target = comfy(fake, tmp_path, two_images, bindings={"image": "10.image", "image_2": "title:Hat.image"})
    generate(target, suite_of("edit", images=(inputs[0], hat)))
    wish = fake.painted[-1]
    assert wish.image
    assert [image.tobytes() for image in (wish.image, *wish.further)] == [
        Image.open(path).tobytes() for path in (inputs[0], hat)
    ]


def test_an_edit_fills_all_places_for_images_and_no_more(
    two_images: dict[str, Any], inputs: tuple[Path, Path], hat: Path, tmp_path: Path, suite_of: Make
) -> None:
    two = comfy(Fake(), tmp_path, two_images, bindings={"image": "10.image", "image_2": "30.image"})
    with pytest.raises(SdevalError, match=r"case 'red': images: .*workflow.json has places for 2, got 1$"):
        check_request(two, suite_of("edit"))
    one = comfy(Fake(), tmp_path, workflow("img2img"))
    message = 'images: .* has places for 1, got 2; say where: server.bindings = { image_2 = "NODE.INPUT" }'
    with pytest.raises(SdevalError, match=message):
        check_request(one, suite_of("edit", images=(inputs[0], hat)))
    check_request(one, suite_of("edit"))
