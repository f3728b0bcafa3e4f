"""How items spread over the workers of pytest-xdist."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from xdist.scheduler import LoadScheduling, LoadScopeScheduling

from sdeval.config.suite import SPEEDS


class Deferred:
    """The scheduler that pytest-xdist would take, and another one from when a worker has found suites.

    Args:
        config: of the run.
        log: of pytest-xdist.
        targets: names of targets, where there are suites; None where none is found so far.
    """

    def __init__(self, config: Any, log: Any, targets: Callable[[], Collection[str] | None]) -> None:
        self._config, self._log, self._targets = config, log, targets
        self._scheduler: Any = LoadScheduling(config, log)
        self._is_decided = False

    def add_node_collection(self, node: Any, collection: Any) -> None:
        """Take note of what a worker has collected; the first to have collected decides."""
        names = None if self._is_decided else self._targets()
        self._is_decided = True
        if names is not None:
            nodes, self._scheduler = self._scheduler.nodes, by_target(self._config, self._log, names)
            for other in nodes:
                self._scheduler.add_node(other)
        self._scheduler.add_node_collection(node, collection)

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        """That of the scheduler, whose name pytest-xdist prints."""
        return type(self._scheduler)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scheduler, name)


def by_target(config: Any, log: Any, targets: Collection[str]) -> LoadScopeScheduling:
    """A scheduler that keeps the items of one target on one worker; every other test is scheduled on its own."""
    names = set(targets)

    class ByTarget(LoadScopeScheduling):
        def add_node_collection(self, node: Any, collection: Any) -> None:
            super().add_node_collection(node, collection)
            names.update(declared(collection))

        def _split_scope(self, nodeid: str) -> str:
            return scope(nodeid, names)

        def remove_node(self, node: Any) -> str | None:
            """Take the items of a worker that crashed to others, but for the one that it ran; return that one."""
            units = self.assigned_work.get(node, {}).values()
            for unit in units:
                for nodeid, completed in unit.items():
                    if not completed:
                        unit[nodeid] = True
                        super().remove_node(node)
                        return str(nodeid)
            crashed: str | None = super().remove_node(node)
            return crashed

    return ByTarget(config, log)


def declared(nodeids: Iterable[str]) -> set[str]:
    """Names of the targets that suites declare, taken from the ids of their speed items."""
    ends = [f"-{name}]" for name in SPEEDS]
    return {nodeid.partition("[")[2].removesuffix(end) for nodeid in nodeids for end in ends if nodeid.endswith(end)}


def scope(nodeid: str, targets: Collection[str]) -> str:
    """The group of a node id: its target, or the id itself where it has none.

    Example:
        >>> scope("suites/test_a.py::test_a[sd15-ddim-cat]", ["sd15", "sd15-ddim"])
        'sd15-ddim'
    """
    _, bracket, inside = nodeid.partition("[")
    matching = [name for name in targets if bracket and inside.startswith(f"{name}-")]
    return max(matching, key=len) if matching else nodeid
