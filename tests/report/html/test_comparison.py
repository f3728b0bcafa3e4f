"""Comparison, as a page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sdeval.comparison import Verdict, wording
from sdeval.comparison.matrix import compare_settings
from sdeval.imaging.io import write_png
from sdeval.report.comparison import Compared
from sdeval.report.html.comparison import write_comparison
from sdeval.results.records import CaseRecord
from sdeval.results.run import Run, Stored
from tests.report.pages import two_settings

FASTER = "<four> steps"


@pytest.fixture
def compared(tmp_path: Path) -> Compared:
    return two_settings(tmp_path)


def changed(compared: Compared, name: str, run: Run) -> Compared:
    """The comparison with another run for a setting."""
    stored = {**compared.stored, name: Stored(run, compared.stored[name].folder)}
    runs = {setting: item.run for setting, item in stored.items()}
    return replace(compared, matrix=compare_settings(runs, compared.matrix.reference, lambda _: None), stored=stored)


def broken(compared: Compared, name: str = FASTER) -> Compared:
    """The comparison with two broken images of a setting."""
    run = compared.stored[name].run
    first, second, *others = run.samples
    samples = (replace(first, defect="black"), replace(second, defect="tile_seams"), *others)
    return changed(compared, name, replace(run, samples=samples))


def text_of(compared: Compared, folder: Path) -> str:
    return write_comparison(folder / "page" / "index.html", [compared]).read_text(encoding="utf-8")


def facts_of(page: str) -> Any:
    match = re.search(r'<script type="application/json" id="comparison">(.*?)</script>', page, re.DOTALL)
    assert match is not None
    return json.loads(match[1])["c0"]


def test_every_sample_of_every_setting_stands_in_a_row(compared: Compared, tmp_path: Path) -> None:
    page = text_of(compared, tmp_path)
    assert page.count('loading="lazy"') == 32
    assert "&lt;four&gt; steps" in page
    assert "<four>" not in page


def test_images_from_elsewhere_travel_with_the_page(compared: Compared, tmp_path: Path) -> None:
    write_comparison(tmp_path / "page" / "index.html", [compared])
    copies = {path.read_bytes() for path in (tmp_path / "page" / "images").glob("*.png")}
    assert copies == {path.read_bytes() for path in (tmp_path / "runs").rglob("images/*.png")}


def test_images_below_the_page_are_not_copied(compared: Compared, tmp_path: Path) -> None:
    page = write_comparison(tmp_path / "index.html", [compared]).read_text(encoding="utf-8")
    assert not (tmp_path / "images").exists()
    assert 'src="runs/0/images/case-0@0.png"' in page


def test_scores_of_every_row_are_in_the_page(compared: Compared, tmp_path: Path) -> None:
    facts = facts_of(text_of(compared, tmp_path))
    assert facts["settings"] == ["twenty steps", FASTER]
    assert facts["reference"] == 0
    assert [metric["name"] for metric in facts["metrics"]] == ["clip_score"]
    scores = facts["scores"]["clip_score"]
    samples = [item.run.samples for item in compared.stored.values()]
    expected = [
        [first.scores["clip_score"], second.scores["clip_score"]] for first, second in zip(*samples, strict=True)
    ]
    assert np.allclose(scores, expected, rtol=1e-5)


def test_a_missing_score_is_none(compared: Compared, tmp_path: Path) -> None:
    run = compared.stored[FASTER].run
    samples = (replace(run.samples[0], scores={"clip_score": None}), *run.samples[1:])
    facts = facts_of(text_of(changed(compared, FASTER, replace(run, samples=samples)), tmp_path))
    assert facts["scores"]["clip_score"][0][1] is None


def test_a_metric_that_one_setting_has_is_not_offered(compared: Compared, tmp_path: Path) -> None:
    run = compared.stored["twenty steps"].run
    samples = tuple(replace(sample, scores={**sample.scores, "psnr": 100.0}) for sample in run.samples)
    metrics = {**run.metrics, "psnr": run.metrics["clip_score"]}
    page = text_of(changed(compared, "twenty steps", replace(run, samples=samples, metrics=metrics)), tmp_path)
    assert [metric["name"] for metric in facts_of(page)["metrics"]] == ["clip_score"]


def test_names_in_the_facts_do_not_end_the_script(compared: Compared, tmp_path: Path) -> None:
    hostile = "</script><!-- <script>"
    stored = {hostile if name == FASTER else name: item for name, item in compared.stored.items()}
    runs = {name: item.run for name, item in stored.items()}
    page = text_of(Compared(compare_settings(runs, "twenty steps", lambda _: None), stored), tmp_path)
    assert facts_of(page)["settings"] == ["twenty steps", hostile]


def test_defects_are_labels_and_their_number_stands_in_the_row(compared: Compared, tmp_path: Path) -> None:
    page = text_of(broken(compared), tmp_path)
    assert '<span class="defect">broken: black image</span>' in page
    assert '<span class="defect">broken: tile seams</span>' in page
    assert "✗ 2 of 16 images are broken" in page
    assert wording.broken_setting(2, 16) in page


def test_a_sample_without_an_image_says_why(compared: Compared, tmp_path: Path) -> None:
    run = compared.stored[FASTER].run
    samples = (replace(run.samples[0], image="", sha256="", failure="out of memory"), *run.samples[1:])
    page = text_of(changed(compared, FASTER, replace(run, samples=samples)), tmp_path)
    assert "out of memory" in page
    assert "broken: no image" in page


def test_a_sample_that_a_setting_does_not_have_is_no_defect(compared: Compared, tmp_path: Path) -> None:
    run = compared.stored[FASTER].run
    page = text_of(changed(compared, FASTER, replace(run, samples=run.samples[2:])), tmp_path)
    assert page.count("no such sample") == 2
    assert "data-defect=" not in page


def test_an_image_that_is_gone_says_so(compared: Compared, tmp_path: Path) -> None:
    (compared.stored[FASTER].folder / "images" / "case-0@0.png").unlink()
    page = write_comparison(tmp_path / "index.html", [compared]).read_text(encoding="utf-8")
    assert page.count("the image is gone") == 1


def test_a_reference_that_got_worse_is_named_at_the_top(compared: Compared, tmp_path: Path) -> None:
    verdict = Verdict(
        suite="animals", target="tiny", metric="defect", case="case-0", verdict="broken", reason="seed 0 is black"
    )
    page = text_of(replace(compared, verdicts={"twenty steps": [verdict]}), tmp_path)
    warning = "twenty steps, the reference, is itself worse than its baseline: 1 broken; case-0: seed 0 is black"
    assert f'<p class="warning">{warning}</p>' in page
    assert page.index(warning) < page.index("<table")


def test_the_command_for_another_reference_is_shown(compared: Compared, tmp_path: Path) -> None:
    page = text_of(replace(compared, folders=[Path("reports/latest")]), tmp_path)
    assert "sdeval compare reports/latest --reference &#39;&lt;four&gt; steps&#39; --page" in page


def in_a_session(compared: Compared, session: Path) -> Compared:
    """The comparison with its runs in the folder of a session that has a page."""
    stored = {}
    for name, item in compared.stored.items():
        folder = session / "animals" / item.run.target
        folder.parent.mkdir(parents=True, exist_ok=True)
        item.folder.rename(folder)
        stored[name] = Stored(item.run, folder)
    (session / "index.html").write_text("the session", encoding="utf-8")
    return replace(compared, stored=stored)


def test_settings_lead_to_their_runs_on_the_page_of_the_session(compared: Compared, tmp_path: Path) -> None:
    session = tmp_path / "reports" / "monday"
    page = write_comparison(session / "compare.html", [in_a_session(compared, session)]).read_text(encoding="utf-8")
    assert '<a href="index.html">session</a>' in page
    assert '<a href="index.html#r0">twenty steps</a>' in page
    assert '<a href="index.html#r1">&lt;four&gt; steps</a>' in page


def test_a_page_elsewhere_leads_to_the_sessions_too(compared: Compared, tmp_path: Path) -> None:
    page = text_of(in_a_session(compared, tmp_path / "reports" / "a monday"), tmp_path)
    assert '<a href="../reports/a%20monday/index.html#r1">' in page
    assert ">session</a>" not in page


def test_runs_of_no_session_lead_nowhere(compared: Compared, tmp_path: Path) -> None:
    assert "#r0" not in text_of(compared, tmp_path)


def test_all_input_images_of_an_edit_travel_with_the_page(compared: Compared, tmp_path: Path) -> None:
    stored = {}
    for name, item in compared.stored.items():
        for image in ("a1", "b2"):
            write_png(item.folder / "inputs" / f"{image}.png", Image.new("RGB", (32, 32), (90, 120, 200)))
        record = CaseRecord(case="case-0", images=("inputs/a1.png", "inputs/b2.png"))
        stored[name] = Stored(replace(item.run, task="edit", cases={"case-0": record}), item.folder)
    page = text_of(replace(compared, stored=stored), tmp_path)
    assert {path.name for path in (tmp_path / "page" / "inputs").iterdir()} == {"a1.png", "b2.png"}
    sources = {"input image 1": "inputs/a1.png", "input image 2": "inputs/b2.png"}
    listed = [{"label": label, "source": source} for label, source in sources.items()]
    assert facts_of(page)["inputs"] == {"case-0": listed}


def test_init_images_and_masks_travel_with_the_page(compared: Compared, tmp_path: Path) -> None:
    stored = {}
    for name, item in compared.stored.items():
        write_png(item.folder / "inputs" / "a1.png", Image.new("RGB", (32, 32), (90, 120, 200)))
        mask = Image.new("L", (32, 32))
        mask.paste(255, (8, 8, 24, 24))
        write_png(item.folder / "inputs" / "b2.png", mask)
        record = CaseRecord(case="case-0", image="inputs/a1.png", mask="inputs/b2.png", negative_prompt="blurred")
        stored[name] = Stored(replace(item.run, cases={"case-0": record}), item.folder)
    page = text_of(replace(compared, stored=stored), tmp_path)
    names = {"a1.png", "b2.png", "b2.outline.png"}
    assert {path.name for path in (tmp_path / "page" / "inputs").iterdir()} == names
    assert '"inputs":{"case-0":[{"label":"init image","source":"inputs/a1.png"}' in page
    assert '"outlines":{"case-0":"inputs/b2.outline.png"}' in page
    assert "<small>not:</small> blurred" in page


def test_a_metric_without_a_verdict_says_why(compared: Compared, tmp_path: Path) -> None:
    run = compared.stored[FASTER].run
    samples = tuple(replace(sample, scores={"clip_score": None}) for sample in run.samples)
    page = text_of(changed(compared, FASTER, replace(run, samples=samples)), tmp_path)
    assert '<small class="why">16 of 16 samples: no score</small>' in page
