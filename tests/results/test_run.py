"""A run as a value."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdeval.errors import SdevalError
from sdeval.results.records import Timing
from sdeval.results.run import DIGESTS, Stored, known_to_both
from tests.conftest import make_run


@pytest.mark.parametrize("digest", DIGESTS)
def test_a_digest_that_one_side_lacks_is_no_difference(digest: str) -> None:
    old, new = {"model": "tiny"}, {"model": "tiny", digest: "abc"}
    assert known_to_both(old, new) == (old, old)
    assert known_to_both(new, old) == (old, old)


@pytest.mark.parametrize("digest", DIGESTS)
def test_digests_of_both_sides_are_compared(digest: str) -> None:
    old, new = {digest: "abc"}, {digest: "def"}
    assert known_to_both(old, new) == (old, new)


def test_other_facts_that_one_side_lacks_are_a_difference() -> None:
    old, new = {"model": "tiny"}, {"model": "tiny", "variant": "fp16"}
    assert known_to_both(old, new) == (old, new)


def test_samples_of_a_case_stay_together_in_the_order_of_the_suite() -> None:
    run = make_run(np.ones((2, 2)))
    assert {case: [sample.seed for sample in samples] for case, samples in run.by_case().items()} == {
        "case-0": [0, 1],
        "case-1": [0, 1],
    }


def test_a_sample_is_found_where_the_same_was_asked() -> None:
    run = make_run(np.ones((2, 2)))
    first = run.samples[0]
    assert run.sample(replace(first, scores={})) == first
    assert run.sample(replace(first, fingerprint="other")) is None
    assert run.sample(replace(first, seed=9)) is None


def test_a_seed_belongs_to_the_first_round_that_has_it() -> None:
    run = make_run(np.ones((1, 4)))
    run = replace(run, request={**run.request, "rounds": [[0, 1], [0, 1, 2, 3]]})
    assert [run.round_of(seed) for seed in (0, 1, 2, 3, 9)] == [0, 0, 1, 1, 0]
    assert replace(run, request={}).round_of(3) == 0


def test_the_table_has_a_row_a_sample_with_its_scores() -> None:
    run = make_run(np.array([[30.0, np.nan]]))
    run = replace(run, timings={("case-0", 1): Timing(call=0, seconds=0.5)})
    table = run.table()
    assert list(table.columns) == ["case", "seed", "prompt", "defect", "seconds", "image", "clip_score"]
    assert table.loc[1, ["case", "seed", "prompt", "defect", "seconds"]].tolist() == ["case-0", 1, "prompt 0", "", 0.5]
    assert table["seconds"].isna().tolist() == [True, False]
    assert table["clip_score"].isna().tolist() == [False, True]
    assert table["image"].tolist() == ["images/case-0@0.png", "images/case-0@1.png"]


def test_the_image_of_a_stored_run_is_its_file_where_there_is_one(tmp_path: Path) -> None:
    run = make_run(np.ones((1, 2)))
    stored = Stored(run, tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / run.samples[0].image).touch()
    assert stored.image(run.samples[0]) == tmp_path / run.samples[0].image
    assert stored.image(run.samples[1]) is None
    assert stored.image(replace(run.samples[0], fingerprint="other")) is None


def test_a_run_that_was_looked_into_equals_one_that_was_not() -> None:
    run, other = make_run(np.ones((2, 2))), make_run(np.ones((2, 2)))
    assert run.sample(run.samples[0]) is not None
    assert run == other


def test_a_run_with_other_samples_forgets_those_that_were_looked_up() -> None:
    run = make_run(np.ones((2, 2)))
    last = run.samples[-1]
    assert run.sample(last) is last
    assert replace(run, samples=run.samples[:-1]).sample(last) is None


def test_the_full_size_image_of_a_small_sample_is_its_file(tmp_path: Path) -> None:
    run = make_run(np.array([[1.0]]))
    path = tmp_path / run.samples[0].image
    path.parent.mkdir()
    path.touch()
    assert Stored(run, tmp_path).full_image(run.samples[0]) == path


def test_the_full_size_image_of_a_thumbnail_comes_from_elsewhere(tmp_path: Path) -> None:
    class Elsewhere:
        def get(self, sha256: str) -> Path:
            return tmp_path / sha256

        def find_nearby(self, sha256: str) -> Path | None:
            return None

    run = make_run(np.array([[1.0]]))
    small = replace(run.samples[0], image="images/case-0@0.webp")
    assert Stored(run, tmp_path, Elsewhere()).full_image(small) == tmp_path / small.sha256
    with pytest.raises(SdevalError, match="holds no full-size image of case-0@0"):
        Stored(run, tmp_path).full_image(small)


def test_an_image_that_is_gone_is_no_full_size_image(tmp_path: Path) -> None:
    run = make_run(np.array([[1.0]]))
    with pytest.raises(SdevalError, match="holds no full-size image of case-0@0"):
        Stored(run, tmp_path).full_image(run.samples[0])
