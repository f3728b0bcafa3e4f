"""stable-diffusion.cpp by its own API."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdeval import SdevalError, Suite
from sdeval.engines.servers.engine import ServerEngine
from sdeval.errors import CallFailed
from tests.engines.servers.conftest import SETTINGS, generate, target_of
from tests.engines.servers.fakes import Fake, SdcppFake, as_json, from_base64

Serve = Callable[[Fake], Fake]
Make = Callable[..., Suite]


def ask(fake: Fake, suite: Suite, **changes: object) -> Image.Image:
    engine = ServerEngine(target_of(fake, "sdcpp", **changes))
    return engine.generate(suite.task, [suite.samples[0]], suite.settings)[0].image


def test_a_job_is_handed_in_and_waited_for(serve: Serve, suite_of: Make) -> None:
    fake = serve(SdcppFake())
    suite = suite_of("text2img", settings={**SETTINGS, "width": 40, "height": 24}, negative_prompt="dogs")
    assert generate(target_of(fake, "sdcpp"), suite).size == (40, 24)
    wish = fake.painted[-1]
    assert (wish.prompt, wish.negative, wish.seed, wish.steps, wish.guidance) == ("a red cat", "dogs", 3, 4, 5.0)


def test_a_masked_edit_paints_what_is_white(serve: Serve, suite_of: Make) -> None:
    suite = suite_of("inpainting", strength=0.8)
    image = generate(target_of(serve(SdcppFake()), "sdcpp"), suite)
    changed = (np.asarray(image) != np.asarray(Image.open(suite.cases[0].image))).any(axis=-1)
    assert changed[:, :8].mean() > 0.9
    assert not changed[:, 8:].any()


@pytest.mark.parametrize(("field", "name"), [("seed", "seed"), ("mask", "mask"), ("strength", "strength")])
def test_what_is_ignored_is_named(field: str, name: str, serve: Serve, suite_of: Make) -> None:
    with pytest.raises(SdevalError, match=f"sd.cpp at .* ignores {name}:"):
        generate(target_of(serve(SdcppFake(ignore={field})), "sdcpp"), suite_of("inpainting", strength=0.8))


def test_what_its_model_cannot_do_is_said(serve: Serve, suite_of: Make) -> None:
    fake = serve(SdcppFake())
    fake.features["mask_image"] = False  # type: ignore[attr-defined]
    with pytest.raises(SdevalError, match=r"inpainting: .* says that its model takes no mask_image"):
        generate(target_of(fake, "sdcpp"), suite_of("inpainting"))


def test_a_failed_job_says_why(serve: Serve, suite_of: Make) -> None:
    with pytest.raises(CallFailed, match=r"/sdcpp/v1/jobs/job_0: the job failed: .*empty results"):
        ask(serve(SdcppFake()), suite_of("text2img", prompt="fail"))


@pytest.mark.parametrize(("answer", "message"), [("jpeg", "JPEG"), ("500", "answered 500"), ("garbage", "no JSON")])
def test_bad_answers_are_one_line(answer: str, message: str, serve: Serve, suite_of: Make) -> None:
    with pytest.raises(CallFailed, match=message):
        ask(serve(SdcppFake(answer=answer)), suite_of("text2img"))


def test_a_full_queue_is_waited_for(serve: Serve, suite_of: Make) -> None:
    assert ask(serve(SdcppFake(answer="429", times=1)), suite_of("text2img")).size == (512, 512)


def test_a_job_that_takes_too_long_is_taken_back(serve: Serve, suite_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = serve(SdcppFake())
    begin = fake._begin  # type: ignore[attr-defined]

    def never(body: dict[str, object]) -> object:
        begin({**body, "width": 8, "height": 8})
        fake._jobs["job_0"]["answer"] = {"status": "generating"}  # type: ignore[attr-defined]
        return as_json({"id": "job_0"}, 202)

    monkeypatch.setattr(fake, "_begin", never)
    with pytest.raises(CallFailed, match=r"took longer than the timeout of 0.3 seconds"):
        ask(fake, suite_of("text2img"), timeout=0.3)
    assert fake.requests[-1][1] == "/sdcpp/v1/jobs/job_0/cancel"


def test_input_images_of_an_edit_are_references(
    inputs: tuple[Path, Path], hat: Path, serve: Serve, suite_of: Make
) -> None:
    fake = serve(SdcppFake())
    generate(target_of(fake, "sdcpp"), suite_of("edit", images=(inputs[0], hat)))
    body = fake.posts("/sdcpp/v1/img_gen")[-1]
    sent = [from_base64(text).tobytes() for text in body["ref_images"]]
    assert sent == [Image.open(path).tobytes() for path in (inputs[0], hat)]
    assert "init_image" not in body


def test_a_model_without_references_cannot_edit(serve: Serve, suite_of: Make) -> None:
    fake = serve(SdcppFake())
    fake.features["ref_images"] = False  # type: ignore[attr-defined]
    with pytest.raises(SdevalError, match=r"edit: .* says that its model takes no ref_images"):
        generate(target_of(fake, "sdcpp"), suite_of("edit"))
