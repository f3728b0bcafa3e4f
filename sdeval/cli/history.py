"""`sdeval history`: metrics session after session, and what slowly became worse."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from sdeval._utils.files import dump_json, short, write_text
from sdeval._utils.tables import has_colour, say, show_lines, terminal_width
from sdeval.errors import SdevalError, unknown
from sdeval.history.store import HISTORY, read
from sdeval.history.trends import watch
from sdeval.report.history_table import history_lines
from sdeval.report.html.history import write_history

if TYPE_CHECKING:
    from sdeval.history.trends import Watched

_NAMES: Mapping[str, Callable[[Watched], str]] = {
    "suite": lambda metric: metric.suite,
    "target": lambda metric: metric.target,
    "metric": lambda metric: metric.series.metric,
}

EXAMPLE = "sdeval history --suite animals --last 30 --plot history.html"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--suite", metavar="SUITE", help="of this suite alone")
    parser.add_argument("--target", metavar="TARGET", help="on this target alone")
    parser.add_argument("--metric", metavar="METRIC", help="this metric alone")
    parser.add_argument("--last", metavar="N", type=int, help="use only the last N sessions")
    parser.add_argument("--fail", action="store_true", help="exit with 1 where a metric has a trend")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="generate a page with a plot for every metric")


def run(args: argparse.Namespace) -> int:
    """Print every metric session after session, and say what has a trend although no session failed by it."""
    watched = _selected(args)
    show_lines(history_lines(watched, terminal_width(), colour=has_colour()))
    if args.json:
        write_text(args.json, dump_json([asdict(metric) for metric in watched]))
    if args.plot:
        write_history(args.plot, watched, args.output)
        say(f"page: {short(args.plot)}")
    return int(args.fail and any(metric.trend for metric in watched))


def _selected(args: argparse.Namespace) -> list[Watched]:
    """The metrics that the options select.

    Raises:
        SdevalError: there is no history, or nothing in it of that name.
    """
    if args.last is not None and args.last < 1:
        raise SdevalError(f"--last: must be a whole number from 1 on, got {args.last}")
    entries = read(args.output / HISTORY)
    # Trends are tested over all metrics, so that a selection does not change which trends are reported.
    watched = watch(entries[-args.last :] if args.last else entries)
    for option, name_of in _NAMES.items():
        name = getattr(args, option)
        if name is not None:
            names = {name_of(metric) for metric in watched}
            watched = [metric for metric in watched if name_of(metric) == name]
            if not watched:
                raise SdevalError(f"--{option}: {unknown(option, name, names)}")
    return watched
