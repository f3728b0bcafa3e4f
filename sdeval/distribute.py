"""How items spread over the workers of pytest-xdist."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from xdist.scheduler import LoadScopeScheduling


def by_target(config: Any, log: Any, targets: Collection[str]) -> LoadScopeScheduling:
    """A scheduler that keeps the items of one target on one worker; every other test goes for itself."""

    class ByTarget(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return scope(nodeid, targets)

    return ByTarget(config, log)


def scope(nodeid: str, targets: Collection[str]) -> str:
    """What a node id is kept together by.

    Example:
        >>> scope("suites/test_a.py::test_a[sd15-ddim-cat]", ["sd15", "sd15-ddim"])
        'sd15-ddim'
    """
    _, bracket, inside = nodeid.partition("[")
    matching = [name for name in targets if bracket and inside.startswith(f"{name}-")]
    return max(matching, key=len) if matching else nodeid
