"""Images that a case brings along, as pages show them beside what was generated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sdeval.errors import SdevalError
from sdeval.imaging.io import painted_share
from sdeval.results.records import CaseRecord


@dataclass(frozen=True, slots=True)
class Input:
    """One of them."""

    label: str
    source: str
    """Of the image; never empty."""


def files_of(record: CaseRecord, task: str) -> dict[str, str]:
    """Files in the folder of a run, by what they are; several input images of an edit are numbered."""
    name = "input image" if task == "edit" else "init image"
    images = {
        f"{name} {number}" if len(record.inputs) > 1 else name: file for number, file in enumerate(record.inputs, 1)
    }
    files = {
        **images,
        "mask": record.mask,
        "control image": record.control_image,
        "reference image": record.reference_image,
    }
    return {label: file for label, file in files.items() if file}


def inputs_of(record: CaseRecord, task: str, folder: Path, source: Callable[[str], str]) -> tuple[Input, ...]:
    """The images of a case that are there.

    Args:
        record: what was asked of the case.
        task: of its suite.
        folder: of the run.
        source: names a file of the run as the `src` of an image; empty where it is gone.
    """
    sources = {label: source(file) for label, file in files_of(record, task).items()}
    share = painted(folder / record.mask) if record.mask else ""
    mask = {"mask": f"mask: {share}% is painted"} if share else {}
    return tuple(Input(mask.get(label, label), address) for label, address in sources.items() if address)


def painted(mask: Path) -> str:
    """The share of a mask that is painted again, in percent; empty where it cannot be read."""
    try:
        return f"{100 * painted_share(mask):.1f}"
    # A corrupt mask shows as one; the page does not fail by it.
    except SdevalError:
        return ""
