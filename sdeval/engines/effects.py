"""What cases and settings ask for that a pipeline would pass over in silence, or stumble over once it runs."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from diffusers import DiffusionPipeline

from sdeval.config.case import Case
from sdeval.config.target import Target
from sdeval.engines.families import family_of
from sdeval.engines.pipeline_classes import has_control
from sdeval.engines.sizes import size_problem
from sdeval.errors import SdevalError, plural
from sdeval.imaging.io import header

GUIDED_FROM_ZERO = ("ZImage", "Krea2")
"""How pipelines begin of which guidance is on above 0; of all others it is on above 1."""
DISTILLED = ("Flux", "QwenImage")
"""How pipelines begin whose guidance scale is an input of the model, if it was trained with one."""
GUIDED_OTHERWISE = ("Flux2",)
"""Those among them of which that does not hold."""


@dataclass(frozen=True)
class Request:
    """What is asked of a pipeline.

    Args:
        target: what generates.
        folder: of its model.
        kind: class of the pipeline.
        settings: arguments of the call that the suite states; those of the target go before.
        cases: of the suite.
    """

    target: Target
    folder: Path
    kind: type[DiffusionPipeline]
    settings: Mapping[str, Any]
    cases: Sequence[Case]

    @cached_property
    def _parameters(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(self.kind.__call__).parameters

    def _value(self, name: str) -> Any:
        """A call argument as it will be: the target's, the suite's, or the pipeline's own."""
        own = self._parameters[name].default if name in self._parameters else None
        return {name: own, **self.settings, **self.target.settings}[name]

    def _config(self, part: str) -> Mapping[str, Any]:
        """The configuration of a part of the model; empty where there is none."""
        path = self.folder / part / "config.json"
        content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return content if isinstance(content, dict) else {}

    def _where(self, case: Case) -> str:
        return case.origin or f"case {case.id!r}"

    def check(self) -> None:
        """Refuse what would have no effect, or would fail.

        Raises:
            SdevalError: the first such thing, with the line of its case.
        """
        for problem in (*self._of_settings(), *self._of_size(), *self._of_cases()):
            raise SdevalError(f"target {self.target.name}: {problem}")

    def notes(self) -> list[str]:
        """What has no effect because the target's own settings turn it off, which is a trial and no mistake."""
        negative = [case for case in self.cases if case.negative_prompt]
        name = self._guidance
        if not negative or not name or name not in self.target.settings or self._is_guided(name):
            return []
        count, value = plural(len(negative), "case"), self._value(name)
        return [f"{self.target.name}: the negative prompts of {count} have no effect with {name}={value}"]

    def _of_settings(self) -> Iterator[str]:
        stated = {**self.settings, **self.target.settings}
        scale, name = stated.get("guidance_scale"), self.kind.__name__
        # 0 and 1 turn guidance off, which is what happens.
        if scale is not None and scale not in (0, 1) and self._is_unguided:
            yield (
                f"guidance_scale has no effect: the transformer of {self.target.model} was trained without it; "
                "remove it, or set it to 1"
            )
        if "distilled_guidance_scale" in stated and not self._config("transformer").get("guidance_embeds", False):
            yield (
                f"distilled_guidance_scale has no effect: the transformer of {self.target.model} was trained "
                "without it; remove it"
            )
        if scale is not None and scale > 1 and self._is_distilled_klein:
            yield f"guidance_scale has no effect on a distilled {name}; remove it, or set it to 1"
        true_scale = stated.get("true_cfg_scale")
        if true_scale is not None and true_scale > 1 and not any(case.negative_prompt for case in self.cases):
            yield "true_cfg_scale has no effect: no case has a negative_prompt"

    def _of_size(self) -> Iterator[str]:
        """What is asked for as a size, and comes out as another."""
        width, height = self._value("width"), self._value("height")
        sizes = {"settings: the size": (width, height)} if width and height else {}
        if not sizes:
            images = {f"{self._where(case)}: image": next(iter(case.inputs), case.control_image) for case in self.cases}
            sizes = {where: header(image) for where, image in images.items() if image}
        for where, size in sizes.items():
            if problem := size_problem(self.kind.__name__, self._config("vae"), *size):
                yield f"{where} {problem}"

    @property
    def _is_unguided(self) -> bool:
        """Whether the model takes a guidance scale, and was trained without."""
        name = self.kind.__name__
        takes_scale = name.startswith(DISTILLED) and not name.startswith(GUIDED_OTHERWISE)
        return takes_scale and not self._config("transformer").get("guidance_embeds", False)

    @property
    def _is_distilled_klein(self) -> bool:
        is_klein = self.kind.__name__.startswith("Flux2Klein")
        return is_klein and bool(DiffusionPipeline.load_config(self.folder).get("is_distilled"))

    def _has_part(self, name: str) -> bool:
        entry = DiffusionPipeline.load_config(self.folder).get(name)
        return isinstance(entry, list | tuple) and entry[-1] is not None

    def _of_cases(self) -> Iterator[str]:
        for case in self.cases:
            yield from self._of_case(case)

    def _of_case(self, case: Case) -> Iterator[str]:
        where = self._where(case)
        yield from self._of_guiding_images(case, where)
        if len(case.inputs) > 1 and not family_of(self.kind.__name__).edits_several:
            yield f"{where}: images: a {self.kind.__name__} takes one input image, got {len(case.inputs)}"
        if case.strength is not None and "strength" not in self._parameters:
            yield f"{where}: strength: a {self.kind.__name__} takes none; remove it"
        elif case.image is not None and "strength" in self._parameters:
            yield from self._of_strength(case, where)
        if case.negative_prompt:
            problem = self._of_negative_prompt()
            if problem:
                yield f"{where}: negative_prompt: {problem}"

    def _of_guiding_images(self, case: Case, where: str) -> Iterator[str]:
        """What guides a model that has a part for it, and no other."""
        if has_control(self.kind) and not case.control_image:
            yield f"{where}: control_image: is missing; a {self.kind.__name__} needs one"
        if case.control_image and not has_control(self.kind):
            yield f"{where}: control_image: has no effect on a {self.kind.__name__}; set controlnet of the target"
        if self.target.ip_adapter and not case.reference_image:
            yield f"{where}: reference_image: is missing; the target has an ip_adapter"
        if case.reference_image and not self.target.ip_adapter:
            yield f"{where}: reference_image: has no effect; set ip_adapter of the target"

    def _of_strength(self, case: Case, where: str) -> Iterator[str]:
        """An edit takes a part of the steps, of which at least one must be left."""
        overridden = self.target.settings.get("strength")
        strength = next((value for value in (overridden, case.strength) if value is not None), self._value("strength"))
        steps = self._value("num_inference_steps")
        if isinstance(steps, int) and isinstance(strength, int | float) and int(steps * strength) < 1:
            # What the target or the command line sets is no mistake of the case file.
            from_case = case.strength is not None and not {"strength", "num_inference_steps"} & set(
                self.target.settings
            )
            source = where if from_case else f"settings (case {case.id})"
            yield f"{source}: strength: {strength} of {plural(steps, 'step')} is less than one; raise either"

    def _of_negative_prompt(self) -> str:
        """Why a negative prompt has no effect; empty where it has."""
        if "negative_prompt" not in self._parameters:
            return f"a {self.kind.__name__} takes none; remove it"
        if self._config("unet").get("time_cond_proj_dim") is not None:
            return f"has no effect: {self.target.model} has its guidance built in; remove it"
        if self.kind.__name__.startswith("HunyuanImage") and not self._has_part("guider"):
            return f"has no effect: {self.target.model} has no guider; remove it"
        name = self._guidance
        # What the target turns off is reported in a note.
        if not name or name in self.target.settings or self._is_guided(name):
            return ""
        return f"has no effect with {name}={self._value(name)}; set it above {self._least(name)}, or remove the prompt"

    @property
    def _guidance(self) -> str:
        """The argument that turns negative prompts on; empty where there is none that is known."""
        return next((name for name in ("true_cfg_scale", "guidance_scale") if name in self._parameters), "")

    def _is_guided(self, name: str) -> bool:
        """Whether negative prompts are turned on; what is no number decides nothing."""
        value = self._value(name)
        return not isinstance(value, int | float) or value > self._least(name)

    def _least(self, name: str) -> int:
        is_early = name == "guidance_scale" and self.kind.__name__.startswith(GUIDED_FROM_ZERO)
        return 0 if is_early else 1
