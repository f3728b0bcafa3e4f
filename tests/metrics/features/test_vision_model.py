"""Yes-or-no answers of vision-language models of transformers: tiny ones of random weights, from a local folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoModelForImageTextToText, AutoProcessor

from sdeval import Case, NotAvailable, SdevalError
from sdeval.metrics import GeneratedImage, MetricOptions, ReadingMetric, create
from sdeval.metrics.checklist import INSTRUCTION
from sdeval.metrics.features.vision_model import LocalVisionModel
from tests.metrics.tiny_vision_models import save_llava, save_qwen

QUESTION = "Is it red?"


@pytest.fixture(scope="module", params=[save_llava, save_qwen], ids=["llava", "qwen2-vl"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    save: Callable[[Path], Path] = request.param
    return save(tmp_path_factory.mktemp("model"))


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def images() -> list[Image.Image]:
    rng = np.random.default_rng(0)
    sizes = ((48, 64), (64, 48), (50, 50))
    return [Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in sizes]


def test_a_chance_lies_between_0_and_1_and_depends_on_image_and_question(folder: Path) -> None:
    model = LocalVisionModel(str(folder), "cpu")
    chances = [model.yes(image, question) for image in images() for question in (QUESTION, "Is it round?")]
    assert all(0 < chance < 1 for chance in chances)
    assert len(set(chances)) == len(chances)


def test_it_is_the_share_of_yes_among_the_first_tokens_of_yes_and_no(folder: Path) -> None:
    processor = AutoProcessor.from_pretrained(folder)
    network = AutoModelForImageTextToText.from_pretrained(folder).eval()
    (image, *_) = images()
    content = [{"type": "image", "image": image}, {"type": "text", "text": QUESTION}]
    text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    with torch.inference_mode():
        logits = network(**processor(images=[image], text=[text], return_tensors="pt")).logits[0, -1]
    chances = torch.softmax(logits.double(), 0)
    number = processor.tokenizer.convert_tokens_to_ids
    # The blank that " yes" and " no" begin with here is neither of them.
    yes, no = (float(sum(chances[number(word)] for word in words)) for words in (("yes", "Yes"), ("no", "No")))
    assert LocalVisionModel(str(folder), "cpu").yes(image, QUESTION) == pytest.approx(yes / (yes + no), abs=1e-5)


def test_the_same_question_twice_has_the_same_answer_to_the_last_bit(folder: Path) -> None:
    (image, *_) = images()
    first, second = (LocalVisionModel(str(folder), "cpu") for _ in range(2))
    assert first.yes(image, QUESTION) == first.yes(image, QUESTION) == second.yes(image, QUESTION)


def test_a_score_does_not_depend_on_the_other_images_of_a_batch(folder: Path) -> None:
    metric = create("checklist", MetricOptions(checklist_model=str(folder)))
    assert isinstance(metric, ReadingMetric)
    case = Case(id="a", prompt="a red wall", questions=(QUESTION, "Is it round?"))
    pictures = [GeneratedImage(image, case) for image in images()]
    together = metric.score(pictures)
    fresh = create("checklist", MetricOptions(checklist_model=str(folder)))
    assert isinstance(fresh, ReadingMetric)
    assert together == [score for picture in reversed(pictures) for score in fresh.score([picture])][::-1]
    model = LocalVisionModel(str(folder), "cpu")
    answers = [model.yes(images()[0], INSTRUCTION.format(question=question)) for question in case.questions]
    assert together[0] == pytest.approx(100 * sum(answers) / 2)
    assert metric.readings(pictures[:1]) == [f"Is it red? {answers[0]:.2f}; Is it round? {answers[1]:.2f}"]


def test_the_version_changes_with_the_configuration(folder: Path, copy: Path) -> None:
    before = LocalVisionModel(str(folder), "cpu").version.rpartition(" ")[2]
    assert LocalVisionModel(str(copy), "cpu").version.rpartition(" ")[2] == before
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, "note": "other"}))
    assert LocalVisionModel(str(copy), "cpu").version.rpartition(" ")[2] != before


def one_line(folder: Path) -> str:
    with pytest.raises(SdevalError) as error:
        LocalVisionModel(str(folder), "cpu")
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith(f"checklist_model {folder}: ")
    return message.partition(": ")[2]


def test_a_model_without_some_of_its_weights_is_refused(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    name = next(name for name in sorted(weights) if "lm_head" in name or "down_proj" in name)
    save_file(
        {key: value for key, value in weights.items() if key != name}, copy / "model.safetensors", {"format": "pt"}
    )
    assert one_line(copy).startswith("weights are missing in it: ")


def test_a_model_without_a_chat_template_is_refused(copy: Path) -> None:
    (copy / "chat_template.jinja").unlink()
    assert one_line(copy) == "has no chat template; take one that was trained to answer"


def test_weights_that_are_no_safetensors_are_not_opened(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    assert one_line(copy).startswith("does not load: ")


def test_corrupt_weights_are_refused(copy: Path) -> None:
    (copy / "model.safetensors").write_bytes(b"\x00" * 64)
    assert one_line(copy).startswith("does not load: ")


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    assert one_line(tmp_path) == "no config.json in it"
    (tmp_path / "config.json").write_text('{"model_type": "yolos"}')
    assert one_line(tmp_path).startswith("does not load: ")


def test_a_model_that_is_not_here_says_how_to_get_it() -> None:
    with pytest.raises(NotAvailable, match="get it with: hf download org/model; or name an endpoint"):
        LocalVisionModel("org/model", "cpu")


def test_other_weights_of_the_same_sizes_are_another_version(copy: Path) -> None:
    before = LocalVisionModel(str(copy), "cpu").version
    assert LocalVisionModel(str(copy), "cpu").version == before
    weights = load_file(copy / "model.safetensors")
    save_file({name: values + 0.01 for name, values in weights.items()}, copy / "model.safetensors", {"format": "pt"})
    assert LocalVisionModel(str(copy), "cpu").version != before


def test_another_chat_template_is_another_version(copy: Path) -> None:
    before = LocalVisionModel(str(copy), "cpu").version
    with (copy / "chat_template.jinja").open("a", encoding="utf-8") as file:
        file.write("Answer: ")
    assert LocalVisionModel(str(copy), "cpu").version != before
