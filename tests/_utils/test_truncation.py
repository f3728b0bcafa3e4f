from __future__ import annotations

import pytest

from sdeval._utils.truncation import MOST_CASES, unread_note, unread_part


def first_words(text: str) -> list[int]:
    """Tokens of a tokenizer that reads three words."""
    return [len(word) for word in text.split()][:3]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", ""),
        ("a", ""),
        ("a bb ccc", ""),
        ("a bb ccc  ", ""),
        ("a bb ccc dddd e", "dddd e"),
        ("x " * 5, "x x"),
    ],
)
def test_the_part_beyond_the_limit_is_found(text: str, part: str) -> None:
    assert unread_part(text, first_words) == part


def test_a_note_lists_a_few_cases_and_counts_the_others() -> None:
    note = unread_note("animals: shapes", {f"case-{number}": "in the rain" for number in range(MOST_CASES + 2)}, "do")
    assert note.startswith("animals: shapes does not read the end of 7 prompts (case-0: “in the rain”; case-1:")
    assert note.endswith("; and 2 more); do")


def test_a_long_part_is_shortened() -> None:
    assert "(cat: “a b c d e f g h …”)" in unread_note("x", {"cat": "a b c d e f g h i"}, "")
