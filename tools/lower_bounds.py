"""Says which packages are not installed in the lowest version that pyproject.toml allows; exits with 1 if any is not.

Used where an environment of the lowest versions is made: of a bound that something else raises, nothing would be shown.
"""

from __future__ import annotations

import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"


def raised(requirements: list[str]) -> list[str]:
    """What is installed in a higher version than the lower bound, a line each."""
    lines = []
    for requirement in map(Requirement, requirements):
        bounds = [Version(bound.version) for bound in requirement.specifier if bound.operator == ">="]
        installed = Version(version(requirement.name))
        # Builds such as 2.5.0+cu124 are the version that they are named after.
        if [Version(installed.public)] != bounds:
            lines.append(f"{requirement}: {installed} is installed")
    return lines


def main() -> int:
    """Print them."""
    content = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))
    lines = raised(content["project"]["dependencies"])
    print(*lines, sep="\n", end="\n" if lines else "")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
