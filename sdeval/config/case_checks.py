"""Checks a case before anything is generated: what it must have, what its images must be."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sdeval._utils import validation as typed
from sdeval.config.case import Case, Task
from sdeval.config.expected_objects import parse_objects
from sdeval.config.names import naming_problem
from sdeval.errors import SdevalError

MULTIPLE = 8
"""Latents are this many times smaller than images: other edges would be cut."""
ID = r"[A-Za-z0-9]+(?:[-_][A-Za-z0-9]+)*"
"""Of a case."""

_OF_SOME_TASKS = ("image", "images", "mask", "strength", "edited_prompt")
"""Fields of a case that say something to some tasks only."""
_NEEDED: Mapping[Task, tuple[str, ...]] = {
    "text2img": (),
    "img2img": ("image",),
    "inpainting": ("image", "mask"),
    "edit": (),
}
"""Fields of a case that a task needs; edit needs one of two."""
_TAKEN: Mapping[Task, tuple[str, ...]] = {
    "text2img": (),
    "img2img": ("image", "strength"),
    "inpainting": ("image", "mask", "strength"),
    "edit": ("image", "images", "edited_prompt"),
}
"""Those of them that a task takes."""


def id_problem(name: str) -> str:
    """What is wrong with the id of a case; empty where it is right."""
    return (
        naming_problem(name) if re.fullmatch(ID, name) else "must be words and digits joined by hyphens or underscores"
    )


def check_case(case: Case, task: Task, where: str) -> None:
    """Refuse a case that a task could not be done with, before anything is generated.

    Args:
        case: as it was written.
        task: of its suite.
        where: file and line, or what else says which case it is.

    Raises:
        SdevalError: names the field, and what it must be.
    """
    if not case.prompt.strip():
        raise SdevalError(f"{where}: prompt: is empty; say what to generate")
    for name in _TAKEN[task]:
        if name in _NEEDED[task] and not getattr(case, name):
            raise SdevalError(f"{where}: {name}: is missing; {task} needs one")
    for name in _OF_SOME_TASKS:
        if name not in _TAKEN[task] and getattr(case, name) not in (None, (), ""):
            raise SdevalError(f"{where}: {name}: {task} takes none; remove it")
    if task == "edit":
        _check_inputs(case, where)
    _check_texts(case, where)
    if case.strength is not None and not 0 < case.strength <= 1:
        raise SdevalError(f"{where}: strength: must be above 0 and at most 1, got {case.strength}")
    if any(case.files):
        _check_images(case, where)


def _check_inputs(case: Case, where: str) -> None:
    """Refuse an edit without input images, or with two lists of them."""
    if not case.inputs:
        raise SdevalError(f"{where}: image: is missing; edit needs one, or several as images")
    if case.image and case.images:
        raise SdevalError(f"{where}: images: image is there too; list all input images in images, the edited one first")


def _check_texts(case: Case, where: str) -> None:
    """Refuse what metrics could not use."""
    for name in ("region_prompt", "image_prompt", "edited_prompt"):
        if (text := getattr(case, name)) and not text.strip():
            raise SdevalError(f"{where}: {name}: is blank; say what is to be seen, or leave it out")
    for text in case.text:
        if not any(map(str.isalnum, text)):
            raise SdevalError(f"{where}: text: {typed.preview(text)} has no letter and no digit to read")
    for question in case.questions:
        if not question.strip():
            raise SdevalError(f"{where}: questions: one is empty; ask what is to be answered by yes or no")
    try:
        parse_objects(case.objects)
    except ValueError as error:
        raise SdevalError(f"{where}: objects: {error}") from None


def _check_images(case: Case, where: str) -> None:
    from sdeval.imaging.io import header

    sizes: dict[str, tuple[int, int]] = {}
    for name, path in case.files:
        try:
            # Of several, the first is the one that is edited.
            sizes.setdefault(name, header(path))
        except SdevalError as error:
            raise SdevalError(f"{where}: {name}: {error}") from None
    # A reference is looked at, not painted on.
    sizes.pop("reference_image", None)
    for name in ("mask", "control_image"):
        # Of an edit with several input images, the first one's.
        size = sizes.get("image", sizes.get("images"))
        if size and sizes.get(name, size) != size:
            image, other = ("{}x{}".format(*edges) for edges in (size, sizes[name]))
            raise SdevalError(f"{where}: {name}: is {other} pixels but the image is {image}; make them the same size")
    for name, (width, height) in sizes.items():
        if width % MULTIPLE or height % MULTIPLE:
            raise SdevalError(
                f"{where}: {name}: is {width}x{height} pixels; both edges must be multiples of {MULTIPLE}"
            )
    _check_pixels(case, where)


def _check_pixels(case: Case, where: str) -> None:
    """Decode what a case brings along to its end, so that nothing is found out after others were generated."""
    from sdeval.imaging.io import check_image, painted_share

    for name, path in case.files:
        try:
            (painted_share if name == "mask" else check_image)(path)
        except SdevalError as error:
            raise SdevalError(f"{where}: {name}: {error}") from None
