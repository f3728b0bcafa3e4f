"""What probes found out, kept in the user's cache: a server of the same version and model is not probed again."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sdeval._utils.files import read_text, write_text
from sdeval._utils.validation import from_json
from sdeval.config.image_store import default_cache
from sdeval.engines.servers.probe import Findings
from sdeval.errors import CannotWrite, SdevalError

DAY = 24 * 3600
"""Seconds for which the findings of a server count that does not tell its version."""


def path_of(facts: Mapping[str, Any]) -> Path:
    """The file of what was found out under these circumstances."""
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()
    return default_cache() / "servers" / f"{digest[:32]}.json"


def recall(path: Path, *, has_version: bool) -> Findings | None:
    """What was found out before, if it still counts; a corrupt file is nothing."""
    try:
        if not has_version and time.time() - path.stat().st_mtime > DAY:
            return None
        return from_json(Findings, read_text(path), str(path))
    except (OSError, SdevalError):
        return None


def keep(path: Path, findings: Findings) -> None:
    """Write it down; without a place to write, the next session probes again."""
    with suppress(CannotWrite):
        write_text(path, json.dumps(asdict(findings)) + "\n")
