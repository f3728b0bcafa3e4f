"""The history: what a session adds, what is read, and what is reported of it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdeval import SdevalError
from sdeval.baselines.acceptance import accept
from sdeval.cli import main
from sdeval.comparison import Verdict
from sdeval.history.record import entry_of, record
from sdeval.history.store import HISTORY, Entry, MetricValue, RunLine, append, read, series
from sdeval.history.trends import Watched, trend_notes, watch
from sdeval.results import run_folder
from sdeval.results.records import Timing
from sdeval.results.run import Run
from tests.baselines.test_store import compare_with_baseline, on_disk
from tests.conftest import make_run, with_features

SCORES = np.array([[30.0, 31.0], [29.0, 28.0]])


def metric_value(value: float, **changes: object) -> MetricValue:
    made = MetricValue(value=value, n=4, tolerance=0.5, version="1", higher_is_better=True, images=f"of {value!r}")
    return replace(made, **changes)


def entry(session: str, values: dict[str, MetricValue], **changes: object) -> Entry:
    line = RunLine(suite="animals", target="tiny", complete=True, request="a", images="p", metrics=values)
    return Entry(session, (replace(line, **changes),))


def entries(values: list[float], **changes: object) -> list[Entry]:
    return [entry(f"s{at:03d}", {"clip_score": metric_value(value, **changes)}) for at, value in enumerate(values)]


def only(found: list[Watched]) -> Watched:
    (one,) = found
    return one


# What a session adds


@pytest.fixture
def run() -> Run:
    times = {("case-0", 0): Timing(call=0, seconds=0.5)}
    return replace(make_run(SCORES), timings=times, environment={"hardware": "a GPU", "packages": {"torch": "2.4"}})


def recorded(run: Run, root: Path, name: str = "one", verdicts: tuple[Verdict, ...] = ()) -> RunLine:
    on_disk(run, root / name / run.suite / run.target)
    compare_with_baseline(root / name / run.suite / run.target, root / "baselines")
    (line,) = entry_of(root / name, verdicts).runs
    return line


def test_a_line_holds_figures_verdicts_and_what_drew_them(run: Run, tmp_path: Path) -> None:
    said = Verdict(
        suite="animals", target="tiny", metric="clip_score", case="", verdict="passed", baseline=29.0, change=0.5,
        tolerance=0.7, variability=0.2,
    )  # fmt: skip
    line = recorded(run, tmp_path, verdicts=(said,))
    assert (line.hardware, line.packages, line.generated_by) == ("a GPU", {"torch": "2.4"}, {"model": "tiny"})
    score = line.metrics["clip_score"]
    assert (score.value, score.n, score.baseline, score.change, score.tolerance) == (29.5, 4, 29.0, 0.5, 0.7)
    assert (score.variability, score.verdict, score.version) == (0.2, "passed", "1")
    assert (line.metrics["seconds_per_image"].value, line.metrics["seconds_per_image"].images) == (0.5, "")


def test_a_line_says_what_was_accepted_and_what_else_used_the_machine(run: Run, tmp_path: Path) -> None:
    accept(on_disk(run, tmp_path / "accepted"), tmp_path / "baselines")
    line = recorded(replace(run, environment={**run.environment, "load": "a load of 9"}), tmp_path)
    assert (line.accepted, line.busy) == ("accepted", "a load of 9")
    entries = [Entry("s", (line,))]
    (score, time, _) = series(entries, run.suite, run.target)
    assert (score.points[0].busy, score.points[0].measured_on) == ("", "")
    assert (time.points[0].busy, time.points[0].measured_on) == ("a load of 9", "a GPU, batches of 1")


def test_times_of_another_machine_stand_beside_a_series() -> None:
    values = [metric_value(0.5, version="cpu", images=""), metric_value(0.1, version="GPU", images="")]
    lines = [entry(f"s{at}", {"seconds_per_image": value, "m": value}) for at, value in enumerate(values)]
    times, scores = series(lines, "animals", "tiny")
    assert [(point.session, point.measured_on) for point in times.elsewhere] == [("s0", "cpu")]
    assert [point.session for point in times.points] == ["s1"]
    assert scores.elsewhere == ()


def test_sessions_that_asked_for_something_else_are_counted() -> None:
    lines = [entry(f"s{at}", {"m": metric_value(1.0)}) for at in range(3)]
    (run,) = lines[0].runs
    other = Entry("s0", (replace(run, overrides={"num_inference_steps": 4}),))
    (scores,) = series([other, *lines[1:]], "animals", "tiny")
    assert ([point.session for point in scores.points], scores.left_out) == (["s1", "s2"], 1)


def test_a_line_comes_back_as_it_was(run: Run, tmp_path: Path) -> None:
    run = with_features(run, np.ones((4, 3)), 1.5)
    line = recorded(run, tmp_path)
    append(tmp_path / HISTORY, Entry("one", (line,)))
    assert read(tmp_path / HISTORY) == (Entry("one", (line,)),)


def test_an_accepted_baseline_changes_its_hash_and_nothing_else_does(run: Run, tmp_path: Path) -> None:
    assert recorded(run, tmp_path).baseline == ""
    accept(tmp_path / "one" / "animals" / "tiny", tmp_path / "baselines")
    first = recorded(run, tmp_path, "two").baseline
    accept(tmp_path / "two" / "animals" / "tiny", tmp_path / "baselines")
    assert first == recorded(run, tmp_path, "three").baseline != ""
    accept(on_disk(make_run(SCORES + 1), tmp_path / "other"), tmp_path / "baselines")
    assert recorded(run, tmp_path, "four").baseline not in ("", first)


def test_other_prompts_or_settings_are_other_questions_and_other_images_are_not(run: Run, tmp_path: Path) -> None:
    plain = recorded(run, tmp_path, "one")
    other = replace(run, samples=(replace(run.samples[0], fingerprint="else"), *run.samples[1:]))
    assert recorded(other, tmp_path, "two").request != plain.request
    steps = replace(run, request={**run.request, "settings": {"num_inference_steps": 2}})
    assert recorded(steps, tmp_path, "three").request != plain.request
    generated = recorded(make_run(SCORES + 1), tmp_path, "four")
    assert generated.request == plain.request
    assert generated.images != plain.images


def test_sessions_that_drew_more_seeds_are_told_by_those_of_the_first_look(tmp_path: Path) -> None:
    rounds = {"rounds": [[0], [0, 1]]}
    few, many = make_run(SCORES[:, :1]), make_run(SCORES)
    one = recorded(replace(few, request={**few.request, **rounds}), tmp_path, "one")
    two = recorded(replace(many, request={**many.request, **rounds}), tmp_path, "two")
    assert one.metrics == two.metrics
    assert one.request == two.request


def test_a_partial_run_has_no_figures(run: Run, tmp_path: Path) -> None:
    line = recorded(replace(run, complete=False), tmp_path)
    assert not line.complete
    assert line.metrics == {}


def test_what_was_generated_in_turns_is_left_out(run: Run, tmp_path: Path) -> None:
    folder = on_disk(run, tmp_path / "reports" / "one" / "animals" / "tiny")
    on_disk(run, folder / "against")
    assert record(tmp_path / "reports" / "one", []) == []
    assert not (tmp_path / "reports" / HISTORY).exists()


def test_a_history_that_cannot_be_written_is_a_note(run: Run, tmp_path: Path) -> None:
    on_disk(run, tmp_path / "reports" / "one" / "animals" / "tiny")
    (tmp_path / "reports" / HISTORY).mkdir()
    (note,) = record(tmp_path / "reports" / "one", [])
    assert note.startswith("this session is not in the history: ")


def test_a_score_that_is_missing_stays_missing(tmp_path: Path) -> None:
    line = recorded(make_run(np.array([[30.0, np.nan]])), tmp_path)
    assert line.metrics["clip_score"].value is None
    assert series([Entry("one", (line,))], "animals", "tiny") == ()


# What is read


def test_a_session_that_crashed_and_went_on_counts_once(tmp_path: Path) -> None:
    for each in (entry("one", {}), entry("two", {}), entry("two", {}, suite="again")):
        append(tmp_path / HISTORY, each)
    assert [(each.session, each.runs[0].suite) for each in read(tmp_path / HISTORY)][1:] == [("two", "again")]


def test_sessions_that_end_at_once_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "reports" / HISTORY
    lines = entries([float(number) for number in range(40)])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda each: append(path, each), lines))
    assert sorted(read(path), key=lambda each: each.session) == lines


@given(st.integers(1, 400))
def test_half_a_line_is_passed_over_at_the_end_and_after_more_was_added(tmp_path_factory, cut: int) -> None:
    path = tmp_path_factory.mktemp("half") / HISTORY
    one, two, three = entries([1.0, 2.0, 3.0])
    append(path, one)
    whole = path.stat().st_size
    append(path, replace(two, session="zwei – ½"))
    with path.open("r+b") as file:
        file.truncate(min(whole + cut, path.stat().st_size - 2))
    assert read(path) == (one,)
    append(path, three)
    assert read(path) == (one, three)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"history\.jsonl:2: is corrupt: .*; fix or delete that line"),
        ("[]", r"history\.jsonl:2: is corrupt: must be a mapping, got \[\]"),
        ('{"schema": 9, "session": "x", "runs": []}', r"history\.jsonl:2: .*schema 9; this version of sdeval reads 2"),
        ('{"schema": 1, "session": 3, "runs": []}', r"history\.jsonl:2: is corrupt: session: must be text, got 3"),
        ('{"schema": 1, "session": "x", "runs": [{}]}', r"history\.jsonl:2: is corrupt: runs\[0\]: suite: is missing"),
        (
            '{"schema": 1, "session": "x", "runs": [{"metrics": {"a": {"value": "b"}}}]}',
            r"history\.jsonl:2: is corrupt: runs\[0\]: suite: is missing",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("last", [True, False])
def test_a_damaged_line_is_told_with_its_number(tmp_path: Path, line: str, message: str, last: bool) -> None:
    path = tmp_path / HISTORY
    one, two = entries([1.0, 2.0])
    append(path, one)
    with path.open("a") as file:
        file.write(line + "\n")
    if not last:
        append(path, two)
    with pytest.raises(SdevalError, match=message):
        read(path)


def test_no_history_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match="no history yet; every session that generates a whole suite adds a line"):
        read(tmp_path / HISTORY)


# What makes a series


def test_a_series_holds_what_is_of_one_kind_with_the_latest() -> None:
    kinds = [
        entry("a", {"clip_score": metric_value(1.0)}, request="else"),
        entry("b", {"clip_score": metric_value(2.0, version="0")}),
        entry("c", {"clip_score": metric_value(3.0, n=9)}),
        entry("d", {"clip_score": metric_value(4.0)}, target="other"),
        entry("e", {"clip_score": metric_value(5.0)}),
        entry("f", {}, complete=False),
        entry("g", {"clip_score": metric_value(6.0), "variability": metric_value(7.0)}),
    ]
    score, variability = series(kinds, "animals", "tiny")
    assert [each.value for each in score.points] == [5.0, 6.0]
    assert [each.value for each in variability.points] == [7.0]
    assert series(kinds, "animals", "nobody") == ()


def test_another_baseline_is_marked_where_it_was_accepted() -> None:
    accepted = ["", "", "x", "x", "y"]
    lines = [entry(f"s{at}", {"m": metric_value(1.0)}, baseline=name) for at, name in enumerate(accepted)]
    (found,) = series(lines, "animals", "tiny")
    assert [each.baseline_changed for each in found.points] == [False, False, True, False, True]


# What is reported


def trending(rng: np.random.Generator, sessions: int = 60, slope: float = 0.05) -> list[float]:
    return list(30 + rng.normal(0, 0.1, sessions) - slope * np.maximum(0, np.arange(sessions) - 30))


def test_slow_trend_is_told_with_where_it_began(rng: np.random.Generator) -> None:
    trend = only(watch(entries(trending(rng)))).trend
    assert trend is not None
    assert "s025" <= trend.since <= "s036"
    assert trend.sentence.startswith("clip_score has a trend: 29.99 → ")
    assert trend.sentence.endswith("and failed in none of them")


def test_a_value_where_less_is_better_trends_upwards(rng: np.random.Generator) -> None:
    up = [60 - value for value in trending(rng)]
    assert only(watch(entries(up, higher_is_better=False))).trend is not None
    assert only(watch(entries(up))).trend is None


def test_the_same_images_in_a_row_count_once_and_times_always(rng: np.random.Generator) -> None:
    values = [float(value) for value in 30 + rng.normal(0, 0.1, 30)] + [29.7] * 30
    assert only(watch(entries(values, images=""))).trend is not None
    assert only(watch(entries(values))).trend is None


def test_what_lost_next_to_nothing_is_not_told(rng: np.random.Generator) -> None:
    assert only(watch(entries(trending(rng), tolerance=20.0))).trend is None


def test_what_came_back_is_not_told_any_more(rng: np.random.Generator) -> None:
    assert only(watch(entries([*trending(rng), 30.0, 30.01, 30.02]))).trend is None


def test_what_is_never_judged_is_not_watched(rng: np.random.Generator) -> None:
    assert only(watch(entries(trending(rng), gating=False))).trend is None


def test_a_loss_that_a_session_told_and_somebody_accepted_is_known() -> None:
    figures = [(30.0, "passed", "x"), (27.0, "regressed", "x"), (27.0, "passed", "y"), (27.01, "passed", "y")]
    lines = [
        entry(f"s{at}", {"m": metric_value(value, verdict=verdict)}, baseline=base)
        for at, (value, verdict, base) in enumerate(figures * 1)
    ]
    assert only(watch(lines)).trend is None


def test_a_loss_by_small_steps_that_were_all_accepted_is_told() -> None:
    lines = [
        entry(f"s{at}", {"m": metric_value(30 - 0.3 * at, verdict="passed")}, baseline=f"b{at}") for at in range(4)
    ]
    trend = only(watch(lines)).trend
    assert trend is not None
    assert (
        trend.sentence
        == "m lost 1.8 tolerances in 4 sessions, and failed in none of them: 3 baselines were accepted on the way"
    )


def test_a_session_that_failed_by_something_else_is_no_quiet_loss() -> None:
    lines = [entry(f"s{at}", {"m": metric_value(30.0 - at, verdict="passed")}, failed=at > 0) for at in range(3)]
    assert only(watch(lines)).trend is None


def test_a_line_says_whether_a_case_of_its_suite_failed(run: Run, tmp_path: Path) -> None:
    broken = Verdict(suite="animals", target="tiny", metric="defect", case="case-0", verdict="broken")
    assert recorded(run, tmp_path, verdicts=(broken,)).failed
    assert not recorded(run, tmp_path, "two", verdicts=(replace(broken, target="other"),)).failed


def test_sessions_with_settings_of_their_own_are_not_compared_with_others() -> None:
    usual = [entry(f"s{at}", {"m": metric_value(30.0, verdict="passed")}) for at in range(3)]
    trial = entry("s3", {"m": metric_value(10.0, verdict="passed")}, overrides={"scheduler": "EulerDiscreteScheduler"})
    assert only(watch([*usual, trial])).trend is None
    assert len(only(watch([*usual, trial])).series.points) == 1
    assert len(only(watch([usual[0], trial, *usual[1:]])).series.points) == 3


@pytest.mark.parametrize("verdict", ["regressed", "broken"])
def test_what_a_session_told_is_no_creep(verdict: str) -> None:
    lines = [entry(f"s{at}", {"m": metric_value(30.0 - at, verdict=verdict if at else "passed")}) for at in range(3)]
    assert only(watch(lines)).trend is None


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12), st.floats(0, 10))
def test_any_history_can_be_told(values: list[float], tolerance: float) -> None:
    watched = only(watch(entries(values, tolerance=tolerance)))
    assert len(watched.series.points) == len(values)


def test_a_session_is_told_of_its_own_suites_alone(tmp_path: Path) -> None:
    for at in range(4):
        append(tmp_path / HISTORY, entry(f"s{at}", {"m": metric_value(30 - 0.3 * at)}))
    append(tmp_path / HISTORY, entry("later", {"m": metric_value(3.0)}, suite="zoo"))
    assert trend_notes(tmp_path, "s3") == [
        "animals on tiny: m lost 1.8 tolerances in 4 sessions, and failed in none of them"
    ]
    assert trend_notes(tmp_path, "later") == []
    assert trend_notes(tmp_path / "nowhere", "s3") == []


def test_a_damaged_history_is_a_note_and_no_more(tmp_path: Path) -> None:
    (tmp_path / HISTORY).write_text("[]\n")
    (note,) = trend_notes(tmp_path, "s3")
    assert "history.jsonl:1: is corrupt" in note


# The command


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for at in range(4):
        figures = {
            "m": metric_value(30 - 0.3 * at, unit="points", title="what <it> says"),
            "other": metric_value(1.0 + at),
        }
        append(tmp_path / "reports" / HISTORY, entry(f"2026112{at}-141503-9f2c", figures))
    return tmp_path


def test_it_prints_figures_and_trend(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["animals", "on", "tiny"]
    assert ["▼", "m", "30.00", "29.10", "-0.90", "points", "4", "█▆▃▁"] in [line.split() for line in lines]
    assert "m lost 1.8 tolerances in 4 sessions, and failed in none of them" in lines
    assert lines[-1].startswith("1 of 2 metrics have a trend; false-alarm rate")


def test_it_fails_only_where_request_to(project: Path) -> None:
    assert main(["history", "--fail"]) == 1
    assert main(["history", "--fail", "--metric", "other"]) == 0
    assert main(["history", "--fail", "--last", "2"]) == 0


def test_it_writes_everything_as_json(project: Path) -> None:
    assert main(["history", "--json", "all.json", "--suite", "animals", "--target", "tiny"]) == 0
    first, _ = json.loads(Path("all.json").read_text())
    assert first["trend"]["loss"] == pytest.approx(1.8)
    assert len(first["series"]["points"]) == 4


def test_it_generates_a_page_that_needs_nothing_else(project: Path) -> None:
    assert main(["history", "--plot", "out/history.html"]) == 0
    page = Path("out/history.html").read_text()
    assert page.count("<svg") == 2
    assert "what &lt;it&gt; says" in page
    assert "http" not in page.replace("http://www.w3.org", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--metric", "n"], "sdeval: --metric: unknown metric 'n'. Known: m, other"),
        (["--suite", "zoo"], "sdeval: --suite: unknown suite 'zoo'. Known: animals"),
        (["--last", "0"], "sdeval: --last: must be a whole number from 1 on, got 0"),
    ],
)
def test_mistakes_end_in_one_line(
    project: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history", *arguments]) == 2
    assert capsys.readouterr().err == f"{message}\n"


def test_without_a_history_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["history"]) == 2
    assert "no history yet" in capsys.readouterr().err


def test_runs_without_images_on_disk_are_recorded_all_the_same(run: Run, tmp_path: Path) -> None:
    run_folder.write(run, tmp_path / "one" / "animals" / "tiny")
    assert record(tmp_path / "one", []) == []
    assert len(read(tmp_path / HISTORY)) == 1
