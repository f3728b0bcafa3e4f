"""What a tokenizer with a limit does not read of a text: the model and CLIP cut long prompts without a word."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sdeval.errors import plural

MOST_CASES = 5
"""Cases that a note lists."""
MOST_WORDS = 8
"""Words of an unread part that a note shows."""
MORE = " and much more"
"""A text that is read to its end has other tokens with this after it."""


def unread_part(text: str, tokens: Callable[[str], Sequence[int]]) -> str:
    """The end of a text that changes none of its tokens; empty where it is read to its end.

    Args:
        text: to be read.
        tokens: those of a text, cut at the limit.

    Example:
        >>> unread_part("one two three", lambda text: [len(word) for word in text.split()][:2])
        'three'
    """
    read = list(tokens(text))
    if list(tokens(text + MORE)) != read:
        return ""
    fewest, most = 0, len(text)
    while fewest < most:
        middle = (fewest + most) // 2
        if list(tokens(text[:middle])) == read:
            most = middle
        else:
            fewest = middle + 1
    return text[most:].strip()


def unread_note(what: str, parts: Mapping[str, str], advice: str) -> str:
    """A line about cases whose prompts are cut.

    Args:
        what: what reads them, at the beginning of the line.
        parts: what is not read, by case.
        advice: what to do.
    """
    listed = "; ".join(f"{case}: “{_shortened(part)}”" for case, part in list(parts.items())[:MOST_CASES])
    more = f"; and {len(parts) - MOST_CASES} more" if len(parts) > MOST_CASES else ""
    return f"{what} does not read the end of {plural(len(parts), 'prompt')} ({listed}{more}); {advice}"


def _shortened(text: str) -> str:
    words = text.split()
    return " ".join(words) if len(words) <= MOST_WORDS else f"{' '.join(words[:MOST_WORDS])} …"
