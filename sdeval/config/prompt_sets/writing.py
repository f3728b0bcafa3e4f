"""Writes an ordinary case file in YAML, with a comment that says where its prompts are from."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from PIL import Image, ImageOps

from sdeval._utils.files import check_name, exists, read_bytes, write_bytes, write_text
from sdeval.config.case import TEXTS
from sdeval.config.case_checks import MULTIPLE
from sdeval.config.case_files import LARGEST
from sdeval.config.prompt_sets.reading import ImportedSet, SetCase
from sdeval.config.prompt_sets.with_images import LARGEST_IMAGE, ending_of
from sdeval.errors import SdevalError
from sdeval.imaging.io import FORMATS, png_bytes

CROPPED = "-cropped"
"""How names of images end that are not as they are published."""
MOST_LISTED = 20
"""Files whose digests the comment lists."""


class _Dumper(yaml.SafeDumper):
    """Writes every text so that it is read as it was; on one line."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # PyYAML folds line breaks of Unicode into blanks, unless they are escaped in double quotes.
    style = '"' if text.splitlines() != [text] else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


Images = Mapping[str, Mapping[str, str]]
"""Names of image files, relative to the case file, by id of a case and field."""
NO_IMAGES: Images = MappingProxyType({})


def case_file(imported: ImportedSet, chosen: Sequence[SetCase], selection: str, images: Images = NO_IMAGES) -> str:
    """The text of the case file.

    Args:
        imported: the set.
        chosen: the cases that the file holds.
        selection: how they were chosen.
        images: of the cases, as `write_images` wrote them.
    """
    header = dump({"source": _source(imported, selection)})
    comment = "".join(f"# {line}\n" for line in header.splitlines())
    return f"{comment}\n{dump([_fields(candidate, images.get(candidate.case.id, {})) for candidate in chosen])}"


def write_images(path: Path, chosen: Sequence[SetCase]) -> Images:
    """Write the images of cases into a folder beside their case file.

    Those whose edges are multiples of 8 pixels are written byte for byte as they are published. Others no suite would
    take: they lose up to 7 pixels at the right and at the bottom, and their names end in `cropped`.

    Raises:
        SdevalError: an image cannot be read, is none, or there is another one of its name.
    """
    check_name(path)
    return {
        candidate.case.id: {
            field: _write_image(path, f"{candidate.case.id}-{field}", source())
            for field, source in candidate.images.items()
        }
        for candidate in chosen
    }


def count_cropped(images: Images) -> int:
    """How many images were cropped."""
    return sum(Path(name).stem.endswith(CROPPED) for names in images.values() for name in names.values())


def _cropped(content: bytes) -> bytes | None:
    """A PNG file of an image whose edges are cut to multiples of 8 pixels; None where nothing has to be cut, or can."""
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            if all(edge % MULTIPLE == 0 or edge < MULTIPLE for edge in image.size):
                return None
            upright = ImageOps.exif_transpose(image)
            width, height = (max(edge - edge % MULTIPLE, min(edge, MULTIPLE)) for edge in upright.size)
            return png_bytes(upright.crop((0, 0, width, height)))
    # What cannot be decoded is refused, with the reason, when the case file is used.
    except Exception:
        return None


def _write_image(path: Path, name: str, content: bytes) -> str:
    ending_of(content, name)
    if cropped := _cropped(content):
        name, content = f"{name}{CROPPED}", cropped
    place = f"{path.stem}-images/{name}.{ending_of(content, name)}"
    file = path.parent / place
    if exists(file) and read_bytes(file, LARGEST_IMAGE) != content:
        raise SdevalError(f"{file}: is there already, with other content; remove it, or name another --output")
    write_bytes(file, content)
    return place


def write_case_file(path: Path, text: str) -> None:
    """Write a case file, unless there is another one: somebody may have edited it.

    Raises:
        SdevalError: its name does not end in .yaml or .yml, or there is another file; also where it cannot be written.
    """
    check_name(path)
    if path.suffix not in (".yaml", ".yml"):
        raise SdevalError(f"--output: {path}: must end in .yaml or .yml; the case file is written as YAML")
    content = text.encode()
    if len(content) > LARGEST:
        raise SdevalError(f"{path}: would be larger than {LARGEST // 2**20} MiB; take fewer prompts with --limit N")
    if exists(path) and read_bytes(path) != content:
        raise SdevalError(f"{path}: is there already, with other content; remove it, or name another --output")
    write_text(path, text)


def dump(value: Any) -> str:
    """YAML that is read as it was written."""
    # Long lines stay whole: a change of a prompt is a change of one line.
    return yaml.dump(value, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=2**31)


def _fields(candidate: SetCase, images: Mapping[str, str]) -> Mapping[str, Any]:
    case = candidate.case
    fields: dict[str, Any] = {"id": case.id, "prompt": case.prompt}
    fields |= {
        name: getattr(case, name)
        for name in ("negative_prompt", "image_prompt", "edited_prompt")
        if getattr(case, name)
    }
    fields |= images
    lists: Mapping[str, Any] = {**{name: getattr(case, name) for name in TEXTS}, "tags": case.tags}
    return fields | {name: list(values) for name, values in lists.items() if values}


def _source(imported: ImportedSet, selection: str) -> Mapping[str, Any]:
    prompt_set = imported.prompt_set
    shown = imported.sources[:MOST_LISTED]
    files = [
        {"file": source.path.name, "sha256": source.sha256, "as_published": source.is_published} for source in shown
    ]
    left_out = len(imported.sources) - len(shown)
    return {
        "set": prompt_set.title,
        "url": prompt_set.url,
        "commit": prompt_set.commit,
        "files": files,
        **({"further_files": left_out} if left_out else {}),
        "licence": prompt_set.licence,
        "redistribution": "allowed" if prompt_set.redistributable else "not known to be allowed",
        "citation": prompt_set.citation,
        "selection": selection,
    }
