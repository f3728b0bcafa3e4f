"""`sdeval bisect`: what `git bisect run` asks of every commit."""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sdeval._utils.tables import say
from sdeval.cli import ABORT, CANNOT_JUDGE
from sdeval.errors import SdevalError
from sdeval.report.terminal import explain
from sdeval.results.session_folder import VERDICTS, read_record
from sdeval.results.session_names import new_name
from sdeval.stores.images import LOCAL

if TYPE_CHECKING:
    from sdeval.results.verdict import Verdict
    from sdeval.results.verdicts_file import Record


UNJUDGED = frozenset({"unscored", "not_comparable", "new"})
"""Verdicts without a judgement: something may have got worse all the same."""

EXAMPLE = "git bisect run sdeval bisect --baselines-of v1.4 -- suites/test_animals.py"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--baselines-of",
        metavar="COMMIT",
        help="compare with the baselines as they were there, and not with those of each commit",
    )
    parser.add_argument(
        "pytest", metavar="-- PYTEST_ARGUMENT", nargs="*", help="what pytest is to run (default: suites)"
    )


def run(args: argparse.Namespace) -> int:
    """Run suites; exit with 0 where nothing is worse, 1 where something is, 125 where that cannot be judged."""
    output = (args.output / "bisect" / new_name()).resolve()
    with TemporaryDirectory() as aside:
        try:
            baselines = _baselines(args, Path(aside))
        # This fails at every commit alike: to skip them one by one would take long and show nothing.
        except SdevalError as error:
            say(f"sdeval: {error}", file=sys.stderr)
            return ABORT
        code = _pytest(args.pytest or ["suites"], output, baselines.resolve())
    exit_code, message = judge(code, _record(output))
    say(f"sdeval bisect: {message}")
    return exit_code


def judge(code: int, record: Record | None) -> tuple[int, str]:
    """The exit code for `git bisect run`, and why.

    Args:
        code: what pytest ended with.
        record: what the session recorded; None where it recorded nothing.
    """
    if record is None or code not in (0, 1):
        return CANNOT_JUDGE, f"cannot judge: pytest ended with {code}" + ("" if record else ", and there is no verdict")
    worse = [verdict for verdict in record.verdicts if verdict.verdict in ("broken", "regressed")]
    unjudged = [verdict for verdict in record.verdicts if verdict.verdict in UNJUDGED]
    if worse:
        return 1, f"worse: {_describe_first(worse)}"
    if unjudged:
        return CANNOT_JUDGE, f"cannot judge: {_describe_first(unjudged)}"
    if code:
        return CANNOT_JUDGE, "cannot judge: pytest failed, but for no verdict"
    if not any(verdict.verdict in ("passed", "improved") for verdict in record.verdicts):
        return CANNOT_JUDGE, "cannot judge: nothing passed and nothing is worse"
    return 0, "not worse"


def _describe_first(verdicts: Sequence[Verdict]) -> str:
    first = verdicts[0]
    more = f", and {len(verdicts) - 1} more" if len(verdicts) > 1 else ""
    case = f"{first.case} " if first.case else ""
    return f"{first.suite} on {first.target}: {case}{explain(first)}{more}"


def _pytest(arguments: Sequence[str], output: Path, baselines: Path) -> int:
    """Run pytest as the user would, with other folders to read from and write to."""
    sdeval_options = ["--no-sdeval-strict", "--sdeval-output", str(output), "--sdeval-baselines", str(baselines)]
    # Commits follow each other so fast that a module may look no newer than what was compiled from the last one.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    # A job's summary is for its own session, and not for every step on the way.
    environment.pop("GITHUB_STEP_SUMMARY", None)
    return subprocess.run([sys.executable, "-m", "pytest", *arguments, *sdeval_options], env=environment).returncode


def _record(output: Path) -> Record | None:
    """What the one session in a folder found; None where it left nothing that can be read."""
    for path in output.glob(f"*/{VERDICTS}"):
        try:
            return read_record(path.parent)
        except SdevalError as error:
            say(f"sdeval bisect: {error}", file=sys.stderr)
            return None
    return None


def _baselines(args: argparse.Namespace, aside: Path) -> Path:
    if not args.baselines_of:
        return Path(args.baselines)
    return _extract_baselines(args.baselines_of, args.baselines, args.root, aside)


def _extract_baselines(commit: str, baselines: Path, root: Path, aside: Path) -> Path:
    """The baselines of a commit, extracted into the folder `aside`."""
    folder = baselines.resolve()
    if not folder.is_relative_to(root.resolve()):
        raise SdevalError(f"--baselines-of: {folder} is outside of {root}: git does not know it")
    inside = folder.relative_to(root.resolve())
    command = ["git", "-C", str(root), "archive", "--format=zip", commit, "--", str(inside)]
    process = subprocess.run(command, capture_output=True)
    if process.returncode:
        messages = process.stderr.decode(errors="replace").strip().splitlines()
        raise SdevalError(f"--baselines-of {commit}: {messages[-1] if messages else 'git archive failed'}")
    # Of a tar file, Python 3.11.0 to 3.11.3 would follow paths out of the folder; of a zip file none does.
    with zipfile.ZipFile(io.BytesIO(process.stdout)) as archive:
        archive.extractall(aside)
    # Full-size images that are not in git are those of this machine, whichever commit names them.
    if (folder / LOCAL).is_dir():
        with suppress(OSError):
            (aside / inside / LOCAL).symlink_to(folder / LOCAL)
    return aside / inside
