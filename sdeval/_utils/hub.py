"""Folders of models, and the cache of the Hugging Face hub on this machine; nothing is ever downloaded."""

from __future__ import annotations

from pathlib import Path

from sdeval._utils.validation import preview
from sdeval.errors import SdevalError, first_line


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
