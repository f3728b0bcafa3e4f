from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml

from sdeval.cli import main
from sdeval.config.discovery import find_suites
from sdeval.config.options import read_table
from sdeval.config.target_registry import of_project
from tests.cli.test_cli import contents
from tests.conftest import ROOT

GENERAL = ("--target", "org/model", "--no-gpu")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def schema_of(path: Path) -> Path:
    """The schema that the first line of a file names."""
    first = path.read_text(encoding="utf-8").splitlines()[0]
    return path.parent / first.replace("=", " ").split()[-1]


def test_the_defaults_are_text_to_image_on_the_embedded_model(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init"]) == 0
    assert capsys.readouterr().out.splitlines()[:8] == [
        "wrote suites/test_text2img.py",
        "wrote suites/text2img/cases.yaml",
        "wrote suites/schemas/cases.schema.json",
        "wrote suites/schemas/targets.schema.json",
        "wrote suites/targets.toml",
        "wrote pyproject.toml",
        "wrote .gitignore",
        "wrote .github/workflows/images.yml",
    ]
    (suite,) = find_suites("suites", folder)
    assert (suite.task, suite.targets, len(suite.cases)) == ("text2img", ("shapes",), 12)
    assert read_table(folder) == {"baselines": "baselines", "output": "reports"}


@pytest.mark.parametrize("task", ["img2img", "inpainting"])
@pytest.mark.parametrize("options", [(), GENERAL])
def test_images_and_masks_of_other_tasks_are_made(folder: Path, task: str, options: tuple[str, ...]) -> None:
    assert main(["init", "--task", task, "--ci", "none", *options]) == 0
    (suite,) = find_suites("suites", folder)
    assert all(case.image and case.image.is_file() for case in suite.cases)
    assert all((case.mask is not None) == (task == "inpainting") for case in suite.cases)


@pytest.mark.parametrize("options", [(), GENERAL])
def test_editors_find_a_schema_that_the_files_fit(folder: Path, options: tuple[str, ...]) -> None:
    assert main(["init", "--task", "inpainting", *options]) == 0
    cases, targets = folder / "suites" / "inpainting" / "cases.yaml", folder / "suites" / "targets.toml"
    for path, content in ((cases, yaml.safe_load(cases.read_text())), (targets, tomllib.loads(targets.read_text()))):
        schema = json.loads(schema_of(path).read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(schema).validate(content)


def test_a_second_time_everything_is_left_and_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["init", "--task", "inpainting"])
    before = contents(folder)
    capsys.readouterr()
    assert main(["init", "--task", "inpainting"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert contents(folder) == before
    assert not [line for line in lines if line.startswith(("wrote", "added"))]
    assert "left suites/test_inpainting.py as it is: is there already" in lines
    assert "left suites/inpainting/images/ as it is (12 .png files): is there already" in lines
    assert "left pyproject.toml as it is: has [tool.sdeval] already" in lines


def test_what_a_project_has_already_is_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "pyproject.toml").write_text('[project]\nname = "ours"\nversion = "1"\n')
    (folder / ".gitignore").write_text("*.pyc\n")
    (folder / "suites").mkdir()
    (folder / "suites" / "targets.toml").write_text('[ours]\nmodel = "org/ours"\n')
    assert main(["init", "--target", "org/new", "--gpu"]) == 0
    assert tomllib.loads((folder / "pyproject.toml").read_text())["project"]["name"] == "ours"
    assert (folder / ".gitignore").read_text() == "*.pyc\n/reports/\n"
    targets = of_project(folder, {})
    assert (targets["ours"].model, targets["new"].model) == ("org/ours", "org/new")
    assert (targets["new"].dtype, targets["new"].needs) == ("float16", "cuda")
    assert "added to suites/targets.toml" in capsys.readouterr().out


def test_a_folder_of_ones_own_is_named_as_seen_from_the_project(folder: Path) -> None:
    (folder / "models" / "Ours_v2").mkdir(parents=True)
    assert main(["init", "--target", "models/Ours_v2", "--no-gpu", "--ci", "none"]) == 0
    assert of_project(folder, {})["ours-v2"].model == "./models/Ours_v2"
    assert find_suites("suites", folder)[0].targets == ("ours-v2",)


def test_a_target_with_a_name_needs_no_table(folder: Path) -> None:
    assert main(["init", "--target", "sd3.5"]) == 0
    assert find_suites("suites", folder)[0].targets == ("sd3.5",)
    assert tomllib.loads((folder / "suites" / "targets.toml").read_text()) == {}
    assert "[self-hosted, gpu]" in (folder / ".github" / "workflows" / "images.yml").read_text()


def test_a_name_with_a_dot_is_quoted(folder: Path) -> None:
    assert main(["init", "--target", "org/model-1.5", "--no-gpu"]) == 0
    assert of_project(folder, {})["model-1.5"].model == "org/model-1.5"


def test_another_folder_can_be_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "qa", "--ci", "gitlab"]) == 0
    assert (folder / "qa" / ".gitlab-ci.yml").is_file()
    assert capsys.readouterr().out.splitlines()[-1] == "next: cd qa && pytest suites"


@pytest.mark.parametrize("target", ["python:engine.py:generate", "comfyui:http://localhost:8188"])
def test_what_another_kind_of_target_takes_is_not_guessed(folder: Path, target: str) -> None:
    assert main(["init", "--target", target]) == 0
    (suite,) = find_suites("suites", folder)
    assert suite.settings == {}
    assert of_project(folder, {})[suite.targets[0]].model == target


def test_weights_are_fetched_first_where_there_are_some(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", *GENERAL]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "next: sdeval fetch && pytest suites"


def test_what_the_suite_can_show_at_best_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "--metrics", "clip_score,sharpness"]) == 0
    assert "at best, 12 cases with 4 seeds can show a loss of clip_score from 1.73 on" in capsys.readouterr().out


def test_a_workflow_below_the_top_of_a_repository_is_pointed_out(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".git").mkdir()
    assert main(["init", "qa"]) == 0
    assert "GitHub reads workflows only from the top of the repository: move" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--target", "sdx"], "unknown target 'sdx'; did you mean sdxl"),
        (["--metrics", "clip_scor"], "unknown metric 'clip_scor'; did you mean clip_score"),
        (["--metrics", "seam"], "--metrics: seam is for inpainting, not for text2img"),
        (["--metrics", "frechet_distance"], "--metrics: frechet_distance needs reference images"),
        (["--metrics", ","], "--metrics: must be distinct and at least one"),
        (["--metrics", "noise,noise"], "--metrics: must be distinct and at least one"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_written(
    folder: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", *options]) == 2
    assert message in capsys.readouterr().err
    assert not list(folder.iterdir())


def test_a_file_is_no_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "qa").write_text("")
    assert main(["init", "qa"]) == 2
    assert "qa: is no folder" in capsys.readouterr().err


def on_terminal(folder: Path, answers: str, *options: str) -> tuple[int, str]:
    """Exit code and output of `sdeval init` on a terminal."""
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "sdeval.cli", "init", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb", "NO_COLOR": "1"}
    process = subprocess.Popen(command, cwd=folder, env=environment, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    os.write(controller, answers.encode())
    output = b""
    while True:
        try:
            output += os.read(controller, 4096)
        # The end, as Linux says it.
        except OSError:
            break
    os.close(controller)
    return process.wait(), output.decode()


def test_on_a_terminal_it_asks(folder: Path) -> None:
    code, output = on_terminal(folder, "img2img\norg/model\n\nyes\nnone\n")
    assert code == 0, output
    assert "Task [text2img/img2img/inpainting/edit] (text2img)" in output
    (suite,) = find_suites("suites", folder)
    assert (suite.task, suite.targets) == ("img2img", ("model",))
    assert of_project(folder, {})["model"].needs == "cuda"
    assert not (folder / ".github").exists()


def test_what_is_given_is_not_asked(folder: Path) -> None:
    code, output = on_terminal(folder, "\n", "--task", "text2img", "--target", "shapes", "--metrics", "noise")
    assert code == 0, output
    assert "Task" not in output
    assert "CI [github/gitlab/none] (github)" in output


def test_an_end_of_input_writes_nothing(folder: Path) -> None:
    code, output = on_terminal(folder, "\x04")
    assert code == 2
    assert "the input ended before all was answered" in output
    assert not list(folder.iterdir())


def test_yes_asks_nothing(folder: Path) -> None:
    code, output = on_terminal(folder, "", "--yes")
    assert code == 0, output
    assert "Task" not in output
