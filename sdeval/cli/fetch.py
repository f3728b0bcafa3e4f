"""`sdeval fetch`: get the weights that suites need."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import chain

from sdeval._utils.formatting import size
from sdeval._utils.tables import Column, Row, Table, say, show
from sdeval.config import target as targets
from sdeval.config.discovery import find_suites, project_suites
from sdeval.config.options import Config, read_table
from sdeval.config.target import Target
from sdeval.engines import hardware
from sdeval.errors import NoHardware
from sdeval.fetching import files
from sdeval.fetching.files import FetchError
from sdeval.fetching.needs import Part, Search, Wanted, parts_of_metrics, parts_of_target

EXAMPLE = "sdeval fetch animals --dry-run"
FAILED = 2


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    suites_help = "names of suites, or files such as suites/test_animals.py (default: all in suites/)"
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=suites_help)
    target_help = "a target in place of those of the suites; repeatable"
    parser.add_argument("--target", dest="targets", action="append", default=[], metavar="TARGET", help=target_help)
    parser.add_argument("--all", action="store_true", help="also for targets that need hardware this machine lacks")
    parser.add_argument("--dry-run", action="store_true", help="print what would be fetched, and its size")


def run(args: argparse.Namespace) -> int:
    """Get the weights that the metrics and targets of suites need, from the hub and from where they were published.

    Sizes are printed before anything is fetched, and digests are checked where they are published. Exits with 2 if
    something cannot be had, with a line for each.
    """
    search = Search(_parts(args))
    missing = search.missing()
    if not missing and not search.failures:
        say("everything is on this machine")
    while missing:
        _announce(missing, dry_run=args.dry_run)
        if args.dry_run:
            break
        _fetch(search, missing)
        missing = search.missing()
    for line in search.failures:
        say(f"sdeval: {line}", sys.stderr)
    return FAILED if search.failures else 0


def _parts(args: argparse.Namespace) -> Iterator[Part]:
    """Of all suites and targets that can run here; a line for each target that cannot."""
    named = list(chain.from_iterable(find_suites(text, args.root) for text in args.suites))
    suites = named or project_suites(args.root)
    options = Config.merge({"target": args.targets}, read_table(args.root), args.root, ci=False).options
    usable: dict[str, Target] = {}
    for suite in suites:
        suite_targets = [targets.find(text, options.named) for text in options.targets or suite.targets]
        here = [target for target in suite_targets if args.all or _can_run(target)]
        usable |= {target.name: target for target in here}
        if here:
            yield from parts_of_metrics(suite)
        else:
            names = ", ".join(target.name for target in suite_targets)
            say(f"{suite.name} is left out: {names} cannot run on this machine; --all takes it all the same")
    for target in usable.values():
        yield from parts_of_target(target)


def _can_run(target: Target) -> bool:
    try:
        hardware.require(target)
    except NoHardware:
        return False
    return True


def _announce(missing: Sequence[Wanted], *, dry_run: bool) -> None:
    rows = [
        Row(
            [files.place(wanted.download.source), str(len(wanted.download.files)), _size(wanted.download.size)],
            f"for {', '.join(wanted.whats)}",
        )
        for wanted in missing
    ]
    show(Table([Column("from"), Column("files", numeric=True), Column("size", numeric=True)], rows))
    sizes = [wanted.download.size for wanted in missing]
    total = _size(None if None in sizes else sum(number or 0 for number in sizes))
    say(f"{'would fetch' if dry_run else 'fetching'}: {total}")


def _size(number: int | None) -> str:
    return "unknown size" if number is None else size(number)


def _fetch(search: Search, missing: Sequence[Wanted]) -> None:
    for wanted in missing:
        try:
            files.fetch(wanted.download)
            search.succeed(wanted)
            say(f"fetched {files.place(wanted.download.source)}")
        except FetchError as error:
            search.fail(wanted, error)
