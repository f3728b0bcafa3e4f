"""Shards of a session that are merged give the verdicts of one machine; others are refused in one line."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.torture.sessions import FILES
from sdeval.cli import main
from sdeval.results import shard_record
from tests.plugin.painted import paint
from tests.plugin.project import QUIET

MEASURED_AGAIN = ("seconds_per_image", "peak_memory")
DUPLICATES = 'metrics=("sharpness", "noise") => metrics=("sharpness", "noise", "duplicates"), max_seeds=4'


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with a baseline, of other images than its sessions have now."""
    paint(pytester, metrics=DUPLICATES)
    assert pytester.runpytest_inprocess(*QUIET).ret == 0
    assert main(["accept"]) == 0
    program = pytester.path / "paint.py"
    program.write_text(program.read_text().replace("255", "250"))
    return pytester


def shard(project: pytest.Pytester, number: int, count: int = 2, *options: str) -> Path:
    """A session of one shard, as on a machine of its own."""
    output = project.path / f"shard-{number}-of-{count}"
    result = project.runpytest_inprocess(
        *QUIET, "--sdeval-shard", f"{number}/{count}", "--sdeval-output", str(output), *options
    )
    assert result.ret == 0
    return (output / "latest").resolve()


def merge(*folders: Path, output: Path) -> int:
    return main(["merge", *map(str, folders), "--output", str(output)])


def verdicts_of(output: Path) -> list[dict[str, Any]]:
    content = json.loads((output / "latest" / "verdicts.json").read_text())
    return [verdict for verdict in content["verdicts"] if verdict["metric"] not in MEASURED_AGAIN]


def images_of(session: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in session.glob("*/*/images/*.png")}


def test_merged_shards_are_what_one_machine_makes(project: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    one, merged = project.path / "one", project.path / "merged"
    whole = project.runpytest_inprocess(*QUIET, "--sdeval-all-seeds", "--sdeval-output", str(one))
    shards = [shard(project, number, 3) for number in (3, 1, 2)]
    assert all(len(images_of(folder)) < 16 for folder in shards)
    code = merge(*shards, output=merged)
    assert code == whole.ret
    assert verdicts_of(merged) == verdicts_of(one)
    assert images_of(merged / "latest") == images_of(one / "latest")
    assert len(images_of(merged / "latest")) == 16
    run = Path("few") / "painted"
    for name in ("samples.jsonl", "cases.jsonl"):
        assert (merged / "latest" / run / name).read_bytes() == (one / "latest" / run / name).read_bytes()
    assert (merged / "history.jsonl").read_text().count("\n") == 1
    assert (merged / "latest" / "index.html").is_file()
    assert "next: " in capsys.readouterr().out


def test_a_shard_has_no_verdicts_and_says_where_they_come_from(project: pytest.Pytester) -> None:
    session = shard(project, 1)
    record = json.loads((session / "verdicts.json").read_text())
    assert {verdict["verdict"] for verdict in record["verdicts"]} == {"skipped"}
    assert {verdict["reason"] for verdict in record["verdicts"]} == {"shard 1 of 2: verdicts come from sdeval merge"}
    assert any("with all seeds" in note for note in record["notes"])
    assert not (session.parent / "history.jsonl").exists()
    assert main(["accept", str(session)]) == 2


@pytest.mark.slow
def test_a_shard_may_have_nothing_to_do(project: pytest.Pytester) -> None:
    shards = [shard(project, number, 5, "-k", "case-1") for number in range(1, 6)]
    assert sum(bool(images_of(folder)) for folder in shards) == 4
    assert merge(*shards, output=project.path / "merged") == 0


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a baseline and the two shards of a session."""
    root = tmp_path_factory.mktemp("built")
    for name, text in FILES.items():
        (root / name).write_text(text, encoding="utf-8")
    environment = {**os.environ, "CI": ""}
    for options in ((), ("--sdeval-shard=1/2", "--sdeval-output=one"), ("--sdeval-shard=2/2", "--sdeval-output=two")):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *options]
        subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)
        if not options:
            with contextlib.chdir(root):
                assert main(["accept"]) == 0
    return root


@pytest.fixture
def shards(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The shards, in a copy of their project."""
    root = shutil.copytree(built, tmp_path / "copy", symlinks=True)
    monkeypatch.chdir(root)
    return [(root / name / "latest").resolve() for name in ("one", "two")]


Change = Callable[[list[Path]], object]


def _edit(**values: Any) -> Change:
    def edit(shards: list[Path]) -> None:
        path = shards[1] / shard_record.NAME
        path.write_text(json.dumps({**json.loads(path.read_text()), **values}))

    return edit


def _edit_run(field: str, **values: Any) -> Change:
    def edit(shards: list[Path]) -> None:
        path = shards[1] / "few" / "painted" / "run.json"
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, field: {**content[field], **values}}))

    return edit


def _edit_suite(shards: list[Path]) -> None:
    suite = Path("test_few.py")
    suite.write_text(suite.read_text().replace('"a" * (number + 1)', '"b" * (number + 1)'))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda shards: shards.pop(), "shards 2 of 2 are missing"),
        (lambda shards: shards.append(shards[0]), "is given twice"),
        (_edit(shard={"number": 1, "count": 2}), "is shard 1 of 2, and so is "),
        (_edit(shard={"number": 2, "count": 3}), "is shard 2 of 3, but "),
        (lambda shards: (shards[1] / "shard.json").unlink(), "is no shard: shard.json is missing"),
        (_edit(sdeval="9.9"), "has version of sdeval 9.9, and here is "),
        (_edit(commit="abc"), "has commit of the project abc, and here is none"),
        (_edit(options={"set": ["a=1"]}), "was started with other options than "),
        (_edit_suite, "few on painted: the suite or its settings are others than here"),
        (lambda shards: shutil.rmtree("baselines"), "was compared with another baseline than the one that is here"),
        (_edit_run("generated_by", program="0123"), "was generated by other weights or settings than "),
        (_edit_run("environment", hardware="1x another GPU"), "→ 1x another GPU"),
        (lambda shards: shutil.rmtree(shards[1] / "few"), "has not generated its part of few on painted; run it again"),
        (lambda shards: (shards[1] / "running.json").write_text("{}"), "has not ended; run its command again with"),
    ],
)
def test_shards_that_are_not_of_one_session_are_refused(
    shards: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Change, message: str
) -> None:
    change(shards)
    assert merge(*shards, output=tmp_path / "merged") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "merged" / "latest").exists()
