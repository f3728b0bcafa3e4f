"""What a server passes over in silence is found out before the first image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from sdeval import SdevalError, Suite
from sdeval.config.image_store import CACHE
from sdeval.engines.servers import probe, probe_cache
from sdeval.engines.servers.engine import ServerEngine
from sdeval.engines.servers.probe import Findings, calls_of
from tests.engines.servers.conftest import SETTINGS, target_of
from tests.engines.servers.fakes import Fake, OpenAIFake

Serve = Callable[[Fake], Fake]
Make = Callable[..., Suite]
GENERATIONS = "/v1/images/generations"


def prepared(fake: Fake, suite: Suite, **changes: object) -> ServerEngine:
    engine = ServerEngine(target_of(fake, "openai-images", **changes))
    engine.prepare(suite, dict(suite.settings))
    return engine


@pytest.mark.parametrize(
    ("field", "name", "task"),
    [
        ("seed", "seed", "text2img"),
        ("steps", "num_inference_steps", "text2img"),
        ("guidance", "guidance_scale", "text2img"),
        ("negative", "negative_prompt", "text2img"),
        ("strength", "strength", "img2img"),
        ("mask", "mask", "inpainting"),
    ],
)
def test_what_is_ignored_is_named(field: str, name: str, task: str, serve: Serve, suite_of: Make) -> None:
    case = {"negative_prompt": "dogs"} if task == "text2img" else {"strength": 0.6}
    fake = serve(OpenAIFake("vllm-omni", ignore={field}))
    with pytest.raises(SdevalError, match=rf"target mine: vllm-omni at {fake.url} ignores {name}: another value gives"):
        prepared(fake, suite_of(task, **case))


def test_all_that_is_ignored_is_named_at_once(serve: Serve, suite_of: Make) -> None:
    with pytest.raises(SdevalError, match="ignores seed and guidance_scale:"):
        prepared(serve(OpenAIFake("vllm-omni", ignore={"seed", "guidance"})), suite_of("text2img"))


def test_what_a_suite_does_not_state_may_be_ignored(serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake("vllm-omni", ignore={"guidance", "negative", "steps"}))
    prepared(fake, suite_of("text2img", settings={}))
    assert len(fake.posts(GENERATIONS)) == 3


def test_a_mask_the_other_way_round_is_named(serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake("vllm-omni", inverted=True))
    with pytest.raises(SdevalError, match="takes the mask the other way round: it keeps white, and paints black"):
        prepared(fake, suite_of("inpainting"))


def test_chance_is_reported(serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake("sglang", random=True))
    (note,) = prepared(fake, suite_of("text2img")).notes
    assert note == (
        "mine (sglang): the same seed gave another image: images depend on chance, and whether it reads "
        "num_inference_steps, guidance_scale is not known"
    )


def test_a_memory_is_reported(serve: Serve, suite_of: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "NOTICEABLE", 0.0)
    (note,) = prepared(serve(OpenAIFake("sglang", cache=True)), suite_of("text2img")).notes
    assert "it answers the same request from a cache, so that the self-check and times of such images" in note
    assert prepared(serve(OpenAIFake("sglang")), suite_of("text2img")).notes == ()


def test_a_server_is_probed_once(serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake("vllm-omni"))
    suite = suite_of("text2img", negative_prompt="dogs")
    prepared(fake, suite)
    count = len(fake.posts(GENERATIONS))
    assert count == calls_of(["seed", "num_inference_steps", "guidance_scale", "negative_prompt"]) == 6
    prepared(fake, suite)
    assert len(fake.posts(GENERATIONS)) == count
    prepared(fake, replace(suite, settings={**SETTINGS, "guidance_scale": 1.0}))
    assert len(fake.posts(GENERATIONS)) == 2 * count


def test_what_only_some_cases_state_is_probed_with_these(serve: Serve, suite_of: Make) -> None:
    suite = suite_of("img2img")
    (first,) = suite.cases
    others = [replace(first, id=f"plain-{number}") for number in range(3)]
    cases = (*others, replace(first, id="negative", negative_prompt="dogs"), replace(first, id="strong", strength=0.6))
    fake = serve(OpenAIFake("vllm-omni"))
    prepared(fake, replace(suite, cases=cases))
    assert len(fake.posts("/v1/images/edits")) == 8 == calls_of([*SETTINGS, "seed", "negative_prompt", "strength"])
    with pytest.raises(SdevalError, match="ignores strength:"):
        prepared(serve(OpenAIFake("vllm-omni", ignore={"strength"})), replace(suite, cases=cases))


def test_a_failure_is_not_remembered(serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake("vllm-omni", ignore={"seed"}))
    with pytest.raises(SdevalError, match="ignores seed"):
        prepared(fake, suite_of("text2img"))
    fake.faults.ignore.clear()
    prepared(fake, suite_of("text2img"))


def test_findings_of_an_unknown_version_count_for_a_day(
    cache: Path, serve: Serve, suite_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = serve(OpenAIFake("sglang"))
    prepared(fake, suite_of("text2img"))
    prepared(fake, suite_of("text2img"))
    assert len(fake.posts(GENERATIONS)) == 5
    monkeypatch.setattr(probe_cache, "DAY", -1)
    prepared(fake, suite_of("text2img"))
    assert len(fake.posts(GENERATIONS)) == 10


def test_a_corrupt_cache_is_none(cache: Path, serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake("vllm-omni"))
    prepared(fake, suite_of("text2img"))
    (path,) = cache.iterdir()
    path.write_text("{")
    prepared(fake, suite_of("text2img"))
    assert probe_cache.recall(path, has_version=True) == Findings(
        repeatable="identical", proven=("seed", "num_inference_steps", "guidance_scale")
    )


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, serve: Serve, suite_of: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE, str(tmp_path / "file"))
    prepared(serve(OpenAIFake("vllm-omni")), suite_of("text2img"))


def test_negative_seeds_are_refused(serve: Serve, suite_of: Make) -> None:
    fake = serve(OpenAIFake("vllm-omni"))
    with pytest.raises(SdevalError, match="seeds: negative ones mean random ones to vllm-omni"):
        prepared(fake, replace(suite_of("text2img"), seeds=(-1, 0)))
    assert fake.posts(GENERATIONS) == []
