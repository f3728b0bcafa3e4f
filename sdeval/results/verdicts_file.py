"""`verdicts.json`: what a session found, for programs. `schema` describes every field of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from sdeval._utils.files import dump_json, nothing_in, read_bytes, read_json, write_text
from sdeval._utils.validation import Checked, Number, from_json
from sdeval.errors import SdevalError
from sdeval.results.verdict import Verdict, worst_first

SCHEMA: Literal[2] = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin(Checked):
    """How a session came about."""

    command: str
    """The command line, with `***` for what looks like a secret."""
    started: str
    """When it began or was last resumed, as ISO 8601 in UTC."""
    seconds: Number
    """How long it took from then on."""
    commit: str = ""
    """Git commit of the project; empty where it lies in no repository."""
    uncommitted: bool = False
    """Whether tracked files of the project differ from that commit."""
    ci_run: str = ""
    """Address of the CI run; empty outside CI."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Checked):
    """What a session found."""

    schema: Literal[2]
    """Goes up when a field changes its meaning or goes away; new fields leave it as it is."""
    session: str
    """Name of the session's folder."""
    outcome: Literal["failed", "inconclusive", "passed"]
    """`failed` where a verdict fails the session, `inconclusive` where a metric may be worse than its tolerance. pytest
    may fail for other reasons as well."""
    strict: bool
    """Whether what is missing failed the session: there, `new` fails as well."""
    verdicts: tuple[Verdict, ...]
    """Of every case and every metric of a suite, worst first."""
    notes: tuple[str, ...]
    """What a reader must know besides."""
    origin: Origin | None = None
    """How the session came about; null in older ones."""

    @classmethod
    def of(
        cls,
        session: str,
        verdicts: Sequence[Verdict],
        *,
        strict: bool,
        notes: Sequence[str] = (),
        origin: Origin | None = None,
    ) -> Record:
        """The record of a session."""
        failed = any(verdict.fails(strict=strict) for verdict in verdicts)
        inconclusive = any(verdict.verdict == "inconclusive" and verdict.warns for verdict in verdicts)
        return cls(
            schema=SCHEMA,
            session=session,
            outcome="failed" if failed else "inconclusive" if inconclusive else "passed",
            strict=strict,
            verdicts=tuple(worst_first(verdicts)),
            notes=tuple(dict.fromkeys(notes)),
            origin=origin,
        )


def write(record: Record, path: Path) -> None:
    """Write it whole or not at all."""
    write_text(path, dump_json(asdict(record)))


def read(path: Path) -> Record:
    """A record from disk.

    Raises:
        SdevalError: there is none, it is corrupt, or it has another layout.
    """
    content = read_json(path, nothing_in(path.parent, "session", path.name))
    if isinstance(content, list) or (isinstance(content, Mapping) and content.get("schema", SCHEMA) != SCHEMA):
        raise SdevalError(f"{path}: was written by another version of sdeval; run the suites again: pytest suites")
    record = from_json(Record, read_bytes(path), f"{path}: is corrupt")
    return Record.of(record.session, record.verdicts, strict=record.strict, notes=record.notes, origin=record.origin)
