"""What the page says, from runs and verdicts made by hand."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdeval.baselines.acceptance import accept
from sdeval.comparison import Kind, Verdict
from sdeval.report.html.image_sources import Embedded
from sdeval.report.html.render import write_page
from sdeval.report.html.view import Request, View, build
from sdeval.results import run_folder
from sdeval.results.session_folder import read_record
from sdeval.results.verdicts_file import Record
from tests.baselines.test_store import compare_with_baseline, on_disk
from tests.conftest import make_run
from tests.report.pages import session_page


@pytest.fixture
def session(tmp_path: Path) -> Path:
    run = make_run(np.array([[30.0, 31.0], [29.0, 28.0]]))
    run = replace(run, environment={"hardware": "a laptop", "packages": {"torch": "2.0"}})
    accept(on_disk(run, tmp_path / "old"), tmp_path / "baselines")
    later = replace(
        run,
        generated_by={"model": "tiny", "dtype": "bfloat16"},
        environment={"hardware": "a laptop", "packages": {"torch": "2.1"}},
    )
    on_disk(later, tmp_path / "session" / "animals" / "tiny")
    compare_with_baseline(tmp_path / "session" / "animals" / "tiny", tmp_path / "baselines")
    return tmp_path / "session"


def verdict(kind: Kind, case: str = "", **changes: object) -> Verdict:
    said = Verdict(suite="animals", target="tiny", metric="defect" if case else "clip_score", case=case, verdict=kind)
    return replace(said, **changes)


def request(session: Path, verdicts: Sequence[Verdict], notes: Sequence[str] = ()) -> Request:
    return Request(session, Record.of("one", verdicts, strict=False, notes=notes))


def page_of(session: Path, verdicts: Sequence[Verdict]) -> View:
    return build(request(session, verdicts))


def test_cases_come_worst_first_with_all_their_seeds(session: Path) -> None:
    verdicts = [verdict("passed", "case-0"), verdict("broken", "case-1", reason="seed 0 is black")]
    (run,) = page_of(session, verdicts).runs
    assert [card.verdict.case for card in run.cards] == ["case-1", "case-0"]
    assert [shot.seed for shot in run.cards[0].shots] == [0, 1]
    assert run.cards[0].prompt == "prompt 1"


def test_what_changed_since_the_baseline_is_listed(session: Path) -> None:
    (run,) = page_of(session, [verdict("passed", "case-0")]).runs
    assert run.changed == ("dtype: none → bfloat16", "torch: 2.0 → 2.1")


def test_images_of_the_baseline_travel_with_the_session(session: Path) -> None:
    (run,) = page_of(session, [verdict("passed", "case-0")]).runs
    shot = run.cards[0].shots[0]
    assert shot.baseline
    assert (session / shot.baseline.small).is_file()
    assert shot.current
    assert (session / shot.current.small).is_file()


@pytest.mark.parametrize(
    ("kinds", "headline", "tone"),
    [
        (["passed"], "Nothing got worse", "good"),
        (["passed", "improved"], "Nothing got worse", "good"),
        (["passed", "inconclusive"], "Nothing got worse; 1 inconclusive", "good"),
        (["passed", "not_significant"], "Nothing got worse; 1 with as many broken images as usual", "good"),
        (["new"], "Nothing to compare with yet: 1 new", "open"),
        (["new", "passed"], "Nothing got worse; 1 new", "good"),
        (["skipped", "informational"], "Nothing was judged: 1 skipped", "open"),
        (["unscored", "passed"], "Not everything could be judged: 1 unscored", "bad"),
        (["unscored", "inconclusive"], "Not everything could be judged: 1 unscored", "bad"),
        (["regressed", "broken", "new"], "Something got worse: 1 broken, 1 regressed", "bad"),
    ],
)
def test_the_headline_says_it(session: Path, kinds: list[Kind], headline: str, tone: str) -> None:
    view = page_of(session, [verdict(kind) for kind in kinds])
    assert (view.headline, view.tone) == (headline, tone)


DOUBT = {"baseline": 30.0, "current": 25.0, "change": -5.0, "tolerance": 1.25}


def test_a_metric_beyond_its_tolerance_that_is_not_shown_is_named_first(session: Path) -> None:
    view = page_of(session, [verdict("passed"), verdict("inconclusive", **DOUBT)])
    assert (view.headline, view.tone) == ("Perhaps worse: clip_score of animals (-5.00, tolerance 1.25)", "warn")
    assert [line.verdict.verdict for line in view.worst] == ["inconclusive"]
    assert view.sign == "~"


def test_where_proof_is_request_for_what_is_inconclusive_is_bad(session: Path) -> None:
    view = page_of(session, [verdict("passed"), verdict("inconclusive", fatal=True, **DOUBT)])
    assert (view.headline, view.tone) == ("A loss is not excluded: 1 inconclusive", "bad")


def test_what_is_new_fails_the_page_of_a_strict_session(session: Path) -> None:
    record = Record.of("one", [verdict("new"), verdict("passed")], strict=True)
    view = build(Request(session, record))
    assert view.tone == "bad"
    assert view.headline == "Not everything could be judged: 1 new"
    assert len(view.worst) == 1


def test_an_interval_is_generated_to_scale(session: Path) -> None:
    said = verdict(
        "regressed", baseline=30.0, current=28.0, change=-2.0, low=-3.0, high=-1.0, tolerance=0.5, p_value=0.001
    )
    bar = page_of(session, [said]).runs[0].metrics[0].bar
    assert bar is not None
    assert bar.left < bar.point < 50
    assert bar.band_left + bar.band_width / 2 == pytest.approx(50)
    assert bar.left + bar.width < bar.band_left


def test_an_unbounded_interval_is_not_generated(session: Path) -> None:
    said = verdict("inconclusive", change=-2.0, low=float("-inf"), high=float("inf"), tolerance=0.5)
    assert page_of(session, [said]).runs[0].metrics[0].bar is None


def test_every_text_is_escaped(session: Path) -> None:
    hostile = verdict("broken", "case-0", reason="<img src=x onerror=alert(1)>\"'")
    write_page(session / "index.html", request(session, [hostile]))
    page = (session / "index.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_notes_stand_on_the_page(session: Path) -> None:
    folder = session / "animals" / "tiny"
    run_folder.write(replace(run_folder.read(folder), notes=("the variability is <stale>",)), folder)
    write_page(session / "index.html", request(session, [verdict("passed", "case-0")]))
    page = (session / "index.html").read_text(encoding="utf-8")
    assert '<p class="note">the variability is &lt;stale&gt;</p>' in page


def test_a_damaged_baseline_does_not_stop_the_page(session: Path) -> None:
    # The session says what is wrong with it, and stores nothing.
    shutil.rmtree(session / "animals" / "tiny" / "baseline")
    (run,) = page_of(session, [verdict("passed", "case-0")]).runs
    assert run.changed == ()


def test_another_baseline_changes_nothing_on_the_page(session: Path) -> None:
    before = page_of(session, [verdict("passed", "case-0")])
    accept(session / "animals" / "tiny", session.parent / "baselines")
    shutil.copytree(session, session.parent / "moved")
    moved = page_of(session.parent / "moved", [verdict("passed", "case-0")])
    # Commands name the folder of the session, which is another one.
    assert replace(moved, samples={}) == replace(before, samples={})


def test_a_case_of_a_single_seed_tells_no_multiples_of_variability(tmp_path: Path) -> None:
    page = session_page(tmp_path, seeds=1)
    (run,) = build(Request(page.parent, read_record(page.parent))).runs
    assert {move.variability for card in run.cards for move in card.moves} == {None}
    assert all(card.worst == 2 for card in run.cards)


def test_an_image_that_is_none_cannot_be_ticked_and_is_told(session: Path) -> None:
    folder = session / "animals" / "tiny"
    run = run_folder.read(folder)
    sick = (*run.samples[:-1], replace(run.samples[-1], defect="uniform"))
    run_folder.write(replace(run, samples=sick), folder)
    write_page(session / "index.html", request(session, [verdict("passed", "case-0"), verdict("passed", "case-1")]))
    page = (session / "index.html").read_text(encoding="utf-8")
    assert "seed 1, uniform" in page
    assert page.count("data-accept aria-label") == 1


def test_why_nothing_can_be_ticked_is_told(session: Path) -> None:
    folder = session / "animals" / "tiny"
    run = run_folder.read(folder)
    run_folder.write(replace(run, request={**run.request, "settings": {"guidance_scale": 1}}), folder)
    (view,) = page_of(session, [verdict("passed", "case-0")]).runs
    assert "guidance_scale: none → 1" in view.refusal


def test_a_damaged_image_does_not_stop_the_page_of_one_file(session: Path) -> None:
    image = next((session / "animals" / "tiny" / "images").glob("*.png"))
    image.write_bytes(image.read_bytes()[:60])
    found = Record.of("one", [verdict("passed", "case-0")], strict=False)
    (run,) = build(Request(session, found, Embedded())).runs
    assert sorted(bool(shot.current) for shot in run.cards[0].shots) == [False, True]
