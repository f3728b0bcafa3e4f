"""Object detectors of transformers: closed-set ones such as DETR or YOLOS, and zero-shot ones such as OWLv2."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from PIL import Image

from sdeval._utils.environment import calm_threads
from sdeval._utils.hub import cached_file, local_folder
from sdeval._utils.validation import preview
from sdeval.errors import NotAvailable, SdevalError, first_line
from sdeval.metrics.object_rules import Detection

WEIGHTS = "model.safetensors"
PROMPT = "a photo of a {}"


class Detector:
    """A detector in transformers format.

    Raises:
        NotAvailable: the weights are not on this machine; says how to get them.
        SdevalError: the folder holds no such model.
    """

    def __init__(self, model: str, threshold: float, device: str) -> None:
        calm_threads()
        folder = _find(model)
        digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()[:12]
        self.version = f"{digest} from {threshold:g}"
        self._threshold = threshold
        self._is_zero_shot, self._processor, network = _load(folder, model)
        self._model = network.to(device).eval()
        self._device = device

    def detect(self, image: Image.Image, names: Sequence[str]) -> list[Detection]:
        """The objects of these names in an image.

        Raises:
            ValueError: a closed-set detector does not know one of them.
        """
        import torch

        labels = {} if self._is_zero_shot else self._labels(names)
        texts = {"text": [[PROMPT.format(name) for name in names]]} if self._is_zero_shot else {}
        inputs = self._processor(images=image, return_tensors="pt", **texts).to(self._device)
        with torch.inference_mode():
            outputs = self._model(**inputs)
        sizes = [(image.height, image.width)]
        process = (
            self._processor.post_process_grounded_object_detection
            if self._is_zero_shot
            else self._processor.post_process_object_detection
        )
        (result,) = process(outputs, threshold=self._threshold, target_sizes=sizes)
        numbers = dict(enumerate(names)) if self._is_zero_shot else {number: name for name, number in labels.items()}
        return [
            Detection(numbers[number], (left, top, right, bottom), score)
            for number, (left, top, right, bottom), score in zip(
                *(result[name].tolist() for name in ("labels", "boxes", "scores")), strict=True
            )
            if number in numbers
        ]

    def _labels(self, names: Sequence[str]) -> dict[str, int]:
        known = {name.lower(): number for name, number in self._model.config.label2id.items()}
        unknown = [name for name in names if name.lower() not in known]
        if unknown:
            raise ValueError(f"the detector knows no {unknown[0]!r}; it knows {preview(sorted(known))}")
        return {name: known[name.lower()] for name in names}


def _load(folder: Path, model: str) -> tuple[bool, Any, Any]:
    """Whether it is a zero-shot one, its processor and the network."""
    from transformers import AutoConfig, AutoImageProcessor, AutoModelForObjectDetection, AutoProcessor
    from transformers import AutoModelForZeroShotObjectDetection as ZeroShot

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        is_zero_shot = type(config) in ZeroShot._model_mapping
        loader, processors = (
            (ZeroShot, AutoProcessor)
            if is_zero_shot
            else (
                AutoModelForObjectDetection,
                AutoImageProcessor,
            )
        )
        network, report = loader.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True
        )
        processor = processors.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise SdevalError(f"detector_model {model}: does not load: {first_line(error)}") from error
    # transformers initialises missing weights with random numbers.
    if report["missing_keys"]:
        missing = ", ".join(sorted(report["missing_keys"]))
        raise SdevalError(f"detector_model {model}: weights are missing in it: {missing}")
    return is_zero_shot, processor, network


def _find(model: str) -> Path:
    folder = local_folder(model)
    if folder is not None:
        if not (folder / WEIGHTS).is_file():
            raise SdevalError(f"detector_model {model}: no {WEIGHTS} in it; other formats are not opened")
        return folder
    files = [cached_file(model, name) for name in (WEIGHTS, "config.json", "preprocessor_config.json")]
    if files[0] is None or None in files:
        raise NotAvailable(f"detector_model {model} is not on this machine; get it with: hf download {model}")
    return files[0].parent


@lru_cache(maxsize=1)
def load_detector(model: str, threshold: float, device: str) -> Detector:
    """The detector of a suite."""
    return Detector(model, threshold, device)
