"""Every kind of wrong path or id of a model, a VAE, a prior or a LoRA is one line; so are those of metrics."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdeval import SdevalError, Target
from sdeval.config import target as targets
from sdeval.engines.checkpoints import find_lora, find_part, require
from sdeval.errors import NotAvailable
from sdeval.metrics.features.clip import _locate
from sdeval.metrics.features.dinov2 import _find

WRONG = {
    "a relative path": ("./nowhere", "no such folder: ./nowhere"),
    "an absolute path": ("/nowhere/at/all", "no such folder: /nowhere/at/all"),
    "a home": ("~/nowhere", "no such folder: ~/nowhere"),
    "nobody's home": ("~nobody-at-all/x", "'~nobody-at-all/x' cannot be opened: Could not determine home directory"),
    "a single word": ("nowhere", "no such folder: nowhere"),
    "nothing": ("", "no such folder: "),
    "a path of Windows": (r"C:\models\x", r"no such folder: C:\models\x"),
    "deep": ("a/b/c", "'a/b/c' is no folder here and no id of the hub, such as org/model: "),
    "blanks": ("org/na me", "'org/na me' is no folder here and no id of the hub"),
    "dots": ("a..b/c", "'a..b/c' is no folder here and no id of the hub"),
    "a revision": ("org/model@main", "'org/model@main' is no folder here and no id of the hub"),
    "an address": ("https://huggingface.co/org/model", "no folder here and no id of the hub"),
    "git": ("org/model.git", "'org/model.git' is no folder here and no id of the hub"),
    "no name": ("org/", "'org/' is no folder here and no id of the hub"),
    "too long": ("x" * 300 + "/y", "cannot be opened: File name too long"),
    "a null byte": ("org/a\0b", r"no folder here and no id of the hub"),
    "line breaks": ("org/a\nb", r"'org/a\nb' is no folder here and no id of the hub"),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("field", ["model", "vae"])
def test_what_is_no_model_is_one_line(field: str, text: str, message: str) -> None:
    target = Target(name="mine", **{"model": "embedded:shapes", field: text})
    with pytest.raises(SdevalError) as error:
        require(target) if field == "model" else find_part(target, "vae", text, "config.json")
    assert str(error.value).startswith(f"target mine: {field}: ")
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize("text", ["org/model", "org/model-1.5", "Org_x/some.model"])
def test_an_id_of_the_hub_that_is_not_here_says_how_to_get_it(text: str) -> None:
    with pytest.raises(NotAvailable, match=f"hf download {text}$"):
        require(Target(name="mine", model=text))


def test_a_file_in_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(SdevalError, match=r"must be a folder in diffusers format, and .*model\.safetensors is a file"):
        require(Target(name="mine", model=str(tmp_path / "model.safetensors")))


@pytest.mark.parametrize("part", ["", "unet"])
def test_a_folder_that_may_not_be_read_is_named(part: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model_index.json").write_text("{}", encoding="utf-8")
    (tmp_path / "unet").mkdir()
    listing = Path.iterdir

    def refused(self: Path) -> object:
        if self == tmp_path / part:
            raise PermissionError(13, os.strerror(13), str(self))
        return listing(self)

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(SdevalError, match=f"target mine: {tmp_path / part} cannot be read: Permission denied"):
        require(Target(name="mine", model=str(tmp_path)))


@given(st.text(max_size=40) | st.sampled_from(["~0", "~", ".", "..", "/", "x" * 300]))
def test_any_text_is_a_model_that_is_here_or_one_line(text: str) -> None:
    target = Target(name="mine", model="embedded:shapes")
    looks = (
        lambda: require(targets.find(text, {})),
        lambda: require(Target(name="mine", model=text)),
        lambda: find_part(target, "vae", text, "config.json"),
        lambda: find_lora(target, text),
        lambda: _find(text),
        lambda: _locate(f"hf-hub:{text}"),
        lambda: _locate(f"local-dir:{text}"),
    )
    for look in looks:
        assert len(refusal(look).splitlines()) <= 1


def refusal(look: Callable[[], object]) -> str:
    try:
        look()
    except SdevalError as error:
        return str(error)
    return ""
