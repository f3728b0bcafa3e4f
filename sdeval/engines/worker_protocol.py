"""What this process and the worker in another Python say to each other: lines of text, each with JSON in it.

    to the worker       {"open": {…}, "folder": "…", "sdeval": "…"}
    from the worker     sdeval-worker answer 1 {"batch_size": 8, "environment": {…}}
                        sdeval-worker error 2 TypeError: …

The worker speaks first: line 0 is a `Hello`. Answers bear the number of their request. Whatever else comes on the same
way is noise of other programs. Images go through a folder, under names that this process chooses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sdeval._utils.validation import Checked, Extensible, Plain
from sdeval.engines.generated import Stages

VERSION = 3
"""Of what is said here; it changes with every message."""


def answer_prefix(number: int) -> str:
    """How the line begins that answers a request."""
    return f"sdeval-worker answer {number} "


def error_prefix(number: int) -> str:
    """How the line begins that says why a request failed."""
    return f"sdeval-worker error {number} "


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello(Extensible):
    """The first line, readable in all versions."""

    protocol: int
    sdeval: str = ""
    """Version of sdeval, where the worker is of an installation of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(Checked):
    """A target is ready."""

    batch_size: int
    environment: Mapping[str, Plain]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description(Checked):
    """What really runs."""

    generated_by: Mapping[str, Plain]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread(Checked):
    """What the pipeline does not read of texts that are too long for it."""

    parts: Mapping[str, str]
    """By text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts(Checked):
    """What `Generated` holds besides sample and image."""

    finite: bool
    flagged: bool | None
    seconds: float
    stages: Stages | None
    warming: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch(Checked):
    """Images of a batch lie in the folder."""

    images: tuple[ImageFacts, ...]
    load_seconds: float
