"""Whether variability still fits: compared with a suite and a baseline that changed, and a target that is on trial."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sdeval import Case, SdevalError, Suite
from sdeval import metrics as all_metrics
from sdeval.baselines import variability as variabilities
from sdeval.baselines.variability import MetricVariability, Variability, VariabilityFit, samples_hash
from sdeval.baselines.variability_fit import fit_variability
from sdeval.config.target import Target
from sdeval.config.target_registry import shipped_targets
from sdeval.errors import NotAvailable
from sdeval.evaluation.plan import make_plan
from sdeval.metrics import MetricOptions
from sdeval.results.run import Run
from tests.conftest import ROOT, make_run
from tests.generated import plan

SHAPES = shipped_targets()["shapes"]
SUITE = replace(plan().suite, metrics=("clip_score", "sharpness", "frechet_distance"))
GENERATED_BY = {
    **SHAPES.describe(),
    "pipeline": "StableDiffusionPipeline",
    "scheduler": "DDIMScheduler",
    "device": "cpu",
}
del GENERATED_BY["settings"]
REQUEST = {"cases": 3, "seeds": [0, 1], "settings": dict(SUITE.settings)}


def options(suite: Suite = SUITE) -> MetricOptions:
    return MetricOptions.from_suite(suite, "cpu")


def of_metric(version: str, reference: str = "") -> MetricVariability:
    return MetricVariability(
        version=version,
        reference=reference,
        value=30.0,
        variability=0.25,
        harmless=0.1,
        tolerance=0.5,
        stated=None,
        detectable=1.25,
        cases=3,
        cases_needed=75,
    )


@pytest.fixture(scope="module")
def versions() -> dict[str, str]:
    return {name: all_metrics.create(name, options()).version for name in SUITE.metrics}


@pytest.fixture(scope="module")
def reference(versions: dict[str, str]) -> str:
    from sdeval.metrics.sets import references

    metric = all_metrics.create("frechet_distance", options())
    return references.load(ROOT / "suites" / "shapes" / "references" / "text2img", metric).fingerprint


@pytest.fixture
def measured(versions: dict[str, str], reference: str) -> Variability:
    """What was measured of `SUITE`, as it is."""
    request = make_plan(SUITE, SHAPES)
    return Variability(
        suite="few",
        target="shapes",
        seed_sets=6,
        metrics={
            name: of_metric(version, reference if name == "frechet_distance" else "")
            for name, version in versions.items()
        },
        request=REQUEST,
        samples=samples_hash(map(request.fingerprint, request.samples)),
        generated_by=GENERATED_BY,
        overrides={},
        environment={},
    )


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "baselines"


def accepted(settings: dict[str, object] | None = None, **generated_by: object) -> Run:
    """A baseline of the suite; only how it was generated counts."""
    request = {**REQUEST, "rounds": [[0, 1]], "settings": {**SUITE.settings, **(settings or {})}, "unscored": {}}
    return make_run(np.ones((3, 2)), suite="few", request=request, generated_by={**GENERATED_BY, **generated_by})


def fitting(
    measured: Variability, here: Path, suite: Suite = SUITE, target: Target = SHAPES, baseline: Run | None = None
) -> VariabilityFit:
    variabilities.write(measured, here)
    return fit_variability(here, suite, target, baseline or accepted(), options(suite))


LEFT_OUT = "baselines/few/shapes.variability.json is left out: "
AGAIN = "; measure again: sdeval calibrate few"


def test_where_nothing_was_measured_nothing_is_said(here: Path) -> None:
    assert fit_variability(here, SUITE, SHAPES, accepted(), options()) == VariabilityFit(None, ())


def test_what_was_measured_of_the_suite_as_it_is_fits(measured: Variability, here: Path) -> None:
    assert fitting(measured, here) == VariabilityFit(measured, ())


def test_without_a_baseline_the_suite_alone_decides(measured: Variability, here: Path) -> None:
    variabilities.write(measured, here)
    assert fit_variability(here, SUITE, SHAPES, None, options()) == VariabilityFit(measured, ())


@pytest.mark.parametrize(
    "target",
    [
        replace(SHAPES, scheduler="EulerDiscreteScheduler", dtype="bfloat16", batch_size=1),
        replace(SHAPES, settings={"guidance_scale": 1.0, "num_inference_steps": 9}),
        replace(SHAPES, settings={"width": 32, "height": 32}),
    ],
)
def test_what_is_on_trial_leaves_the_variability_as_it_is(measured: Variability, here: Path, target: Target) -> None:
    assert fitting(measured, here, target=target) == VariabilityFit(measured, ())


def test_settings_of_the_suite_that_ask_for_the_same_images_are_on_trial_too(measured: Variability, here: Path) -> None:
    request = replace(SUITE, settings={**SUITE.settings, "num_inference_steps": 9})
    assert fitting(measured, here, suite=request).notes == ()


def test_further_rounds_and_stated_tolerances_leave_the_variability_as_it_is(measured: Variability, here: Path) -> None:
    request = replace(SUITE, max_seeds=8, tolerances={"clip_score": 3.0})
    assert fitting(measured, here, suite=request).notes == ()


MORE = Case(id="triangle", prompt="a large red triangle on a blue background")
OTHER = (replace(SUITE.cases[0], prompt="a small green circle on a white background"), *SUITE.cases[1:])


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"cases": (*SUITE.cases, MORE)}, "cases: 3 → 4"),
        ({"seeds": (5, 6)}, "seeds: [0, 1] → [5, 6]"),
        ({"cases": OTHER}, "prompts, images, strength or size"),
        ({"settings": {**SUITE.settings, "width": 32}}, "prompts, images, strength or size"),
    ],
)
def test_a_suite_that_asks_for_other_samples_makes_all_of_it_stale(
    measured: Variability, here: Path, changes: dict[str, object], what: str
) -> None:
    found = fitting(measured, here, suite=replace(SUITE, **changes))
    assert found.variability is None
    (note,) = found.notes
    assert note.startswith(f"{LEFT_OUT}the suite asks for other samples since ({what}){AGAIN}")


def test_settings_that_variability_was_measured_with_are_not_request_of_the_target_on_trial(
    here: Path, measured: Variability
) -> None:
    """Variability and baseline at another size: the suite is asked for that size as well."""
    small = {"width": 32, "height": 32}
    request = make_plan(SUITE, replace(SHAPES, settings=small))
    of_small = replace(
        measured,
        samples=samples_hash(map(request.fingerprint, request.samples)),
        overrides=small,
        request={**REQUEST, "settings": {**SUITE.settings, **small}},
    )
    assert fitting(of_small, here, baseline=accepted(small)) == VariabilityFit(of_small, ())


@pytest.mark.parametrize(
    ("baseline", "what", "by_hand"),
    [
        (accepted({"num_inference_steps": 9}), "num_inference_steps: 2 → 9", "--set num_inference_steps=9"),
        (accepted(dtype="bfloat16"), "dtype: float32 → bfloat16", "--set dtype=bfloat16"),
        (
            accepted(scheduler="EulerDiscreteScheduler"),
            "scheduler: DDIMScheduler → EulerDiscreteScheduler",
            "--set scheduler=EulerDiscreteScheduler",
        ),
    ],
)
def test_a_baseline_that_was_generated_in_another_way_makes_all_of_it_stale(
    measured: Variability, here: Path, baseline: Run, what: str, by_hand: str
) -> None:
    found = fitting(measured, here, baseline=baseline)
    note = f"{LEFT_OUT}the baseline was generated in another way ({what}){AGAIN} {by_hand}"
    assert found == VariabilityFit(None, (note,))


@pytest.mark.parametrize("fact", [{"batch_size": 1}, {"device": "cuda"}])
def test_where_and_in_which_batches_the_baseline_was_generated_does_not_count(
    measured: Variability, here: Path, fact: dict[str, object]
) -> None:
    assert fitting(measured, here, baseline=accepted(**fact)).notes == ()


def test_a_folder_is_the_same_wherever_it_lies_and_another_one_is_not(measured: Variability, here: Path) -> None:
    of_folder = replace(measured, generated_by={**GENERATED_BY, "model": "/data/paint-1"})
    assert fitting(of_folder, here, baseline=accepted(model="./models/paint-1")).notes == ()
    (note,) = fitting(of_folder, here, baseline=accepted(model="./models/paint-2")).notes
    assert "(model: paint-1 → paint-2)" in note


def test_a_metric_of_another_version_is_left_out_alone(
    measured: Variability, here: Path, versions: dict[str, str]
) -> None:
    older = replace(measured, metrics={**measured.metrics, "clip_score": of_metric("0 shapes")})
    found = fitting(older, here)
    assert set(found.variability.metrics) == {"sharpness", "frechet_distance"}
    told = f"clip_score (version: 0 shapes → {versions['clip_score']})"
    assert found.notes == (f"baselines/few/shapes.variability.json: the variability of {told} is left out{AGAIN}",)


def test_a_set_metric_with_other_reference_images_is_left_out_alone(
    measured: Variability, here: Path, versions: dict[str, str], reference: str
) -> None:
    of_other = of_metric(versions["frechet_distance"], "other")
    found = fitting(replace(measured, metrics={**measured.metrics, "frechet_distance": of_other}), here)
    assert set(found.variability.metrics) == {"clip_score", "sharpness"}
    assert f"frechet_distance (reference images: other → {reference})" in found.notes[0]


def test_a_metric_that_is_not_on_this_machine_says_nothing(
    measured: Variability, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def create(name: str, options: MetricOptions) -> None:
        raise NotAvailable("weights are not on this machine")

    monkeypatch.setattr(all_metrics, "create", create)
    assert fitting(measured, here).notes == ()


def test_a_metric_that_the_suite_no_longer_has_says_nothing(measured: Variability, here: Path) -> None:
    assert fitting(replace(measured, metrics={"unheard_of": of_metric("1")}), here).notes == ()


def test_reference_images_that_cannot_be_used_are_other_ones(measured: Variability, here: Path, tmp_path: Path) -> None:
    (tmp_path / "too-few").mkdir()
    Image.new("RGB", (64, 64)).save(tmp_path / "too-few" / "one.png")
    found = fitting(measured, here, suite=replace(SUITE, references=tmp_path / "too-few"))
    assert "frechet_distance (reference images: " in found.notes[0]


def test_a_file_of_another_version_of_sdeval_is_left_out(measured: Variability, here: Path) -> None:
    path = variabilities.write(measured, here)
    path.write_text('{"schema": 1}')
    found = fit_variability(here, SUITE, SHAPES, accepted(), options())
    assert found == VariabilityFit(None, (f"{LEFT_OUT}it was written by another version of sdeval{AGAIN}",))


def test_a_damaged_file_is_an_error(measured: Variability, here: Path) -> None:
    variabilities.write(measured, here).write_text("{")
    with pytest.raises(SdevalError, match="is corrupt"):
        fit_variability(here, SUITE, SHAPES, accepted(), options())


def test_the_command_names_what_is_not_the_default(measured: Variability, tmp_path: Path) -> None:
    elsewhere = replace(SHAPES, name="sd15", model="./models/sd15")
    variabilities.write(replace(measured, target="sd15"), tmp_path)
    (tmp_path / "few" / "sd15.variability.json").write_text('{"schema": 1}')
    found = fit_variability(tmp_path, SUITE, elsewhere, None, options())
    assert found.notes[0].endswith(f"sdeval calibrate few --target ./models/sd15 --baselines {tmp_path}")


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("/data/models/paint-1", "models/of/paint-1", None),
        ("~/paint-1", "../paint-1", None),
        ("org/paint-1", "other/paint-1", "model: org/paint-1 → other/paint-1"),
        ("org/paint-1", "paint-1", "model: org/paint-1 → paint-1"),
    ],
)
def test_folders_are_known_by_their_name_and_models_of_a_hub_by_all_of_it(
    measured: Variability, here: Path, before: str, after: str, changed: str | None
) -> None:
    of_model = replace(measured, generated_by={**GENERATED_BY, "model": before})
    notes = fitting(of_model, here, baseline=accepted(model=after)).notes
    assert [f"({changed})" in note for note in notes] == ([True] if changed else [])


def test_the_same_weights_are_the_same_model_whatever_it_is_called(measured: Variability, here: Path) -> None:
    of_model = replace(measured, generated_by={**GENERATED_BY, "model": "org/a", "weights": "1"})
    same = accepted(model="other/b", weights="1", revision="v2")
    assert fitting(of_model, here, baseline=same).notes == ()
    (note,) = fitting(of_model, here, baseline=accepted(model="org/a", weights="2")).notes
    assert "weights: 1 → 2" in note


def test_a_suite_and_a_baseline_that_both_changed_are_both_told(measured: Variability, here: Path) -> None:
    suite = replace(SUITE, seeds=(5, 6))
    (note,) = fitting(measured, here, suite=suite, baseline=accepted(dtype="bfloat16")).notes
    assert "other samples since (seeds: [0, 1] → [5, 6]) and the baseline was generated in another way (dtype:" in note


def command(measured: Variability, here: Path, baseline: Run) -> str:
    """What is advised where variability does not fit."""
    (note,) = fitting(replace(measured, samples="of others"), here, baseline=baseline).notes
    return note.partition("measure again: ")[2]


@pytest.mark.parametrize(
    ("baseline", "settings"),
    [
        (accepted(), ""),
        (
            accepted(dtype="float16", revision="v2", variant="fp16"),
            " --set dtype=float16 --set revision=v2 --set variant=fp16",
        ),
        (
            accepted({"num_inference_steps": 9, "sizes": [64, 32]}),
            " --set num_inference_steps=9 --set 'sizes=[64, 32]'",
        ),
        (accepted({"text": "a b", "flag": True}), " --set 'text=a b' --set flag=true"),
        (accepted(scheduler="EulerDiscreteScheduler"), " --set scheduler=EulerDiscreteScheduler"),
    ],
)
def test_the_command_sets_what_the_baseline_was_generated_with(
    measured: Variability, here: Path, baseline: Run, settings: str
) -> None:
    assert command(measured, here, baseline) == f"sdeval calibrate few{settings}"


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (replace(SHAPES, name="other"), "other"),
        (replace(SHAPES, name="paint-1", model="org/Paint_1"), "org/Paint_1"),
        (replace(SHAPES, name="paint-1", model="org/else"), "paint-1"),
    ],
)
def test_the_command_names_a_target_that_is_not_the_first_of_its_suite(
    measured: Variability, here: Path, target: Target, words: str
) -> None:
    variabilities.write(replace(measured, target=target.name), here).write_text('{"schema": 1}')
    (note,) = fit_variability(here, SUITE, target, None, options()).notes
    assert note.endswith(f"measure again: sdeval calibrate few --target {words}")


def test_of_a_file_of_another_version_the_scheduler_is_named_only_where_it_is_known(
    measured: Variability, here: Path
) -> None:
    variabilities.write(measured, here).write_text('{"schema": 1}')
    (note,) = fit_variability(here, SUITE, SHAPES, accepted(scheduler="Other", dtype="float16"), options()).notes
    assert note.endswith("measure again: sdeval calibrate few --set dtype=float16")


def test_a_suite_without_references_has_no_other_ones(
    measured: Variability, here: Path, versions: dict[str, str]
) -> None:
    suite = replace(SUITE, references=None, metrics=("clip_score", "sharpness"))
    of_images = {"clip_score": of_metric(versions["clip_score"], "of images")}
    (note,) = fitting(replace(measured, metrics=of_images), here, suite=suite).notes
    assert "clip_score (reference images: of images → )" in note
