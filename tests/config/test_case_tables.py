"""Tables as spreadsheets and prompt sets have them (field cases F09 and F10)."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdeval import SdevalError, load_cases

CASES = [("cat", "a cat"), ("dog", "a dog")]


def read(folder: Path, name: str, content: str | bytes) -> list[tuple[str, str]]:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [(case.id, case.prompt) for case in load_cases(path)]


@pytest.mark.parametrize(
    "content",
    [
        "id,prompt\ncat,a cat\n,\n\n  \ndog,a dog\n,,\n",
        "id,prompt,,\ncat,a cat,,\ndog,a dog,,\n",
        "id,prompt\ncat,a cat,,\ndog,a dog\n",
        "id;prompt\ncat;a cat\ndog;a dog\n",
        "sep=;\r\nid;prompt\r\ncat;a cat\r\ndog;a dog\r\n",
        "id\tprompt\ncat\ta cat\ndog\ta dog\n",
        "ID, Prompt\ncat, a cat\ndog, a dog\n",
        " Id ,Negative Prompt,PROMPT\ncat ,,a cat\ndog,,a dog\n",
        '"id","prompt"\n"cat","a cat"\n"dog", "a dog"\n',
        "id,prompt\ncat,a cat\ndog,a dog\n".encode("utf-8-sig"),
        "id\tprompt\ncat\ta cat\ndog\ta dog\n".encode("utf-16"),
        "id,prompt\rcat,a cat\rdog,a dog\r",
    ],
)
def test_f10_harmless_exports_of_spreadsheets_are_read(tmp_path: Path, content: str | bytes) -> None:
    assert read(tmp_path, "cases.csv", content) == CASES


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("id,prompt\ncat,a café\n".encode("cp1252"), 2, "is not UTF-8, perhaps Windows-1252, as Excel saves CSV; save"),
        ("id,prompt\ncat,a cat\n".encode("utf-16-le"), 1, "holds null characters, as UTF-16 without a mark does; save"),
        ("id,prompt,\ncat,a cat,x\n", 2, "column 3 has no name in the header, but holds 'x'"),
        ("cat,a cat\ndog,a dog\n", 1, "unknown field 'cat'"),
        ("id,image\ncat,a.png\n", 1, "prompt: is missing; the first line names the columns"),
        ("id,prompt,promt\ncat,a cat,\n", 1, "unknown field 'promt'; did you mean prompt?"),
        ("id,prompt,strength\ncat,a cat,half\n", 2, "strength: must be a number, got 'half'"),
        ("id;prompt;strength\ncat;a cat;0,5\n", 2, "strength: must be a number, got '0,5'; write 0.5"),
        ('id,prompt\ncat,"Hello" on a sign\n', 2, 'ends with one, and has "" for each inside'),
        ('id,prompt\ncat,a cat\ndog,"a dog\n', 3, "unexpected end of data"),
        ("id,prompt\n\n,\ncat,a cat,more\n", 4, "has 3 fields; the header has 2"),
        ("id,prompt\ncat\n", 2, "has 1 fields; the header has 2"),
    ],
)
def test_f10_other_exports_are_named_with_their_line(
    tmp_path: Path, content: str | bytes, line: int, message: str
) -> None:
    with pytest.raises(SdevalError) as error:
        read(tmp_path, "cases.csv", content)
    assert str(error.value).startswith(f"{tmp_path / 'cases.csv'}:{line}: ")
    assert message in str(error.value)


@pytest.mark.parametrize("tags", ["red,blue", "red, blue", "red; blue", "red blue", " red ,, blue "])
def test_f10_tags_are_words_with_commas_or_blanks_between_them(tmp_path: Path, tags: str) -> None:
    path = tmp_path / "cases.csv"
    path.write_text(f'id,prompt,tags\ncat,a cat,"{tags}"\n')
    assert load_cases(path)[0].tags == ("red", "blue")


@pytest.mark.parametrize(
    ("rows", "prompts"),
    [
        ('a\t"one\nb\ttwo"', ['"one', 'two"']),
        ('a\t"Hello"\nb\t"Hello" on a sign', ['"Hello"', '"Hello" on a sign']),
        ('a\t"one"\nb\tsays "two" twice', ['"one"', 'says "two" twice']),
    ],
)
def test_f09_a_quote_in_a_prompt_set_is_part_of_the_prompt(tmp_path: Path, rows: str, prompts: list[str]) -> None:
    found = read(tmp_path, "cases.tsv", f"id\tprompt\n{rows}\n")
    assert found == list(zip("ab", prompts, strict=True))


@pytest.mark.parametrize(
    "content",
    [
        '"id"\t"prompt"\n"a"\t"says ""one"""\n"b"\t"two"\n',
        'id\tprompt\na\t"says ""one"""\nb\ttwo\n',
    ],
)
def test_f09_a_table_that_is_clearly_quoted_is_read_so(tmp_path: Path, content: str) -> None:
    assert read(tmp_path, "cases.tsv", content) == [("a", 'says "one"'), ("b", "two")]


def test_f09_a_line_break_of_unicode_ends_no_row(tmp_path: Path) -> None:
    assert read(tmp_path, "cases.csv", "id,prompt\ncat,a\u2028b\x85c\n") == [("cat", "a\u2028b\x85c")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.yaml", "- id: cat\n  prompt: a cat\n  negative_prompt: null\n  image:\n  tags: ~\n"),
        ("a.jsonl", '{"id": "cat", "prompt": "a cat", "negative_prompt": null, "image": null, "tags": null}'),
        ("a.csv", "id,prompt,negative_prompt,image,tags\ncat,a cat,,,\n"),
        ("a.tsv", "id\tprompt\tnegative_prompt\timage\ttags\ncat\ta cat\t\t\t\n"),
    ],
)
def test_null_and_an_empty_cell_are_no_value_in_every_format(tmp_path: Path, name: str, content: str) -> None:
    assert read(tmp_path, name, content) == [("cat", "a cat")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.yaml", "- id: cat\n  prompt: a\n  prompt: b\n"),
        ("a.jsonl", '{"id": "cat", "prompt": "a", "prompt": "b"}'),
        ("a.csv", "id,prompt,prompt\ncat,a,b\n"),
        ("a.tsv", "id\tprompt\tprompt\ncat\ta\tb\n"),
    ],
)
def test_a_field_that_is_there_twice_is_refused_in_every_format(tmp_path: Path, name: str, content: str) -> None:
    with pytest.raises(SdevalError, match="is there twice"):
        read(tmp_path, name, content)
