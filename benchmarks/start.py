"""What sdeval adds to the start of pytest: processor time of whole processes, as differences and ratios of pairs.

python -m benchmarks.start

First a project without suites, with the plugin installed and switched off: what everybody pays who has it installed.
Then `pytest --collect-only suites` beside bare pytest, which finds no tests in the same folder. The two sides are run
interleaved, so that whatever slows the machine slows both; medians of the differences are printed.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent


def processor_time(arguments: Sequence[str], folder: Path) -> float:
    """Seconds of processor time that pytest takes with some arguments."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    subprocess.run(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(name: str, arguments: Sequence[str], other: Sequence[str], folder: Path, rounds: int) -> None:
    """Print medians of both sides, and of their differences pair by pair."""
    pairs = [(processor_time(arguments, folder), processor_time(other, folder)) for _ in range(rounds)]
    difference = median(one - two for one, two in pairs)
    with_it, without = (1000 * median(side) for side in zip(*pairs, strict=True))
    print(f"{name}: {with_it:.0f} ms with sdeval, {without:.0f} ms without; {1000 * difference:+.0f} ms")


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    without = ("-p", "no:sdeval")
    with TemporaryDirectory() as folder:
        unrelated = Path(folder)
        unrelated.joinpath("pytest.ini").touch()
        unrelated.joinpath("test_own.py").write_text("def test_one(): pass\n", encoding="utf-8")
        compare("a project without suites", (), without, unrelated, rounds)
    collect = ("--collect-only", "suites")
    compare("pytest --collect-only suites", collect, (*collect, *without), ROOT, rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
