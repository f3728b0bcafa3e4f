"""`sdeval open`: show the page of a session in a browser."""

from __future__ import annotations

import argparse
import webbrowser
from pathlib import Path

from sdeval._utils.files import exists, nothing_in, short
from sdeval._utils.tables import say
from sdeval.errors import SdevalError
from sdeval.results.session_folder import PAGE

EXAMPLE = "sdeval open reports/latest"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("folder", metavar="SESSION", type=Path, nargs="?", help="a session (default: the latest)")


def run(args: argparse.Namespace) -> int:
    """Open the page of a session in a browser, and print where the page is."""
    session = args.folder or args.output / "latest"
    page = session / PAGE
    if not exists(page):
        raise SdevalError(nothing_in(session, "page", PAGE))
    say(str(short(page)))
    if not webbrowser.open(page.resolve().as_uri()):
        raise SdevalError("there is no browser that can be started here; open the page by its path")
    return 0
