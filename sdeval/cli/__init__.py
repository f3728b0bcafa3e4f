"""The command line, a file for each command.

Exit codes: 0 fine, 1 worse or broken, 2 usage, or something cannot be read, written or printed, 3 an internal
error, 130 interrupted; `bisect` has its own.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
import textwrap
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module, metadata
from keyword import iskeyword
from pathlib import Path
from typing import Any

from sdeval._utils.files import check_name
from sdeval._utils.tables import say
from sdeval.baselines.transaction import check_folder, recover
from sdeval.config import project
from sdeval.config import target_registry as named_targets
from sdeval.config.image_store import StoreOptions
from sdeval.config.options import read_table
from sdeval.config.root import OUTPUT, find_root
from sdeval.errors import CannotWrite, NobodyReads, SdevalError, unknown
from sdeval.stores.images import open_store

COMMANDS = {
    "init": "write a suite that runs at once, targets, settings, and a workflow for CI",
    "new": "write one more suite, or an example of a metric or an engine of one's own",
    "fetch": "get the weights that suites need",
    "accept": "make a run the baseline",
    "promote": "make a draft, which `accept --draft` put into the store, the baseline",
    "store": "check, fetch, push and clean up the full-size images of baselines",
    "open": "open the page of a session in a browser",
    "status": "how far a session is that runs elsewhere",
    "merge": "make one session of the shards that several machines have generated",
    "report": "write the page again",
    "prune": "remove old sessions",
    "show": "everything about one image of a session, and the command that generates it again",
    "generate": "generate one image of a suite again, as a session would",
    "compare": "models, schedulers, steps or precisions in one table",
    "history": "metrics session after session, and trends in them",
    "calibrate": "measure the variability of a suite's metrics",
    "sensitivity": "plant faults, and see which ones a suite would catch",
    "doctor": "check that a target is repeatable, and the machine fit to judge",
    "bisect": "say whether this commit is worse: for `git bisect run sdeval bisect`",
    "import": "make a case file from a prompt set, such as PartiPrompts or GenEval",
    "targets": "targets that --sdeval-target and suites can name",
    "metrics": "metrics that suites can name",
    "schema": "print the JSON Schema of a file, for editors",
    "completion": "print what completes commands and options in a shell",
}
"""Each is a module of its own, imported when it is called; `import` is in `import_`."""
CANNOT_JUDGE, ABORT = 125, 128
"""Exit codes of `bisect`: leave the commit out; stop."""

FINE, USAGE, INTERNAL, INTERRUPTED = 0, 2, 3, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    request = list(sys.argv[1:] if arguments is None else arguments)
    _prepare_streams()
    bisecting = request[:1] == ["bisect"]
    parser = _parser(*request[:1])
    if request and not request[0].startswith("-") and request[0] not in COMMANDS:
        _complain(unknown("command", request[0], COMMANDS))
        return USAGE
    try:
        if not request:
            parser.print_help()
            return USAGE
        args = parser.parse_args(request)
    # How argparse ends: after help with 0, after a mistake with 2.
    except SystemExit as ended:
        return (ABORT if bisecting else USAGE) if ended.code else FINE
    code = _attempt(args)
    return CANNOT_JUDGE if bisecting and code in (USAGE, INTERNAL) else code


def _attempt(args: argparse.Namespace) -> int:
    try:
        code = _run(args)
        sys.stdout.flush()
        return code
    # The reader has what it wanted, and there is nobody to tell anything. rich makes SystemExit of it, with a code of
    # its own that would read as "worse".
    except (NobodyReads, BrokenPipeError, SystemExit):
        _drop_stdout()
        return USAGE
    # OSError: something cannot be written, as on a full disk or without permission.
    except (SdevalError, OSError) as error:
        _complain(_message(error))
        _drop_stdout()
        return USAGE
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    # Python's own code for it is 1, which would read as "worse".
    except Exception:
        with suppress(CannotWrite):
            say(traceback.format_exc().rstrip(), sys.stderr)
        _complain("internal error of sdeval; please report it, with the lines above")
        return INTERNAL


def _message(error: Exception) -> str:
    """What an error says, without the number that the system has for it."""
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return str(error)


class _Parser(argparse.ArgumentParser):
    """Repeats nothing of the command line that controls a terminal, and ends where its help cannot be printed."""

    def _print_message(self, message: str, file: Any = None) -> None:
        try:
            say(message.removesuffix("\n"), file or sys.stderr)
        except CannotWrite as error:
            if not isinstance(error, NobodyReads):
                _complain(str(error))
            _drop_stdout()
            raise SystemExit(USAGE) from None


def _prepare_streams() -> None:
    """Let no character fail that a terminal does not have, and no stream that was closed before the start."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _drop_stdout() -> None:
    """Forget what could not be printed: Python would try again when it ends, and take that for a failure of its own."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(message: str) -> None:
    """Say something on stderr, where that is possible."""
    with suppress(CannotWrite):
        say(f"sdeval: {message}", sys.stderr)


def _run(args: argparse.Namespace) -> int:
    named = [Path(str(path).partition("::")[0]) for path in _named_paths(args)]
    args.root = find_root(named, Path.cwd())
    table = read_table(args.root)
    args.output = args.root / table.get("output", OUTPUT)
    # Commands about a session write to the baselines that it was compared with.
    recorded = project.recorded(args.folder or args.output / "latest") if hasattr(args, "folder") else None
    if recorded is not None and recorded.root != args.root:
        args.root = recorded.root
        table = read_table(args.root)
    usual = recorded.baselines if recorded else args.root / table.get("baselines", "baselines")
    args.baselines = args.baselines or usual
    for path in (args.output, args.baselines):
        check_name(path)
    check_folder(args.baselines)
    for line in recover(args.baselines):
        _complain(line)
    args.images = open_store(StoreOptions.from_table(table, args.root), args.baselines)
    args.named = named_targets.of_project(args.root, table.get("targets", {}))
    return int(args.command(args))


def _named_paths(args: argparse.Namespace) -> list[Path]:
    """Files and folders that a command is about: a session, runs, or a suite by its file."""
    values = vars(args)
    return [
        *filter(None, (values.get("folder"), values.get("suite"))),
        *values.get("runs", ()),
        *values.get("suites", ()),
    ]


def _filled(text: str) -> str:
    """Paragraphs as wide as argparse makes all other texts of a help."""
    width = shutil.get_terminal_size().columns - 2
    return "\n\n".join(textwrap.fill(" ".join(part.split()), width) for part in text.split("\n\n"))


def whole_parser() -> argparse.ArgumentParser:
    """The parser of all commands with all their arguments, for which the modules of all of them are imported."""
    return _parser(*COMMANDS)


def _parser(*called: str) -> argparse.ArgumentParser:
    """The parser of all commands, with the arguments of those that are called."""
    parser = _Parser(
        prog="sdeval",
        description="Looks after the runs and baselines of image-generation pipelines; `pytest suites` makes them.",
    )
    parser.add_argument("--version", action="version", version=f"sdeval {metadata.version('pytest-sdeval')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        if name not in called:
            commands.add_parser(name, help=summary)
            continue
        command = import_module(f"sdeval.cli.{name}{'_' * iskeyword(name)}")
        subparser = commands.add_parser(
            name,
            help=summary,
            description=_filled(command.run.__doc__),
            epilog=f"example:\n  {command.EXAMPLE}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.arguments(subparser)
        subparser.add_argument(
            "--baselines", type=Path, metavar="DIR", help="default: as pyproject.toml says, or baselines"
        )
        subparser.set_defaults(command=command.run)
    return parser
