"""The longest units are handed out first, where anything is known."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from sdeval._utils.files import dump_line
from sdeval.executors.order import longest_first, recorded_seconds
from sdeval.results.records import Timing
from tests.generated import plan


def test_units_with_slow_cases_come_first() -> None:
    units = plan(seeds=(0, 1, 2)).units(3)
    ordered = longest_first(units, {"circle": 1.0, "square": 3.0, "cross": 2.0})
    assert [unit.samples[0].case.id for unit in ordered] == ["square", "cross", "circle"]


def test_the_order_is_that_of_the_plan_where_nothing_is_known() -> None:
    units = plan(seeds=(0, 1, 2)).units(2)
    assert longest_first(units, {}) == units


def test_a_case_that_is_not_known_is_of_average_length() -> None:
    units = plan(seeds=(0,)).units(1)
    ordered = longest_first(units, {"circle": 1.0, "square": 3.0})
    assert [unit.samples[0].case.id for unit in ordered] == ["square", "cross", "circle"]


def test_times_are_those_of_the_latest_session(tmp_path: Path) -> None:
    for name, seconds in (("20260101-000000-aaaa", 9.0), ("20260102-000000-aaaa", 2.0)):
        folder = tmp_path / name / "few" / "shapes"
        folder.mkdir(parents=True)
        lines = [
            {"case": "circle", "seed": seed, **asdict(Timing(call=seed, seconds=value, warming=warming))}
            for seed, value, warming in ((0, 50.0, True), (1, seconds, False))
        ]
        (folder / "timings.jsonl").write_text("".join(map(dump_line, lines)))
    current = tmp_path / "20260103-000000-aaaa" / "few" / "shapes"
    assert recorded_seconds(current, {}) == {"circle": 2.0}
    assert recorded_seconds(current, {("square", 0): Timing(call=0, seconds=1.0)}) == {"square": 1.0}
    assert recorded_seconds(tmp_path / "20260103-000000-aaaa" / "other" / "shapes", {}) == {}
