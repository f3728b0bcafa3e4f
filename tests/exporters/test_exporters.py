"""Exporters in processes of their own: what they send, and that nothing of them reaches the session."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from sdeval import SdevalError, exporters
from sdeval.exporters.results import read_results
from tests.plugin.project import QUIET, SUITE
from tests.report.pages import session_page

OUTSIDE = """
import os, subprocess, sys, time
def good(results):
    open(os.environ["SEEN"], "w").write(f"{results.session} {len(results.runs)}")
def bad(results):
    print("noise")
    raise ValueError("no network\\nat all")
def leaves(results):
    os._exit(7)
def hangs(results):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    time.sleep(300)
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return session_page(tmp_path_factory.mktemp("project")).parent


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with exporters of its own, as an installed one has them."""
    (tmp_path / "outside.py").write_text(OUTSIDE)
    info = tmp_path / "outside-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    lines = [f"{name} = outside:{name}" for name in ("good", "bad", "leaves", "hangs")]
    (info / "entry_points.txt").write_text("\n".join(["[sdeval.exporters]", *lines, ""]))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("SEEN", str(tmp_path / "seen.txt"))
    return tmp_path


def test_the_values_of_a_session_need_nothing_else(session: Path) -> None:
    results = read_results(session)
    (run,) = results.runs
    assert (run.name, run.outcome, results.outcome) == ("animals/tiny", "broken", "failed")
    (metric,) = run.metrics
    assert (metric.name, metric.value, metric.low, metric.high, metric.verdict) == (
        "clip_score",
        29.0,
        -1.4,
        -0.6,
        "regressed",
    )
    assert run.numbers["clip_score/change_low"] == -1.4
    assert run.numbers["verdicts/passed"] == 4.0
    assert run.parameters["environment.torch"] == "2.0"
    assert run.parameters["environment.hardware"] == "a laptop"
    assert len(run.pairs) == 4
    assert results.page == str(session / "index.html")


def test_the_page_is_where_others_find_it(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDEVAL_PAGE_URL", "https://ci.example/page")
    assert read_results(session).page == "https://ci.example/page"


def test_an_exporter_of_another_package_gets_the_session(session: Path, outside: Path) -> None:
    assert "good" in exporters.names()
    assert exporters.export(session, ["good"], 120) == []
    assert (outside / "seen.txt").read_text() == f"{session.name} 1"


def test_each_failure_is_one_line(session: Path, outside: Path) -> None:
    assert exporters.export(session, ["bad", "leaves"], 120) == [
        "export to bad: ValueError: no network at all",
        "export to leaves: its process ended with exit code 7",
    ]


def test_an_exporter_that_hangs_is_ended_with_all_that_it_started(session: Path, outside: Path) -> None:
    started = time.monotonic()
    (line,) = exporters.export(session, ["hangs"], 8)
    assert line == "export to hangs: did not end within 8 seconds; [tool.sdeval] export-timeout allows more"
    assert time.monotonic() - started < 200
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "import time; time.sleep(300)" not in running


def test_an_unknown_exporter_is_named() -> None:
    with pytest.raises(SdevalError, match="unknown exporter 'mlfow'; did you mean mlflow"):
        exporters.check_names(["mlfow"])


@pytest.mark.parametrize("name", ["mlflow", "wandb", "trackio", "tensorboard"])
def test_a_package_that_is_not_installed_is_named(name: str, session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (name, "torch.utils.tensorboard"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(SdevalError, match=rf"needs the package {name}: pip install 'pytest-sdeval\[{name}\]'"):
        exporters.find(name)(read_results(session))


def test_a_session_is_exported_when_it_has_ended(pytester: pytest.Pytester, outside: Path) -> None:
    pytester.makepyfile(test_suite=SUITE.format(task="text2img", name="few"))
    result = pytester.runpytest_inprocess(*QUIET, "--sdeval-export", "good", "--sdeval-export", "bad")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["note: export to bad: ValueError: no network at all"])
    assert (outside / "seen.txt").read_text().endswith(" 1")


def test_the_project_says_where_to_export(pytester: pytest.Pytester, outside: Path) -> None:
    pytester.makepyprojecttoml('[tool.sdeval]\nexport = ["nowhere"]\n')
    pytester.makepyfile("def test_plain(): pass")
    result = pytester.runpytest_inprocess(*QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*export: unknown exporter 'nowhere'*"])


def test_mlflow_holds_values_tags_parameters_and_pairs(
    session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.chdir(tmp_path)
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    for _ in range(2):
        assert exporters.export(session, ["mlflow"], 300) == []
    client = mlflow.MlflowClient(store)
    experiment = client.get_experiment_by_name(session.parent.parent.name)
    runs = client.search_runs([experiment.experiment_id])
    assert len(runs) == 2
    assert runs[0].info.run_name == f"animals/tiny {session.name}"
    assert runs[0].info.status == "FINISHED"
    metrics, tags = runs[0].data.metrics, runs[0].data.tags
    assert (metrics["clip_score"], metrics["clip_score/change_high"]) == (29.0, -0.6)
    assert (tags["sdeval.verdict"], tags["sdeval.verdict.clip_score"]) == ("broken", "regressed")
    assert tags["sdeval.page"] == str(session / "index.html")
    assert runs[0].data.params["environment.hardware"] == "a laptop"
    pairs = client.list_artifacts(runs[0].info.run_id, "pairs")
    assert sorted(Path(pair.path).name for pair in pairs)[0] == "case-0@0.png"


def test_tensorboard_adds_a_step_for_every_session(session: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for _ in range(2):
        assert exporters.export(session, ["tensorboard"], 300) == []
    events = EventAccumulator(str(session.parent / "tensorboard" / "animals" / "tiny"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("clip_score")] == [(0, 29.0), (1, 29.0)]
    assert len(events.Images("pairs/case-0@0")) == 2
    text = events.Tensors("verdicts/text_summary")[0].tensor_proto.string_val[0].decode()
    assert "| case-0 | broken seed 0 is black |" in text


def test_wandb_writes_a_run_that_can_be_synchronised_later(
    session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    assert exporters.export(session, ["wandb"], 300) == []
    (folder,) = tmp_path.glob("wandb/offline-run-*")
    assert len(list(folder.glob("files/media/images/*.png"))) == 4
    content = next(folder.glob("*.wandb")).read_bytes()
    for text in (f"animals/tiny {session.name}", "clip_score/change_low", "environment.hardware", "verdict/clip_score"):
        assert text.encode() in content, text


def test_trackio_keeps_a_run_with_values_and_images(
    session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("trackio")
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    assert exporters.export(session, ["trackio"], 300) == []
    code = (
        "from trackio.sqlite_storage import SQLiteStorage as S\n"
        f"project = {session.parent.parent.name!r}\n"
        "(name,) = S.get_runs(project)\nprint(name, S.get_logs(project, name))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"animals/tiny {session.name}" in done.stdout
    assert "'clip_score': 29" in done.stdout
    assert len(list(tmp_path.rglob("*.png"))) == 4
