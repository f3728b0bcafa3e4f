"""What README.md and docs/ tell people to type is typed here: every command, every block of Python, YAML and TOML.

A new command fails the first test until it is listed: either where it is run, or with the reason why it cannot be here.
The options of all of them are checked in any case.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from PIL import Image

# Tests that run pytest in this process forget what it imported, and torch cannot be imported twice.
import sdeval.engines.diffusers_engine  # noqa: F401
from sdeval import Suite, metrics
from sdeval.cli import _parser
from sdeval.config import scorers
from sdeval.config.case_files import load_cases
from sdeval.config.image_store import StoreOptions
from sdeval.config.options import ImageOptions, read_table
from sdeval.config.target import Target
from sdeval.config.target_registry import of_project
from sdeval.engines.servers.checks import check, server_of
from sdeval.exporters import check_names
from sdeval.exporters.results import read_results
from sdeval.metrics import MetricOptions, metric_names
from sdeval.session.items import items_of
from tests.conftest import ROOT
from tests.engines.servers.comfy_fake import node, workflow, write
from tests.report.pages import session_page

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
PROGRAMS = ("pytest", "sdeval", "python", "python3", "git", "pip", "hf")

# In order; with the exit code that each must have.
OWN_SUITE = (
    ("pytest suites", 0),
    ("sdeval accept", 0),
    ("pytest suites", 0),
    ("pytest suites --sdeval-set num_inference_steps=2", 1),
)
"""README.md, "Your own project"."""
PROJECT = (
    ("pytest suites/test_animals.py", 0),
    ("sdeval accept", 0),
    ("pytest suites/test_animals.py", 0),
    ('sdeval accept -k "cat and not black"', 0),
    ("sdeval accept --metric clip_score", 0),
    ("sdeval accept RUN --dry-run --verbose", 0),
    ("sdeval show black-cat@1", 0),
    ("sdeval generate black-cat@1", 0),
    ("sdeval report", 0),
    ("sdeval report --single-file", 0),
    ("sdeval prune", 0),
    ("sdeval prune --keep-last 3 --keep-failed --dry-run", 0),
    ("sdeval prune --keep-days 14", 0),
    ("sdeval history", 0),
    ("sdeval history --plot history.html", 0),
    ("sdeval history --fail", 0),
    ("sdeval compare reports/monday reports/tuesday --reference sd15 --fail", 0),
    ("pytest suites --sdeval-set dtype=bfloat16 --sdeval-set guidance_scale=5", 0),
    ("pytest suites --sdeval-compare-to-python=ENV/bin/python", 0),
    ("pytest suites --sdeval-devices cpu:2", 0),
    ("sdeval status", 0),
    ("sdeval calibrate SUITE", 0),
    ("sdeval doctor", 0),
    ("sdeval store check", 0),
    ("sdeval store check --fast", 0),
    ("sdeval store push", 0),
    ("sdeval store prefetch --suite SUITE --target TARGET", 0),
    ("sdeval accept --draft", 0),
    ("sdeval promote", 0),
    ("sdeval import", 0),
    ("sdeval import parti-prompts", 0),
    ("sdeval import geneval --ready smoke --output suites/geneval-smoke.yaml", 0),
)
"""A small suite in the place of the reader's."""
START = (
    ("sdeval init", 0),
    ("sdeval fetch --dry-run", 0),
    ("sdeval fetch", 0),
    ("sdeval new suite portraits --task img2img", 0),
    ("sdeval new metric vividness", 0),
    ("sdeval new engine paintbox", 0),
    ("sdeval completion bash", 0),
)
"""docs/getting-started.md, without its sessions, which tests/end_to_end/test_first_ten_minutes.py runs."""
CLONE = (
    ("pytest suites -k text2img --sdeval-set num_inference_steps=2", 1),
    ("python -m pytest suites -p tests.end_to_end.plant --plant mask-inverted", 1),
)
"""In the clone, with the suites of the embedded model."""

INSTALLS = "installs a new environment; .ci/run does it"
END_TO_END = "takes minutes in the clone; tests/end_to_end/test_suites.py runs it"
FIRST_MINUTES = "takes minutes; tests/end_to_end/test_first_ten_minutes.py runs it"
PUBLISHED = "needs the published file; tests/cli/test_import.py makes one like it"
GPU = "needs a GPU and weights from the hub"
GIT = "needs a repository with baselines; tests/cli/test_store.py makes one"
MACHINES = "takes several sessions; tests/cli/test_merge.py makes them"
BENCHMARK = "a benchmark of many minutes"
ELSEWHERE = {
    "python3 -m venv .venv && . .venv/bin/activate && pip install . && pytest suites": INSTALLS,
    "python3 -m venv .venv && . .venv/bin/activate && pip install -e '.[dev]' && pytest -n 2": INSTALLS,
    "pip install 'pytest-sdeval[ocr]'": "installs a package; the tests of its metrics need it",
    "python3 -m venv .venv && . .venv/bin/activate": INSTALLS,
    "pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu": INSTALLS,
    "pip install pytest-sdeval": INSTALLS,
    "pip install ../sdeval": INSTALLS,
    "sdeval init --target stable-diffusion-v1-5/stable-diffusion-v1-5 --gpu": "tests/cli/test_init.py has one",
    "sdeval schema cases > suites/cases.schema.json": "takes a shell; tests/cli/test_schema.py prints it",
    "pytest suites --sdeval-target shapes-dpm --sdeval-compare-to shapes": FIRST_MINUTES,
    "pytest suites --sdeval-set guidance_scale=1": END_TO_END,
    "pytest suites --sdeval-set dtype=bfloat16": END_TO_END,
    "pytest suites --sdeval-set scheduler=DPMSolverMultistepScheduler": END_TO_END,
    "pytest suites --sdeval-batch-size 1": END_TO_END,
    "pytest suites --sdeval-target sd15 --sdeval-target sd15-unipc --sdeval-target sd15-lcm": GPU,
    "pytest suites --sdeval-target sd15-unipc --sdeval-compare-to sd15": GPU,
    "pytest suites --sdeval-target ours-int8 --sdeval-compare-to ours": GPU,
    "pytest suites --sdeval-target openai-images:http://localhost:8000": "tests/plugin/test_servers.py has a server",
    "pytest suites --sdeval-devices all": GPU,
    "pytest suites --sdeval-devices 0,1": GPU,
    "pytest suites --sdeval-shard 1/4": MACHINES,
    "sdeval merge DIR… --output DIR": MACHINES,
    "python -m benchmarks.pool": BENCHMARK,
    "git bisect start HEAD v1.4": "needs a history with a fault in it; tests/cli/test_bisect.py makes one",
    "git bisect run sdeval bisect --baselines-of v1.4 -- suites/test_animals.py": "tests/cli/test_bisect.py runs it",
    "sdeval open": "needs a browser; tests/cli/test_cli.py runs it",
    "sdeval accept approvals.json": "needs cases that were ticked in a browser; tests/cli/test_cli.py does it",
    "sdeval promote 20261127-101500-9f2c": "needs a draft of that name; tests/cli/test_promote.py makes one",
    "sdeval store gc": GIT,
    "sdeval store gc --delete": GIT,
    "sdeval store gc --ref main --ref v2 --older-than 30": GIT,
    "sdeval store gc --history": GIT,
    "sdeval import parti-prompts PartiPrompts.tsv --limit 64 --stratify category --output suites/parti.yaml": PUBLISHED,
    "sdeval import mlperf-coco captions_source.tsv --ready mlperf": PUBLISHED,
    "sdeval sensitivity shapes-text2img": "minutes; tests/diagnostics/test_sensitivity.py has a small suite",
    "python -m benchmarks.defects --images 16": BENCHMARK,
    "python -m benchmarks.error_rates --sessions 300 --harmed 100": BENCHMARK,
    'python -m benchmarks.error_rates --rules "sdeval, 2 to 4 seeds"': BENCHMARK,
    "python -m benchmarks.small_suites --sessions 200 --losses 40": BENCHMARK,
    "python -m benchmarks.embedded_power --sessions 20": BENCHMARK,
    "python benchmarks/sensitivity.py --repeats 3": BENCHMARK,
    "python -m benchmarks.metric_faults": "tests/diagnostics/test_known_faults.py measures again, smaller",
    "python -m benchmarks.set_metrics": BENCHMARK,
    "python benchmarks/drift_over_sessions.py --histories 20000": BENCHMARK,
    "python benchmarks/overhead.py": "minutes; .ci/run does it",
    "python benchmarks/overhead.py --new": "minutes; .ci/run does it",
    "python benchmarks/real_size.py sd15 --steps 50": GPU,
    "python -m benchmarks.gpu_acceptance": "needs a GPU; tests/tools/test_gpu_acceptance.py runs it on a CPU",
    "python -m benchmarks.gpu_acceptance --device cpu --tiny --slack 10 --limit 1200 --output /tmp/acceptance": (
        "minutes; tests/tools/test_gpu_acceptance.py runs it"
    ),
    "python -m benchmarks.torture.sessions": "minutes; a smaller one is among the slow tests",
    "python -m benchmarks.torture.accept": "minutes; a smaller one is among the slow tests",
    "python -m benchmarks.torture.fuzz": "minutes; smaller ones are among the tests",
    "python -m benchmarks.mutants --package stats --sample 60 --seed 21": BENCHMARK,
    "python -m benchmarks.text_reading": BENCHMARK,
    "python -m benchmarks.scale memory": BENCHMARK,
    "python -m benchmarks.scale time": BENCHMARK,
    "python -m benchmarks.start": BENCHMARK,
    'pip install "pytest-sdeval[ray]"': INSTALLS,
    "pytest suites --sdeval-executor ray": "needs a cluster; tests/executors/cluster/test_cluster.py starts one",
    "pytest suites --sdeval-executor ray:10.0.0.5:6379": "tests/executors/cluster/test_cluster.py has a cluster",
    "python -m benchmarks.cluster --rounds 3": BENCHMARK,
    "python -m benchmarks.cluster --rounds 3 --waiting": BENCHMARK,
    "python -m benchmarks.cost_model": BENCHMARK,
    "python -m benchmarks.cost_model --images 1000000 --gpus 64 --seconds-per-image 2": BENCHMARK,
    "python -m benchmarks.cost_model measure --size 1024": BENCHMARK,
    "python -m benchmarks.page": "needs a browser, and minutes",
    "python -m benchmarks.page --size 1024 --samples 2000": "needs a browser, and minutes",
    "python -m benchmarks.page --size 1024 --samples 2000 --without-thumbnails": "needs a browser, and minutes",
}
"""Why it is not run here."""


def fenced(page: Path, language: str) -> list[str]:
    """Blocks between fences, of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[str]:
    """Command lines of a page, in fences or indented, without what is said of them."""
    text = page.read_text(encoding="utf-8")
    shells = [block for language in ("bash", "console", "shell", "sh") for block in fenced(page, language)]
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in shells for line in block.splitlines()]
    lines += [line[4:] for line in outside.splitlines() if line.startswith("    ")]
    stripped = [re.sub(r"\s+#.*$", "", line.removeprefix("$ ")).rstrip() for line in lines]
    return [line for line in stripped if line.split(" ")[0] in PROGRAMS]


EVERY = [(page.name, command) for page in PAGES for command in commands(page)]


def test_every_command_is_run_or_says_why_not() -> None:
    known = {command for command, _ in (*OWN_SUITE, *PROJECT, *START, *CLONE)} | set(ELSEWHERE)
    written = {command for _, command in EVERY}
    assert written - known == set()
    assert known - written == set()


@pytest.mark.parametrize("command", sorted({command for _, command in EVERY}))
def test_every_option_is_known(command: str, pytester: pytest.Pytester) -> None:
    for part in command.split(" && "):
        arguments = shlex.split(part.partition(" > ")[0])
        if arguments[:3] == ["python", "-m", "pytest"]:
            arguments = arguments[2:]
        if arguments[0] == "pytest":
            pytester.syspathinsert(ROOT)
            pytester.parseconfig(*arguments[1:])
        elif arguments[0] == "sdeval":
            _parser(arguments[1]).parse_args(arguments[1:])
        elif arguments[:2] == ["git", "bisect"] and "sdeval" in arguments:
            bisect = arguments[arguments.index("sdeval") + 1 :]
            _parser("bisect").parse_args(bisect)
        elif arguments[:2] == ["python", "-m"]:
            assert find_spec(arguments[2])
        elif arguments[0] == "python":
            assert (ROOT / arguments[1]).is_file()


def test_commands_that_are_run_elsewhere_are_there() -> None:
    text = (ROOT / "tests" / "end_to_end" / "test_suites.py").read_text(encoding="utf-8")
    for command in (command for command, reason in ELSEWHERE.items() if reason == END_TO_END):
        option, value = shlex.split(command)[2:]
        assert f'"{option}", "{value}"' in text
    assert "benchmarks/overhead.py" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def run(command: str, folder: Path, code: int) -> str:
    """Run a command in a folder as a reader would, and return what it prints."""
    # Workers of pytest-xdist have COLUMNS.
    outside = ("CI", "COLUMNS", "GITHUB_STEP_SUMMARY")
    environment = {name: value for name, value in os.environ.items() if name not in outside}
    binaries = Path(sys.executable).parent
    environment |= {"PATH": f"{binaries}{os.pathsep}{environment['PATH']}", "PYTHONPATH": str(ROOT)}
    arguments = shlex.split(command)
    if arguments[0] in ("pytest", "sdeval"):
        # The scripts of the environment may belong to another checkout.
        module = {"pytest": "pytest", "sdeval": "sdeval.cli"}[arguments.pop(0)]
        arguments = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == code, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stdout + done.stderr
    assert "Error: " not in done.stdout.replace("SdevalError: ", "")
    return done.stdout


@pytest.mark.slow
def test_the_suite_of_the_readme_goes_as_it_says(tmp_path: Path) -> None:
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "test_shapes.py").write_text(fenced(PAGES[0], "python")[0], encoding="utf-8")
    outputs = [run(command, tmp_path, code) for command, code in OWN_SUITE]
    assert (tmp_path / "baselines" / "my-shapes" / "shapes" / "run.json").is_file()
    (printed,) = re.findall(r"^```\n(✗.*?)…\n```$", PAGES[0].read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert without_numbers(printed) <= without_numbers(outputs[-1]), outputs[-1]


def without_numbers(text: str) -> set[str]:
    """The lines of an output, whatever its values and the width of its columns."""
    return {re.sub(r"\s+", " ", re.sub(r"[-+<]?\d[\d.]*", "0", line)) for line in text.splitlines()}


def test_the_readme_is_read_in_two_minutes() -> None:
    text = PAGES[0].read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 130
    assert sum(any(map(str.isalnum, word)) for word in text.split()) <= 700


def test_the_two_commands_of_the_readme_are_those_of_ci() -> None:
    """On a fresh machine, one runs the main job, and one the tests."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    environment, lines = "python3 -m venv .venv && . .venv/bin/activate && ", set(commands(PAGES[0]))
    assert {line.removeprefix(environment) for line in lines if line.startswith(environment)} == {
        "pip install . && pytest suites",
        "pip install -e '.[dev]' && pytest -n 2",
    }
    assert environment.replace(" && ", "\n") in script
    assert "pip install --quiet . && pytest suites" in script
    assert "pip install --quiet --editable '.[dev]' && pytest -n 2" in script


def test_the_report_of_the_readme_names_where_its_images_are_from() -> None:
    for page in (PAGES[0], ROOT / "docs" / "index.md"):
        text = page.read_text(encoding="utf-8")
        assert text.index("report.png") < text.index("stable-diffusion.cpp") < text.index("MIT licence")


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_what_files_of_the_root_link_to_is_there(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.slow
def test_the_site_is_built_strictly(tmp_path: Path) -> None:
    """No page is left out, and no link leads nowhere."""
    output = run(f"{sys.executable} -m mkdocs build --strict --site-dir {tmp_path / 'site'}", ROOT, 0)
    assert "WARNING" not in output
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert re.findall(r'(?:src|href)="https?://(?!github\.com)[^"]*\.(?:js|css|woff2?)', page) == []
    assert "Suite" in (tmp_path / "site" / "reference" / "python-api" / "index.html").read_text(encoding="utf-8")


def constants() -> set[str]:
    """Every text in the code of sdeval, those between the values of f-strings too."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in (ROOT / "sdeval").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return {node.value for node in nodes if isinstance(node.value, str)}


def test_the_messages_of_the_page_on_troubleshooting_are_those_of_the_code() -> None:
    page = (ROOT / "docs" / "how-to" / "troubleshooting.md").read_text(encoding="utf-8")
    messages = re.findall(r"^\| `([^`]*)` \|", page, re.MULTILINE)
    assert len(messages) > 40
    texts = constants()
    parts = {part.strip(" ,;") for message in messages for part in message.split("…")}
    assert [part for part in sorted(parts) if not any(part in text for text in texts)] == []


def test_the_environment_variables_of_the_code_are_documented() -> None:
    page = (ROOT / "docs" / "reference" / "environment.md").read_text(encoding="utf-8")
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "sdeval").rglob("*.py"))
    read = set(re.findall(r"environ(?:\.get\(|\[)\"([A-Z][A-Z_]+)\"\)?(?! *=)", code))
    read |= set(re.findall(r"\bSDEVAL_[A-Z_]+", code)) | set(
        re.findall(r'"([A-Z][A-Z_]+)" (?:not )?in os\.environ', code)
    )
    internal = {"PYTEST_XDIST_TESTRUNUID", "HF_HUB_DISABLE_PROGRESS_BARS"}
    assert {name for name in read - internal if f"`{name}`" not in page} == set()


def test_what_somebody_types_who_begins_runs_in_an_empty_folder(tmp_path: Path) -> None:
    outputs = [run(command, tmp_path, code) for command, code in START]
    assert outputs[0].endswith("next: pytest suites\n")
    assert outputs[1:3] == ["everything is on this machine\n"] * 2


ANIMALS = """
from sdeval import Case, Suite

test_animals = Suite(
    name="animals",
    task="text2img",
    cases=[
        Case(id="black-cat", prompt="a large red circle on a blue background"),
        Case(id="white-cat", prompt="a large green square on a white background"),
        Case(id="dog", prompt="a large white cross on a purple background"),
    ],
    seeds=(0, 1),
    settings={"num_inference_steps": 8, "guidance_scale": 4},
    metrics=("clip_score",),
    metric_options={"clip_model": "shapes"},
)
"""
PLACEHOLDERS = {
    "ENV/bin/python": sys.executable,
    "RUN": "reports/latest",
    "--suite SUITE --target TARGET": "--suite animals --target shapes",
    "SUITE": "suites/test_animals.py",
    "--reference sd15": "--reference 'shapes #1'",
}


@pytest.mark.slow
def test_commands_of_the_pages_run_in_a_small_project(tmp_path: Path) -> None:
    (tmp_path / "suites").mkdir()
    (tmp_path / "pyproject.toml").write_text('[tool.sdeval]\nstore = "image-store"\n', encoding="utf-8")
    (tmp_path / "suites" / "test_animals.py").write_text(ANIMALS, encoding="utf-8")
    for number, (command, code) in enumerate(PROJECT):
        for placeholder, value in PLACEHOLDERS.items():
            command = command.replace(placeholder, value)
        run(command, tmp_path, code)
        if number in (0, 2):
            session = (tmp_path / "reports" / "latest").resolve()
            shutil.copytree(session, tmp_path / "reports" / ("monday" if number == 0 else "tuesday"))


@pytest.mark.slow
@pytest.mark.parametrize(("command", "code"), CLONE)
def test_commands_for_the_clone_fail_by_what_was_planted(command: str, code: int, tmp_path: Path) -> None:
    output = run(f"{command} --sdeval-output {tmp_path} -p no:cacheprovider", ROOT, code)
    assert "KeyError" not in output
    assert "regressed" in output
    assert "unscored" not in output


@pytest.mark.slow
def test_the_notebook_of_the_page_on_reports_runs(tmp_path: Path) -> None:
    (tmp_path / "notebook.py").write_text(fenced(ROOT / "docs" / "reports.md", "python")[0], encoding="utf-8")
    output = run(f"{sys.executable} notebook.py", tmp_path, 0)
    assert "regressed" in output


def test_every_block_in_fences_is_one_that_is_tried_here() -> None:
    languages = {
        page.relative_to(ROOT).as_posix().removeprefix("docs/"): re.findall(
            r"^```(\w+)$", page.read_text(encoding="utf-8"), re.MULTILINE
        )
        for page in PAGES
    }
    assert {name: found for name, found in languages.items() if found} == {
        "README.md": ["python"],
        "how-to/compare-settings.md": ["toml"],
        "how-to/lora-and-quantisation.md": ["toml"],
        "how-to/tolerances.md": ["python"],
        "ci.md": ["toml"],
        "metrics.md": ["yaml"],
        "exporters.md": ["toml", "python", "toml"],
        "fixture.md": ["python", "toml"],
        "objects.md": ["yaml", "python"],
        "reports.md": ["python"],
        "scorers.md": ["toml", "python"],
        "stores.md": ["toml"],
        "suites.md": ["python", "yaml", "yaml"],
        "targets.md": ["toml", "python", "toml", "toml"],
    }


def test_the_function_of_the_page_on_targets_generates(
    pytester: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    (program,) = fenced(ROOT / "docs" / "targets.md", "python")
    pytester.mkdir("engines").joinpath("ours.py").write_text(program, encoding="utf-8")
    pytester.makepyfile(
        our_product="""
        from PIL import Image

        def pipeline(prompt, images, mask, steps, seed):
            assert (prompt, images, mask, steps) == ("a goose", (), None, 4)
            return Image.radial_gradient("L").resize((64, 64)).rotate(5 * seed + 5, fillcolor=90).convert("RGB")
        """,
        test_geese="""
        from sdeval import Case, Suite

        cases = [Case(id="goose", prompt="a goose")]
        test_geese = Suite(
            name="geese",
            task="text2img",
            cases=cases,
            seeds=(0, 1),
            settings={"num_inference_steps": 4, "guidance_scale": 2},
            metrics=("noise",),
        )
        """,
    )
    pytester.makepyprojecttoml("[tool.sdeval]\n")
    pytester.syspathinsert()
    target = "python:engines/ours.py:generate"
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist", "--sdeval-target", target)
    assert result.ret == 0
    assert "unscored" not in result.stdout.str()


def test_the_case_of_the_page_on_metrics_is_read(tmp_path: Path) -> None:
    (cases,) = fenced(ROOT / "docs" / "metrics.md", "yaml")
    (tmp_path / "shop.yaml").write_text(cases, encoding="utf-8")
    (case,) = load_cases(tmp_path / "shop.yaml")
    assert case.text == ("Open 24 h", "9 EUR")
    assert all(f'"{text}"' in case.prompt for text in case.text)


def test_the_suite_and_the_cases_of_the_page_on_suites_are_read(tmp_path: Path) -> None:
    page = ROOT / "docs" / "suites.md"
    (module,), (cases, _) = fenced(page, "python"), fenced(page, "yaml")
    (tmp_path / "test_animals.py").write_text(module, encoding="utf-8")
    (tmp_path / "animals.yaml").write_text(cases, encoding="utf-8")
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
        # Half of it is painted.
        Image.linear_gradient("L").resize((64, 64)).point(lambda grey: 255 * (grey > 127)).save(
            tmp_path / name / "bench.png"
        )
    (case,) = load_cases(tmp_path / "animals.yaml")
    assert (case.id, case.mask) == ("black-cat", tmp_path / "masks" / "bench.png")
    names: dict[str, object] = {"__file__": str(tmp_path / "test_animals.py")}
    exec(compile(module, "test_animals.py", "exec"), names)
    suite = names["test_animals"]
    assert isinstance(suite, Suite)
    assert suite.cases == (case,)


def test_the_edit_of_the_page_on_suites_is_read(tmp_path: Path) -> None:
    _, edits = fenced(ROOT / "docs" / "suites.md", "yaml")
    (tmp_path / "edits.yaml").write_text(edits, encoding="utf-8")
    (tmp_path / "images").mkdir()
    for name, size in (("cat", 64), ("hat", 50)):
        Image.new("RGB", (size, size), "teal").save(tmp_path / "images" / f"{name}.png")
    suite = Suite(name="edits", task="edit", cases=load_cases(tmp_path / "edits.yaml"))
    assert [len(case.inputs) for case in suite.cases] == [2]
    assert suite.cases[0].caption == "a cat with a red hat on a bench"


def test_the_table_of_the_page_on_ci_is_read(tmp_path: Path) -> None:
    (table,) = fenced(ROOT / "docs" / "ci.md", "toml")
    (tmp_path / "pyproject.toml").write_text(table, encoding="utf-8")
    assert read_table(tmp_path) == tomllib.loads(table)["tool"]["sdeval"]


def test_the_test_and_the_table_of_the_page_on_the_fixture_work(pytester: pytest.Pytester) -> None:
    (test,), (table,) = (fenced(ROOT / "docs" / "fixture.md", language) for language in ("python", "toml"))
    engine = """
        import types
        from PIL import Image
        image = Image.linear_gradient("L").resize((64, 64)).convert("RGB")
        my_engine = types.SimpleNamespace(generate=lambda prompt, seed: image)
        """
    pytester.makepyfile(test_own=f"{dedent(engine)}\n{test}")
    assert pytester.runpytest_inprocess("-p", "no:cacheprovider").ret == 0
    (pytester.path / "pyproject.toml").write_text(table, encoding="utf-8")
    options = ImageOptions.from_table(read_table(pytester.path)["image"])
    assert (options.target, options.metrics) == ("engine-2", ("clip_score", "lpips"))
    assert all(name in metric_names() for name in options.metrics)


def test_the_exporter_of_the_page_on_exporters_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = ROOT / "docs" / "exporters.md"
    (tmp_path / "pyproject.toml").write_text(fenced(page, "toml")[0], encoding="utf-8")
    check_names(read_table(tmp_path)["export"])
    names: dict[str, Any] = {}
    exec(compile(fenced(page, "python")[0], "exporter.py", "exec"), names)
    names["export"](read_results(session_page(tmp_path).parent))
    assert "animals/tiny broken 29.0" in capsys.readouterr().out
    assert "sdeval.exporters" in tomllib.loads(fenced(page, "toml")[1])["project"]["entry-points"]


def test_the_table_of_the_page_on_stores_is_read(tmp_path: Path) -> None:
    (table,) = fenced(ROOT / "docs" / "stores.md", "toml")
    (tmp_path / "pyproject.toml").write_text(table, encoding="utf-8")
    assert StoreOptions.from_table(read_table(tmp_path), tmp_path).url == "s3://my-bucket/image-pipeline"


def test_the_targets_of_the_page_on_targets_are_read(tmp_path: Path) -> None:
    own, guided, _ = fenced(ROOT / "docs" / "targets.md", "toml")
    table = f"{own}\n{guided}"
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "targets.toml").write_text(table, encoding="utf-8")
    assert set(tomllib.loads(table)) <= set(of_project(tmp_path, {}))


@pytest.mark.parametrize("name", ["compare-settings", "lora-and-quantisation"])
def test_the_targets_of_the_pages_on_comparisons_are_read(name: str, tmp_path: Path) -> None:
    (table,) = fenced(ROOT / "docs" / "how-to" / f"{name}.md", "toml")
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "targets.toml").write_text(table, encoding="utf-8")
    assert set(tomllib.loads(table)) <= set(of_project(tmp_path, {}))


def test_the_suite_of_the_page_on_tolerances_is_read() -> None:
    (module,) = fenced(ROOT / "docs" / "how-to" / "tolerances.md", "python")
    names: dict[str, object] = {}
    exec(compile(module, "test_signs.py", "exec"), names)
    suite = names["test_signs"]
    assert isinstance(suite, Suite)
    assert items_of(suite, [Target(name="mine", model="org/model")])


def test_the_servers_of_the_page_on_targets_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    *_, table = fenced(ROOT / "docs" / "targets.md", "toml")
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "targets.toml").write_text(table, encoding="utf-8")
    (tmp_path / "workflows").mkdir()
    nodes = {
        **workflow(),
        "9": node("ModelSamplingSD3", model=["4", 0], shift=3.0),
        "12": node("RandomNoise", noise_seed=1),
        "13": node("SaveImage", "Save", images=["8", 0]),
        "14": node("SaveImage", "Preview", images=["8", 0]),
    }
    write(tmp_path / "workflows", nodes, "portrait.json")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WEBUI_LOGIN", "me:pw")
    targets = of_project(tmp_path, {})
    for name, settings in (("ours-vllm", {}), ("ours-comfyui", {"shift": 2}), ("ours-a1111", {}), ("ours-sdcpp", {})):
        check(targets[name], "text2img", {**settings, **targets[name].settings})
    assert {name: server_of(targets[name]).name for name in tomllib.loads(table)} == {
        "ours-vllm": "vllm-omni",
        "ours-comfyui": "comfyui",
        "ours-a1111": "a1111",
        "ours-sdcpp": "sd.cpp",
    }


def test_the_case_and_the_suite_of_the_page_on_objects_are_read(tmp_path: Path) -> None:
    (cases,), (module,) = (fenced(ROOT / "docs" / "objects.md", language) for language in ("yaml", "python"))
    (tmp_path / "a.yaml").write_text(cases, encoding="utf-8")
    (case,) = load_cases(tmp_path / "a.yaml")
    suite = Suite(name="a", task="text2img", cases=(case,), metrics=("objects", "checklist"))
    assert items_of(suite, [Target(name="mine", model="org/model")])
    names: dict[str, object] = {}
    exec(compile(module, "test_breakfast.py", "exec"), names)
    own = names["test_breakfast"]
    assert isinstance(own, Suite)
    assert MetricOptions.from_suite(own, "cpu").checklist_key == "JUDGE_KEY"


def test_the_table_and_the_class_of_the_page_on_scorers_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (table,), (module,) = (fenced(ROOT / "docs" / "scorers.md", language) for language in ("toml", "python"))
    (tmp_path / "pyproject.toml").write_text(table, encoding="utf-8")
    monkeypatch.setattr(scorers, "_project", [tmp_path])
    assert metrics.info("image_reward").tolerance == 0.05
    names: dict[str, object] = {}
    exec(compile(module, "reward_scorer.py", "exec"), names)
    assert callable(names["Scorer"])
