"""Files of earlier schemas, with today's names."""

from __future__ import annotations

import json

import pytest

from sdeval.results import upgrade


def test_a_run_of_schema_1_has_todays_names() -> None:
    header = {
        "schema": 1,
        "suite": "animals",
        "asked": {"cases": 2, "looks": [[0]]},
        "drawn_by": {"model": "tiny"},
        "environment": {"drawn again alone": "identical", "hardware": "cpu"},
        "metrics": {"psnr": {"judged": False, "version": "1"}},
    }
    assert upgrade.run_header(header) == {
        "schema": 2,
        "suite": "animals",
        "request": {"cases": 2, "rounds": [[0]]},
        "generated_by": {"model": "tiny"},
        "environment": {"batch_consistency": "identical", "hardware": "cpu"},
        "metrics": {"psnr": {"gating": False, "version": "1"}},
    }


@pytest.mark.parametrize(("health", "defect"), [("ok", ""), ("black", "black")])
def test_a_sample_of_schema_1_has_todays_names(health: str, defect: str) -> None:
    line = json.dumps({"case": "cat", "health": health, "drift": "changed"})
    assert json.loads(upgrade.sample_line(line)) == {"case": "cat", "defect": defect, "image_change": "changed"}


@pytest.mark.parametrize("line", ["{", "[1]", "3"])
def test_a_line_that_is_no_sample_is_left_to_whoever_reads_it(line: str) -> None:
    assert upgrade.sample_line(line) == line


def test_a_line_of_the_history_of_schema_1_has_todays_names() -> None:
    metric = {"judged": True, "delta": -1, "noise": 0.2, "verdict": "not comparable"}
    run = {"asked": {}, "drawn_by": {"model": "tiny"}, "figures": {"psnr": metric, "ssim": {"verdict": "passed"}}}
    assert upgrade.history_line({"schema": 1, "session": "monday", "runs": [run]}) == {
        "schema": 2,
        "session": "monday",
        "runs": [
            {
                "request": {},
                "generated_by": {"model": "tiny"},
                "metrics": {
                    "psnr": {"gating": True, "change": -1, "variability": 0.2, "verdict": "not_comparable"},
                    "ssim": {"verdict": "passed"},
                },
            }
        ],
    }


def test_variability_of_schema_2_has_todays_names() -> None:
    content = {"schema": 2, "asked": {"looks": [[0]]}, "drawn_by": {}, "metrics": {"psnr": {"figure": 3, "noise": 1}}}
    assert upgrade.variability(content) == {
        "schema": 3,
        "request": {"rounds": [[0]]},
        "generated_by": {},
        "metrics": {"psnr": {"value": 3, "variability": 1}},
    }


def test_where_a_baseline_comes_from_has_todays_names() -> None:
    content = {"schema": 1, "accepted": [{"session": "monday", "drawn_by": {"model": "tiny"}}]}
    assert upgrade.provenance(content) == {
        "schema": 2,
        "accepted": [{"session": "monday", "generated_by": {"model": "tiny"}}],
    }


@pytest.mark.parametrize("content", [{"runs": 3}, {"runs": [3]}, {"runs": [{"figures": 3}]}])
def test_a_corrupt_history_is_left_to_whoever_reads_it(content: dict[str, object]) -> None:
    assert upgrade.history_line(content)["schema"] == 2


@pytest.mark.parametrize("content", [{"accepted": 3}, {"accepted": [3]}, {}])
def test_a_corrupt_provenance_is_left_to_whoever_reads_it(content: dict[str, object]) -> None:
    assert upgrade.provenance(content)["schema"] == 2
