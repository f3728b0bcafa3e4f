"""Names that become names of files: of suites, targets and cases, on any system that a baseline is checked out on."""

from __future__ import annotations

LONGEST_NAME = 100
"""Characters; with a seed and an ending it stays a name that every file system takes."""
RESERVED = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)))
)
"""Devices of Windows: no file or folder can be called so there, whatever its ending."""


def naming_problem(name: str) -> str:
    """Why no file can have a name; empty where it can.

    Example:
        >>> naming_problem("nul")
        'is a reserved name on Windows, where no file can be called so; choose another one'
    """
    if len(name) > LONGEST_NAME:
        return f"has {len(name)} characters; files are called so, and at most {LONGEST_NAME} are allowed"
    if name.partition(".")[0].lower() in RESERVED:
        return "is a reserved name on Windows, where no file can be called so; choose another one"
    return ""
