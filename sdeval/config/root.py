"""Where a project is: one definition for pytest and for commands.

The root of a project holds its settings, its baselines and its sessions. It is the nearest folder with a
pyproject.toml, upwards from what pytest or a command is given; without one, the nearest with another file of pytest's
settings; without any, the current folder. pytest's own `rootdir` is another one where a pytest.ini lies further up.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

SETTINGS = "pyproject.toml"
OTHER_SETTINGS = ("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg")
OUTPUT = "reports"
"""Where sessions are written unless a project says otherwise, seen from its root."""
TARGETS = Path("suites") / "targets.toml"
"""Where a project keeps its targets, seen from its root."""


def find_root(given: Iterable[Path], current: Path) -> Path:
    """The root of the project that files and folders are in.

    Args:
        given: what pytest or a command was given; what does not exist does not count.
        current: the current folder, where nothing is given.
    """
    paths = [path.resolve() for path in (current / each for each in given) if path.exists()]
    start = Path(os.path.commonpath(paths)) if paths else current
    folders = (start, *start.parents)
    with_settings = (folder for folder in folders if (folder / SETTINGS).is_file())
    with_others = (folder for folder in folders if any((folder / name).is_file() for name in OTHER_SETTINGS))
    return next(with_settings, None) or next(with_others, current)
