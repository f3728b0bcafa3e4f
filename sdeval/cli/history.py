"""`sdeval history`: metrics session after session, and what slowly became worse."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from sdeval._utils.files import dump_json, short, write_text
from sdeval._utils.tables import has_colour, terminal_width
from sdeval.errors import SdevalError, unknown
from sdeval.history.store import HISTORY, read
from sdeval.history.trends import watch
from sdeval.report.history_table import history_lines
from sdeval.report.html.history import write_history

if TYPE_CHECKING:
    from sdeval.history.trends import Watched

_NAMES: Mapping[str, Callable[[Watched], str]] = {
    "suite": lambda each: each.suite,
    "target": lambda each: each.target,
    "metric": lambda each: each.series.metric,
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said."""
    parser.add_argument("--suite", metavar="SUITE", help="of this suite alone")
    parser.add_argument("--target", metavar="TARGET", help="on this target alone")
    parser.add_argument("--metric", metavar="METRIC", help="this metric alone")
    parser.add_argument("--last", metavar="N", type=int, help="as if only the last N sessions had been")
    parser.add_argument("--fail", action="store_true", help="exit with 1 where a metric has a trend")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="generate a page with a plot for every metric")


def run(given: argparse.Namespace) -> int:
    """Print every metric session after session, and say what has a trend although no session failed by it."""
    watched = _chosen(given)
    print("\n".join(history_lines(watched, terminal_width(), colour=has_colour())))
    if given.json:
        write_text(given.json, dump_json([asdict(each) for each in watched]))
    if given.plot:
        write_history(given.plot, watched)
        print(f"page: {short(given.plot)}")
    return int(given.fail and any(each.trend for each in watched))


def _chosen(given: argparse.Namespace) -> list[Watched]:
    """What was asked for, of all that is watched.

    Raises:
        SdevalError: there is no history, or nothing in it of that name.
    """
    if given.last is not None and given.last < 1:
        raise SdevalError(f"--last: must be a whole number from 1 on, got {given.last}")
    entries = read(given.output / HISTORY)
    # A trend is looked for in all that is known, so that what is left out makes nothing else more likely to be told.
    watched = watch(entries[-given.last :] if given.last else entries)
    for what, name_of in _NAMES.items():
        name = getattr(given, what)
        if name is not None:
            known = {name_of(each) for each in watched}
            watched = [each for each in watched if name_of(each) == name]
            if not watched:
                raise SdevalError(f"--{what}: {unknown(what, name, known)}")
    return watched
