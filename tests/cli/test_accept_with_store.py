"""`sdeval accept` of large images: all are in the store before a baseline names them, whatever happens on the way."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from sdeval._utils.files import writing
from sdeval.baselines.store import find, stored
from sdeval.baselines.transaction import changing
from sdeval.cli import main
from sdeval.imaging.io import pixel_hash
from sdeval.stores import images, remote
from sdeval.stores.images import LOCAL
from tests.baselines.test_store import contents
from tests.conftest import IMAGES, ROOT
from tests.stores.project import SUITES, configure, digests, git, keys, session
from tests.stores.s3 import URL, Fault, Server


@pytest.fixture
def project(s3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A project with a store on S3 and the sessions `one` and `two`."""
    monkeypatch.chdir(tmp_path)
    configure()
    session("one")
    session("two", 0.5)
    return s3


def test_full_size_images_go_into_the_store_and_thumbnails_into_git(project: Server) -> None:
    assert main(["accept", "reports/one"]) == 0
    bucket = project.stored()
    assert set(bucket) == keys()
    for key, content in bucket.items():
        with Image.open(io.BytesIO(content)) as image:
            assert pixel_hash(image.convert("RGB")) == Path(key).stem
    kept = {path.suffix for path in Path("baselines").rglob("images/*")}
    assert kept == {".webp"}
    assert not Path("baselines", LOCAL).exists()


def test_an_image_is_uploaded_once_for_all_suites_and_never_again(project: Server) -> None:
    assert main(["accept", "reports/one"]) == 0
    assert project.count("PUT") == len(digests())
    project.requests.clear()
    assert main(["accept", "reports/one"]) == 0
    assert project.count("PUT") == 0
    assert main(["accept", "reports/two"]) == 0
    assert project.count("PUT") == len(digests(0.5) - digests())


def test_what_is_accepted_is_read_from_the_store(project: Server) -> None:
    assert main(["accept", "reports/one"]) == 0
    store = images.open_store(images.StoreOptions(url=URL, cache=Path("cache")), Path("baselines"))
    baseline = stored(Path("baselines"), "animals", "tiny", store)
    assert baseline is not None
    for sample in baseline.run.samples:
        with Image.open(baseline.full_image(sample)) as image:
            assert image.tobytes() == IMAGES[sample.sha256].tobytes()


FAULTS = [
    (Fault("status", "PUT", status=403), "access is denied (403 Forbidden)"),
    (Fault("status", "PUT", status=429), "the server answers 429 Too Many Requests"),
    (Fault("status", "PUT", status=500), "the server answers 500 Internal Server Error"),
    (Fault("status", "GET", status=403), "access is denied (403 Forbidden)"),
    (Fault("status", "PUT", status=503, after=3), "the server answers 503 Service Unavailable"),
    pytest.param(Fault("hang", "PUT"), "it cannot be reached (", marks=pytest.mark.slow),
    (Fault("aborted", "PUT", after=2), "it cannot be reached ("),
    (Fault("lost", "PUT", after=2), "the store does not hold what was uploaded"),
]


@pytest.mark.parametrize(("fault", "reason"), FAULTS, ids=lambda value: getattr(value, "kind", None))
def test_half_an_upload_changes_no_baseline(
    project: Server, fault: Fault, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["accept", "reports/one"]) == 0
    before = contents(Path("baselines"))
    project.faults.append(Fault(fault.kind, fault.method, status=fault.status, after=fault.after))
    capsys.readouterr()
    assert main(["accept", "reports/two"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert reason in lines[0]
    assert contents(Path("baselines")) == before
    project.faults.clear()
    assert main(["accept", "reports/two"]) == 0
    assert set(project.stored()) == keys() | keys(0.5)


@pytest.mark.slow
def test_a_kill_in_the_middle_of_an_upload_changes_no_baseline(project: Server) -> None:
    assert main(["accept", "reports/one"]) == 0
    before = contents(Path("baselines"))
    project.faults.append(Fault("hang", "PUT", after=2))
    command = [sys.executable, "-m", "sdeval.cli", "accept", "reports/two"]
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": str(ROOT)})
    project.requests.clear()
    while project.count("PUT") < 3:
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert contents(Path("baselines")) == before
    project.faults.clear()
    assert main(["accept", "reports/two"]) == 0
    assert set(project.stored()) == keys() | keys(0.5)


def test_a_bad_minute_of_the_store_is_not_noticed(project: Server, capsys: pytest.CaptureFixture[str]) -> None:
    project.faults += [Fault("status", status=429, times=3), Fault("aborted", "PUT", times=2)]
    assert main(["accept", "reports/one"]) == 0
    assert capsys.readouterr().err == ""
    assert set(project.stored()) == keys()


def test_without_credentials_nothing_is_accepted(
    project: Server, no_credentials: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["accept", "reports/one"]) == 2
    assert "no credentials were found" in capsys.readouterr().err
    assert not Path("baselines/animals").exists()


def test_a_dry_run_asks_the_store_for_nothing(project: Server) -> None:
    assert main(["accept", "reports/one", "--dry-run"]) == 0
    assert project.requests == []


def test_prompts_in_images_stay_out_of_the_store(project: Server) -> None:
    for path in Path("reports/one").rglob("*.png"):
        text = PngInfo()
        text.add_text("parameters", "a secret prompt")
        with Image.open(path) as image:
            image.save(path, pnginfo=text)
    assert main(["accept", "reports/one"]) == 0
    assert not any(b"secret" in content for content in project.stored().values())


def test_images_with_a_palette_are_stored_as_what_they_show(project: Server) -> None:
    for path in Path("reports/one").rglob("*.png"):
        with Image.open(path) as image:
            image.quantize(2).save(path)
    assert main(["accept", "reports/one"]) == 0
    assert set(project.stored()) == keys()


def test_a_run_with_another_image_uploads_nothing(project: Server) -> None:
    shutil.copy("reports/two/zoo/tiny/images/case-0@0.png", "reports/one/zoo/tiny/images/case-1@0.png")
    assert main(["accept", "reports/one"]) == 2
    assert project.stored() == {}
    assert not Path("baselines/animals").exists()


def test_without_a_store_full_size_images_lie_beside_the_baselines_and_git_ignores_them(project: Server) -> None:
    configure("")
    git("init", "-q")
    assert main(["accept", "reports/one"]) == 0
    local = sorted(path.name for path in Path("baselines", LOCAL).rglob("*.png"))
    assert local == sorted(f"{sha256}.png" for sha256 in digests())
    assert LOCAL not in git("status", "--porcelain", "--untracked-files=all")
    assert project.requests == []
    assert {path.name for path in Path("baselines").iterdir()} == {".sdeval", LOCAL, *SUITES}


def test_images_of_cases_that_stay_follow_into_a_store_that_is_named_later(project: Server) -> None:
    configure("")
    assert main(["accept", "reports/one"]) == 0
    configure()
    assert main(["accept", "reports/two/animals/tiny", "-k", "case-0"]) == 0
    found = find(Path("baselines"), "animals", "tiny")
    assert found is not None
    assert {f"store/{s.sha256[:2]}/{s.sha256}.png" for s in found.samples} == set(project.stored())


def test_a_baseline_that_was_accepted_meanwhile_is_seen(project: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from sdeval.cli import accept

    calls = []

    def late(*arguments: object) -> dict[str, bytes]:
        if not calls:
            calls.append(1)
            assert main(["accept", "reports/two"]) == 0
        return upload(*arguments)  # type: ignore[arg-type]

    upload = accept.upload
    monkeypatch.setattr(accept, "upload", late)
    assert main(["accept", "reports/one"]) == 0
    found = find(Path("baselines"), "animals", "tiny")
    assert found is not None
    assert {sample.sha256 for sample in found.samples} == digests()


def test_others_can_accept_while_images_are_uploaded(project: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    write = remote.Remote.write

    def look(self: remote.Remote, name: str, content: bytes) -> None:
        with changing(Path("baselines")):
            write(self, name, content)

    monkeypatch.setattr(remote.Remote, "write", look)
    assert main(["accept", "reports/one"]) == 0


def test_a_missing_package_names_the_extra(
    project: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("gs://images/store")
    monkeypatch.setitem(__import__("sys").modules, "gcsfs", None)
    assert main(["accept", "reports/one"]) == 2
    assert capsys.readouterr().err.endswith("install it with: pip install 'pytest-sdeval[gs]'\n")


def test_a_store_in_a_folder_that_cannot_be_written_is_one_line(
    project: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("shared").write_text("a file")
    configure("shared")
    assert main(["accept", "reports/one"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"sdeval: cannot write to {Path.cwd()}/shared/")
    assert not Path("baselines/animals").exists()


def test_a_full_disk_changes_no_baseline(
    project: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from sdeval.stores import objects

    def full(path: Path, *_: object, **__: object) -> None:
        with writing(path):
            raise OSError(28, "No space left on device")

    configure("shared")
    monkeypatch.setattr(objects, "write_bytes", full)
    assert main(["accept", "reports/one"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("No space left on device")
    assert not Path("baselines/animals").exists()
