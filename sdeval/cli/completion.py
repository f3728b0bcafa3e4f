"""`sdeval completion`: a script that completes commands and options in a shell."""

from __future__ import annotations

import argparse
from pathlib import Path

from sdeval._utils.tables import say

SHELLS = ("bash", "zsh", "fish")

EXAMPLE = "sdeval completion bash"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("shell", choices=SHELLS, help="the shell")


def run(args: argparse.Namespace) -> int:
    """Print a script for a shell that completes commands, options, their values, and names of files.

    bash: eval "$(sdeval completion bash)" in ~/.bashrc.

    zsh: sdeval completion zsh > ~/.zfunc/_sdeval, with fpath+=~/.zfunc before compinit in ~/.zshrc.

    fish: sdeval completion fish > ~/.config/fish/completions/sdeval.fish.
    """
    say(script(args.shell))
    return 0


def script(shell: str) -> str:
    """The script for a shell, made from all options of all commands."""
    import shtab

    from sdeval.cli import whole_parser

    parser = whole_parser()
    _complete_files(parser)
    return str(shtab.complete(parser, shell=shell)).rstrip()


def _complete_files(parser: argparse.ArgumentParser) -> None:
    """Let options and arguments that take paths complete names of files."""
    import shtab

    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for subparser in action.choices.values():
                _complete_files(subparser)
        elif action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
