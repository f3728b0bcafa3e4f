from __future__ import annotations

from pathlib import Path

import pytest

from sdeval import SdevalError
from sdeval.config.root import TARGETS as FILE
from sdeval.config.target_registry import of_project, shipped_targets


def write(root: Path, text: str) -> Path:
    (root / FILE).parent.mkdir(exist_ok=True)
    (root / FILE).write_text(text)
    return root


def test_the_targets_that_ship_are_those_of_the_introduction_and_the_models_in_use() -> None:
    assert {"shapes", "sd15", "sd21", "sdxl", "sdxl-turbo", "sd3.5", "flux-schnell"} <= set(shipped_targets())
    assert {"kandinsky22", "kandinsky22-inpaint"} <= set(shipped_targets())
    assert {f"sd15-{each}" for each in ("ddim", "euler", "dpmpp-2m-karras", "unipc", "lcm")} <= set(shipped_targets())
    assert {each.needs for name, each in shipped_targets().items() if name != "shapes"} == {"cuda"}


def test_a_target_takes_over_what_it_extends(tmp_path: Path) -> None:
    root = write(tmp_path, '[mine]\nextends = "sd15-lcm"\nsettings = { guidance_scale = 2.0 }\n')
    mine = of_project(root, {})["mine"]
    assert mine.name == "mine"
    assert (mine.model, mine.scheduler) == (shipped_targets()["sd15"].model, "LCMScheduler")
    assert dict(mine.settings) == {"num_inference_steps": 4, "guidance_scale": 2.0}


def test_targets_of_a_file_extend_each_other(tmp_path: Path) -> None:
    root = write(tmp_path, '[b]\nextends = "a"\nbatch_size = 2\n[a]\nmodel = "org/model"\ndtype = "bfloat16"\n')
    targets = of_project(root, {})
    assert (targets["b"].model, targets["b"].dtype, targets["b"].batch_size) == ("org/model", "bfloat16", 2)
    assert "shapes" in targets


def test_a_shipped_target_can_be_altered_by_its_own_name(tmp_path: Path) -> None:
    root = write(tmp_path, '[sd15]\nextends = "sd15"\nmodel = "./sd15"\n')
    altered = of_project(root, {})["sd15"]
    assert (altered.model, altered.dtype) == ("./sd15", "float16")


def test_revision_and_variant_do_not_pass_to_another_model(tmp_path: Path) -> None:
    root = write(tmp_path, '[a]\nextends = "sd15"\nmodel = "org/a"\n[b]\nextends = "a"\nvariant = "bf16"\n')
    targets = of_project(root, {})
    assert (targets["a"].variant, targets["b"].variant) == (None, "bf16")


def test_pyproject_goes_before_the_file(tmp_path: Path) -> None:
    root = write(tmp_path, '[a]\nmodel = "org/file"\n')
    assert of_project(root, {"a": {"model": "org/table"}})["a"].model == "org/table"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a", "not TOML"),
        ("a = 3\n", r"a: a target is a table such as \[a\], got 3"),
        ("[a]\ndtype = 'float16'\n", r"targets.toml: \[a\]: model: is missing; or say what it extends"),
        ("[a]\nmodel = 'x/y'\ndtyp = 'float16'\n", r"\[a\]: unknown key 'dtyp'; did you mean dtype"),
        ("[a]\nmodel = 'x/y'\nguidance_scale = 3\n", "arguments of the pipeline call go into settings"),
        ("[a]\nmodel = 'x/y'\ndtype = 'float8'\n", r"\[a\]: target a: unknown dtype 'float8'"),
        ("[a]\nextends = 'sd51'\n", r"\[a\]: extends: unknown target 'sd51'; did you mean sd21 or sd15"),
        ("[a]\nextends = 'b'\n[b]\nextends = 'a'\n", r"extends itself by way of a → b → a"),
        ("[a]\nextends = 'a'\n", "extends: unknown target 'a'"),
        ("[a]\nmodel = 'x/y'\nloras = { 'x/z' = 'strong' }\n", "loras: x/z: must be a number, got 'strong'"),
        ("[a]\nmodel = 'x/y'\nquantization = { load_in_4bit = true }\n", "quantization: backend is missing"),
        ("[a]\nmodel = 'x/y'\ncpu_offload = 'model'\ndevice = 'cpu'\n", "with device cpu there is none"),
        ("[a]\nmodel = 'x/y'\ncpu_offload = 'models'\n", "unknown cpu_offload 'models'"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_table(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SdevalError, match=message) as error:
        of_project(write(tmp_path, text), {})
    assert "targets.toml" in str(error.value)
    assert "\n" not in str(error.value)
