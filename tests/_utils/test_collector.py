"""Imports and computations without the garbage collector."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator

import pytest

from sdeval._utils.collector import heavy_imports, paused_collector


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_nothing_is_collected_while_a_module_is_imported_and_what_it_made_is_left_out_later() -> None:
    gc.unfreeze()
    with heavy_imports("not.imported.yet"):
        assert not gc.isenabled()
        made = [[number] for number in range(1000)]
    assert gc.isenabled()
    assert gc.get_freeze_count() > len(made)


def test_what_is_imported_already_changes_nothing() -> None:
    gc.unfreeze()
    with heavy_imports(json.__name__):
        assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_a_collector_that_somebody_has_switched_off_stays_off() -> None:
    gc.disable()
    with heavy_imports("not.imported.yet"):
        pass
    assert not gc.isenabled()


def test_an_import_that_fails_leaves_the_collector_on() -> None:
    with pytest.raises(ImportError), heavy_imports("not.imported.yet"):
        raise ImportError("no such library")
    assert gc.isenabled()


def test_a_computation_is_not_interrupted_and_the_collector_is_on_afterwards() -> None:
    @paused_collector()
    def compute() -> bool:
        return gc.isenabled()

    assert not compute()
    assert gc.isenabled()


def test_a_computation_within_another_leaves_the_collector_off() -> None:
    with paused_collector():
        with paused_collector():
            pass
        assert not gc.isenabled()
