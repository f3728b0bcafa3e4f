"""Several baselines change together or not at all, whatever stops them, and one change at a time."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from sdeval import SdevalError
from sdeval._utils.files import discard
from sdeval.baselines import transaction
from sdeval.baselines.lock import HOLDER, PLACE, locked
from sdeval.baselines.transaction import COMMIT, NEW, changing, check_folder, is_changing, recover
from tests.baselines.test_store import contents
from tests.child import in_child

PATHS = ("animals/tiny", "zoo/tiny")


def fill(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "run.json").write_text(text)

    return write


def change(baselines: Path, text: str) -> None:
    with changing(baselines) as both:
        for path in PATHS:
            both.put(Path(path), fill(text))
        both.commit()


def texts(baselines: Path) -> list[str]:
    return [(baselines / path / "run.json").read_text() for path in PATHS]


def stopped_before(baselines: Path, place: Path, text: str = "new") -> None:
    """A change whose process is killed as soon as it renames something to a place."""
    real = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if Path(target) == place:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(path, target)

    def work() -> None:
        Path.rename = rename  # type: ignore[assignment, method-assign]
        change(baselines, text)

    assert in_child(work) == -signal.SIGKILL


@pytest.fixture
def baselines(tmp_path: Path) -> Path:
    change(tmp_path / "baselines", "old")
    return tmp_path / "baselines"


def test_everything_that_was_put_is_there_after_the_commit_and_nothing_before(baselines: Path) -> None:
    with changing(baselines) as both:
        for path in PATHS:
            both.put(Path(path), fill("new"))
        assert texts(baselines) == ["old", "old"]
        both.commit()
        assert texts(baselines) == ["new", "new"]


def test_a_folder_and_a_file_of_one_suite_change_together(baselines: Path) -> None:
    with changing(baselines) as both:
        both.put(Path("animals/tiny"), fill("new"))
        both.put(Path("animals/tiny.speed.json"), lambda path: path.write_text("fast"))
        both.commit()
    assert texts(baselines) == ["new", "old"]
    assert (baselines / "animals/tiny.speed.json").read_text() == "fast"


def test_what_is_not_committed_is_undone(baselines: Path) -> None:
    with changing(baselines) as both:
        both.put(Path(PATHS[0]), fill("new"))
    assert texts(baselines) == ["old", "old"]
    assert {path.name for path in (baselines / PLACE).iterdir()} == {"lock", ".gitignore"}


def test_git_sees_nothing_of_the_lock(baselines: Path) -> None:
    assert (baselines / PLACE / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("make", [Path.touch, lambda place: place.symlink_to("nowhere")])
def test_where_the_lock_has_no_place_it_is_named(baselines: Path, make: Callable[[Path], None]) -> None:
    discard(baselines / PLACE)
    make(baselines / PLACE)
    with pytest.raises(SdevalError, match=r"\.sdeval: must be a folder, .* remove it"), changing(baselines):
        pass


def test_a_change_that_was_stopped_between_two_renames_is_finished(baselines: Path) -> None:
    stopped_before(baselines, baselines / PATHS[1])
    assert (baselines / PATHS[0] / "run.json").read_text() == "new"
    assert not (baselines / PATHS[1]).exists()
    (line,) = recover(baselines)
    assert "which had been stopped: accepted animals/tiny, zoo/tiny" in line
    assert texts(baselines) == ["new", "new"]
    assert recover(baselines) == []


def test_a_change_that_was_stopped_before_its_commit_is_undone(baselines: Path) -> None:
    def work() -> None:
        with changing(baselines) as both:
            both.put(Path(PATHS[0]), fill("new"))
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(work) == -signal.SIGKILL
    (line,) = recover(baselines)
    assert line.endswith("undid an accept that had been stopped; every baseline is as it was")
    assert texts(baselines) == ["old", "old"]
    assert recover(baselines) == []


def test_the_next_change_finishes_one_that_was_stopped(baselines: Path) -> None:
    stopped_before(baselines, baselines / PATHS[1])
    with changing(baselines):
        assert texts(baselines) == ["new", "new"]


def test_a_rename_that_fails_half_way_puts_everything_back(baselines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if path.parts[-3:] == (NEW, *Path(PATHS[1]).parts):
            raise PermissionError("it is open elsewhere")
        return real(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(PermissionError, match="open elsewhere"):
        change(baselines, "new")
    assert texts(baselines) == ["old", "old"]
    monkeypatch.undo()
    assert recover(baselines) == []


def test_an_interrupt_half_way_puts_everything_back(baselines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(transaction, "_flush_parents", interrupted)
    with pytest.raises(KeyboardInterrupt):
        change(baselines, "new")
    assert recover(baselines) == []
    assert texts(baselines) == ["old", "old"]


def test_a_second_change_waits_for_the_first(baselines: Path) -> None:
    begun, end = threading.Event(), threading.Event()

    def first() -> None:
        with changing(baselines) as both:
            both.put(Path(PATHS[0]), fill("first"))
            begun.set()
            end.wait()
            both.commit()

    thread = threading.Thread(target=first)
    thread.start()
    begun.wait()
    threading.Timer(0.2, end.set).start()
    change(baselines, "second")
    thread.join()
    assert texts(baselines) == ["second", "second"]


def test_a_change_that_waits_in_vain_says_for_whom(baselines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transaction, "WAIT_SECONDS", 0.01)
    monkeypatch.setattr("sys.argv", ["/usr/bin/sdeval", "accept", "reports/one"])
    pattern = rf"is being changed by `sdeval accept reports/one` \(pid {os.getpid()} on .*, .* UTC\); try again when"
    with changing(baselines), pytest.raises(SdevalError, match=pattern), changing(baselines):
        pass


def test_the_lock_of_a_killed_process_is_free(baselines: Path) -> None:
    stopped_before(baselines, baselines / PATHS[0])
    assert (baselines / PLACE / HOLDER).exists()
    change(baselines, "newer")
    assert texts(baselines) == ["newer", "newer"]


def test_a_reader_is_not_stopped_by_a_change_that_is_not_committed(baselines: Path) -> None:
    with changing(baselines) as both:
        both.put(Path(PATHS[0]), fill("new"))
        assert recover(baselines) == []
        assert texts(baselines) == ["old", "old"]


def test_a_folder_without_the_right_to_be_written_to_is_replaced_and_removed(baselines: Path) -> None:
    for folder in (baselines / PATHS[0] / "images", baselines / PATHS[0]):
        folder.mkdir(exist_ok=True)
        (folder / "image.png").write_text("an image")
        folder.chmod(0o555)
    for text in ("new", "newer"):
        change(baselines, text)
    assert contents(baselines) == {f"{path}/run.json": b"newer" for path in PATHS}
    assert not [path for path in (baselines / PLACE).iterdir() if path.is_dir()]


def test_a_suite_that_cannot_be_written_to_stops_all_of_them(baselines: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.access
    # For the tests may run as root, who may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "zoo" and real(path, mode))
    with pytest.raises(SdevalError, match="zoo: cannot be written to; nothing was accepted"):
        change(baselines, "new")
    assert texts(baselines) == ["old", "old"]


def test_two_changes_of_one_baseline_are_refused(baselines: Path) -> None:
    with changing(baselines) as both:
        both.put(Path(PATHS[0]), fill("new"))
        with pytest.raises(SdevalError, match="two runs would become this baseline"):
            both.put(Path(PATHS[0]), fill("new"))


@pytest.mark.parametrize("path", ["../elsewhere", "/etc/passwd", "animals", "animals/../..", ".sdeval/lock"])
def test_a_commit_record_never_leads_out_of_the_baselines(baselines: Path, path: str) -> None:
    stopped_before(baselines, baselines / PATHS[0])
    (record,) = (baselines / PLACE).glob(f"*/{COMMIT}")
    record.write_text(record.read_text().replace("animals/tiny", path))
    with pytest.raises(SdevalError, match=r"an accept was stopped and cannot be finished: .*: is corrupt: .* no base"):
        recover(baselines)


def test_baselines_that_are_a_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "baselines").touch()
    with pytest.raises(SdevalError, match="baselines: is a file; baselines must name the folder"):
        check_folder(tmp_path / "baselines")


def test_baselines_that_cannot_be_read_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refused)
    with pytest.raises(SdevalError, match="baselines cannot be read: Permission denied"):
        check_folder(tmp_path)


def test_baselines_that_somebody_named_must_be_there(tmp_path: Path) -> None:
    check_folder(tmp_path / "qa")
    with pytest.raises(SdevalError, match="qa: no such folder of baselines; to begin one: mkdir"):
        check_folder(tmp_path / "qa", required=True)


def test_a_reader_waits_for_a_committed_change_whatever_else_was_stopped(baselines: Path) -> None:
    stopped_before(baselines, baselines / PATHS[1])
    (baselines / PLACE / "1-dead" / NEW).mkdir(parents=True)
    is_held, end = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(baselines, 0):
            is_held.set()
            end.wait()

    thread = threading.Thread(target=hold)
    thread.start()
    is_held.wait()
    threading.Timer(0.2, end.set).start()
    undone, finished = recover(baselines)
    thread.join()
    assert "undid an accept" in undone
    assert "accepted animals/tiny, zoo/tiny" in finished
    assert texts(baselines) == ["new", "new"]


def test_files_that_do_not_count_change_no_folder(baselines: Path) -> None:
    def write(text: str, extra: str) -> Callable[[Path], None]:
        def folder(path: Path) -> None:
            fill(text)(path)
            (path / "accepted.json").write_text(extra)

        return folder

    def put(text: str, extra: str) -> None:
        with changing(baselines) as both:
            both.put(Path(PATHS[0]), write(text, extra), ["accepted.json"])
            both.commit()

    put("new", "first")
    put("new", "second")
    assert (baselines / PATHS[0] / "accepted.json").read_text() == "first"
    put("newer", "third")
    assert (baselines / PATHS[0] / "accepted.json").read_text() == "third"


def test_what_is_as_it_was_is_no_change(baselines: Path) -> None:
    before = (baselines / PATHS[0]).stat().st_ino
    change(baselines, "old")
    assert (baselines / PATHS[0]).stat().st_ino == before
    assert not [path for path in (baselines / PLACE).iterdir() if path.is_dir()]


def test_a_baselines_folder_that_cannot_be_written_to_is_named(
    baselines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != baselines and real(path, mode))
    with pytest.raises(SdevalError, match="baselines: cannot be written to; nothing was accepted"):
        change(baselines, "new")


def test_a_suite_that_is_new_needs_no_folder(baselines: Path) -> None:
    with changing(baselines) as both:
        both.put(Path("plants/tiny"), fill("new"))
        both.commit()
    assert (baselines / "plants/tiny/run.json").read_text() == "new"


def test_links_among_changes_are_left_alone(baselines: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere" / NEW).mkdir(parents=True)
    (baselines / PLACE / "1-link").symlink_to(tmp_path / "elsewhere")
    assert recover(baselines) == []
    assert (tmp_path / "elsewhere" / NEW).is_dir()


def test_only_a_committed_change_is_being_made(baselines: Path) -> None:
    assert not is_changing(baselines)
    assert not is_changing(baselines / "not there")
    with changing(baselines) as both:
        both.put(Path(PATHS[0]), fill("new"))
        assert not is_changing(baselines)
    stopped_before(baselines, baselines / PATHS[1])
    assert is_changing(baselines)
    (baselines / PLACE / "1-dead" / NEW).mkdir(parents=True)
    assert is_changing(baselines)
    recover(baselines)
    assert not is_changing(baselines)


SHARED_MEMORY = Path("/dev/shm")


@pytest.mark.skipif(
    not SHARED_MEMORY.is_dir() or SHARED_MEMORY.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev,
    reason="there is no other file system",
)
def test_a_suite_on_another_file_system_stops_all_of_them(baselines: Path) -> None:
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as elsewhere:
        (baselines / "plants").symlink_to(elsewhere)
        with changing(baselines) as both:
            both.put(Path(PATHS[0]), fill("new"))
            both.put(Path("plants/tiny"), fill("new"))
            with pytest.raises(SdevalError, match=r"plants: lies on another file system than .*; nothing was"):
                both.commit()
        assert texts(baselines) == ["old", "old"]
        assert not list(Path(elsewhere).iterdir())


def test_a_change_that_cannot_be_finished_is_told_whatever_else_was_stopped(baselines: Path) -> None:
    stopped_before(baselines, baselines / PATHS[0])
    (record,) = (baselines / PLACE).glob(f"*/{COMMIT}")
    record.write_text("{")
    (baselines / PLACE / "zzz" / NEW).mkdir(parents=True)
    with pytest.raises(SdevalError, match="an accept was stopped and cannot be finished"):
        recover(baselines)


def test_where_the_change_itself_cannot_be_written_down_that_error_is_told(
    baselines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(transaction, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        change(baselines, "new")
    assert texts(baselines) == ["old", "old"]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not tell which file is flushed")
def test_everything_new_is_on_disk_before_anything_is_replaced(
    baselines: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[Path] = []
    replaced: list[list[Path]] = []
    fsync, rename = os.fsync, Path.rename

    def noted_fsync(descriptor: int) -> None:
        flushed.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    def noted_rename(path: Path, target: Path) -> Path:
        if Path(target).parent.parent == baselines:
            replaced.append(list(flushed))
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "rename", noted_rename)
    change(baselines, "new")
    before = {"/".join(path.parts[-3:]) for path in replaced[0]}
    assert {f"{path}/run.json" for path in PATHS} <= before
    assert any(path.parts[-2:] == (NEW, "animals") for path in replaced[0])
    # The record of the change, under the name that it is written by, and then its name.
    written, named = replaced[0][-2:]
    assert (written.suffix, written.parent, named.parent) == (".part", named, baselines / PLACE)
    assert {baselines, *(baselines / path.split("/")[0] for path in PATHS)} <= set(flushed)
