"""Texts that users read are of one style: the field's words, a space between number and unit, dates as in ISO 8601.

`tests/test_language.py` searches all lines of all files for words that are gone. This one reads texts: sentences in the
code, what templates show, and the prose of the documentation; there, words are checked that are fine as names in code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT

WORDS = {
    r"figures?": "metric, or value",
    r"told": "reported, or stated",
    r"said": "stated, or reported",
    r"drift(s|ed|ing)?": "image change, or trend",
    r"pace": "speed",
    r"weigh(s|ed)?": "judge",
    r"looks (?=must|of|may)|(?<=seeds and )looks": "seed rounds",
    r"asked(?=:| is | were | was \d)": "request, or generated",
    r"mend(s|ed)?": "fix",
    r"goes on with": "is resumed with",
    r"storeys?": "layers",
}
"""Words of a private dialect by what is written instead."""
UNITS = r"(?:ms|s|min|h|B|kB|MB|GB|TB|KiB|MiB|GiB|px|Hz|MHz|GHz|dB)"
JOINED = re.compile(rf"(?<![\w./#:-])\d+(?:\.\d+)?{UNITS}\b(?!-)")
AFTER_FIELD = re.compile(rf"^{UNITS}(?=[\s,;:.)]|$)")
MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
DATES = re.compile(
    rf"\b(?:\d{{1,2}}[./]\d{{1,2}}[./](?:\d{{4}}|\d\d)\b|(?:{MONTHS}) \d{{1,2}},? \d{{4}}|%d[./]%m|%m/%d|%b\b|%B\b)"
)
PUBLISHED = {'Does this figure show "{prompt}"?'}
"""Sentences of others that must stay as they are."""
PLURALS = {"sdeval/errors.py", "sdeval/report/html/trust.py"}
"""Modules that add an s to a noun, which is no second."""


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text, and where it is."""

    path: Path
    line: int
    words: str
    follows_value: bool = False
    """Whether a value of an f-string stands directly before it."""

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.words.strip()[:80]!r}"


def sentences(path: Path) -> Iterator[Text]:
    """What a module may print or write: texts with a space in them, and parts of f-strings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bodies = (node.body for node in ast.walk(tree) if isinstance(getattr(node, "body", None), list))
    documentation = {id(line.value) for body in bodies for line in body if isinstance(line, ast.Expr)}
    following: dict[int, bool] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            pairs = zip([None, *node.values], node.values, strict=False)
            following |= {id(part): isinstance(before, ast.FormattedValue) for before, part in pairs}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation
        if is_text and (" " in node.value or id(node) in following):
            yield Text(path, node.lineno, node.value, following.get(id(node), False))


def shown(path: Path) -> Iterator[Text]:
    """What a template shows: lines without tags, attributes but for titles and labels, and expressions."""
    text = re.sub(
        r"\{[{%#].*?[}%#]\}",
        lambda match: "\n" * match[0].count("\n"),
        path.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    for number, line in enumerate(text.splitlines(), 1):
        attributes = re.findall(r'(?:title|aria-label|placeholder|alt)="([^"]*)"', line)
        yield Text(path, number, " ".join([re.sub(r"<[^>]*>?", " ", line), *attributes]))


def prose(path: Path) -> Iterator[Text]:
    """Lines of a page, without code."""
    fenced = False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fenced ^= line.startswith("```")
        if not fenced and not line.startswith(("    ", "```")):
            yield Text(path, number, re.sub(r"`[^`]*`|\]\([^)]*\)", " ", line))


CODE = [text for path in sorted((ROOT / "sdeval").rglob("*.py")) for text in sentences(path)]
TEMPLATES = [text for path in sorted((ROOT / "sdeval").rglob("*.html")) for text in shown(path)]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROSE = [text for path in PAGES for text in prose(path)]
IN_SENTENCES = ("figures?", "said")
"""Plain English where it is no name of something in sdeval, as in prose."""
TEXTS = {"code": CODE, "templates": TEMPLATES, "pages": PROSE}


def with_words(texts: list[Text], words: Mapping[str, str]) -> list[str]:
    patterns = {
        re.compile(rf"\b(?:{word})\b" if word[-1] not in ")" else rf"\b(?:{word})", re.I): instead
        for word, instead in words.items()
    }
    return [
        f"{text}: {match[0]!r}; write {instead!r}"
        for text in texts
        if text.words not in PUBLISHED
        for pattern, instead in patterns.items()
        for match in pattern.finditer(text.words)
    ]


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_no_word_is_of_a_private_dialect(texts: list[Text]) -> None:
    words = {word: instead for word, instead in WORDS.items() if texts is not PROSE or word not in IN_SENTENCES}
    assert with_words(texts, words) == []


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_a_space_stands_between_a_number_and_its_unit(texts: list[Text]) -> None:
    joined = [f"{text}: {match[0]!r}" for text in texts for match in JOINED.finditer(text.words)]
    after_value = [text for text in texts if text.follows_value and AFTER_FIELD.match(text.words)]
    joined += [str(text) for text in after_value if str(text.path.relative_to(ROOT)) not in PLURALS]
    assert joined == []


@pytest.mark.parametrize("texts", TEXTS.values(), ids=TEXTS)
def test_dates_are_those_of_iso_8601(texts: list[Text]) -> None:
    assert [f"{text}: {match[0]!r}" for text in texts for match in DATES.finditer(text.words)] == []


@pytest.mark.parametrize(
    ("words", "fails"),
    [
        ("this metric was told", True),
        ("It took 3.5s", True),
        ("It took 3.5 s", False),
        ("on 27.11.2026", True),
        ("on 2026-11-27", False),
        ("seeds and looks must not be empty", True),
        ("this looks the same", False),
        ("November 27, 2026", True),
    ],
)
def test_what_this_would_find(words: str, fails: bool) -> None:
    text = Text(ROOT / "README.md", 1, words)
    found = with_words([text], WORDS) or JOINED.search(words) or DATES.search(words)
    assert bool(found) == fails


def test_a_unit_directly_after_a_value_is_found(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text('"""About 3s."""\nprint(f"took {value}s, or {value} s")\n')
    texts = list(sentences(tmp_path / "module.py"))
    assert [text.words for text in texts if text.follows_value and AFTER_FIELD.match(text.words)] == ["s, or "]
