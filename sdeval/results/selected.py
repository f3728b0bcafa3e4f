"""`selected.json`: the test items of a session, so that each of them gets a verdict whatever happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from sdeval._utils.files import dump_json, exists, read_bytes, write_text
from sdeval._utils.validation import Checked, from_json
from sdeval.results.session_names import SELECTED
from sdeval.results.verdict import Kind, Verdict, missing_verdict

ItemKind = Literal["case", "metric", "speed", "image"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedItem(Checked):
    """A test item, and what it judges."""

    nodeid: str
    """What pytest calls it."""
    suite: str
    target: str
    kind: ItemKind
    """`image` of an ordinary test that brings images of its own."""
    name: str
    """Of the case, the metric or the speed; of an ordinary test, of its first image."""

    def without_verdict(self, reason: str, verdict: Kind = "unscored") -> Verdict:
        """The verdict where the item was not judged."""
        return missing_verdict(
            self.suite, self.target, self.name, reason, verdict, is_case=self.kind in ("case", "image")
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection(Checked):
    """All items of a session."""

    items: tuple[SelectedItem, ...]
    partial: tuple[str, ...] = ()
    """Suites of images that tests bring, of which not all tests were selected."""


def write(items: Sequence[SelectedItem], session: Path, partial: Sequence[str] = ()) -> None:
    """Write the items of a session, whole or not at all."""
    write_text(session / SELECTED, dump_json(asdict(Selection(items=tuple(items), partial=tuple(partial)))))


def is_written(session: Path) -> bool:
    """Whether items of suites were selected."""
    return (session / SELECTED).is_file()


def read(session: Path) -> tuple[SelectedItem, ...]:
    """The items of a session; none where nothing of it was selected.

    Raises:
        SdevalError: the file is corrupt.
    """
    return read_selection(session).items


def read_selection(session: Path) -> Selection:
    """The items of a session, and which suites they are only a part of.

    Raises:
        SdevalError: the file is corrupt.
    """
    path = session / SELECTED
    return from_json(Selection, read_bytes(path), f"{path}: is corrupt") if exists(path) else Selection(items=())
