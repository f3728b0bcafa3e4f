"""When a session draws more seeds for single cases. Runs are made of scores; nothing is drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from sdeval.compare import DefectRates, Verdict
from sdeval.config.options import Options
from sdeval.config.target_registry import shipped
from sdeval.engines import hardware
from sdeval.errors import SdevalError
from sdeval.metrics import MetricOptions
from sdeval.results.run import Run
from sdeval.session.runner import Job
from sdeval.session.session import Question, Session
from sdeval.stats import Spread
from tests.conftest import make_run
from tests.drawn import plan

NOTHING_ASKED = Options()


class Scores:
    """Stands for a runner: two seeds at first, then all."""

    def __init__(self, before: np.ndarray, after: np.ndarray, error: SdevalError | None = None) -> None:
        self.before, self.after, self.error = before, after, error
        self.seeds = 2

    def run(self, job: Job, cases: object) -> Run:
        return make_run(self.after[:, : self.seeds], complete=cases is None)

    def widen(self, job: Job) -> Run | None:
        if self.error:
            raise self.error
        more = self.seeds < self.after.shape[1]
        self.seeds = self.after.shape[1]
        return self.run(job, None) if more else None

    def whole_baseline(self, job: Job) -> Run:
        return make_run(self.before)

    def compared(self, job: Job) -> tuple[Run, Run, str]:
        return self.run(job, None), make_run(self.before[:, : self.seeds]), ""

    def looks(self, job: Job) -> tuple[tuple[int, ...], ...]:
        return ((0, 1), tuple(range(self.after.shape[1])))

    def round_of(self, job: Job) -> int:
        return int(self.seeds > 2)

    def spreads(self, job: Job) -> dict[str, Spread]:
        return {}

    def defect_rates(self, job: Job) -> DefectRates:
        return DefectRates()

    def missing(self, job: Job) -> dict[str, Exception]:
        return {}

    def noise(self, job: Job) -> None:
        return None

    def metric_options(self, job: Job) -> MetricOptions:
        return MetricOptions.from_suite(job.suite, "cpu")


@pytest.fixture
def before(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(30, 3, size=(24, 1)) + rng.normal(0, 0.3, size=(24, 4))


def judged(scores: Scores, *, whole: bool = True, options: Options = NOTHING_ASKED, **changes: object) -> Verdict:
    """What is said of case 11."""
    session = Session(options, Path("nowhere"))
    session._runner = scores  # type: ignore[assignment]
    job = Job(plan(**changes).suite, shipped()["shapes"])
    case, figure = Question(job, "case", "case-11"), Question(job, "gate", "clip_score")
    session.select([case, figure] if whole else [case])
    return session.answer(case)


def test_a_suspected_case_is_judged_with_all_seeds(before: np.ndarray) -> None:
    after = before.copy()
    after[11] -= 5
    scores = Scores(before, after)
    said = judged(scores)
    assert (said.verdict, said.n) == ("regressed", 4)


def test_cases_that_nobody_suspects_draw_no_more(before: np.ndarray) -> None:
    scores = Scores(before, before + 0.1)
    assert judged(scores).verdict == "passed"
    assert scores.seeds == 2


def test_a_part_of_a_suite_draws_no_more(before: np.ndarray) -> None:
    after = before.copy()
    after[11] -= 5
    scores = Scores(before, after)
    assert judged(scores, whole=False).verdict == "regressed"
    assert scores.seeds == 2


def test_further_seeds_that_cannot_be_drawn_leave_a_suspected_case_unscored(before: np.ndarray) -> None:
    after = before.copy()
    after[11] -= 5
    said = judged(Scores(before, after, SdevalError("out of memory")))
    assert (said.verdict, said.reason) == ("unscored", "more seeds were needed to judge it: out of memory")


@pytest.mark.parametrize(
    ("asked", "suites_own", "fatal"),
    [("warn", None, False), ("fail", None, True), ("fail", "warn", False), ("warn", "fail", True)],
)
def test_a_case_that_is_inconclusive_fails_where_proof_is_asked_for_and_the_suite_knows_best(
    before: np.ndarray, asked: Literal["warn", "fail"], suites_own: str | None, fatal: bool
) -> None:
    after = before[:, :2].copy()
    after[11] -= 5
    said = judged(Scores(before[:, :2], after), options=Options(inconclusive=asked), inconclusive=suites_own)
    assert (said.verdict, said.fatal, said.fails(strict=False)) == ("inconclusive", fatal, fatal)


def test_what_passed_needs_no_further_proof(before: np.ndarray) -> None:
    assert not judged(Scores(before, before), options=Options(inconclusive="fail")).fatal


@pytest.mark.parametrize(("elsewhere", "costs"), [({"needs": "cuda"}, False), ({}, True)])
def test_metrics_of_targets_that_cannot_run_here_cost_the_others_nothing(
    before: np.ndarray, monkeypatch: pytest.MonkeyPatch, elsewhere: dict[str, Literal["cuda"]], costs: bool
) -> None:
    monkeypatch.setattr(hardware, "cuda_devices", lambda: 0)
    shapes = shipped()["shapes"]
    job, other = Job(plan().suite, shapes), Job(plan().suite, replace(shapes, name="other", **elsewhere))
    gate = Question(job, "gate", "clip_score")

    def p_value(*others: Question) -> float:
        session = Session(NOTHING_ASKED, Path("nowhere"), shared=True)
        session._runner = Scores(before, before - 3)  # type: ignore[assignment]
        session.select([gate, *others])
        found = session.answer(gate).p_value
        assert found is not None
        return found

    alone = p_value()
    beside = p_value(*(Question(other, "gate", f"metric-{number}") for number in range(9)))
    assert beside == pytest.approx(10 * alone if costs else alone)
