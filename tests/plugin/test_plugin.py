"""The plugin as a user meets it: through pytest, with the embedded model at two steps."""

from __future__ import annotations

import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from PIL import Image

import sdeval.cli
import sdeval.engines.diffusers_engine
import sdeval.report.publish
import sdeval.report.terminal
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.results import run_folder
from sdeval.results.run import Run
from sdeval.results.session_names import sessions
from sdeval.shapes import pipeline_folder
from tests.plugin.project import QUIET, SUITE, accept, verdicts

EDIT = """
from dataclasses import replace
from pathlib import Path

test_edit = replace(
    test_text2img,
    name="edit",
    task="img2img",
    settings={"num_inference_steps": 4},
    cases=tuple(replace(case, image=Path(__file__).parent / "red.png") for case in test_text2img.cases),
)
"""


def test_one_item_a_case_then_one_a_metric(suites: pytest.Pytester) -> None:
    result = suites.runpytest_inprocess("--collect-only", "-q", *QUIET)
    result.stdout.fnmatch_lines(
        [
            f"test_suite.py::test_text2img[[]shapes-{name}[]]"
            for name in (
                "circle",
                "square",
                "cross",
                "clip_score",
                "collapsed_samples",
                "seconds_per_image",
                "peak_memory",
            )
        ],
        consecutive=True,
    )


def test_without_a_baseline_a_local_machine_skips(suites: pytest.Pytester) -> None:
    result = suites.runpytest_inprocess(*QUIET)
    result.assert_outcomes(skipped=5, passed=2)
    result.stdout.fnmatch_lines(
        ["5 new, 2 informational", "page: reports/latest/index.html", "next: sdeval accept reports/latest"]
    )


def test_without_a_baseline_strict_fails(suites: pytest.Pytester) -> None:
    result = suites.runpytest_inprocess("-p", "no:cacheprovider", "--sdeval-strict")
    result.assert_outcomes(failed=5, passed=2)
    result.stdout.fnmatch_lines(["new: clip_score *no baseline for this suite and target"])
    assert page_fails(suites)


def test_strict_is_the_default_in_ci(suites: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    suites.runpytest_inprocess("-p", "no:cacheprovider").assert_outcomes(failed=5, passed=2)


def test_what_was_accepted_passes_again(suites: pytest.Pytester) -> None:
    accept(suites)
    result = suites.runpytest_inprocess(*QUIET)
    result.assert_outcomes(passed=7)
    assert result.ret == 0
    assert {each["verdict"] for each in verdicts(suites)} == {"passed", "informational"}


def test_every_session_adds_a_line_to_the_history(suites: pytest.Pytester, capsys: pytest.CaptureFixture[str]) -> None:
    suites.runpytest_inprocess(*QUIET)
    assert sdeval.cli.main(["accept"]) == 0
    suites.runpytest_inprocess(*QUIET)
    suites.runpytest_inprocess("-k", "circle", *QUIET)
    lines = [json.loads(line) for line in (suites.path / "reports" / "history.jsonl").read_text().splitlines()]
    (first,), (second,), (part,) = (line["runs"] for line in lines)
    assert [each["metrics"]["clip_score"]["verdict"] for each in (first, second)] == ["new", "passed"]
    assert [bool(each["baseline"]) for each in (first, second)] == [False, True]
    assert first["images"] == second["images"]
    assert (part["complete"], part["metrics"]) == (False, {})
    capsys.readouterr()
    assert sdeval.cli.main(["history", "--metric", "clip_score"]) == 0
    assert "clip_score" in capsys.readouterr().out


def test_a_slow_trend_is_a_note_at_the_end_of_a_session(suites: pytest.Pytester) -> None:
    accept(suites)
    history = suites.path / "reports" / "history.jsonl"
    line = json.loads(history.read_text())
    line["runs"][0]["metrics"]["clip_score"]["value"] += 3
    line["runs"][0]["metrics"]["clip_score"]["verdict"] = "passed"
    history.write_text(json.dumps(line) + "\n")
    result = suites.runpytest_inprocess(*QUIET)
    result.stdout.fnmatch_lines(
        ["note: few on shapes: clip_score lost * tolerances in 2 sessions, and failed in none of them*"]
    )


def test_the_session_folder_holds_everything(suites: pytest.Pytester) -> None:
    accept(suites)
    suites.runpytest_inprocess(*QUIET)
    latest = suites.path / "reports" / "latest"
    assert latest.is_symlink()
    run = latest / "few" / "shapes"
    for path in (latest / "index.html", run / "run.json", run / "samples.jsonl", run / "images" / "circle@0.png"):
        assert path.is_file()
    fields = {
        "suite",
        "target",
        "metric",
        "case",
        "verdict",
        "baseline",
        "current",
        "change",
        "tolerance",
        "p_value",
        "reason",
    }
    assert all(fields <= set(each) for each in verdicts(suites))


def test_a_run_never_touches_a_baseline(suites: pytest.Pytester) -> None:
    accept(suites)
    before = {path: path.stat().st_mtime_ns for path in (suites.path / "baselines").rglob("*")}
    suites.runpytest_inprocess("--sdeval-set", "num_inference_steps=1", *QUIET)
    assert {path: path.stat().st_mtime_ns for path in (suites.path / "baselines").rglob("*")} == before


def test_k_generates_and_judges_only_what_it_selects(suites: pytest.Pytester) -> None:
    accept(suites)
    result = suites.runpytest_inprocess("-k", "cross", *QUIET)
    result.assert_outcomes(passed=1, deselected=6)
    images = suites.path / "reports" / "latest" / "few" / "shapes" / "images"
    assert [path.name for path in images.iterdir()] == ["cross@0.png"]


def test_k_finds_a_case_by_its_tag(suites: pytest.Pytester) -> None:
    result = suites.runpytest_inprocess("--collect-only", "-q", "-k", "round", *QUIET)
    result.stdout.fnmatch_lines(["*[[]shapes-circle[]]", "", "1/7 tests collected*"])


def test_a_selected_gate_generates_the_whole_suite(suites: pytest.Pytester) -> None:
    accept(suites)
    suites.runpytest_inprocess("-k", "clip_score", *QUIET).assert_outcomes(passed=1, deselected=6)
    assert len(list((suites.path / "reports" / "latest" / "few" / "shapes" / "images").iterdir())) == 3


def test_a_node_id_runs_one_item(suites: pytest.Pytester) -> None:
    result = suites.runpytest_inprocess("test_suite.py::test_text2img[shapes-square]", *QUIET)
    result.assert_outcomes(skipped=1)


def test_last_failed_runs_what_failed(suites: pytest.Pytester) -> None:
    suites.runpytest_inprocess("--sdeval-strict", "-k", "circle")
    result = suites.runpytest_inprocess("--sdeval-strict", "--lf", "--collect-only", "-q")
    result.stdout.fnmatch_lines(["*[[]shapes-circle[]]"])
    result.stdout.no_fnmatch_line("*square*")


def test_x_stops_at_the_first_failure(suites: pytest.Pytester) -> None:
    suites.runpytest_inprocess("--sdeval-strict", "-x", "-p", "no:cacheprovider").assert_outcomes(failed=1)


def test_junit_has_the_verdicts(suites: pytest.Pytester) -> None:
    accept(suites)
    suites.runpytest_inprocess("--junitxml=junit.xml", *QUIET)
    suite = ElementTree.parse(suites.path / "junit.xml").getroot()[0]
    above = properties(suite)
    assert above["session"] == (suites.path / "reports" / "latest").resolve().name
    assert above["strict"] == "False"
    assert {"hardware", "python", "torch", "diffusers"} <= set(above)
    (case,) = [properties(each) for each in suite.iter("testcase") if each.get("name") == "test_text2img[shapes-cross]"]
    assert case == {
        "suite": "few",
        "target": "shapes",
        "metric": "defect",
        "case": "cross",
        "verdict": "passed",
        "n": "1",
        "task": "text2img",
    }
    (gate,) = [properties(each) for each in suite.iter("testcase") if "clip_score" in each.get("name", "")]
    assert gate["baseline"] == gate["current"]
    assert (gate["change"], gate["verdict"]) == ("0.0", "passed")


def properties(element: ElementTree.Element) -> dict[str, str]:
    return {each.get("name", ""): each.get("value", "") for each in element.iterfind("properties/property")}


def test_ci_gets_a_summary_and_a_link(suites: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(suites.path / "job.md"))
    monkeypatch.setenv("SDEVAL_PAGE_URL", "https://pages.example/7")
    suites.runpytest_inprocess("-k", "circle", *QUIET)
    text = (suites.path / "job.md").read_text(encoding="utf-8")
    assert text.startswith("<!-- sdeval -->\n\n## – sdeval: Nothing to compare with yet: 1 new\n")
    assert "Page: [the page](<https://pages.example/7>)" in text
    assert text == (suites.path / "reports" / "latest" / "summary.md").read_text(encoding="utf-8") + "\n"


def test_a_job_summary_that_cannot_be_written_fails_nothing(
    suites: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(suites.path))
    result = suites.runpytest_inprocess("-k", "circle", *QUIET)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["note: GITHUB_STEP_SUMMARY: cannot write to *: Is a directory"])


def test_a_failure_is_its_verdict_without_a_traceback(suites: pytest.Pytester) -> None:
    result = suites.runpytest_inprocess("--sdeval-strict", "-k", "circle", "-p", "no:cacheprovider")
    text = result.stdout.str()
    assert "Traceback" not in text
    assert "sdeval/plugin" not in text
    result.stdout.fnmatch_lines(
        ["____* test_text2img[[]shapes-circle[]] *____", "new: no baseline *"], consecutive=True
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sdeval-target", "shape"], "unknown target 'shape'; did you mean shapes?"),
        (["--sdeval-target", "./nowhere"], "no such folder: ./nowhere"),
        (["--sdeval-set", "guidence_scale=1"], "unknown setting 'guidence_scale'; did you mean guidance_scale"),
        (["--sdeval-set", "scheduler=EulerScheduler"], "unknown scheduler 'EulerScheduler'; did you mean"),
        (["--sdeval-set", "dtype=bfloat"], "unknown dtype 'bfloat'; did you mean bfloat16"),
        (["--sdeval-set", "guidance_scale"], "must be KEY=VALUE"),
        (["--sdeval-batch-size", "0"], "must be a whole number from 1 on"),
    ],
)
def test_wrong_options_end_in_one_line_before_anything_is_generated(
    suites: pytest.Pytester, arguments: list[str], message: str
) -> None:
    result = suites.runpytest_inprocess(*arguments, *QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in result.stderr.str()
    assert len(result.stderr.str().strip().splitlines()) == 1
    assert not (suites.path / "reports").exists()


def test_an_output_that_cannot_be_written_ends_in_one_line_before_anything_is_generated(
    suites: pytest.Pytester,
) -> None:
    (suites.path / "taken").touch()
    result = suites.runpytest_inprocess("--sdeval-output", "taken", *QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "--sdeval-output: cannot write to " in result.stderr.str()
    assert len(result.stderr.str().strip().splitlines()) == 1


def test_a_setting_that_fits_no_suite_is_refused_and_one_that_fits_some_is_not(suites: pytest.Pytester) -> None:
    result = suites.runpytest_inprocess("--sdeval-set", "strength=0.5", *QUIET)
    assert "unknown setting 'strength'" in result.stderr.str()
    both = SUITE.format(task="text2img", name="few") + EDIT
    suites.makepyfile(test_suite=both)
    Image.new("RGB", (64, 64), (220, 40, 40)).save(suites.path / "red.png")
    suites.runpytest_inprocess("-k", "circle", "--sdeval-set", "strength=0.5", *QUIET).assert_outcomes(
        skipped=2, deselected=12
    )
    halfway = fingerprints(suites)
    suites.runpytest_inprocess("-k", "circle", *QUIET)
    changed = {key for key, value in fingerprints(suites).items() if halfway[key] != value}
    assert changed == {("edit", "circle")}


def fingerprints(pytester: pytest.Pytester) -> dict[tuple[str, str], str]:
    """What each case of the latest session was asked."""
    runs = (pytester.path / "reports" / "latest").glob("*/*/samples.jsonl")
    lines = [(path.parent.parent.name, json.loads(line)) for path in runs for line in path.read_text().splitlines()]
    return {(suite, sample["case"]): sample["fingerprint"] for suite, sample in lines}


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (('metrics=("clip_score",)', 'metrics=("clip_scor",)'), "unknown metric 'clip_scor'; did you mean clip_score"),
        (('metrics=("clip_score",)', 'metrics=("outside_change",)'), "metric outside_change is for inpainting"),
        (("clip_model", "clip_modle"), "metric_options: unknown option 'clip_modle'; did you mean clip_model"),
        (('id="cross"', 'id="square"'), "id: 'square' is taken already"),
        (('task="text2img"', 'task="text2image"'), "unknown task 'text2image'"),
        (("seeds=(0,)", 'seeds="x"'), "seeds: must be a list of whole numbers, got 'x' (test_suite.py:3)"),
        (('"clip_model": "shapes"', '"clip_model": 3'), "metric_options: clip_model: must be text, got 3"),
    ],
)
def test_a_wrong_suite_ends_in_one_line(suites: pytest.Pytester, edit: tuple[str, str], message: str) -> None:
    suites.makepyfile(test_suite=SUITE.format(task="text2img", name="few").replace(*edit))
    result = suites.runpytest_inprocess(*QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in result.stderr.str()
    assert "Traceback" not in result.stdout.str() + result.stderr.str()


FILE_SUITE = """
from pathlib import Path

from sdeval import Suite, load_cases

test_paint = Suite(
    name="paint", task="inpainting", cases=load_cases(Path(__file__).parent / "cases.yaml"), metrics=("outside_change",)
)
"""


@pytest.mark.parametrize(
    ("cases", "message"),
    [
        ("- id: [a\n", "cases.yaml:2: not YAML"),
        ("- id: a\n  prompt: a\n  image: none.png\n  mask: mask.png\n", "cases.yaml:1: image: no such file"),
        (
            "- id: a\n  prompt: a\n  image: image.png\n  mask: small.png\n",
            "mask: is 8x16 pixels but the image is 16x16",
        ),
        ("[]\n", "cases.yaml: no cases in it"),
        ("- id: a\n  prompt: ''\n  image: image.png\n  mask: mask.png\n", "cases.yaml:1: prompt: is empty"),
        ("- id: a\n  prompt: a\n  image: image.png\n  mask: mask.png\n" * 2, "cases.yaml:5: id: 'a' is taken already"),
    ],
)
def test_a_wrong_case_file_ends_in_one_line(pytester: pytest.Pytester, cases: str, message: str) -> None:
    pytester.makepyfile(test_suite=FILE_SUITE)
    (pytester.path / "cases.yaml").write_text(cases)
    for name, size in (("image.png", (16, 16)), ("mask.png", (16, 16)), ("small.png", (8, 16))):
        image = Image.new("L", size)
        image.paste(255, (0, 0, 4, 4))
        image.save(pytester.path / name)
    result = pytester.runpytest_inprocess(*QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in result.stderr.str()
    assert len(result.stderr.str().strip().splitlines()) == 1
    assert "Traceback" not in result.stdout.str()


def test_a_target_is_loaded_once_for_all_suites(suites: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    import sdeval.engines.diffusers_engine

    loads: list[str] = []
    fresh = LoadedTarget._fresh

    def counted(self: LoadedTarget, folder: str, task: Any) -> Any:
        loads.append(task)
        return fresh(self, folder, task)

    monkeypatch.setattr(sdeval.engines.diffusers_engine.LoadedTarget, "_fresh", counted)
    suites.makepyfile(test_suite=SUITE.format(task="text2img", name="few") + EDIT)
    Image.new("RGB", (64, 64), (220, 40, 40)).save(suites.path / "red.png")
    suites.runpytest_inprocess("-k", "circle", *QUIET).assert_outcomes(skipped=2, deselected=12)
    assert loads == ["text2img"]


def test_two_targets_generate_side_by_side(suites: pytest.Pytester) -> None:
    accept(suites)
    other = shutil.copytree(pipeline_folder(), suites.path / "other")
    result = suites.runpytest_inprocess("--sdeval-target", "shapes", "--sdeval-target", str(other), *QUIET)
    result.assert_outcomes(passed=9, skipped=5)
    assert {(each["target"], each["verdict"]) for each in verdicts(suites) if not each["case"]} >= {
        ("shapes", "passed")
    }
    session = suites.path / "reports" / "latest"
    assert "comparison</a>" in (session / "index.html").read_text(encoding="utf-8")
    comparison = (session / "compare.html").read_text(encoding="utf-8")
    assert 'href="index.html#r0"' in comparison
    # The one that was named first is the reference, whatever its name.
    assert "--reference other" in comparison


def test_few_cases_that_got_much_worse_fail(suites: pytest.Pytester) -> None:
    text = SUITE.format(task="text2img", name="few").replace("seeds=(0,)", "seeds=(0, 1), max_seeds=4")
    suites.makepyfile(test_suite=text.replace('"num_inference_steps": 2', '"num_inference_steps": 10'))
    accept(suites)
    result = suites.runpytest_inprocess("--sdeval-set", "num_inference_steps=1", *QUIET)
    assert result.ret == 1
    (gate,) = [each for each in verdicts(suites) if each["metric"] == "clip_score" and not each["case"]]
    assert gate["verdict"] == "regressed"


def test_a_suite_that_could_not_show_a_gross_loss_says_so_and_is_no_gate(suites: pytest.Pytester) -> None:
    text = SUITE.format(task="text2img", name="few")
    suites.makepyfile(test_suite=re.sub(r'        Case\(id="(square|cross)".*\n', "", text))
    accept(suites)
    told = "few on shapes: 1 case and 1 seed cannot show any loss of clip_score, however large; give it more cases*"
    suites.runpytest_inprocess(*QUIET).stdout.fnmatch_lines([f"sdeval: {told}", f"note: {told}"])
    strict = suites.runpytest_inprocess("--sdeval-strict", "-p", "no:cacheprovider")
    assert strict.ret == pytest.ExitCode.USAGE_ERROR
    assert "cannot show any loss of clip_score, however large" in strict.stdout.str()
    assert "a gate that misses gross losses is none" in strict.stderr.str()


def test_the_cases_that_both_sides_have_are_judged_where_a_suite_grows(suites: pytest.Pytester) -> None:
    text = SUITE.format(task="text2img", name="few").replace('("clip_score",)', '("clip_score", "frechet_distance")')
    text = text.replace("seeds=(0,),", 'seeds=(0,), references="real",')
    (suites.path / "real").mkdir()
    for number, colour in enumerate(("red", "blue", "green")):
        Image.new("RGB", (64, 64), colour).save(suites.path / "real" / f"{number}.png")
    suites.makepyfile(test_suite=text)
    accept(suites)
    added = '        Case(id="triangle", prompt="a large blue triangle on a white background"),\n    ),\n    seeds'
    suites.makepyfile(test_suite=text.replace("    ),\n    seeds", added))
    suites.runpytest_inprocess(*QUIET)
    found = {each["case"] or each["metric"]: each for each in verdicts(suites)}
    assert found["triangle"]["verdict"] == "new"
    judged = ("circle", "square", "cross", "clip_score", "frechet_distance", "collapsed_samples")
    assert {found[name]["verdict"] for name in judged} == {"passed"}
    assert "on 3 of 4 cases" in str(found["frechet_distance"]["reason"])


def test_a_case_that_is_gone_leaves_the_others_judged(suites: pytest.Pytester) -> None:
    accept(suites)
    text = SUITE.format(task="text2img", name="few")
    suites.makepyfile(
        test_suite=text.replace('        Case(id="square", prompt="a large white square on a red background"),\n', "")
    )
    suites.runpytest_inprocess(*QUIET)
    found = {each["case"] or each["metric"]: each for each in verdicts(suites)}
    assert {found[name]["verdict"] for name in ("circle", "cross", "clip_score")} == {"passed"}
    assert "without 1 case that the suite no longer has" in str(found["clip_score"]["reason"])


ALONE = SUITE.format(task="text2img", name="few")
ALONE = ALONE[: ALONE.index('        Case(id="square"')] + ALONE[ALONE.index("    ),\n    seeds") :]
"""One case with one seed: nothing is known of how much it varies."""
UNSURE = ("--sdeval-set", "num_inference_steps=1", *QUIET)


@pytest.mark.parametrize("where", ["suite", "pyproject"])
def test_what_is_inconclusive_fails_where_proof_is_request_for(suites: pytest.Pytester, where: str) -> None:
    suites.makepyfile(test_suite=ALONE)
    accept(suites)
    assert suites.runpytest_inprocess(*UNSURE).ret == 0
    if where == "suite":
        suites.makepyfile(test_suite=ALONE.replace("seeds=(0,)", 'seeds=(0,), inconclusive="fail"'))
    else:
        suites.makepyprojecttoml('[tool.sdeval]\ninconclusive = "fail"\n')
    result = suites.runpytest_inprocess(*UNSURE)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*inconclusive: clip_score *"])
    assert page_fails(suites)


def test_two_targets_of_one_name_are_refused(suites: pytest.Pytester) -> None:
    for parent in ("a", "b"):
        shutil.copytree(pipeline_folder(), suites.path / parent / "model")
    arguments = ("--sdeval-target", "./a/model", "--sdeval-target", "./b/model")
    result = suites.runpytest_inprocess(*arguments, *QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "two targets are called model" in result.stderr.str()


def test_where_no_image_can_be_generated_every_item_says_why(
    suites: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sdeval.engines.diffusers_engine

    tries: list[int] = []

    def fails(*_: object) -> None:
        tries.append(1)
        raise RuntimeError("out of memory")

    monkeypatch.setattr(sdeval.engines.diffusers_engine, "generate_batch", fails)
    result = suites.runpytest_inprocess(*QUIET)
    # Speed and memory are reported only.
    result.assert_outcomes(failed=5, passed=2)
    # In one call, and one by one.
    assert len(tries) == 1 + 3
    result.stdout.fnmatch_lines(
        [
            "unscored: seed 0 has no image: RuntimeError: out of memory",
            "unscored: clip_score: of 3 cases an image or a score is missing; circle@0: no image: RuntimeError: *",
        ]
    )
    assert [each["verdict"] for each in verdicts(suites)] == ["unscored"] * 5 + ["informational"] * 2
    assert page_fails(suites)


def test_a_share_of_more_than_all_is_refused(suites: pytest.Pytester) -> None:
    text = SUITE.format(task="text2img", name="few")
    metrics = 'metrics=("frechet_distance",), tolerances={"frechet_distance": 2.0},'
    suites.makepyfile(test_suite=text.replace('metrics=("clip_score",),', metrics))
    result = suites.runpytest_inprocess(*QUIET)
    assert "frechet_distance is a share of the baseline, such as 0.1; got 2.0" in result.stderr.str()


def test_a_cases_own_strength_wins_over_the_suites(suites: pytest.Pytester) -> None:
    Image.new("RGB", (64, 64), (220, 40, 40)).save(suites.path / "red.png")
    found = []
    for strength in (0.9, 0.6):
        suites.makepyfile(
            test_suite=(SUITE.format(task="text2img", name="few") + EDIT)
            .replace('steps": 4}', f'steps": 4, "strength": {strength}}}')
            .replace('/ "red.png")', '/ "red.png", strength=0.3 if case.id == "cross" else None)')
        )
        suites.runpytest_inprocess("-k", "edit", *QUIET)
        found.append(fingerprints(suites))
    assert {case for (_, case), value in found[0].items() if found[1]["edit", case] == value} == {"cross"}


def test_two_suites_of_one_name_are_refused(suites: pytest.Pytester) -> None:
    suites.makepyfile(test_other=SUITE.format(task="text2img", name="few"))
    result = suites.runpytest_inprocess(*QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "suite name 'few' is taken already by" in result.stderr.str()


def test_a_damaged_baseline_ends_in_one_line(suites: pytest.Pytester) -> None:
    accept(suites)
    (suites.path / "baselines" / "few" / "shapes" / "samples.jsonl").write_text("{")
    result = suites.runpytest_inprocess(*QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "samples.jsonl:1: is corrupt" in result.stderr.str()


def test_a_folder_that_is_no_checkpoint_ends_in_one_line(suites: pytest.Pytester) -> None:
    (suites.path / "empty").mkdir()
    result = suites.runpytest_inprocess("--sdeval-target", "./empty", *QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "no model_index.json in" in result.stderr.str()


def test_weights_that_are_not_here_skip_on_a_local_machine_and_fail_strictly(suites: pytest.Pytester) -> None:
    arguments = ("--sdeval-target", "some/model", "-rs", "-p", "no:cacheprovider")
    desk = suites.runpytest_inprocess(*arguments, "--sdeval-no-strict")
    desk.assert_outcomes(skipped=7)
    desk.stdout.fnmatch_lines(
        ["*weights of some/model are not on this machine; get them with: hf download some/model*"]
    )
    assert not page_fails(suites)
    suites.runpytest_inprocess(*arguments, "--sdeval-strict").assert_outcomes(failed=7)
    assert page_fails(suites)


def page_fails(pytester: pytest.Pytester) -> bool:
    """What the page says of the latest session."""
    page = (pytester.path / "reports" / "latest" / "index.html").read_text(encoding="utf-8")
    return '<header class="bad">' in page


def test_a_metric_whose_weights_are_not_here_skips_alone(suites: pytest.Pytester) -> None:
    text = SUITE.format(task="text2img", name="few").replace('"shapes"}', '"ViT-B-32/openai"}')
    suites.makepyfile(test_suite=text)
    desk = suites.runpytest_inprocess("-rs", *QUIET)
    desk.stdout.fnmatch_lines(["*CLIP weights * are not on this machine; get them with: hf download *"])
    desk.stdout.fnmatch_lines(["note: few on shapes: CLIP weights *", "page: *", "next: sdeval open *"])
    assert not page_fails(suites)
    strict = suites.runpytest_inprocess("-k", "clip_score", "--sdeval-strict", "-p", "no:cacheprovider")
    strict.assert_outcomes(failed=1, deselected=6)


def test_noise_that_no_longer_fits_is_told_on_the_terminal_and_on_the_page(suites: pytest.Pytester) -> None:
    accept(suites)
    (suites.path / "baselines" / "few" / "shapes.noise.json").write_text('{"schema": 1}')
    result = suites.runpytest_inprocess(*QUIET)
    result.assert_outcomes(passed=7)
    note = "baselines/few/shapes.noise.json is left out: it was written by another version of sdeval"
    result.stdout.fnmatch_lines([f"note: {note}; measure again: sdeval calibrate few"])
    assert note in (suites.path / "reports" / "latest" / "index.html").read_text()


def test_a_damaged_noise_file_is_named_without_a_traceback(suites: pytest.Pytester) -> None:
    accept(suites)
    (suites.path / "baselines" / "few" / "shapes.noise.json").write_text("{")
    result = suites.runpytest_inprocess(*QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = result.stderr.str().strip().splitlines()
    assert "shapes.noise.json: is corrupt: " in line
    assert "; restore it with: git checkout -- " in line


def test_a_case_that_asks_for_something_else_is_new_and_says_what_changed(suites: pytest.Pytester) -> None:
    accept(suites)
    suites.makepyfile(test_suite=SUITE.format(task="text2img", name="few").replace("large red", "large yellow"))
    suites.runpytest_inprocess(*QUIET).assert_outcomes(skipped=1, passed=6)
    found = {each["case"] or each["metric"]: each for each in verdicts(suites)}
    old, new = "a large red circle on a blue background", "a large yellow circle on a blue background"
    assert found["circle"]["reason"] == f'prompt changed: "{old}" → "{new}"'
    assert (found["clip_score"]["verdict"], found["clip_score"]["n"]) == ("passed", 2)


def test_the_table_of_pyproject_is_read_and_the_command_line_wins(suites: pytest.Pytester) -> None:
    suites.makepyprojecttoml(
        '[tool.sdeval]\noutput = "out"\nstrict = true\n[tool.sdeval.set]\nnum_inference_steps = 1\n'
    )
    suites.runpytest_inprocess("-p", "no:cacheprovider", "-k", "circle").assert_outcomes(failed=1, deselected=6)
    run = json.loads((suites.path / "out" / "latest" / "few" / "shapes" / "run.json").read_text())
    assert run["request"]["settings"]["num_inference_steps"] == 1
    suites.runpytest_inprocess("-k", "circle", *QUIET).assert_outcomes(skipped=1, deselected=6)


def test_an_unknown_key_in_the_table_is_refused(suites: pytest.Pytester) -> None:
    suites.makepyprojecttoml('[tool.sdeval]\nbaseline = "shapes"\n')
    result = suites.runpytest_inprocess(*QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "unknown key 'baseline'; did you mean baselines" in result.stderr.str()


def test_other_tests_are_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_plain():\n    assert True\n")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*sdeval*===*")
    assert not (pytester.path / "reports").exists()


@pytest.mark.slow
def test_xdist_gives_the_same_verdicts(suites: pytest.Pytester) -> None:
    accept(suites)
    result = suites.runpytest_subprocess("-n", "2", "-p", "xdist", "--junitxml=junit.xml", *QUIET)
    result.assert_outcomes(passed=7)
    suite = ElementTree.parse(suites.path / "junit.xml").getroot()[0]
    assert "torch" in properties(suite)
    assert {properties(each)["suite"] for each in suite.iter("testcase")} == {"few"}
    assert len(verdicts(suites)) == 7
    assert len(list((suites.path / "reports" / "latest").glob("*/*/run.json"))) == 1


def test_hostile_prompts_are_shown_as_text(pytester: pytest.Pytester) -> None:
    prompt = "<script>alert(1)</script> \\\"'& 猫"
    text = SUITE.format(task="text2img", name="few").replace("a large red circle on a blue background", prompt)
    pytester.makepyfile(test_suite=text)
    pytester.runpytest_inprocess(*QUIET)
    page = (pytester.path / "reports" / "latest" / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_page_needs_no_network(suites: pytest.Pytester) -> None:
    suites.runpytest_inprocess(*QUIET)
    page = (suites.path / "reports" / "latest" / "index.html").read_text(encoding="utf-8")
    assert "http://" not in page
    assert "https://" not in page
    assert "fetch(" not in page
    for source in ("few/shapes/images/circle@0.png",):
        assert Path(suites.path / "reports" / "latest" / source).is_file()


MORE = ("--sdeval-set", "guidance_scale=8.5", *QUIET)


@pytest.fixture
def growing(suites: pytest.Pytester) -> pytest.Pytester:
    """A suite that starts with one seed and may generate four; its baseline holds them all."""
    text = SUITE.format(task="text2img", name="few").replace("seeds=(0,)", "seeds=(0,), max_seeds=4")
    suites.makepyfile(test_suite=text)
    accept(suites)
    return suites


def seeds_generated(pytester: pytest.Pytester) -> set[int]:
    return {sample.seed for sample in run_folder.read(pytester.path / "reports" / "latest" / "few" / "shapes").samples}


def test_a_new_baseline_holds_all_seeds(growing: pytest.Pytester) -> None:
    assert seeds_generated(growing) == {0, 1, 2, 3}


def test_what_is_decided_by_the_first_seeds_generates_no_more(growing: pytest.Pytester) -> None:
    growing.runpytest_inprocess(*QUIET).assert_outcomes(passed=7)
    assert seeds_generated(growing) == {0}


def test_an_inconclusive_metric_generates_more_seeds_up_to_the_most(growing: pytest.Pytester) -> None:
    growing.runpytest_inprocess(*MORE).assert_outcomes(passed=7)
    assert seeds_generated(growing) == {0, 1, 2, 3}
    (metric,) = [each for each in verdicts(growing) if each["metric"] == "clip_score" and not each["case"]]
    assert metric["verdict"] == "inconclusive"


def test_all_seeds_are_generated_at_once_where_the_user_says_so(growing: pytest.Pytester) -> None:
    growing.runpytest_inprocess("--sdeval-all-seeds", *QUIET).assert_outcomes(passed=7)
    assert seeds_generated(growing) == {0, 1, 2, 3}


def test_more_seeds_than_the_baseline_holds_are_told(growing: pytest.Pytester) -> None:
    text = SUITE.format(task="text2img", name="few").replace("seeds=(0,)", "seeds=(0,), max_seeds=8")
    growing.makepyfile(test_suite=text)
    result = growing.runpytest_inprocess(*QUIET)
    result.stdout.fnmatch_lines(
        [
            "note: few on shapes: has 8 seeds, but the baseline holds 4 of them, so at most 4 are generated; "
            "to have all: pytest suites --sdeval-all-seeds, then sdeval accept",
        ]
    )


def test_a_run_that_was_decided_early_is_no_baseline(growing: pytest.Pytester, capsys: pytest.CaptureFixture) -> None:
    growing.runpytest_inprocess(*QUIET)
    assert sdeval.cli.main(["accept"]) == 2
    assert "was decided with 1 of 4 seeds" in capsys.readouterr().err


def test_what_was_decided_early_is_to_be_generated_whole_before_it_is_accepted(growing: pytest.Pytester) -> None:
    text = SUITE.format(task="text2img", name="few").replace("seeds=(0,)", "seeds=(0,), max_seeds=4")
    growing.makepyfile(test_suite=text.replace("green cross", "yellow cross"))
    result = growing.runpytest_inprocess(*QUIET)
    result.stdout.fnmatch_lines(["next: pytest * --sdeval-all-seeds"])


def test_a_broken_image_of_a_further_seed_breaks_its_case(
    growing: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sdeval.engines.diffusers_engine.generate_batch

    def generate(pipeline: Any, batch: Any, settings: Any) -> Any:
        generated = real(pipeline, batch, settings)
        return [
            replace(each, image=Image.new("RGB", (64, 64))) if each.sample.seed == 3 else each for each in generated
        ]

    monkeypatch.setattr(sdeval.engines.diffusers_engine, "generate_batch", generate)
    result = growing.runpytest_inprocess(*MORE)
    result.assert_outcomes(failed=3, passed=4)
    broken = [each for each in verdicts(growing) if each["verdict"] == "broken"]
    assert {each["case"] for each in broken} == {"circle", "square", "cross"}
    assert all("seed 3 is black" in str(each["reason"]) for each in broken)


def test_one_case_alone_is_not_request_about_the_others(suites: pytest.Pytester) -> None:
    text = SUITE.format(task="text2img", name="few").replace('("clip_score",)', '("clip_score", "duplicates")')
    suites.makepyfile(test_suite=text)
    accept(suites)
    suites.runpytest_inprocess("-k", "circle", *QUIET).assert_outcomes(passed=1, deselected=7)


def test_reference_images_that_are_too_few_cost_their_metric_only(suites: pytest.Pytester) -> None:
    accept(suites)
    (suites.path / "real").mkdir()
    Image.new("RGB", (64, 64), "red").save(suites.path / "real" / "one.png")
    text = SUITE.format(task="text2img", name="few").replace('("clip_score",)', '("clip_score", "frechet_distance")')
    text = text.replace("seeds=(0,),", 'seeds=(0,), references="real",')
    suites.makepyfile(test_suite=text)
    result = suites.runpytest_inprocess(*QUIET)
    result.assert_outcomes(failed=1, passed=7)
    result.stdout.fnmatch_lines(["unscored: *reference images: a set needs at least 2 images, got 1*"])


def test_a_metric_request_alone_has_no_value_where_images_are_broken(
    suites: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(suites)
    real = sdeval.engines.diffusers_engine.generate_batch

    def generate(pipeline: Any, batch: Any, settings: Any) -> Any:
        return [replace(each, image=Image.new("RGB", (64, 64))) for each in real(pipeline, batch, settings)]

    monkeypatch.setattr(sdeval.engines.diffusers_engine, "generate_batch", generate)
    result = suites.runpytest_inprocess("-k", "clip_score", *QUIET)
    result.assert_outcomes(failed=1, deselected=6)
    (said,) = verdicts(suites)
    assert said["verdict"] == "unscored"
    assert "3 broken images: circle, seed 0 is black" in str(said["reason"])


def test_against_another_target_both_are_generated_in_turns(suites: pytest.Pytester) -> None:
    suites.makefile(".toml", pyproject='[tool.pytest.ini_options]\n[tool.sdeval.targets.same]\nextends = "shapes"\n')
    result = suites.runpytest_inprocess("--sdeval-target", "same", "--sdeval-compare-to", "shapes", *QUIET)
    result.assert_outcomes(passed=7)
    result.stdout.fnmatch_lines(["next: sdeval open *"])
    folder = suites.path / "reports" / "latest" / "few" / "same"
    assert not (suites.path / "reports" / "history.jsonl").exists()
    run, rival = run_folder.read(folder), run_folder.read(folder / "against")
    assert (run.target, rival.target) == ("same", "shapes")
    assert [each.sha256 for each in run.samples] == [each.sha256 for each in rival.samples]
    assert {each["verdict"] for each in verdicts(suites) if each["case"]} == {"passed"}


def test_against_another_target_broken_images_fail(suites: pytest.Pytester) -> None:
    suites.makepyfile(
        black="import numpy as np\n\ndef generate(case, seed, **settings):\n    return np.zeros((64, 64, 3))\n"
    )
    suites.makefile(
        ".toml",
        pyproject='[tool.pytest.ini_options]\n[tool.sdeval.targets.black]\nmodel = "python:black.py:generate"\n',
    )
    result = suites.runpytest_inprocess("--sdeval-target", "black", "--sdeval-compare-to", "shapes", *QUIET)
    result.assert_outcomes(failed=3, passed=4)
    result.stdout.fnmatch_lines(["*broken: seed 0 is black*"])


def test_against_another_python_the_same_target_is_generated_there(suites: pytest.Pytester) -> None:
    result = suites.runpytest_inprocess(f"--sdeval-compare-to-python={sys.executable}", *QUIET)
    result.assert_outcomes(passed=7)
    run, rival = (
        run_folder.read(suites.path / "reports" / "latest" / "few" / each) for each in ("shapes", "shapes/against")
    )
    assert [each.sha256 for each in run.samples] == [each.sha256 for each in rival.samples]


def test_an_unknown_rival_is_refused_before_anything_is_generated(suites: pytest.Pytester) -> None:
    result = suites.runpytest_inprocess("--sdeval-compare-to", "shape", *QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "unknown target 'shape'; did you mean shapes?" in result.stderr.str()


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("./models/mine", "target mine: model: no such folder: ./models/mine"),
        ("org/na me", "target mine: model: 'org/na me' is no folder here and no id of the hub"),
    ],
)
@pytest.mark.parametrize("option", ["--sdeval-target", "--sdeval-compare-to"])
def test_a_model_that_cannot_be_is_one_line_before_anything_is_generated(
    suites: pytest.Pytester, option: str, model: str, message: str
) -> None:
    (suites.path / "suites").mkdir(exist_ok=True)
    (suites.path / "suites" / "targets.toml").write_text(f'[mine]\nmodel = "{model}"\n', encoding="utf-8")
    result = suites.runpytest_inprocess(option, "mine", *QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    (line,) = [line for line in result.errlines if line]
    assert line.startswith(f"ERROR: {message}")


def test_targets_that_are_not_here_leave_a_page_and_verdicts(suites: pytest.Pytester) -> None:
    suites.runpytest_inprocess("--sdeval-target", "some/one", "--sdeval-target", "some/two", *QUIET)
    assert {each["verdict"] for each in verdicts(suites)} == {"skipped"}
    assert not (suites.path / "reports" / "latest" / "compare.html").exists()


def test_targets_that_share_no_sample_keep_their_verdicts(suites: pytest.Pytester) -> None:
    shutil.copytree(pipeline_folder(), suites.path / "other")
    chosen = ("-k", "shapes-circle or other-square")
    result = suites.runpytest_inprocess("--sdeval-target", "shapes", "--sdeval-target", "./other", *chosen, *QUIET)
    assert len(verdicts(suites)) == 2
    result.stdout.fnmatch_lines(["note: no comparison: *no sample in common*"])


def test_where_no_session_was_stopped_a_new_one_begins(suites: pytest.Pytester) -> None:
    result = suites.runpytest_inprocess("-k", "circle", "--sdeval-resume")
    result.stdout.fnmatch_lines(["sdeval: no session was interrupted; a new one begins"])
    result = suites.runpytest_inprocess("-k", "circle", "--sdeval-resume")
    result.stdout.fnmatch_lines(["sdeval: no session was interrupted; a new one begins"])


def test_a_session_that_crashed_goes_on_in_its_place(suites: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    from sdeval.engines.diffusers_engine import LoadedTarget

    generate, calls = LoadedTarget.generate, []

    def once(self: LoadedTarget, *arguments: Any) -> Any:
        calls.append(arguments)
        # The self-check is the second call.
        if len(calls) == 3:
            raise RuntimeError("out of memory")
        return generate(self, *arguments)

    monkeypatch.setattr(LoadedTarget, "generate", once)
    suites.runpytest_inprocess("--sdeval-batch-size", "1", *QUIET)
    (stopped,) = sessions(suites.path / "reports")
    result = suites.runpytest_inprocess("--sdeval-batch-size", "1", "--sdeval-resume", "-p", "no:cacheprovider")
    result.stdout.fnmatch_lines([f"sdeval: resumes {stopped.name}"])
    assert (suites.path / "reports" / "latest").resolve() == stopped
    # Two that were left.
    assert len(calls) == 3 + 2


@pytest.fixture
def interrupted(suites: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Flags of a session in which Ctrl-C comes with the second image."""
    from sdeval.engines.diffusers_engine import LoadedTarget

    generate, calls = LoadedTarget.generate, []

    def once(self: LoadedTarget, *arguments: Any) -> Any:
        calls.append(arguments)
        # The self-check is the second call.
        if len(calls) == 3:
            raise KeyboardInterrupt
        return generate(self, *arguments)

    monkeypatch.setattr(LoadedTarget, "generate", once)
    return ["--sdeval-batch-size", "1", "-p", "no:cacheprovider"]


def test_ctrl_c_says_what_is_kept_and_how_to_resume(suites: pytest.Pytester, interrupted: list[str]) -> None:
    result = suites.runpytest_inprocess(*interrupted, no_reraise_ctrlc=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        ["sdeval: interrupted; 1 image kept in reports/2*; resume with: pytest *--sdeval-resume"]
    )
    result = suites.runpytest_inprocess(*interrupted, "--sdeval-resume")
    result.stdout.fnmatch_lines(["sdeval: resumes 2*", "*few on shapes: 3/3 images*"])


def test_every_run_is_read_once_at_the_end_of_a_session(
    suites: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders, real = [], run_folder.read

    def read(folder: Path) -> Run:
        folders.append(folder.name)
        return real(folder)

    monkeypatch.setattr(run_folder, "read", read)
    suites.runpytest_inprocess("--junitxml=junit.xml", *QUIET)
    assert folders == ["shapes"]


def test_an_interrupted_session_is_not_published(suites: pytest.Pytester, interrupted: list[str]) -> None:
    suites.runpytest_inprocess(*interrupted, no_reraise_ctrlc=True)
    latest = suites.path / "reports" / "latest"
    assert not (latest / "verdicts.json").exists()
    assert "--sdeval-resume" in (latest / "index.html").read_text()
    assert not list((suites.path / "reports").rglob("verdicts.json"))


BOTH = SUITE.format(task="text2img", name="few").replace('("clip_score",)', '("clip_score", "frechet_distance")')


BOTH = BOTH.replace("seeds=(0,),", 'seeds=(0,), references="several",')


SQUARE = '        Case(id="square", prompt="a large white square on a red background"),\n'


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ((SQUARE, ""), "without 1 case that the suite no longer has"),
        (("large white", "small white"), "on 2 of 3 cases, which both sides generated from the same request"),
    ],
    ids=["removed", "changed"],
)
def test_set_metrics_are_judged_on_what_both_sides_have_alike(
    suites: pytest.Pytester, change: tuple[str, str], told: str
) -> None:
    (suites.path / "several").mkdir()
    for colour in ("red", "blue", "green"):
        Image.new("RGB", (64, 64), colour).save(suites.path / "several" / f"{colour}.png")
    suites.makepyfile(test_suite=BOTH)
    accept(suites)
    suites.makepyfile(test_suite=BOTH.replace(*change))
    suites.runpytest_inprocess(*QUIET)
    found = {each["case"] or each["metric"]: each for each in verdicts(suites)}
    judged = ("circle", "cross", "clip_score", "frechet_distance", "collapsed_samples")
    assert {name: found[name]["verdict"] for name in judged} == dict.fromkeys(judged, "passed")
    assert told in str(found["frechet_distance"]["reason"])
    assert found.get("square", {"verdict": "new"})["verdict"] == "new"


@pytest.mark.parametrize("strict", [True, False])
def test_a_strict_session_ends_with_what_it_let_pass(suites: pytest.Pytester, strict: bool) -> None:
    text = SUITE.format(task="text2img", name="few").replace("seeds=(0,)", "seeds=(0, 1, 2, 3)")
    suites.makepyfile(test_suite=text.replace('"num_inference_steps": 2', '"num_inference_steps": 10'))
    accept(suites)
    how = ("--sdeval-strict", "-p", "no:cacheprovider") if strict else QUIET
    result = suites.runpytest_inprocess("--sdeval-set", "num_inference_steps=12", *how)
    assert result.ret == 0
    assert "inconclusive" in {each["verdict"] for each in verdicts(suites)}
    if strict:
        result.stdout.fnmatch_lines(
            ["next: *", "let pass: 1 inconclusive (0 beyond their tolerance)*"], consecutive=True
        )
    else:
        result.stdout.no_fnmatch_line("let pass:*")


def test_a_misnamed_argument_of_a_suite_gets_a_near_match_and_its_line(suites: pytest.Pytester) -> None:
    suites.makepyfile(test_suite=SUITE.format(task="text2img", name="few").replace("seeds=(0,)", "seed=0"))
    done = suites.runpytest_inprocess(*QUIET)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    said = done.stderr.str()
    assert "unknown argument of Suite 'seed'; did you mean seeds" in said
    assert "(test_suite.py:" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("colour", ["yes", "no"])
def test_the_summary_is_as_colourful_as_pytest(
    suites: pytest.Pytester, colour: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    result = suites.runpytest_inprocess(f"--color={colour}", "--sdeval-strict", "-p", "no:cacheprovider")
    rows = [line for line in result.stdout.lines if "+ new" in line]
    assert rows
    assert {line.startswith("\x1b[31m") for line in rows} == {colour == "yes"}


def test_the_summary_is_as_wide_as_the_terminal(suites: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = suites.runpytest_inprocess(*QUIET)
    table = result.stdout.str().partition("\nverdict ")[2].partition("\n\n")[0].splitlines()
    assert len(table) > 4
    assert max(map(len, table)) <= 80


def test_the_headline_is_as_colourful_as_pytest(suites: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "PY_COLORS"):
        monkeypatch.delenv(name, raising=False)
    plain = suites.runpytest_inprocess("-k", "circle", *QUIET)
    assert "\x1b" not in plain.stdout.str()
    monkeypatch.setenv("FORCE_COLOR", "1")
    coloured = suites.runpytest_inprocess("-k", "circle", *QUIET)
    assert "\x1b[1;33m– Nothing to compare with yet: 1 new\x1b[0m" in coloured.stdout.lines
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in suites.runpytest_inprocess("-k", "circle", *QUIET).stdout.str()


def test_selected_rows_are_shown_though_they_passed(suites: pytest.Pytester) -> None:
    accept(suites)
    result = suites.runpytest_inprocess("-k", "circle", *QUIET)
    result.stdout.fnmatch_lines(["✓ passed * circle *"])


def test_an_unknown_target_is_named_once_for_all_suites(suites: pytest.Pytester) -> None:
    suites.makepyfile(test_other=SUITE.format(task="text2img", name="other"))
    result = suites.runpytest_inprocess("--sdeval-target", "shape", *QUIET)
    assert (result.stdout.str() + result.stderr.str()).count("unknown target") == 1


def test_a_further_round_of_seeds_is_called_so(growing: pytest.Pytester) -> None:
    result = growing.runpytest_inprocess("-s", *MORE)
    titles = [line.partition(":")[0] for line in result.stdout.lines if "images, " in line]
    assert list(dict.fromkeys(titles)) == [
        "few on shapes",
        "few on shapes, round 2 with more seeds",
        "few on shapes, round 3 with more seeds",
    ]


def test_ctrl_c_before_the_first_image_says_so(suites: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    from sdeval.engines.diffusers_engine import LoadedTarget

    def interrupt(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(LoadedTarget, "generate", interrupt)
    result = suites.runpytest_inprocess("-p", "no:cacheprovider", no_reraise_ctrlc=True)
    result.stdout.fnmatch_lines(
        ["sdeval: interrupted; 0 images kept in reports/2*; resume with: pytest *--sdeval-resume"]
    )


def test_progress_is_plain_lines_where_the_output_is_no_terminal(suites: pytest.Pytester) -> None:
    result = suites.runpytest_inprocess("-s", *QUIET)
    result.stdout.fnmatch_lines(["few on shapes: 3/3 images, *"])
    assert "\x1b" not in result.stdout.str()
