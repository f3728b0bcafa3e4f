"""Servers as targets of a pytest session: each family once, and what stops a session or costs a case."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import sdeval.cli

# pytester forgets what is first imported inside it, and half of a package cannot be imported twice.
import sdeval.engines.engine
import sdeval.evaluation.evaluate
from sdeval.config.image_store import CACHE
from tests.conftest import ROOT
from tests.engines.servers.comfy_fake import ComfyFake, workflow, write
from tests.engines.servers.fakes import A1111Fake, Fake, OpenAIFake, SdcppFake, serving

SUITE = """
from sdeval import Case, Suite

test_few = Suite(
    name="few",
    task="{task}",
    cases=tuple(Case(id=name, prompt=name, negative_prompt="dogs"{case}) for name in ("cat", "bird")),
    seeds=(0, 1),
    settings={{"num_inference_steps": 4, "guidance_scale": 5.0}},
    metrics=("sharpness", "noise"),
    targets=("ours",),
)
"""
FAMILIES = {
    "openai-images": lambda: OpenAIFake("vllm-omni"),
    "comfyui": ComfyFake,
    "a1111": A1111Fake,
    "sdcpp": SdcppFake,
}
QUIET = ("-p", "no:cacheprovider", "-p", "no:xdist", "--sdeval-no-strict")


@pytest.fixture
def serve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Fake], Fake]]:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    with ExitStack() as stack:
        yield lambda fake: stack.enter_context(serving(fake))


def project(pytester: pytest.Pytester, fake: Fake, family: str, *, task: str = "text2img", **server: Any) -> None:
    """A project whose only target is a fake."""
    rows = np.mgrid[0:64, 0:64][0].astype(np.uint8) * 4
    Image.fromarray(np.stack([rows, rows, rows], axis=-1)).save(pytester.path / "image.png")
    Image.fromarray(np.where(np.arange(64) < 16, 255, 0)[None].repeat(64, axis=0).astype(np.uint8)).save("mask.png")
    inputs = {"text2img": "", "inpainting": ', image="image.png", mask="mask.png", strength=0.8'}[task]
    pytester.makepyfile(test_few=SUITE.format(task=task, case=inputs))
    if family == "comfyui":
        server["workflow"] = write(pytester.path, workflow(task))
    table = "".join(f"{name} = {json.dumps(value)}\n" for name, value in server.items())
    pytester.makepyprojecttoml(
        f'[tool.sdeval.targets.ours]\nmodel = "{family}:{fake.url}"\ntimeout = 30\n'
        f"[tool.sdeval.targets.ours.server]\n{table}"
    )


def run_of(pytester: pytest.Pytester) -> dict[str, Any]:
    """What run.json of the last session holds."""
    content: dict[str, Any] = json.loads((pytester.path / "reports/latest/few/ours/run.json").read_text())
    return content


@pytest.mark.parametrize("family", FAMILIES)
def test_a_server_is_gated_like_any_target(
    family: str, serve: Callable[[Fake], Fake], pytester: pytest.Pytester
) -> None:
    fake = serve(FAMILIES[family]())  # type: ignore[operator]
    project(pytester, fake, family, task="inpainting" if family == "a1111" else "text2img")
    pytester.runpytest_inprocess(*QUIET)
    assert sdeval.cli.main(["accept"]) == 0
    result = pytester.runpytest_inprocess(*QUIET)
    assert result.ret == 0, result.stdout.str()
    run = run_of(pytester)
    assert run["generated_by"]["pipeline"] == {"openai-images": "vllm-omni", "sdcpp": "sd.cpp"}.get(family, family)
    assert run["environment"]["batch_consistency"] == "identical"


def test_a_server_that_ignores_the_mask_stops_its_items(
    serve: Callable[[Fake], Fake], pytester: pytest.Pytester
) -> None:
    project(pytester, serve(OpenAIFake("sglang")), "openai-images", task="inpainting")
    result = pytester.runpytest_inprocess(*QUIET)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*target ours: sglang at http://* ignores mask:*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_server_that_is_not_there_is_one_line(pytester: pytest.Pytester, serve: Callable[[Fake], Fake]) -> None:
    fake = OpenAIFake("sglang")
    project(pytester, fake, "openai-images")
    fake.server_close()
    result = pytester.runpytest_inprocess(*QUIET)
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"*{fake.url}/v1/models: connection refused: no server listens there*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_one_bad_answer_costs_one_case(serve: Callable[[Fake], Fake], pytester: pytest.Pytester) -> None:
    fake = serve(OpenAIFake("vllm-omni"))
    project(pytester, fake, "openai-images")
    pytester.runpytest_inprocess(*QUIET)
    assert sdeval.cli.main(["accept"]) == 0
    fake.faults.answer, fake.faults.times = "jpeg", 1
    fake._encoded = _once(fake)  # type: ignore[method-assign]
    result = pytester.runpytest_inprocess(*QUIET)
    result.stdout.fnmatch_lines(["*answered with a JPEG image; it must be a PNG*"])
    verdicts = json.loads((pytester.path / "reports/latest/verdicts.json").read_text())["verdicts"]
    cases = {verdict["case"]: verdict["verdict"] for verdict in verdicts if verdict["case"]}
    assert sorted(cases.values()) == ["passed", "unscored"]


def _once(fake: Fake) -> Callable[[Image.Image], bytes]:
    """The first image is a JPEG, the others are not."""
    encode = fake._encoded

    def encoded(image: Image.Image) -> bytes:
        content = encode(image)
        fake.faults.answer = ""
        return content

    return encoded


def test_another_size_is_a_defect(serve: Callable[[Fake], Fake], pytester: pytest.Pytester) -> None:
    project(pytester, serve(A1111Fake(answer="size")), "a1111", task="inpainting")
    pytester.runpytest_inprocess(*QUIET)
    samples = (pytester.path / "reports/latest/few/ours").glob("samples.*")
    assert any("size_mismatch" in path.read_text() for path in samples)


def test_paid_calls_are_announced_before_the_first(
    serve: Callable[[Fake], Fake], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_KEY", "s3cret")
    fake = serve(OpenAIFake("vllm-omni"))
    project(pytester, fake, "openai-images", dialect="vllm-omni", key="OUR_KEY")
    result = pytester.runpytest_inprocess(*QUIET)
    result.stdout.fnmatch_lines(
        [
            f"sdeval: few on ours: up to 17 calls of {fake.url} with the key in OUR_KEY: 4 images, 6 to probe what it "
            "reads unless that is known, 7 to check images and times again"
        ]
    )
    texts = [
        path.read_text()
        for path in (pytester.path / "reports").rglob("*")
        if path.suffix in (".json", ".html", ".jsonl")
    ]
    assert not any("s3cret" in text for text in (result.stdout.str(), *texts))


@pytest.mark.slow
def test_workers_announce_once(
    serve: Callable[[Fake], Fake], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_KEY", "s3cret")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    project(pytester, serve(OpenAIFake("vllm-omni")), "openai-images", dialect="vllm-omni", key="OUR_KEY")
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--sdeval-no-strict", "-n", "2")
    assert result.stderr.str().count("up to 17 calls of ") == 1


def test_a_key_that_is_not_set_skips_its_items(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OUR_KEY", raising=False)
    fake = OpenAIFake("vllm-omni")
    project(pytester, fake, "openai-images", key="OUR_KEY")
    fake.server_close()
    outcomes = pytester.runpytest_inprocess(*QUIET).parseoutcomes()
    assert set(outcomes) == {"skipped"}


def test_bindings_are_printed(serve: Callable[[Fake], Fake], pytester: pytest.Pytester) -> None:
    project(pytester, serve(ComfyFake()), "comfyui")
    pytester.runpytest_inprocess(*QUIET).stdout.fnmatch_lines(
        ["sdeval: few on ours: bindings inferred from *workflow.json: prompt = 6.text, seed = 3.seed, *"]
    )


def test_chance_is_reported_as_ever(serve: Callable[[Fake], Fake], pytester: pytest.Pytester) -> None:
    project(pytester, serve(SdcppFake(random=True)), "sdcpp")
    pytester.runpytest_inprocess(*QUIET)
    run = run_of(pytester)
    assert run["environment"]["batch_consistency"] == "changed"
    assert any("the same seed gave another image: images depend on chance" in note for note in run["notes"])
