"""`sdeval targets`: the targets that can be named, those of the project among them."""

from __future__ import annotations

import argparse

from sdeval._utils.tables import Column, Row, Table, say, show
from sdeval.config.target import Target
from sdeval.engines.names import scheduler_names

EXAMPLE = "sdeval targets --schedulers"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--schedulers", action="store_true", help="print the schedulers of diffusers instead")


def run(args: argparse.Namespace) -> int:
    """Print every target that comes with sdeval or is the project's own: its name, its model, and how it is run."""
    if args.schedulers:
        say("\n".join(sorted(scheduler_names())))
        return 0
    targets = args.named
    show(Table([Column()], [Row([name], description(targets[name])) for name in sorted(targets)]))
    return 0


def description(target: Target) -> str:
    """The model, and all fields that differ from their defaults.

    Example:
        >>> description(Target(name="a", model="org/model", dtype="float16"))
        'org/model dtype=float16'
    """
    usual = Target(name=target.name, model=target.model).describe()
    changed = {name: value for name, value in target.describe().items() if usual.get(name) != value}
    return " ".join((target.model, *(f"{name}={value}" for name, value in changed.items())))
