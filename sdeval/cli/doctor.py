"""`sdeval sensitivity`: plant faults, and see which ones a suite would catch."""

from __future__ import annotations

import argparse

HELP = "plant faults, and see which ones a suite would catch"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What can be said."""


def run(given: argparse.Namespace) -> int:
    """Not yet."""
    return 0
