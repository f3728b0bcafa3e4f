"""What a run is compared with is stored in its folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdeval.baselines import provenance, variability
from sdeval.baselines.acceptance import accept
from sdeval.baselines.snapshot import (
    BASELINE,
    VARIABILITY,
    FetchedImages,
    Outdated,
    forget_snapshot,
    full_image_of,
    link_full_images,
    take_snapshot,
    trim_snapshot,
)
from sdeval.baselines.store import stored
from sdeval.config.image_store import StoreOptions
from sdeval.imaging.io import pixel_hash
from sdeval.results import run_folder
from sdeval.results.run import AGAINST, Stored
from sdeval.stores.images import open_store
from tests.baselines.test_store import contents, enlarged, on_disk
from tests.conftest import make_run, with_features

RUN = make_run(np.array([[30.0, 31.0], [29.0, 28.0]]))


@pytest.fixture
def baseline(tmp_path: Path) -> Stored:
    accept(on_disk(RUN, tmp_path / "accepted"), tmp_path / "baselines")
    found = stored(tmp_path / "baselines", "animals", "tiny")
    assert found is not None
    return found


def images(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / BASELINE / "images").iterdir())


def test_images_of_the_cases_that_are_generated_are_copied(baseline: Stored, tmp_path: Path) -> None:
    snapshot = take_snapshot(baseline, tmp_path / "run", ["case-1"])
    assert images(tmp_path / "run") == ["case-1@0.png", "case-1@1.png"]
    assert (snapshot.run, snapshot.folder) == (baseline.run, tmp_path / "run" / BASELINE)
    assert run_folder.read(snapshot.folder).samples == baseline.run.samples


def test_images_are_linked_where_the_file_system_can(baseline: Stored, tmp_path: Path) -> None:
    snapshot = take_snapshot(baseline, tmp_path / "run")
    for sample in RUN.samples:
        copy, image = snapshot.folder / sample.image, baseline.folder / sample.image
        assert copy.samefile(image)


def test_an_image_behind_a_link_is_copied(baseline: Stored, tmp_path: Path) -> None:
    image = baseline.folder / RUN.samples[0].image
    image.rename(tmp_path / "elsewhere.png")
    image.symlink_to(tmp_path / "elsewhere.png")
    snapshot = take_snapshot(baseline, tmp_path / "run")
    copy = snapshot.folder / RUN.samples[0].image
    assert not copy.is_symlink()
    assert copy.read_bytes() == image.read_bytes()


def test_files_that_people_edit_are_not_linked(baseline: Stored, tmp_path: Path) -> None:
    variability.path_of(tmp_path / "baselines", RUN.suite, RUN.target).write_text("measured")
    snapshot = take_snapshot(baseline, tmp_path / "run")
    files = [path for path in snapshot.folder.rglob("*") if path.is_file() and path.suffix != ".png"]
    assert {path.stat().st_nlink for path in files} == {1}


def test_full_size_images_stay_in_their_store(tmp_path: Path) -> None:
    run = enlarged(RUN)
    accept(on_disk(run, tmp_path / "accepted"), tmp_path / "baselines")
    store = open_store(StoreOptions(), tmp_path / "baselines")
    baseline = stored(tmp_path / "baselines", "animals", "tiny", store)
    assert baseline is not None
    snapshot = take_snapshot(baseline, tmp_path / "run")
    assert {path.suffix for path in (snapshot.folder / "images").iterdir()} == {".webp"}
    for sample in snapshot.run.samples:
        assert pixel_hash(snapshot.full_image(sample)) == sample.sha256


def test_where_the_baseline_comes_from_is_copied(baseline: Stored, tmp_path: Path) -> None:
    snapshot = take_snapshot(baseline, tmp_path / "run")
    assert provenance.read(snapshot.folder) == provenance.read(baseline.folder) != ()


def test_the_variability_that_was_measured_is_copied(baseline: Stored, tmp_path: Path) -> None:
    path = variability.path_of(tmp_path / "baselines", RUN.suite, RUN.target)
    path.write_text("measured")
    snapshot = take_snapshot(baseline, tmp_path / "run")
    assert (snapshot.folder / VARIABILITY).read_text() == "measured"


def test_a_snapshot_is_whole_without_the_features_of_set_metrics(tmp_path: Path) -> None:
    run = with_features(RUN, np.ones((4, 8)), 1.0)
    accept(on_disk(run, tmp_path / "accepted"), tmp_path / "baselines")
    baseline = stored(tmp_path / "baselines", run.suite, run.target)
    assert baseline is not None
    snapshot = take_snapshot(baseline, tmp_path / "run")
    assert set(snapshot.run.features) == {"clip"}
    copy = run_folder.read(snapshot.folder)
    assert (set(copy.metrics), dict(copy.set_scores), dict(copy.features)) == ({"clip_score"}, {}, {})


def test_another_baseline_does_not_touch_it(baseline: Stored, tmp_path: Path) -> None:
    snapshot = take_snapshot(baseline, tmp_path / "run")
    before = contents(snapshot.folder)
    accept(on_disk(make_run(np.full((2, 2), 35.0)), tmp_path / "other"), tmp_path / "baselines")
    assert contents(snapshot.folder) == before


def test_a_baseline_that_was_replaced_after_it_was_read_is_not_copied(baseline: Stored, tmp_path: Path) -> None:
    accept(on_disk(make_run(np.full((2, 2), 35.0)), tmp_path / "other"), tmp_path / "baselines")
    with pytest.raises(Outdated, match="another baseline was accepted meanwhile"):
        take_snapshot(baseline, tmp_path / "run")
    assert not (tmp_path / "run" / BASELINE).exists()


def test_a_baseline_that_was_removed_after_it_was_read_is_not_copied(baseline: Stored, tmp_path: Path) -> None:
    baseline.folder.rename(tmp_path / "gone")
    with pytest.raises(Outdated):
        take_snapshot(baseline, tmp_path / "run")


def test_images_of_seeds_that_were_not_needed_leave_it(baseline: Stored, tmp_path: Path) -> None:
    take_snapshot(baseline, tmp_path / "run")
    one_seed = tuple(sample for sample in RUN.samples if sample.seed == 0)
    on_disk(replace(RUN, samples=one_seed, request={**RUN.request, "seeds": [0]}), tmp_path / "run")
    trim_snapshot(tmp_path / "run")
    assert images(tmp_path / "run") == ["case-0@0.png", "case-1@0.png"]


def test_a_session_that_is_resumed_forgets_the_one_of_before(baseline: Stored, tmp_path: Path) -> None:
    take_snapshot(baseline, tmp_path / "run")
    forget_snapshot(tmp_path / "run")
    assert not (tmp_path / "run" / BASELINE).exists()


def test_all_images_are_copied_where_all_cases_are_generated(baseline: Stored, tmp_path: Path) -> None:
    take_snapshot(baseline, tmp_path / "run")
    assert images(tmp_path / "run") == [f"case-{case}@{seed}.png" for case in (0, 1) for seed in (0, 1)]


def test_an_image_that_the_baseline_lacks_is_left_out(baseline: Stored, tmp_path: Path) -> None:
    (baseline.folder / RUN.samples[0].image).unlink()
    take_snapshot(baseline, tmp_path / "run")
    assert images(tmp_path / "run") == ["case-0@1.png", "case-1@0.png", "case-1@1.png"]


def test_a_snapshot_holds_nothing_of_the_one_before(baseline: Stored, tmp_path: Path) -> None:
    take_snapshot(baseline, tmp_path / "run")
    take_snapshot(baseline, tmp_path / "run", ["case-1"])
    assert images(tmp_path / "run") == ["case-1@0.png", "case-1@1.png"]


def test_a_run_without_a_snapshot_or_interleaved_with_another_is_left_as_it_is(
    baseline: Stored, tmp_path: Path
) -> None:
    trim_snapshot(tmp_path / "run")
    take_snapshot(baseline, tmp_path / "run")
    one_seed = tuple(sample for sample in RUN.samples if sample.seed == 0)
    on_disk(replace(RUN, samples=one_seed, request={**RUN.request, "seeds": [0]}), tmp_path / "run")
    (tmp_path / "run" / AGAINST).mkdir()
    trim_snapshot(tmp_path / "run")
    assert len(images(tmp_path / "run")) == 4


def test_full_size_images_go_with_the_samples_that_have_none_to_show_with(baseline: Stored, tmp_path: Path) -> None:
    take_snapshot(baseline, tmp_path / "run")
    full = [full_image_of(tmp_path / "run" / BASELINE, sample) for sample in RUN.samples]
    for path in full:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    one_seed = tuple(sample for sample in RUN.samples if sample.seed == 0)
    on_disk(replace(RUN, samples=one_seed, request={**RUN.request, "seeds": [0]}), tmp_path / "run")
    trim_snapshot(tmp_path / "run")
    assert [path.exists() for path in full] == [sample.seed == 0 for sample in RUN.samples]


class Store:
    """Full-size images in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, sha256: str) -> Path:
        path = self.folder / f"{sha256}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_text(sha256)
        return path

    def find_nearby(self, sha256: str) -> Path | None:
        path = self.folder / f"{sha256}.png"
        return path if path.is_file() else None


def test_full_size_images_of_changed_samples_that_were_fetched_are_linked(tmp_path: Path) -> None:
    large = enlarged(RUN)
    accept(on_disk(large, tmp_path / "accepted"), tmp_path / "baselines")
    accepted = stored(tmp_path / "baselines", "animals", "tiny")
    assert accepted is not None
    fetched = FetchedImages(Store(tmp_path / "store"))
    baseline = replace(take_snapshot(accepted, tmp_path / "run"), images=fetched)
    # Those of seed 1 are identical.
    changed = tuple(s if s.seed else replace(s, sha256="of another image") for s in large.samples)
    now = replace(large, samples=changed)
    link_full_images(now, baseline, fetched, tmp_path / "run")
    assert not (tmp_path / "run" / BASELINE / "full").exists()
    for sample in baseline.run.samples:
        baseline.full_image(sample)
    link_full_images(now, baseline, fetched, tmp_path / "run")
    full = sorted((tmp_path / "run" / BASELINE / "full").iterdir())
    assert {path.stem for path in full} == {large.samples[0].sha256}
    assert all(path.samefile(tmp_path / "store" / path.name) for path in full)
    assert full_image_of(tmp_path / "run" / BASELINE, large.samples[0]) in full


def test_where_an_image_is_missing_that_of_the_baseline_is_linked_if_it_is_on_this_machine(tmp_path: Path) -> None:
    large = enlarged(RUN)
    accept(on_disk(large, tmp_path / "accepted"), tmp_path / "baselines")
    accepted = stored(tmp_path / "baselines", "animals", "tiny")
    assert accepted is not None
    fetched = FetchedImages(Store(tmp_path / "store"))
    baseline = take_snapshot(accepted, tmp_path / "run")
    missing = replace(large, samples=tuple(replace(s, image="", sha256="", failure="no luck") for s in large.samples))
    link_full_images(missing, baseline, fetched, tmp_path / "run")
    assert not (tmp_path / "run" / BASELINE / "full").exists()
    Store(tmp_path / "store").get(large.samples[0].sha256)
    link_full_images(missing, baseline, fetched, tmp_path / "run")
    assert full_image_of(tmp_path / "run" / BASELINE, large.samples[0]).is_file()


def test_a_snapshot_knows_where_full_size_images_are(baseline: Stored, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert take_snapshot(replace(baseline, images=store), tmp_path / "run").images is store


def test_images_that_are_on_this_machine_already_are_linked_as_well(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    fetched = FetchedImages(store)
    store.get("near")
    assert fetched.find_nearby("near")
    assert fetched.find_nearby("far") is None
    assert set(fetched.paths) == {"near"}
