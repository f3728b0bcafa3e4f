"""Readers of sets whose prompts come with images: in Parquet and Arrow files of the hub, or in a folder."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path, PurePosixPath
from typing import Any

from sdeval._utils.files import open_file, parse_json, read_bytes
from sdeval._utils.validation import preview
from sdeval.config.case_files import LARGEST
from sdeval.config.case_tables import decode
from sdeval.config.prompt_sets.formats import TOO_DEEP, FormatError, Prompt, numbered
from sdeval.errors import SdevalError, first_line

FileReader = Callable[[Path], Iterator[Prompt]]
INSTALL = "pip install 'pytest-sdeval[sets]'"
LARGEST_FILE = 2**40
"""Bytes of a file of rows, which is never in memory as a whole."""
LARGEST_IMAGE = 2**26
"""Bytes of an image file that is copied."""
_ENDINGS = {b"\x89PNG\r\n\x1a\n": "png", b"\xff\xd8\xff": "jpg", b"RIFF": "webp"}
"""How files of images begin, and how their names end."""


def read_inpaint_coco(file: Path) -> Iterator[Prompt]:
    """InpaintCOCO: a caption, an image, a mask and the caption of what is to be painted, a row each."""
    images = {"image": "coco_image", "mask": "mask"}
    for row in _rows(file, ("concept", "coco_caption", "inpaint_caption"), images):
        yield Prompt(
            row.number,
            numbered(row.number),
            row.text("inpaint_caption"),
            {"concept": row.text("concept")},
            {"image_prompt": row.text("coco_caption")},
            row.images,
        )


def read_gedit(file: Path) -> Iterator[Prompt]:
    """GEdit-Bench: an instruction in English or Chinese and an image, a row each."""
    names = ("task_type", "key", "instruction", "instruction_language")
    # The image as it was given, and not the smaller one beside it.
    for row in _rows(file, names, {"image": "input_image_raw"}):
        fields = {"task_type": row.text("task_type"), "language": row.text("instruction_language")}
        key = "-".join((*fields.values(), row.text("key")))
        yield Prompt(row.number, key, row.text("instruction"), fields, {}, row.images)


def read_pie(file: Path) -> Iterator[Prompt]:
    """PIE-Bench: one JSON object, with instructions by id; images lie in the folder `annotation_images` beside it."""
    for number, (key, cells) in enumerate(_mapping(file).items(), 1):
        if not isinstance(cells, dict):
            raise FormatError(number, f"{preview(key)}: must be a JSON object, got {preview(cells)}")
        row = _Row(number, cells, {})
        place = PurePosixPath(row.text("image_path"))
        if place.is_absolute() or ".." in place.parts:
            raise FormatError(number, f"image_path: must lie in annotation_images, got {preview(str(place))}")
        kind = re.sub(r"^\d+_|_\d+$", "", place.parts[0])
        # Brackets mark the words that change.
        before, after = (row.text(name).translate(_NO_BRACKETS) for name in ("original_prompt", "editing_prompt"))
        instruction = cells.get("editing_instruction")
        prompt = instruction if isinstance(instruction, str) and instruction.strip() else after
        image = partial(_file_of, file.parent / "annotation_images" / place)
        yield Prompt(
            number, key, prompt, {"type": kind}, {"image_prompt": before, "edited_prompt": after}, {"image": image}
        )


_NO_BRACKETS = str.maketrans("", "", "[]")


def digest_of(file: Path) -> str:
    """The sha256 of a file of any size.

    Raises:
        SdevalError: it cannot be read.
    """
    with open_file(file, LARGEST_FILE) as stream:
        digest = hashlib.sha256()
        while block := stream.read(2**20):
            digest.update(block)
        return digest.hexdigest()


def ending_of(content: bytes, where: str) -> str:
    """How the name of an image file ends.

    Raises:
        SdevalError: the content is no PNG, JPEG or WebP.
    """
    for start, ending in _ENDINGS.items():
        if content.startswith(start):
            return ending
    raise SdevalError(f"{where}: is no PNG, JPEG or WebP: it begins with {preview(content[:8])}")


class _Row:
    """Cells of a row, and functions that give its images."""

    def __init__(self, number: int, cells: Mapping[str, Any], images: Mapping[str, Callable[[], bytes]]) -> None:
        self.number = number
        self.images = images
        self._cells = cells

    def text(self, name: str) -> str:
        """A cell that must not be empty."""
        value = self._cells.get(name)
        if not isinstance(value, str) or not value.strip():
            raise FormatError(self.number, f"row {self.number}: {name}: must be text, got {preview(value)}")
        return value.strip()


def _rows(file: Path, names: Sequence[str], images: Mapping[str, str]) -> Iterator[_Row]:
    """Rows of a Parquet or Arrow file, whose images are read when they are asked for.

    Args:
        file: of any size; only some columns are in memory.
        names: of columns of texts.
        images: columns of images by fields of a case.
    """
    table = _open(file)
    for name in (*names, *images.values()):
        if name not in table.names:
            raise FormatError(1, f"there is no column {name!r} among {preview(list(table.names))}")
    number = 0
    for group in range(table.groups):
        texts = [table.column(group, name) for name in names]
        for row in range(len(texts[0])):
            number += 1
            cells = {name: column[row].as_py() for name, column in zip(names, texts, strict=True)}
            places = {field: _Place(table, group, name, row, number) for field, name in images.items()}
            yield _Row(number, cells, {field: place.read for field, place in places.items()})


class _Table:
    """Columns of a file, group of rows by group of rows; the last ones are kept.

    Args:
        file: for messages.
        names: of its columns.
        groups: how many there are.
        read: gives a column of a group.
    """

    def __init__(self, file: Path, names: Sequence[str], groups: int, read: Callable[[int, str], Any]) -> None:
        self.file = file
        self.names = tuple(names)
        self.groups = groups
        self._read = lru_cache(maxsize=4)(read)

    def column(self, group: int, name: str) -> Any:
        """One column of a group of rows."""
        try:
            return self._read(group, name)
        # pyarrow raises many kinds of errors for a corrupt file.
        except Exception as error:
            raise FormatError(1, f"cannot be read: {first_line(error)}") from None


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an image is."""

    table: _Table
    group: int
    name: str
    row: int
    number: int
    """Of the row in the file, from 1 on."""

    def read(self) -> bytes:
        """The file of the image, as the hub keeps it in a cell."""
        where = f"{self.table.file}: row {self.number}: {self.name}"
        try:
            value = self.table.column(self.group, self.name)[self.row].as_py()
        except FormatError as error:
            raise SdevalError(f"{where}: {error}") from None
        content = value.get("bytes") if isinstance(value, dict) else None
        if not isinstance(content, bytes) or not content:
            raise SdevalError(f"{where}: holds no image")
        return content


def _file_of(path: Path) -> bytes:
    return read_bytes(path, LARGEST_IMAGE)


def _open(file: Path) -> _Table:
    is_arrow = file.suffix == ".arrow"
    try:
        import pyarrow as pa
        from pyarrow import parquet

        if is_arrow:
            table = pa.ipc.open_stream(pa.memory_map(str(file))).read_all()
            return _Table(file, table.schema.names, 1, lambda _, name: table.column(name))
        opened = parquet.ParquetFile(file)
        return _Table(
            file,
            opened.schema_arrow.names,
            opened.num_row_groups,
            lambda group, name: opened.read_row_group(group, columns=[name]).column(0),
        )
    except ImportError:
        raise SdevalError(f"{file}: reading Parquet and Arrow files takes pyarrow; {INSTALL}") from None
    except Exception as error:
        kind = "Arrow stream" if is_arrow else "Parquet file"
        raise FormatError(1, f"is no {kind}: {first_line(error)}") from None


def _mapping(file: Path) -> Mapping[str, Any]:
    try:
        content = parse_json(decode(read_bytes(file, LARGEST), file))
    except RecursionError:
        raise FormatError(1, TOO_DEEP) from None
    except ValueError as error:
        raise FormatError(getattr(error, "lineno", 1), f"not JSON: {getattr(error, 'msg', error)}") from None
    if not isinstance(content, dict):
        raise FormatError(1, f"must be a JSON object, got {preview(content)}")
    return content
