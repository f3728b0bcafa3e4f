"""What a session says besides its verdicts, from runs and verdicts made by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdeval.baseline import accept
from sdeval.compare import Kind, Verdict
from sdeval.report.html import write_page
from sdeval.report.notes import not_here, session_notes
from sdeval.run import Run
from tests.conftest import make_run
from tests.test_baseline import on_disk

LOOKS = [[0, 1], [0, 1, 2, 3], [0, 1, 2, 3, 4, 5, 6, 7]]


def with_seeds(count: int, looks: list[list[int]]) -> Run:
    run = make_run(np.arange(2.0 * count).reshape(2, count))
    return replace(run, asked={**run.asked, "looks": looks})


def case(n: int, **changes: object) -> Verdict:
    said = Verdict(suite="animals", target="tiny", metric="health", case="case-0", verdict="passed", n=n)
    return replace(said, **changes)


def noted(tmp_path: Path, run: Run, held: int, verdicts: list[Verdict] | None = None) -> list[str]:
    """Notes on a run beside a baseline with so many seeds."""
    accept(on_disk(with_seeds(held, [list(range(held))]), tmp_path / "old"), tmp_path / "baselines")
    on_disk(run, tmp_path / "session" / "animals" / "tiny")
    return session_notes(tmp_path / "session", verdicts or [], tmp_path / "baselines", "pytest mine --sdeval-all-seeds")


@pytest.mark.parametrize(("drawn", "held", "most"), [(2, 4, 4), (4, 4, 4), (2, 6, 4), (2, 2, 2)])
def test_seeds_that_the_baseline_does_not_hold_are_told_with_what_mends_it(
    tmp_path: Path, drawn: int, held: int, most: int
) -> None:
    assert noted(tmp_path, with_seeds(drawn, LOOKS), held) == [
        f"animals on tiny: may draw up to 8 seeds, but its baseline holds {held}: at most {most} are drawn; "
        "to have all of them: pytest mine --sdeval-all-seeds, then sdeval accept"
    ]


def test_nothing_is_said_where_the_baseline_holds_all_seeds_or_all_were_drawn(tmp_path: Path) -> None:
    assert noted(tmp_path / "a", with_seeds(2, LOOKS), 8) == []
    assert noted(tmp_path / "b", with_seeds(8, LOOKS), 4) == []


def test_nothing_is_said_of_seeds_without_a_baseline_or_beside_a_damaged_one(tmp_path: Path) -> None:
    on_disk(with_seeds(2, LOOKS), tmp_path / "session" / "animals" / "tiny")
    assert session_notes(tmp_path / "session", [], tmp_path / "baselines") == []
    (tmp_path / "baselines" / "animals" / "tiny").mkdir(parents=True)
    assert session_notes(tmp_path / "session", [], tmp_path / "baselines") == []


def test_one_seed_is_told_once_a_suite(tmp_path: Path) -> None:
    verdicts = [case(1), case(1, case="case-1"), case(1, target="large"), case(2, suite="zoo"), case(1, case="")]
    assert noted(tmp_path, with_seeds(2, LOOKS[:1]), 2, verdicts) == [
        "animals: with one seed, no case alone can be shown to have fallen far; give its `seeds` at least two"
    ]


def test_what_is_not_on_this_machine_is_told_once_a_target(tmp_path: Path) -> None:
    gone = case(0, verdict="inconclusive", reason="weights are not on this machine; get them with: hf download x")
    assert session_notes(tmp_path, [gone, replace(gone, case="", metric="clip_score")], tmp_path) == [
        "animals on tiny: weights are not on this machine; get them with: hf download x"
    ]


@pytest.mark.parametrize(
    ("kind", "n", "expected"), [("inconclusive", 0, True), ("inconclusive", 3, False), ("unscored", 0, False)]
)
def test_a_verdict_without_evidence_is_told_from_one_with_too_little(kind: Kind, n: int, expected: bool) -> None:
    assert not_here(case(n, verdict=kind)) == expected


def test_notes_are_on_the_page(tmp_path: Path) -> None:
    page = tmp_path / "index.html"
    write_page(page, tmp_path, [case(1)], tmp_path)
    assert '<p class="note">animals: with one seed' in page.read_text(encoding="utf-8")
