"""The OpenAI images API in each of its dialects."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdeval import SdevalError, Suite
from sdeval.engines.engine import check, check_request, open_target
from sdeval.engines.servers.engine import ServerEngine
from sdeval.errors import CallFailed
from tests.engines.servers.conftest import generate, target_of
from tests.engines.servers.fakes import Fake, OpenAIFake

Serve = Callable[[Fake], Fake]
Make = Callable[..., Suite]
SEEDED = ("vllm-omni", "sglang", "tensorrt-llm", "localai", "xinference", "sd.cpp")


def ask(fake: Fake, suite: Suite, **changes: Any) -> Image.Image:
    """One image without a probe."""
    engine = ServerEngine(target_of(fake, "openai-images", **changes))
    return engine.generate(suite.task, [suite.samples[0]], suite.settings)[0].image


@pytest.mark.parametrize("dialect", SEEDED)
def test_a_dialect_is_recognised_and_reads_what_is_asked(dialect: str, serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake(dialect))
    guidance = {"guidance_scale": 5.0} if dialect != "localai" else {}
    suite = suite_of(
        "text2img", settings={"num_inference_steps": 4, "width": 40, "height": 24, **guidance}, negative_prompt="dogs"
    )
    target = target_of(fake, "openai-images")
    image = generate(target, suite)
    wish = fake.painted[-1]
    assert image.size == (40, 24)
    assert (wish.prompt, wish.negative, wish.seed, wish.steps) == ("a red cat", "dogs", 3, 4)
    assert wish.guidance == (5.0 if guidance else 7.0)
    assert open_target(target).describe("text2img")["pipeline"] == dialect


@pytest.mark.parametrize("dialect", ["vllm-omni", "xinference"])
@pytest.mark.parametrize("task", ["img2img", "inpainting"])
def test_an_image_is_edited(dialect: str, task: str, serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake(dialect))
    suite = suite_of(task, strength=0.6, negative_prompt="dogs")
    image = generate(target_of(fake, "openai-images"), suite)
    original = np.asarray(Image.open(suite.cases[0].image))
    changed = (np.asarray(image) != original).any(axis=-1)
    assert changed[:, :8].mean() > 0.9
    assert changed[:, 8:].any() == (task == "img2img")
    assert (fake.painted[-1].strength, fake.painted[-1].negative) == (0.6, "dogs")


def test_a_server_that_always_loses_something_comes_with_advice(serve: Serve, suite_of: Make) -> None:
    with pytest.raises(CallFailed, match=r'JPEG image; .*; its API for web UIs gives PNG: model = "a1111:URL"'):
        ask(serve(OpenAIFake("xinference", answer="jpeg")), suite_of("text2img"))


def test_openai_takes_what_is_transparent_as_painted(serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake("openai"))
    suite = suite_of("inpainting", settings={"quality": "high"})
    image = ask(fake, suite, server={"dialect": "openai"})
    original = np.asarray(Image.open(suite.cases[0].image))
    assert (np.asarray(image)[:, 8:] == original[:, 8:]).all()
    assert fake.posts("/v1/images/edits")[0]["quality"] == "high"


@pytest.mark.parametrize("dialect", ["sglang", "tensorrt-llm"])
def test_servers_that_drop_the_mask_are_found_out(dialect: str, serve: Serve, suite_of: Make) -> None:
    with pytest.raises(SdevalError, match=rf"{dialect} at http://\S+ ignores mask: another value gives the same image"):
        generate(target_of(serve(OpenAIFake(dialect)), "openai-images"), suite_of("inpainting"))


def test_a_bar_in_a_prompt_is_no_negative_prompt(serve: Serve, suite_of: Make) -> None:
    with pytest.raises(CallFailed, match=r"localai takes what follows a bar as the negative prompt: 'red\|blue'"):
        ask(serve(OpenAIFake("localai")), suite_of("text2img", settings={}, prompt="red|blue"))


def test_inpainting_of_localai_has_no_seed(serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake("localai"))
    engine = ServerEngine(target_of(fake, "openai-images"))
    suite = suite_of("inpainting", settings={})
    engine.prepare(suite, {})
    assert any("the same seed gave another image" in note for note in engine.notes)
    assert any("whether it reads mask is not known" in note for note in engine.notes)


def test_an_unknown_server_must_be_named(serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake("somebody"))
    with pytest.raises(SdevalError, match=r"does not show which dialect the server speaks; state it: .*vllm-omni"):
        generate(target_of(fake, "openai-images"), suite_of("text2img"))


def test_a_stated_dialect_needs_no_list_of_models(serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake("vllm-omni"))
    fake._model = lambda: {"id": "x"}  # type: ignore[attr-defined]
    ask(fake, suite_of("text2img"), server={"dialect": "sglang", "model": "named"})
    assert fake.posts("/v1/images/generations")[0]["model"] == "named"


def test_fields_of_the_server_go_into_every_request(serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake("vllm-omni"))
    ask(fake, suite_of("text2img"), server={"fields": {"lora": {"name": "style"}}})
    body = fake.posts("/v1/images/generations")[0]
    assert body["lora"] == {"name": "style"}
    assert (body["n"], body["response_format"], body["output_format"], body["model"]) == (1, "b64_json", "png", "tiny")


def test_the_engines_own_time_counts(serve: Serve, suite_of: Make) -> None:
    suite = suite_of("text2img")
    engine = ServerEngine(target_of(serve(OpenAIFake("sglang")), "openai-images"))
    assert engine.generate("text2img", [suite.samples[0]], {})[0].seconds == 1e-6
    engine = ServerEngine(target_of(serve(OpenAIFake("vllm-omni")), "openai-images"))
    assert engine.generate("text2img", [suite.samples[0]], {})[0].seconds == pytest.approx(1.1e-6)


def test_the_time_of_the_request_is_said_to_be_that(serve: Serve, suite_of: Make) -> None:
    engine = ServerEngine(target_of(serve(OpenAIFake("tensorrt-llm")), "openai-images"))
    engine.generate("text2img", [suite_of("text2img").samples[0]], {})
    assert engine.notes == ("mine (tensorrt-llm): times are those of whole requests, as the server states none",)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("jpeg", r"answered with a JPEG image; it must be a PNG"),
        ("truncated", r"answered with a PNG that cannot be decoded"),
        ("transparent", r"answered with a transparent image"),
        ("garbage", r"answered what is no JSON: <html> not what you think</html>"),
        ("empty", r"answered with 0 images where one was asked for"),
        ("two", r"answered with 2 images where one was asked for"),
        ("500", r"answered 500 Internal Server Error: CUDA out of memory at kernel"),
        ("429", r"answered 429 Too Many Requests: queue full"),
        ("huge", r"the answer is too large: more than 256 MiB"),
        ("redirect", r"answered 302 Found: redirects to http://elsewhere.example/v1"),
        ("elsewhere", r"at http://images.example/\S+, which is another host; to allow it: server.hosts"),
    ],
)
def test_a_bad_answer_costs_one_image_and_one_line(answer: str, message: str, serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake("vllm-omni", answer=answer))
    with pytest.raises(CallFailed, match=message) as failure:
        ask(fake, suite_of("text2img"))
    assert "\n" not in str(failure.value)
    assert str(failure.value).startswith(f"{fake.url}")


def test_an_image_at_a_url_of_the_server_is_fetched(serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake("sglang", answer="url"))
    assert ask(fake, suite_of("text2img")).size == (32, 32)


def test_a_server_that_hangs_is_left(serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake("vllm-omni", answer="hang"))
    with pytest.raises(CallFailed, match=r"took longer than the timeout of 0.3 seconds"):
        ask(fake, suite_of("text2img"), timeout=0.3)


def test_a_full_queue_is_waited_for_and_reported(serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake("sglang", answer="429", times=2))
    engine = ServerEngine(target_of(fake, "openai-images"))
    engine.generate("text2img", [suite_of("text2img").samples[0]], {})
    assert engine.notes[0] == "mine (sglang): 2 requests had to be sent again: answered 429 Too Many Requests"


@pytest.mark.parametrize("answer", ["500", "garbage", "jpeg"])
def test_what_may_have_been_generated_is_not_asked_for_again(answer: str, serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake("vllm-omni", answer=answer))
    with pytest.raises(CallFailed):
        ask(fake, suite_of("text2img"))
    assert len(fake.posts("/v1/images/generations")) == 1


@pytest.mark.parametrize(
    ("server", "settings", "message"),
    [
        ({"dialect": "vlm-omni"}, {}, r"unknown dialect 'vlm-omni'; did you mean vllm-omni"),
        ({"dilect": "sglang"}, {}, r"server: dilect: is unknown|unknown .*'dilect'; did you mean dialect"),
        ({"dialect": "openai"}, {"guidance_scale": 3}, r"openai, text2img: unknown setting 'guidance_scale'"),
        ({"dialect": "localai"}, {"guidance_scale": 3}, r"unknown setting 'guidance_scale'"),
        (
            {"dialect": "sglang"},
            {"steps": 3},
            r"unknown setting 'steps'.*; fields of the server's own go into server.fields",
        ),
        ({"dialect": "sglang"}, {"seed": 3}, r"unknown setting 'seed'"),
        ({"dialect": "sglang"}, {"num_inference_steps": "many"}, r"num_inference_steps: must be a whole number"),
    ],
)
def test_what_a_server_does_not_take_is_refused_without_asking_it(
    server: dict[str, Any], settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(SdevalError, match=message):
        check(target_of(Fake(), "openai-images", server=server), "text2img", settings)


def test_edits_of_stable_diffusion_cpp_are_for_its_own_api() -> None:
    target = target_of(Fake(), "openai-images", server={"dialect": "sd.cpp"})
    with pytest.raises(
        SdevalError, match=r'cannot do img2img; ask the same server by its own API: model = "sdcpp:URL"'
    ):
        check(target, "img2img", {})


def test_cases_that_ask_for_more_are_refused(suite_of: Make) -> None:
    target = target_of(Fake(), "openai-images", server={"dialect": "openai"})
    with pytest.raises(SdevalError, match=r"case 'red': negative_prompt: openai takes none for text2img; remove it"):
        check_request(target, suite_of("text2img", settings={}, negative_prompt="dogs"))


@pytest.mark.parametrize("dialect", ["vllm-omni", "sglang", "tensorrt-llm"])
def test_an_instruction_and_an_image_are_an_edit(dialect: str, serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake(dialect))
    suite = suite_of("edit", prompt="make it night")
    assert generate(target_of(fake, "openai-images"), suite).size == (32, 32)
    form = fake.posts("/v1/images/edits")[-1]
    assert form["prompt"] == "make it night"
    assert form["image"].tobytes() == Image.open(suite.cases[0].image).tobytes()
    assert not {"mask", "mask_image", "strength"} & set(form)


@pytest.mark.parametrize(("dialect", "field"), [("openai", "image[]"), ("vllm-omni", "image"), ("sglang", "image")])
def test_several_input_images_are_sent_in_their_order(
    dialect: str, field: str, inputs: tuple[Path, Path], hat: Path, serve: Serve, suite_of: Make
) -> None:
    fake = serve(OpenAIFake(dialect))
    settings = {"quality": "high"} if dialect == "openai" else None
    ask(
        fake, suite_of("edit", images=(inputs[0], hat), settings=settings), server={"dialect": dialect, "model": "tiny"}
    )
    first = fake.posts("/v1/images/edits")[-1][field]
    (second,) = first.info["further"]
    assert [first.tobytes(), second.tobytes()] == [Image.open(path).tobytes() for path in (inputs[0], hat)]


@pytest.mark.parametrize(
    ("ignored", "message"), [("image", "ignores input image: "), ("further", "ignores further input images: ")]
)
def test_servers_that_drop_an_input_image_are_found_out(
    ignored: str, message: str, inputs: tuple[Path, Path], hat: Path, serve: Serve, suite_of: Make
) -> None:
    fake = serve(OpenAIFake("sglang", ignore={ignored}))
    with pytest.raises(SdevalError, match=message):
        generate(target_of(fake, "openai-images"), suite_of("edit", images=(inputs[0], hat)))


def test_a_dialect_that_takes_one_input_image_is_sent_no_more(
    inputs: tuple[Path, Path], hat: Path, suite_of: Make
) -> None:
    fake = OpenAIFake("tensorrt-llm")
    target = target_of(fake, "openai-images", server={"dialect": "tensorrt-llm"})
    message = "case 'red': images: the dialect tensorrt-llm takes one input image, got 2"
    with pytest.raises(SdevalError, match=message):
        check_request(target, suite_of("edit", images=(inputs[0], hat)))
    assert not fake.requests


@pytest.mark.parametrize("dialect", ["localai", "xinference", "sd.cpp"])
def test_a_dialect_without_edits_says_what_to_do(dialect: str, suite_of: Make) -> None:
    target = target_of(OpenAIFake(dialect), "openai-images", server={"dialect": dialect})
    with pytest.raises(SdevalError, match=f"the dialect {dialect} cannot do edit; .*ask "):
        check(target, "edit", {})
