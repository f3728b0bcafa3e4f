"""Self-checks of targets and machines, on pipelines that are made faulty on purpose."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sdeval.cli import doctor as command
from sdeval.cli import main
from sdeval.config.target_registry import shipped_targets
from sdeval.diagnostics import doctor
from sdeval.diagnostics.doctor import Check, alone_or_together, check_seeds, examine, machine, repeatable
from sdeval.diagnostics.faults import FAULTS, alter_call
from sdeval.engines.diffusers_engine import LoadedTarget
from sdeval.engines.generated import Generated, to_image
from tests.conftest import ROOT
from tests.families import stable_diffusion
from tests.generated import SETTINGS, plan

SUITE = plan(seeds=(0,), metrics=("clip_score",)).suite


def generated(image: np.ndarray) -> Generated:
    return Generated(SUITE.samples[0], to_image(image), True, False, 0.0)


@pytest.fixture
def smooth() -> np.ndarray:
    rows, columns = np.mgrid[0:64, 0:64] / 63
    return np.stack([rows, columns, rows * columns], axis=-1)


@pytest.mark.parametrize(("moved", "state"), [(0.0, "fine"), (0.004, "look"), (0.2, "wrong")])
def test_the_same_sample_twice_must_be_the_same_to_the_last_bit(smooth: np.ndarray, moved: float, state: str) -> None:
    check = repeatable(generated(smooth), generated(smooth * (1 - moved)))
    assert (check.name, check.state) == ("repeatable", state)
    assert bool(check.advice) == (state != "fine")


@pytest.mark.parametrize(("moved", "state"), [(0.0, "fine"), (0.004, "fine"), (0.2, "look")])
def test_a_batch_may_change_what_nobody_sees(smooth: np.ndarray, moved: float, state: str) -> None:
    check = alone_or_together(generated(smooth), generated(smooth * (1 - moved)))
    assert (check.name, check.state) == ("batches", state)
    assert bool(check.advice) == (state != "fine")


@pytest.mark.parametrize(("moved", "state"), [(0.0, "wrong"), (0.004, "wrong"), (0.2, "fine")])
def test_another_seed_must_generate_another_image(smooth: np.ndarray, moved: float, state: str) -> None:
    check = check_seeds(generated(smooth), generated(smooth * (1 - moved)))
    assert (check.name, check.state) == ("seeds", state)
    assert bool(check.advice) == (state != "fine")


def test_how_far_an_image_moved_is_told_in_levels() -> None:
    one, other = np.zeros((16, 16, 3)), np.zeros((16, 16, 3))
    other[0, 0] = 1.0
    check = check_seeds(generated(one), generated(other))
    assert check.found.endswith(", 1.00 levels on average, 255 at most")


def test_images_of_other_sizes_have_changed(smooth: np.ndarray) -> None:
    assert repeatable(generated(smooth), generated(smooth[:32])).state == "wrong"


def by_name(checks: list[Check]) -> dict[str, str]:
    return {check.name: check.state for check in checks if check.name in ("repeatable", "batches", "seeds")}


def unseeded(pipeline: object) -> AbstractContextManager[None]:
    """Noise that no seed decides is in every image."""
    rng = np.random.default_rng()
    return alter_call(pipeline, images=lambda generated: np.clip(generated + rng.normal(0, 0.2, generated.shape), 0, 1))


def neighbourly(pipeline: object) -> AbstractContextManager[None]:
    """The more images in a batch, the darker."""
    return alter_call(pipeline, images=lambda generated: generated / len(generated))


@pytest.mark.parametrize(
    ("plant", "wrong"),
    [
        (nullcontext, {}),
        (unseeded, {"repeatable": "wrong", "batches": "look"}),
        (neighbourly, {"batches": "look"}),
        (FAULTS["prompts-shuffled"].plant, {"batches": "wrong"}),
        (FAULTS["seeds-ignored"].plant, {"seeds": "wrong"}),
    ],
    ids=["sound", "unseeded", "neighbourly", "prompts-shuffled", "seeds-ignored"],
)
def test_a_faulty_pipeline_is_found_by_the_check_that_is_for_it(
    loaded: LoadedTarget, plant: Callable[[object], AbstractContextManager[None]], wrong: dict[str, str]
) -> None:
    with plant(loaded.pipeline("text2img")):
        checks = examine(loaded, SUITE, SETTINGS, SUITE.samples)
    assert by_name(checks) == {"repeatable": "fine", "batches": "fine", "seeds": "fine", **wrong}


def test_the_machine_is_looked_at_too(loaded: LoadedTarget) -> None:
    checks = examine(loaded, SUITE, SETTINGS, SUITE.samples[:1])
    assert {"threads", "load"} <= {check.name for check in checks}


def state_of(name: str) -> Check:
    return next(check for check in machine() if check.name == name)


@pytest.mark.parametrize(
    ("policy", "threads", "state"),
    [("PASSIVE", 4, "fine"), ("passive", 4, "fine"), (None, 1, "fine"), (None, 4, "look"), ("ACTIVE", 4, "look")],
)
def test_spinning_threads_are_to_be_looked_at(
    monkeypatch: pytest.MonkeyPatch, policy: str | None, threads: int, state: str
) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    if policy:
        monkeypatch.setenv("OMP_WAIT_POLICY", policy)
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    check = state_of("threads")
    assert check.state == state
    assert check.found == f"{threads} threads, OMP_WAIT_POLICY={policy}"
    assert ("OMP_WAIT_POLICY=PASSIVE" in check.advice) == (state == "look")


@pytest.mark.parametrize(("load", "cores", "state"), [(0.9, 2, "fine"), (1.1, 2, "look"), (1.1, 8, "fine")])
def test_other_work_on_the_machine_is_to_be_looked_at(
    monkeypatch: pytest.MonkeyPatch, load: float, cores: int, state: str
) -> None:
    monkeypatch.setattr(doctor.os, "getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr(doctor.os, "cpu_count", lambda: cores)
    check = state_of("load")
    assert check.state == state
    assert check.found == f"{load} processes on {cores} cores over the last minute"


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A GPU of 8 GiB, all of it free, with nothing loose."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (8 * 2**30, 8 * 2**30))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda: 0)
    # torch's own switches cannot be put back by monkeypatch.
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.delenv("NVIDIA_TF32_OVERRIDE", raising=False)
    precise = SimpleNamespace(fp32_precision="ieee")
    monkeypatch.setattr(torch.backends.cuda, "matmul", SimpleNamespace(fp32_precision="none"))
    monkeypatch.setattr(torch.backends, "cudnn", SimpleNamespace(conv=precise, benchmark=False))
    return monkeypatch


GPU = ("TF32", "cuDNN benchmark", "GPU memory")


def test_without_a_gpu_nothing_is_said_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert not {check.name for check in machine()} & set(GPU)


def test_a_gpu_on_which_nothing_is_loose_is_fine(gpu: pytest.MonkeyPatch) -> None:
    assert {name: state_of(name).state for name in GPU} == dict.fromkeys(GPU, "fine")


def test_rounding_to_ten_bits_is_to_be_looked_at(gpu: pytest.MonkeyPatch) -> None:
    gpu.setattr(torch.backends.cudnn.conv, "fp32_precision", "tf32")
    check = state_of("TF32")
    assert (check.state, check.found) == ("look", "matrix products IEEE, convolutions TF32")
    assert check.advice.endswith(" or set NVIDIA_TF32_OVERRIDE=0")
    gpu.setenv("NVIDIA_TF32_OVERRIDE", "0")
    assert state_of("TF32").state == "fine"


def test_older_versions_of_torch_have_other_switches(gpu: pytest.MonkeyPatch) -> None:
    gpu.setattr(torch.backends.cuda, "matmul", SimpleNamespace(allow_tf32=True))
    gpu.setattr(torch.backends, "cudnn", SimpleNamespace(allow_tf32=True, benchmark=False))
    check = state_of("TF32")
    assert (check.state, check.found) == ("look", "matrix products TF32, convolutions TF32")


def test_older_gpus_cannot_round(gpu: pytest.MonkeyPatch) -> None:
    gpu.setattr(torch.backends.cudnn.conv, "fp32_precision", "tf32")
    gpu.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    assert (state_of("TF32").state, state_of("TF32").advice) == ("fine", "")


MIXED = """
import warnings
warnings.simplefilter("error")
import torch
torch.cuda.get_device_capability = lambda: (9, 0)
from sdeval.diagnostics.doctor import tf32
print(tf32().found)
if hasattr(torch.backends.cuda.matmul, "fp32_precision"):
    torch.backends.cudnn.conv.fp32_precision = "ieee"
    torch.backends.cuda.matmul.fp32_precision = "tf32"
    assert tf32().found == "matrix products TF32, convolutions IEEE", tf32().found
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    assert tf32().state == "fine"
    torch.backends.cuda.matmul.fp32_precision = "none"
    torch.backends.fp32_precision = "tf32"
    assert tf32().found == "matrix products TF32, convolutions IEEE", tf32().found
torch.backends.cuda.matmul.allow_tf32 = True
assert tf32().found.startswith("matrix products TF32"), tf32().found
"""


def test_torchs_own_switches_are_read_in_any_mixture_without_a_warning() -> None:
    """In a process of its own: what was set cannot be put back."""
    done = subprocess.run([sys.executable, "-c", MIXED], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "matrix products IEEE, convolutions TF32"


def test_a_search_for_the_fastest_algorithm_is_to_be_looked_at(gpu: pytest.MonkeyPatch) -> None:
    gpu.setattr(torch.backends.cudnn, "benchmark", True)
    assert state_of("cuDNN benchmark").state == "look"


def test_memory_that_others_hold_is_to_be_looked_at_and_our_own_is_not(gpu: pytest.MonkeyPatch) -> None:
    gpu.setattr(torch.cuda, "mem_get_info", lambda: (6 * 2**30, 8 * 2**30))
    assert state_of("GPU memory").state == "look"
    assert state_of("GPU memory").found == "2.0 of 8 GiB held by others"
    gpu.setattr(torch.cuda, "memory_reserved", lambda: 2 * 2**30)
    assert state_of("GPU memory").state == "fine"


def saying(monkeypatch: pytest.MonkeyPatch, *checks: Check) -> None:
    monkeypatch.setattr(doctor, "examine", lambda *_: list(checks))


def test_the_command_prints_what_was_found_and_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    saying(monkeypatch, Check("repeatable", "fine", "the same"), Check("batches", "look", "other", "use 1"))
    assert main(["doctor", "--no-metrics"]) == 0
    told = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert told == ["✓ repeatable the same", "! batches other", "→ use 1"]


def test_the_command_ends_with_1_where_something_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    saying(monkeypatch, Check("repeatable", "fine", "the same"), Check("seeds", "wrong", "identical", "fix it"))
    assert main(["doctor", "--no-metrics"]) == 1
    assert "✗ seeds" in capsys.readouterr().out
    assert set(command.MARKS) == {"fine", "look", "wrong"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "shape"], "unknown target 'shape'; did you mean shapes?"),
        (["--target", ""], "unknown target ''. Known: "),
        (["--target", "./nowhere"], "no such folder: ./nowhere"),
        (["--target", "some/model"], "weights of some/model are not on this machine; get them with: hf download"),
        (["--set", "guidence_scale=1"], "unknown setting 'guidence_scale'; did you mean guidance_scale"),
        (["--set", "dtype=float"], "unknown dtype 'float'"),
        (["--set", "scheduler=DDIM"], "unknown scheduler 'DDIM'"),
        (["--set", "guidance_scale"], "setting 'guidance_scale': must be KEY=VALUE"),
    ],
)
def test_mistakes_end_in_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_the_embedded_model_is_fit_to_be_judged(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--set", "num_inference_steps=2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in ("repeatable", "batches", "seeds", "clip_score, embedded CLIP"):
        assert any(line.startswith(f"✓ {name} ") for line in lines)


def test_an_inpainting_checkpoint_is_asked_for_inpainting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stable_diffusion(tmp_path / "tiny", in_channels=9)
    capsys.readouterr()
    assert main(["doctor", "--target", str(tmp_path / "tiny"), "--no-metrics"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("✓ repeatable")
    assert "4 calls of the pipeline, inpainting" in printed.err


OWN_EDIT = """
from PIL import Image


def edit(case, seed):
    return Image.open(case.inputs[0]).rotate(seed)
"""


def test_a_program_that_edits_is_asked_for_an_edit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "engine.py").write_text(OWN_EDIT, encoding="utf-8")
    target = ["--target", f"python:{tmp_path / 'engine.py'}:edit"]
    assert main(["doctor", *target, "--no-metrics"]) == 2
    assert main(["doctor", *target, "--no-metrics", "--task", "edit"]) == 0
    assert "3 calls of the pipeline, edit" in capsys.readouterr().err


def test_every_call_is_reported_once_it_is_done() -> None:
    engine = LoadedTarget(shipped_targets()["shapes"])
    done: list[int] = []
    examine(engine, SUITE, SETTINGS, SUITE.samples[:2], done.append)
    assert len(done) == doctor.count_calls(engine) == 4
