"""Names read from the source of diffusers are those that it has once it is imported."""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sdeval import SdevalError, Target
from sdeval.engines.names import call_arguments, check_names, scheduler_names
from tests.conftest import ROOT

TARGET = Target(name="ours", model="org/model")


def test_schedulers_are_those_that_diffusers_has() -> None:
    from diffusers.schedulers import KarrasDiffusionSchedulers

    assert scheduler_names() >= {each.name for each in KarrasDiffusionSchedulers}


def test_no_argument_of_any_pipeline_is_left_out() -> None:
    """Against a parser of Python, which takes too long for a start-up."""
    (root,) = importlib.util.find_spec("diffusers").submodule_search_locations
    arguments = {
        argument.arg
        for path in Path(root, "pipelines").rglob("*.py")
        for kind in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(kind, ast.ClassDef) and kind.name.endswith("Pipeline")
        for method in kind.body
        if isinstance(method, ast.FunctionDef) and method.name == "__call__"
        for argument in (*method.args.args, *method.args.kwonlyargs)
    }
    assert len(arguments) > 300
    assert arguments - call_arguments() <= {"self"}


@pytest.mark.parametrize(
    "name",
    ["StableDiffusionPipeline", "StableDiffusionXLImg2ImgPipeline", "FluxInpaintPipeline", "KandinskyV22Pipeline"],
)
def test_arguments_are_those_of_the_pipelines(name: str) -> None:
    import diffusers

    from sdeval.engines.diffusers_engine import known_settings

    assert set(known_settings(getattr(diffusers, name))) <= call_arguments()


def test_a_setting_that_no_pipeline_has_gets_its_near_match() -> None:
    with pytest.raises(SdevalError, match="target ours: unknown setting 'guidanse_scale'; did you mean guidance_scale"):
        check_names(replace(TARGET, settings={"guidanse_scale": 1}), [])
    with pytest.raises(SdevalError, match="unknown setting 'num_steps'"):
        check_names(TARGET, ["num_steps"])


def test_a_scheduler_that_nobody_has_gets_its_near_match() -> None:
    with pytest.raises(SdevalError, match="unknown scheduler 'DPMSolver'; did you mean DPMSolverMultistepScheduler"):
        check_names(replace(TARGET, scheduler="DPMSolver"), [])


def test_a_program_of_ones_own_may_have_any_setting() -> None:
    check_names(Target(name="own", model="python:engine.py:generate", settings={"whatever": 1}), ["more"])


def test_nothing_heavy_is_imported_for_a_wrong_setting() -> None:
    code = (
        "import pytest, sys; code = pytest.main(['suites/test_shapes.py', '--sdeval-set', 'guidanse_scale=1', '-q',"
        " '-p', 'no:cacheprovider']); print('HAVE', int(code), *({'torch', 'diffusers'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stdout.splitlines()[-1] == "HAVE 4"
    assert "did you mean guidance_scale" in done.stderr
