"""The one exception that faces users: a line that says what is wrong, where, and what to do."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from traceback import walk_tb

LONGEST = 300
"""Characters that a message shows of somebody else's text."""
MOST_LISTED = 12
"""Known names that are all listed; of more, only some are, and those only where there are no near matches."""
FIRST_LISTED = 10
"""Of a long list."""
FEWEST_LETTERS = 3
"""Letters from which on a part of a name says what is meant."""


MOST_LETTERS = 2000
"""Letters of a message; of one that is longer, the middle is left out."""
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, line separators, changes of the writing direction, and halves of surrogate pairs."""


class SdevalError(Exception):
    """Bad input or a missing prerequisite. The message is meant to be printed without a traceback.

    Libraries, engines and files put their own texts into messages, so that control characters are escaped, and of what
    is very long the middle is left out.
    """

    def __init__(self, message: object = "") -> None:
        # Names of files and texts of libraries may hold line breaks: a message is one line all the same.
        super().__init__(printable(str(message)).replace("\n", r"\n").replace("\t", r"\t"))


class CannotWrite(SdevalError):
    """Something cannot be written: the disk is full, a right is missing, or a folder is gone."""


class NobodyReads(CannotWrite):
    """The program that the output goes to has ended, as `head` does after ten lines."""


class NotAvailable(SdevalError):
    """Something that the work needs is not on this machine: weights, hardware or an optional package."""


class NoHardware(NotAvailable):
    """A target says that it needs hardware which this machine does not have: its items are skipped, strict or not."""


class CallFailed(SdevalError):
    """A call of an engine or of a metric failed, and with it the samples of that call; others may go well."""


class ProcessEnded(CallFailed):
    """The process that generated ended, or cannot generate any more: another one may do what it was asked for."""


class Unusable(SdevalError):
    """After an error of CUDA no call of this process succeeds any more: a new one has to go on."""


def printable(text: str, most: int = MOST_LETTERS) -> str:
    r"""Text that is safe to print and to write in UTF-8.

    Example:
        >>> printable("red\x1b[31m")
        'red\\x1b[31m'
    """
    half, excess = most // 2, len(text) - most
    # Advice stands at the end of a message.
    return escaped(text if excess <= 0 else f"{text[:half]} … ({excess} characters left out) … {text[-half:]}")


def escaped(text: str) -> str:
    """Text of any length of which nothing controls a terminal, and which UTF-8 can hold."""
    return _UNPRINTABLE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def one_line(text: str) -> str:
    """Somebody else's text on one line, printable, and cut where it is long."""
    # Of 25 MB of text, what is shown is not looked for in all of it.
    line = printable(" ".join(text[: 10 * LONGEST].split()))
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def first_line(error: BaseException) -> str:
    """The first line of what an error of a library says."""
    text = _text(error).strip()
    return one_line(text.splitlines()[0] if text else type(error).__name__)


def describe_error(error: BaseException) -> str:
    r"""The class of an error and what it says, on one line that any terminal and any file can hold.

    Example:
        >>> describe_error(ValueError("no such\n  voice"))
        'ValueError: no such voice'
    """
    name, text = type(error).__name__, one_line(_text(error))
    return one_line(f"{name}: {text}") if text else name


def _text(error: BaseException) -> str:
    """The text of an error; nothing where it cannot even say that."""
    try:
        return str(error)
    except Exception:
        return ""


def unknown(what: str, name: str, known: Iterable[str], listing: str = "") -> str:
    """Message for a name that nobody knows: near matches, best first, and what is known; of a long list, some of it.

    Args:
        what: kind of thing.
        name: that nobody knows.
        known: names that are.
        listing: the command that prints them all.

    Example:
        >>> unknown("metric", "clip_scor", ["clip_score", "frechet_distance"])
        "unknown metric 'clip_scor'; did you mean clip_score? Known: clip_score, frechet_distance"
    """
    names = sorted(known)
    near = _near(name, names)
    hint = f"; did you mean {' or '.join(near)}?" if near else "."
    return f"unknown {what} {name!r}{hint}{_known(names, listing, has_near=bool(near))}"


def _known(names: Sequence[str], listing: str, *, has_near: bool) -> str:
    """The known names; of a long list the first, or none where there are near matches, and how to list all."""
    if len(names) <= MOST_LISTED:
        return f" Known: {', '.join(names)}"
    if has_near:
        return f" All of them: {listing}" if listing else ""
    rest = f" and {len(names) - FIRST_LISTED} more"
    return f" Known: {', '.join(names[:FIRST_LISTED])}{rest}" + (f"; all of them: {listing}" if listing else "")


def _near(name: str, names: Sequence[str]) -> list[str]:
    """Up to three names that may be meant: it is their beginning, or close to them; otherwise those that contain it."""
    part = name.lower()
    containing = [each for each in names if len(part) >= FEWEST_LETTERS and part in each.lower()]
    containing.sort(key=lambda each: -_likeness(name, each))
    beginning = [each for each in containing if each.lower().startswith(part)]
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    return (list(dict.fromkeys((*beginning, *close))) or containing)[:3]


def _likeness(name: str, other: str) -> float:
    return difflib.SequenceMatcher(None, name, other).ratio()


def with_location(error: SdevalError, module: Path, place: str) -> SdevalError:
    """The error with the line of a suite's module that it came up in, if it did.

    Example: `suite animals: seeds: must be a list of whole numbers, got 'x' (suites/test_animals.py:12)`
    """
    frames = walk_tb(error.__traceback__)
    lines = [line for frame, line in frames if Path(frame.f_code.co_filename).resolve() == module.resolve()]
    return type(error)(f"{error} ({place}:{lines[-1]})") if lines else error


def plural(count: int, noun: str) -> str:
    """A number of things, for messages.

    Example:
        >>> plural(1, "case"), plural(2, "case")
        ('1 case', '2 cases')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
