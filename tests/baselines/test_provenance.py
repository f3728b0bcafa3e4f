"""Where a baseline comes from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdeval import SdevalError
from sdeval.baselines import provenance
from sdeval.baselines.acceptance import Part, accept, propose, write
from sdeval.results.run import Run
from tests.baselines.test_store import contents, on_disk
from tests.conftest import make_run

SCORES = np.array([[30.0, 31.0], [29.0, 28.0]])
MACHINE = {"hardware": "cpu of a kind", "packages": {"torch": "2.9"}, "threads": 4}


def generated(root: Path, session: str, run: Run) -> Path:
    """The folder of a run in a session."""
    return on_disk(replace(run, environment=MACHINE), root / session / run.suite / run.target)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(propose(generated(tmp_path, "monday", make_run(SCORES)), tmp_path / "baselines", reason="the first"))
    return tmp_path


def entries(root: Path) -> tuple[provenance.Entry, ...]:
    return provenance.read(root / "baselines/animals/tiny")


def test_a_whole_run_is_one_entry(root: Path) -> None:
    assert entries(root) == (
        provenance.Entry(
            session="monday",
            reason="the first",
            cases="all",
            metrics="all",
            packages={"torch": "2.9"},
            hardware="cpu of a kind",
            generated_by={"model": "tiny"},
        ),
    )


def test_parts_are_added_and_a_whole_run_resets_them(root: Path) -> None:
    tuesday = replace(make_run(SCORES + 1), generated_by={"model": "other"})
    write(
        propose(generated(root, "tuesday", tuesday), root / "baselines", [Part(("case-1",))], reason="cats are better")
    )
    write(propose(root / "tuesday/animals/tiny", root / "baselines", [Part(None, ("clip_score",))]))
    assert [(each.session, each.reason, each.cases, each.metrics) for each in entries(root)] == [
        ("monday", "the first", "all", "all"),
        ("tuesday", "cats are better", ("case-1",), "all"),
        ("tuesday", "", "all", ("clip_score",)),
    ]
    assert [each.generated_by["model"] for each in entries(root)] == ["tiny", "other", "other"]
    accept(root / "tuesday/animals/tiny", root / "baselines")
    assert [each.cases for each in entries(root)] == ["all"]


def test_nothing_in_it_depends_on_the_day_or_the_user(root: Path) -> None:
    text = (root / "baselines/animals/tiny/accepted.json").read_text()
    assert set(json.loads(text)["accepted"][0]) == {
        "session", "reason", "cases", "metrics", "packages", "hardware", "generated_by"
    }  # fmt: skip
    write(propose(root / "monday/animals/tiny", root / "elsewhere", reason="the first"))
    assert contents(root / "elsewhere") == contents(root / "baselines")


def test_where_nothing_changes_nothing_is_noted(root: Path) -> None:
    before = contents(root / "baselines")
    write(propose(generated(root, "tuesday", make_run(SCORES)), root / "baselines", reason="once more"))
    assert contents(root / "baselines") == before


def test_a_baseline_from_before_has_none_and_gets_some(root: Path) -> None:
    (root / "baselines/animals/tiny/accepted.json").unlink()
    assert entries(root) == ()
    write(propose(generated(root, "tuesday", make_run(SCORES + 1)), root / "baselines", [Part(("case-1",))]))
    assert [each.session for each in entries(root)] == ["tuesday"]


def test_a_run_that_lies_in_no_session_is_named_itself(tmp_path: Path) -> None:
    accept(on_disk(make_run(SCORES), tmp_path / "some-run"), tmp_path / "baselines")
    assert [each.session for each in entries(tmp_path)] == ["some-run"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is corrupt: Expecting"),
        ("[]", "is corrupt: must be a mapping"),
        ('{"schema": 9, "accepted": []}', "has schema 9; this version of sdeval reads 2"),
        ('{"schema": 2}', "is corrupt: accepted: is missing"),
        ('{"schema": 1, "accepted": [{"session": 3}]}', r"accepted\[0\]: "),
    ],
)
def test_a_damaged_file_says_how_to_restore_it(root: Path, text: str, message: str) -> None:
    (root / "baselines/animals/tiny/accepted.json").write_text(text)
    with pytest.raises(SdevalError, match=message) as error:
        entries(root)
    assert "; restore it with: git checkout -- " in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_a_damaged_file_stops_a_part_and_not_a_whole_run(root: Path) -> None:
    (root / "baselines/animals/tiny/accepted.json").write_text("{")
    tuesday = generated(root, "tuesday", make_run(SCORES + 1))
    with pytest.raises(SdevalError, match=r"accepted\.json: is corrupt"):
        propose(tuesday, root / "baselines", [Part(("case-1",))])
    accept(tuesday, root / "baselines")
    assert [each.session for each in entries(root)] == ["tuesday"]


def test_a_reason_that_no_file_can_hold_is_refused(root: Path) -> None:
    with pytest.raises(SdevalError, match="reason: must be text that UTF-8 can hold"):
        propose(root / "monday/animals/tiny", root / "baselines", reason="\udcff")


def test_who_promoted_a_draft_is_kept_and_nobody_takes_no_room(root: Path) -> None:
    folder = root / "baselines/animals/tiny"
    (entry,) = entries(root)
    assert "promoted_by" not in (folder / provenance.NAME).read_text()
    provenance.write(folder, [replace(entry, promoted_by="Ann <ann@example.com>")])
    assert entries(root)[0].promoted_by == "Ann <ann@example.com>"
