"""Another Python generates; here it is the same one, in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from sdeval import Case, SdevalError, Target
from sdeval.config.case import Sample
from sdeval.config.target_registry import shipped_targets
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.engines.subprocess_engine import RemoteEngine
from sdeval.imaging.io import pixel_hash

SAMPLES = [
    Sample(Case(id="circle", prompt="a large red circle on a blue background"), 3),
    Sample(Case(id="square", prompt="a small white square on a red background"), 4),
]
SETTINGS = {"num_inference_steps": 3, "width": 64, "height": 64}


@pytest.fixture(scope="module")
def remote() -> Iterator[RemoteEngine]:
    engine = RemoteEngine(shipped_targets()["shapes"], Path(sys.executable))
    yield engine
    engine.close()


def test_images_are_those_of_this_process(remote: RemoteEngine, loaded: LoadedTarget) -> None:
    there = remote.generate("text2img", SAMPLES, SETTINGS)
    here = loaded.generate("text2img", SAMPLES, SETTINGS)
    assert [each.sample for each in there] == SAMPLES
    assert [pixel_hash(each.image) for each in there] == [pixel_hash(each.image) for each in here]
    assert all(each.finite and each.seconds > 0 and each.stages for each in there)


def test_it_says_what_it_is(remote: RemoteEngine) -> None:
    assert remote.describe("text2img")["pipeline"] == "StableDiffusionPipeline"
    assert remote.batch_size == shipped_targets()["shapes"].batch_size
    assert "torch" in remote.environment["packages"]


def test_what_goes_wrong_there_is_one_line_here(remote: RemoteEngine) -> None:
    with pytest.raises(SdevalError, match=r"python.*: TypeError: ") as error:
        remote.generate("text2img", SAMPLES, {"callback_on_step_end": 3})
    assert "\n" not in str(error.value)


def test_a_target_that_is_not_there_is_named() -> None:
    with pytest.raises(SdevalError, match="weights of some/model are not on this machine"):
        RemoteEngine(Target(name="a", model="some/model"), Path(sys.executable))


def test_what_is_no_python_is_named(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match=r"--sdeval-compare-to-python: .*: No such file or directory"):
        RemoteEngine(shipped_targets()["shapes"], tmp_path / "python")


def test_what_is_no_python_says_what_to_try() -> None:
    with pytest.raises(SdevalError, match=r"is it a Python with torch and diffusers\? Try: /bin/true .*--check"):
        RemoteEngine(shipped_targets()["shapes"], Path("/bin/true"))


def test_a_server_is_the_same_for_every_python() -> None:
    target = Target(name="ours", model="a1111:http://localhost:7860")
    with pytest.raises(SdevalError, match="target ours is a server, which no other Python changes; to compare two"):
        RemoteEngine(target, Path(sys.executable))


def test_input_images_of_an_edit_reach_the_other_process(tmp_path: Path) -> None:
    for name, colour in (("one", "red"), ("other", "teal")):
        Image.new("RGB", (16, 16), colour).save(tmp_path / f"{name}.png")
    program = "from PIL import Image\n\n\ndef edit(case, seed):\n    return Image.open(case.inputs[1])\n"
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    target = Target(name="own", model=f"python:{tmp_path / 'program.py'}:edit")
    case = Case(id="a", prompt="make it teal", images=(tmp_path / "one.png", tmp_path / "other.png"))
    remote = RemoteEngine(target, Path(sys.executable))
    (image,) = remote.generate("edit", [Sample(case, 0)], {})
    remote.close()
    assert image.image.getpixel((0, 0)) == (0, 128, 128)
