"""Variability of a suite's metrics: on made-up runs against simulations, and once with the embedded model."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

from sdeval import Case, SdevalError, Suite, metrics, stats
from sdeval.baselines import acceptance as accepting
from sdeval.baselines import variability
from sdeval.baselines.variability import Variability
from sdeval.cli import main
from sdeval.comparison import ALPHA_METRICS, Circumstances, collect_evidence, judge_metrics
from sdeval.comparison.evidence import share_of_round
from sdeval.config.options import Options
from sdeval.config.target_registry import shipped_targets
from sdeval.diagnostics import calibrate as module
from sdeval.diagnostics.calibrate import Measured, calibrate, summarize
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.metrics.clip_score import INFO
from sdeval.report.words import sentence
from sdeval.results import run_folder
from sdeval.results.records import MetricRecord
from sdeval.results.run import Run
from sdeval.results.verdict import Verdict
from sdeval.session.session import Session
from tests.conftest import CLIP_SCORE, make_run, with_features
from tests.generated import plan


def suite(cases: int = 2, **changes: object) -> Suite:
    """The suite of `make_run`."""
    every = tuple(Case(id=f"case-{number}", prompt=f"prompt {number}") for number in range(cases))
    plain = Suite(name="animals", task="text2img", cases=every, metrics=("clip_score",), targets=("shapes",))
    return replace(plain, **changes)


def measured(seeds: list[np.ndarray], harmless: list[np.ndarray] | None = None) -> Measured:
    return Measured(tuple(map(make_run, seeds)), tuple(map(make_run, harmless or [])))


SPEEDS = [30.0, 31.0, 30.5, 28.9]
SEEDS = [np.array([[value - 1, value + 1], [value, value]]) for value in SPEEDS]


def test_variability_is_the_standard_deviation_of_the_metric_over_sets_of_seeds() -> None:
    found = summarize(suite(), measured(SEEDS))
    assert (found.suite, found.target, found.seed_sets) == ("animals", "tiny", 4)
    assert found.metrics["clip_score"].value == 30.0
    mean = sum(SPEEDS) / 4
    expected = (sum((value - mean) ** 2 for value in SPEEDS) / 3) ** 0.5
    assert found.metrics["clip_score"].variability == pytest.approx(expected)


def test_what_it_was_measured_on_is_kept(rng: np.random.Generator) -> None:
    run = with_features(make_run(SEEDS[0]), rng.normal(size=(4, 3)), 2.0, reference="real")
    both = suite(metrics=("clip_score", "frechet_distance"))
    found = summarize(both, Measured((run, run, run), ()), {"guidance_scale": 7})
    assert {name: (each.version, each.reference) for name, each in found.metrics.items()} == {
        "clip_score": ("1", ""),
        "frechet_distance": ("1", "real"),
    }
    assert found.request == {"cases": 2, "seeds": [0, 1], "settings": {}}
    assert found.samples == variability.samples_hash(each.fingerprint for each in run.samples)
    assert (found.generated_by, found.overrides) == ({"model": "tiny"}, {"guidance_scale": 7})


def test_harmless_is_the_largest_change_of_the_metric_generated_in_other_ways() -> None:
    found = summarize(suite(), measured(SEEDS, [SEEDS[0] + 0.2, SEEDS[0] - 0.3]))
    assert found.metrics["clip_score"].harmless == pytest.approx(0.3)
    assert summarize(suite(), measured(SEEDS)).metrics["clip_score"].harmless == 0.0


@pytest.mark.parametrize("harmless", [0.01, 9.0])
def test_the_tolerance_is_twice_the_variability_or_what_is_harmless_if_that_is_more(harmless: float) -> None:
    found = summarize(suite(), measured(SEEDS, [SEEDS[0] - harmless])).metrics["clip_score"]
    assert found.tolerance == pytest.approx(max(2 * found.variability, harmless))
    assert found.effective_tolerance == found.tolerance


def test_the_derived_tolerance_is_exceeded_by_other_seeds_about_once_in_forty_times(rng: np.random.Generator) -> None:
    metrics = rng.normal(30, 1, size=400)
    found = summarize(suite(1), measured([np.array([[value]]) for value in metrics])).metrics["clip_score"]
    losses = 30 - rng.normal(30, 1, size=100_000)
    assert np.mean(losses > found.tolerance) == pytest.approx(1 / 40, rel=0.4)


def test_a_stated_tolerance_is_told_in_the_unit_of_the_metric() -> None:
    found = summarize(suite(tolerances={"clip_score": 0.7}), measured(SEEDS)).metrics["clip_score"]
    assert (found.stated, found.effective_tolerance) == (0.7, 0.7)
    relative = replace(CLIP_SCORE, tolerance_is_relative=True)
    shares = tuple(replace(make_run(each), metrics={"clip_score": relative}) for each in SEEDS)
    found = summarize(suite(tolerances={"clip_score": 0.1}), Measured(shares, ())).metrics["clip_score"]
    assert found.stated == pytest.approx(3.0)


def many(rng: np.random.Generator, cases: int, sets: int) -> list[np.ndarray]:
    """Sets of seeds of a suite whose cases differ by nature, and whose seeds differ by 2."""
    return list(rng.normal(30, 5, size=(1, cases, 1)) + rng.normal(0, 2, size=(sets, cases, 2)))


@pytest.mark.parametrize("tolerance", [0.1, 2.0])
def test_four_in_five_changes_as_large_as_what_is_detectable_are_found(
    rng: np.random.Generator, tolerance: float
) -> None:
    """By the rule that judges, whether its level or the tolerance is the higher bar."""
    cases, times = 30, 100
    request = suite(cases, tolerances={"clip_score": tolerance})
    found = summarize(request, measured(many(rng, cases, 30))).metrics["clip_score"]
    records = {"clip_score": replace(CLIP_SCORE, tolerance=tolerance)}
    verdicts = []
    for _ in range(times):
        before, after = many(rng, cases, 2)
        pair = [replace(make_run(each), metrics=records) for each in (after - found.detectable, before)]
        # Beside the share of samples that collapsed, which a session judges too.
        verdicts.append(judge_metrics([collect_evidence(*pair, "clip_score")], total=2)[0].verdict)
    assert verdicts.count("regressed") / times == pytest.approx(0.8, abs=0.12)


SHAPES = {
    "all cases alike": lambda count, rng: np.ones(count),
    "every other case": lambda count, rng: np.arange(count) % 2 == 0,
    "one case": lambda count, rng: np.arange(count) == 0,
    "each as it comes": lambda count, rng: rng.exponential(size=count),
    "some gain": lambda count, rng: rng.normal(1, 1, size=count),
}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("cases", [3, 5, 16])
def test_the_judge_shows_what_is_said_to_be_detectable_however_it_falls_on_the_cases(
    cases: int, shape: Callable[[int, np.random.Generator], np.ndarray], rng: np.random.Generator
) -> None:
    request = suite(cases, max_seeds=4)
    measured_before = summarize(request, measured(many(rng, cases, 6))).metrics["clip_score"]
    known = {
        "clip_score": stats.Spread(measured_before.seed_deviation**2, measured_before.seed_freedom, INFO.tolerance)
    }
    circumstances = Circumstances(share=share_of_round(request.rounds, 1), spreads=known)
    records = {"clip_score": replace(CLIP_SCORE, tolerance=measured_before.effective_tolerance)}
    times, shown = 60, 0
    for _ in range(times):
        level = rng.normal(60, 5, size=(cases, 1))
        before, after = (level + rng.normal(0, 2, size=(cases, 4)) for _ in range(2))
        weight = shape(cases, rng).astype(float)
        loss = measured_before.detectable_anyhow * weight[:, None] / weight.mean()
        run, baseline = (replace(make_run(scores), metrics=records) for scores in (after - loss, before))
        evidence = collect_evidence(run, baseline, "clip_score", circumstances=circumstances)
        shown += judge_metrics([evidence], total=2)[0].verdict == "regressed"
    assert shown / times >= 0.68


def test_what_is_detectable_however_it_falls_is_never_less_than_where_all_lose_alike(rng: np.random.Generator) -> None:
    for cases in (1, 2, 5, 30):
        found = summarize(suite(cases), measured(many(rng, cases, 6))).metrics["clip_score"]
        assert found.detectable <= found.detectable_anyhow


def test_more_gates_detect_less(rng: np.random.Generator) -> None:
    seeds = many(rng, 12, 6)
    alone = summarize(suite(12), measured(seeds)).metrics["clip_score"]

    def with_another(scores: np.ndarray) -> Run:
        run = make_run(scores)
        samples = tuple(replace(each, scores={**each.scores, "sharpness": 1.0}) for each in run.samples)
        return replace(run, samples=samples, metrics={**run.metrics, "sharpness": CLIP_SCORE})

    both = Measured(tuple(map(with_another, seeds)), ())
    beside = summarize(suite(12, metrics=("clip_score", "sharpness")), both).metrics["clip_score"]
    assert beside.detectable > alone.detectable
    assert beside.variability == alone.variability


def test_as_many_cases_as_are_needed_show_a_loss_as_large_as_the_tolerance(rng: np.random.Generator) -> None:
    request = suite(20, tolerances={"clip_score": 1.0})
    found = summarize(request, measured(many(rng, 20, 30))).metrics["clip_score"]
    assert found.cases == 20
    # Without the bar of the tolerance itself, which a loss as large passes every other time.
    loss, times = 1.0, 100
    shown = 0
    for _ in range(times):
        before, after = many(rng, found.cases_needed, 2)
        found_by = collect_evidence(make_run(after - loss), make_run(before), "clip_score")
        shown += found_by.p_worse < ALPHA_METRICS
    assert shown / times == pytest.approx(0.8, abs=0.12)


def test_a_few_cases_without_variability_are_still_too_few_to_show_a_loss_as_small_as_the_tolerance() -> None:
    seeds = [np.array([[30.0], [20.0], [25.0]]) + each for each in (0.0, 1e-3, 2e-3)]
    found = summarize(suite(3, tolerances={"clip_score": 5.0}), measured(seeds)).metrics["clip_score"]
    assert (found.cases, found.cases_needed) == (3, 19)


def test_without_any_variability_what_matters_is_tolerated() -> None:
    found = summarize(suite(), measured([SEEDS[0]] * 3)).metrics["clip_score"]
    assert (found.variability, found.tolerance) == (0, INFO.tolerance)


def test_a_set_metric_is_measured_by_its_metric(rng: np.random.Generator) -> None:
    values = [2.0, 2.3, 1.9, 2.2]
    features = rng.normal(size=(4, 3))
    seeds = tuple(with_features(make_run(SEEDS[0]), features, value) for value in values)
    found = summarize(suite(metrics=("frechet_distance",), tolerances={"frechet_distance": 0.1}), Measured(seeds, ()))
    each = found.metrics["frechet_distance"]
    assert (each.value, each.variability) == (2.0, pytest.approx(np.std(values, ddof=1)))
    assert each.stated == pytest.approx(0.2)
    # Two cases can be swapped in four ways: that shows nothing.
    assert each.detectable is None


def test_a_set_metric_of_enough_cases_shows_what_its_values_do(rng: np.random.Generator) -> None:
    values, scores = [2.0, 2.3, 1.9, 2.2], np.ones((12, 2))
    seeds = tuple(with_features(make_run(scores), rng.normal(size=(24, 3)), value) for value in values)
    request = suite(12, metrics=("frechet_distance",), tolerances={"frechet_distance": 0.1})
    each = summarize(request, Measured(seeds, ())).metrics["frechet_distance"]
    # A difference of two values spreads by the square root of two.
    expected = (t.ppf(1 - ALPHA_METRICS, 11) + 0.842) * 2**0.5 * each.variability
    assert each.detectable == pytest.approx(expected, rel=0.001)


def test_what_is_told_and_not_judged_has_no_variability() -> None:
    told = {"clip_score": replace(CLIP_SCORE, gating=False)}
    shown = tuple(replace(make_run(each), metrics=told) for each in SEEDS)
    assert summarize(suite(), Measured(shown, ())).metrics == {}


@pytest.mark.parametrize("where", ["seeds", "harmless"])
def test_a_missing_score_is_refused(where: str) -> None:
    holed = np.array([[30.0, np.nan], [29.0, 30.0]])
    seeds, harmless = ([*SEEDS, holed], []) if where == "seeds" else (SEEDS, [holed])
    with pytest.raises(
        SdevalError, match="animals on tiny: clip_score could not be computed: it failed; see to that first"
    ):
        summarize(suite(), measured(seeds, harmless))


@pytest.mark.parametrize("metrics", [{}, {"clip_score": replace(CLIP_SCORE, version="0")}])
def test_a_further_run_that_was_scored_in_another_way_is_refused(metrics: dict[str, MetricRecord]) -> None:
    other = replace(make_run(SEEDS[0]), metrics=metrics)
    with pytest.raises(SdevalError, match="a run of animals on tiny was not scored by 1; generate it again"):
        summarize(suite(), replace(measured(SEEDS), harmless=(other,)))


@pytest.mark.parametrize("count", [0, 2])
def test_fewer_than_three_sets_of_seeds_are_refused(count: int, tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match=f"--seed-sets: a spread takes at least 3 sets of seeds, got {count}"):
        calibrate(suite(), shipped_targets()["shapes"], tmp_path, seed_sets=count)


def never(*_: object) -> Measured:
    raise AssertionError("generated")


def test_a_further_run_of_another_suite_or_target_is_refused_before_anything_is_generated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_generate", never)
    with pytest.raises(SdevalError, match="a run of animals on tiny says nothing of animals on shapes"):
        calibrate(suite(), shipped_targets()["shapes"], tmp_path, further=[make_run(SEEDS[0])])


def test_a_further_run_of_other_samples_is_refused_before_anything_is_generated(
    generated: tuple[Run, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_generate", never)
    run, _ = generated
    request = plan().suite
    few = replace(run, samples=run.samples[:4])
    other = replace(run, samples=(replace(run.samples[0], fingerprint="other"), *run.samples[1:]))
    for each in (few, other):
        with pytest.raises(SdevalError, match="a run of few on shapes asks for other samples than the suite does now"):
            calibrate(request, shipped_targets()["shapes"], tmp_path, further=[each])


def test_a_further_run_with_more_seeds_counts_by_those_of_the_suite(
    generated: tuple[Run, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = generated
    request = plan(seeds=(0,), metrics=("clip_score",)).suite
    monkeypatch.setattr(module, "_generate", lambda *_: Measured((*[own] * 3,), ()))
    own = replace(run, samples=tuple(each for each in run.samples if each.seed == 0))
    found = calibrate(request, shipped_targets()["shapes"], tmp_path, further=[run])
    assert found.metrics["clip_score"].harmless == 0.0


def test_no_seed_is_in_two_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_whole_run", lambda plan, *_, **__: plan)
    request = plan(seeds=(0, 1000, 2500)).suite
    found = module._generate(request, LoadedTarget(shipped_targets()["shapes"]), tmp_path, 3, module.Silent())
    every = [seed for each in found.seeds for seed in each.suite.seeds]
    assert len(set(every)) == len(every) == 9
    assert found.seeds[0].suite.seeds == (0, 1000, 2500)


def test_harmless_runs_have_the_suites_own_seeds_and_other_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_whole_run", lambda plan, *_, **__: plan)
    found = module._generate(plan().suite, LoadedTarget(shipped_targets()["shapes"]), tmp_path, 3, module.Silent())
    assert [each.target.batch_size for each in found.harmless] == [1, 4, 8]
    assert {each.suite.seeds for each in found.harmless} == {(0, 1)}


REQUEST = plan(seeds=(0,), metrics=("clip_score", "sharpness"), tolerances={"clip_score": 2.5}).suite


@pytest.fixture(scope="module")
def calibrated(loaded: LoadedTarget, tmp_path_factory: pytest.TempPathFactory) -> tuple[Variability, Path]:
    """What was measured of three cases at two steps, and the baselines it lies beside."""
    folder = tmp_path_factory.mktemp("calibrated")
    found = calibrate(REQUEST, shipped_targets()["shapes"], folder / "runs", seed_sets=3)
    variability.write(found, folder / "baselines")
    sitting = Session(Options(baselines=folder / "baselines"), folder, loaded=loaded)
    gates(sitting)
    accepting.accept(folder / "few" / "shapes", folder / "baselines")
    return found, folder / "baselines"


def gates(sitting: Session) -> dict[str, Verdict]:
    items = sitting.items(REQUEST)
    sitting.select(items)
    return {item.name: sitting.judge(item) for item in items if item.kind == "metric"}


def test_the_embedded_model_has_variability_and_generates_the_same_in_other_batches(
    calibrated: tuple[Variability, Path],
) -> None:
    found, _ = calibrated
    assert (found.suite, found.target, found.seed_sets) == ("few", "shapes", 3)
    assert list(found.metrics) == ["clip_score", "sharpness"]
    clip_score = found.metrics["clip_score"]
    assert clip_score.variability > 0
    assert clip_score.harmless < clip_score.variability / 10
    assert found.environment["hardware"]


def test_a_verdict_says_how_many_times_the_variability_a_change_is(
    calibrated: tuple[Variability, Path], loaded: LoadedTarget, tmp_path: Path
) -> None:
    from tests.session.test_rounds import session

    found, accepted = calibrated
    said = gates(session(accepted, loaded, tmp_path, guidance_scale=7))["clip_score"]
    assert said.variability == found.metrics["clip_score"].variability
    assert said.change
    assert f"{abs(said.change) / said.variability:.1f} × seed variability" in sentence(said)


def test_a_metric_without_a_stated_tolerance_gets_the_derived_one(
    calibrated: tuple[Variability, Path], loaded: LoadedTarget, tmp_path: Path
) -> None:
    from tests.session.test_rounds import session

    found, accepted = calibrated
    said = gates(session(accepted, loaded, tmp_path, guidance_scale=7))
    assert said["clip_score"].tolerance == 2.5
    assert said["sharpness"].tolerance == pytest.approx(found.metrics["sharpness"].tolerance)


def test_what_was_just_measured_fits(
    calibrated: tuple[Variability, Path], loaded: LoadedTarget, tmp_path: Path
) -> None:
    gates(Session(Options(baselines=calibrated[1]), tmp_path, loaded=loaded))
    assert variability_notes(tmp_path) == []


def variability_notes(folder: Path) -> list[str]:
    """What a run says of variability; it says other things too."""
    return [note for note in run_folder.read(folder / "few" / "shapes").notes if "variability.json" in note]


def test_variability_that_does_not_fit_is_not_judged_by_and_the_run_says_so(
    calibrated: tuple[Variability, Path], loaded: LoadedTarget, tmp_path: Path
) -> None:
    from tests.session.test_rounds import session

    shutil.copytree(calibrated[1], tmp_path / "baselines")
    variability.write(replace(calibrated[0], samples="of-others"), tmp_path / "baselines")
    said = gates(session(tmp_path / "baselines", loaded, tmp_path, guidance_scale=7))
    assert (said["sharpness"].tolerance, said["sharpness"].variability) == (metrics.info("sharpness").tolerance, None)
    (note,) = variability_notes(tmp_path)
    assert "shapes.variability.json is left out: the suite asks for other samples since" in note


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a suite of one case, and no generating."""
    monkeypatch.chdir(tmp_path)
    text = (
        "from sdeval import Case, Suite\n"
        'test_animals = Suite(name="animals", task="text2img", cases=(Case(id="case-0", prompt="a"),), '
        'metric_options={"clip_model": "shapes"})\n'
    )
    (tmp_path / "test_animals.py").write_text(text)
    return tmp_path


def test_the_command_writes_beside_the_baseline_and_tells_a_row_for_each_metric(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made_up = replace(summarize(suite(tolerances={"clip_score": 0.1}), measured(SEEDS)), target="shapes")
    monkeypatch.setattr(module, "calibrate", lambda *_: made_up)
    assert main(["calibrate", "test_animals.py"]) == 0
    told = capsys.readouterr().out
    assert "animals on shapes, 4 sets of seeds" in told
    assert "clip_score" in told
    assert "written to baselines/animals/shapes.variability.json" in told
    assert variability.read(project / "baselines", "animals", "shapes") == made_up


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["test_animals.py", "--seed-sets", "2"], "--seed-sets: a spread takes at least 3 sets of seeds, got 2"),
        (["test_animals.py", "--runs", "nowhere"], "nowhere: no such folder"),
        (["animal"], "unknown suite 'animal'"),
        (["test_animals.py", "--target", "shape"], "unknown target 'shape'; did you mean shapes?"),
        (["test_animals.py", "--set", "guidence_scale=1"], "unknown setting 'guidence_scale'; did you mean"),
        (["test_animals.py", "--set", "guidance_scale"], "setting 'guidance_scale': must be KEY=VALUE"),
    ],
)
def test_mistakes_end_in_one_line(
    project: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_a_further_run_that_belongs_to_no_suite_that_was_request_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_folder.write(replace(make_run(SEEDS[0]), suite="zoo"), project / "far")
    assert main(["calibrate", "test_animals.py", "--runs", "far"]) == 2
    assert capsys.readouterr().err == "sdeval: far: is a run of zoo on tiny; requested is animals on shapes\n"
