"""`sdeval report`: write the page of a session again, and the comparison of its targets."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from sdeval._utils.files import short
from sdeval._utils.tables import say
from sdeval.config import project
from sdeval.errors import CannotWrite, SdevalError
from sdeval.report.comparison import of_project
from sdeval.report.publish import rewrite_comparison, rewrite_page

EXAMPLE = "sdeval report reports/latest --single-file sdeval-report.html"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("folder", metavar="RUN", type=Path, nargs="?", help="a session (default: the latest)")
    parser.add_argument(
        "--single-file",
        metavar="FILE",
        type=Path,
        nargs="?",
        const=Path("sdeval-report.html"),
        help="one file with small images inside, to send around (default: sdeval-report.html)",
    )


def run(args: argparse.Namespace) -> int:
    """Generate the pages of a session again, from what is on disk."""
    if args.single_file and args.single_file.is_dir():
        advice = (
            f"{args.single_file} is a folder; the session comes first: sdeval report {args.single_file} --single-file"
        )
        raise SdevalError(f"--single-file: {advice}")
    session: Path = args.folder or args.output / "latest"
    # A page in one file has no comparison beside it.
    comparison = None if args.single_file else _rewrite_comparison(session, args.root)
    say(str(short(rewrite_page(session, single=args.single_file))))
    if comparison:
        say(comparison)
    return 0


def _rewrite_comparison(session: Path, root: Path) -> str:
    """Its page, or why there is none though the session has several targets; empty where it has one."""
    try:
        folders = project.recorded(session)
        page = rewrite_comparison(session, partial(of_project, folders.root if folders else root))
    except CannotWrite:
        raise
    except SdevalError as error:
        return f"no comparison: {error}"
    return str(short(page)) if page else ""
