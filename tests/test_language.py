"""The field's own words: those of a private dialect are not used any more, wherever somebody reads."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT

GONE = {
    "picture": "image",
    "pictures": "images",
    "drawn": "generated",
    "draws": "generates",
    "redrawn": "generated again",
    "held against": "compared with",
    "told, not judged": "reported only",
    "damaged": "corrupt",
    "stands twice": "is there twice",
    "anew": "again",
    "beside its baseline": "compared with its baseline",
    "speed figure": "speed",
    "fell far": "collapsed, or lost much",
    "a desk": "a local machine",
    "sick": "broken",
    "times its noise": "× seed variability",
    "drawn again alone": "batch_consistency",
}
"""Words that are no longer used, and what is said instead."""
WORDS = re.compile(rf"\b({'|'.join(map(re.escape, sorted(GONE, key=len, reverse=True)))})\b", re.IGNORECASE)
READ = ("*.py", "*.md", "*.html", "*.js", "*.css", "*.toml")
PLACES = ("sdeval", "tools", "docs", "README.md", "CONTRIBUTING.md", "suites")
ALLOWED = {"sdeval/results/upgrade.py"}
"""Knows the names of schema 1."""


@pytest.mark.parametrize("place", PLACES)
def test_no_word_needs_translating(place: str) -> None:
    root = ROOT / place
    paths = [path for pattern in READ for path in sorted(root.rglob(pattern))] if root.is_dir() else [root]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]!r}; say {GONE[match[0].lower()]!r}"
        for path in paths
        if str(path.relative_to(ROOT)) not in ALLOWED
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for match in WORDS.finditer(line)
    ]
    assert found == []
