"""Runs, baselines and sessions that are corrupt in any one place: one clear line, or a judgement, but never a crash."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdeval import metrics
from sdeval.baselines import acceptance as accepting
from sdeval.baselines import provenance
from sdeval.baselines import store as baselines
from sdeval.comparison import collect_evidence, judge_cases, judge_metrics
from sdeval.config.options import Options
from sdeval.config.suite import COLLAPSED
from sdeval.diagnostics.calibrate import Measured, _of_same, summarize
from sdeval.errors import SdevalError
from sdeval.evaluation.score import score
from sdeval.metrics.sets import references
from sdeval.report.publish import publish, rewrite_page
from sdeval.results import run_folder
from sdeval.results.run import Run
from sdeval.session.items import Job
from sdeval.session.judging import Subject, compare
from sdeval.session.resolve import resolve
from tests.baselines.test_store import compare_with_baseline
from tests.generated import plan

GONE = object()
VALUES = (
    GONE,
    None,
    True,
    -1,
    0,
    7,
    1.5,
    float("nan"),
    10**400,
    "",
    "x",
    "a/b",
    "\ud800",
    [],
    [1],
    ["x"],
    {},
    {"x": 1},
)
SUITE = plan().suite
FOLDER = Path("few") / "shapes"


@pytest.fixture(scope="module")
def whole(generated: tuple[Run, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a session and the baseline that was accepted from it."""
    run, folder = generated
    root = tmp_path_factory.mktemp("whole")
    shutil.copytree(folder, root / "session" / FOLDER)
    accepting.accept(folder, root / "baselines")
    compare_with_baseline(root / "session" / FOLDER, root / "baselines")
    publish(root / "session", [*judge_cases(run, run), *judge_metrics(evidence(run, run))])
    return root


@pytest.fixture
def root(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to be corrupt."""
    return Path(shutil.copytree(whole, tmp_path / "root", symlinks=True))


def evidence(run: Run, before: Run | None) -> list[Any]:
    """As a session collects it."""
    found = []
    for name in run.metrics:
        metric = metrics.create(name, metrics.MetricOptions.from_suite(SUITE, "cpu"))
        swapped = None
        if isinstance(metric, metrics.SetMetric):
            swapped = partial(metric.swap_difference, reference=references.load(SUITE.references, metric).reference)
        found.append(collect_evidence(run, before, name, swapped))
    return found


def use_baseline(root: Path, run: Run) -> None:
    """All that a session does with a baseline, but for generating."""
    resolved = resolve(Job(SUITE, plan().target), Options(baselines=root / "baselines"))
    stored = resolved.baseline
    assert stored is not None
    baselines.check_readable(stored)
    provenance.read(root / "baselines" / FOLDER)
    bare = replace(run, samples=tuple(replace(each, scores={}, reasons={}) for each in run.samples))
    scored = score(
        replace(bare, metrics={}, set_scores={}, features={}),
        SUITE,
        SUITE.samples,
        root / "session" / FOLDER,
        "cpu",
        stored,
    )
    names = [*SUITE.metrics, COLLAPSED]
    compare(Subject(resolved=resolved, run=scored, baseline=stored, round=0, cases=[], metrics=names), len(names), 1)


def use_session(root: Path, _: Run) -> None:
    """All that is done with a session and its runs once they are on disk."""
    rewrite_page(root / "session")
    run = run_folder.read(root / "session" / FOLDER)
    accepting.accept(root / "session" / FOLDER, root / "elsewhere", dry_run=True)
    # What a dry run finds nothing wrong with can be written, and read again.
    try:
        accepting.accept(root / "session" / FOLDER, root / "elsewhere")
        assert baselines.find(root / "elsewhere", run.suite, run.target) is not None
    except SdevalError as error:
        raise AssertionError("was found after something had been written") from error


def use_part(root: Path, _: Run) -> None:
    """Some of its cases are accepted, and the scores of others."""
    parts = (accepting.Part(("cross",)), accepting.Part(("circle",), ("frechet_distance",)))
    source = root / "session" / FOLDER
    accepting.write(accepting.propose(source, root / "baselines", parts, suite_of=lambda _: SUITE))
    assert baselines.find(root / "baselines", "few", "shapes") is not None


def use_further_run(root: Path, run: Run) -> None:
    """What `sdeval calibrate --runs` does with it."""
    further = _of_same(run_folder.read(root / "session" / FOLDER), SUITE, plan().target)
    summarize(SUITE, Measured((run, run, run), (further,)))


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in nested lists and mappings."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield from places(each, (*path, key))


def damaged(value: Any, path: tuple[Any, ...], into: Any) -> Any:
    """The value with something else at one place."""
    if not path:
        return "" if into is GONE else into
    changed = copy.deepcopy(value)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    if into is GONE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = into
    return changed


def garble(file: Path, line: int, path: tuple[Any, ...], into: Any) -> None:
    """Put something else in one place of a file of JSON, or of one line of it."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.suffix == ".jsonl" else [file.read_text()]
    lines[line] = json.dumps(damaged(json.loads(lines[line]), path, into))
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def ends_in_one_line(work: Callable[[], object]) -> None:
    said = "nothing"
    try:
        work()
    except SdevalError as error:
        said = str(error)
    assert len(said.splitlines()) == 1


SEEN = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
READERS = [
    ("session/few/shapes/run.json", use_session),
    ("session/few/shapes/run.json", use_further_run),
    ("session/few/shapes/samples.jsonl", use_session),
    ("session/few/shapes/samples.jsonl", use_further_run),
    ("session/few/shapes/timings.jsonl", use_session),
    ("session/verdicts.json", use_session),
    ("baselines/few/shapes/run.json", use_baseline),
    ("baselines/few/shapes/samples.jsonl", use_baseline),
    ("baselines/few/shapes/accepted.json", use_baseline),
    ("baselines/few/shapes/run.json", use_part),
    ("session/few/shapes/run.json", use_part),
    ("session/few/shapes/samples.jsonl", use_part),
]


@pytest.mark.parametrize(("file", "use"), READERS)
def test_another_value_in_any_place_ends_in_one_line(
    whole: Path, generated: tuple[Run, Path], tmp_path: Path, file: str, use: Callable[[Path, Run], None]
) -> None:
    line = 1 if file.endswith(".jsonl") else 0
    content = json.loads((whole / file).read_text().splitlines()[1] if line else (whole / file).read_text())

    @SEEN
    @given(st.sampled_from(list(places(content))), st.sampled_from(VALUES))
    def garbled(path: tuple[Any, ...], into: Any) -> None:
        shutil.rmtree(tmp_path / "root", ignore_errors=True)
        root = Path(shutil.copytree(whole, tmp_path / "root", symlinks=True))
        garble(root / file, line, path, into)
        ends_in_one_line(lambda: use(root, generated[0]))

    garbled()


FILES = [
    *READERS,
    ("session/few/shapes/features/clip.npy", use_session),
    ("session/few/shapes/images/cross@1.png", use_session),
    ("baselines/few/shapes/features/clip.npy", use_baseline),
    ("baselines/few/shapes/images/cross@1.png", use_baseline),
]


@pytest.mark.parametrize(("file", "use"), FILES)
@pytest.mark.parametrize("share", [None, 0.0, 0.1, 0.5, 0.9])
def test_a_file_that_is_gone_or_cut_ends_in_one_line(
    root: Path, generated: tuple[Run, Path], file: str, use: Callable[[Path, Run], None], share: float | None
) -> None:
    content = (root / file).read_bytes()
    (root / file).unlink()
    if share is not None:
        (root / file).write_bytes(content[: int(share * len(content))])
    ends_in_one_line(lambda: use(root, generated[0]))


@pytest.mark.parametrize("file", sorted({file for file, _ in FILES}))
def test_a_folder_in_the_place_of_a_file_ends_in_one_line(root: Path, generated: tuple[Run, Path], file: str) -> None:
    (root / file).unlink()
    (root / file).mkdir()
    for _, use in READERS:
        ends_in_one_line(partial(use, root, generated[0]))
