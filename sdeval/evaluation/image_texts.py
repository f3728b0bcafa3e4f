"""What the file of an image says of how it was generated, in text chunks that other tools read.

`parameters` is what Stable Diffusion web UIs write, and what image viewers and sites for generated images read.
`sdeval` is JSON with all of it. Neither time nor machine nor folder is in them: what is generated again with the same
versions is the same file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdeval.config.case import Sample
from sdeval.config.target import OWN, Target
from sdeval.engines.engine import Engine
from sdeval.evaluation.plan import Plan

LONGEST_PROMPT = 2**14
"""Characters of a prompt that are written; no model reads as many."""
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""Characters that the PNG standard does not allow in a text, or that UTF-8 cannot hold."""


@dataclass(frozen=True, slots=True)
class ImageTexts:
    """The texts of all images of a run."""

    plan: Plan
    generated_by: Mapping[str, Any]
    """What really runs: pipeline, scheduler, digests of weights."""
    versions: Mapping[str, str]
    """Of the packages that generate."""

    @classmethod
    def of_run(cls, plan: Plan, engine: Engine) -> ImageTexts:
        """The texts of what an engine generates for a plan."""
        environment = engine.environment
        versions = {**environment.get("packages", {}), "python": environment.get("python", "")}
        generated_by = engine.describe(plan.suite.task)
        # A machine's, and no property of the target.
        generated_by.pop("device", None)
        return cls(plan, generated_by, versions)

    def of(self, sample: Sample, size: tuple[int, int]) -> dict[str, str]:
        """The texts of one image, by keyword.

        Args:
            sample: what it shows.
            size: width and height of the image.
        """
        prompt, negative = (_text(text) for text in (sample.case.prompt, sample.case.negative_prompt))
        lines = [prompt, f"Negative prompt: {negative}" if negative else "", self._parameters(sample, size)]
        return {
            "parameters": "\n".join(filter(None, lines)),
            "Description": prompt,
            "Software": self._software,
            "Source": f"{self.plan.target.name} ({_text(_without_folder(self.plan.target.model))})",
            # In ASCII, so that every reader of PNG files can read it.
            "sdeval": json.dumps(self._facts(sample), sort_keys=True, default=str),
        }

    @property
    def _software(self) -> str:
        packages = {"sdeval": "pytest-sdeval", "diffusers": "diffusers"}
        known = {name: self.versions[package] for name, package in packages.items() if package in self.versions}
        return ", ".join(f"{name} {version}" for name, version in known.items())

    def _parameters(self, sample: Sample, size: tuple[int, int]) -> str:
        """The last line of `parameters`: names and values, separated by commas."""
        settings = self.plan.settings
        values = {
            "Steps": settings.get("num_inference_steps"),
            "Sampler": self.generated_by.get("scheduler"),
            "CFG scale": settings.get("guidance_scale"),
            "Seed": sample.seed,
            "Size": "{}x{}".format(*size),
            "Model": _without_folder(self.plan.target.model),
            "Denoising strength": self._strength(sample),
            "Version": f"sdeval {self.versions.get('pytest-sdeval', '')}".strip(),
        }
        known = {name: _text(str(value)) for name, value in values.items() if value is not None}
        return ", ".join(f"{name}: {_quoted(value)}" for name, value in known.items())

    def _strength(self, sample: Sample) -> float | None:
        """How far the init image is noised, where that is known."""
        strength = sample.case.strength if sample.case.strength is not None else self.plan.settings.get("strength")
        return strength if sample.case.image else None

    def _facts(self, sample: Sample) -> dict[str, Any]:
        plan, case = self.plan, sample.case
        return {
            "suite": plan.suite.name,
            "task": plan.suite.task,
            "case": case.id,
            "seed": sample.seed,
            "fingerprint": plan.fingerprint(sample),
            "prompt": case.prompt[:LONGEST_PROMPT],
            "negative_prompt": case.negative_prompt[:LONGEST_PROMPT],
            "strength": self._strength(sample),
            "settings": dict(plan.settings),
            "target": _target(plan.target),
            "generated_by": _without_folders(self.generated_by),
            "versions": dict(self.versions),
        }


def _target(target: Target) -> dict[str, Any]:
    """The fields of a target; what it sets for calls is among the settings of the plan."""
    described = {name: value for name, value in target.describe().items() if name != "settings"}
    return {"name": target.name, **{name: _without_folders(value) for name, value in described.items()}}


def _without_folders(value: Any) -> Any:
    """A value without folders of this machine, wherever it names a file."""
    if isinstance(value, Mapping):
        return {_without_folders(name): _without_folders(item) for name, item in value.items()}
    return _without_folder(value) if isinstance(value, str) else value


def _without_folder(text: str) -> str:
    """A path on this machine by its last part; any other text, such as a hub id, as it is."""
    prefix, path = (OWN, Path(text.removeprefix(OWN))) if text.startswith(OWN) else ("", Path(text))
    return prefix + path.name if path.is_absolute() or path.parts[:1] in (("~",), ("..",)) else text


def _text(text: str) -> str:
    """A text as PNG files may hold it: without control characters, and cut where it is very long."""
    rest = len(text) - LONGEST_PROMPT
    cut = f"{text[:LONGEST_PROMPT]}… ({rest} more characters)" if rest > 0 else text
    return _CONTROL.sub(" ", cut.replace("\r\n", "\n").replace("\r", "\n"))


def _quoted(value: str) -> str:
    """A value in quotes where it holds what separates values."""
    return json.dumps(value, ensure_ascii=False) if re.search(r'[,:\n"]', value) else value
