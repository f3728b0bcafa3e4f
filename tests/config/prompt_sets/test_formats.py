"""What is read of a published file, and what is said of one in another format."""

from __future__ import annotations

import pytest

from sdeval.config.prompt_sets.formats import (
    FormatError,
    Prompt,
    Reader,
    read_coco,
    read_gecko,
    read_geneval,
    read_lines,
    read_longtext,
    read_mjhq,
    read_parti,
    read_quoted,
    read_texts,
    read_whole,
)
from tests.config.prompt_sets import made_up


def test_quotes_in_parti_prompts_are_part_of_the_prompt() -> None:
    fields = {"category": "Artifacts", "challenge": "Writing & Symbols"}
    assert list(read_parti(made_up.PARTI))[1] == Prompt(3, "0002", 'a sign that says "no tea"', fields)


def test_quoted_captions_of_coco_are_unquoted() -> None:
    assert list(read_coco(made_up.COCO)) == [
        Prompt(2, "12", "A goose walks on a pier."),
        Prompt(3, "9", 'A sign that reads "quiet", on a door.'),
    ]


def test_geneval_has_tags_and_objects() -> None:
    assert list(read_geneval(made_up.GENEVAL))[1] == Prompt(
        2, "0002", "a photo of three cups", {"tag": "counting"}, {"objects": ("3+ cup",)}
    )


def test_to_exclude_one_more_is_to_ask_for_exactly_as_many() -> None:
    rules = '"include": [{"class": "cup", "count": 3}], "exclude": [{"class": "cup", "count": 4}]'
    (prompt,) = read_geneval(f'{{"tag": "counting", {rules}, "prompt": "a"}}')
    assert prompt.case["objects"] == ("3 cup",)


def test_places_of_geneval_name_the_other_object() -> None:
    rules = '[{"class": "cup", "count": 1}, {"class": "red fox", "count": 1, "position": ["left of", 0]}]'
    (prompt,) = read_geneval(f'{{"tag": "position", "include": {rules}, "prompt": "a"}}')
    assert prompt.case["objects"] == ("cup", '"red fox" left of cup')


@pytest.mark.parametrize("include", ["1", "[1]", '[{"class": "cup"}]', '[{"class": "a", "count": 1, "position": [1]}]'])
def test_other_rules_are_none_of_geneval(include: str) -> None:
    with pytest.raises(FormatError, match="include and exclude are not the rules of GenEval"):
        list(read_geneval(f'{{"tag": "a", "include": {include}, "prompt": "a"}}'))


def test_longtext_has_ids_that_are_numbers() -> None:
    fields = {"category": "label", "length": "long"}
    assert list(read_longtext(made_up.LONGTEXT))[1] == Prompt(2, "20", "一个标签", fields, {"text": ("标签",)})


def test_lines_keep_their_numbers() -> None:
    assert [(prompt.key, prompt.text) for prompt in read_lines(made_up.LINES)] == [
        ("0001", 'a mug that says "HI"'),
        ("0002", 'a door that says "PULL"'),
        ("0004", 'a flag that says "GO"'),
    ]


def test_the_skills_of_gecko_are_told_from_its_sources() -> None:
    assert [dict(prompt.fields) for prompt in read_gecko(made_up.GECKO)] == [
        {"type": "Gecko(S)", "skill": "att/color", "sub_skill": "stroop"},
        {"type": "Gecko(R)", "skill": "posescript"},
    ]


def test_a_whole_file_is_one_prompt() -> None:
    assert list(read_whole("a goose\n")) == [Prompt(1, "", "a goose")]


@pytest.mark.parametrize("reader", [read_parti, read_coco, read_gecko])
def test_lines_of_windows_are_lines(reader: Reader) -> None:
    text = {read_parti: made_up.PARTI, read_coco: made_up.COCO, read_gecko: made_up.GECKO}[reader]
    assert list(reader(text.replace("\n", "\r\n"))) == list(reader(text))


@pytest.mark.parametrize(
    ("reader", "text", "line", "message"),
    [
        (read_parti, "id\tprompt\n1\ta goat\n", 2, "there is no 'Category' among ['id', 'prompt']"),
        (read_parti, "Prompt\tCategory\tChallenge\na goat\tAnimals\n", 2, "has 2 cells; the first line has 3"),
        (read_parti, "Prompt\tCategory\tChallenge\n \tAnimals\tBasic\n", 2, "Prompt: is empty"),
        (read_coco, 'id\tcaption\n1\t"a "goat"\n', 2, "'\t' expected after '\"'"),
        (read_geneval, '{"tag": "x"}\n', 1, "there is no 'prompt' among ['tag']"),
        (read_geneval, '\n{"tag": 1, "prompt": "a"}\n', 2, "tag: must be text, got 1"),
        (read_geneval, "a goat\n", 1, "not JSON: Expecting value at column 1"),
        (read_geneval, "[1]\n", 1, "must be a JSON object, got [1]"),
        (read_geneval, "[" * 200_000 + "\n", 1, "nested too deeply"),
        (read_longtext, '{"category": "a", "length": "b", "prompt": "c", "prompt_id": true}\n', 1, "must be text, got"),
        (read_whole, " \n", 1, "is empty"),
    ],
)
def test_another_format_is_named_with_its_line(reader: Reader, text: str, line: int, message: str) -> None:
    with pytest.raises(FormatError) as error:
        list(reader(text))
    assert error.value.line == line
    assert message in str(error.value)


def test_what_is_quoted_is_the_text_that_the_image_shall_show() -> None:
    assert [dict(prompt.case) for prompt in read_quoted(made_up.LINES)] == [
        {"text": ("HI",)},
        {"text": ("PULL",)},
        {"text": ("GO",)},
    ]


def test_texts_of_longtext_bench_are_those_of_its_cases() -> None:
    assert [prompt.case["text"] for prompt in read_longtext(made_up.LONGTEXT)] == [("NO TEA",), ("标签",)]


def test_a_list_of_prompts_is_numbered() -> None:
    assert [(prompt.key, prompt.text) for prompt in read_texts('["a goose", " a pier"]')] == [
        ("0001", "a goose"),
        ("0002", "a pier"),
    ]


def test_mjhq_has_ids_and_categories() -> None:
    assert next(iter(read_mjhq(made_up.FILES["mjhq"]))) == Prompt(1, "0a1b", "a goose", {"category": "animals"})


@pytest.mark.parametrize(
    ("read", "text", "reason"),
    [
        (read_texts, "{}", "must be a JSON list"),
        (read_texts, "[1]", "prompt 1: must be text, got 1"),
        (read_texts, "[", "not JSON"),
        (read_mjhq, "[]", "must be a JSON object"),
        (read_mjhq, '{"a": 1}', "a: must be a JSON object, got 1"),
        (read_mjhq, '{"a": {"prompt": "b"}}', "there is no 'category'"),
        (read_longtext, '{"category": "a", "length": "b", "prompt": "c", "text": 1, "prompt_id": 0}', "list of texts"),
    ],
)
def test_json_of_another_shape_is_refused(read: Reader, text: str, reason: str) -> None:
    with pytest.raises(FormatError, match=reason):
        list(read(text))
