"""AUTOMATIC1111 and its forks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from sdeval import SdevalError, Suite
from sdeval.engines.engine import check
from sdeval.engines.servers.engine import ServerEngine
from sdeval.errors import CallFailed
from tests.engines.servers.conftest import SETTINGS, generate, target_of
from tests.engines.servers.fakes import A1111Fake, Fake

Serve = Callable[[Fake], Fake]
Make = Callable[..., Suite]


def test_an_image_is_asked_for_in_its_words(serve: Serve, suite_of: Make) -> None:
    fake = serve(A1111Fake())
    suite = suite_of("text2img", settings={**SETTINGS, "width": 40, "height": 24, "sampler_name": "Euler a"})
    assert generate(target_of(fake, "a1111"), suite).size == (40, 24)
    body = fake.posts("/sdapi/v1/txt2img")[-1]
    assert (body["seed"], body["steps"], body["cfg_scale"], body["batch_size"]) == (3, 4, 5.0, 1)
    assert body["override_settings"] == {"samples_format": "png"}


def test_a_mask_is_kept_as_it_is(serve: Serve, suite_of: Make) -> None:
    fake = serve(A1111Fake())
    suite = suite_of("inpainting", strength=0.8)
    image = generate(target_of(fake, "a1111"), suite)
    changed = (np.asarray(image) != np.asarray(Image.open(suite.cases[0].image))).any(axis=-1)
    assert changed[:, :8].mean() > 0.9
    assert not changed[:, 8:].any()
    body = fake.posts("/sdapi/v1/img2img")[-1]
    assert (body["mask_blur"], body["inpaint_full_res"], body["denoising_strength"]) == (0, False, 0.8)


@pytest.mark.parametrize(
    ("field", "name", "task"),
    [("seed", "seed", "text2img"), ("mask", "mask", "inpainting"), ("strength", "strength", "img2img")],
)
def test_what_is_ignored_is_named(field: str, name: str, task: str, serve: Serve, suite_of: Make) -> None:
    case = {} if task == "text2img" else {"strength": 0.8}
    with pytest.raises(SdevalError, match=f"a1111 at .* ignores {name}:"):
        generate(target_of(serve(A1111Fake(ignore={field})), "a1111"), suite_of(task, **case))


def test_the_checkpoint_is_recorded(serve: Serve) -> None:
    described = ServerEngine(target_of(serve(A1111Fake()), "a1111")).describe("text2img")
    assert described["server_model"] == "tiny.safetensors [abc]"


def test_another_checkpoint_is_asked_for(serve: Serve, suite_of: Make) -> None:
    fake = serve(A1111Fake())
    generate(target_of(fake, "a1111", server={"model": "other"}), suite_of("text2img"))
    override = fake.posts("/sdapi/v1/txt2img")[-1]["override_settings"]
    assert override == {"samples_format": "png", "sd_model_checkpoint": "other"}
    with pytest.raises(SdevalError, match=r"server.model: unknown model 'othr'; did you mean other"):
        generate(target_of(fake, "a1111", server={"model": "othr"}), suite_of("text2img"))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("jpeg", "JPEG"),
        ("500", "answered 500"),
        ("garbage", "no JSON"),
        ("truncated", "cannot be decoded"),
        ("429", "429"),
    ],
)
def test_bad_answers_are_one_line(answer: str, message: str, serve: Serve, suite_of: Make) -> None:
    engine = ServerEngine(target_of(serve(A1111Fake(answer=answer)), "a1111"))
    with pytest.raises(CallFailed, match=message):
        engine.generate("text2img", [suite_of("text2img").samples[0]], {})


def test_an_unknown_sampler_is_named_by_the_server(serve: Serve, suite_of: Make) -> None:
    engine = ServerEngine(target_of(serve(A1111Fake()), "a1111"))
    with pytest.raises(CallFailed, match="answered 404 Not Found: Sampler not found"):
        engine.generate("text2img", [suite_of("text2img").samples[0]], {"sampler_name": "DPM"})


def test_settings_of_masks_are_for_masks() -> None:
    check(target_of(Fake(), "a1111"), "inpainting", {"mask_blur": 2})
    with pytest.raises(SdevalError, match="a1111, text2img: unknown setting 'mask_blur'"):
        check(target_of(Fake(), "a1111"), "text2img", {"mask_blur": 2})


def test_fields_of_other_targets_are_refused() -> None:
    with pytest.raises(SdevalError, match=r"scheduler has no effect: a1111:http://.* is a server"):
        check(target_of(Fake(), "a1111", scheduler="DDIMScheduler"), "text2img", {})


def test_edits_are_refused() -> None:
    with pytest.raises(SdevalError, match="a1111 cannot do edit: its API has no such thing; ask for img2img"):
        check(target_of(A1111Fake(), "a1111"), "edit", {})
