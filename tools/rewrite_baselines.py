"""Rewrites baselines of an earlier schema in today's: `python -m tools.rewrite_baselines [FOLDER]`.

Earlier schemas are read anyhow; this makes what lies in git say what the documents say.
"""

from __future__ import annotations

import sys
from pathlib import Path

from sdeval.baselines import provenance, variability
from sdeval.results import run_folder


def main() -> None:
    """Rewrite every baseline below a folder; images and features stay."""
    root = Path(sys.argv[1] if len(sys.argv) > 1 else "baselines")
    for path in sorted(root.glob("*/*/run.json")):
        folder = path.parent
        run_folder.write(run_folder.read(folder), folder)
        entries = provenance.read(folder)
        if entries:
            provenance.write(folder, entries)
        stored = variability.read(root, folder.parent.name, folder.name)
        if stored:
            variability.write(stored, root)
        print(f"rewritten: {folder}")


if __name__ == "__main__":
    main()
