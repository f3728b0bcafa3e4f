"""Ids of the shipped suites: scripts, `--lf` and CI dashboards know items by them.

python -m tests.frozen.test_node_ids writes them again; look at what git says of it.
"""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT
from tests.frozen.test_verdicts import GOLDEN

PATH = GOLDEN / "node_ids.txt"


def node_ids() -> str:
    """Of all items of `suites`, a line each."""
    command = [sys.executable, "-m", "pytest", "suites", "--collect-only", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return "".join(f"{line}\n" for line in done.stdout.splitlines() if "::" in line)


def test_items_keep_their_ids() -> None:
    assert node_ids() == PATH.read_text(encoding="utf-8")


if __name__ == "__main__":
    PATH.write_text(node_ids(), encoding="utf-8")
