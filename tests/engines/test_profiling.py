from __future__ import annotations

import time

import pytest
from diffusers import HeunDiscreteScheduler

from sdeval import Case
from sdeval.config.case import Sample
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.engines.generation import generate_batch
from sdeval.engines.profiling import Stopwatch

SAMPLE = Sample(Case(id="red", prompt="a red circle on a blue background"), 1)
STEPS = {"num_inference_steps": 4, "width": 64, "height": 64}


def test_the_stages_of_a_call_make_up_the_whole(loaded: LoadedTarget) -> None:
    pipeline = loaded.pipeline("text2img")
    watch = Stopwatch(pipeline)
    with watch.running():
        pipeline(SAMPLE.case.prompt, **STEPS, **watch.callback)
    stages = watch.stages
    assert stages is not None
    assert stages.steps == 4
    assert stages.encode + stages.denoise + stages.decode == pytest.approx(watch.seconds)
    assert min(stages.encode, stages.denoise, stages.decode) > 0


def test_a_slow_decoder_shows_in_decoding(loaded: LoadedTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = loaded.pipeline("text2img")
    decode = pipeline.vae.decode

    def slow(*arguments: object, **named: object) -> object:
        time.sleep(0.3)
        return decode(*arguments, **named)

    monkeypatch.setattr(pipeline.vae, "decode", slow)
    stages = generate_batch(pipeline, [SAMPLE], STEPS)[0].stages
    assert stages is not None
    assert stages.decode >= 0.3


def test_steps_are_counted_as_they_are_taken(loaded: LoadedTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline = loaded.pipeline("text2img")
    monkeypatch.setattr(pipeline, "scheduler", HeunDiscreteScheduler.from_config(pipeline.scheduler.config))
    stages = generate_batch(pipeline, [SAMPLE], STEPS)[0].stages
    assert stages is not None
    assert stages.steps == 7


def test_nothing_is_left_on_the_scheduler(loaded: LoadedTarget) -> None:
    pipeline = loaded.pipeline("text2img")
    generate_batch(pipeline, [SAMPLE], STEPS)
    assert "set_timesteps" not in vars(pipeline.scheduler)


def test_a_pipeline_that_hides_its_steps_has_no_stages() -> None:
    class Hidden:
        def __call__(self, prompt: str) -> None: ...

    watch = Stopwatch(Hidden())
    with watch.running():
        pass
    assert (watch.callback, watch.stages) == ({}, None)
    assert watch.seconds >= 0
