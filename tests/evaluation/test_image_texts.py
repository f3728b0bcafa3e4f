"""What the file of an image says of how it was generated, as other programs read it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import png
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sd_parsers import ParserManager

from sdeval import Case
from sdeval.config.target import Target
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.evaluation.evaluate import generate
from sdeval.evaluation.image_texts import LONGEST_PROMPT, ImageTexts
from sdeval.evaluation.plan import Plan
from sdeval.imaging.io import open_rgb, pixel_hash, png_bytes
from tests.generated import plan

GENERATED_BY = {"pipeline": "StableDiffusionPipeline", "scheduler": "DDIMScheduler", "weights": "0123abcd"}
VERSIONS = {"pytest-sdeval": "0.1.0", "diffusers": "0.42.1", "torch": "2.14.1", "python": "3.11.7"}
IMAGE = Image.new("RGB", (48, 32), (200, 30, 40))


def plan_of(case: Case, model: str = "org/model", **settings: Any) -> Plan:
    base = plan(cases=(case,), seeds=(7,))
    target = Target(name="tiny", model=model, dtype="bfloat16")
    return replace(base, target=target, settings={"num_inference_steps": 20, "guidance_scale": 4.5, **settings})


def texts_of(plan: Plan) -> dict[str, str]:
    (sample,) = plan.samples
    return ImageTexts(plan, GENERATED_BY, VERSIONS).of(sample, IMAGE.size)


def file_with(prompt: str, negative_prompt: str = "") -> bytes:
    case = Case(id="one", prompt=prompt, negative_prompt=negative_prompt)
    return png_bytes(IMAGE, texts_of(plan_of(case)))


def read_texts(content: bytes) -> dict[str, str]:
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        return {keyword: str(text) for keyword, text in image.text.items()}  # type: ignore[attr-defined]


def chunk_types(content: bytes) -> list[bytes]:
    """Types of the text chunks, read by pypng, which checks their checksums."""
    return [kind for kind, _ in png.Reader(bytes=content).chunks() if kind in (b"tEXt", b"iTXt", b"zTXt")]


def test_parameters_have_the_form_of_web_interfaces() -> None:
    assert read_texts(file_with("a black cat\non a bench", "blurred"))["parameters"] == (
        "a black cat\non a bench\n"
        "Negative prompt: blurred\n"
        "Steps: 20, Sampler: DDIMScheduler, CFG scale: 4.5, Seed: 7, Size: 48x32, Model: org/model, "
        "Version: sdeval 0.1.0"
    )


def test_another_program_reads_what_generated_it(tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(file_with("a black cat, on a bench", "blurred, dark"))
    info = ParserManager().parse(tmp_path / "image.png")
    assert info is not None
    (sampler,) = info.samplers
    assert [prompt.value for prompt in sampler.prompts] == ["a black cat, on a bench"]
    assert [prompt.value for prompt in sampler.negative_prompts] == ["blurred, dark"]
    assert (sampler.name, sampler.model and sampler.model.name) == ("DDIMScheduler", "org/model")
    assert sampler.parameters["seed"] == "7"


def test_the_keywords_of_the_standard_are_there() -> None:
    texts = read_texts(file_with("a black cat"))
    assert texts["Description"] == "a black cat"
    assert texts["Software"] == "sdeval 0.1.0, diffusers 0.42.1"
    assert texts["Source"] == "tiny (org/model)"


def test_all_of_it_is_json() -> None:
    facts = json.loads(read_texts(file_with("a black cat", "blurred"))["sdeval"])
    assert (facts["suite"], facts["case"], facts["seed"]) == ("few", "one", 7)
    assert (facts["prompt"], facts["negative_prompt"]) == ("a black cat", "blurred")
    assert facts["settings"] == {"num_inference_steps": 20, "guidance_scale": 4.5}
    assert facts["target"]["dtype"] == "bfloat16"
    assert facts["generated_by"] == GENERATED_BY
    assert facts["versions"] == VERSIONS


def test_the_strength_is_that_of_the_case(tmp_path: Path) -> None:
    IMAGE.save(tmp_path / "init.png")
    case = Case(id="one", prompt="a cat", image=tmp_path / "init.png", strength=0.6)
    few = plan(cases=(case,), task="img2img", seeds=(7,), metrics=("clip_score",))
    assert "Denoising strength: 0.6" in texts_of(few)["parameters"]


def test_a_value_with_a_separator_is_in_quotes() -> None:
    case = Case(id="one", prompt="a cat")
    assert 'Model: "embedded:shapes"' in texts_of(plan_of(case, model="embedded:shapes"))["parameters"]


@pytest.mark.parametrize("model", ["/home/somebody/models/tiny", "../models/tiny", "~/models/tiny"])
def test_no_folder_of_this_machine_is_in_it(model: str) -> None:
    texts = texts_of(plan_of(Case(id="one", prompt="a cat"), model=model))
    assert "models" not in "".join(texts.values())
    assert texts["Source"] == "tiny (tiny)"


def test_a_program_of_ones_own_is_named_without_its_folder() -> None:
    texts = texts_of(plan_of(Case(id="one", prompt="a cat"), model="python:/home/somebody/engine.py:generate"))
    assert json.loads(texts["sdeval"])["target"]["model"] == "python:engine.py:generate"


@pytest.mark.parametrize(("prompt", "kind"), [("ein Kätzchen", b"tEXt"), ("黒い猫 🐈‍⬛", b"iTXt")])
def test_other_scripts_are_utf_8(prompt: str, kind: bytes) -> None:
    content = file_with(prompt)
    assert read_texts(content)["Description"] == prompt
    assert chunk_types(content) == [kind, kind, b"tEXt", b"tEXt", b"tEXt"]


def test_control_characters_become_spaces_but_line_breaks_stay() -> None:
    texts = read_texts(file_with("a\x00b\x1b[31mc\td\x85e\r\nf\rg\nh"))
    assert texts["Description"] == "a b [31mc d e\nf\ng\nh"
    assert json.loads(texts["sdeval"])["prompt"] == "a\x00b\x1b[31mc\td\x85e\r\nf\rg\nh"


def test_a_very_long_prompt_is_cut_and_says_so() -> None:
    texts = read_texts(file_with("long " * 1_000_000))
    assert texts["Description"].endswith(f"… ({5_000_000 - LONGEST_PROMPT} more characters)")
    assert len("".join(texts.values())) < 4 * LONGEST_PROMPT


@given(st.text(min_size=1).filter(str.strip))
def test_any_prompt_gives_a_file_that_can_be_read(prompt: str) -> None:
    content = file_with(prompt, prompt)
    assert json.loads(read_texts(content)["sdeval"])["prompt"] == prompt
    assert len(chunk_types(content)) == 5


def test_the_hash_of_the_pixels_does_not_depend_on_it(tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(file_with("a black cat"))
    assert pixel_hash(tmp_path / "image.png") == pixel_hash(IMAGE)
    assert open_rgb(tmp_path / "image.png").tobytes() == IMAGE.tobytes()


def test_a_run_writes_it_and_writes_the_same_again(loaded: LoadedTarget, tmp_path: Path) -> None:
    for name in ("first", "again"):
        generate(plan(), loaded, tmp_path / name, lambda _: None)
    files = [sorted((tmp_path / name / "images").iterdir()) for name in ("first", "again")]
    assert [path.read_bytes() for path in files[0]] == [path.read_bytes() for path in files[1]]
    facts = json.loads(read_texts(files[0][0].read_bytes())["sdeval"])
    assert (facts["case"], facts["seed"]) == ("circle", 0)
    assert facts["generated_by"]["scheduler"]
    assert "device" not in facts["generated_by"]
    assert facts["versions"]["diffusers"]
