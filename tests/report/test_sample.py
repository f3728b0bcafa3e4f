"""Everything that is known of one sample of a session."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sdeval._utils.tables import lines
from sdeval.baselines.store import stored
from sdeval.cli import main
from sdeval.imaging.difference import ImageDifference
from sdeval.report.sample import SampleView, facts, find_sample, paths, sample_scores, score_table
from sdeval.results import run_folder
from sdeval.results.records import CaseRecord, MetricRecord
from sdeval.results.run import Run
from sdeval.stores.images import LOCAL, ImageStore
from sdeval.stores.objects import Folder
from tests.baselines.test_store import compare_with_baseline, enlarged, on_disk
from tests.conftest import CLIP_SCORE, make_run, with_features

FEWER_IS_BETTER = MetricRecord(
    version="1", unit="", higher_is_better=False, scope="sample", tolerance=0.1, tolerance_is_relative=True
)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions and baselines lie in the current folder."""
    monkeypatch.chdir(tmp_path)


def view_of(run: Run, name: str = "case-0@1", baseline: Run | None = None) -> SampleView:
    """A sample of a session with one run, which is compared with a baseline where one is given."""
    if baseline is not None:
        assert main(["accept", str(on_disk(baseline, Path("reports/before")))]) == 0
    folder = Path("reports/one/animals/tiny")
    on_disk(run, folder)
    compare_with_baseline(folder, Path("baselines"))
    return find_sample(Path("reports/one"), name)


def rows(view: SampleView) -> list[str]:
    return lines(score_table(view), 200)[1:]


RUN = make_run(np.array([[30.0, 31.0]]))
WORSE = make_run(np.array([[30.0, 29.0]]))


def test_scores_are_those_of_the_sample_and_not_of_its_case() -> None:
    assert [row.split() for row in rows(view_of(WORSE, baseline=RUN))] == [
        ["clip_score", "31.00", "29.00", "-2.00", "0.5", "beyond", "its", "tolerance"]
    ]


@pytest.mark.parametrize(("gating", "note"), [(True, "beyond its tolerance"), (False, "reported only")])
def test_a_metric_that_is_reported_only_is_not_called_worse(gating: bool, note: str) -> None:
    run = replace(WORSE, metrics={"clip_score": replace(CLIP_SCORE, gating=gating)})
    (row,) = rows(view_of(run, baseline=RUN))
    assert row.endswith(f"  {note}")


def test_of_a_metric_where_less_is_better_a_fall_is_no_loss() -> None:
    run, before = (replace(side, metrics={"clip_score": FEWER_IS_BETTER}) for side in (WORSE, RUN))
    (row,) = rows(view_of(run, baseline=before))
    assert row.split() == ["clip_score", "31.00", "29.00", "-2.00", "3.10", "within", "its", "tolerance"]


def test_a_relative_tolerance_needs_a_baseline() -> None:
    (row,) = rows(view_of(replace(RUN, metrics={"clip_score": FEWER_IS_BETTER})))
    assert row.split() == ["clip_score", "–", "31.00", "–", "–", "not", "compared"]


def test_a_missing_score_has_its_reason() -> None:
    (row,) = rows(view_of(make_run(np.array([[30.0, np.nan]]))))
    assert row.split() == ["clip_score", "–", "–", "–", "0.5", "unscored:", "it", "failed"]


def test_metrics_of_the_whole_set_are_left_out() -> None:
    run = with_features(RUN, np.zeros((2, 4)), 1.0)
    assert len(rows(view_of(run))) == 1


def test_a_defect_is_said_with_its_detail() -> None:
    samples = tuple(replace(sample, defect="black", detail="all pixels are 0") for sample in RUN.samples)
    assert facts(view_of(replace(RUN, samples=samples)))["defect"] == "black: all pixels are 0"


def test_a_sample_without_an_image_says_why() -> None:
    run = make_run(np.array([[30.0]]))
    (sample,) = run.samples
    on_disk(run, Path("reports/one/animals/tiny"))
    failed = replace(run, samples=(replace(sample, sha256="", image="", failure="out of memory", scores={}),))
    run_folder.write(failed, Path("reports/one/animals/tiny"))
    view = find_sample(Path("reports/one"), "case-0@0")
    assert facts(view)["defect"] == "no image: out of memory"
    assert facts(view)["digest"] == "none"
    assert paths(view, ImageStore(Folder(Path("store"))))["image"] == "none"


def test_a_sample_that_was_asked_otherwise_is_not_compared() -> None:
    samples = tuple(replace(sample, fingerprint="another") for sample in RUN.samples)
    view = view_of(replace(RUN, samples=samples), baseline=RUN)
    assert facts(view)["image change"].startswith("unknown: baseline has no such sample")


def test_its_strength_is_among_its_settings() -> None:
    run = replace(RUN, cases={"case-0": CaseRecord(case="case-0", strength=0.4)})
    assert facts(view_of(run))["settings"] == "strength=0.4"


def test_the_baseline_image_is_the_full_one_where_the_store_is_near() -> None:
    view = view_of(RUN, baseline=enlarged(RUN))
    accepted = stored(Path("baselines"), "animals", "tiny")
    assert accepted is not None
    sha256 = accepted.run.samples[1].sha256
    store = ImageStore(Folder(Path("baselines") / LOCAL))
    assert paths(view, store)["baseline image"] == f"baselines/{LOCAL}/{sha256[:2]}/{sha256}.png"


def test_without_the_store_its_thumbnail_is_named_as_one() -> None:
    view = view_of(RUN, baseline=enlarged(RUN))
    path, _, note = paths(view, ImageStore(Folder(Path("nowhere"))))["baseline image"].partition(" ")
    assert path == "reports/one/animals/tiny/baseline/images/case-0@1.webp"
    assert note == "(a thumbnail: the image is not on this machine)"


def test_of_identical_images_the_run_has_the_full_one() -> None:
    view = view_of(enlarged(RUN), baseline=enlarged(RUN))
    place = paths(view, ImageStore(Folder(Path("nowhere"))))["baseline image"]
    assert place == "reports/one/animals/tiny/images/case-0@1.png"


def test_the_difference_from_the_baseline_is_said_in_numbers() -> None:
    difference = ImageDifference(mean=2.5, maximum=131, changed=0.0312, psnr=31.25, box=(1, 2, 3, 4))
    view = view_of(RUN, baseline=RUN)
    sample = replace(RUN.samples[1], sha256="0" * 64, difference=difference, scores={"ssim": 93.5})
    changed = replace(view, sample=sample)
    assert facts(changed)["difference"] == (
        "mean difference 2.50 levels, maximum 131 levels, changed by more than 16 levels 3.12% of pixels, "
        "PSNR 31.25 dB, SSIM 93.50%"
    )
    assert facts(view)["difference"].startswith("mean difference 0 levels, maximum 0 levels")
    assert facts(replace(changed, before=None))["difference"] == "unknown"


@pytest.mark.parametrize(
    ("current", "verdict", "tone"),
    [
        (29.0, "beyond its tolerance", "bad"),
        (32.0, "better", "good"),
        (31.2, "within its tolerance", ""),
        (31.0, "unchanged", ""),
    ],
)
def test_each_score_has_a_verdict_on_this_very_image(current: float, verdict: str, tone: str) -> None:
    (score,) = sample_scores(view_of(make_run(np.array([[30.0, current]])), baseline=RUN))
    assert (score.verdict, score.tone) == (verdict, tone)


def test_the_expected_text_and_what_was_read_are_shown() -> None:
    def reading(text: str) -> Run:
        samples = tuple(replace(sample, readings={"text": text}) for sample in RUN.samples)
        return replace(RUN, samples=samples, cases={"case-0": CaseRecord(case="case-0", text=("Open", "24 h"))})

    shown = facts(view_of(reading("0pen (0.61)"), baseline=reading("Open (1.00)")))
    assert shown["text"] == "Open | 24 h"
    assert shown["text read"] == "0pen (0.61) (in the baseline: Open (1.00))"
    assert "text read" not in facts(view_of(RUN))
