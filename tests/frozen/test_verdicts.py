"""What a session writes and prints, from fixed scores: `golden/` holds it. Changed only where a change is announced.

python -m tests.frozen.test_verdicts writes the golden files again; look at what git says of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from sdeval.comparison import Verdict, collect_collapsed, collect_evidence, judge_cases, judge_metrics
from sdeval.report.terminal import summary_lines
from sdeval.results.run import Run
from sdeval.results.verdicts_file import Record
from tests.conftest import make_run

GOLDEN = Path(__file__).parent / "golden"
DIGITS = 6


def session() -> list[Verdict]:
    """A suite in which most got worse, one case collapsed, one image is black, and two cases are new."""
    rng = np.random.default_rng(5)
    before = rng.normal(30, 3, (16, 1)) + rng.normal(0, 0.3, (16, 4))
    after = before[:, :2] - 1 + rng.normal(0, 0.2, (16, 2))
    after[11] -= 9
    run, baseline = _with_a_black_image(make_run(after)), make_run(before[:14])
    shared = [each for each in run.samples if int(each.case[5:]) < 14]
    kept = replace(baseline, samples=tuple(each for each in baseline.samples if each.seed < 2))
    part = replace(run, samples=tuple(shared))
    evidence = [collect_evidence(part, kept, "clip_score"), collect_collapsed(part, kept)]
    metrics = judge_metrics(evidence)
    return [*metrics, *judge_cases(run, baseline, regressed=["clip_score"])]


def _with_a_black_image(run: Run) -> Run:
    sick = replace(run.samples[5], defect="black", detail="no level above 0 of 255")
    return replace(run, samples=(*run.samples[:5], sick, *run.samples[6:]))


def rounded(value: Any) -> Any:
    """Floats to a few digits: the last ones differ from machine to machine."""
    if isinstance(value, dict):
        return {name: rounded(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [rounded(each) for each in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def outputs() -> dict[str, str]:
    """Everything that is kept, by the name of its file."""
    verdicts = session()
    record = Record.of("20260101-000000-0000", verdicts, strict=True, notes=["a note"])
    page, root = Path("reports/x/index.html"), Path()
    return {
        "verdicts.json": json.dumps(rounded(asdict(record)), indent=2, ensure_ascii=False) + "\n",
        "terminal.txt": _text(summary_lines(verdicts, page, root, 120, ["a note"])),
    }


def _text(lines: Sequence[str]) -> str:
    return "\n".join(line.rstrip() for line in lines) + "\n"


def test_verdicts_and_the_terminal_are_what_they_were() -> None:
    for name, text in outputs().items():
        assert text == (GOLDEN / name).read_text(encoding="utf-8"), name


if __name__ == "__main__":
    for name, text in outputs().items():
        (GOLDEN / name).write_text(text, encoding="utf-8")
