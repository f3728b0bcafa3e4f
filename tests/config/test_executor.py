"""What `--sdeval-executor` may say, and which devices go with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdeval.config.devices import Devices, parse_devices
from sdeval.config.executor import LOCAL, ExecutorChoice, parse_executor
from sdeval.config.options import Config
from sdeval.errors import SdevalError


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("local", LOCAL),
        ("ray", ExecutorChoice("ray")),
        ("ray:head.example-1:6379", ExecutorChoice("ray", "head.example-1:6379")),
    ],
)
def test_executors_that_are_allowed(text: str, choice: ExecutorChoice) -> None:
    assert parse_executor(text) == choice


@pytest.mark.parametrize("text", ["", "dask", "local:1", "ray:", "ray:head", "ray:ray://head:10001", "ray:head:port"])
def test_other_executors_are_refused(text: str) -> None:
    with pytest.raises(SdevalError, match=r"^executor: must be local, ray, or ray:HOST:PORT, got "):
        parse_executor(text)


@pytest.mark.parametrize(("text", "share"), [("gpu:0.5", 0.5), ("gpu:.25", 0.25)])
def test_a_share_of_a_gpu(text: str, share: float) -> None:
    assert parse_devices(text) == Devices("shares", share=share)


@pytest.mark.parametrize("text", ["gpu:0", "gpu:0.0", "gpu:1", "gpu:2", "gpu:-0.5", "gpu:"])
def test_other_shares_are_refused(text: str) -> None:
    with pytest.raises(SdevalError, match=r"^devices: must be auto, all"):
        parse_devices(text)


@pytest.mark.parametrize(
    ("executor", "devices", "message"),
    [
        ("ray", "0,1", "devices: Ray hands out its GPUs itself; ask for all, gpu:SHARE or cpu:N"),
        ("local", "gpu:0.5", "devices: only Ray hands out shares of a GPU: --sdeval-executor ray"),
    ],
)
def test_devices_that_an_executor_does_not_have(executor: str, devices: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SdevalError) as caught:
        Config.merge({"executor": executor, "devices": devices}, {}, tmp_path, ci=False)
    assert str(caught.value) == message


def test_the_project_may_name_the_executor(tmp_path: Path) -> None:
    table = {"executor": "ray", "devices": "gpu:0.5"}
    assert Config.merge({}, table, tmp_path, ci=False).options.executor.is_ray
    assert not Config.merge({"executor": "local", "devices": "all"}, table, tmp_path, ci=False).options.executor.is_ray
