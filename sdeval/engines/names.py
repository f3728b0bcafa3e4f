"""Names that diffusers knows, read from its source: a wrong one is refused before anything heavy is imported.

Whether a name fits the model is found out later, by the pipeline itself; these are the names that fit none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from sdeval.config.target import FIELDS, Target
from sdeval.errors import SdevalError, unknown

LISTING = "sdeval targets --schedulers"
"""The command that prints all schedulers."""
_CALL = re.compile(r"    def __call__\(\n        self,\n(.*?)\n    \)", re.DOTALL)
_ARGUMENT = re.compile(r"^        (\w+)\s*[:=,]", re.MULTILINE)
_WITH_TORCHSDE = {"DPMSolverSDEScheduler", "CosineDPMSolverMultistepScheduler"}
"""Schedulers that need a package which is seldom there: no advice without it."""
_SCHEDULER = re.compile(r"^class (\w+Scheduler)\(", re.MULTILINE)


def check_names(target: Target, settings: Iterable[str]) -> None:
    """Refuse a scheduler and arguments of the pipeline call that no pipeline of diffusers has.

    Args:
        target: its scheduler and its settings are looked at, where diffusers generates.
        settings: arguments that a suite states.

    Raises:
        SdevalError: one is unknown; lists the near matches.
    """
    if not target.is_pipeline:
        return
    arguments = call_arguments()
    for name in (*settings, *target.settings):
        if arguments and name not in arguments:
            raise SdevalError(f"target {target.name}: {unknown('setting', name, {*arguments, *FIELDS})}")
    schedulers = scheduler_names()
    if target.scheduler and schedulers and target.scheduler not in schedulers:
        usable = schedulers if find_spec("torchsde") else schedulers - _WITH_TORCHSDE
        raise SdevalError(f"target {target.name}: {unknown('scheduler', target.scheduler, usable, LISTING)}")


@cache
def call_arguments() -> frozenset[str]:
    """Arguments of `__call__` of all pipelines; empty where the source is not there to be read."""
    calls = (match[1] for text in _texts("pipelines/**/*.py") for match in _CALL.finditer(text))
    return frozenset(name for call in calls for name in _ARGUMENT.findall(call))


@cache
def scheduler_names() -> frozenset[str]:
    """Classes of schedulers; empty where the source is not there to be read."""
    return frozenset(name for text in _texts("schedulers/**/*.py") for name in _SCHEDULER.findall(text))


def _texts(pattern: str) -> Iterable[str]:
    # Where the package lies is known without importing it.
    spec = find_spec("diffusers")
    for root in (spec.submodule_search_locations or ()) if spec else ():
        for path in Path(root).glob(pattern):
            yield path.read_text(encoding="utf-8", errors="replace")
