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
    from sdeval.diagnostics.faults import FAULTS
    from sdeval.engines.diffusers_engine import LoadedTarget

    sound = LoadedTarget.pipeline
    stack = ExitStack()
    planted: list[Any] = []

    def faulty(self: LoadedTarget, task: Any) -> Any:
        pipeline = sound(self, task)
        if task not in FAULTS[name].tasks:
            stack.close()
            planted.clear()
        elif not planted or planted[-1] is not pipeline:
            # Pipelines of one target share their parts: a fault must not be planted into them twice.
            stack.close()
            stack.enter_context(FAULTS[name].plant(pipeline))
            planted.append(pipeline)
        return pipeline

    LoadedTarget.pipeline = faulty  # type: ignore[method-assign]
    config.add_cleanup(stack.close)
