"""Asks pip-audit for known vulnerabilities of the installed packages: exits with 1 where there are some.

pip-audit says "no known vulnerabilities" also where it could look nothing up; here that is told apart.

    python -m tools.audit
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

COMMAND = ("-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--skip-editable")


def vulnerabilities(report: Mapping[str, Any]) -> Iterator[str]:
    """A line for each vulnerability."""
    for package in report["dependencies"]:
        for vulnerability in package.get("vulns", ()):
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
            yield f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in {fixed}"


def count_audited(report: Mapping[str, Any]) -> int:
    """How many packages could be looked up."""
    return sum("vulns" in package for package in report["dependencies"])


def judge(report: Mapping[str, Any]) -> tuple[int, str]:
    """Exit code, and what to print."""
    lines = list(vulnerabilities(report))
    total, count = len(report["dependencies"]), count_audited(report)
    if not count:
        return 0, f"not audited: advisories on {total} packages cannot be reached from here"
    return int(bool(lines)), "\n".join((*lines, f"{count} of {total} packages audited, {len(lines)} vulnerabilities"))


def main() -> int:
    """Run pip-audit on this environment."""
    process = subprocess.run([sys.executable, *COMMAND], capture_output=True, text=True, check=False)
    try:
        code, text = judge(json.loads(process.stdout))
    # It prints no report where a service fails half-way.
    except ValueError:
        code, text = 0, f"not audited: {(process.stderr.strip().splitlines() or ['pip-audit failed'])[-1]}"
    print(text)
    return code


if __name__ == "__main__":
    sys.exit(main())
