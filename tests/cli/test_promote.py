"""`sdeval accept --draft` in CI, and `sdeval promote` after review on another machine."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sdeval.baselines import drafts, provenance
from sdeval.baselines.store import find
from sdeval.cli import main
from sdeval.config.image_store import CACHE
from sdeval.results import run_folder
from tests.baselines.test_store import contents, on_disk
from tests.stores.project import Shared, commit, configure, git, keys, session
from tests.stores.s3 import URL, Fault, Server

BASELINES = Path("baselines")
DRAFT = "store/drafts/two"


Bucket = Server | Shared
ON_S3 = pytest.mark.parametrize("project", ["s3"], indirect=True)


@pytest.fixture
def project(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A repository with a store; session `one` is accepted and committed, and `two` is there.

    The store is a folder, but for tests with the marks of S3.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(CACHE)
    bucket: Bucket = request.getfixturevalue("s3") if hasattr(request, "param") else Shared()
    configure(URL if isinstance(bucket, Server) else "shared/store")
    git("init", "-q", "-b", "main")
    git("config", "user.name", "Ann")
    git("config", "user.email", "ann@example.com")
    Path(".gitignore").write_text("reports\ncache\nshared\n")
    assert main(["accept", str(session("one"))]) == 0
    commit("one")
    session("two", 0.5)
    return bucket


@pytest.fixture
def drafted(project: Bucket, capsys: pytest.CaptureFixture[str]) -> Bucket:
    """Session `two` is a draft."""
    assert main(["accept", "reports/two", "--draft", "--reason", "sharper"]) == 0
    capsys.readouterr()
    return project


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    (line,) = capsys.readouterr().err.splitlines()
    return line


@ON_S3
def test_a_draft_changes_nothing_and_says_what_accepts_it(project: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(BASELINES)
    capsys.readouterr()
    assert main(["accept", "reports/two", "--draft"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "animals on tiny: 4 images new or changed"
    assert lines[-1] == f"draft in {project.place}; after review, accept it with: sdeval promote two"
    assert contents(BASELINES) == before
    assert git("status", "--porcelain") == ""
    assert keys() | keys(0.5) | {f"{DRAFT}/draft.json", f"{DRAFT}/files/zoo/tiny/run.json"} <= set(project.stored())


@ON_S3
def test_what_is_promoted_is_what_would_have_been_accepted(drafted: Bucket) -> None:
    assert main(["promote", "two"]) == 0
    promoted = contents(BASELINES)
    git("checkout", "-q", "--", ".")
    git("clean", "-qfd")
    assert main(["accept", "reports/two", "--reason", "sharper"]) == 0
    accepted = contents(BASELINES)
    differing = {name for name in accepted | promoted if accepted.get(name) != promoted.get(name)}
    assert differing == {"animals/tiny/accepted.json", "zoo/tiny/accepted.json"}


def test_a_promotion_says_what_changes_and_keeps_who_did_it(
    drafted: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["promote", "two"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "animals on tiny: 4 images new or changed",
        "  clip_score  29.50  →  30.00",
        "  2 cases with 2 seeds can show a loss of clip_score from 7.55 on (tolerance 0.5), if all cases lose alike",
        "zoo on tiny: 4 images new or changed",
        "  clip_score  29.50  →  30.00",
        "  2 cases with 2 seeds can show a loss of clip_score from 7.55 on (tolerance 0.5), if all cases lose alike",
        "promoted into baselines; undo with git",
    ]
    (entry,) = provenance.read(BASELINES / "zoo" / "tiny")
    assert (entry.session, entry.reason, entry.promoted_by) == ("two", "sharper", "Ann <ann@example.com>")


@ON_S3
def test_another_machine_promotes(drafted: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git("clone", "-q", ".", f"{tmp_path}-clone")
    monkeypatch.chdir(f"{tmp_path}-clone")
    assert main(["promote", "two"]) == 0
    found = find(BASELINES, "zoo", "tiny")
    assert found is not None
    assert found.samples == tuple(
        replace(sample, image=sample.image.replace(".png", ".webp"))
        for sample in run_folder.read(tmp_path / "reports/two/zoo/tiny").samples
    )
    assert main(["store", "check"]) == 0


def test_entries_that_were_accepted_before_stay_as_they_are(project: Bucket) -> None:
    assert main(["accept", "reports/two", "-k", "case-0", "--draft"]) == 0
    assert main(["promote", "two"]) == 0
    entries = provenance.read(BASELINES / "zoo" / "tiny")
    assert [entry.promoted_by for entry in entries] == ["", "Ann <ann@example.com>"]


def test_a_dry_run_writes_nothing(drafted: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(BASELINES)
    assert main(["promote", "two", "--dry-run"]) == 0
    assert capsys.readouterr().out.endswith("nothing written (dry run)\n")
    assert contents(BASELINES) == before


@ON_S3
def test_without_a_name_drafts_are_listed(drafted: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["promote"]) == 0
    assert capsys.readouterr().out == "two\n"
    drafted.remove(f"{DRAFT}/draft.json")
    assert main(["promote"]) == 0
    assert capsys.readouterr().out == f"{drafted.place}: no drafts; `sdeval accept --draft` makes one\n"


def test_an_unknown_draft_is_one_line(drafted: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["promote", "tow"]) == 2
    assert complaint(capsys) == f"sdeval: {drafted.place}: unknown draft 'tow'; did you mean two? Known: two"


@pytest.mark.parametrize("name", ["../two", "two/..", ".two", ""])
def test_a_name_that_leads_elsewhere_is_refused(name: str, drafted: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["promote", name]) == 2
    assert "is no name of a draft" in complaint(capsys)


def test_a_baseline_that_changed_meanwhile_is_not_overwritten(
    drafted: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["accept", str(session("three", 0.25)), "-k", "case-1"]) == 0
    before = contents(BASELINES)
    capsys.readouterr()
    assert main(["promote", "two"]) == 2
    line = complaint(capsys)
    assert line.startswith(
        f"sdeval: {Path.cwd()}/baselines/animals/tiny: is not what the draft was made for: update the"
    )
    assert line.endswith("nothing was accepted")
    assert contents(BASELINES) == before


@ON_S3
def test_half_an_upload_is_no_draft(project: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    # Images first, then files of the baselines.
    project.faults.append(Fault("status", "PUT", status=403, after=6))
    capsys.readouterr()
    assert main(["accept", "reports/two", "--draft"]) == 2
    assert "access is denied (403 Forbidden)" in complaint(capsys)
    project.faults.clear()
    assert any(name.startswith(DRAFT) for name in project.stored())
    assert main(["promote", "two"]) == 2
    assert "unknown draft 'two'" in complaint(capsys)


@ON_S3
def test_half_a_second_upload_takes_the_first_draft_away(drafted: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    drafted.faults.append(Fault("status", "PUT", status=403))
    assert main(["accept", "reports/two", "--draft", "--reason", "other"]) == 2
    drafted.faults.clear()
    capsys.readouterr()
    assert main(["promote", "two"]) == 2
    assert "unknown draft 'two'" in complaint(capsys)


@pytest.mark.parametrize(
    "name", ["zoo/tiny/samples.jsonl", "animals/tiny/accepted.json", "zoo/tiny/images/case-0@0.webp"]
)
def test_a_file_that_was_changed_is_refused(name: str, drafted: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(BASELINES)
    drafted.put(f"{DRAFT}/files/{name}", b"something else")
    assert main(["promote", "two"]) == 2
    assert complaint(capsys).endswith(f"/{name}: is corrupt: it does not have the hash that the draft names")
    assert contents(BASELINES) == before


def test_a_file_that_is_gone_is_one_line(drafted: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    drafted.remove(f"{DRAFT}/files/zoo/tiny/run.json")
    assert main(["promote", "two"]) == 2
    assert complaint(capsys).endswith("zoo/tiny/run.json: no such file")


@pytest.mark.parametrize(
    "change",
    [
        {"replaces": {"../elsewhere": ""}},
        {"replaces": {"animals/tiny": ""}, "files": {"animals/tiny/../../x": "0" * 64}},
        {"replaces": {"animals/tiny": ""}, "files": {"animals/tiny/run.py": "0" * 64}},
        {"replaces": {}, "files": {"animals/tiny/run.json": "0" * 64}},
        {"replaces": {".sdeval/commit.json": ""}},
    ],
)
def test_a_draft_writes_nothing_but_baselines(
    change: dict[str, object], drafted: Bucket, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = {"schema": 1, "replaces": {}, "files": {}, **change}
    drafted.put(f"{DRAFT}/draft.json", json.dumps(manifest).encode())
    assert main(["promote", "two"]) == 2
    assert complaint(capsys).endswith("is no file of a baseline")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"schema": 2, "replaces": {}, "files": {}}', b"\xff"])
def test_a_corrupt_manifest_is_one_line(content: bytes, drafted: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    drafted.put(f"{DRAFT}/draft.json", content)
    assert main(["promote", "two"]) == 2
    assert complaint(capsys).startswith(f"sdeval: {drafted.place}/drafts/two/draft.json: is corrupt")


def test_images_that_are_gone_from_the_store_are_noticed(drafted: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    drafted.remove(*list(keys(0.5))[:2])
    assert main(["promote", "two"]) == 2
    assert "2 of its full-size images are not in the store; accept that run again" in complaint(capsys)


def test_small_images_of_a_draft_are_in_it(project: Bucket) -> None:
    from tests.conftest import make_run
    from tests.stores.project import SCORES

    on_disk(make_run(SCORES), Path("reports/small/animals/tiny"))
    assert main(["accept", "reports/small", "--draft"]) == 0
    assert main(["promote", "small"]) == 0
    assert {path.suffix for path in (BASELINES / "animals/tiny/images").iterdir()} == {".png"}


def test_a_draft_needs_a_store(project: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    configure("")
    assert main(["accept", "reports/two", "--draft"]) == 2
    assert "--draft: needs a store that others reach" in complaint(capsys)


def test_a_draft_of_what_is_accepted_already_is_none(project: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["accept", "reports/one", "--draft"]) == 0
    assert capsys.readouterr().out.endswith("the baselines hold all of this already; no draft was made\n")
    assert not any("drafts" in name for name in project.stored())


def test_gc_keeps_young_drafts_with_their_images_and_deletes_old_ones(
    drafted: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Images are old, the draft is not.
    monkeypatch.setattr("sdeval.stores.maintenance.is_older", lambda *_: True)
    assert main(["store", "gc", "--delete"]) == 0
    assert keys(0.5) < set(drafted.stored())
    assert main(["promote", "two", "--dry-run"]) == 0
    monkeypatch.setattr(drafts, "is_older", lambda info, age: age < timedelta(days=15))
    assert main(["store", "gc", "--delete"]) == 0
    assert set(drafted.stored()) == keys()
