from __future__ import annotations

from pathlib import Path

import pytest

from sdeval.cli import main
from tests.cli.project import write_project
from tests.fetching.fake_hub import CHECKPOINT, FakeHub

SUITE = """
from sdeval import Case, Suite

test_cats = Suite(
    name="cats", task="text2img", targets=("mine",), metrics=({metrics}), {more}
    cases=[Case(id="cat", prompt="a cat")],
)
"""
NEEDED = [name for name in CHECKPOINT if name.count("/") == 0 or name.startswith(("scheduler/", "unet/", "vae/"))]
SIZE = sum(len(CHECKPOINT[name]) for name in NEEDED if name != "model.safetensors" and name.count(".") == 1)
SIZE -= len(CHECKPOINT["unet/diffusion_pytorch_model.bin"])
TABLE = '[tool.sdeval.targets.mine]\nmodel = "org/model"\n'


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    """A project with one suite, whose model is on a hub."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    fake = FakeHub({"org/model": CHECKPOINT}, tmp_path / "cache")
    fake.install(monkeypatch)
    return fake


def write(root: Path, metrics: str = '"sharpness",', more: str = "", table: str = TABLE) -> None:
    (root / "suites").mkdir(exist_ok=True)
    (root / "suites" / "test_cats.py").write_text(SUITE.format(metrics=metrics, more=more), encoding="utf-8")
    (root / "pyproject.toml").write_text(table, encoding="utf-8")


def test_sizes_are_said_then_everything_is_fetched(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["org/model", "7", str(SIZE), "bytes", "for", "target", "mine"]
    assert lines[2:] == [f"fetching: {SIZE} bytes", "fetched org/model"]
    assert hub.asked[-1] == "model_index.json"


@pytest.mark.usefixtures("hub")
def test_the_second_time_there_is_nothing_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "cats"]) == 0
    capsys.readouterr()
    assert main(["fetch", "suites/test_cats.py"]) == 0
    assert capsys.readouterr().out == "everything is on this machine\n"


def test_a_dry_run_fetches_nothing(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch", "--dry-run"]) == 0
    assert capsys.readouterr().out.endswith(f"would fetch: {SIZE} bytes\n")
    assert hub.asked == []


def test_offline_each_item_has_its_line(
    hub: FakeHub, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.offline = True
    write(tmp_path, '"clip_score", "lpips"')
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    assert main(["fetch"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(": ")[2].partition(":")[0] for line in lines] == [
        "metric clip_score of cats",
        "metric lpips of cats",
        "target mine",
    ]
    assert all("HF_HUB_OFFLINE is set; unset it" in line for line in lines)


def test_a_model_that_is_here_is_enough_offline(hub: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fetch"]) == 0
    hub.offline = True
    capsys.readouterr()
    assert main(["fetch"]) == 0
    assert capsys.readouterr().out == "everything is on this machine\n"


def test_adaptations_autoencoders_and_priors_are_fetched_too(hub: FakeHub, tmp_path: Path) -> None:
    lora, vae = {"pytorch_lora_weights.safetensors": b"lora"}, {"config.json": b"{}", "a.safetensors": b"vae"}
    hub.repositories = {"org/model": CHECKPOINT, "org/lora": lora, "org/vae": vae}
    write(tmp_path, table=f'{TABLE}vae = "org/vae"\nloras = {{ "org/lora" = 0.5 }}\n')
    assert main(["fetch"]) == 0
    assert {"pytorch_lora_weights.safetensors", "a.safetensors"} <= set(hub.asked)


def test_a_prior_that_the_card_of_a_model_names_is_fetched_after_it(hub: FakeHub, tmp_path: Path) -> None:
    index = CHECKPOINT["model_index.json"].replace(b"StableDiffusionPipeline", b"KandinskyV22Pipeline")
    decoder = {**CHECKPOINT, "model_index.json": index, "README.md": b"---\nprior:\n- org/prior\n---\n"}
    hub.repositories = {"org/model": decoder, "org/prior": {**CHECKPOINT, "vae/extra.json": b"{}"}}
    assert main(["fetch"]) == 0
    assert "vae/extra.json" in hub.asked


@pytest.mark.usefixtures("hub")
def test_targets_that_cannot_run_here_are_left_out_unless_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sdeval.engines.hardware.cuda_devices", lambda: 0)
    write(tmp_path, table=f'{TABLE}needs = "cuda"\n')
    assert main(["fetch"]) == 0
    assert "cats is left out: mine cannot run on this machine" in capsys.readouterr().out
    assert main(["fetch", "--all"]) == 0
    assert "fetched org/model" in capsys.readouterr().out


def test_programs_and_the_embedded_model_need_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path)
    assert main(["fetch", "--target", "ours", "--target", "shapes"]) == 0
    assert capsys.readouterr().out == "everything is on this machine\n"
