"""Comparing expected with read texts; no image is read here."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

pytest.importorskip("rapidfuzz")

from sdeval.metrics.writing import accuracy, match_texts, spurious_letters, word_recall, words_of

WORDS = st.lists(st.text("abcde", min_size=1, max_size=6), min_size=1, max_size=5)


def edit_distance(one: str, other: str) -> int:
    """The textbook's table, row by row."""
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        above = row
        row = [i]
        for j, letter_of_other in enumerate(other, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (letter != letter_of_other)))
    return row[-1]


def score(expected: str, read: str) -> float:
    return accuracy(match_texts([expected], words_of(read)))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, World!", ["hello", "world"]),
        ("DON'T  stop\nnow", ["dont", "stop", "now"]),
        ("ｆｕｌｌ ﬁne", ["full", "fine"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("恭喜 发财2024", ["恭", "喜", "发", "财", "2024"]),
        ("हिन्दी", ["हिन्दी"]),
        ("— ! ★", []),
    ],
)
def test_words_are_letters_and_digits(text: str, words: list[str]) -> None:
    assert words_of(text) == words


@pytest.mark.parametrize("read", ["flux.cpp", "FLUX CPP", "  'flux..cpp' ", "flu x.c pp", "sale flux cpp today"])
def test_case_punctuation_blanks_and_other_writing_cost_nothing(read: str) -> None:
    assert score("flux.cpp", read) == 1


@pytest.mark.parametrize(
    ("read", "right"),
    [("flix.cpp", 6 / 7), ("flux.cp", 6 / 7), ("flux.cppp", 7 / 8), ("", 0), ("xlfu.ppc", 2 / 7)],
)
def test_each_wrong_letter_costs_its_share(read: str, right: float) -> None:
    assert score("flux.cpp", read) == pytest.approx(right)


def test_a_word_inside_a_longer_one_is_not_found() -> None:
    assert score("cat", "education") < 0.5


def test_a_part_of_a_line_without_blanks_is_found() -> None:
    assert score("发财", "恭喜发财了") == 1


@pytest.mark.parametrize("read", list(permutations(["red door", "blue", "door 7"])))
def test_expected_texts_are_found_in_any_order(read: tuple[str, ...]) -> None:
    words = words_of(" ".join(read))
    assert accuracy(match_texts(["red door", "door 7", "blue"], words)) == 1


def test_a_text_that_is_expected_twice_must_be_there_twice() -> None:
    assert accuracy(match_texts(["go", "go"], ["go"])) == 0.5
    assert accuracy(match_texts(["go", "go"], ["go", "go"])) == 1


@given(WORDS, WORDS)
def test_a_single_text_has_the_least_distance_of_all_runs_of_words(expected: list[str], read: list[str]) -> None:
    text = "".join(expected)
    runs = ["".join(read[start:stop]) for start in range(len(read)) for stop in range(start + 1, len(read) + 1)]
    best = min([1.0, *(edit_distance(text, run) / max(len(text), len(run)) for run in runs)])
    # Runs of more than twice the length are not tried; none of them is nearer than half.
    assert 1 - accuracy(match_texts([" ".join(expected)], read)) == pytest.approx(best) or best >= 0.5


@given(WORDS, WORDS)
def test_values_stay_within_their_range(expected: list[str], read: list[str]) -> None:
    matches = match_texts(expected, read)
    assert 0 <= accuracy(matches) <= 1
    assert 0 <= word_recall(expected, read) <= 1
    assert 0 <= spurious_letters(matches, read) <= sum(map(len, read))


@given(WORDS)
@example(["a", "aa", "aaa"])
def test_what_is_read_as_expected_is_all_right(words: list[str]) -> None:
    matches = match_texts(words, words)
    assert (accuracy(matches), word_recall(words, words), spurious_letters(matches, words)) == (1, 1, 0)


def test_a_word_with_one_wrong_letter_is_not_recalled() -> None:
    assert word_recall(["Hello World"], words_of("hello worid")) == 0.5


def test_a_word_that_is_expected_twice_counts_twice() -> None:
    assert word_recall(["bye bye"], ["bye"]) == 0.5


def test_words_of_no_expected_text_are_spurious() -> None:
    read = words_of("OPEN gibber ish")
    assert spurious_letters(match_texts(["open"], read), read) == 9


def test_a_misspelt_text_is_not_spurious_but_one_that_hardly_fits_is() -> None:
    for read, count in ((["opem"], 0), (["oxyz"], 4)):
        assert spurious_letters(match_texts(["open"], read), read) == count
