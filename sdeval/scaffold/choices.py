"""What somebody chooses who begins with sdeval: a task, a target, metrics, CI, a GPU or none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sdeval import metrics
from sdeval.config.case import Task
from sdeval.config.target import EMBEDDED, Target
from sdeval.errors import SdevalError

Ci = Literal["github", "gitlab", "none"]
CI_PROVIDERS: tuple[Ci, ...] = get_args(Ci)
SHAPES = "shapes"
"""The embedded model, and its CLIP."""

DEFAULT_METRICS: Mapping[Task, tuple[str, ...]] = {
    "text2img": ("clip_score", "sharpness"),
    "img2img": ("clip_score", "init_similarity"),
    "inpainting": ("clip_score", "outside_change"),
    "edit": ("clip_score", "clip_i"),
}
STEPS = {"num_inference_steps": 20}
SHAPES_SETTINGS: Mapping[Task, Mapping[str, Any]] = {
    "text2img": {**STEPS, "guidance_scale": 4.0, "width": 64, "height": 64},
    "img2img": {**STEPS, "guidance_scale": 4.0},
    "inpainting": {**STEPS, "guidance_scale": 2.0, "strength": 1.0},
}
SHAPES_TOLERANCES = {"clip_score": 1.0}
"""On the scale of the embedded CLIP, an image with one wrong colour or shape loses ten points and more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """All that decides what is written."""

    name: str
    """Of the suite."""
    task: Task
    target: Target
    is_known: bool = True
    """Whether the target has a name already: it comes with sdeval, or is the project's."""
    metrics: tuple[str, ...]
    ci: Ci = "none"
    gpu: bool = False

    @property
    def is_shapes(self) -> bool:
        """Whether the embedded model generates."""
        return self.target.model == EMBEDDED

    @property
    def settings(self) -> Mapping[str, Any]:
        """Arguments of the pipeline call that the suite states."""
        if self.is_shapes:
            return SHAPES_SETTINGS[self.task]
        # What a program or a server takes is not known; targets that state their steps do it for a reason.
        is_stated = not self.target.is_pipeline or "num_inference_steps" in self.target.settings
        return {} if is_stated else {"num_inference_steps": 30}


def check_task(task: Task, target: Target) -> None:
    """Refuse a task that the embedded model cannot do.

    Raises:
        SdevalError: it is edit.
    """
    if task not in SHAPES_SETTINGS and target.model == EMBEDDED:
        raise SdevalError(f"--task: {target.name}, the embedded model, cannot do {task}; name another --target")


def check_metrics(names: Sequence[str], task: Task) -> tuple[str, ...]:
    """Refuse metrics that the suite which is written could not have.

    Raises:
        SdevalError: a metric is unknown, is for other tasks, or needs reference images.
    """
    if len(set(names)) != len(names) or not names:
        raise SdevalError(f"--metrics: must be distinct and at least one, got {','.join(names) or 'none'}")
    for name in names:
        info = metrics.info(name)
        if task not in info.tasks:
            raise SdevalError(f"--metrics: {name} is for {', '.join(info.tasks)}, not for {task}")
        if info.scope == "set" or "references" in info.needs:
            raise SdevalError(
                f"--metrics: {name} needs reference images; add it to the suite by hand, with references=FOLDER"
            )
    return tuple(names)
