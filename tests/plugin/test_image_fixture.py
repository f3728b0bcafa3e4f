"""Ordinary tests have images judged that they generated themselves, beside suites or without any."""

from __future__ import annotations

import json
import shutil
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import pytest

import sdeval.cli
from tests.plugin.project import QUIET, SUITE, verdicts
from tests.plugin.test_front import run

IMAGES = """
import os
import numpy as np
import pytest
from PIL import Image

def generate(shift=0, noise=0.0):
    y, x = np.mgrid[0:48, 0:48]
    values = 128 + 80 * np.stack([np.sin((x + shift) / 7), np.cos(y / 9), np.sin((x + y) / 11)], -1)
    values[12:30, 10 + shift : 28 + shift] = (220, 30, 30)
    values = values + noise * np.random.default_rng(0).normal(size=values.shape)
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))

def now():
    return generate(int(os.environ.get("SHIFT", 0)), float(os.environ.get("NOISE", 0)))
"""
FOX = """
from images import generate, now, pytest, np, Image
def test_fox(sdeval_image):
    sdeval_image.check(now(), prompt="a red fox")
"""
TWO = """
from images import generate, now
def test_one(sdeval_image):
    sdeval_image.check(generate(), prompt="a red fox")
def test_two(sdeval_image):
    sdeval_image.check(now(), name="first")
    sdeval_image.check(generate(3), name="second")
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    pytester.makeini("[pytest]\npythonpath = .")
    pytester.makepyfile(images=IMAGES, test_fox=FOX)
    return pytester


def session(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_inprocess(*QUIET, *arguments)


def accept(pytester: pytest.Pytester, *arguments: str) -> None:
    session(pytester)
    assert sdeval.cli.main(["accept", *arguments]) == 0


def kinds(pytester: pytest.Pytester) -> dict[object, object]:
    return {verdict["case"]: verdict["verdict"] for verdict in verdicts(pytester)}


def accepted_cases(pytester: pytest.Pytester, suite: str) -> list[str]:
    lines = (pytester.path / "baselines" / suite / "test" / "samples.jsonl").read_text().splitlines()
    return [json.loads(line)["case"] for line in lines]


def test_an_image_without_a_baseline_is_new_and_fails_nothing(project: pytest.Pytester) -> None:
    result = session(project)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*1 new*", "*next: sdeval accept *", "*1 passed*"])
    assert kinds(project) == {"test_fox": "new"}


def test_an_image_without_a_baseline_fails_a_strict_session(project: pytest.Pytester) -> None:
    result = project.runpytest_inprocess("-p", "no:cacheprovider", "--sdeval-strict")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["test_fox: new: no baseline for this suite and target; page: *index.html"])


def test_an_accepted_image_passes_while_it_stays_the_same(project: pytest.Pytester) -> None:
    accept(project)
    assert session(project).ret == 0
    (verdict,) = verdicts(project)
    assert (verdict["verdict"], verdict["reason"]) == ("passed", "identical images")


def test_an_imperceptible_change_passes(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    accept(project)
    monkeypatch.setenv("NOISE", "1")
    assert session(project).ret == 0
    assert verdicts(project)[0]["reason"] == "images changed imperceptibly"


def test_a_changed_image_fails_with_metric_values_tolerance_and_page(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(project)
    monkeypatch.setenv("SHIFT", "6")
    result = session(project)
    assert result.ret == 1
    page = project.path / "reports" / "latest" / "index.html"
    result.stdout.fnmatch_lines(
        ["test_fox: regressed: ssim 100.00 → * (-*, tolerance 10.00): image changed *; page: reports/*/index.html"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    assert "a red fox" in page.read_text()


def test_a_change_of_colour_fails_which_ssim_does_not_see(project: pytest.Pytester) -> None:
    accept(project)
    project.makepyfile(test_fox=FOX.replace("now()", "now().point(lambda level: level * 0.85)"))
    session(project).stdout.fnmatch_lines(["test_fox: regressed: psnr 100.00 → 2*"])


def test_a_stated_tolerance_lets_a_change_pass(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    project.makepyfile(
        test_fox=FOX.replace('fox")', 'fox", tolerances={"ssim": 60, "psnr": 90, "sharpness": 20, "noise": 20})')
    )
    accept(project)
    monkeypatch.setenv("SHIFT", "6")
    assert session(project).ret == 0
    assert verdicts(project)[0]["reason"] == "image changed within the tolerances of one image"


def test_the_project_states_metrics_tolerances_and_the_target(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.makepyprojecttoml(
        '[tool.sdeval.image]\ntarget = "engine-2"\ntolerances = { ssim = 60, psnr = 70 }\n'
        "[tool.pytest.ini_options]\npythonpath = ['.']\n"
    )
    (project.path / "tox.ini").unlink()
    accept(project)
    monkeypatch.setenv("SHIFT", "6")
    session(project)
    (verdict,) = verdicts(project)
    assert (verdict["target"], verdict["metric"], verdict["tolerance"]) == ("engine-2", "psnr", 70.0)


def test_a_changed_image_can_be_accepted_by_its_name(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    project.makepyfile(test_fox=TWO)
    accept(project)
    monkeypatch.setenv("SHIFT", "6")
    assert session(project).ret == 1
    assert sdeval.cli.main(["accept", "-k", "test_two-first"]) == 0
    assert session(project).ret == 0


def test_a_broken_image_fails_without_a_baseline(project: pytest.Pytester) -> None:
    project.makepyfile(test_fox=FOX.replace("now()", "np.full((48, 48, 3), np.nan)"))
    result = session(project)
    result.stdout.fnmatch_lines(["test_fox: broken: non_finite (*); page: *"])
    assert kinds(project) == {"test_fox": "broken"}


def test_a_style_that_looks_like_a_defect_can_be_allowed(project: pytest.Pytester) -> None:
    project.makepyfile(test_fox=FOX.replace("now()", "Image.new('RGB', (48, 48), 'black')"))
    session(project).stdout.fnmatch_lines(
        ['test_fox: broken: black (*); if it is meant to look so: check(…, allow=[[]"black"[]]); page: *']
    )
    black = (project.path / "test_fox.py").read_text()
    project.makepyfile(test_fox=black.replace('fox")', 'fox", allow=["black"])'))
    accept(project)
    assert session(project).ret == 0
    assert kinds(project) == {"test_fox": "passed"}


def test_parametrised_tests_and_several_images_have_names_of_their_own(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_fox="""
        from images import generate, pytest
        @pytest.mark.parametrize("scheduler", ["ddim-20", "euler a", "euler.a"])
        class TestSchedulers:
            def test_fox(self, sdeval_image, scheduler):
                sdeval_image.check(generate())
                sdeval_image.check(generate())
                sdeval_image.check(generate(), name="far")
        """
    )
    session(project)
    names = sorted(map(str, kinds(project)))
    assert len(names) == 9
    assert "TestSchedulers-test_fox-ddim-20" in names
    assert "TestSchedulers-test_fox-ddim-20-2" in names
    assert "TestSchedulers-test_fox-ddim-20-far" in names


def test_a_module_is_a_suite_named_by_its_path(project: pytest.Pytester) -> None:
    (project.path / "tests" / "models").mkdir(parents=True)
    (project.path / "test_fox.py").rename(project.path / "tests" / "models" / "test_Flux_dev.py")
    session(project)
    assert verdicts(project)[0]["suite"] == "tests-models-flux-dev"


def test_part_of_a_session_leaves_other_images_accepted(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.makepyfile(test_fox=TWO)
    accept(project)
    monkeypatch.setenv("SHIFT", "6")
    session(project, "-k", "test_two")
    assert kinds(project) == {"test_two-first": "regressed"}
    assert sdeval.cli.main(["accept"]) == 0
    assert accepted_cases(project, "fox") == ["test_one", "test_two-first", "test_two-second"]
    assert session(project).ret == 0


def test_a_test_that_is_gone_takes_its_image_along_at_the_next_accept(project: pytest.Pytester) -> None:
    project.makepyfile(test_fox=TWO)
    accept(project)
    project.makepyfile(test_fox=TWO.replace("def test_one", "def other"))
    accept(project)
    assert accepted_cases(project, "fox") == ["test_two-first", "test_two-second"]


def test_a_test_that_was_skipped_keeps_its_image(project: pytest.Pytester) -> None:
    project.makepyfile(test_fox=TWO)
    accept(project)
    project.makepyfile(test_fox=TWO.replace("def test_one", "import pytest\n@pytest.mark.skip\ndef test_one"))
    accept(project)
    assert accepted_cases(project, "fox")[0] == "test_one"
    assert list(kinds(project)) == ["test_two-first", "test_two-second"]


def test_a_node_id_is_part_of_its_module(project: pytest.Pytester) -> None:
    project.makepyfile(test_fox=TWO)
    accept(project)
    session(project, "test_fox.py::test_two")
    assert sdeval.cli.main(["accept"]) == 0
    assert len(accepted_cases(project, "fox")) == 3


def test_a_test_that_fails_before_its_image_is_on_the_page(project: pytest.Pytester) -> None:
    project.makepyfile(test_fox=FOX.replace("sdeval_image.check", "1 / 0; sdeval_image.check"))
    assert session(project).ret == 1
    (verdict,) = verdicts(project)
    assert (verdict["case"], verdict["verdict"]) == ("test_fox", "unscored")
    assert "before it had an image: ZeroDivisionError" in str(verdict["reason"])


def test_a_test_that_fails_after_its_image_leaves_its_verdict(project: pytest.Pytester) -> None:
    accept(project)
    project.makepyfile(test_fox=f"{FOX}    assert False\n")
    assert session(project).ret == 1
    assert kinds(project) == {"test_fox": "passed"}


def test_a_test_that_is_expected_to_fail_fails_nothing(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(project)
    project.makepyfile(test_fox=FOX.replace("def test", "@pytest.mark.xfail(reason='new scheduler')\ndef test"))
    monkeypatch.setenv("SHIFT", "6")
    assert session(project).ret == 0
    assert kinds(project) == {"test_fox": "informational"}


def test_the_last_run_of_a_flaky_test_counts(project: pytest.Pytester) -> None:
    accept(project)
    flaky = "from pathlib import Path\ndef now():\n    seen = Path('seen').exists()\n    Path('seen').touch()\n"
    project.makepyfile(test_fox=FOX + flaky + "    return generate(0 if seen else 6)\n")
    result = session(project, "--reruns", "1")
    assert result.ret == 0
    assert kinds(project) == {"test_fox": "passed"}


@pytest.mark.slow
def test_workers_write_one_session(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    project.makepyfile(test_fox=TWO, test_second=FOX)
    done = run(project.path, "-n", "2", "-v")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "scheduling tests via LoadScheduling" in done.stdout
    assert len(verdicts(project)) == 4
    assert sdeval.cli.main(["accept"]) == 0
    assert len(accepted_cases(project, "fox")) == 3
    monkeypatch.setenv("SHIFT", "6")
    done = run(project.path, "-n", "2")
    assert done.returncode == 1
    assert sorted(map(str, kinds(project).values())) == ["passed", "regressed", "regressed"]


def test_a_large_image_is_compared_at_full_size_where_the_store_has_it(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.makepyfile(test_fox=FOX.replace("now(), ", "now().resize((192, 192)), allow=['missing_area'], "))
    accept(project)
    assert session(project).ret == 0
    monkeypatch.setenv("SHIFT", "6")
    session(project).stdout.fnmatch_lines(["test_fox: regressed: *"])
    shutil.rmtree(project.path / "baselines" / ".images")
    session(project).stdout.fnmatch_lines(["test_fox: unscored: *cannot be compared at full size*"])


def test_suites_and_images_are_in_one_session(project: pytest.Pytester) -> None:
    project.makepyfile(test_suite=SUITE.format(task="text2img", name="few"))
    assert session(project).ret == 0
    assert {verdict["suite"] for verdict in verdicts(project)} == {"few", "fox"}
    assert sdeval.cli.main(["accept"]) == 0
    assert sorted(path.parent.parent.name for path in project.path.glob("baselines/*/*/run.json")) == ["few", "fox"]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("[now()]", "image: must be a PIL image, a path, or an array *; got list *"),
        ("np.zeros((1, 48, 48, 3))", "*got ndarray [[]1, 48, 48, 3[]] of float64*"),
        ("np.full((48, 48, 3), 200.0)", "*got floats from 200 to 200*"),
        ("'nowhere.png'", "*no such file: nowhere.png*"),
        ("Image.new('RGBA', (48, 48), (1, 2, 3, 4))", "*image: is transparent*"),
    ],
)
def test_what_is_no_image_is_named(project: pytest.Pytester, image: str, message: str) -> None:
    project.makepyfile(test_fox=FOX.replace("now()", image))
    result = session(project)
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"test_fox: unscored: {message}"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("metrics=['ssin']", "*unknown metric 'ssin'; did you mean ssim*"),
        ("metrics=['frechet_distance']", "metric frechet_distance: cannot judge one image by itself*"),
        ("tolerances={'clip_score': 1}", "tolerances: clip_score is none of the metrics ssim,*"),
        ("allow=['size_mismatch']", "allow: unknown defect 'size_mismatch'*"),
        ("suite='My Suite'", "suite name 'My Suite' must be lower-case*"),
        ("metric='ssim'", "*unexpected keyword argument*"),
    ],
)
def test_what_cannot_be_asked_is_named(project: pytest.Pytester, arguments: str, message: str) -> None:
    project.makepyfile(test_fox=FOX.replace('"a red fox"', f'"a red fox", {arguments}'))
    result = session(project)
    assert result.ret == 1
    result.stdout.fnmatch_lines([f"*{message}"])


SIGN = """
import os
from PIL import Image, ImageDraw, ImageFont
def test_sign(sdeval_image):
    image = Image.new("RGB", (256, 96), "white")
    ImageDraw.Draw(image).text((20, 20), os.environ.get("SIGN", "flux"), fill="black", font=ImageFont.load_default(48))
    sdeval_image.check(image, text="flux", metrics=["text_accuracy"])
"""


def test_a_sign_that_is_misspelt_fails(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    # Imported out here, since pytester forgets what a session imports, and OpenCV cannot be imported twice.
    pytest.importorskip("rapidocr")
    import rapidocr.main  # noqa: F401

    project.makepyfile(test_fox=SIGN)
    accept(project)
    monkeypatch.setenv("SIGN", "flax")
    result = session(project)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["test_sign: regressed: text_accuracy 100.00 → 75.00 (-25.00, tolerance 6.00)*"])
    page = (project.path / "reports" / "latest" / "index.html").read_text(encoding="utf-8")
    assert "only the tests know the model" in page


def test_a_metric_that_reads_writing_needs_a_text(project: pytest.Pytester) -> None:
    project.makepyfile(test_fox=FOX.replace('"a red fox"', "'', metrics=['text_accuracy']"))
    result = session(project)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["test_fox: unscored: *text*"])


def test_a_metric_that_reads_the_prompt_needs_one(project: pytest.Pytester) -> None:
    project.makepyprojecttoml(
        '[tool.sdeval.image]\nmetrics = ["clip_score"]\nmetric-options = { clip_model = "shapes" }\n'
        "[tool.pytest.ini_options]\npythonpath = ['.']\n"
    )
    (project.path / "tox.ini").unlink()
    project.makepyfile(test_fox=FOX, test_no=FOX.replace('prompt="a red fox"', ""))
    result = session(project)
    result.stdout.fnmatch_lines(
        ["test_fox: unscored: prompt: is missing; metric clip_score compares the image with it*"]
    )
    assert sorted(map(str, kinds(project).values())) == ["new"] or result.ret == 1


def test_images_of_a_suite_have_the_same_metrics(project: pytest.Pytester) -> None:
    project.makepyfile(test_fox=TWO.replace('name="first"', 'name="first", metrics=["psnr"]'))
    session(project).stdout.fnmatch_lines(["*metrics: all images of fox have the same, and those of *"])


def test_a_fixture_that_comes_too_late_says_so(project: pytest.Pytester) -> None:
    project.makepyfile(test_fox="def test_fox(request): request.getfixturevalue('sdeval_image')")
    session(project).stdout.fnmatch_lines(["*sdeval_image: write it among the arguments of the test*"])


def test_wrong_settings_end_the_session_before_a_test_runs(project: pytest.Pytester) -> None:
    project.makepyprojecttoml("[tool.sdeval.image]\nmetric = ['ssim']\n")
    assert run(project.path).returncode == pytest.ExitCode.USAGE_ERROR


def test_the_command_that_shows_an_image_names_its_test(
    project: pytest.Pytester, capsys: pytest.CaptureFixture[str]
) -> None:
    session(project)
    assert sdeval.cli.main(["show", "test_fox@0"]) == 0
    assert "generate it again: pytest test_fox.py::test_fox" in capsys.readouterr().out


def properties_and_outputs(path: Path) -> tuple[dict[str | None, str | None], list[str]]:
    root = ElementTree.parse(path).getroot()
    properties = {element.get("name"): element.get("value") for element in root.iter("property")}
    return properties, [element.text or "" for element in root.iter("system-out")]


def test_junit_holds_the_values_of_every_image_and_names_pairs_of_failed_ones(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.makepyfile(test_fox=TWO.replace('name="second"', 'name="third"'))
    accept(project)
    monkeypatch.setenv("SHIFT", "6")
    session(project, "--junitxml=junit.xml")
    properties, outputs = properties_and_outputs(project.path / "junit.xml")
    assert properties["test_two-first.verdict"] == "regressed"
    assert properties["test_two-first.metric"] == "ssim"
    assert properties["test_one.suite"] == "fox"
    latest = (project.path / "reports" / "latest").resolve()
    pair = latest / "pairs" / "fox" / "test" / "test_two-first@0.png"
    assert outputs == [f"[[ATTACHMENT|{pair}]]"]
    assert pair.is_file()


def test_gitlab_finds_a_pair_among_the_artifacts_of_its_job(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(project)
    monkeypatch.setenv("SHIFT", "6")
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_PROJECT_DIR", str(project.path))
    session(project, "--junitxml=junit.xml")
    (output,) = properties_and_outputs(project.path / "junit.xml")[1]
    assert output.startswith("[[ATTACHMENT|reports/2")


ENGINE = """
from images import generate as painted
def generate(case, seed, black=0):
    return painted().point(lambda level: 0 if black and case.id == "square" else level)
"""


def test_a_case_of_a_suite_names_its_pair(project: pytest.Pytester) -> None:
    (project.path / "test_fox.py").unlink()
    suite = SUITE.format(task="text2img", name="few").replace("settings={", 'targets=("python:engine.py:generate",), #')
    suite = suite.replace('metrics=("clip_score",)', 'metrics=("sharpness",)')
    project.makepyfile(engine=ENGINE, test_suite=suite)
    accept(project)
    assert session(project, "--junitxml=junit.xml", "--sdeval-set", "black=1").ret == 1
    _, outputs = properties_and_outputs(project.path / "junit.xml")
    assert any(output.endswith("pairs/few/engine-generate/square@0.png]]") for output in outputs)


@pytest.mark.skipif(find_spec("allure_pytest") is None, reason="allure-pytest is not installed")
def test_allure_shows_the_pair_of_a_failed_image(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    accept(project)
    monkeypatch.setenv("SHIFT", "6")
    done = run(project.path, "--alluredir=allure")
    assert done.returncode == 1, done.stdout + done.stderr
    (result,) = (project.path / "allure").glob("*-result.json")
    attachments = json.loads(result.read_text())["attachments"]
    (attachment,) = [attachment for attachment in attachments if attachment["type"] == "image/png"]
    assert attachment["name"] == "test_fox@0"
    assert (project.path / "allure" / attachment["source"]).read_bytes().startswith(b"\x89PNG")


def test_tests_that_do_not_use_the_fixture_write_nothing(project: pytest.Pytester) -> None:
    project.makepyfile(test_fox="def test_plain(): pass")
    assert run(project.path).returncode == 0
    assert not (project.path / "reports").exists()


def test_one_test_runs_against_several_engines(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_fox="""
        from images import generate, pytest
        @pytest.mark.parametrize("engine", ["cuda", "onnx"])
        def test_fox(sdeval_image, engine):
            sdeval_image.check(generate(), target=engine)
        """
    )
    accept(project)
    assert session(project, "--sdeval-strict").ret == 0
    assert sorted(str(verdict["target"]) for verdict in verdicts(project)) == ["cuda", "onnx"]
    assert json.loads((project.path / "reports" / "latest" / "verdicts.json").read_text())["notes"] == []


def test_a_shard_has_no_images_of_ordinary_tests(project: pytest.Pytester) -> None:
    result = session(project, "--sdeval-shard", "1/2")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--sdeval-shard: is for suites, and test_fox.py::test_fox uses sdeval_image*"])
