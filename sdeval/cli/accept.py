"""`sdeval accept`: make a run, or a part of it, the baseline."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sdeval._utils.files import short
from sdeval._utils.formatting import number
from sdeval._utils.progress import on_stderr
from sdeval._utils.tables import Column, Row, Table, say, show, terminal_width, wrapped
from sdeval.baselines import drafts, speed
from sdeval.baselines.acceptance import propose, stage, upload
from sdeval.baselines.transaction import Transaction, changing
from sdeval.cli.accept_options import selection_of
from sdeval.comparison import notes
from sdeval.comparison.undetectable import detectable_losses
from sdeval.config.discovery import find_suites
from sdeval.errors import CannotWrite, SdevalError, plural
from sdeval.results.session_folder import read_record
from sdeval.results.shard_record import refuse_shard

if TYPE_CHECKING:
    from sdeval._utils.tables import Row
    from sdeval.baselines.acceptance import Proposal
    from sdeval.baselines.acceptance.changes import CaseChange, Change

LINES = 20
"""Cases that are reported, unless all are asked for."""

EXAMPLE = "sdeval accept -k 'cat and not black' --reason 'new scheduler, reviewed'"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    folder_help = "a session, one run in it, or an approvals.json from its page (default: the latest session)"
    parser.add_argument("folder", metavar="RUN", type=Path, nargs="?", help=folder_help)
    words_help = "accept only cases whose ids match, as in `cat and not black`; repeatable"
    parser.add_argument("-k", dest="words", metavar="EXPR", action="append", default=[], help=words_help)
    metric_help = "accept only scores of this metric; images stay as they are; repeatable"
    parser.add_argument("--metric", dest="metrics", metavar="METRIC", action="append", default=[], help=metric_help)
    parser.add_argument("--reason", metavar="TEXT", help="why; stored with the baseline")
    session_help = "the session that an approvals.json belongs to (default: the one it names)"
    parser.add_argument("--from", dest="session", metavar="DIR", type=Path, help=session_help)
    parser.add_argument("--speed", action="store_true", help="also store times that were measured on a CPU")
    draft_help = "put it into the store for review, and leave the baselines as they are; `sdeval promote` accepts it"
    parser.add_argument("--draft", action="store_true", help=draft_help)
    parser.add_argument("--dry-run", action="store_true", help="print what would change, write nothing")
    parser.add_argument("-v", "--verbose", action="store_true", help="print every case that changes")


def run(args: argparse.Namespace) -> int:
    """Make the runs of a session, or parts of them, the baselines of their suites and targets; git undoes it.

    Nothing is generated again, and all is looked at before anything is written. Everything is accepted, or nothing.
    """
    if args.draft and args.images.is_beside_baselines:
        raise SdevalError('--draft: needs a store that others reach: in pyproject.toml, [tool.sdeval] store = "URL"')
    refuse_shard(args.folder or args.output / "latest")
    proposals = _proposals(args)
    if args.dry_run:
        outcome = "nothing written (dry run)"
    elif args.draft:
        outcome = _save_draft(proposals, args)
    else:
        proposals = _accept(proposals, args)
        outcome = f"accepted into {short(args.baselines)}; undo with git"
    left_out = _left_out(args, proposals)
    try:
        for proposal in proposals:
            print_proposal(proposal, LINES if not args.verbose else None)
        for line in left_out:
            say(line)
        say(outcome)
    # What happens to the output changes nothing that was accepted.
    except CannotWrite as error:
        if args.dry_run:
            raise
        raise SdevalError(f"{outcome}; {error}") from None
    return 0


def _accept(proposals: list[Proposal], args: argparse.Namespace) -> list[Proposal]:
    """Write all proposals together; they are made again where somebody else accepted meanwhile."""
    while True:
        thumbnails = upload(proposals, args.images, on_stderr())
        with changing(args.baselines) as change:
            if all(proposal.is_current for proposal in proposals):
                _stage(proposals, change, thumbnails, args)
                change.commit()
                return proposals
        proposals = _proposals(args)


def _save_draft(proposals: list[Proposal], args: argparse.Namespace) -> str:
    """Put what would be accepted into the store, and say what accepts it; the working tree stays as it is."""
    names = {proposal.entries[-1].session for proposal in proposals if proposal.entries}
    if len(names) != 1:
        raise SdevalError(f"--draft: takes runs of one session, got {len(names)}")
    thumbnails = upload(proposals, args.images, on_stderr())
    with TemporaryDirectory() as folder:
        change = Transaction(args.baselines, Path(folder))
        _stage(proposals, change, thumbnails, args)
        if not change.staged:
            return "the baselines hold all of this already; no draft was made"
        (name,) = names
        drafts.save(name, change, args.images)
    return f"draft in {args.images.place}; after review, accept it with: sdeval promote {name}"


def _stage(
    proposals: Sequence[Proposal], change: Transaction, thumbnails: Mapping[str, bytes], args: argparse.Namespace
) -> None:
    for proposal in proposals:
        stage(proposal, change, thumbnails)
        if _has_speed(proposal, args):
            speed.accept(proposal.run, change)


def _proposals(args: argparse.Namespace) -> list[Proposal]:
    """The changes to every baseline that is selected."""
    selection = selection_of(args)
    return [
        propose(
            folder,
            args.baselines,
            parts,
            suite_of=lambda name: find_suites(name, args.root)[0],
            reason=selection.reason,
            watcher=on_stderr(),
        )
        for folder, parts in selection.parts
    ]


def _left_out(args: argparse.Namespace, proposals: list[Proposal]) -> list[str]:
    """What a whole session could not generate, and what is therefore not accepted with the rest, a line each."""
    session = args.folder or args.output / "latest"
    try:
        verdicts = () if args.words or args.metrics else read_record(session).verdicts
    # A run by itself, an approvals.json, or verdicts that are corrupt: its runs are as good without them.
    except SdevalError:
        return []
    accepted = {(proposal.run.suite, proposal.run.target) for proposal in proposals}
    unscored = ((verdict.suite, verdict.target) for verdict in verdicts if verdict.verdict == "unscored")
    missing = sorted(set(unscored) - accepted)
    return [f"{suite} on {target}: has no run in this session, so its baseline stays" for suite, target in missing]


def print_proposal(proposal: Proposal, lines: int | None = LINES) -> None:
    """Old and new: every metric, then cases whose scores change; of a whole run only where all lines are asked for."""
    say(_title(proposal))
    cases = [] if proposal.whole and lines is not None else proposal.cases
    rows = [_row(change.metric, change, change.reason) for change in proposal.metrics]
    rows += [_row(f"{change.case} {change.metric}", change) for change in cases[:lines]]
    if rows:
        show(Table([Column(), Column(numeric=True), Column(), Column(numeric=True)], rows, indent=2))
    if len(cases) > len(cases[:lines]):
        say(f"  … and {len(cases) - len(cases[:lines])} more; all of them: --verbose")
    for note in proposal.notes:
        say(f"  note: {note}")
    detectable = notes.detectable_losses(detectable_losses(proposal.run)) if proposal.whole else ""
    for line in wrapped(detectable, terminal_width() - 2, 2) if detectable else ():
        say(f"  {line}")


def _row(name: str, change: Change | CaseChange, reason: str = "") -> Row:
    return Row([name, number(change.old), "→", number(change.new)], reason if change.new is None else "")


def _title(proposal: Proposal) -> str:
    images = f"{plural(proposal.images, 'image')} new or changed" if proposal.fresh else "images stay"
    return f"{proposal.run.suite} on {proposal.run.target}: {images}"


def _has_speed(proposal: Proposal, args: argparse.Namespace) -> bool:
    """Whether it is kept how fast a run was: of a whole one, and on a processor only where `--speed` asks for it."""
    return proposal.whole and (args.speed or not speed.hardware_of(proposal.run).startswith("cpu"))
