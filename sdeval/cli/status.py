"""`sdeval status`: how far a session is that runs elsewhere."""

from __future__ import annotations

import argparse
from pathlib import Path

from sdeval._utils.tables import say, show
from sdeval.report.status import session_to_show, status_lines, status_table


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    help_text = "a session, or the folder of all sessions (default: the one that runs, or else the latest)"
    parser.add_argument("folder", metavar="DIR", type=Path, nargs="?", help=help_text)


def run(args: argparse.Namespace) -> int:
    """Print whether a session runs and who holds it, and for every suite and target how far it is.

    All of it is read from the folder of the session: it may run on another machine that shares the folder.
    """
    folder = args.folder or args.output
    session = folder if (folder / "selected.json").is_file() else session_to_show(folder)
    for line in status_lines(session.resolve()):
        say(line)
    say()
    show(status_table(session.resolve()))
    return 0
