"""`sdeval compare`: compare runs of the same suites under different settings."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from functools import partial
from pathlib import Path

from sdeval._utils.files import dump_json, write_text
from sdeval._utils.tables import has_colour, say, show_lines, terminal_width
from sdeval.errors import SdevalError
from sdeval.report.comparison import compared_of, of_project
from sdeval.report.comparison_table import comparison_lines
from sdeval.report.html.comparison import write_comparison

EXAMPLE = "sdeval compare reports/monday reports/tuesday --reference sd15 --page compare.html"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    runs_help = "a run, or a session with several; from any machine, any version"
    parser.add_argument("runs", metavar="RUN", type=Path, nargs="+", help=runs_help)
    parser.add_argument("--reference", metavar="NAME", help="what the others are compared with (default: the first)")
    parser.add_argument("--fail", action="store_true", help="exit with 1 where a setting is shown to be worse")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write a page with the same prompts in rows")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there")


def run(args: argparse.Namespace) -> int:
    """Judge runs of the same suites against one of them, and print what each setting costs and loses."""
    compared = compared_of(args.runs, partial(of_project, args.root), args.reference)
    matrices = [comparison.matrix for comparison in compared]
    if not matrices:
        raise SdevalError("no suite has two runs in these folders; it takes two to compare")
    for comparison in compared:
        show_lines([*comparison_lines(comparison, terminal_width(), colour=has_colour()), ""])
    if args.page:
        say(str(write_comparison(args.page.resolve(), compared)))
    if args.json:
        write_text(args.json, dump_json([asdict(matrix) for matrix in matrices]))
    return int(args.fail and any(row.worse for matrix in matrices for row in matrix.rows))
