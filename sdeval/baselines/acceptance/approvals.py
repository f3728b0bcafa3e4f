"""`approvals.json`: what somebody ticked on the page of a session. Others wrote it: every name in it is looked up."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from sdeval._utils.files import read_bytes, read_json
from sdeval._utils.validation import Checked, from_json, preview
from sdeval.baselines.acceptance.selection import Part, check_metric
from sdeval.baselines.provenance import ALL, Some
from sdeval.errors import SdevalError, unknown
from sdeval.results.run import Run

SCHEMA = 1

_Some = Annotated[Some, f'list names, or write "{ALL}"']


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval(Checked):
    """Some cases of one suite on one target: with their images, or the scores of some metrics alone."""

    suite: str
    target: str
    cases: _Some
    metrics: _Some
    """With `all`, the images are accepted, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approvals(Checked):
    """All that was ticked in a session."""

    schema: Literal[1]
    session: str
    """Name of the session's folder."""
    approvals: tuple[Approval, ...]
    reason: str = ""


def read(path: Path) -> Approvals:
    """What a file approves; which runs and cases there are is looked at by `parts_by_name`.

    Raises:
        SdevalError: it is missing, or not what it should be; names the field.
    """
    content = read_json(path, f"{path}: no such file; the page of a session exports one")
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        schema = content.get("schema") if isinstance(content, dict) else None
        raise SdevalError(f"{path}: has schema {preview(schema)}; this version of sdeval reads {SCHEMA}")
    approvals = from_json(Approvals, read_bytes(path), str(path))
    if not re.fullmatch(r"\w[\w.-]*", approvals.session):
        advice = "must be the name of a session's folder, such as 20261121-141503-9f2c"
        raise SdevalError(f"{path}: session: {advice}, got {preview(approvals.session)}")
    if not approvals.approvals:
        raise SdevalError(f"{path}: approvals: must be a list with at least one approval, got []")
    for place, approval in enumerate(approvals.approvals):
        for name in ("cases", "metrics"):
            if not getattr(approval, name):
                raise SdevalError(f'{path}: approvals[{place}]: {name}: must be a list of names, or "{ALL}", got []')
    return approvals


def parts_by_name(
    approvals: Approvals, runs: Mapping[tuple[str, str], Run], path: Path
) -> dict[tuple[str, str], list[Part]]:
    """The parts that are approved of each run of a session, by suite and target.

    Args:
        approvals: what was ticked.
        runs: of the session.
        path: of the file, for messages.

    Raises:
        SdevalError: a suite, target, case or metric that the session does not have; lists the near matches.
    """
    parts: dict[tuple[str, str], list[Part]] = {}
    for place, approval in enumerate(approvals.approvals):
        where = f"{path}: approvals[{place}]"
        try:
            parts.setdefault((approval.suite, approval.target), []).append(_part(approval, runs))
        except SdevalError as error:
            raise SdevalError(f"{where}: {error}") from None
    return parts


def _part(approval: Approval, runs: Mapping[tuple[str, str], Run]) -> Part:
    _look_up("suite", [approval.suite], {suite for suite, _ in runs})
    _look_up("target", [approval.target], {target for suite, target in runs if suite == approval.suite})
    run = runs[approval.suite, approval.target]
    cases, names = (None if names == ALL else tuple(names) for names in (approval.cases, approval.metrics))
    _look_up("case", cases or (), run.by_case())
    for name in names or ():
        check_metric(name, [metric for metric, record in run.metrics.items() if record.gating])
    return Part(cases, names)


def _look_up(what: str, names: Sequence[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise SdevalError(unknown(what, name, known))
