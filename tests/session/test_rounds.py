"""What a job needs is looked up first; then its run grows by rounds of seeds, compared with as many of the baseline."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sdeval.engines.diffusers_engine
import sdeval.metrics
from sdeval import Suite
from sdeval.baselines import acceptance as accepting
from sdeval.baselines import store as baselines
from sdeval.comparison import Verdict
from sdeval.config.options import Options
from sdeval.config.target_registry import shipped_targets
from sdeval.engines import hardware
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.errors import NotAvailable, SdevalError
from sdeval.results import run_folder
from sdeval.results.run import BATCH_CONSISTENCY, Run
from sdeval.session.items import Item, Job
from sdeval.session.judging import _comparable
from sdeval.session.resolve import resolve
from sdeval.session.session import Session
from tests.generated import plan

SET = ("clip_score", "frechet_distance")


def suite(**changes: object) -> Suite:
    return plan(**{"seeds": (0,), "max_seeds": 4, "metrics": ("clip_score",), **changes}).suite


@pytest.fixture(scope="module")
def accepted(loaded: LoadedTarget, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A baseline of three cases with four seeds, and a set metric."""
    folder = tmp_path_factory.mktemp("accepted")
    options = Options(baselines=folder / "baselines")
    whole = suite(metrics=(*SET, "sharpness", "noise"))
    evaluate(Session(options, folder, loaded=loaded), whole)
    accepting.accept(folder / "few" / "shapes", options.baselines)
    return options.baselines


def evaluate(session: Session, whole: Suite) -> dict[str, Verdict]:
    """Verdicts on all that is to judge of a suite, by name, but for its speed."""
    items = session.items(whole)
    session.select(items)
    return {item.name: session.judge(item) for item in items if item.kind != "speed"}


def job(**changes: object) -> Job:
    return Job(suite(**changes), shipped_targets()["shapes"])


def rounds(baselines: Path, **changes: object) -> tuple[tuple[int, ...], ...]:
    return resolve(job(**changes), Options(baselines=baselines)).rounds


def seeds(run: Run) -> set[int]:
    return {sample.seed for sample in run.samples}


def test_without_a_baseline_there_is_one_round_with_all_seeds(tmp_path: Path) -> None:
    resolved = resolve(job(), Options(baselines=tmp_path))
    assert (resolved.rounds, resolved.baseline) == (((0, 1, 2, 3),), None)


def test_a_baseline_allows_the_rounds_whose_seeds_it_holds(accepted: Path) -> None:
    assert rounds(accepted) == ((0,), (0, 1), (0, 1, 2, 3))
    assert rounds(accepted, max_seeds=8) == ((0,), (0, 1), (0, 1, 2, 3))
    assert rounds(accepted, seeds=(7,), max_seeds=None) == ((7,),)


def test_of_a_suite_that_was_given_further_seeds_those_of_the_baseline_are_compared(accepted: Path) -> None:
    assert rounds(accepted, seeds=(1, 2, 9), max_seeds=None) == ((1, 2),)


def test_a_target_that_cannot_run_here_is_not_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "cuda_devices", lambda: 0)
    elsewhere = Job(suite(), replace(shipped_targets()["shapes"], needs="cuda"))
    resolved = resolve(elsewhere, Options(baselines=tmp_path))
    assert resolved.unavailable is not None
    assert resolved.missing == {}


def test_what_is_decided_by_the_first_round_generates_no_more(
    accepted: Path, loaded: LoadedTarget, tmp_path: Path
) -> None:
    found = evaluate(session(accepted, loaded, tmp_path), suite())
    assert {verdict.verdict for verdict in found.values()} <= {"passed", "informational"}
    assert seeds(run_folder.read(tmp_path / "few" / "shapes")) == {0}


def test_what_the_first_round_generated_is_in_the_last_one_as_it_was(
    accepted: Path, loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generated: list[tuple[str, int]] = []
    real = sdeval.engines.diffusers_engine.generate_batch

    def generate(pipeline: Any, batch: Any, settings: Any) -> Any:
        generated.extend((sample.case.id, sample.seed) for sample in batch)
        return real(pipeline, batch, settings)

    monkeypatch.setattr(sdeval.engines.diffusers_engine, "generate_batch", generate)
    evaluate(session(accepted, loaded, tmp_path, guidance_scale=8.5), suite())
    run = run_folder.read(tmp_path / "few" / "shapes")
    assert seeds(run) == {0, 1, 2, 3}
    # One more, which is the self-check.
    assert len(generated) == len(run.samples) + 1


def test_a_set_metric_of_the_baseline_is_that_of_the_seeds_that_were_generated(
    accepted: Path, loaded: LoadedTarget, tmp_path: Path
) -> None:
    wide = suite(metrics=SET)
    sitting = session(accepted, loaded, tmp_path)
    sitting.select(sitting.items(wide))
    state = sitting._state(Job(wide, sitting.jobs[0].target))
    sitting._run(state)
    _, reduced, *_ = _comparable(sitting._subject(state), {})
    assert reduced is not None
    assert seeds(reduced) == {0}
    # The same images, measured as a run.
    assert reduced.set_scores["frechet_distance"] == state.run.set_scores["frechet_distance"]


def test_a_job_that_fails_is_not_tried_again(
    accepted: Path, loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = failing(monkeypatch, lambda batch: True)
    sitting = session(accepted, loaded, tmp_path)
    items = sitting.items(suite())
    sitting.select(items)
    with pytest.raises(RuntimeError, match="out of memory"):
        sitting.judge(items[0])
    said = [sitting.judge(item) for item in items[1:]]
    assert {verdict.verdict for verdict in said} == {"unscored"}
    assert {verdict.reason for verdict in said} == {"few on shapes failed: RuntimeError: out of memory second line"}
    assert len(tries) == 1


def test_the_self_check_is_made_by_the_next_suite_of_a_target_where_the_first_one_failed(
    accepted: Path, loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, lambda batch: batch[0].seed == 7)
    sitting = session(accepted, loaded, tmp_path)
    broken, sound = suite(name="broken", seeds=(7,), max_seeds=None), suite(max_seeds=None)
    items = [item for each in (broken, sound) for item in sitting.items(each) if item.kind == "case"]
    sitting.select(items)
    with pytest.raises(RuntimeError):
        sitting.judge(items[0])
    sitting.judge(items[-1])
    assert BATCH_CONSISTENCY in run_folder.read(tmp_path / "few" / "shapes").environment


def failing(monkeypatch: pytest.MonkeyPatch, where: Callable[[Any], bool]) -> list[Any]:
    """Let the engine itself fail at some batches; the list grows by every one of them."""
    real, tries = LoadedTarget.generate, []

    def generate(engine: LoadedTarget, task: Any, batch: Any, settings: Any) -> Any:
        if where(batch):
            tries.append(batch)
            raise RuntimeError("out of memory\nsecond line")
        return real(engine, task, batch, settings)

    monkeypatch.setattr(LoadedTarget, "generate", generate)
    return tries


def judged(session: Session, *suites: Suite) -> dict[tuple[str, str], Verdict]:
    """The verdicts on the metrics of suites, with other images than the baseline's."""
    items = [item for suite in suites for item in session.items(suite)]
    session.select(items)
    gating = [item for item in items if item.kind == "metric"]
    return {(item.job.suite.name, item.name): session.judge(item) for item in gating}


def session(accepted: Path, loaded: LoadedTarget, folder: Path, **values: object) -> Session:
    target = replace(shipped_targets()["shapes"], settings=values)
    options = Options(baselines=accepted, named={"shapes": target})
    return Session(options, folder, loaded=LoadedShapes(loaded, target))


def metrics_of(session: Session, suite: Suite) -> list[Item]:
    return [item for item in session.items(suite) if item.kind == "metric"]


class LoadedShapes(LoadedTarget):
    """The embedded model that is in memory, with other settings."""

    def __init__(self, loaded: LoadedTarget, target: Any) -> None:
        super().__init__(target)
        self._pipelines = loaded._pipelines


def test_what_fails_with_further_seeds_is_told_by_every_open_metric_and_tried_once(
    accepted: Path, loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = failing(monkeypatch, lambda batch: any(each.seed for each in batch))
    three = suite(metrics=("clip_score", "sharpness", "noise"))
    found = judged(session(accepted, loaded, tmp_path, guidance_scale=8.5), three)
    assert len(tries) == 1
    told = {(verdict.verdict, verdict.reason) for verdict in found.values() if verdict.verdict != "passed"}
    why = "few on shapes failed: RuntimeError: out of memory second line"
    assert told == {("unscored", f"more seeds were needed to judge it: {why}")}
    # The look before stays on disk.
    assert seeds(run_folder.read(tmp_path / "few" / "shapes")) == {0}


def test_what_fails_with_further_seeds_says_nothing_of_another_suite(
    accepted: Path, loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, lambda batch: any(each.seed for each in batch))
    other = suite(name="other", max_seeds=None)
    found = judged(session(accepted, loaded, tmp_path, guidance_scale=8.5), other, suite())
    assert found["other", "clip_score"].verdict == "new"
    assert found["few", "clip_score"].verdict == "unscored"


def test_a_set_metric_that_is_not_on_this_machine_takes_no_other_with_it(
    accepted: Path, loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sdeval.metrics.create

    def create(name: str, options: Any) -> Any:
        if name == "frechet_distance":
            raise NotAvailable("weights are not on this machine")
        return real(name, options)

    monkeypatch.setattr(sdeval.metrics, "create", create)
    monkeypatch.setattr("sdeval.evaluation.score.create", create)
    sitting = session(accepted, loaded, tmp_path)
    clip_score, frechet, _ = metrics_of(sitting, suite(metrics=SET))
    sitting.select([clip_score, frechet])
    assert sitting.judge(clip_score).verdict == "passed"
    with pytest.raises(NotAvailable, match="weights are not on this machine"):
        sitting.judge(frechet)


def test_without_any_metric_by_which_a_sample_can_collapse_their_rate_is_not_on_this_machine_either(
    accepted: Path, loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sdeval.metrics.create

    def create(name: str, options: Any) -> Any:
        if name == "clip_score":
            raise NotAvailable("weights are not on this machine")
        return real(name, options)

    monkeypatch.setattr(sdeval.metrics, "create", create)
    monkeypatch.setattr("sdeval.evaluation.score.create", create)
    sitting = session(accepted, loaded, tmp_path)
    gates = metrics_of(sitting, suite(metrics=SET))
    sitting.select(gates)
    for each in (gates[0], gates[2]):
        with pytest.raises(NotAvailable, match="weights are not on this machine"):
            sitting.judge(each)


def test_cases_that_are_added_say_nothing_of_those_that_were_there(loaded: LoadedTarget, tmp_path: Path) -> None:
    """Not even of a metric that looks at all images: the target is what it was."""
    options = Options(baselines=tmp_path / "baselines")
    small = suite(metrics=("clip_score", "duplicates", "r_precision"), seeds=(0, 1), max_seeds=None)
    evaluate(Session(options, tmp_path, loaded=loaded), small)
    accepting.accept(tmp_path / "few" / "shapes", options.baselines)
    alike = tuple(replace(each, id=f"{each.id}-again") for each in small.cases)
    sitting = Session(options, tmp_path / "later", loaded=loaded)
    found = evaluate(sitting, replace(small, cases=(*small.cases, *alike)))
    assert [name for name, each in found.items() if each.fails(strict=False)] == []
    assert {found[name].verdict for name in (*(each.id for each in alike), "duplicates", "r_precision")} == {"new"}


def test_other_features_than_the_baselines_are_not_comparable_and_no_crash(
    accepted: Path, loaded: LoadedTarget, tmp_path: Path
) -> None:
    from sdeval.evaluation.scoring.parts import with_seeds

    before = baselines.find(accepted, "few", "shapes")
    elsewhere = replace(before, features={"dinov2": before.features["clip"]})
    part = with_seeds(elsewhere, {0, 1}, suite(metrics=SET), "cpu")
    metric = part.set_scores["frechet_distance"]
    assert (metric.value, metric.n, metric.reason) == (None, 6, "the run holds no features of clip")


def test_all_further_seeds_are_generated_while_a_metric_is_open(
    accepted: Path, loaded: LoadedTarget, tmp_path: Path
) -> None:
    found = judged(session(accepted, loaded, tmp_path, guidance_scale=8.5), suite())
    assert found["few", "clip_score"].verdict == "inconclusive"
    assert seeds(run_folder.read(tmp_path / "few" / "shapes")) == {0, 1, 2, 3}


@pytest.fixture
def narrow(accepted: Path, tmp_path: Path) -> Path:
    """A baseline whose features have another width than those of its metric."""
    damaged = Path(shutil.copytree(accepted, tmp_path / "baselines"))
    np.save(damaged / "few" / "shapes" / "features" / "clip.npy", np.ones((12, 3), dtype=np.float32))
    return damaged


def test_features_of_another_width_cannot_be_reused(narrow: Path, loaded: LoadedTarget, tmp_path: Path) -> None:
    found = judged(session(narrow, loaded, tmp_path), suite(metrics=SET))
    assert found["few", "clip_score"].verdict == "passed"
    assert found["few", "frechet_distance"].verdict == "unscored"


def test_features_of_another_width_cannot_be_tested_against(narrow: Path, loaded: LoadedTarget, tmp_path: Path) -> None:
    sitting = session(narrow, loaded, tmp_path, guidance_scale=8.5)
    whole = suite(metrics=SET, seeds=(0, 1, 2, 3))
    clip_score, frechet, _ = metrics_of(sitting, whole)
    sitting.select([clip_score, frechet])
    assert sitting.judge(clip_score).verdict == "inconclusive"
    with pytest.raises(SdevalError, match=r"of the baseline or the run are of no use: .*dimensions"):
        sitting.judge(frechet)
