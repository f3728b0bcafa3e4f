from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.torture.mutations import BOMB
from sdeval import Case, SdevalError, load_cases
from sdeval.errors import MOST_LETTERS


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


SAME = {
    "cases.yaml": "- id: cat\n  prompt: a cat\n  strength: 0.5\n  image: cat.png\n  tags: [pet]\n"
    "- id: dog\n  prompt: a dog\n",
    "cases.csv": "id,prompt,strength,image,tags\ncat,a cat,0.5,cat.png,pet\ndog,a dog,,,\n",
    "cases.tsv": "id\tprompt\tstrength\timage\ttags\ncat\ta cat\t0.5\tcat.png\tpet\ndog\ta dog\t\t\t\n",
    "cases.jsonl": '{"id": "cat", "prompt": "a cat", "strength": 0.5, "image": "cat.png", "tags": ["pet"]}\n\n'
    '{"id": "dog", "prompt": "a dog"}\n',
}


@pytest.mark.parametrize("name", SAME)
def test_every_format_says_the_same(tmp_path: Path, name: str) -> None:
    cases = load_cases(write(tmp_path, name, SAME[name]))
    cat = Case(id="cat", prompt="a cat", strength=0.5, image=tmp_path.resolve() / "cat.png", tags=("pet",))
    assert cases == (cat, Case(id="dog", prompt="a dog"))


EDITS = {
    "cases.yaml": "- id: cat\n  prompt: add a hat\n  images: [cat.png, hat.png]\n  edited_prompt: a cat with a hat\n"
    "- id: dog\n  prompt: add a hat\n  images: dog.png\n",
    "cases.csv": "id,prompt,images,edited_prompt\ncat,add a hat,cat.png | hat.png,a cat with a hat\n"
    "dog,add a hat,dog.png,\n",
    "cases.jsonl": '{"id": "cat", "prompt": "add a hat", "images": ["cat.png", "hat.png"], '
    '"edited_prompt": "a cat with a hat"}\n{"id": "dog", "prompt": "add a hat", "images": "dog.png"}\n',
}


@pytest.mark.parametrize("name", EDITS)
def test_every_format_lists_input_images(tmp_path: Path, name: str) -> None:
    cat, dog = load_cases(write(tmp_path, name, EDITS[name]))
    folder = tmp_path.resolve()
    assert (cat.images, dog.images) == ((folder / "cat.png", folder / "hat.png"), (folder / "dog.png",))
    assert cat.edited_prompt == "a cat with a hat"


@pytest.mark.parametrize(
    ("images", "message"),
    [("[a.png, ../b.png]", "images: '../b.png' leads out of"), ("[a.png, 3]", r"images\[1\]: must be a path")],
)
def test_wrong_input_images_name_file_and_line(tmp_path: Path, images: str, message: str) -> None:
    path = write(tmp_path, "a.yaml", f"- id: cat\n  prompt: a cat\n  images: {images}\n")
    with pytest.raises(SdevalError, match=f"a.yaml:3: {message}"):
        load_cases(path)


def test_a_case_knows_its_line(tmp_path: Path) -> None:
    path = write(tmp_path, "cases.yaml", SAME["cases.yaml"])
    assert load_cases(path)[1].origin == f"{path}:6"


@pytest.mark.parametrize(
    ("name", "text", "line", "message"),
    [
        ("a.yaml", "- id: cat\n  promt: a cat\n", 2, "unknown field 'promt'; did you mean prompt?"),
        ("a.yaml", "- id: cat\n  prompt: a cat\n  strength: high\n", 3, "strength: must be a number, got 'high'"),
        ("a.yaml", "- id: cat\n  prompt: 7\n", 2, "prompt: must be text, got 7; put it in quotes"),
        ("a.yaml", "- id: cat\n  prompt: a\n  prompt: b\n", 3, "prompt: is there twice in this case, first at line 2"),
        ("a.yaml", "- id: cat\n  prompt: 2024-99-99\n", 2, "prompt: month must be in 1..12"),
        ("a.yaml", "- prompt: a cat\n", 1, "id: is missing"),
        ("a.yaml", "- id: cat\n", 1, "prompt: is missing"),
        ("a.yaml", "- id: [cat\n", 2, "not YAML"),
        ("a.yaml", "cases:\n- id: cat\n", 1, "must be a list of cases"),
        ("a.yaml", "- cat\n", 1, "a case must be a mapping"),
        ("a.yaml", "- id: cat\n  prompt: a\n  image: ../../etc/x.png\n", 3, "leads out of"),
        ("a.yaml", "- id: !!python/object/apply:os.system [x]\n  prompt: a\n", 1, "could not determine a constructor"),
        ("a.csv", "id,prompt\ncat,a cat,more\n", 2, "has 3 fields; the header has 2"),
        ("a.csv", "id,id\ncat,a\n", 1, "a column name is there twice"),
        ("a.jsonl", '{"id": "cat", "prompt": "a"}\n{"id": \n', 2, "not JSON"),
        ("a.jsonl", "[1]\n", 1, "must be an object"),
        ("a.jsonl", f'{{"id": {"1" * 5000}}}', 1, "not JSON: Exceeds the limit"),
        ("a.jsonl", '{"id": "cat", "prompt": "a \\ud800"}\n', 1, "prompt: must be text that UTF-8 can hold"),
        ("a.csv", "id,prompt,strength\ncat,a cat,nan\n", 2, "strength: must be a finite number, got nan"),
    ],
)
def test_errors_name_file_line_and_field(tmp_path: Path, name: str, text: str, line: int, message: str) -> None:
    path = write(tmp_path, name, text)
    with pytest.raises(SdevalError) as error:
        load_cases(path)
    assert str(error.value).startswith(f"{path}:{line}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "text"), [("a.yaml", ""), ("a.yaml", "[]"), ("a.csv", "id,prompt\n"), ("a.jsonl", "\n")]
)
def test_no_cases_is_an_error(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(SdevalError, match="no cases in it"):
        load_cases(write(tmp_path, name, text))


@pytest.mark.parametrize("name", ["a.yaml", "a.jsonl"])
def test_what_is_nested_too_deeply_is_an_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(SdevalError, match="nested too deeply"):
        load_cases(write(tmp_path, name, "[" * 100_000))


def test_another_ending_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match=r"case files end in \.yaml"):
        load_cases(write(tmp_path, "cases.txt", ""))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match=r"cases\.yaml: no such file"):
        load_cases(tmp_path / "cases.yaml")


def test_images_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "images" / "cat.png")
    (case,) = load_cases(write(tmp_path, "a.yaml", "- id: cat\n  prompt: a\n  image: images/cat.png\n"))
    assert case.image is not None
    assert case.image.is_file()


def test_a_file_whose_name_is_not_utf_8_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"suites-\xff")
    folder.mkdir()
    path = write(folder, "cases.yaml", SAME["cases.yaml"])
    with pytest.raises(SdevalError, match=r"suites-\\udcff/cases\.yaml: this name of a file or folder is not UTF-8"):
        load_cases(path)


def test_few_lines_of_aliases_that_are_millions_of_words_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    path.write_bytes(BOMB)
    with pytest.raises(SdevalError, match=r"its aliases \(\*\) repeat too much: more than 32 MiB, written out"):
        load_cases(path)


def test_an_alias_that_repeats_a_text_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", "- id: cat\n  prompt: &p a cat\n- id: dog\n  prompt: *p\n")
    assert [case.prompt for case in load_cases(path)] == ["a cat", "a cat"]


def test_a_list_that_holds_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match="repeat too much"):
        load_cases(write(tmp_path, "a.yaml", "- id: cat\n  prompt: a\n  tags: &t [*t]\n"))


def test_a_message_about_a_large_value_is_short(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", json.dumps({"id": "cat", "prompt": "a", "x" * 100_000: ["y"] * 100_000}))
    with pytest.raises(SdevalError) as error:
        load_cases(path)
    assert len(str(error.value)) < MOST_LETTERS + 100
