"""Which class of diffusers does a task with a checkpoint: the mapped one, its namesake, or the one that is stated."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import diffusers
from diffusers import DiffusionPipeline
from diffusers.pipelines import auto_pipeline

from sdeval.config.case import TASKS, Task
from sdeval.config.target import Target
from sdeval.errors import SdevalError, unknown

PipelineClass = type[DiffusionPipeline]

_EDITORS = ("FluxKontext", "Flux2", "Kandinsky5I2I")
"""How pipelines begin that change an image by an instruction, besides those that say so in their name."""
_EDITOR_WORDS = ("Edit", "InstructPix2Pix")
_ENDINGS: dict[Task, str] = {
    "text2img": "Pipeline",
    "img2img": "Img2ImgPipeline",
    "inpainting": "InpaintPipeline",
    "edit": "Pipeline",
}
"""How classes are named that do a task with the weights of a model."""
_OTHERWISE = frozenset(("num_frames", "audio_length_in_s", "video"))
"""Arguments of calls that generate no single image."""
CONTROL_IMAGE = "control_image"
"""What pipelines call the control image, unless it is their only image."""


def call_parameters(kind: PipelineClass) -> Mapping[str, inspect.Parameter]:
    """Arguments of the call of a pipeline."""
    return inspect.signature(kind.__call__).parameters


def edits(kind: PipelineClass) -> bool:
    """Whether a pipeline changes images by an instruction: without a mask, and without noise of a strength."""
    name, parameters = kind.__name__, call_parameters(kind)
    is_editor = name.startswith(_EDITORS) or any(word in name for word in _EDITOR_WORDS)
    return is_editor and "image" in parameters and not {"mask_image", "strength"} & set(parameters)


_MAPPINGS: dict[Task, Mapping[str, PipelineClass]] = {
    "text2img": auto_pipeline.AUTO_TEXT2IMAGE_PIPELINES_MAPPING,
    "img2img": auto_pipeline.AUTO_IMAGE2IMAGE_PIPELINES_MAPPING,
    "inpainting": auto_pipeline.AUTO_INPAINT_PIPELINES_MAPPING,
    # To diffusers, edits are a kind of img2img.
    "edit": {family: kind for family, kind in auto_pipeline.AUTO_IMAGE2IMAGE_PIPELINES_MAPPING.items() if edits(kind)},
}


def pipeline_class(target: Target, folder: Path, task: Task) -> PipelineClass:
    """The class that does a task with a checkpoint.

    Raises:
        SdevalError: diffusers has none, or the one that the target names does something else.
    """
    if target.pipeline:
        stated = _stated(target, task)
        _check_parts(target, stated, folder)
        return stated
    own = str(DiffusionPipeline.load_config(folder)["_class_name"])
    kind = _mapped(own, task) or next(_namesakes(own, task), None)
    if kind is not None and target.controlnet and not has_control(kind):
        kind = _with_controlnet(kind, task)
    if kind is None:
        control = " with a controlnet" if target.controlnet else ""
        advice = "; set pipeline to a class that does it, if there is one" if target.controlnet or _find(own) else ""
        raise SdevalError(
            f"target {target.name}: diffusers has no {task} pipeline for a {own} checkpoint{control}{advice}"
        )
    if kind not in _MAPPINGS[task].values():
        _check_parts(target, kind, folder)
    return kind


def has_control(kind: PipelineClass) -> bool:
    """Whether a pipeline needs a control image."""
    return "controlnet" in _parts(kind) or CONTROL_IMAGE in call_parameters(kind)


def control_argument(kind: PipelineClass) -> str:
    """What a pipeline with control calls the control image."""
    return CONTROL_IMAGE if CONTROL_IMAGE in call_parameters(kind) else "image"


def shared_pipeline(first: DiffusionPipeline, kind: PipelineClass) -> DiffusionPipeline:
    """A pipeline of another class with the very parts of one that is loaded.

    Raises:
        TypeError: it needs a part that the other one does not have.
    """
    values = {**first.config, **first.components}
    return kind(**{name: values[name] for name in _parts(kind) if name in values})


def _parts(kind: PipelineClass) -> Mapping[str, inspect.Parameter]:
    parameters = dict(inspect.signature(kind.__init__).parameters)
    parameters.pop("self")
    return parameters


def _find(name: str) -> PipelineClass | None:
    """A pipeline of diffusers by its name, that generates single images of texts."""
    kind = getattr(diffusers, name, None) if name.endswith("Pipeline") else None
    if not (isinstance(kind, type) and issubclass(kind, DiffusionPipeline)):
        return None
    parameters = call_parameters(kind)
    return kind if "prompt" in parameters and not _OTHERWISE.intersection(parameters) else None


def _tasks_of_call(kind: PipelineClass) -> set[Task]:
    """The tasks that a pipeline does by what its call takes."""
    parameters = call_parameters(kind)
    if "mask_image" in parameters:
        return {"inpainting"}
    takes_image = "image" in parameters and not (has_control(kind) and control_argument(kind) == "image")
    if edits(kind):
        return {"img2img", "edit"}
    return {"img2img"} if takes_image else {"text2img"}


def _tasks(kind: PipelineClass) -> list[Task]:
    mapped = {task for task in TASKS if kind in _MAPPINGS[task].values()}
    return [task for task in TASKS if task in mapped | _tasks_of_call(kind)]


def _mapped(own: str, task: Task) -> PipelineClass | None:
    """The class for a task that diffusers maps the class of a checkpoint to."""
    for mapping in auto_pipeline.SUPPORTED_TASKS_MAPPINGS:
        for family, mapped_class in mapping.items():
            if mapped_class.__name__ == own and family in _MAPPINGS[task]:
                return _MAPPINGS[task][family]
    return None


def _namesakes(own: str, task: Task) -> Iterator[PipelineClass]:
    """Classes for a task that carry the name of a checkpoint's class, or are it."""
    base = re.sub("(Img2Img|Inpaint)?Pipeline$", "", own)
    for name in dict.fromkeys((own, base + _ENDINGS[task])):
        kind = _find(name)
        if kind is not None and task in _tasks_of_call(kind):
            yield kind


def _with_controlnet(kind: PipelineClass, task: Task) -> PipelineClass | None:
    """The class that does the same under the control of an image."""
    family = next((name for name, mapped in _MAPPINGS[task].items() if mapped is kind), "")
    mapped_class = _MAPPINGS[task].get(f"{family}-controlnet")
    ending = _ENDINGS[task] if kind.__name__.endswith(_ENDINGS[task]) else "Pipeline"
    return mapped_class or _find(f"{kind.__name__.removesuffix(ending)}ControlNet{ending}")


def _stated(target: Target, task: Task) -> PipelineClass:
    name, where = str(target.pipeline), f"target {target.name}: pipeline"
    names = [attribute for attribute in dir(diffusers) if attribute.endswith("Pipeline")]
    if name not in names:
        raise SdevalError(f"{where}: {unknown('class', name, names)}")
    kind = _find(name)
    if kind is None:
        raise SdevalError(f"{where}: a {name} generates no images from prompts")
    if task not in (tasks := _tasks(kind)):
        raise SdevalError(f"{where}: a {name} cannot do {task}; it does {', '.join(tasks)}")
    if target.controlnet and not has_control(kind):
        raise SdevalError(f"{where}: a {name} takes no controlnet")
    return kind


def _check_parts(target: Target, kind: PipelineClass, folder: Path) -> None:
    """Refuse a class that needs parts which a checkpoint does not have."""
    index = DiffusionPipeline.load_config(folder)
    missing = [
        name
        for name, parameter in _parts(kind).items()
        if parameter.default is inspect.Parameter.empty
        and not (name == "controlnet" and target.controlnet)
        and not _has_part(index.get(name), is_optional=name in kind._optional_components)
    ]
    if missing:
        raise SdevalError(f"target {target.name}: a {kind.__name__} needs {', '.join(missing)}, not in {target.model}")


def _has_part(entry: Any, *, is_optional: bool) -> bool:
    """Whether an index has a part; one that may be left out is there as an empty entry."""
    return isinstance(entry, list | tuple) and (is_optional or entry[-1] is not None)
