"""Interpreters that misbehave: each ends in one line, in bounded time, and leaves no process behind."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from PIL import Image

from sdeval import Case, SdevalError, Target
from sdeval.config.case import Sample
from sdeval.config.target_registry import shipped_targets
from sdeval.engines.generated import Generated
from sdeval.engines.subprocess_engine import RemoteEngine
from sdeval.engines.worker_process import Limits
from tests.engines.fake_interpreter import make

LIMITS = Limits(hello=60.0, open=60.0, call=60.0, end=0.5)
SHORT = Limits(hello=60.0, open=1.0, call=1.0, end=0.3)
AT_ONCE = Limits(hello=1.0, open=60.0, call=60.0, end=0.3)
SAMPLES = [Sample(Case(id=name, prompt=f"a {name} circle"), 3) for name in ("red", "blue")]
READY = "hello(); read(); opened()\n"
READY_FOLDER = "hello(); folder = read()['folder']; opened()\n"


def opened(folder: Path, body: str, limits: Limits = LIMITS) -> RemoteEngine:
    return RemoteEngine(shipped_targets()["shapes"], make(folder, body), limits=limits)


def generate(folder: Path, body: str, limits: Limits = LIMITS) -> list[Generated]:
    engine = opened(folder, body, limits)
    try:
        return engine.generate("text2img", SAMPLES, {})
    finally:
        engine.close()


def one_line(error: pytest.ExceptionInfo[SdevalError]) -> str:
    text = str(error.value)
    assert text.isprintable()
    assert text.startswith("--sdeval-compare-to-python: ")
    assert len(text) < 1500
    return text


NOT_OPENED = {
    "no python at all": ("", r"ended with exit code 0 while starting; is it a Python with torch and diffusers\? Try: "),
    "an exit code": ("sys.exit(7)", "ended with exit code 7 while starting"),
    "a signal": ("os.kill(os.getpid(), signal.SIGSEGV)", "was ended by signal SIGSEGV while starting"),
    "another protocol": ("hello(protocol=99); time.sleep(9)", "answers in worker protocol 99, and worker protocol"),
    "no JSON": ("say('sdeval-worker answer 0 hello!\\n'); time.sleep(9)", "answer: "),
    "a list": ("answer(0, [1, 2]); time.sleep(9)", "answer: "),
    "text for a number": ("answer(0, {'protocol': 'two'})", "answer: protocol: must be a whole number"),
    "nesting": ("say('sdeval-worker answer 0 ' + '[' * 100000 + '\\n'); time.sleep(9)", "answer: "),
    "not UTF-8": ("os.write(1, b'sdeval-worker answer 0 \\xff\\xfe\\n'); time.sleep(9)", "answer: "),
    "closed output": ("os.close(1); time.sleep(9)", "closed its standard output while starting"),
    "nothing said": ("time.sleep(60)", r"because it took more than 1 seconds for starting"),
    "noise without end": (
        "while True: say('loading ' * 999 + '\\n')",
        "more than 1 seconds for starting; it wrote last: .*loading",
    ),
    "noise without a line break": ("while True: say('loading ' * 9999)", r"more than 1 seconds for starting"),
    "death at open": (
        "hello(); read(); sys.exit('no such GPU')",
        "exit code 1 while opening target shapes; .*no such GPU",
    ),
    "silence at open": ("hello(); read(); time.sleep(60)", r"more than 1 seconds for opening target shapes"),
    "requests not read": ("hello(); time.sleep(60)", r"more than 1 seconds for opening target shapes"),
    "no batch size": ("hello(); read(); answer(1, {'environment': {}})", "answer: batch_size: is missing"),
    "batch size 0": (
        "hello(); read(); answer(1, {'batch_size': 0, 'environment': {}})",
        "batch_size must be from 1 on, got 0",
    ),
    "an environment in a list": (
        "hello(); read(); answer(1, {'batch_size': 1, 'environment': []})",
        "answer: environment: must be",
    ),
    "an error with control characters": (
        "hello(); read(); say('sdeval-worker error 1 \\x1b]0;title\\x07 no\\n')",
        r": \?\]0;title\? no",
    ),
    "an error of a megabyte": ("hello(); read(); say('sdeval-worker error 1 ' + 'x' * 2**20 + '\\n')", "…x+"),
}


@pytest.mark.parametrize(("body", "message"), NOT_OPENED.values(), ids=NOT_OPENED)
def test_what_does_not_open_is_one_line(tmp_path: Path, body: str, message: str) -> None:
    limits = AT_ONCE if "for starting" in message else SHORT if "for opening" in message else LIMITS
    with pytest.raises(SdevalError, match=message) as error:
        opened(tmp_path, body, limits)
    one_line(error)


NOT_GENERATED = {
    "silence": ("time.sleep(60)", r"more than 1 seconds for generating red"),
    "death": ("read(); os.kill(os.getpid(), signal.SIGKILL)", "ended by signal SIGKILL while generating red"),
    "fewer images": ("read(); answer(2, batch(facts()))", "answered with 1 images, requested were 2"),
    "more images": ("read(); answer(2, batch(*[facts()] * 3))", "answered with 3 images, requested were 2"),
    "no file": ("read(); answer(2, batch(facts(), facts()))", "wrote no image for red"),
    "times that are no numbers": (
        "read(); answer(2, batch(facts(seconds=float('nan')), facts()))",
        "answer: .*seconds",
    ),
    "stages of another kind": ("read(); answer(2, batch(facts(stages={'x': 1}), facts()))", "answer: .*stages"),
    "flags as text": (
        "read(); answer(2, batch(facts(finite='yes'), facts()))",
        "answer: .*finite: must be true or false",
    ),
    "half a line": ("read(); say('sdeval-worker answer 2 {'); sys.exit(1)", "answer: "),
}


@pytest.mark.parametrize(("body", "message"), NOT_GENERATED.values(), ids=NOT_GENERATED)
def test_what_does_not_generate_is_one_line(tmp_path: Path, body: str, message: str) -> None:
    limits = SHORT if "1 seconds" in message else LIMITS
    with pytest.raises(SdevalError, match=message) as error:
        generate(tmp_path, READY + body, limits)
    one_line(error)


def test_a_path_that_the_worker_names_is_refused_and_neither_opened_nor_deleted(tmp_path: Path) -> None:
    outside = tmp_path / "outside.png"
    Image.new("RGB", (8, 8)).save(outside)
    with pytest.raises(SdevalError, match=r"answer: .*'image'"):
        generate(tmp_path, READY + f"read(); answer(2, batch(facts(image={str(outside)!r}), facts()))")
    assert outside.is_file()


WRITTEN = {
    "a link": "os.symlink({outside!r}, file)",
    "a pipe": "os.mkfifo(file)",
    "a folder": "os.mkdir(file)",
    "a file of another folder": "os.rename(folder, {elsewhere!r} + '-moved'); os.symlink({elsewhere!r}, folder)",
}


@pytest.mark.parametrize("body", WRITTEN.values(), ids=WRITTEN)
def test_what_is_no_file_in_the_folder_is_no_image(tmp_path: Path, body: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("0.png", "outside.png"):
        Image.new("RGB", (8, 8)).save(elsewhere / name)
    write = body.format(outside=str(elsewhere / "outside.png"), elsewhere=str(elsewhere))
    script = f"""
        file = os.path.join(folder, read()['samples'][0]['file'])
        {write}
        answer(2, batch(facts(), facts()))
    """
    with pytest.raises(SdevalError, match="wrote no image for red"):
        generate(tmp_path, READY_FOLDER + dedent(script))
    assert sorted(path.name for path in elsewhere.iterdir()) == ["0.png", "outside.png"]


def test_a_file_that_is_no_image_is_one_line(tmp_path: Path) -> None:
    script = (
        "open(os.path.join(folder, read()['samples'][0]['file']), 'w').write('x'); answer(2, batch(facts(), facts()))"
    )
    with pytest.raises(SdevalError, match="not an image that can be opened") as error:
        generate(tmp_path, READY_FOLDER + script)
    assert "\n" not in str(error.value)


def test_an_answer_to_another_request_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(SdevalError, match=r"more than 1 seconds"):
        generate(tmp_path, READY + "read(); opened(); answer(3, batch(facts(), facts())); time.sleep(60)", SHORT)


def test_a_large_request_that_nobody_reads_ends_too(tmp_path: Path) -> None:
    target = Target(name="a", model="m", settings={"text": "x" * 2**20})
    with pytest.raises(SdevalError, match=r"more than 1 seconds for opening target a"):
        RemoteEngine(target, make(tmp_path, "hello(); time.sleep(60)"), limits=SHORT)


def test_the_last_lines_on_standard_error_are_told_bounded_and_without_control_characters(tmp_path: Path) -> None:
    body = """
        for number in range(100_000):
            print("line", number, "x" * 50, file=sys.stderr)
        print("\\x1b[31mCUDA error: no kernel image\\x07", file=sys.stderr)
        sys.exit(3)
    """
    with pytest.raises(
        SdevalError, match=r"exit code 3 .*; it wrote last: .*\?\[31mCUDA error: no kernel image\?"
    ) as error:
        opened(tmp_path, dedent(body))
    one_line(error)


def test_a_child_that_holds_the_pipes_does_not_hold_the_session(tmp_path: Path) -> None:
    body = "hello(); read()\nif os.fork() == 0: time.sleep(20)\nelse: os._exit(5)"
    with pytest.raises(SdevalError, match="ended with exit code 5 while opening target shapes"):
        opened(tmp_path, body)


@pytest.mark.parametrize("ignored", ["", "signal.signal(signal.SIGTERM, signal.SIG_IGN); "])
def test_a_worker_that_does_not_end_is_ended(tmp_path: Path, ignored: str) -> None:
    engine = opened(tmp_path, f"{ignored}hello(); read(); opened(); time.sleep(600)", SHORT)
    pid = engine._worker._process.pid
    engine.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


ONE_BAD = """
hello(); folder = read()["folder"]; opened(); number = 2
while True:
    samples = read()["samples"]
    if samples[0]["case"]["id"] == "red": END
    # The smallest image there is.
    pixel = "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    pixel += "0000000c49444154789c63606060000000040001f61738550000000049454e44ae426082"
    for sample in samples:
        with open(os.path.join(folder, sample["file"]), "wb") as file: file.write(bytes.fromhex(pixel))
    answer(number, batch(*[facts() for _ in samples])); number += 1
"""


@pytest.mark.parametrize(
    ("end", "message"),
    [("sys.exit(9)", "ended with exit code 9 while generating red"), ("time.sleep(60)", "took more than 1 seconds")],
)
def test_a_worker_that_ends_over_a_sample_is_started_again_for_the_others(
    tmp_path: Path, end: str, message: str
) -> None:
    engine = opened(tmp_path, ONE_BAD.replace("END", end), SHORT)
    for _ in range(3):
        with pytest.raises(SdevalError, match=message):
            engine.generate("text2img", SAMPLES[:1], {})
        assert [image.sample for image in engine.generate("text2img", SAMPLES[1:], {})] == SAMPLES[1:]
    with pytest.raises(SdevalError, match=message):
        engine.generate("text2img", SAMPLES[:1], {})
    with pytest.raises(SdevalError, match="was started 4 times and ended each time; no more"):
        engine.generate("text2img", SAMPLES[1:], {})
    engine.close()


@pytest.mark.parametrize(
    "noise", ["say('loading\\n' * 5000)", "say('no line break: ')", "os.write(1, b'\\xff\\x00\\n')"]
)
def test_noise_before_the_worker_speaks_is_passed_over(tmp_path: Path, noise: str) -> None:
    script = f"{noise}\nos.execv({sys.executable!r}, [{sys.executable!r}, *sys.argv[1:]])"
    engine = opened(tmp_path, script, Limits())
    assert engine.batch_size == shipped_targets()["shapes"].batch_size
    engine.close()


NOISY = """
import ctypes, os, subprocess, sys
from PIL import Image

def generate(case, seed):
    print("python prints")
    os.write(1, b"C writes")
    ctypes.CDLL(None).puts(b"C prints")
    subprocess.run(["echo", "a child prints"], check=True)
    assert sys.stdin.read() == ""
    if case.id == "blue":
        sys.exit("a program that ends")
    return Image.new("RGB", (16, 16), "red")
"""


def test_what_an_engine_prints_from_any_language_does_not_come_between(tmp_path: Path) -> None:
    (tmp_path / "noisy.py").write_text(NOISY, encoding="utf-8")
    target = Target(name="noisy", model=f"python:{tmp_path / 'noisy.py'}:generate")
    engine = RemoteEngine(target, Path(sys.executable))
    image = engine.generate("text2img", SAMPLES[:1], {})[0].image
    assert image.getpixel((0, 0)) == (255, 0, 0)
    with pytest.raises(SdevalError, match="SystemExit: a program that ends"):
        engine.generate("text2img", SAMPLES[1:], {})
    assert engine.generate("text2img", SAMPLES[:1], {})[0].finite
    engine.close()
