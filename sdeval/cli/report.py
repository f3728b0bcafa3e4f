"""`sdeval report`: write the page of a session again."""

from __future__ import annotations

import argparse
from pathlib import Path

from sdeval._utils.files import short
from sdeval._utils.tables import say
from sdeval.errors import SdevalError
from sdeval.report.publish import rewrite_page

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
    """Generate the page of a session again, from what is on disk."""
    if args.single_file and args.single_file.is_dir():
        advice = (
            f"{args.single_file} is a folder; the session comes first: sdeval report {args.single_file} --single-file"
        )
        raise SdevalError(f"--single-file: {advice}")
    say(str(short(rewrite_page(args.folder or args.output / "latest", single=args.single_file))))
    return 0
