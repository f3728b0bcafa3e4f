"""The worker generates in environments of old versions, in which nothing was installed for it.

The environment that is made here has the torch of the tests, and diffusers and transformers of 2024. Others, such as
one of Python 3.10, can be named in `SDEVAL_OLD_PYTHONS`, separated as in PATH.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import distribution, version
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from sdeval import Case, SdevalError, Target
from sdeval.config.case import Sample, Task
from sdeval.config.target_registry import shipped_targets
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.engines.subprocess_engine import RemoteEngine
from sdeval.engines.worker_process import START
from sdeval.results.session_folder import read_run
from tests.conftest import ROOT
from tests.families import save
from tests.packages import install
from tools.earlier_format import convert

pytestmark = pytest.mark.slow

OLD = ("diffusers==0.31.0", "transformers==4.46.3", "tokenizers==0.20.3", "huggingface_hub==0.26.5")
"""The versions of October and November 2024."""
REUSED = ("torch", "numpy", "pillow", "safetensors", "tqdm", "pyyaml", "regex", "requests", "packaging")
"""Packages of the tests' environment that are linked into the old one, with what torch needs."""
TASKS: tuple[Task, ...] = ("text2img", "img2img", "inpainting")
SETTINGS = {"num_inference_steps": 4, "width": 64, "height": 64}
SAME = 1
"""Levels by which images of different versions may differ where they compute the same."""


def python_of(folder: Path) -> Path:
    return folder / "bin" / "python"


def link(site: Path, names: tuple[str, ...]) -> None:
    """Put packages of this environment, and all that they need here, into another one."""
    waiting, linked = list(names), set()
    while waiting:
        name = waiting.pop()
        linked.add(name)
        package = distribution(name)
        for top in {file.parts[0] for file in package.files or () if file.parts[0] not in ("..", "__pycache__")}:
            if not (site / top).exists():
                (site / top).symlink_to(package.locate_file(top))  # type: ignore[arg-type]
        for requirement in package.requires or ():
            needed = re.match(r"[\w.-]+", requirement)
            if needed and "extra ==" not in requirement and needed[0] not in linked and is_installed(needed[0]):
                waiting.append(needed[0])


def is_installed(name: str) -> bool:
    try:
        distribution(name)
    except ModuleNotFoundError:
        return False
    return True


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment of 2024."""
    folder = tmp_path_factory.mktemp("old") / "environment"
    venv.create(folder, symlinks=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    install(site, *OLD)
    link(site, REUSED)
    return python_of(folder)


@pytest.fixture(params=["made", *filter(None, os.environ.get("SDEVAL_OLD_PYTHONS", "").split(os.pathsep))])
def old(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The Python of an old environment, which finds nothing of this one."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.chdir("/")
    return request.getfixturevalue("made") if request.param == "made" else Path(request.param)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Stable Diffusion with random weights, in files as they were written in 2024 or before."""
    folder = save("sd1", tmp_path_factory.mktemp("sd1") / "sd1")
    convert(folder)
    file = folder / "text_encoder" / "model.safetensors"
    positions = {"text_model.embeddings.position_ids": torch.arange(77)[None]}
    save_file({**load_file(file), **positions}, file, metadata={"format": "pt"})
    return folder


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[Task, list[Sample]]:
    folder = tmp_path_factory.mktemp("images")
    Image.effect_mandelbrot((64, 64), (-2, -1, 1, 1), 40).convert("RGB").save(folder / "init.png")
    mask = Image.new("L", (64, 64))
    mask.paste(255, (16, 16, 48, 48))
    mask.save(folder / "mask.png")
    image, edited = {"image": folder / "init.png"}, {"image": folder / "init.png", "mask": folder / "mask.png"}
    given = {"text2img": {}, "img2img": image, "inpainting": edited}
    texts = {"circle": "a large red circle on a blue background", "square": "a small white square"}
    return {
        task: [Sample(Case(id=name, prompt=text, **given[task]), 3) for name, text in texts.items()] for task in TASKS
    }


def largest_difference(one: Image.Image, other: Image.Image) -> int:
    return int(np.abs(np.asarray(one, dtype=np.int16) - np.asarray(other, dtype=np.int16)).max())


def test_an_environment_says_what_it_generates_with(old: Path) -> None:
    done = subprocess.run([old, START, "--check"], capture_output=True, text=True, check=True)
    assert "diffusers 0.31.0, transformers 4.46.3" in done.stdout


@pytest.mark.parametrize("task", TASKS)
def test_both_environments_generate_the_same_images(
    old: Path, checkpoint: Path, cases: dict[Task, list[Sample]], task: Task
) -> None:
    target = Target(name="tiny", model=str(checkpoint))
    engine = RemoteEngine(target, old)
    there = engine.generate(task, cases[task], SETTINGS)
    here = LoadedTarget(target).generate(task, cases[task], SETTINGS)
    for one, other in zip(here, there, strict=True):
        assert largest_difference(one.image, other.image) <= SAME
    assert largest_difference(here[0].image, here[1].image) > SAME
    packages = engine.environment["packages"]
    assert packages["diffusers"] == "0.31.0"
    assert packages["pytest-sdeval"]
    engine.close()


def test_the_embedded_model_is_the_same_there(old: Path, cases: dict[Task, list[Sample]]) -> None:
    target = shipped_targets()["shapes"]
    engine = RemoteEngine(target, old)
    there = engine.generate("text2img", cases["text2img"], SETTINGS)
    here = LoadedTarget(target).generate("text2img", cases["text2img"], SETTINGS)
    for one, other in zip(here, there, strict=True):
        assert largest_difference(one.image, other.image) <= SAME
    assert engine.describe("text2img") == LoadedTarget(target).describe("text2img")
    engine.close()


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_the_number_format_asked_for_is_the_one_that_runs(
    old: Path, checkpoint: Path, cases: dict[Task, list[Sample]], dtype: str
) -> None:
    engine = RemoteEngine(Target(name="tiny", model=str(checkpoint), dtype=dtype), old)
    assert engine.describe("text2img")["dtype"] == dtype
    engine.generate("text2img", cases["text2img"], SETTINGS)
    engine.close()


def test_switches_of_a_target_work_there(old: Path, checkpoint: Path, cases: dict[Task, list[Sample]]) -> None:
    target = Target(
        name="tiny",
        model=str(checkpoint),
        scheduler="EulerDiscreteScheduler",
        attention="sliced",
        vae_slicing=True,
        vae_tiling=True,
        channels_last=True,
    )
    engine = RemoteEngine(target, old)
    there = engine.generate("text2img", cases["text2img"], SETTINGS)
    here = LoadedTarget(target).generate("text2img", cases["text2img"], SETTINGS)
    for one, other in zip(here, there, strict=True):
        assert largest_difference(one.image, other.image) <= SAME
    assert engine.describe("text2img")["scheduler"] == "EulerDiscreteScheduler"
    engine.close()


def test_files_that_only_newer_versions_read_are_one_line(old: Path, tmp_path: Path) -> None:
    engine = RemoteEngine(Target(name="tiny", model=str(save("sd1", tmp_path / "sd1"))), old)
    with pytest.raises(SdevalError, match=r"target tiny: .*") as error:
        engine.generate("text2img", [Sample(Case(id="circle", prompt="a circle"), 3)], SETTINGS)
    assert "\n" not in str(error.value)
    engine.close()


def test_quantization_that_is_not_there_is_one_line(
    old: Path, checkpoint: Path, cases: dict[Task, list[Sample]]
) -> None:
    quantized = Target(name="tiny", model=str(checkpoint), quantization={"backend": "bitsandbytes_4bit"})
    engine = RemoteEngine(quantized, old)
    with pytest.raises(SdevalError, match=r"target tiny: quantization: .*PipelineQuantizationConfig") as error:
        engine.generate("text2img", cases["text2img"], SETTINGS)
    assert "\n" not in str(error.value)
    engine.close()


def test_a_session_compares_what_is_installed_with_what_was(
    old: Path, pytester: pytest.Pytester, checkpoint: Path
) -> None:
    pytester.makepyfile(
        test_few=f"""
from sdeval import Case, Suite, Target

test_few = Suite(
    name="few",
    task="text2img",
    cases=tuple(Case(id=f"case-{{number}}", prompt="a" * (number + 1)) for number in range(3)),
    seeds=(0,),
    settings={SETTINGS},
    metrics=("sharpness",),
)
"""
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:xdist", "--sdeval-no-strict"]
    options = [f"--sdeval-target={checkpoint}", f"--sdeval-compare-to-python={old}"]
    done = subprocess.run(
        [*command, *options],
        cwd=pytester.path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing got worse" in done.stdout
    runs = [read_run(file.parent) for file in (pytester.path / "reports" / "latest").resolve().rglob("run.json")]
    versions = {run.environment["packages"]["diffusers"] for run in runs}
    assert versions == {"0.31.0", version("diffusers")}
