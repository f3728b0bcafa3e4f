"""Mutated files for every reader: each is read, or refused in one line; nothing else. Prints the counts.

python -m benchmarks.torture.fuzz [INPUTS] [SEED]
"""

from __future__ import annotations

import resource
import signal
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from benchmarks.torture.mutations import mutate, put_no_file, remove
from benchmarks.torture.readers import READERS, Reader, prepare
from sdeval.errors import MOST_LETTERS, SdevalError

INPUTS = 20_000
HANG_SECONDS = 10
MEMORY_BYTES = 2**31
"""What a reader may take besides what the process holds."""
NO_FILES = 0.03
"""The share of inputs that are no file at all."""


class Hang(BaseException):
    """A reader took longer than it may; no `except Exception` swallows it."""


def fuzz(inputs: int, seed: int) -> tuple[dict[str, Counter[str]], list[str]]:
    """Give every reader its share of mutated files.

    Returns:
        How often each reader ended in which way, and what happened where that was neither reading nor refusing.
    """
    random, counts, failures = Random(seed), {reader.name: Counter[str]() for reader in READERS}, []
    with tempfile.TemporaryDirectory() as folder, _bounded(), warnings.catch_warnings():
        # Pillow warns of what is refused a moment later.
        warnings.simplefilter("ignore")
        root = Path(folder)
        prepare(root)
        for number in range(inputs):
            reader = READERS[number % len(READERS)]
            outcome, details = attempt(reader, root, random)
            counts[reader.name][outcome] += 1
            if details:
                failures.append(f"{reader.name}, input {number} of seed {seed}: {outcome}: {details}")
    return counts, failures


def attempt(reader: Reader, root: Path, random: Random) -> tuple[str, str]:
    """Mutate the file of a reader, read it, and put it back; how that ended, and details where it may not."""
    path = root / reader.file
    content = path.read_bytes()
    try:
        if random.random() < NO_FILES:
            put_no_file(path, random)
        else:
            path.write_bytes(mutate(content, random))
        return _outcome(reader, root)
    finally:
        remove(path)
        path.write_bytes(content)


def _outcome(reader: Reader, root: Path) -> tuple[str, str]:
    signal.setitimer(signal.ITIMER_REAL, HANG_SECONDS)
    try:
        reader.read(root)
    except SdevalError as error:
        message = str(error)
        is_bounded = len(message) <= MOST_LETTERS * 6 and len(message.splitlines()) == 1
        return ("refused", "") if is_bounded else ("not one line", repr(message[:200]))
    except Hang:
        return "hang", f"more than {HANG_SECONDS} s"
    except Exception:
        return "traceback", traceback.format_exc()
    else:
        return "read", ""
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def _bounded() -> Iterator[None]:
    """Limits of time and memory for what is read within."""

    def hang(*_: object) -> None:
        raise Hang

    previous = signal.signal(signal.SIGALRM, hang)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MEMORY_BYTES, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
        signal.signal(signal.SIGALRM, previous)


def main(arguments: list[str]) -> int:
    inputs, seed = (*map(int, arguments), *(INPUTS, 1)[len(arguments) :])
    counts, failures = fuzz(inputs, seed)
    outcomes = ("read", "refused", "not one line", "traceback", "hang")
    print(f"{'reader':22}", *(f"{outcome:>12}" for outcome in ("inputs", *outcomes)))
    for name, count in {**counts, "all": sum(counts.values(), Counter())}.items():
        print(f"{name:22}", *(f"{number:12}" for number in (count.total(), *(count[each] for each in outcomes))))
    print(*failures[:20], sep="\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
