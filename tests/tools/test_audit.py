"""What pip-audit reports becomes an exit code; nothing looked up is not nothing found."""

from __future__ import annotations

from typing import Any

import pytest

from tools.audit import judge

SOUND = {"name": "numpy", "version": "2.4", "vulns": []}
SKIPPED = {"name": "torch", "skip_reason": "not found"}
WRONG = {"name": "pillow", "version": "10.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["10.3"]}]}
UNFIXED = {"name": "x", "version": "1", "vulns": [{"id": "PYSEC-2", "fix_versions": []}]}


@pytest.mark.parametrize(
    ("packages", "code", "text"),
    [
        ([SOUND, SKIPPED], 0, "1 of 2 packages audited, 0 vulnerabilities"),
        ([SOUND, WRONG], 1, "pillow 10.0: PYSEC-1, fixed in 10.3\n2 of 2 packages audited, 1 vulnerabilities"),
        ([UNFIXED], 1, "x 1: PYSEC-2, fixed in no version yet\n1 of 1 packages audited, 1 vulnerabilities"),
        ([SKIPPED], 0, "not audited: advisories on 1 packages cannot be reached from here"),
    ],
)
def test_a_report_is_judged(packages: list[dict[str, Any]], code: int, text: str) -> None:
    assert judge({"dependencies": packages}) == (code, text)
