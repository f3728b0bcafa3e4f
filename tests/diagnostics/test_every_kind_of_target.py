"""`calibrate`, `sensitivity` and `doctor` on pipelines, programs, in another Python, and where a target is not here."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from sdeval import Case, Sample, SdevalError, load_cases
from sdeval.cli import main
from sdeval.config.target import Target
from sdeval.config.target_registry import shipped_targets
from sdeval.diagnostics.faults import FAULTS, plant_fault
from sdeval.diagnostics.faults.alteration import Alteration, AlteredEngine
from sdeval.diagnostics.sensitivity import select_faults
from sdeval.engines.callable_engine import OwnEngine
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.engines.engine import Engine
from sdeval.engines.generated import Generated
from sdeval.evaluation.timing import batch_size
from sdeval.imaging.io import pixel_hash
from sdeval.shapes import pipeline_folder
from tests.conftest import ROOT
from tests.generated import plan

PROGRAM = """
from PIL import Image, ImageDraw

def generate(case, seed):
    image = Image.new("RGB", (64, 64), "white")
    colour = next((word for word in case.prompt.split() if word in ("red", "green", "blue")), "grey")
    ImageDraw.Draw(image).ellipse((8 + seed % 7, 8, 48 + seed % 7, 48 + seed % 5), fill=colour)
    return image

class Engine:
    def load(self):
        self.loaded = True

    def generate(self, case, seed):
        assert self.loaded
        return generate(case, seed)

def fails(case, seed):
    raise RuntimeError("the session is\\ngone")

def leaves(case, seed):
    raise SystemExit(3)
"""
SUITE = """
from sdeval import Case, Suite

test_few = Suite(
    name="few",
    task="text2img",
    cases=[Case(id=colour, prompt=f"a large {colour} circle") for colour in ("red", "green", "blue")],
    seeds=(0,),
    metrics=("sharpness",),
    targets=("TARGET",),
    settings=SETTINGS,
)
"""
STEPS = '{"num_inference_steps": 2, "width": 64, "height": 64}'
KINDS = {
    "embedded": ("shapes", STEPS, []),
    "folder": ("./copy", STEPS, []),
    "function": ("python:program.py:generate", "{}", []),
    "class": ("python:program.py:Engine", "{}", []),
    "another Python": ("shapes", STEPS, ["--python", sys.executable]),
}


# The other Python loads everything once more.
MARKED = [pytest.param(name, marks=pytest.mark.slow if name == "another Python" else ()) for name in KINDS]


@pytest.fixture(params=MARKED, ids=list(KINDS))
def kind(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[str]]:
    """The text of a target, and further arguments; a project with a suite for it is the working directory."""
    target, settings, arguments = KINDS[request.param]
    write_project(tmp_path, target, settings)
    if target == "./copy":
        shutil.copytree(pipeline_folder(), tmp_path / "copy")
    monkeypatch.chdir(tmp_path)
    return target, arguments


def write_project(folder: Path, target: str, settings: str = "{}") -> None:
    (folder / "pyproject.toml").write_text("[tool.sdeval]\n", encoding="utf-8")
    (folder / "program.py").write_text(PROGRAM, encoding="utf-8")
    (folder / "test_few.py").write_text(SUITE.replace("TARGET", target).replace("SETTINGS", settings), encoding="utf-8")


def test_doctor(kind: tuple[str, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    target, arguments = kind
    assert main(["doctor", "--target", target, *arguments]) == 0
    assert [line[0] for line in capsys.readouterr().out.splitlines()[:3]] == ["✓"] * 3


def test_calibrate(kind: tuple[str, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "test_few.py", "--seed-sets", "3", *kind[1]]) == 0
    assert "sharpness" in capsys.readouterr().out
    assert len(list(Path("baselines", "few").glob("*.variability.json"))) == 1


def test_sensitivity(kind: tuple[str, list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    faults = ["--fault", "wrong-size", "--fault", "other-threads"]
    assert main(["sensitivity", "test_few.py", *faults, *kind[1]]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert any(line.startswith("✓ wrong-size clear") and line.endswith("broken by defect") for line in lines)
    assert any(line.startswith("✓ other-threads control 0.0 tolerances") for line in lines)


COMMANDS = (["doctor", "--target", "TARGET"], ["calibrate", "test_few.py"], ["sensitivity", "test_few.py"])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("sd15", "target sd15 needs an NVIDIA GPU, and this machine has none that CUDA can use"),
        ("some/model", "weights of some/model are not on this machine; get them with: hf download some/model"),
        ("python:program.py:fails", "RuntimeError: the session is"),
        (
            "python:program.py:nothing",
            "AttributeError: module 'sdeval_own_program' has no attribute",
        ),
        ("python:nowhere.py:generate", "cannot be imported: OSError: no such file"),
    ],
)
def test_what_cannot_generate_is_one_line(
    command: list[str],
    target: str,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_project(tmp_path, target)
    monkeypatch.chdir(tmp_path)
    assert main([part.replace("TARGET", target) for part in command]) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if line.startswith("sdeval: ")]
    assert len(error) == 1
    assert message in error[0]


FLAKY = """
def flaky(case, seed):
    if case.id in ("case-0", "blue"):
        raise RuntimeError("lost")
    return generate(case, seed)
"""


@pytest.mark.parametrize(
    ("command", "where"),
    [
        (COMMANDS[0], "target program-flaky: cannot generate an image: "),
        (COMMANDS[1], "few on program-flaky: blue, seed 0: has no image: "),
    ],
)
def test_an_image_that_cannot_be_generated_is_named(
    command: list[str], where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_project(tmp_path, target := "python:program.py:flaky")
    (tmp_path / "program.py").write_text(PROGRAM + FLAKY, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert main([part.replace("TARGET", target) for part in command]) == 2
    assert f"sdeval: {where}RuntimeError: lost" in capsys.readouterr().err


def test_a_suite_whose_target_is_not_here_is_skipped_and_the_others_are_calibrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_project(tmp_path, "python:program.py:generate")
    other = (tmp_path / "test_few.py").read_text().replace("python:program.py:generate", "sd15").replace("few", "other")
    with (tmp_path / "test_few.py").open("a") as file:
        file.write(other)
    monkeypatch.chdir(tmp_path)
    assert main(["calibrate", "test_few.py", "--seed-sets", "3"]) == 0
    assert "other on sd15 is skipped: target sd15 needs an NVIDIA GPU" in capsys.readouterr().err
    assert [path.parent.name for path in Path("baselines").rglob("*.variability.json")] == ["few"]


def test_a_fault_of_a_pipelines_inside_is_refused_for_a_program_with_those_that_fit() -> None:
    suite = plan().suite
    with pytest.raises(SdevalError, match="steps-2 is one of a diffusers pipeline; what can be planted here: prompts-"):
        select_faults(["steps-2"], suite, in_pipeline=False)
    everywhere = select_faults([], suite, in_pipeline=False)
    assert {"prompts-dropped", "seeds-ignored", "blur", "other-threads"} <= {fault.name for fault in everywhere}
    assert all(fault.around for fault in everywhere)


def test_a_fault_of_a_pipelines_inside_cannot_be_planted_around_another_engine(tmp_path: Path) -> None:
    message = "fault steps-2 is one of a diffusers pipeline, and own is none here"
    with pytest.raises(SdevalError, match=message), plant_fault(FAULTS["steps-2"], own(tmp_path), "text2img"):
        raise AssertionError("planted")


def own(folder: Path) -> OwnEngine:
    (folder / "program.py").write_text(PROGRAM, encoding="utf-8")
    return OwnEngine(Target(name="own", model=f"python:{folder / 'program.py'}:generate"))


@pytest.mark.parametrize(
    "name",
    [n for n, fault in FAULTS.items() if fault.around and not fault.needs_text and fault.tasks != ("edit",)],
)
def test_a_fault_around_an_engine_is_the_fault_in_the_pipeline(loaded: LoadedTarget, name: str) -> None:
    fault = FAULTS[name]
    task = fault.tasks[0]
    samples = [Sample(case, 1) for case in load_cases(ROOT / "suites" / "shapes" / f"{task}.yaml")[:4:3]]
    settings = {"num_inference_steps": 3, **({"width": 64, "height": 64} if task == "text2img" else {})}

    def images(engine: Engine) -> list[Generated]:
        # As many as it takes for one in ten to be among them.
        return [image for _ in range(5) for image in engine.generate(task, samples, settings)]

    with fault.plant(loaded.pipeline(task)):
        inside = images(loaded)
    assert fault.around is not None
    with fault.around(loaded) as engine:
        around = images(engine)
    assert [image.sample for image in around] == samples * 5
    assert [pixel_hash(image.image) for image in around] == [pixel_hash(image.image) for image in inside]


def test_an_engine_with_a_fault_says_what_the_sound_one_says(loaded: LoadedTarget, tmp_path: Path) -> None:
    engine = AlteredEngine(loaded, Alteration(), tmp_path)
    for name in ("target", "device", "batch_size", "load_seconds", "environment"):
        assert getattr(engine, name) == getattr(loaded, name)
    assert engine.describe("text2img") == loaded.describe("text2img")


def test_smaller_batches_are_generated_where_a_plan_asks_for_them(loaded: LoadedTarget) -> None:
    asked = plan()
    assert batch_size(asked, loaded) == shipped_targets()["shapes"].batch_size
    assert batch_size(replace(asked, target=replace(asked.target, batch_size=1)), loaded) == 1
    assert batch_size(replace(asked, target=replace(asked.target, batch_size=999)), loaded) == loaded.batch_size


@pytest.mark.parametrize("count", [1, 2])
def test_an_edit_that_is_missing_gives_the_first_input_image(tmp_path: Path, count: int) -> None:
    program = "from PIL import Image\n\n\ndef edit(case, seed):\n    return Image.new('RGB', (16, 16), 'black')\n"
    (tmp_path / "edits.py").write_text(program, encoding="utf-8")
    samples = []
    for name in ("red", "teal"):
        paths = tuple(tmp_path / f"{name}-{number}.png" for number in range(count))
        for path in paths:
            Image.new("RGB", (8, 8), name if path == paths[0] else "white").save(path)
        samples.append(Sample(Case(id=name, prompt="make it black", images=paths), 0))
    engine = OwnEngine(Target(name="own", model=f"python:{tmp_path / 'edits.py'}:edit"))
    with plant_fault(FAULTS["edit-missing"], engine, "edit") as faulty:
        images = [image.image for image in faulty.generate("edit", samples, {})]
    assert [image.getpixel((5, 5)) for image in images] == [(255, 0, 0), (0, 128, 128)]
    assert {image.size for image in images} == {(16, 16)}


def test_no_input_image_of_an_edit_arrives(tmp_path: Path) -> None:
    paths = tuple(tmp_path / f"{colour}.png" for colour in ("red", "teal"))
    for path in paths:
        Image.new("RGB", (16, 16), path.stem).save(path)
    program = "from PIL import Image\n\n\ndef edit(case, seed):\n    return Image.open(case.inputs[1])\n"
    (tmp_path / "edits.py").write_text(program, encoding="utf-8")
    engine = OwnEngine(Target(name="own", model=f"python:{tmp_path / 'edits.py'}:edit"))
    sample = Sample(Case(id="a", prompt="make it teal", images=paths), 0)
    with plant_fault(FAULTS["init-image-ignored"], engine, "edit") as faulty:
        (image,) = faulty.generate("edit", [sample], {})
    assert image.image.getpixel((0, 0)) == (128, 128, 128)
    assert image.sample == sample
