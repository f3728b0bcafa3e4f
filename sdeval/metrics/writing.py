"""Compares what an image shall say with what was read in it. Pure: no image, no model.

Compared are letters and digits in the order of each expected text. What does not count: upper and lower case, widths
and ligatures (Unicode NFKC and case folding), punctuation, blanks and line breaks, the order of the expected texts
among each other, and any other writing in the image.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_SINGLE = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Characters of Chinese and Japanese, which has no blanks: each is a word by itself."""
_WORD = re.compile(rf"[{_SINGLE}]|[^\s{_SINGLE}]+")
LONGEST = 2
"""Read words are joined up to this many times the length of the expected text."""
FOUND = 0.5
"""From this similarity on, an expected text counts as found."""


@dataclass(frozen=True, slots=True)
class Match:
    """An expected text and the read words that come nearest to it."""

    expected: str
    """Its letters and digits."""
    found: str
    """The letters and digits of the read words; empty where nothing is near."""
    distance: int
    """Letters to insert, to delete or to replace."""
    place: range
    """Which of the read words they are."""

    @property
    def length(self) -> int:
        """Of the longer of the two: the most letters that can differ."""
        return max(len(self.expected), len(self.found))

    @property
    def similarity(self) -> float:
        """1 where they are equal, 0 where they have nothing in common."""
        return 1 - self.distance / self.length


def words_of(text: str) -> list[str]:
    """The words of a text, of letters and digits only.

    Example:
        >>> words_of("Flux.cpp says: DON'T")
        ['fluxcpp', 'says', 'dont']
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    words = ("".join(filter(_counts, word)) for word in _WORD.findall(folded))
    return [word for word in words if word]


def _counts(character: str) -> bool:
    """Whether it is a letter, a digit, or a mark on one."""
    return unicodedata.category(character)[0] in "LNM"


def match_texts(expected: Sequence[str], read: Sequence[str]) -> list[Match]:
    """The read words that come nearest to each expected text; a word belongs to one text at most.

    Joined are words that follow each other, so that a text may be read in pieces, and a letter too many inside a word
    is seen. Long texts choose first.

    Args:
        expected: each with at least one letter or digit.
        read: words, as `words_of` gives them.
    """
    free = set(range(len(read)))
    matches: dict[int, Match] = {}
    letters = ["".join(words_of(text)) for text in expected]
    for number in sorted(range(len(letters)), key=lambda place: -len(letters[place])):
        candidates = (_match(letters[number], read, place) for place in _runs(read, free, len(letters[number])))
        nothing = Match(letters[number], "", len(letters[number]), range(0))
        # Of two that are as near, the one of fewer words leaves more to the other texts.
        matches[number] = max((nothing, *candidates), key=lambda match: (match.similarity, -len(match.place)))
        free.difference_update(matches[number].place)
    return [matches[number] for number in range(len(letters))]


def _match(expected: str, read: Sequence[str], place: range) -> Match:
    from rapidfuzz.distance import Levenshtein

    found = "".join(read[place.start : place.stop])
    return Match(expected, found, Levenshtein.distance(expected, found), place)


def _runs(read: Sequence[str], free: set[int], length: int) -> Iterator[range]:
    """Places of free words that follow each other and are not much longer than a text together; of single ones all."""
    for start in sorted(free):
        letters, stop = 0, start
        while stop in free and (stop == start or letters < LONGEST * length):
            letters += len(read[stop])
            stop += 1
            yield range(start, stop)


def accuracy(matches: Sequence[Match]) -> float:
    """1 minus the edit distance of all texts, as a share of the most letters that could differ: 0 to 1."""
    return 1 - sum(match.distance for match in matches) / sum(match.length for match in matches)


def word_recall(expected: Sequence[str], read: Sequence[str]) -> float:
    """Share of the expected words that were read to the last letter, 0 to 1; one that is expected twice counts twice.

    Args:
        expected: texts, with at least one word together.
        read: words, as `words_of` gives them.
    """
    wanted = Counter(word for text in expected for word in words_of(text))
    return (wanted & Counter(read)).total() / wanted.total()


def spurious_letters(matches: Sequence[Match], read: Sequence[str]) -> int:
    """Letters and digits of read words that belong to no expected text."""
    known = {place for match in matches if match.similarity >= FOUND for place in match.place}
    return sum(len(word) for place, word in enumerate(read) if place not in known)
