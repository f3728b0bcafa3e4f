"""Accepting parts of runs: on images of the embedded model that were really scored, and on runs made by hand."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from sdeval import SdevalError
from sdeval.baselines import provenance
from sdeval.baselines.acceptance import (
    BrokenImages,
    Part,
    Proposal,
    accept,
    parts_by_name,
    parts_by_words,
    propose,
    read_approvals,
    write,
)
from sdeval.baselines.acceptance.expression import matcher
from sdeval.baselines.store import find
from sdeval.cli import main
from sdeval.comparison import collect_evidence, judge_cases
from sdeval.config.suite import Suite
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.evaluation.score import score
from sdeval.evaluation.scoring.set_scores import with_set_value
from sdeval.imaging.io import open_rgb, pixel_hash, write_png
from sdeval.metrics import GeneratedImage
from sdeval.metrics.clip_score import ClipScore
from sdeval.results import run_folder
from sdeval.results.records import MetricRecord
from sdeval.results.run import Run, Stored
from tests.baselines.test_store import contents, enlarged, on_disk
from tests.conftest import CLIP_SCORE, hash_with, make_run, with_features
from tests.generated import plan

SUITE = plan().suite
SCORES = np.array([[30.0, 31.0], [29.0, 28.0], [27.0, 26.0]])
NAMES = ("circle", "square", "cross")


def suite_of(name: str) -> Suite:
    assert name == "few"
    return SUITE


def changed(generated: tuple[Run, Path], folder: Path, cases: tuple[str, ...] = NAMES, metrics: Any = None) -> Run:
    """The generated run with upside-down images of some cases, scored again and written."""
    run, source = generated
    shutil.copytree(source / "images", folder / "images")
    samples = []
    for sample in run.samples:
        if sample.case in cases:
            image = ImageOps.flip(open_rgb(source / sample.image))
            write_png(folder / sample.image, image)
            sample = replace(sample, sha256=pixel_hash(image))
        samples.append(replace(sample, scores={}))
    request = plan(metrics=metrics) if metrics else plan()
    bare = replace(run, samples=tuple(samples), metrics={}, features={}, set_scores={})
    scored = score(bare, request.suite, request.samples, folder, "cpu")
    run_folder.write(scored, folder)
    return scored


@pytest.fixture
def accepted(generated: tuple[Run, Path], tmp_path: Path) -> Path:
    """A folder of baselines with the generated run in it, and `new/few/shapes`, a run with other images."""
    accept(generated[1], tmp_path / "baselines")
    changed(generated, tmp_path / "new" / "few" / "shapes")
    return tmp_path


def accept_part(root: Path, part: Part, reason: str = "") -> Proposal:
    proposal = propose(root / "new/few/shapes", root / "baselines", [part], suite_of=suite_of, reason=reason)
    write(proposal)
    return proposal


def held(root: Path) -> Run:
    found = find(root / "baselines", "few", "shapes")
    assert found is not None
    return found


def test_some_cases_are_the_runs_and_the_others_stay(accepted: Path, generated: tuple[Run, Path]) -> None:
    before, new = contents(accepted / "baselines/few/shapes"), run_folder.read(accepted / "new/few/shapes")
    proposal = accept_part(accepted, Part(("square",)))
    now = held(accepted)
    assert now.samples == tuple(
        theirs if theirs.case == "square" else ours
        for ours, theirs in zip(generated[0].samples, new.samples, strict=True)
    )
    rows = [2, 3]
    assert np.array_equal(now.features["clip"][rows], new.features["clip"][rows])
    assert np.array_equal(np.delete(now.features["clip"], rows, 0), np.delete(generated[0].features["clip"], rows, 0))
    after = contents(accepted / "baselines/few/shapes")
    images = {name for name in before if name.startswith("images") and before[name] != after[name]}
    assert images == {"images/square@0.png", "images/square@1.png"}
    assert {each.case for each in proposal.cases} == {"square"}
    assert proposal.metrics[0].images == 2
    assert now.complete


def test_a_fresh_comparison_passes_for_the_accepted_case_and_judges_the_others_as_before(
    accepted: Path, generated: tuple[Run, Path]
) -> None:
    new = run_folder.read(accepted / "new/few/shapes")
    before = {each.case: each for each in judge_cases(new, generated[0])}
    accept_part(accepted, Part(("square",)))
    after = {each.case: each for each in judge_cases(new, held(accepted))}
    assert (after["square"].verdict, after["square"].reason) == ("passed", "identical images")
    assert before["square"].reason != "identical images"
    for case in ("circle", "cross"):
        assert replace(after[case], p_value=None) == replace(before[case], p_value=None)


def test_a_set_score_is_what_the_merged_features_give(accepted: Path) -> None:
    from sdeval import metrics

    accept_part(accepted, Part(("square", "cross")))
    now = held(accepted)
    metric = metrics.create("frechet_distance", metrics.MetricOptions.from_suite(SUITE, "cpu"))
    assert isinstance(metric, metrics.SetMetric)
    again = with_set_value(replace(now, set_scores={}), metric, SUITE)
    assert now.set_scores == again.set_scores
    old, new = (accepted / name for name in ("baselines", "new/few/shapes"))
    assert now.set_scores["frechet_distance"] != run_folder.read(new).set_scores["frechet_distance"]
    assert old.exists()


def test_all_cases_one_by_one_are_the_whole_run(accepted: Path, tmp_path: Path) -> None:
    for part in (Part(), Part(NAMES)):
        proposal = propose(accepted / "new/few/shapes", accepted / "baselines", [part])
        assert proposal.whole
        assert [each.cases for each in proposal.entries] == ["all"]


def test_a_metric_alone_leaves_images_and_other_scores(accepted: Path, generated: tuple[Run, Path]) -> None:
    before, new = contents(accepted / "baselines/few/shapes"), run_folder.read(accepted / "new/few/shapes")
    accept_part(accepted, Part(None, ("clip_score",)))
    now, after = held(accepted), contents(accepted / "baselines/few/shapes")
    assert [each.scores for each in now.samples] == [each.scores for each in new.samples]
    assert [each.sha256 for each in now.samples] == [each.sha256 for each in generated[0].samples]
    assert [each.scored_on for each in now.samples] == [{"clip_score": each.sha256} for each in new.samples]
    assert now.set_scores == generated[0].set_scores
    touched = {name for name in after if after[name] != before.get(name)}
    assert touched == {"samples.jsonl", "accepted.json"}


def scored_again(root: Path, generated: tuple[Run, Path]) -> Run:
    """The generated images once more, compared with the baseline as it is now."""
    bare = tuple(replace(each, scores={}) for each in generated[0].samples)
    run = replace(generated[0], samples=bare, metrics={}, features={}, set_scores={})
    return score(
        run, SUITE, SUITE.samples, generated[1], "cpu", Stored(held(root), root / "baselines" / "few" / "shapes")
    )


@pytest.mark.parametrize("metric", ["clip_score", "frechet_distance"])
def test_what_was_accepted_without_its_image_is_not_reused_for_that_image(
    accepted: Path, generated: tuple[Run, Path], metric: str
) -> None:
    accept_part(accepted, Part(None, (metric,)))
    again = scored_again(accepted, generated)
    assert [each.scores for each in again.samples] == [each.scores for each in generated[0].samples]
    assert np.allclose(again.features["clip"], generated[0].features["clip"], atol=1e-5)
    assert again.set_scores["frechet_distance"].value == pytest.approx(
        generated[0].set_scores["frechet_distance"].value, rel=1e-4
    )


def test_scores_that_came_with_their_images_are_reused(
    accepted: Path, generated: tuple[Run, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    scored: list[str] = []
    original = ClipScore.score

    def told(self: ClipScore, images: Sequence[GeneratedImage]) -> list[float]:
        scored.extend(each.case.id for each in images)
        return original(self, images)

    accept_part(accepted, Part(("square", "cross"), ("clip_score",)))
    # Their images come after them.
    accept_part(accepted, Part(("square",)))
    monkeypatch.setattr(ClipScore, "score", told)
    scored_again(accepted, generated)
    # Generated were the old images: square is another one now, cross has the score of another one, circle stayed.
    assert scored == ["square", "square", "cross", "cross"]
    lines = (accepted / "baselines/few/shapes/samples.jsonl").read_text().splitlines()
    assert ["scored_on" in line for line in lines] == [False] * 4 + [True] * 2


def test_metrics_that_rest_on_the_same_features_go_together(generated: tuple[Run, Path], tmp_path: Path) -> None:
    names = ("clip_score", "frechet_distance", "kernel_distance")
    changed(generated, tmp_path / "old", (), names)
    accept(tmp_path / "old", tmp_path / "baselines")
    new = changed(generated, tmp_path / "new/few/shapes", NAMES, names)
    proposal = accept_part(tmp_path, Part(None, ("kernel_distance",)))
    assert proposal.notes == ("accepted along, for the same features of clip: frechet_distance",)
    now = held(tmp_path)
    assert now.set_scores == new.set_scores
    assert np.array_equal(now.features["clip"], new.features["clip"])
    assert set(now.samples[0].scored_on) == {"frechet_distance", "kernel_distance"}
    said = collect_evidence(new, now, "frechet_distance", lambda *_: None).draft
    assert (said.verdict, said.reason) == ("passed", "identical features")


def test_a_metric_that_is_new_is_accepted_for_all_cases(generated: tuple[Run, Path], tmp_path: Path) -> None:
    accept(generated[1], tmp_path / "baselines")
    changed(generated, tmp_path / "new/few/shapes", NAMES, ("clip_score", "frechet_distance", "sharpness"))
    with pytest.raises(SdevalError, match=r"the baseline has no sharpness; accept it for all cases first: .*sharpness"):
        accept_part(tmp_path, Part(("square",)))
    with pytest.raises(SdevalError, match=r"accepted for all cases at once, and circle and 1 more are left out"):
        accept_part(tmp_path, Part(("square",), ("sharpness",)))
    accept_part(tmp_path, Part(None, ("sharpness",)))
    accept_part(tmp_path, Part(("square",)))
    assert set(held(tmp_path).metrics) == {"clip_score", "frechet_distance", "sharpness"}


def test_the_baseline_as_it_was_is_back_when_its_files_are(accepted: Path) -> None:
    before = contents(accepted / "baselines")
    shutil.copytree(accepted / "baselines", accepted / "git")
    accept_part(accepted, Part(("square",)))
    assert contents(accepted / "baselines") != before
    for name, content in before.items():
        (accepted / "baselines" / name).write_bytes(content)
    assert contents(accepted / "baselines") == before
    assert len(held(accepted).samples) == 6


def test_without_the_suite_or_its_images_a_set_score_cannot_be_merged(accepted: Path, tmp_path: Path) -> None:
    source, folder = accepted / "new/few/shapes", accepted / "baselines"
    before = contents(folder)
    with pytest.raises(SdevalError, match="frechet_distance of what is merged must be measured again: suite few"):
        propose(source, folder, [Part(("square",))])
    bare = replace(SUITE, references=None)
    with pytest.raises(SdevalError, match="frechet_distance: the suite has no reference images; see to that, or"):
        propose(source, folder, [Part(("square",))], suite_of=lambda _: bare)
    other = tmp_path / "references"
    other.mkdir()
    for path in sorted((SUITE.references or tmp_path).glob("*.png"))[:40]:
        shutil.copy(path, other)
    with pytest.raises(SdevalError, match="the reference images of frechet_distance are not those of the run"):
        propose(source, folder, [Part(("square",))], suite_of=lambda _: replace(SUITE, references=other))
    assert contents(folder) == before


def test_the_command_finds_the_suite_in_the_project(
    accepted: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(accepted)
    (accepted / "pyproject.toml").touch()
    (accepted / "suites").mkdir()
    command = ["accept", "new", "-k", "square", "--reason", "upside down"]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert "frechet_distance of what is merged must be measured again: unknown suite 'few'" in error
    assert len(error.splitlines()) == 1
    (accepted / "suites/test_few.py").write_text("from tests.generated import plan\n\ntest_few = plan().suite\n")
    assert main(command) == 0
    assert provenance.read(accepted / "baselines/few/shapes")[-1].reason == "upside down"


# From here on: runs made by hand.


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of baselines with one, of three cases and two seeds."""
    accept(on_disk(make_run(SCORES), tmp_path / "old"), tmp_path / "baselines")
    return tmp_path


def offer(root: Path, run: Run, *parts: Part) -> Proposal:
    folder = root / "session" / "animals" / "tiny"
    shutil.rmtree(folder, ignore_errors=True)
    proposal = propose(on_disk(run, folder), root / "baselines", parts)
    write(proposal)
    return proposal


def animals(root: Path) -> Run:
    found = find(root / "baselines", "animals", "tiny")
    assert found is not None
    return found


def only(run: Run, *cases: str) -> Run:
    """The part of a run that `pytest -k` generates."""
    return replace(run, samples=tuple(each for each in run.samples if each.case in cases), complete=False)


def test_cases_of_a_partial_run_are_accepted(root: Path) -> None:
    proposal = offer(root, only(make_run(SCORES + 1), "case-1"), Part(("case-1",)))
    assert [(each.case, each.old, each.new) for each in proposal.cases] == [("case-1", 28.5, 29.5)]
    now = animals(root)
    assert [each.scores["clip_score"] for each in now.samples] == [30.0, 31.0, 30.0, 29.0, 27.0, 26.0]
    assert now.complete
    assert provenance.read(root / "baselines/animals/tiny")[-1].cases == ("case-1",)


def test_lines_of_other_cases_stay_to_the_last_byte(root: Path) -> None:
    file = root / "baselines/animals/tiny/samples.jsonl"
    before = file.read_text().splitlines()
    offer(root, make_run(SCORES + 1), Part(("case-1",)))
    after = file.read_text().splitlines()
    assert [row for row in range(6) if before[row] != after[row]] == [2, 3]
    # As the files of before have it.
    assert "width" not in after[0]


def test_new_cases_stand_where_the_suite_has_them_and_make_the_baseline_whole(root: Path) -> None:
    whole = make_run(np.vstack([SCORES, [[20.0, 21.0], [22.0, 23.0]]]))
    order = ("case-3", "case-0", "case-1", "case-4", "case-2")
    by_case = whole.by_case()
    whole = replace(whole, samples=tuple(each for case in order for each in by_case[case]))
    offer(root, whole, Part(("case-3",)))
    now = animals(root)
    assert list(now.by_case()) == ["case-3", "case-0", "case-1", "case-2"]
    assert (now.complete, now.request["cases"]) == (False, 5)
    offer(root, only(whole, "case-1", "case-4"), Part(("case-4",)))
    now = animals(root)
    assert list(now.by_case()) == list(order)
    assert (now.complete, now.request["cases"]) == (True, 5)


def test_the_score_of_a_case_without_an_image_is_left_out_and_told(root: Path) -> None:
    whole = make_run(np.vstack([SCORES + 1, [[20.0, 21.0]]]))
    proposal = offer(root, whole, Part(None, ("clip_score",)))
    assert proposal.notes == ("left out, for the baseline does not have them yet: case-3",)
    assert [each.scores["clip_score"] for each in animals(root).samples] == [31.0, 32.0, 30.0, 29.0, 28.0, 27.0]
    with pytest.raises(SdevalError, match=r"has none of these cases \(case-3\); accept them with their images first"):
        offer(root, whole, Part(("case-3",), ("clip_score",)))


def test_accepting_the_same_part_again_changes_no_byte(root: Path) -> None:
    run = make_run(SCORES + 1)
    offer(root, run, Part(("case-1",)))
    before = contents(root / "baselines")
    offer(root, run, Part(("case-1",)))
    assert contents(root / "baselines") == before


def other_version(run: Run) -> Run:
    return replace(run, metrics={"clip_score": replace(CLIP_SCORE, version="2")})


def first_sample(**changes: object) -> Callable[[Run], Run]:
    return lambda run: replace(run, samples=(replace(run.samples[0], **changes), *run.samples[1:]))


def asking(**changes: object) -> Callable[[Run], Run]:
    return lambda run: replace(run, request={**run.request, **changes})


IMAGES, SCORE = Part(("case-0",)), Part(("case-0",), ("clip_score",))


@pytest.mark.parametrize(
    ("change", "part", "message"),
    [
        (asking(settings={"steps": 9}), IMAGES, r"with other settings or seeds \(steps: none → 9\); accept the whole"),
        (asking(settings={"steps": 9}), SCORE, r"with other settings or seeds \(steps: none → 9\); accept the whole"),
        (asking(seeds=[0, 2], rounds=[[0, 2]]), IMAGES, r"with other settings or seeds \(seeds: \[0, 1\] → \[0, 2\]\)"),
        (asking(rounds=[[0, 1], [0, 1, 2]]), IMAGES, "was decided with 2 of 3 seeds"),
        (lambda run: replace(run, task="img2img"), IMAGES, "task: text2img → img2img"),
        (other_version, IMAGES, "clip_score was scored by 2 here, and by 1 in the baseline; accept it for all cases"),
        (other_version, SCORE, "it must be accepted for all cases at once, and case-1 and 1 more are left out"),
        (lambda run: replace(run, metrics={}), IMAGES, r"has no clip_score \(its suite has it no longer\)"),
        (first_sample(scores={}), IMAGES, "case-0@0: has no clip_score"),
        (first_sample(scores={}), SCORE, "case-0@0: has no clip_score"),
        (
            first_sample(fingerprint="other"),
            SCORE,
            "case-0@0: asks for something else .* -k case-0",
        ),
        (lambda run: replace(run, samples=run.samples[1:], complete=False), IMAGES, "case-0: seed 0 is missing"),
    ],
)
def test_what_cannot_stand_beside_the_rest_is_refused(
    root: Path, change: Callable[[Run], Run], part: Part, message: str
) -> None:
    before = contents(root / "baselines")
    with pytest.raises(SdevalError, match=message) as error:
        offer(root, change(make_run(SCORES + 1)), part)
    assert len(str(error.value).splitlines()) == 1
    assert contents(root / "baselines") == before


@pytest.mark.parametrize("part", [IMAGES, SCORE])
def test_broken_images_are_refused_in_part_as_well(root: Path, part: Part) -> None:
    sick = first_sample(defect="black")(make_run(SCORES + 1))
    with pytest.raises(BrokenImages, match="case-0@0: is black"):
        offer(root, sick, part)
    offer(root, sick, Part(("case-1",)))
    assert animals(root).samples[2].scores == {"clip_score": 30.0}


def test_without_a_baseline_the_whole_run_comes_first(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match="no baseline of animals on tiny yet; accept the whole run first"):
        offer(tmp_path, make_run(SCORES), IMAGES)


def test_another_prompt_comes_with_its_image(root: Path) -> None:
    offer(root, first_sample(fingerprint="other")(make_run(SCORES + 1)), IMAGES)
    assert animals(root).samples[0].fingerprint == "other"


def test_a_metric_of_another_version_is_accepted_for_all_cases(root: Path) -> None:
    offer(root, other_version(make_run(SCORES + 1)), Part(None, ("clip_score",)))
    assert animals(root).metrics["clip_score"].version == "2"


def test_a_new_version_of_a_metric_goes_before_single_cases(root: Path) -> None:
    run = other_version(make_run(SCORES + 1))
    offer(root, run, IMAGES, Part(None, ("clip_score",)))
    now = animals(root)
    assert now.metrics["clip_score"].version == "2"
    assert [bool(each.scored_on) for each in now.samples] == [False, False, True, True, True, True]


def test_scores_that_look_at_all_images_are_not_reused_from_a_mixture(root: Path) -> None:
    record = MetricRecord(
        version="1", unit="", higher_is_better=False, scope="sample", tolerance=2.0, tolerance_is_relative=False
    )

    def both(run: Run) -> Run:
        samples = tuple(replace(each, scores={**each.scores, "duplicates": 0.0}) for each in run.samples)
        return replace(run, samples=samples, metrics={**run.metrics, "duplicates": record})

    accept(on_disk(both(make_run(SCORES)), root / "both"), root / "baselines")
    offer(root, both(make_run(SCORES + 1)), IMAGES)
    assert [set(each.scored_on) for each in animals(root).samples] == [{"duplicates"}] * 6
    assert len({each.scored_on["duplicates"] for each in animals(root).samples}) == 2
    # Back again: all of them looked at just these images.
    offer(root, both(make_run(SCORES)), IMAGES)
    assert {bool(each.scored_on) for each in animals(root).samples} == {False}


def test_an_image_that_is_gone_from_the_baseline_stays_gone(root: Path) -> None:
    (root / "baselines/animals/tiny/images/case-2@1.png").unlink()
    offer(root, make_run(SCORES + 1), IMAGES)
    names = {path.name for path in (root / "baselines/animals/tiny/images").iterdir()}
    assert names == {f"case-{case}@{seed}.png" for case in range(3) for seed in range(2)} - {"case-2@1.png"}


def test_several_parts_are_accepted_one_after_the_other(root: Path) -> None:
    proposal = offer(root, make_run(SCORES + 1), IMAGES, Part(("case-1",), ("clip_score",)))
    now = animals(root)
    assert [each.sha256 for each in now.samples[:2]] == [hash_with(31.0), hash_with(32.0)]
    assert [set(each.scored_on) for each in now.samples] == [set(), set(), {"clip_score"}, {"clip_score"}, set(), set()]
    assert [(each.cases, each.metrics) for each in proposal.entries[-2:]] == [
        (("case-0",), "all"),
        (("case-1",), ("clip_score",)),
    ]


def test_images_keep_their_smaller_form(tmp_path: Path) -> None:
    accept(on_disk(enlarged(make_run(SCORES)), tmp_path / "old"), tmp_path / "baselines")
    folder = on_disk(enlarged(make_run(SCORES + 1)), tmp_path / "session/animals/tiny")
    write(propose(folder, tmp_path / "baselines", [IMAGES]))
    for sample in animals(tmp_path).samples:
        with Image.open(tmp_path / "baselines/animals/tiny" / sample.image) as image:
            assert (image.format, image.size) == ("WEBP", (256, 256))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("cat", ["black-cat", "white-cat"]),
        ("CAT and not black", ["white-cat"]),
        ("(cat or dog) and black", ["black-cat", "black-dog"]),
        ("not cat", ["black-dog"]),
        ("k-c or te-c", ["black-cat", "white-cat"]),
        ("import", []),
    ],
)
def test_words_choose_cases_as_in_pytest(text: str, meant: list[str]) -> None:
    assert [name for name in ("black-cat", "white-cat", "black-dog") if matcher(text)(name)] == meant


@pytest.mark.parametrize("text", ["", "(", "cat dog", "cat (dog)", "not", "()", "a and", "(" * 5000])
def test_words_that_cannot_be_read_end_in_one_line(text: str) -> None:
    with pytest.raises(SdevalError, match="cannot be read; write words with and, or, not and brackets"):
        matcher(text)


def test_words_choose_among_all_runs_of_a_session() -> None:
    run = make_run(SCORES)
    session = {("animals", "tiny"): run, ("zoo", "tiny"): replace(run, suite="zoo", samples=run.samples[:2])}
    assert parts_by_words(session, ["0", "2"], []) == {
        ("animals", "tiny"): Part(("case-0", "case-2")),
        ("zoo", "tiny"): Part(("case-0",)),
    }
    assert parts_by_words(session, ["2"], ["clip_score"]) == {("animals", "tiny"): Part(("case-2",), ("clip_score",))}
    with pytest.raises(SdevalError, match="-k 'cat': chooses nothing; cases are case-0, case-1, case-2"):
        parts_by_words(session, ["cat"], [])
    with pytest.raises(SdevalError, match="unknown metric 'clip_scor'; did you mean clip_score"):
        parts_by_words(session, [], ["clip_scor"])
    with pytest.raises(SdevalError, match="peak_memory is accepted with a whole run, not by itself"):
        parts_by_words(session, [], ["peak_memory"])
    with pytest.raises(SdevalError, match="metric psnr is reported only"):
        parts_by_words(session, [], ["psnr"])


GOOD: dict[str, Any] = {
    "schema": 1,
    "session": "one",
    "reason": "",
    "approvals": [{"suite": "animals", "target": "tiny", "cases": ["case-0"], "metrics": "all"}],
}


def approving(**changes: object) -> dict[str, Any]:
    return {**GOOD, "approvals": [{**GOOD["approvals"][0], **changes}]}


def read(content: object, folder: Path) -> dict[tuple[str, str], list[Part]]:
    path = folder / "approvals.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return parts_by_name(read_approvals(path), {("animals", "tiny"): make_run(SCORES)}, path)


def test_approvals_are_parts_of_runs(tmp_path: Path) -> None:
    assert read(GOOD, tmp_path) == {("animals", "tiny"): [Part(("case-0",))]}
    assert read(approving(cases="all"), tmp_path) == {("animals", "tiny"): [Part()]}
    both = approving(cases="all", metrics=["clip_score"])
    assert read(both, tmp_path) == {("animals", "tiny"): [Part(None, ("clip_score",))]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[", "is corrupt"),
        ("[" * 100_000, "is corrupt"),
        ("[]", "has schema None; this version of sdeval reads 1"),
        ({**GOOD, "schema": 2}, "has schema 2"),
        ({**GOOD, "approvals": []}, "approvals: must be a list with at least one approval, got"),
        ({**GOOD, "approvals": {}}, "approvals: must be a list"),
        ({**GOOD, "approvals": [3]}, r"approvals\[0\]: must be a mapping, got 3"),
        ({**GOOD, "reasons": ""}, "unknown field 'reasons'; did you mean reason"),
        ({**GOOD, "reason": 3}, "reason: must be text, got 3"),
        ({**GOOD, "session": "../../etc"}, r"session: must be the name of a session's folder, .* got '../../etc'"),
        ({**GOOD, "session": ".."}, "session: must be the name"),
        ({**GOOD, "session": "/etc"}, "session: must be the name"),
        (approving(suite="../../x"), r"approvals\[0\]: unknown suite '../../x'. Known: animals"),
        (approving(suite="animal"), "unknown suite 'animal'; did you mean animals"),
        (approving(target="../x"), "unknown target '../x'. Known: tiny"),
        (approving(target=None), r"approvals\[0\]: target: must be text, got None"),
        (approving(cases=["case-9"]), r"approvals\[0\]: unknown case 'case-9'; did you mean"),
        (approving(cases=["../../x"]), "unknown case '../../x'"),
        (approving(cases=[]), r"approvals\[0\]: cases: must be a list of names, or \"all\", got \[\]"),
        (
            approving(cases="case-0"),
            r"cases: must be a list of texts or 'all', got 'case-0'; list names, or write \"all\"",
        ),
        (approving(cases=[3]), r"cases\[0\]: must be text, got 3"),
        (approving(metrics=["clip"]), r"approvals\[0\]: unknown metric 'clip'"),
        (approving(metrics=7), r"metrics: must be a list of texts or 'all', got 7; list names, or write \"all\""),
        (approving(more=1), "unknown field 'more'"),
    ],
)
def test_what_is_wrong_in_approvals_is_named(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(SdevalError, match=message) as error:
        read(content, tmp_path)
    assert str(error.value).startswith(str(tmp_path / "approvals.json"))
    assert len(str(error.value).splitlines()) == 1


def test_a_partial_run_with_set_metrics_waits_for_the_whole(tmp_path: Path) -> None:
    old = with_features(make_run(SCORES), np.arange(18.0).reshape(6, 3), 1.0)
    accept(on_disk(old, tmp_path / "old"), tmp_path / "baselines")
    # Nothing of its features changes: the metric is known, and no suite is needed.
    part = only(old, "case-1")
    part = replace(part, features={"clip": old.features["clip"][2:4]})
    offer(tmp_path, part, Part(("case-1",)))
    assert animals(tmp_path).set_scores == old.set_scores


def test_the_loaded_model_is_not_needed(loaded: LoadedTarget, accepted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LoadedTarget, "__init__", lambda *_: pytest.fail("loaded a model to accept a run"))
    accept_part(accepted, Part(("square",)))
