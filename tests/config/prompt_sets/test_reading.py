"""Cases from files and folders: their ids and tags, and what is said of files that are others."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdeval import SdevalError, Suite
from sdeval.config.prompt_sets.catalogue import SETS, PublishedFile
from sdeval.config.prompt_sets.reading import read_set, slug
from tests.config.prompt_sets.made_up import FILES, LINES, PARTI, write

FUZZ = settings(deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
READ = sorted(FILES)


@pytest.mark.parametrize("name", READ)
def test_the_cases_of_every_set_make_a_suite(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, "prompts_val.txt", FILES[name])
    cases = tuple(made.case for made in read_set(SETS[name], path).cases)
    Suite(name="a", task="text2img", cases=cases)
    assert all(case.id.startswith(SETS[name].prefix) for case in cases)


@pytest.mark.parametrize(
    ("name", "file", "ids"),
    [
        ("parti-prompts", "a.tsv", ["parti-0001", "parti-0002", "parti-0003", "parti-0004", "parti-0005"]),
        ("geneval", "a.jsonl", ["geneval-0001", "geneval-0002"]),
        ("mlperf-coco", "a.tsv", ["coco-12", "coco-9"]),
        ("longtext-bench", "text_prompts.jsonl", ["longtext-en-0", "longtext-en-20"]),
        ("flow-grpo-ocr", "test.txt", ["ocr-0001", "ocr-0002", "ocr-0004"]),
        ("gecko", "a.csv", ["gecko-0", "gecko-1"]),
        ("t2i-compbench", "3d_spatial_val.txt", ["t2i-3d-spatial-0001", "t2i-3d-spatial-0002", "t2i-3d-spatial-0004"]),
        ("dpg-bench", "COCO_val2014_7.txt", ["dpg-coco-val2014-7"]),
        ("drawbench", "a.txt", ["drawbench-0001", "drawbench-0002", "drawbench-0004"]),
    ],
)
def test_ids_stay_as_they_are(tmp_path: Path, name: str, file: str, ids: list[str]) -> None:
    path = write(tmp_path, file, FILES[name])
    assert [made.case.id for made in read_set(SETS[name], path).cases] == ids


def test_tags_are_what_the_set_says_of_a_prompt(tmp_path: Path) -> None:
    imported = read_set(SETS["parti-prompts"], write(tmp_path, "a.tsv", PARTI))
    assert imported.cases[1].case.tags == ("artifacts", "writing-symbols")


def test_the_language_of_longtext_is_a_tag(tmp_path: Path) -> None:
    path = write(tmp_path, "text_prompts_zh.jsonl", FILES["longtext-bench"])
    assert read_set(SETS["longtext-bench"], path).cases[0].case.tags == ("sign", "short", "zh")


def test_a_folder_gives_all_files_of_the_set(tmp_path: Path) -> None:
    for name in ("color_val.txt", "shape_val.txt", "color_train.txt"):
        write(tmp_path, name, LINES)
    imported = read_set(SETS["t2i-compbench"], tmp_path)
    assert [source.path.name for source in imported.sources] == ["color_val.txt", "shape_val.txt"]
    assert {made.fields["category"] for made in imported.cases} == {"color", "shape"}


def test_a_folder_without_files_of_the_set_says_which_it_needs(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match=r"no \*_val\.txt in this folder; `sdeval import t2i-compbench` says where"):
        read_set(SETS["t2i-compbench"], tmp_path)


def test_a_file_that_is_not_the_published_one_is_read_with_a_warning(tmp_path: Path) -> None:
    path = write(tmp_path, "a.tsv", PARTI)
    sha256 = hashlib.sha256(PARTI.encode()).hexdigest()
    warning = read_set(SETS["parti-prompts"], path).warning
    assert warning.startswith(f"{path}: sha256 {sha256} is none of PartiPrompts at commit 5a65797; ")


def test_the_published_file_is_read_without_a_warning(tmp_path: Path) -> None:
    sha256 = hashlib.sha256(PARTI.encode()).hexdigest()
    published = replace(SETS["parti-prompts"], files=(PublishedFile("a.tsv", sha256),))
    imported = read_set(published, write(tmp_path, "a.tsv", PARTI))
    assert imported.warning == ""
    assert imported.sources[0].is_published


def test_several_other_files_are_one_warning(tmp_path: Path) -> None:
    for name in ("color_val.txt", "shape_val.txt"):
        write(tmp_path, name, LINES)
    assert "color_val.txt and 1 more: sha256" in read_set(SETS["t2i-compbench"], tmp_path).warning


def test_a_folder_is_known_by_what_sha256sum_prints_in_it(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "10.txt"):
        write(tmp_path, name, f"a goose {name}")
    printed = "".join(
        f"{hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("10.txt", "a.txt", "b.txt")
    )
    published = replace(SETS["dpg-bench"], folder_sha256=hashlib.sha256(printed.encode()).hexdigest())
    assert read_set(published, tmp_path).warning == ""


def test_a_folder_that_is_not_the_published_one_is_one_warning(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "a goose")
    warning = read_set(SETS["dpg-bench"], tmp_path).warning
    assert warning.startswith(f"{tmp_path}: the files read are not exactly those of DPG-Bench at commit 3c228f1; ")


@pytest.mark.parametrize(
    ("name", "file", "text", "message"),
    [
        ("geneval", "a.jsonl", "a goat", ":1: not JSON: Expecting value at column 1; `sdeval import geneval` says"),
        ("geneval", "a.jsonl", "", ": no prompts in it; `sdeval import geneval` says where to get evaluation_metadata"),
        (
            "geneval",
            "a.jsonl",
            '{"tag": "a", "include": [], "prompt": "\\ud800"}',
            ":1: prompt: must be text that UTF-8 can hold",
        ),
        ("mlperf-coco", "a.tsv", "id\tcaption\n7\ta\n7\tb\n", ":3: the id 'coco-7' is taken already, first at "),
        ("mlperf-coco", "a.tsv", "id\tcaption\n图\ta\n", ":2: no id can be made of '图'"),
        ("mlperf-coco", "a.tsv", f"id\tcaption\n{'7' * 100}\ta\n", "has 105 characters"),
        ("drawbench", "a.txt", "\ud800", ":1: is not UTF-8"),
    ],
)
def test_what_is_wrong_is_named_with_file_and_line(
    tmp_path: Path, name: str, file: str, text: str, message: str
) -> None:
    path = write(tmp_path, file, text)
    with pytest.raises(SdevalError) as error:
        read_set(SETS[name], path)
    assert str(error.value).startswith(str(path))
    assert message in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match=r"a\.tsv: no such file"):
        read_set(SETS["parti-prompts"], tmp_path / "a.tsv")


def test_a_name_that_is_too_long_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match="cannot be read: File name too long"):
        read_set(SETS["parti-prompts"], tmp_path / ("a" * 5000))


@pytest.mark.parametrize(("text", "expected"), [("Food & Beverage", "food-beverage"), ("Café", "cafe"), ("标签", "")])
def test_a_slug_is_plain(text: str, expected: str) -> None:
    assert slug(text) == expected


@pytest.mark.parametrize("name", READ)
@FUZZ
@given(data=st.data())
def test_any_file_is_read_or_refused_in_one_line(tmp_path: Path, name: str, data: st.DataObject) -> None:
    whole = FILES[name].encode()
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    path = tmp_path / "prompts_val.txt"
    path.write_bytes(
        whole[:start] + data.draw(st.binary() | st.text(st.characters(codec="utf-8")).map(str.encode)) + whole[end:]
    )
    try:
        imported = read_set(SETS[name], path)
    except SdevalError as error:
        message = str(error)
    else:
        Suite(name="a", task="text2img", cases=tuple(made.case for made in imported.cases))
        message = imported.warning
    assert "\n" not in message
