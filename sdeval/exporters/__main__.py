"""The process of one exporter: `python -m sdeval.exporters NAME SESSION`."""

from __future__ import annotations

import sys
from pathlib import Path

from sdeval.errors import SdevalError, describe_error, one_line
from sdeval.exporters import MARK, find
from sdeval.exporters.results import read_results


def main(name: str, session: str) -> int:
    """Export a session; what goes wrong is said in one line on stderr."""
    try:
        find(name)(read_results(Path(session)))
    except SdevalError as error:
        return _fail(str(error))
    # Whatever the library of another company raises.
    except Exception as error:
        return _fail(describe_error(error))
    return 0


def _fail(reason: str) -> int:
    sys.stderr.write(f"\n{MARK}{one_line(reason)}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
