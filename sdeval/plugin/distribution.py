"""How items spread over the workers of pytest-xdist.

Two workers never evaluate one suite on one target: they would generate the same images into the same folder.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from xdist.scheduler import LoadGroupScheduling, LoadScheduling, LoadScopeScheduling, WorkStealingScheduling

from sdeval.config.suite import SPEEDS

BY_ITEM = {"load": LoadScheduling, "worksteal": WorkStealingScheduling, "loadgroup": LoadGroupScheduling}
"""Schedulers of pytest-xdist that may spread the items of one module over workers, by the value of `--dist`."""


class Deferred:
    """The scheduler that pytest-xdist would take, and another one from when a worker has found suites.

    Args:
        config: of the run.
        log: of pytest-xdist.
        targets: names of targets, where there are suites; None where none is found so far.
    """

    def __init__(self, config: Any, log: Any, targets: Callable[[], Collection[str] | None]) -> None:
        self._config, self._log, self._targets = config, log, targets
        self._scheduler: Any = BY_ITEM[config.getoption("dist")](config, log)
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
    """A scheduler that keeps the items of one target on one worker; others stay with their `xdist_group`."""
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
    ends = [f"-{name}" for name in SPEEDS]
    ids = [_inside(nodeid) for nodeid in nodeids]
    return {inside.removesuffix(end) for inside in ids for end in ends if inside.endswith(end)}


def scope(nodeid: str, targets: Collection[str]) -> str:
    """The group of a node id: its target; where it has none its `xdist_group`, or the id itself.

    Example:
        >>> scope("suites/test_a.py::test_a[sd15-ddim-cat]", ["sd15", "sd15-ddim"])
        'sd15-ddim'
    """
    inside = _inside(nodeid)
    matching = [name for name in targets if inside.startswith(f"{name}-")]
    group = nodeid.rpartition("@")[2] if nodeid.rfind("@") > nodeid.rfind("]") else nodeid
    return max(matching, key=len) if matching else group


def _inside(nodeid: str) -> str:
    """What stands in the brackets of a node id, which pytest-xdist ends with `@GROUP` for `--dist loadgroup`."""
    return nodeid.partition("[")[2].rpartition("]")[0]
