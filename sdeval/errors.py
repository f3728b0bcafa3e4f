"""The one exception that faces users: a line that says what is wrong, where, and what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from traceback import walk_tb

MOST_LISTED = 12
"""Known names that are listed although there are near matches."""
FEWEST_LETTERS = 3
"""Letters from which on the beginning of a name says what is meant."""


LONGEST_MESSAGE = 2000
"""Characters of a message; of a longer one the middle is left out."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line breaks, and what UTF-8 cannot hold."""


class SdevalError(Exception):
    """Bad input or a missing prerequisite: one line of bounded length, to be printed without a traceback.

    Messages quote files, paths and errors of libraries, whatever they hold.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class NotAvailable(SdevalError):
    """Something that the work needs is not on this machine: weights, hardware or an optional package."""


class NoHardware(NotAvailable):
    """A target says that it needs hardware which this machine does not have: its items are skipped, strict or not."""


def one_line(text: str) -> str:
    r"""A text as it can be printed: control characters are spelled, and of a long text the middle is left out.

    Example:
        >>> print(one_line("a\nb"))
        a\nb
    """
    if len(text) > LONGEST_MESSAGE:
        text = f"{text[: LONGEST_MESSAGE - 500]} … {text[-400:]}"
    return _UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


def first_line(error: BaseException) -> str:
    """What an error of a library says, on one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """Message for a name that nobody knows: near matches, best first, and what is known unless that is a long list.

    Example:
        >>> unknown("metric", "clip_scor", ["clip_score", "frechet_distance"])
        "unknown metric 'clip_scor'; did you mean clip_score? Known: clip_score, frechet_distance"
    """
    names = sorted(known)
    near = _near(name, names)
    hint = f"; did you mean {' or '.join(near)}?" if near else "."
    listed = "" if near and len(names) > MOST_LISTED else f" Known: {', '.join(names)}"
    return f"unknown {what} {name!r}{hint}{listed}"


def _near(name: str, names: Sequence[str]) -> list[str]:
    """Up to three names that may be meant: those of which it is the beginning, then those that are close."""
    begin = [each for each in names if len(name) >= FEWEST_LETTERS and each.lower().startswith(name.lower())]
    begin.sort(key=lambda each: -difflib.SequenceMatcher(None, name, each).ratio())
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    return list(dict.fromkeys((*begin, *close)))[:3]


def located(error: SdevalError, module: Path, shown: str) -> SdevalError:
    """The error with the line of a suite's module that it came up in, if it did.

    Example: `suite animals: seeds: must be a list of whole numbers, got 'x' (suites/test_animals.py:12)`
    """
    frames = walk_tb(error.__traceback__)
    lines = [line for frame, line in frames if Path(frame.f_code.co_filename).resolve() == module.resolve()]
    return type(error)(f"{error} ({shown}:{lines[-1]})") if lines else error


def plural(count: int, noun: str) -> str:
    """A number of things, for messages.

    Example:
        >>> plural(1, "case"), plural(2, "case")
        ('1 case', '2 cases')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
