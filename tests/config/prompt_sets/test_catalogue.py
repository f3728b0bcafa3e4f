"""The sets that are known."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sdeval import SdevalError
from sdeval.config.prompt_sets.catalogue import SETS, PromptSet, find
from tests.config.prompt_sets.made_up import FILES


@pytest.mark.parametrize("prompt_set", SETS.values(), ids=SETS)
def test_every_set_says_where_it_is_from(prompt_set: PromptSet) -> None:
    assert prompt_set.url.startswith(("https://github.com/", "https://huggingface.co/datasets/"))
    assert prompt_set.prompts > 0
    assert prompt_set.citation
    assert prompt_set.licence
    assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) for file in prompt_set.files)


def test_ids_of_different_sets_begin_differently() -> None:
    prefixes = [prompt_set.prefix for prompt_set in SETS.values()]
    assert all(prefixes)
    assert len(set(prefixes)) == len(prefixes)


def test_every_set_that_is_read_has_a_file_among_the_tests() -> None:
    assert {name for name, prompt_set in SETS.items() if prompt_set.reader} == set(FILES)


def test_a_near_name_is_suggested() -> None:
    with pytest.raises(SdevalError, match="unknown prompt set 'geneva'; did you mean geneval"):
        find("geneva")


def test_the_digest_says_what_a_file_stands_for() -> None:
    color = next(file for file in SETS["t2i-compbench"].files if file.part == "color")
    assert SETS["t2i-compbench"].part_of(Path("a.txt"), color.sha256) == "color"


@pytest.mark.parametrize(
    ("name", "file", "part"),
    [
        ("t2i-compbench", "non_spatial_val.txt", "non_spatial"),
        ("t2i-compbench", "spatial_val.txt", "spatial"),
        ("t2i-compbench", "t2i_3d_spatial_val.txt", "3d_spatial"),
        ("t2i-compbench", "mine.txt", "mine"),
        ("longtext-bench", "text_prompts.jsonl", "en"),
        ("longtext-bench", "my_zh.jsonl", "zh"),
        ("geneval", "mine.jsonl", ""),
        ("dpg-bench", "partiprompts0.txt", "partiprompts0"),
    ],
)
def test_otherwise_its_name_does(name: str, file: str, part: str) -> None:
    assert SETS[name].part_of(Path(file), "0" * 64) == part
