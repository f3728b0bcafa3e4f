"""A pytest plugin that plants a fault: `pytest suites -p tests.end_to_end.plant --plant NAME`."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--plant", default=None, help="name of the fault")


def pytest_configure(config: pytest.Config) -> None:
    name = config.getoption("plant")
    if name is None:
        return
    from sdeval.faults import FAULTS
    from sdeval.pipelines.load import LoadedTarget

    sound = LoadedTarget.pipeline
    planted: dict[int, Any] = {}
    stack = ExitStack()

    def faulty(self: LoadedTarget, task: Any) -> Any:
        pipeline = sound(self, task)
        if id(pipeline) not in planted:
            planted[id(pipeline)] = pipeline
            stack.enter_context(FAULTS[name](pipeline))
        return pipeline

    LoadedTarget.pipeline = faulty  # type: ignore[method-assign]
    config.add_cleanup(stack.close)
