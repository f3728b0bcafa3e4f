"""Which store a project names for the full-size images of its baselines, and where this machine caches them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdeval.errors import SdevalError

CACHE = "SDEVAL_CACHE"
"""Environment variable: the folder of caches on this machine."""


def default_cache() -> Path:
    """The folder of caches, unless a project names one."""
    return Path(os.environ.get(CACHE) or Path("~/.cache/sdeval")).expanduser()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """Where full-size images of baselines lie."""

    url: str = ""
    """A URL of fsspec, or the path of a folder; empty for the folder beside the baselines."""
    cache: Path = field(default_factory=default_cache)
    """Where this machine keeps what came from elsewhere."""

    @property
    def is_folder(self) -> bool:
        """Whether the store is a folder of this machine."""
        return bool(self.url) and "://" not in self.url

    @classmethod
    def from_table(cls, table: Mapping[str, Any], root: Path) -> StoreOptions:
        """As `[tool.sdeval]` says; the environment takes precedence over its `cache`.

        Args:
            table: with `store` and `cache`, if they are there.
            root: of the project, which paths are relative to.

        Raises:
            SdevalError: a value is empty.
        """
        for name in ("store", "cache"):
            if name in table and not table[name].strip():
                raise SdevalError(f"[tool.sdeval] {name}: is empty; leave it out for the default")
        options = cls(url=_located(table.get("store", ""), root))
        if "cache" in table and not os.environ.get(CACHE):
            options = cls(url=options.url, cache=root / Path(table["cache"]).expanduser())
        return options


def _located(url: str, root: Path) -> str:
    """A URL as it is; a folder, also one that is written as a URL, as an absolute path."""
    for beginning in ("file://", "local://", "file:"):
        if url.startswith(beginning):
            url = url.removeprefix(beginning)
            break
    if not url or "://" in url:
        return url
    return str((root / Path(url).expanduser()).absolute())
