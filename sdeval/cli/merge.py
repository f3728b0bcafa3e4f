"""`sdeval merge`: one session of the shards that several machines have generated."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from sdeval._utils.files import discard
from sdeval._utils.tables import has_colour, say, terminal_width
from sdeval.config.options import Config, read_table
from sdeval.errors import SdevalError
from sdeval.exporters import export
from sdeval.report.closing import Ending, close_session
from sdeval.report.terminal import summary_lines
from sdeval.results.session_lock import SessionLock
from sdeval.results.session_names import new_name
from sdeval.session.merging import check_shards, merge

EXAMPLE = "sdeval merge shard-1 shard-2 --output reports"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    runs_help = "the session of a shard; all shards of one session are needed, in any order"
    parser.add_argument("runs", metavar="DIR", type=Path, nargs="+", help=runs_help)
    output_help = "where the session is written (default: as pyproject.toml says, or reports)"
    parser.add_argument("--output", dest="into", type=Path, metavar="DIR", help=output_help)
    root_help = "what the node ids of test items begin at, where that is not the root of the project"
    parser.add_argument("--rootdir", type=Path, metavar="DIR", help=root_help)


def run(args: argparse.Namespace) -> int:
    """Merge the shards of a session, score what takes all images, and judge: as if one machine had run it.

    Nothing is generated. The exit code is 1 where a verdict fails, as pytest's is.
    """
    folders = [folder.resolve() for folder in args.runs]
    record = check_shards(folders, args.root)
    given = {**record.options, **({"output": str(args.into.resolve())} if args.into else {})}
    settings = Config.merge(
        {**given, "baselines": str(args.baselines.resolve())},
        read_table(args.root),
        args.root,
        ci=bool(os.environ.get("CI")),
    )
    folder = settings.output / new_name(settings.output)
    lock = SessionLock(folder)
    lock.claim()
    try:
        merged = merge(folders, settings, folder, args.rootdir or args.root)
    except SdevalError:
        lock.release()
        discard(folder)
        raise
    ending = Ending(
        folder=folder,
        verdicts=list(merged.verdicts.values()),
        settings=settings,
        suite_of=merged.session.suites.get,
        notes=tuple(merged.unseen),
        unwritten=tuple(merged.session.unwritten),
    )
    published = close_session(ending)
    lock.release()
    not_exported = export(folder, settings.export, settings.export_timeout) if settings.export else []
    lines = summary_lines(
        ending.verdicts,
        published.page,
        Path.cwd(),
        terminal_width(),
        [*published.notes, *not_exported],
        published.further,
        colour=has_colour(),
    )
    for line in lines:
        say(line)
    for reason in published.unwritten:
        say(f"sdeval: {reason}", sys.stderr)
    return int(any(verdict.fails(strict=settings.strict) for verdict in ending.verdicts))
