"""Adds the hooks of sdeval to a pytest run that turns out to have suites or settings."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from sdeval.config import target
from sdeval.config.options import Config, Options, read_table
from sdeval.plugin import collection, controller, image_checks, items, option_values
from sdeval.plugin.state import STATE, State, usage_errors


def activate(config: pytest.Config, root: Path, name: str, session: pytest.Session | None) -> None:
    """Read settings, and register what collects, runs and reports items.

    Args:
        config: of the run.
        root: of the project.
        name: of the session, where workers of pytest-xdist know it already.
        session: pytest's, where it has begun.

    Raises:
        pytest.UsageError: a setting is wrong.
    """
    with usage_errors():
        ci = bool(os.environ.get("CI"))
        settings = Config.merge(option_values(config), read_table(root), root, ci=ci, environment=os.environ)
        for text in settings.options.targets:
            # Once for all suites: each of them would say the same of a name that is wrong.
            target.find(text, settings.options.named)
        _check_devices(config, settings.options)
        if settings.export:
            from sdeval.exporters import check_names

            check_names(settings.export)
    config.stash[STATE] = State(config, settings, name)
    for hooks in (collection, items, image_checks, controller):
        config.pluginmanager.register(hooks, hooks.__name__)
    if session is not None:
        controller.pytest_sessionstart(session)


def _check_devices(config: pytest.Config, options: Options) -> None:
    """Refuse more workers of pytest-xdist than devices that are asked for, before any of them starts.

    Raises:
        SdevalError: there are more.
    """
    workers = config.getoption("numprocesses", default=None)
    # Of a cluster, each worker finds out by itself how much room there is.
    if options.executor.is_ray:
        return
    if options.devices.is_explicit and isinstance(workers, int) and workers > 0:
        from sdeval.executors.places import places_of

        places_of(replace(options, xdist=(0, workers)))


def state_of(config: pytest.Config) -> State:
    """What the plugin remembers of a run that is active."""
    return config.stash[STATE]
