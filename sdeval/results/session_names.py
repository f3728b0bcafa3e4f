"""Names of sessions, which sort by time, and of what shows that one has items; nothing heavy is imported for them."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

SELECTED = "selected.json"
"""In the folder of a session: its test items."""
_NAME = re.compile(r"2\d{7}-\d{6}-[0-9a-f]{4}")


def new_name(output: Path | None = None) -> str:
    """A name that sorts by time and never clashes: `20261121-141503-9f2c`, in UTC.

    Args:
        output: the folder of earlier sessions. The name sorts after theirs, even where the clock was set back.
    """
    latest = datetime.now(UTC)
    for session in sessions(output) if output else ():
        latest = max(latest, moment(session) + timedelta(seconds=1))
    return f"{latest:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def sessions(output: Path) -> list[Path]:
    """Folders of sessions by their names, the earliest first."""
    return sorted(path for path in output.glob("*/") if _NAME.fullmatch(path.name) and not path.is_symlink())


def moment(session: Path) -> datetime:
    """When a session began, by its name."""
    try:
        return datetime.strptime(session.name[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)
    # Eight digits need not be a day.
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
