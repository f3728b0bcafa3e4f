"""The rules of GenEval on boxes that are known, and detectors in transformers format."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from sdeval import Case, NotAvailable, SdevalError
from sdeval.config.expected_objects import COLORS
from sdeval.metrics import GeneratedImage, MetricOptions, create
from sdeval.metrics.features.detector import Detector
from sdeval.metrics.object_rules import Box, Detection, positions
from sdeval.metrics.objects import Objects

RGB = {"red": (220, 30, 30), "blue": (40, 60, 210), "green": (30, 160, 60), "yellow": (235, 215, 40)}


class KnownBoxes:
    """Finds what was painted."""

    version = "known"

    def __init__(self, *detections: Detection) -> None:
        self.detections = detections
        self.calls = 0

    def detect(self, image: Image.Image, names: Sequence[str]) -> list[Detection]:
        self.calls += 1
        return [detection for detection in self.detections if detection.name in names]


class MeanColors:
    """Compares the mean of an image with colours that texts name."""

    version = "mean"

    def images(self, images: Sequence[Image.Image]) -> np.ndarray:
        return np.array([np.asarray(image).mean(axis=(0, 1)) - 128 for image in images], dtype=np.float32)

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        colors = [next((RGB[color] for color in RGB if f" {color} " in text), (128, 128, 128)) for text in texts]
        return np.array(colors, dtype=np.float32) - 128


def thing(name: str, box: Box = (10, 10, 30, 30), score: float = 0.9) -> Detection:
    return Detection(name, box, score)


def scene(**colors: Box) -> Image.Image:
    image = Image.new("RGB", (128, 96), "gray")
    for color, box in colors.items():
        ImageDraw.Draw(image).rectangle(box, fill=RGB[color])
    return image


def score(image: Image.Image, objects: Sequence[str], *detections: Detection) -> tuple[float, str]:
    metric = Objects(KnownBoxes(*detections), MeanColors())
    generated = GeneratedImage(image, Case(id="a", prompt="a", objects=tuple(objects)))
    return metric.score([generated])[0], metric.readings([generated])[0]


@pytest.mark.parametrize(
    ("objects", "names", "reading"),
    [
        (["bus"], ["bus"], "all as asked"),
        (["bus"], ["bus", "bus"], "all as asked"),
        (["bus"], ["car"], "bus: found 0"),
        (["2 bus"], ["bus", "bus"], "all as asked"),
        (["2 bus"], ["bus"], "2 bus: found 1"),
        (["2 bus"], ["bus"] * 3, "2 bus: found 3"),
        (["2+ bus"], ["bus"] * 3, "all as asked"),
        (["bus", "car"], ["car"], "bus: found 0"),
    ],
)
def test_classes_and_numbers_count(objects: list[str], names: list[str], reading: str) -> None:
    detections = [thing(name, (5 * number, 5, 5 * number + 4, 9)) for number, name in enumerate(names)]
    assert score(scene(), objects, *detections) == (100 if reading == "all as asked" else 0, reading)


def test_a_swapped_colour_is_wrong() -> None:
    left, right = (10, 10, 40, 40), (60, 10, 90, 40)
    found = (thing("cake", left), thing("cup", right))
    assert score(scene(red=left, blue=right), ["red cake", "blue cup"], *found) == (100, "all as asked")
    assert score(scene(blue=left, red=right), ["red cake", "blue cup"], *found) == (
        0,
        "red cake: found blue; blue cup: found red",
    )


def test_the_surest_objects_are_those_whose_colour_counts() -> None:
    red, blue = (10, 10, 40, 40), (60, 10, 90, 40)
    image = scene(red=red, blue=blue)
    assert score(image, ["red cup"], thing("cup", red, 0.9), thing("cup", blue, 0.5))[0] == 100
    assert score(image, ["red cup"], thing("cup", red, 0.5), thing("cup", blue, 0.9))[0] == 0


def test_a_place_counts() -> None:
    left, right = thing("couch", (5, 20, 25, 40)), thing("toaster", (70, 22, 90, 42))
    assert score(scene(), ["couch left of toaster", "toaster"], left, right)[1] == "all as asked"
    assert score(scene(), ["couch right of toaster", "toaster"], left, right) == (
        0,
        "couch right of toaster: is elsewhere",
    )
    assert "couch left of toaster: found 0 toaster" in score(scene(), ["couch left of toaster", "toaster"], left)[1]


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((50, 0, 60, 10), {"above"}),
        ((50, 90, 60, 100), {"below"}),
        ((0, 0, 10, 10), {"left of", "above"}),
        ((51, 50, 61, 60), set()),
    ],
)
def test_places_are_those_of_the_centres(box: Box, expected: set[str]) -> None:
    assert positions(box, (50, 50, 60, 60)) == expected


def test_no_image_is_looked_at_twice() -> None:
    detector = KnownBoxes(thing("bus"))
    metric = Objects(detector, MeanColors())
    images = [GeneratedImage(scene(), Case(id="a", prompt="a", objects=("bus",))) for _ in range(3)]
    metric.score(images)
    metric.readings(images)
    assert detector.calls == 3


@pytest.fixture(scope="module")
def yolos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import YolosConfig, YolosForObjectDetection, YolosImageProcessor

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("yolos")
    config = YolosConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=[64, 64],
        num_detection_tokens=5,
        id2label={0: "bus", 1: "Wine Glass"},
        label2id={"bus": 0, "Wine Glass": 1},
    )
    YolosForObjectDetection(config).save_pretrained(folder)
    YolosImageProcessor(size={"height": 64, "width": 64}, do_pad=False).save_pretrained(folder)
    return folder


def test_a_closed_set_detector_finds_what_it_knows(yolos: Path) -> None:
    found = Detector(str(yolos), 0.0, "cpu").detect(scene(), ["wine glass"])
    assert {detection.name for detection in found} <= {"wine glass"}
    both = Detector(str(yolos), 0.0, "cpu").detect(scene(), ["wine glass", "bus"])
    assert len(both) >= 1
    assert both == Detector(str(yolos), 0.0, "cpu").detect(scene(), ["wine glass", "bus"])


def test_a_closed_set_detector_says_what_it_does_not_know(yolos: Path) -> None:
    with pytest.raises(ValueError, match=r"the detector knows no 'kite'; it knows \['bus', 'wine glass'\]"):
        Detector(str(yolos), 0.3, "cpu").detect(scene(), ["kite"])


def test_the_version_names_weights_and_threshold(yolos: Path) -> None:
    versions = {Detector(str(yolos), threshold, "cpu").version for threshold in (0.3, 0.3, 0.5)}
    assert len(versions) == 2


@pytest.fixture(scope="module")
def owlv2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import CLIPTokenizer, Owlv2Config, Owlv2ForObjectDetection, Owlv2ImageProcessor, Owlv2Processor

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("owlv2")
    letters = [*"abcdefghijklmnopqrstuvwxyz"]
    vocabulary = ["!", "<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    (folder / "vocab.json").write_text(json.dumps({token: number for number, token in enumerate(vocabulary)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16)
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Owlv2Config(
        text_config={**sizes, "vocab_size": len(vocabulary), "eos_token_id": 2, "bos_token_id": 1, "pad_token_id": 2},
        vision_config={**sizes, "image_size": 32, "patch_size": 16},
        projection_dim=16,
    )
    Owlv2ForObjectDetection(config).save_pretrained(folder)
    processor = Owlv2Processor(Owlv2ImageProcessor(size={"height": 32, "width": 32}), tokenizer)
    processor.save_pretrained(folder)
    return folder


def test_a_zero_shot_detector_looks_for_any_name(owlv2: Path) -> None:
    found = Detector(str(owlv2), 0.0, "cpu").detect(scene(), ["kite", "zebra"])
    assert found
    assert {detection.name for detection in found} <= {"kite", "zebra"}


def test_a_detector_that_is_not_here_is_named_with_the_command() -> None:
    with pytest.raises(NotAvailable, match="get it with: hf download google/owlv2-base-patch16-ensemble"):
        create("objects", MetricOptions(clip_model="shapes"))


def test_another_kind_of_model_is_refused(yolos: Path, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes((yolos / "model.safetensors").read_bytes())
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(SdevalError, match=r"detector_model .*: does not load: "):
        Detector(str(tmp_path), 0.3, "cpu")


def test_every_colour_of_the_rules_has_a_text() -> None:
    assert set(RGB) <= set(COLORS)
