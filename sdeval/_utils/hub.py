"""Folders of models, and the cache of the Hugging Face hub on this machine; here nothing is ever downloaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sdeval._utils.validation import preview
from sdeval.errors import NotAvailable, SdevalError, first_line


@dataclass(frozen=True, slots=True)
class HubFiles:
    """Files of a repository of the hub."""

    repository: str
    patterns: tuple[tuple[str, ...], ...]
    """Of each, the first that any file fits names what is needed."""
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class HubCheckpoint:
    """A pipeline of diffusers on the hub: the parts that its index names, as safetensors."""

    repository: str
    revision: str | None = None
    variant: str | None = None


@dataclass(frozen=True, slots=True)
class WebFile:
    """A file of weights with a published digest."""

    address: str
    path: Path
    """Where it is looked for on this machine."""
    sha256: str


Source = HubFiles | HubCheckpoint | WebFile


class MissingWeights(NotAvailable):
    """Weights that are not on this machine, and where `sdeval fetch` gets them."""

    def __init__(self, message: str, source: Source) -> None:
        super().__init__(message)
        self.source = source


def cached_file(repository: str, file: str, revision: str | None = None) -> Path | None:
    """A file of a repository, if it is on this machine.

    Raises:
        SdevalError: there can be no such repository, on the hub or here.
    """
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        path = try_to_load_from_cache(repository, file, revision=revision)
    # OSError: a cache that may not be read; ValueError: a null byte.
    except (HFValidationError, OSError, ValueError) as error:
        raise SdevalError(
            f"{preview(repository)} is no folder here and no id of the hub, such as org/model: {first_line(error)}"
        ) from None
    return Path(path) if isinstance(path, str) else None


def local_folder(text: str) -> Path | None:
    """The folder that a text names; None where there is none.

    Raises:
        SdevalError: the text is no path: nobody's home, a name too long for a file, a null byte.
    """
    try:
        path = Path(text).expanduser()
        return path if text and path.is_dir() else None
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or first_line(error)
        raise SdevalError(f"{preview(text)} cannot be opened: {reason}") from None
