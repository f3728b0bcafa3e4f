"""A project that generates without a model, and metrics that need no weights."""

from __future__ import annotations

import pytest

from benchmarks.torture.sessions import FILES

ITEMS = 9
"""Test items of its suite."""


def paint(pytester: pytest.Pytester, **edits: str) -> pytest.Pytester:
    """Write the project.

    Args:
        pytester: where to.
        edits: a text in its files, and what stands there instead, by any name.
    """
    for name, text in FILES.items():
        edited = text
        for edit in edits.values():
            old, new = edit.split(" => ")
            edited = edited.replace(old, new)
        (pytester.path / name).write_text(edited, encoding="utf-8")
    return pytester
