"""The command that generates one image of a session again."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sdeval._utils.files import parse_json, short
from sdeval.config import target as targets
from sdeval.config.discovery import find_suites
from sdeval.config.options import Options
from sdeval.config.root import find_root
from sdeval.config.suite import Suite
from sdeval.config.target import FIELDS, OWN, Target
from sdeval.errors import SdevalError
from sdeval.imaging.io import png_text
from sdeval.report.sample import SampleView
from sdeval.results import selected

OF_THE_SESSION = ("device", "batch_size", "timeout")
"""Fields of a target that say nothing of a single image."""
AS_REQUESTED = ("pipeline", "dtype", "scheduler", "attention")
"""Fields of which a run records what really ran; the file of an image says what was asked for."""


def generate_command(view: SampleView, root: Path, options: Options) -> str:
    """The command that generates a sample again, with the settings of its run that the project does not have itself.

    Args:
        view: the sample.
        root: of the project.
        options: those that a session of the project has.
    """
    if view.run.from_tests:
        return shlex.join(["pytest", _test_of(view)])
    suite = _suite_text(view, root)
    words = _options(view, suite, _find_suite(suite, root), options)
    return shlex.join(["sdeval", "generate", view.name, *words])


def _test_of(view: SampleView) -> str:
    """The ordinary test that brought an image; the first image of a test is called as the test is."""
    with suppress(SdevalError):
        case = view.sample.case
        items = [item for item in selected.read(view.session) if item.kind == "image"]
        matching = [item for item in items if case == item.name or case.startswith(f"{item.name}-")]
        if matching:
            return max(matching, key=lambda item: len(item.name)).nodeid
    return str(view.run.generated_by["model"]).removeprefix(OWN)


def complete_options(view: SampleView, root: Path, options: Options) -> list[str]:
    """What follows the name of a sample in such a command, with all settings of its run.

    Unlike `generate_command` it imports no suite, and generates the same image whatever becomes of the suite.

    Args:
        view: the sample.
        root: of the project.
        options: those that a session of the project has.
    """
    return _options(view, _suite_text(view, root), None, options)


def _options(view: SampleView, suite_text: str, suite: Suite | None, options: Options) -> list[str]:
    run = view.run
    target = run.target if run.target in options.named else str(run.generated_by.get("model", run.target))
    words = ["--suite", suite_text, "--target", target]
    for name, value in _changed(view, suite, _find_target(target, options)).items():
        words += ["--set", f"{name}={_setting(name, value)}"]
    return words


def _setting(name: str, value: Any) -> str:
    """A value as `--set` reads it."""
    is_read_as_it_is = isinstance(value, str) and targets.parse_settings([f"{name}={value}"]) == {name: value}
    return value if is_read_as_it_is else json.dumps(value, default=dict)


def _suite_text(view: SampleView, root: Path) -> str:
    """The suite by its name, or by its file where its name would not be found from the current folder."""
    run = view.run
    with suppress(SdevalError):
        key = (run.suite, run.target)
        nodeids = (item.nodeid for item in selected.read(view.session) if (item.suite, item.target) == key)
        file, _, rest = next(nodeids, "").partition("::")
        is_found = file.startswith("suites/") and find_root((), Path.cwd()) == root
        if file and not is_found and (root / file).is_file():
            return f"{short(root / file)}::{rest.partition('[')[0]}"
    return run.suite


def _find_suite(text: str, root: Path) -> Suite | None:
    try:
        return find_suites(text, root)[0]
    # Then all settings of the run are given.
    except SdevalError:
        return None


def _find_target(text: str, options: Options) -> Target | None:
    try:
        return targets.find(text, options.named).with_values(options.values)
    except SdevalError:
        return None


def _changed(view: SampleView, suite: Suite | None, target: Target | None) -> dict[str, Any]:
    """Fields of the target and settings of the run that differ from what suite and target have now."""
    recorded = _recorded_target(view)
    now = {**(suite.settings if suite else {}), **(target.settings if target else {})}
    fields = {
        name: getattr(recorded, name)
        for name in FIELDS
        if recorded and target and name not in OF_THE_SESSION and getattr(recorded, name) != getattr(target, name)
    }
    settings = {
        name: value for name, value in view.run.request["settings"].items() if name not in now or now[name] != value
    }
    strength = view.case.strength
    return {**fields, **settings, **({} if strength == _strength(view, suite, target) else {"strength": strength})}


def _strength(view: SampleView, suite: Suite | None, target: Target | None) -> Any:
    """The strength that the case has now, as `make_plan` puts it together."""
    case = next((case for case in suite.cases if case.id == view.sample.case), None) if suite else None
    values = (
        target.settings.get("strength") if target else None,
        case.strength if case else None,
        suite.settings.get("strength") if suite else None,
    )
    return next((value for value in values if value is not None), None)


def _recorded_target(view: SampleView) -> Target | None:
    """The target of a run as it was asked for; None where the run is of a version with other fields.

    Where the file of the image is gone, the scheduler that the model brings along is taken for one that was asked for;
    the class of a pipeline never is.
    """
    values = {**view.run.generated_by, "pipeline": None, **_requested(view)}
    try:
        return Target(name=view.run.target, **{name: values[name] for name in FIELDS if name in values})
    except SdevalError:
        return None


def _requested(view: SampleView) -> Mapping[str, Any]:
    """What the file of the image says that was asked of its target."""
    with suppress(SdevalError, ValueError, RecursionError, TypeError, KeyError):
        recorded = parse_json(png_text(view.compared.folder / view.sample.image, "sdeval"))["target"]
        return {name: recorded.get(name) for name in AS_REQUESTED} if isinstance(recorded, dict) else {}
    return {}
