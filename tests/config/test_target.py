from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sdeval import SdevalError, Target
from sdeval.config.target import Dtype, find, parse_settings, slug
from sdeval.config.target_registry import shipped_targets


def test_values_go_to_fields_and_the_rest_to_the_call() -> None:
    target = Target(name="a", model="b").with_values({"dtype": "bfloat16", "guidance_scale": 1})
    assert (target.dtype, dict(target.settings)) == ("bfloat16", {"guidance_scale": 1})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dtype": "bfloat"}, "unknown dtype 'bfloat'; did you mean bfloat16"),
        ({"device": "gpu"}, "unknown device 'gpu'"),
        ({"batch_size": 0}, "batch_size must be a whole number from 1 on"),
        ({"batch_size": "8"}, "batch_size: must be a whole number, got '8'"),
        ({"device": 0}, "device: must be text, got 0"),
        ({"scheduler": 3}, "scheduler: must be text or None, got 3"),
        ({"name": 3}, "target 3: name: must be text, got 3"),
        ({"settings": ["steps"]}, r"settings: must be a mapping, got \['steps'\]"),
        ({"settings": {"guidance_scale": float("inf")}}, "settings: guidance_scale: must be a finite number, got inf"),
        ({"name": "My Target"}, "must be lower-case"),
    ],
)
def test_values_that_are_not_allowed_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SdevalError, match=message):
        Target(**{"name": "a", "model": "b", **values})


def test_settings_are_read_as_values() -> None:
    given = parse_settings(
        ["guidance_scale=1.5", "n=3", "on=true", "scheduler=EulerDiscreteScheduler", "a=b=c", "x=null"]
    )
    assert given == {
        "guidance_scale": 1.5,
        "n": 3,
        "on": True,
        "scheduler": "EulerDiscreteScheduler",
        "a": "b=c",
        "x": None,
    }


def test_a_setting_is_never_nan() -> None:
    with pytest.raises(SdevalError, match="NaN is no number that can be used"):
        parse_settings(["guidance_scale=NaN"])


@pytest.mark.parametrize("text", ["1" * 5000, "[" * 100_000])
def test_a_setting_that_no_number_or_list_can_be_is_text(text: str) -> None:
    assert parse_settings([f"a={text}"]) == {"a": text}


@pytest.mark.parametrize("text", ["guidance_scale", "=3"])
def test_a_setting_needs_key_and_value(text: str) -> None:
    with pytest.raises(SdevalError, match="must be KEY=VALUE"):
        parse_settings([text])


def test_a_target_is_found_by_name_folder_or_hub_id(tmp_path: Path) -> None:
    (tmp_path / "My_Model v2").mkdir()
    assert find("shapes", shipped_targets()).model == "embedded:shapes"
    assert find(str(tmp_path / "My_Model v2"), {}).name == "my-model-v2"
    assert find("runwayml/stable-diffusion-v1-5", {}).name == "stable-diffusion-v1-5"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("python:engines/ours.py:Server", "ours-server"),
        ("python:package.module:generate", "module-generate"),
        ("python:nothing", "nothing"),
    ],
)
def test_a_program_of_ones_own_needs_no_table(text: str, name: str) -> None:
    found = find(text, {})
    assert (found.name, found.model) == (name, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shape", "unknown target 'shape'; did you mean shapes?"),
        ("/no/such/folder", "no such folder"),
        ("./here", "no such folder"),
        ("a/b/c", "no such folder"),
        ("~nobody-of-that-name/model", "no such folder"),
        ("", "unknown target ''. Known: "),
        ("a" * 5000, "unknown target 'aaa"),
    ],
)
def test_a_text_that_is_no_target_is_refused(text: str, message: str) -> None:
    with pytest.raises(SdevalError) as error:
        find(text, shipped_targets())
    assert message in str(error.value)


def test_the_fingerprint_follows_how_it_is_generated_and_not_the_name() -> None:
    one = Target(name="a", model="m")
    assert one.fingerprint == Target(name="b", model="m").fingerprint
    assert one.fingerprint != one.with_values({"guidance_scale": 2}).fingerprint


def test_slug_is_an_id() -> None:
    assert slug("Stable_Diffusion v1.5") == "stable-diffusion-v1.5"


@pytest.mark.parametrize(
    ("short", "dtype"),
    [("fp16", "float16"), ("half", "float16"), ("bf16", "bfloat16"), ("fp32", "float32")],
)
def test_short_names_of_precisions_are_the_same_target(short: str, dtype: Dtype) -> None:
    target = Target(name="a", model="m").with_values({"dtype": short})
    assert target == Target(name="a", model="m", dtype=dtype)
    assert target.fingerprint == Target(name="a", model="m", dtype=dtype).fingerprint


def test_a_server_is_named_by_its_url() -> None:
    target = find("openai-images:http://localhost:8000", {})
    assert (target.name, target.is_server, target.is_pipeline, target.is_own) == ("localhost-8000", True, False, False)


def test_a_table_for_servers_is_for_servers() -> None:
    with pytest.raises(SdevalError, match="server has no effect: 'org/model' is no server"):
        Target(name="a", model="org/model", server={"key": "OUR_KEY"})
    described = Target(name="a", model="sdcpp:http://host", server={"key": "OUR_KEY"}).describe()
    assert described["server"] == {"key": "OUR_KEY"}
