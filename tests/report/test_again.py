"""The command that generates one image of a session again."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sdeval._utils.files import write_bytes
from sdeval.cli import main
from sdeval.config.options import Options
from sdeval.config.target import Target
from sdeval.imaging.io import png_bytes
from sdeval.report.again import generate_command
from sdeval.report.sample import find_sample
from sdeval.results import selected
from sdeval.results.records import CaseRecord
from sdeval.results.run import Run
from sdeval.results.selected import SelectedItem
from tests.baselines.test_store import on_disk
from tests.conftest import IMAGES, ROOT, make_run

SUITE = """
from sdeval import Case, Suite

test_animals = Suite(
    name="animals", task="text2img", targets=("tiny",), settings={"num_inference_steps": 20, "guidance_scale": 4},
    cases=(Case(id="case-0", prompt="prompt 0"),),
)
"""
TINY = Target(name="tiny", model="org/tiny")
OPTIONS = Options(named={"tiny": TINY})
GENERATED_BY = {**TINY.describe(), "scheduler": "DDIMScheduler", "device": "cpu"}
SETTINGS = {"num_inference_steps": 20, "guidance_scale": 4}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the suite of the runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "test_animals.py").write_text(SUITE, encoding="utf-8")
    return tmp_path


def run_of(settings: Mapping[str, Any] = SETTINGS, **changes: Any) -> Run:
    run = make_run(np.array([[30.0]]), generated_by={**GENERATED_BY, **changes})
    return replace(run, request={**run.request, "settings": dict(settings)})


def command_of(run: Run, project: Path, requested: Mapping[str, Any] | None = None, options: Options = OPTIONS) -> str:
    """The command for a sample of a run; without what was requested, the file of its image says nothing of it."""
    folder = on_disk(run, project / "reports" / "one" / run.suite / run.target)
    if requested is not None:
        texts = {"sdeval": f'{{"target": {requested}}}'.replace("'", '"').replace("None", "null")}
        (sample,) = run.samples
        write_bytes(folder / sample.image, png_bytes(IMAGES[sample.sha256], texts))
    return generate_command(find_sample(project / "reports" / "one", "case-0@0"), project, options)


PLAIN = "sdeval generate case-0@0 --suite animals --target tiny"
UNSET = {"dtype": "float32", "scheduler": None}


def test_what_the_project_has_itself_is_left_out(project: Path) -> None:
    assert command_of(run_of(), project, UNSET) == PLAIN


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({**SETTINGS, "num_inference_steps": 2}, "--set num_inference_steps=2"),
        ({**SETTINGS, "output_type": "np"}, "--set output_type=np"),
        ({**SETTINGS, "output_type": "1"}, "--set 'output_type=\"1\"'"),
        ({**SETTINGS, "sigmas": [0.5, 1]}, "--set 'sigmas=[0.5, 1]'"),
        ({**SETTINGS, "clip_skip": None}, "--set clip_skip=null"),
    ],
)
def test_settings_of_the_session_are_given(project: Path, settings: Mapping[str, Any], words: str) -> None:
    assert command_of(run_of(settings), project, UNSET) == f"{PLAIN} {words}"


@pytest.mark.parametrize(
    ("fields", "requested", "words"),
    [
        ({"dtype": "bfloat16"}, {"dtype": "bfloat16", "scheduler": None}, "--set dtype=bfloat16"),
        ({}, {"dtype": "float32", "scheduler": "DDIMScheduler"}, "--set scheduler=DDIMScheduler"),
        ({"vae_tiling": True}, UNSET, "--set vae_tiling=true"),
        ({"loras": {"a": 0.5}}, UNSET, "--set 'loras={\"a\": 0.5}'"),
        ({"batch_size": 1}, UNSET, ""),
    ],
)
def test_fields_of_the_target_of_the_session_are_given(
    project: Path, fields: Mapping[str, Any], requested: Mapping[str, Any], words: str
) -> None:
    assert command_of(run_of(**fields), project, requested) == f"{PLAIN} {words}".rstrip()


def test_a_field_that_the_target_was_given_since_is_taken_back(project: Path) -> None:
    options = Options(named={"tiny": replace(TINY, vae_tiling=True, scheduler="DDIMScheduler")})
    words = "--set scheduler=null --set vae_tiling=false"
    assert command_of(run_of(), project, UNSET, options) == f"{PLAIN} {words}"


def test_where_the_image_is_gone_the_scheduler_that_ran_is_named(project: Path) -> None:
    assert command_of(run_of(), project) == f"{PLAIN} --set scheduler=DDIMScheduler"


def test_the_strength_of_the_session_is_given(project: Path) -> None:
    run = replace(run_of(), cases={"case-0": CaseRecord(case="case-0", strength=0.4)})
    assert command_of(run, project, UNSET) == f"{PLAIN} --set strength=0.4"


def test_a_target_that_has_no_name_is_named_by_its_model(project: Path) -> None:
    assert command_of(run_of(), project, UNSET, Options()) == PLAIN.replace("tiny", "org/tiny")


def test_without_its_suite_all_settings_are_given(project: Path) -> None:
    (project / "suites" / "test_animals.py").unlink()
    settings = "--set guidance_scale=4 --set num_inference_steps=20"
    assert command_of(run_of(), project, UNSET) == f"{PLAIN} {settings}"


def test_a_suite_that_lies_elsewhere_is_named_by_its_file(project: Path) -> None:
    (project / "suites").rename(project / "checks")
    nodeid = "checks/test_animals.py::test_animals[tiny-case-0]"
    item = SelectedItem(nodeid=nodeid, suite="animals", target="tiny", kind="case", name="case-0")
    selected.write([item], project / "reports" / "one")
    assert "--suite checks/test_animals.py::test_animals --target" in command_of(run_of(), project, UNSET)


INPAINTING = """
from pathlib import Path
from sdeval import Suite, load_cases

SHAPES = Path({root!r}) / "suites" / "shapes"
test_painted = Suite(
    name="painted", task="inpainting", cases=load_cases(SHAPES / "inpainting.yaml")[:1], seeds=(3,), metrics=(),
    settings={{"num_inference_steps": 2, "strength": 0.9}},
)
"""


@pytest.mark.slow
def test_the_command_of_an_inpainted_image_gives_the_same_image(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.cli.project import run_session

    (project / "suites" / "test_painted.py").write_text(INPAINTING.format(root=str(ROOT)), encoding="utf-8")
    (project / "suites" / "test_animals.py").unlink()
    run_session(project, "one", "strength=0.7", "scheduler=DDPMScheduler", "batch_size=1")
    assert main(["show", "large-blue-triangle-on-green@3"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    places = [line.split()[-1] for line in lines if line.startswith(("init image", "mask", "image "))]
    assert len([place for place in places if Path(place).is_file()]) == 3
    command = last.removeprefix("generate it again: ")
    assert command.endswith("--target shapes --set scheduler=DDPMScheduler --set strength=0.7")
    assert main(shlex.split(command)[1:]) == 0
    assert "latest session: identical, to the last bit (one)" in capsys.readouterr().out
