"""When a session generates more seeds for single cases. Runs are made of scores; nothing is generated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from sdeval.comparison import Verdict
from sdeval.config.options import Options
from sdeval.config.target_registry import shipped_targets
from sdeval.engines import hardware
from sdeval.errors import NotAvailable, SdevalError
from sdeval.evaluation.plan import Plan
from sdeval.results import run_folder
from sdeval.results.run import Run, Stored
from sdeval.session.items import Item, Job
from sdeval.session.resolve import ResolvedJob, is_on_this_machine
from sdeval.session.session import JobState, Session
from tests.conftest import make_run
from tests.generated import plan

NOTHING_REQUEST = Options()


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Baselines and sessions lie in a folder of their own."""
    monkeypatch.chdir(tmp_path)


class Scores:
    """Generates nothing: runs are made of scores, two seeds at first, then all."""

    def __init__(self, before: np.ndarray, after: np.ndarray, error: SdevalError | None = None) -> None:
        self.before, self.after, self.error = before, after, error
        self.seeds = 2

    def evaluate(self, plan: Plan, folder: Path, baseline: Stored | None, earlier: Run | None) -> Run:
        if earlier and self.error:
            raise self.error
        self.seeds = len(plan.suite.seeds)
        return make_run(self.after[:, : self.seeds], complete=plan.complete)

    def resolve(self, job: Job, options: Options) -> ResolvedJob:
        rounds = ((0, 1), tuple(range(self.after.shape[1])))
        missing = None if is_on_this_machine(job.target) else NotAvailable("another machine")
        stored = Stored(make_run(self.before), Path("baselines/animals/tiny"))
        run_folder.write(stored.run, stored.folder)
        return ResolvedJob(job=job, options=options, rounds=rounds, baseline=stored, unavailable=missing)


def session_of(scores: Scores, options: Options, items: Sequence[Item], *, shared: bool = False) -> Session:
    """A session in which these items are selected, and whose images are scores."""
    session = Session(options, Path("nowhere"), shared=shared)
    session._executor = scores  # type: ignore[assignment]
    session._states = {item.job.key: JobState(scores.resolve(item.job, options)) for item in items}
    session.select(items)
    return session


@pytest.fixture
def before(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(30, 3, size=(24, 1)) + rng.normal(0, 0.3, size=(24, 4))


def judged(scores: Scores, *, whole: bool = True, options: Options = NOTHING_REQUEST, **changes: object) -> Verdict:
    """What is said of case 11."""
    job = Job(plan(**changes).suite, shipped_targets()["shapes"])
    case, metric = Item(job, "case", "case-11"), Item(job, "metric", "clip_score")
    return session_of(scores, options, [case, metric] if whole else [case]).judge(case)


def test_a_suspected_case_is_judged_with_all_seeds(before: np.ndarray) -> None:
    after = before.copy()
    after[11] -= 5
    scores = Scores(before, after)
    said = judged(scores)
    assert (said.verdict, said.n) == ("regressed", 4)


def test_cases_that_nobody_suspects_generate_no_more(before: np.ndarray) -> None:
    scores = Scores(before, before + 0.1)
    assert judged(scores).verdict == "passed"
    assert scores.seeds == 2


def test_a_part_of_a_suite_generates_no_more(before: np.ndarray) -> None:
    after = before.copy()
    after[11] -= 5
    scores = Scores(before, after)
    assert judged(scores, whole=False).verdict == "regressed"
    assert scores.seeds == 2


def test_further_seeds_that_cannot_be_generated_leave_a_suspected_case_unscored(before: np.ndarray) -> None:
    after = before.copy()
    after[11] -= 5
    said = judged(Scores(before, after, SdevalError("out of memory")))
    assert (said.verdict, said.reason) == ("unscored", "more seeds were needed to judge it: out of memory")


@pytest.mark.parametrize(
    ("option", "suites_own", "fatal"),
    [("warn", None, False), ("fail", None, True), ("fail", "warn", False), ("warn", "fail", True)],
)
def test_a_case_that_is_inconclusive_fails_where_proof_is_request_for_and_the_suite_knows_best(
    before: np.ndarray, option: Literal["warn", "fail"], suites_own: str | None, fatal: bool
) -> None:
    after = before[:, :2].copy()
    after[11] -= 5
    said = judged(Scores(before[:, :2], after), options=Options(inconclusive=option), inconclusive=suites_own)
    assert (said.verdict, said.fatal, said.fails(strict=False)) == ("inconclusive", fatal, fatal)


def test_what_passed_needs_no_further_proof(before: np.ndarray) -> None:
    assert not judged(Scores(before, before), options=Options(inconclusive="fail")).fatal


@pytest.mark.parametrize(("elsewhere", "costs"), [({"needs": "cuda"}, False), ({}, True)])
def test_metrics_of_targets_that_cannot_run_here_cost_the_others_nothing(
    before: np.ndarray, monkeypatch: pytest.MonkeyPatch, elsewhere: dict[str, Literal["cuda"]], costs: bool
) -> None:
    monkeypatch.setattr(hardware, "cuda_devices", lambda: 0)
    shapes = shipped_targets()["shapes"]
    job, other = Job(plan().suite, shapes), Job(plan().suite, replace(shapes, name="other", **elsewhere))
    metric = Item(job, "metric", "clip_score")

    def p_value(*others: Item) -> float:
        scores = Scores(before, before - 3)
        found = session_of(scores, NOTHING_REQUEST, [metric, *others], shared=True).judge(metric).p_value
        assert found is not None
        return found

    alone = p_value()
    beside = p_value(*(Item(other, "metric", f"metric-{number}") for number in range(9)))
    assert beside == pytest.approx(10 * alone if costs else alone)
