"""The items of a session, and what is said of one that was not judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdeval import SdevalError
from sdeval.results import selected
from sdeval.results.selected import SelectedItem
from sdeval.results.session_names import SELECTED
from sdeval.results.verdict import DEFECT, SUITE, Verdict

CASE = SelectedItem(nodeid="test_animals.py::cat", suite="animals", target="tiny", kind="case", name="cat")
METRIC = SelectedItem(nodeid="test_animals.py::psnr", suite="animals", target="tiny", kind="metric", name="psnr")


def test_items_are_read_as_they_were_written(tmp_path: Path) -> None:
    selected.write([CASE, METRIC], tmp_path)
    assert selected.is_written(tmp_path)
    assert selected.read(tmp_path) == (CASE, METRIC)


def test_a_session_in_which_nothing_was_selected_has_no_items(tmp_path: Path) -> None:
    assert not selected.is_written(tmp_path)
    assert selected.read(tmp_path) == ()


def test_a_file_that_is_no_list_of_items_is_named(tmp_path: Path) -> None:
    (tmp_path / SELECTED).write_text("{}")
    with pytest.raises(SdevalError, match=r"selected\.json: is corrupt: items: is missing"):
        selected.read(tmp_path)


def test_an_item_of_a_case_that_was_not_judged_is_about_its_images() -> None:
    assert CASE.without_verdict("interrupted") == Verdict(
        suite="animals", target="tiny", metric=DEFECT, case="cat", verdict="unscored", reason="interrupted"
    )


def test_an_item_of_a_metric_that_was_not_judged_is_about_the_suite() -> None:
    assert METRIC.without_verdict("not on this machine", "skipped") == Verdict(
        suite="animals", target="tiny", metric="psnr", case=SUITE, verdict="skipped", reason="not on this machine"
    )
