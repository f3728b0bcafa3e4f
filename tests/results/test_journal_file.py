"""What of a stopped run is taken from its journal, without an engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from sdeval.imaging.io import write_png
from sdeval.results.journal import NAME, Generated, Journal
from sdeval.results.records import SampleResult, Timing
from tests.conftest import hash_with, image_with

FACTS = {"target": "tiny", "settings": {"steps": 4}}
SAMPLE = SampleResult(
    case="cat", seed=1, prompt="a cat", fingerprint="request", sha256=hash_with(1.0), image="images/cat@1.png"
)
TIMING = Timing(call=3, seconds=0.5)
REQUEST = {SAMPLE.key: SAMPLE.fingerprint}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of a run with one image and its line in the journal."""
    write_png(tmp_path / SAMPLE.image, image_with(1.0))
    journal = Journal(tmp_path, FACTS)
    journal.recall({})
    journal.add([SAMPLE], {SAMPLE.key: TIMING})
    return tmp_path


def test_a_sample_is_recalled_with_its_time(folder: Path) -> None:
    assert Journal(folder, FACTS).recall(REQUEST) == Generated({SAMPLE.key: SAMPLE}, {SAMPLE.key: TIMING})


def test_a_journal_of_other_facts_is_refused(folder: Path) -> None:
    assert Journal(folder, {**FACTS, "settings": {"steps": 5}}).recall(REQUEST) == Generated()


def test_a_journal_that_was_refused_is_begun_again(folder: Path) -> None:
    Journal(folder, {**FACTS, "target": "other"}).recall(REQUEST)
    assert Journal(folder, FACTS).recall(REQUEST) == Generated()


def test_a_sample_of_another_request_is_refused(folder: Path) -> None:
    assert Journal(folder, FACTS).recall({SAMPLE.key: "another request"}) == Generated()


def test_a_sample_that_is_not_asked_for_is_left_out(folder: Path) -> None:
    assert Journal(folder, FACTS).recall({("dog", 1): SAMPLE.fingerprint}) == Generated()


@pytest.mark.parametrize("image", [None, image_with(2.0)])
def test_a_sample_whose_image_is_gone_or_another_one_is_refused(folder: Path, image: Image.Image | None) -> None:
    (folder / SAMPLE.image).unlink()
    if image is not None:
        write_png(folder / SAMPLE.image, image)
    assert Journal(folder, FACTS).recall(REQUEST) == Generated()


def test_samples_are_added_to_those_before(folder: Path) -> None:
    other = replace(SAMPLE, seed=2, image="images/cat@2.png")
    write_png(folder / other.image, image_with(1.0))
    Journal(folder, FACTS).add([other], {other.key: TIMING})
    assert set(Journal(folder, FACTS).recall({**REQUEST, other.key: "request"}).samples) == {SAMPLE.key, other.key}


def test_a_line_that_was_cut_off_costs_no_line_after_it(folder: Path) -> None:
    journal = folder / NAME
    journal.write_text(journal.read_text() + '{"sample": {"case"')
    Journal(folder, FACTS).add_check("identical")
    recalled = Journal(folder, FACTS).recall(REQUEST)
    assert (set(recalled.samples), recalled.self_check) == ({SAMPLE.key}, "identical")


def test_bytes_that_are_no_text_cost_their_line_only(folder: Path) -> None:
    journal = folder / NAME
    journal.write_bytes(journal.read_bytes() + b"\xff\xfe")
    assert set(Journal(folder, FACTS).recall(REQUEST).samples) == {SAMPLE.key}


def test_the_order_of_facts_does_not_matter_and_paths_are_facts(tmp_path: Path) -> None:
    facts = {"model": Path("models/tiny"), "steps": 4}
    Journal(tmp_path, facts).recall({})
    Journal(tmp_path, facts).add_check("identical")
    turned = dict(reversed(facts.items()))
    assert Journal(tmp_path, turned).recall({}) == Generated(self_check="identical")
    assert Journal(tmp_path, {**facts, "model": Path("models/other")}).recall({}) == Generated()


def test_the_last_self_check_counts(folder: Path) -> None:
    for result in ("identical", "mixed", ""):
        Journal(folder, FACTS).add_check(result)
        assert Journal(folder, FACTS).recall({}).self_check == result


def test_a_sample_that_was_generated_again_is_recalled_as_it_was_last(folder: Path) -> None:
    again = Timing(call=9, seconds=0.7)
    Journal(folder, FACTS).add([SAMPLE], {SAMPLE.key: again})
    assert Journal(folder, FACTS).recall(REQUEST).timings == {SAMPLE.key: again}


def test_what_a_prompt_holds_is_recalled(folder: Path) -> None:
    odd = replace(SAMPLE, prompt="a cat\u2028and a \N{DOG FACE}\n")
    Journal(folder, FACTS).add([odd], {odd.key: TIMING})
    assert Journal(folder, FACTS).recall(REQUEST).samples == {odd.key: odd}


def test_a_call_that_came_back_is_no_death(folder: Path) -> None:
    with Journal(folder, FACTS).call([SAMPLE.key]):
        pass
    with pytest.raises(KeyboardInterrupt), Journal(folder, FACTS).call([("dog", 0)]):
        raise KeyboardInterrupt
    assert Journal(folder, FACTS).recall(REQUEST).deaths == {}


@pytest.mark.parametrize(("run", "count"), [("this one", 2), ("another", 0)])
def test_deaths_are_counted_in_one_test_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, run: str, count: int
) -> None:
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", "this one")
    for _ in range(2):
        with Journal(folder, FACTS).call([SAMPLE.key]):
            begun = (folder / NAME).read_text()
        (folder / NAME).write_text(begun)
    monkeypatch.setenv("PYTEST_XDIST_TESTRUNUID", run)
    assert Journal(folder, FACTS).recall(REQUEST).deaths == {SAMPLE.key: count}
