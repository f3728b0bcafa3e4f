"""Sessions that generate on several devices: `--sdeval-devices`, with and without pytest-xdist."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.plugin.painted import ITEMS, paint
from tests.plugin.project import QUIET


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    return paint(pytester)


def run_of(project: pytest.Pytester) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((project.path / "reports/latest/few/painted/run.json").read_text())
    return content


def test_what_is_no_device_is_a_usage_error(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess(*QUIET, "--sdeval-devices", "gpu")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*devices: must be auto, all, places in CUDA_VISIBLE_DEVICES*"])


def test_a_device_that_is_not_there_is_a_usage_error(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdeval.executors.places.cuda_devices", lambda: 0)
    result = project.runpytest_inprocess(*QUIET, "--sdeval-devices", "0")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*devices: this machine has no GPU that CUDA can use*cpu:2*"])


def test_the_project_may_name_the_devices(project: pytest.Pytester) -> None:
    table = project.path / "pyproject.toml"
    table.write_text(f'[tool.sdeval]\ndevices = "cpu:x"\n{table.read_text()}')
    result = project.runpytest_inprocess(*QUIET)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*devices: must be *, got 'cpu:x'"])


def test_an_interleaved_comparison_says_that_it_stays_on_one_device(project: pytest.Pytester) -> None:
    project.runpytest_inprocess(*QUIET, "--sdeval-devices", "cpu:2", "--sdeval-compare-to", "painted")
    assert any(
        note.startswith("an interleaved comparison generates on one device") for note in run_of(project)["notes"]
    )


@pytest.mark.slow
def test_processes_on_cores_generate_a_session(project: pytest.Pytester) -> None:
    # After the call that is checked, each process gets at least one of those that are left.
    result = project.runpytest_subprocess(*QUIET, "--sdeval-devices", "cpu:2", "--sdeval-batch-size", "1")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*few on painted (2 workers)*8/8 images*/s*s left*"])
    workers = run_of(project)["environment"]["workers"]
    assert workers["devices"] == ["cpu", "cpu"]
    verdicts = json.loads((project.path / "reports/latest/verdicts.json").read_text())["verdicts"]
    assert len(verdicts) == ITEMS
    (speed,) = [verdict for verdict in verdicts if verdict["metric"] == "seconds_per_image"]
    assert speed["reason"].startswith("not judged: processes of this session shared a device")


@pytest.mark.slow
def test_workers_of_xdist_have_processes_of_their_own(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess(*QUIET, "-n", "2", "--sdeval-devices", "cpu:2")
    assert result.ret == 0
    assert run_of(project)["environment"]["workers"]["devices"] == ["cpu"]


def test_more_workers_of_xdist_than_devices_are_a_usage_error(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess(*QUIET, "-n", "3", "--sdeval-devices", "cpu:2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*3 workers of pytest-xdist cannot share 2 (cpu); run pytest -n 2*"])
