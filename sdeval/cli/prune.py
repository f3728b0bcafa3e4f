"""`sdeval prune`: remove old sessions, and say how much room that frees."""

from __future__ import annotations

import argparse
import math
from collections import Counter

from sdeval._utils.files import short
from sdeval._utils.formatting import size
from sdeval._utils.tables import say
from sdeval.errors import SdevalError, plural
from sdeval.results.retention import Rules, clean, decide, freed_bytes, remove

USUAL_LAST = 10
"""Sessions that are kept where neither their number nor their age is given."""
MOST_DAYS = 36500

EXAMPLE = "sdeval prune --keep-last 20 --keep-failed --dry-run"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--keep-last",
        metavar="N",
        type=int,
        help=f"keep the last N sessions (default: {USUAL_LAST}, unless --keep-days is given)",
    )
    parser.add_argument("--keep-days", metavar="D", type=float, help="keep sessions of the last D days")
    parser.add_argument("--keep-failed", action="store_true", help="keep sessions that failed")
    parser.add_argument(
        "--stopped", action="store_true", help="also remove sessions that were stopped and can be resumed"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")


def run(args: argparse.Namespace) -> int:
    """Remove sessions from the folder of reports, and images that no session holds any more.

    What one option keeps is kept. The latest session and those that are running always are, and so are those that were
    stopped and can be resumed, unless --stopped is given. Baselines and history.jsonl stay as they are.
    """
    fates = decide(args.output, _rules(args))
    chosen = [fate.session for fate in fates if not fate.kept_because]
    freed = freed_bytes(args.output, chosen)
    removed = chosen
    if not args.dry_run:
        removed = remove(fates)
        clean(args.output)
    for session in removed:
        say(f"{'would remove' if args.dry_run else 'removed'} {short(session)}")
    for session in sorted(set(chosen) - set(removed)):
        say(f"kept {short(session)}: it is running")
    for reason, count in Counter(fate.kept_because for fate in fates if fate.kept_because).items():
        say(f"kept {plural(count, 'session')}: {reason}")
    verb = "would free" if args.dry_run else "freed"
    say(f"{plural(len(removed), 'session')} of {len(fates)} in {short(args.output)}; {verb} {size(freed)}")
    return 0


def _rules(args: argparse.Namespace) -> Rules:
    """What the options keep.

    Raises:
        SdevalError: a number is not allowed.
    """
    last, days = args.keep_last, args.keep_days
    if last is not None and last < 0:
        raise SdevalError(f"--keep-last: must be a whole number from 0 on, got {last}")
    if days is not None and not (math.isfinite(days) and 0 <= days <= MOST_DAYS):
        raise SdevalError(f"--keep-days: must be a number from 0 to {MOST_DAYS}, got {days}")
    if last is None and days is None:
        last = USUAL_LAST
    return Rules(last=last, days=days, failed=args.keep_failed, stopped=not args.stopped)
