"""What a suite says of planted faults: on made-up findings, and on a small suite of the embedded model."""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import sdeval.evaluation.evaluate
from sdeval import Case, Sample, SdevalError, Suite, metrics
from sdeval._utils.progress import Silent
from sdeval.baselines import variability as noises
from sdeval.baselines.acceptance import BrokenImages
from sdeval.baselines.variability import Variability
from sdeval.cli import main
from sdeval.cli import sensitivity as sensitivity_command
from sdeval.config.target_registry import shipped_targets
from sdeval.diagnostics import calibrate
from sdeval.diagnostics import sensitivity as module
from sdeval.diagnostics.faults import CONTROLS, FAULTS, Fault, alter_call
from sdeval.diagnostics.known_faults import metrics_that_see
from sdeval.diagnostics.naive_rules import BY_HAND
from sdeval.diagnostics.sensitivity import Finding, Sensitivity, Trial, measure, select_faults
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.engines.generation import generate_batch
from sdeval.errors import NotAvailable
from sdeval.evaluation.evaluate import evaluate
from sdeval.evaluation.plan import make_plan
from sdeval.results import run_folder
from sdeval.session.session import Session
from tests.generated import plan

CASES = [
    ("red", "circle", "white"),
    ("green", "square", "black"),
    ("blue", "triangle", "white"),
    ("yellow", "cross", "black"),
    ("white", "circle", "blue"),
    ("red", "square", "green"),
    ("green", "triangle", "white"),
    ("blue", "cross", "yellow"),
    ("yellow", "circle", "blue"),
    ("white", "square", "red"),
]
TINY = Suite(
    name="tiny",
    task="text2img",
    cases=tuple(
        Case(id=f"{one}-{shape}", prompt=f"a large {one} {shape} on a {other} background")
        for one, shape, other in CASES
    ),
    seeds=(0,),
    settings={"num_inference_steps": 4, "width": 64, "height": 64, "guidance_scale": 4.0},
    metrics=("clip_score",),
    metric_options={"clip_model": "shapes"},
    tolerances={"clip_score": 1.0},
)
FAINT = Fault(
    name="a-hair",
    says="a hair brighter",
    plant=lambda pipeline: alter_call(pipeline, images=lambda generated: generated + 0.01),
)
NOTHING = Fault(name="nothing", says="nothing is wrong", plant=lambda _: nullcontext())


def test_faults_are_chosen_by_name_and_all_of_the_task_where_none_is_named() -> None:
    assert [each.name for each in select_faults(["blur", "bfloat16"], TINY)] == ["blur", "bfloat16"]
    every = {each.name for each in select_faults([], TINY)}
    assert set(CONTROLS) < every
    assert "seeds-ignored" in every
    assert not every & {"mask-inverted", "strength-ignored"}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("guidance-of", "unknown fault 'guidance-of'; did you mean guidance-off"),
        ("bfloat", "unknown fault 'bfloat'; did you mean bfloat16"),
        ("mask-inverted", "fault mask-inverted is for inpainting, not for text2img"),
    ],
)
def test_what_is_no_fault_of_the_task_is_refused(name: str, message: str) -> None:
    with pytest.raises(SdevalError) as error:
        select_faults(["blur", name], TINY)
    assert str(error.value).startswith(message)


def finding(name: str, **changes: object) -> Finding:
    plain = Finding(
        fault=name,
        says="",
        control=name in CONTROLS,
        clear=True,
        repeat=0,
        verdict="passed",
        caught=False,
        metrics=(),
        loss=0.0,
        by_hand=dict.fromkeys(BY_HAND, False),
        identical=False,
    )
    return replace(plain, **changes)


def found(*findings: Finding) -> Sensitivity:
    return Sensitivity(suite="tiny", target="shapes", findings=findings)


FINDINGS = (
    finding("blur", caught=True, verdict="regressed", metrics=("clip_score",), loss=4.0),
    finding("steps-2"),
    finding("steps-5", clear=False, caught=True),
    finding("vae-scale-1.1", clear=False),
    finding("guidance-halved", clear=False),
    finding("overflow", identical=True),
    finding("bfloat16"),
    finding("batch-1", caught=True, identical=True),
)


def test_faults_that_did_something_are_counted_by_strength_and_controls_apart() -> None:
    said = found(*FINDINGS)
    assert said.count_caught() == (2, 5)
    assert said.count_caught(clear=True) == (1, 2)
    assert said.count_caught(clear=False) == (1, 3)
    assert said.count_flagged() == (1, 2)


CAUGHT, MISSED = finding("blur", caught=True), finding("steps-2")


@pytest.mark.parametrize(
    ("findings", "good"),
    [
        ((CAUGHT, finding("bfloat16")), True),
        ((CAUGHT, finding("steps-5", clear=False)), True),
        ((CAUGHT, finding("overflow", identical=True)), True),
        ((CAUGHT, MISSED), False),
        ((CAUGHT, finding("bfloat16", caught=True)), False),
    ],
)
def test_a_suite_is_good_that_caught_all_clear_faults_and_flagged_no_control(
    findings: tuple[Finding, ...], good: bool
) -> None:
    assert found(*findings).good == good


PLANTED = (
    FAULTS["guidance-off"],
    FAULTS["prompts-dropped"],
    FAULTS["one-in-ten-black"],
    FAINT,
    NOTHING,
    CONTROLS["other-threads"],
)


def trial(*faults: Fault, suite: Suite = TINY, baselines: Path, repeats: int = 1) -> Trial:
    return Trial(suite=suite, target=shipped_targets()["shapes"], faults=faults, baselines=baselines, repeats=repeats)


def pixels(loaded: LoadedTarget) -> np.ndarray:
    generated = generate_batch(loaded.pipeline("text2img"), [Sample(TINY.cases[0], 0)], TINY.settings)
    return np.asarray(generated[0].image)


@pytest.fixture(scope="module")
def measured(
    loaded: LoadedTarget, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Sensitivity, list[Finding], tuple[np.ndarray, np.ndarray]]:
    """What the tiny suite said, what was told on the way, and an image from before and after."""
    told: list[Finding] = []
    before = pixels(loaded)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "open_target", lambda target: loaded)
        folder = tmp_path_factory.mktemp("sensitivity")
        said = measure(trial(*PLANTED, baselines=folder / "none", repeats=2), folder, Silent(), told.append)
    return said, told, (before, pixels(loaded))


Measured = tuple[Sensitivity, list[Finding], tuple[np.ndarray, np.ndarray]]


def of(measured: Measured, name: str) -> list[Finding]:
    return [each for each in measured[0].findings if each.fault == name]


def test_every_fault_is_planted_once_and_every_control_in_each_repeat(measured: Measured) -> None:
    said, told, _ = measured
    assert [(each.fault, each.repeat) for each in told] == [
        ("guidance-off", 0),
        ("prompts-dropped", 0),
        ("one-in-ten-black", 0),
        ("a-hair", 0),
        ("nothing", 0),
        ("other-threads", 0),
        ("other-threads", 1),
    ]
    assert list(said.findings) == told
    assert (said.suite, said.target) == ("tiny", "shapes")


def test_a_fault_that_ruins_images_is_caught_by_the_metric(measured: Measured) -> None:
    (each,) = of(measured, "prompts-dropped")
    assert (each.verdict, each.caught) == ("regressed", True)
    assert each.metrics[0] == "clip_score"
    assert each.loss > 1
    assert all(each.by_hand.values())
    assert not each.identical


def test_black_images_are_caught_by_their_defect(measured: Measured) -> None:
    (each,) = of(measured, "one-in-ten-black")
    assert (each.verdict, each.caught, each.metrics[0]) == ("broken", True, "defect")


@pytest.mark.parametrize("name", ["guidance-off", "a-hair"])
def test_a_fault_that_ten_cases_at_four_steps_cannot_show_is_not_caught_though_images_changed(
    measured: Measured, name: str
) -> None:
    (each,) = of(measured, name)
    assert each.verdict in ("inconclusive", "passed")
    assert (each.caught, each.metrics, each.identical) == (False, (), False)


def test_a_fault_that_does_nothing_is_identical_and_not_caught(measured: Measured) -> None:
    (each,) = of(measured, "nothing")
    assert (each.verdict, each.caught, each.identical, each.loss) == ("passed", False, True, 0.0)
    assert not any(each.by_hand.values())
    assert each not in measured[0].faults


def test_a_control_is_not_flagged(measured: Measured) -> None:
    assert [(each.control, each.caught) for each in of(measured, "other-threads")] == [(True, False)] * 2
    assert measured[0].count_flagged() == (0, 2)


def test_what_did_something_is_counted_and_what_was_missed_makes_the_suite_no_good_one(measured: Measured) -> None:
    assert measured[0].count_caught() == (2, 4)
    assert not measured[0].good


def test_the_pipeline_is_sound_afterwards(measured: Measured, loaded: LoadedTarget) -> None:
    before, after = measured[2]
    assert np.array_equal(before, after)
    assert type(loaded.pipeline("text2img")).__call__.__qualname__ == "StableDiffusionPipeline.__call__"


def test_findings_are_plain_values(measured: Measured) -> None:
    content = json.loads(json.dumps(measured[0].describe()))
    assert [each["fault"] for each in content["findings"]][:2] == ["guidance-off", "prompts-dropped"]


def test_a_fault_that_does_not_fit_the_target_is_named(
    loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "open_target", lambda target: loaded)
    odd = Fault(name="odd", says="", plant=lambda pipeline: pipeline.no_such_part)
    with pytest.raises(SdevalError, match=r"^fault odd does not fit shapes: AttributeError: .*; name others with --f"):
        measure(trial(odd, baselines=tmp_path), tmp_path, Silent())


FEW = plan(seeds=(0,), metrics=("clip_score", "sharpness"), tolerances={"clip_score": 2.0}).suite
HARMLESS = CONTROLS["other-threads"]


@pytest.fixture
def calibrated(loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Variability:
    """Noise of `FEW` that fits, kept in `tmp_path / "baselines"`; its target is in memory."""
    monkeypatch.setattr(module, "open_target", lambda target: loaded)
    run = evaluate(make_plan(FEW, shipped_targets()["shapes"]), loaded, tmp_path / "run")
    found = calibrate.summarize(FEW, calibrate.Measured((run, run, run), ()))
    made_up = {name: replace(each, tolerance=7.0) for name, each in found.metrics.items()}
    noises.write(found := replace(found, metrics=made_up), tmp_path / "baselines")
    return found


def tolerances_of(folder: Path, name: str) -> dict[str, float]:
    """The tolerances that a session under a fault or control was judged by."""
    return {name: each.tolerance for name, each in run_folder.read(folder / name / "few" / "shapes").metrics.items()}


def test_it_judges_by_the_tolerances_that_were_measured_where_the_suite_states_none(
    calibrated: Variability, tmp_path: Path
) -> None:
    said = measure(trial(HARMLESS, suite=FEW, baselines=tmp_path / "baselines", repeats=2), tmp_path, Silent())
    assert said.notes == ()
    # With other seeds as well: what was measured of the suite's own is compared with those.
    for repeat in ("0", "1"):
        found = tolerances_of(tmp_path / repeat / "seeds-0", HARMLESS.name)
        assert found == {"clip_score": 2.0, "sharpness": 7.0}


def test_noise_that_does_not_fit_is_left_out_and_told(calibrated: Variability, tmp_path: Path) -> None:
    noises.write(replace(calibrated, samples="of-others"), tmp_path / "baselines")
    said = measure(trial(HARMLESS, suite=FEW, baselines=tmp_path / "baselines"), tmp_path, Silent())
    assert tolerances_of(tmp_path / "0" / "seeds-0", HARMLESS.name)["sharpness"] == metrics.info("sharpness").tolerance
    assert "shapes.variability.json is left out: the suite asks for other samples since" in said.notes[0]


def never(*_: object) -> None:
    raise AssertionError("generated")


def test_a_metric_whose_weights_are_not_here_is_named_before_anything_is_generated(
    loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "open_target", lambda target: loaded)
    monkeypatch.setattr(sdeval.engines.diffusers_engine, "generate_batch", never)
    elsewhere = replace(TINY, metric_options={})
    with pytest.raises(NotAvailable, match=r"^suite tiny: metric clip_score: CLIP weights .* are not on this machine"):
        measure(trial(NOTHING, suite=elsewhere, baselines=tmp_path), tmp_path, Silent())


def test_a_baseline_with_a_broken_image_is_generated_again_with_other_seeds(
    loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sdeval.engines.diffusers_engine.generate_batch

    def generated(pipeline: Any, batch: Any, settings: Any) -> Any:
        black = Image.new("RGB", (64, 64))
        found = real(pipeline, batch, settings)
        return [replace(each, image=black) if each.sample.seed == 0 else each for each in found]

    monkeypatch.setattr(module, "open_target", lambda target: loaded)
    monkeypatch.setattr(sdeval.engines.diffusers_engine, "generate_batch", generated)
    measure(trial(NOTHING, suite=FEW, baselines=tmp_path), tmp_path, Silent())
    assert {each.seed for each in run_folder.read(tmp_path / "0/seeds-1/sound/few/shapes").samples} == {1}
    assert not (tmp_path / "0" / "seeds-2").exists()


@pytest.mark.parametrize(
    ("error", "tries", "message"),
    [
        (BrokenImages("cat@0: is black"), 20, "generates broken images with 20 sets of seeds: cat@0: is black"),
        (SdevalError("no room on the disk"), 1, "^no room on the disk$"),
    ],
)
def test_other_seeds_are_tried_for_broken_images_only(
    loaded: LoadedTarget,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: SdevalError,
    tries: int,
    message: str,
) -> None:
    tried = []

    def accept(folder: Path, baselines: Path) -> None:
        tried.append(folder)
        raise error

    monkeypatch.setattr(module, "open_target", lambda target: loaded)
    monkeypatch.setattr(module.accepting, "accept", accept)
    monkeypatch.setattr(Session, "judge", lambda self, item: None)
    with pytest.raises(SdevalError, match=message):
        measure(trial(NOTHING, baselines=tmp_path), tmp_path, Silent())
    assert len(tried) == tries


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one suite; measuring it says what the tests say."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test_tiny.py").write_text(
        "from sdeval import Case, Suite\n"
        'test_tiny = Suite(name="tiny", task="text2img", cases=(Case(id="a", prompt="a"),), '
        'metric_options={"clip_model": "shapes"})\n'
    )
    return tmp_path


def saying(monkeypatch: pytest.MonkeyPatch, *findings: Finding) -> None:
    def said(trial: Trial, folder: Path, watcher: object, told: object) -> Sensitivity:
        for each in findings:
            told(each)
        return replace(found(*findings), notes=("the noise is stale",))

    monkeypatch.setattr(module, "measure", said)


def test_the_command_prints_a_line_a_fault_and_the_rules_beside_each_other(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    alarmed = replace(FINDINGS[0], by_hand={**FINDINGS[0].by_hand, "unpaired z-test": True})
    saying(monkeypatch, alarmed, *FINDINGS[1:], finding("bfloat16", repeat=1))
    assert main(["sensitivity", "test_tiny.py", "--fault", "blur"]) == 1
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[1:] == [
        "tiny on shapes: 1 faults and controls",
        "✓ blur clear 4.0 tolerances regressed by clip_score",
        "✗ steps-2 clear 0.0 tolerances passed",
        "✓ steps-5 faint 0.0 tolerances passed by",
        "· vae-scale-1.1 faint 0.0 tolerances passed",
        "· guidance-halved faint 0.0 tolerances passed",
        "· overflow clear 0.0 tolerances no image changed",
        "✓ bfloat16 control 0.0 tolerances passed",
        "✗ batch-1 control 0.0 tolerances no image changed",
        "✓ bfloat16 #1 control 0.0 tolerances passed",
        "",
        "rule clear faults faint faults controls flagged",
        "sdeval 1 of 2 1 of 3 1 of 3",
        "fixed threshold 0 of 2 0 of 3 0 of 3",
        "mean worse than 1% 0 of 2 0 of 3 0 of 3",
        "unpaired z-test 1 of 2 0 of 3 0 of 3",
        "bootstrap interval 0 of 2 0 of 3 0 of 3",
        "",
        "note: the noise is stale",
    ]


def test_the_command_ends_with_0_where_the_suite_is_good_and_writes_all_findings(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    saying(monkeypatch, CAUGHT, finding("bfloat16"))
    assert main(["sensitivity", "test_tiny.py", "--json", "out/found.json"]) == 0
    (content,) = json.loads((project / "out" / "found.json").read_text())
    assert (content["suite"], content["target"]) == ("tiny", "shapes")
    assert [each["fault"] for each in content["findings"]] == ["blur", "bfloat16"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["test_tiny.py", "--fault", "blurr"], "unknown fault 'blurr'; did you mean blur?"),
        (["test_tiny.py", "--fault", "mask-leaks"], "fault mask-leaks is for inpainting, not for text2img"),
        (["test_tiny.py", "--repeats", "0"], "--repeats: must be a whole number from 1 on, got 0"),
        (["test_tiny.py::test_tin"], "unknown suite 'test_tin'; did you mean test_tiny?"),
        (["test_tiny.py", "--set", "scheduler=DDIM"], "unknown scheduler 'DDIM'"),
        (["test_tiny.py", "--set", "strength=0.5"], "unknown setting 'strength'"),
    ],
)
def test_mistakes_end_in_one_line(
    project: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sensitivity", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_weights_that_are_not_here_end_in_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = project / "test_tiny.py"
    path.write_text(path.read_text().replace('{"clip_model": "shapes"}', "{}"))
    assert main(["sensitivity", "test_tiny.py"]) == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert error.startswith("sdeval: suite tiny: metric clip_score: CLIP weights ")
    assert "get them with: hf download" in error


def test_the_command_works_from_end_to_end(
    tmp_path: Path, loaded: LoadedTarget, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "open_target", lambda target: loaded)
    (tmp_path / "test_tiny.py").write_text("from tests.diagnostics.test_sensitivity import TINY as test_tiny\n")
    assert main(["sensitivity", str(tmp_path / "test_tiny.py"), "--fault", "prompts-dropped", "--progress"]) == 0
    told = capsys.readouterr()
    assert "✓ prompts-dropped" in told.out
    assert "tiny on shapes: 10/10 images" in told.err


@pytest.mark.parametrize(
    ("changes", "suite_metrics", "expected"),
    [
        ({"identical": True}, ("clip_score",), "no image changed"),
        ({"caught": True, "verdict": "regressed", "metrics": ("noise",)}, ("noise",), "regressed by noise"),
        ({"seen_by": ("text_accuracy", "noise")}, ("noise",), "passed, though it is a fault for noise"),
        (
            {"seen_by": ("text_accuracy", "noise")},
            ("clip_score",),
            "passed; seen by metrics that this suite lacks: text_accuracy, noise",
        ),
        ({}, ("clip_score",), "passed"),
    ],
)
def test_a_missed_fault_says_which_metrics_it_is_for(
    changes: dict[str, object], suite_metrics: tuple[str, ...], expected: str
) -> None:
    assert sensitivity_command._outcome(finding("letters-swapped", **changes), suite_metrics) == expected


def test_controls_are_for_no_metric() -> None:
    assert not any(metrics_that_see(name) for name in CONTROLS)
