"""`sdeval store`: the full-size images of baselines: check, prefetch, push, and clean up."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection
from datetime import timedelta
from functools import partial
from pathlib import Path

from sdeval._utils.progress import on_stderr
from sdeval._utils.tables import Column, Row, Table, say, show
from sdeval.baselines import drafts
from sdeval.baselines.image_use import NamedImage, images_in_git, images_of
from sdeval.errors import SdevalError, plural
from sdeval.stores import maintenance

DAYS = 14
"""Of `gc`: younger objects stay, since the accept that they belong to may be under way."""

EXAMPLE = "sdeval store check --suite animals"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command: an action with its own options."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    check = _action(actions, "check", "check that every image that the baselines name is in the store, and right")
    check.add_argument("--fast", action="store_true", help="only list what is there; do not read it")
    prefetch = _action(actions, "prefetch", "bring the images to this machine, so that a session needs no network")
    push = _action(actions, "push", "bring the images that this machine has into the store")
    for action in (check, prefetch, push):
        for name in ("suite", "target"):
            option = f"--{name}"
            action.add_argument(
                option, metavar=name.upper(), action="append", default=[], help="repeatable; default: all"
            )
    gc = _action(actions, "gc", "name what can be deleted: images that no baseline of the given git refs names")
    gc.add_argument("--delete", action="store_true", help="delete it; otherwise nothing is changed")
    ref_help = "a branch, tag or commit; repeatable (default: HEAD, all branches and tags)"
    gc.add_argument("--ref", dest="refs", metavar="REF", action="append", default=[], help=ref_help)
    gc.add_argument("--history", action="store_true", help="also keep what earlier commits of these refs name")
    days_help = f"keep what is younger: its accept may be under way (default: {DAYS})"
    gc.add_argument("--older-than", metavar="DAYS", type=float, default=DAYS, help=days_help)


def _action(
    actions: argparse._SubParsersAction[argparse.ArgumentParser], name: str, text: str
) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=text, description=text)
    # Also behind the action; what was given before it stays.
    folder_help = "default: as pyproject.toml says, or baselines"
    action.add_argument("--baselines", type=Path, metavar="DIR", default=argparse.SUPPRESS, help=folder_help)
    return action


def run(args: argparse.Namespace) -> int:
    """Look after the full-size images of baselines, which lie in the store that `[tool.sdeval] store` names."""
    action = {"check": _check, "prefetch": _prefetch, "push": _push, "gc": _gc}[args.action]
    return action(args)


def _check(args: argparse.Namespace) -> int:
    verb, place = "are there" if args.fast else "are there and right", args.images.place
    check = partial(maintenance.check, listed_only=args.fast)
    return _for_all(args, check, f"checking {place}", f"{verb}: {place}")


def _prefetch(args: argparse.Namespace) -> int:
    return _for_all(args, maintenance.prefetch, f"fetching from {args.images.place}", "are on this machine")


def _push(args: argparse.Namespace) -> int:
    if args.images.is_beside_baselines:
        raise SdevalError('store push: name a store to push to: in pyproject.toml, [tool.sdeval] store = "URL"')
    place = args.images.place
    return _for_all(args, maintenance.push, f"full-size images to {place}", f"are in {place}")


def _for_all(args: argparse.Namespace, work: Callable[..., dict[str, str]], title: str, outcome: str) -> int:
    """Do something with every image that was selected, and print which of them failed and how many did not."""
    images = images_of(args.baselines, args.suite, args.target)
    digests = {image.sha256 for image in images}
    with on_stderr().watch(title, len(digests)) as progress:
        failures = work(args.images, digests, progress)
    _print_failures(images, failures)
    say(f"{len(digests) - len(failures)} of {plural(len(digests), 'image')} {outcome}")
    return int(bool(failures))


def _gc(args: argparse.Namespace) -> int:
    if args.older_than < 0:
        raise SdevalError(f"--older-than: must be a number of days from 0 on, got {args.older_than:g}")
    age = timedelta(days=args.older_than)
    in_git = images_in_git(args.baselines, args.refs, history=args.history)
    old_drafts, in_drafts = drafts.old_drafts(args.images, age)
    # What was accepted here may not be committed yet.
    used = in_git.digests | in_drafts | {image.sha256 for image in images_of(args.baselines)}
    garbage = maintenance.find_garbage(args.images, used, age)
    verb = "deleted" if args.delete else "would delete"
    if args.delete:
        objects = [*garbage.objects, *(info for infos in old_drafts.values() for info in infos)]
        with on_stderr().watch(f"deleting from {args.images.place}", len(objects)) as progress:
            maintenance.delete(args.images, objects, progress)
    shown = f"{len(garbage.objects)} of {plural(garbage.count, 'image')} ({garbage.size / 1e6:.1f} MB)"
    say(f"{verb} {shown} and {plural(len(old_drafts), 'draft')} of {args.images.place}")
    say(f"  named by no baseline of {in_git.place}, and older than {args.older_than:g} days")
    if garbage.young:
        say(f"  {plural(garbage.young, 'image')} that no baseline names may belong to an accept that is under way")
    if not args.delete and (garbage.objects or old_drafts):
        say("nothing is deleted yet; to do so, repeat the command with --delete")
    return 0


def _print_failures(images: Collection[NamedImage], failures: dict[str, str]) -> None:
    """A row for each sample whose image is not as it should be."""
    rows = [
        Row([image.suite, image.target, image.sample, failures[image.sha256]], name)
        for image in images
        if image.sha256 in failures
        for name in [image.sha256]
    ]
    if rows:
        columns = [Column("suite"), Column("target"), Column("sample"), Column("problem")]
        show(Table(columns, rows, note_name="image"))
