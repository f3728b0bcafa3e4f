"""Runs made when they are asked for, widened by more seeds, and held against as much of the baseline."""

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
from sdeval._utils.progress import Silent
from sdeval.baselines import acceptance as accepting
from sdeval.baselines import store as baselines
from sdeval.compare import Verdict
from sdeval.config.options import Options
from sdeval.config.target_registry import shipped
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.errors import NotAvailable, SdevalError
from sdeval.results import run as runs
from sdeval.session.runner import Job, Runner
from sdeval.session.session import Session
from tests.drawn import plan

SET = ("clip_score", "frechet_distance")


def suite(**changes: object) -> Suite:
    return plan(**{"seeds": (0,), "max_seeds": 4, "metrics": ("clip_score",), **changes}).suite


@pytest.fixture(scope="module")
def accepted(loaded: LoadedTarget, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A baseline of three cases with four seeds, and a set metric."""
    folder = tmp_path_factory.mktemp("accepted")
    options = Options(baselines=folder / "baselines")
    whole = suite(metrics=(*SET, "sharpness", "noise"))
    Runner(options, folder, Silent(), loaded).run(Job(whole, shipped()["shapes"]), None)
    accepting.accept(folder / "few" / "shapes", options.baselines)
    return options.baselines


@pytest.fixture
def runner(accepted: Path, loaded: LoadedTarget, tmp_path: Path) -> Runner:
    return Runner(Options(baselines=accepted), tmp_path, Silent(), loaded)


def job(**changes: object) -> Job:
    return Job(suite(**changes), shipped()["shapes"])


def seeds(run: runs.Run) -> set[int]:
    return {sample.seed for sample in run.samples}


def test_without_a_baseline_there_is_one_look_with_all_seeds(loaded: LoadedTarget, tmp_path: Path) -> None:
    runner = Runner(Options(baselines=tmp_path), tmp_path, Silent(), loaded)
    assert runner.looks(job()) == ((0, 1, 2, 3),)
    assert runner.whole_baseline(job()) is None


def test_a_baseline_allows_the_looks_whose_seeds_it_holds(runner: Runner) -> None:
    assert runner.looks(job()) == ((0,), (0, 1), (0, 1, 2, 3))
    assert runner.looks(job(max_seeds=8)) == ((0,), (0, 1), (0, 1, 2, 3))
    assert runner.looks(job(seeds=(7,), max_seeds=None)) == ((7,),)


def test_of_a_suite_that_was_given_further_seeds_those_of_the_baseline_are_compared(runner: Runner) -> None:
    assert runner.looks(job(seeds=(1, 2, 9), max_seeds=None)) == ((1, 2),)


def test_a_run_is_made_once(runner: Runner) -> None:
    first = runner.run(job(), None)
    assert seeds(first) == {0}
    assert runner.run(job(), None) is first


def test_a_run_is_widened_look_by_look_until_there_is_none(runner: Runner) -> None:
    first = runner.run(job(), None)
    found = [runner.widen(job()) for _ in range(3)]
    assert [each and seeds(each) for each in found] == [{0, 1}, {0, 1, 2, 3}, None]
    # What was drawn at the first look is in the last one as it was.
    kept = [sample.sha256 for sample in found[1].samples if sample.seed == 0]
    assert kept == [sample.sha256 for sample in first.samples]


def test_the_baseline_is_reduced_to_the_seeds_that_were_drawn(runner: Runner) -> None:
    assert seeds(runner.whole_baseline(job())) == {0, 1, 2, 3}
    runner.run(job(), None)
    assert seeds(runner.compared(job())[1]) == {0}
    runner.widen(job())
    assert seeds(runner.compared(job())[1]) == {0, 1}


def test_a_set_figure_of_the_baseline_is_that_of_the_seeds_that_were_drawn(runner: Runner) -> None:
    wide = job(metrics=SET, max_seeds=4)
    run = runner.run(wide, None)
    reduced = runner.compared(wide)[1].set_scores["frechet_distance"]
    # The same pictures, measured as a run.
    assert reduced == run.set_scores["frechet_distance"]
    assert reduced.n == 3


def test_a_failure_is_remembered_and_not_tried_again(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = failing(monkeypatch, lambda batch: True)
    with pytest.raises(RuntimeError, match="out of memory"):
        runner.run(job(), None)
    with pytest.raises(SdevalError, match="few on shapes failed: RuntimeError: out of memory"):
        runner.run(job(), None)
    assert len(tries) == 1


def failing(monkeypatch: pytest.MonkeyPatch, where: Callable[[Any], bool]) -> list[Any]:
    """Let drawing fail for some batches; the list grows by every one of them."""
    real, tries = sdeval.engines.diffusers_engine.draw, []

    def draw(pipeline: Any, batch: Any, settings: Any) -> Any:
        if where(batch):
            tries.append(batch)
            raise RuntimeError("out of memory\nsecond line")
        return real(pipeline, batch, settings)

    monkeypatch.setattr(sdeval.engines.diffusers_engine, "draw", draw)
    return tries


def judged(session: Session, *suites: Suite) -> dict[tuple[str, str], Verdict]:
    """The verdicts on the metrics of suites, with other pictures than the baseline's."""
    questions = [question for suite in suites for question in session.questions(suite)]
    session.select(questions)
    gates = [question for question in questions if question.kind == "gate"]
    return {(question.job.suite.name, question.name): session.answer(question) for question in gates}


def session(accepted: Path, loaded: LoadedTarget, folder: Path, **values: object) -> Session:
    target = replace(shipped()["shapes"], settings=values)
    options = Options(baselines=accepted, named={"shapes": target})
    return Session(options, folder, loaded=LoadedShapes(loaded, target))


class LoadedShapes(LoadedTarget):
    """The embedded model that is in memory, with other settings."""

    def __init__(self, loaded: LoadedTarget, target: Any) -> None:
        super().__init__(target)
        self._pipelines = loaded._pipelines


def test_what_fails_with_further_seeds_is_told_by_every_open_figure_and_tried_once(
    accepted: Path, loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = failing(monkeypatch, lambda batch: any(each.seed for each in batch))
    three = suite(metrics=("clip_score", "sharpness", "noise"))
    found = judged(session(accepted, loaded, tmp_path, guidance_scale=7), three)
    assert len(tries) == 1
    told = {(verdict.verdict, verdict.reason) for verdict in found.values() if verdict.verdict != "passed"}
    why = "few on shapes failed: RuntimeError: out of memory"
    assert told == {("unscored", f"more seeds were needed to judge it: {why}")}
    # The look before stays on disk.
    assert seeds(runs.read(tmp_path / "few" / "shapes")) == {0}


def test_what_fails_with_further_seeds_says_nothing_of_another_suite(
    accepted: Path, loaded: LoadedTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, lambda batch: any(each.seed for each in batch))
    other = suite(name="other", max_seeds=None)
    found = judged(session(accepted, loaded, tmp_path, guidance_scale=7), other, suite())
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
    clip_score, frechet, _ = (each for each in sitting.questions(suite(metrics=SET)) if each.kind == "gate")
    sitting.select([clip_score, frechet])
    assert sitting.answer(clip_score).verdict == "passed"
    with pytest.raises(NotAvailable, match="weights are not on this machine"):
        sitting.answer(frechet)


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
    gates = [each for each in sitting.questions(suite(metrics=SET)) if each.kind == "gate"]
    sitting.select(gates)
    for each in (gates[0], gates[2]):
        with pytest.raises(NotAvailable, match="weights are not on this machine"):
            sitting.answer(each)


def test_cases_that_are_added_say_nothing_of_those_that_were_there(loaded: LoadedTarget, tmp_path: Path) -> None:
    """Not even of a metric that looks at all images: the target is what it was."""
    options = Options(baselines=tmp_path / "baselines")
    small = suite(metrics=("clip_score", "duplicates", "r_precision"), seeds=(0, 1), max_seeds=None)
    Runner(options, tmp_path, Silent(), loaded).run(Job(small, shipped()["shapes"]), None)
    accepting.accept(tmp_path / "few" / "shapes", options.baselines)
    alike = tuple(replace(each, id=f"{each.id}-again") for each in small.cases)
    sitting = Session(options, tmp_path / "later", loaded=loaded)
    questions = sitting.questions(replace(small, cases=(*small.cases, *alike)))
    sitting.select(questions)
    found = {each.name: sitting.answer(each) for each in questions if each.kind != "figure"}
    assert [name for name, each in found.items() if each.fails(strict=False)] == []
    assert {found[name].verdict for name in (*(each.id for each in alike), "duplicates", "r_precision")} == {"new"}


def test_other_features_than_the_baselines_are_not_comparable_and_no_crash(
    accepted: Path, loaded: LoadedTarget, tmp_path: Path
) -> None:
    from sdeval.evaluation.score import with_seeds

    before = baselines.find(accepted, "few", "shapes")
    elsewhere = replace(before, features={"dinov2": before.features["clip"]})
    part = with_seeds(elsewhere, {0, 1}, suite(metrics=SET), "cpu")
    figure = part.set_scores["frechet_distance"]
    assert (figure.value, figure.n, figure.reason) == (None, 6, "the run holds no features of clip")


def test_all_further_seeds_are_drawn_while_a_figure_is_open(
    accepted: Path, loaded: LoadedTarget, tmp_path: Path
) -> None:
    found = judged(session(accepted, loaded, tmp_path, guidance_scale=7), suite())
    assert found["few", "clip_score"].verdict == "inconclusive"
    assert seeds(runs.read(tmp_path / "few" / "shapes")) == {0, 1, 2, 3}


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
    sitting = session(narrow, loaded, tmp_path, guidance_scale=7)
    whole = suite(metrics=SET, seeds=(0, 1, 2, 3))
    (clip_score, frechet, _) = (each for each in sitting.questions(whole) if each.kind == "gate")
    sitting.select([clip_score, frechet])
    assert sitting.answer(clip_score).verdict == "inconclusive"
    with pytest.raises(SdevalError, match=r"of the baseline or the run are of no use: .*dimensions"):
        sitting.answer(frechet)
