"""`sdeval promote`: make a draft that was reviewed the baseline."""

from __future__ import annotations

import argparse
import getpass
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from sdeval._utils.files import short
from sdeval._utils.tables import say
from sdeval.baselines import drafts, provenance
from sdeval.baselines import store as baselines
from sdeval.baselines.acceptance import Proposal
from sdeval.cli.accept import print_proposal
from sdeval.errors import SdevalError
from sdeval.results import run_folder

EXAMPLE = "sdeval promote 20261121-141503-9f2c"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("run_name", metavar="RUN", nargs="?", help="the name that `sdeval accept --draft` printed")
    parser.add_argument("--dry-run", action="store_true", help="print what would change, write nothing")


def run(args: argparse.Namespace) -> int:
    """Make a draft the baseline of its suites and targets; without a name, list the drafts in the store.

    It was made by `sdeval accept --draft`, on any machine. Everything is promoted, or nothing; git undoes it.
    """
    if args.run_name is None:
        names = sorted(drafts.by_name(args.images, whole=True))
        say("\n".join(names) if names else f"{args.images.place}: no drafts; `sdeval accept --draft` makes one")
        return 0
    with TemporaryDirectory() as folder:
        manifest = drafts.fetch(args.run_name, args.images, Path(folder))
        proposals = [
            _proposal(args, Path(folder), path) for path in manifest.replaces if not path.endswith(drafts.SPEED)
        ]
        if not args.dry_run:
            drafts.promote(manifest, Path(folder), args.baselines, _promoter(args.root))
        for proposal in proposals:
            print_proposal(proposal)
    say("nothing written (dry run)" if args.dry_run else f"promoted into {short(args.baselines)}; undo with git")
    return 0


def _proposal(args: argparse.Namespace, draft: Path, path: str) -> Proposal:
    """What a draft changes, as `sdeval accept` shows it."""
    after = run_folder.read(draft / path)
    before = baselines.find(args.baselines, after.suite, after.target)
    old = {sample.key: sample.sha256 for sample in before.samples} if before else {}
    fresh = frozenset(sample.case for sample in after.samples if old.get(sample.key) != sample.sha256)
    entries = provenance.read(draft / path)
    folder = args.baselines / path
    return Proposal(
        draft / path, folder, "", after, before, after, fresh=fresh, entries=entries, whole=len(entries) == 1
    )


def _promoter(root: Path) -> str:
    """Who promotes: as git signs commits here, or else the user of this machine."""
    texts = [_git_setting(root, name) for name in ("user.name", "user.email")]
    if any(texts):
        return " ".join(filter(None, (texts[0], f"<{texts[1]}>" if texts[1] else "")))
    try:
        return getpass.getuser()
    # The user has no name on this machine.
    except (KeyError, OSError):
        raise SdevalError("who promotes is not known here; say so: git config user.name NAME") from None


def _git_setting(root: Path, name: str) -> str:
    try:
        command = ["git", "-C", str(root), "config", name]
        return subprocess.run(command, capture_output=True, text=True, errors="replace").stdout.strip()
    except OSError:
        return ""
