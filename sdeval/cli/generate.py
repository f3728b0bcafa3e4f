"""`sdeval generate`: generate one image of a suite again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from sdeval._utils.files import check_name, exists, read_bytes, resolved, short, write_bytes
from sdeval._utils.tables import say
from sdeval.baselines import store as baselines
from sdeval.cli.target_options import add_target, ready, session_options
from sdeval.config.case import sample_key
from sdeval.config.discovery import find_suites, project_suites
from sdeval.engines import checkpoints
from sdeval.errors import SdevalError
from sdeval.imaging.io import LARGEST_FILE
from sdeval.results.run import Stored
from sdeval.results.session_folder import read_run
from sdeval.session.one_sample import Difference, difference, generate_sample, job_of, judged
from sdeval.session.session import Session

if TYPE_CHECKING:
    from sdeval.results.records import SampleResult

WORDS: dict[Difference, str] = {
    "identical": "identical, to the last bit",
    "imperceptible": "not identical, but no difference that can be seen",
    "changed": "another image",
    "absent": "has no such image",
    "other_request": "has one of another prompt, size or input",
}

EXAMPLE = "sdeval generate black-cat@7 --suite animals --output cat.png"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("sample", metavar="CASE@SEED", help="a case and any seed, such as black-cat@0")
    suite_help = "a suite's name or its file, where several have the case or it is not in suites/"
    parser.add_argument("--suite", metavar="SUITE", help=suite_help)
    add_target(parser, "the suite's, where it has one")
    # `output` is the folder of sessions, as for all commands.
    parser.add_argument("--output", dest="file", type=Path, metavar="FILE", help="default: CASE@SEED.png")
    parser.add_argument("--force", action="store_true", help="overwrite the file, if it is there already")


def run(args: argparse.Namespace) -> int:
    """Generate one image as a session does it, and say whether it is that of the latest session and of the baseline.

    Exits with 1 where there is no image, or it is broken.
    """
    case, seed = sample_key(args.sample)
    path = args.file or Path(f"{case}@{seed}.png")
    _check_free(path, force=args.force)
    suites = find_suites(args.suite, args.root) if args.suite else project_suites(args.root)
    job = job_of(case, suites, Session(session_options(args.root, args.baselines, args), args.output))
    checkpoints.require(job.target)
    # Before anything is generated, as in a session: a corrupt one is said at once.
    baseline = baselines.stored(args.baselines, *job.key, args.images)
    with TemporaryDirectory() as folder, ready(args, job.target) as engine:
        generated = generate_sample(job, case, seed, engine, Path(folder))
        for note in generated.notes:
            say(f"note: {note}", sys.stderr)
        (sample,) = generated.samples
        if sample.failure:
            say(f"no image: {sample.failure}", sys.stderr)
            return 1
        _check_free(path, force=args.force)
        write_bytes(path, read_bytes(Path(folder) / sample.image, LARGEST_FILE))
    sample = judged(sample, baseline.run if baseline else None)
    say(f"{short(path.absolute())}: {sample.width}x{sample.height}, digest {sample.sha256}")
    say(f"latest session: {_compared_with_session(sample, path, args.output / 'latest', job.key)}")
    say(f"baseline: {_compared(sample, path, baseline)}")
    if sample.defect:
        say(f"broken: {sample.defect}: {sample.detail}")
    return int(bool(sample.defect))


def _check_free(path: Path, *, force: bool) -> None:
    """Refuse a file that cannot be written, or that would be overwritten."""
    check_name(path)
    if path.suffix.lower() != ".png" or path.is_dir():
        raise SdevalError(f"--output: must be a file that ends in .png, got {path}")
    if exists(path) and not force:
        raise SdevalError(f"{path}: is there already; overwrite it with --force, or name another file with --output")


def _compared_with_session(sample: SampleResult, image: Path, session: Path, key: tuple[str, str]) -> str:
    if not session.is_dir():
        return "there is none"
    folder = session.joinpath(*key)
    try:
        stored = Stored(read_run(folder), folder) if exists(folder / "run.json") else None
    except SdevalError as error:
        return f"cannot be read: {error}"
    return f"{_compared(sample, image, stored)} ({resolved(session).name})"


def _compared(sample: SampleResult, image: Path, other: Stored | None) -> str:
    if other is None:
        return "has no run of this suite and target"
    try:
        return WORDS[difference(sample, image, other)]
    # Of the other image the file may be gone; that it is another one is known from its digest.
    except SdevalError as error:
        return f"another image; by how much is not known: {error}"
