"""A session on signs from end to end: accepted, misspelt, judged, and shown."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("rapidocr")

from sdeval.cli import main

PROGRAM = """
from PIL import Image, ImageDraw, ImageFont

def generate(case, seed, misspelt=False):
    word = case.text[0] if case.text else ""
    word = word[:2] + word[3:4] + word[2:3] + word[4:] if misspelt else word
    image = Image.new("RGB", (256, 96), (225, 232, 240))
    # The bottom of a meadow, for an image of one colour is broken.
    ImageDraw.Draw(image).rectangle((0, 78, 256, 96), fill=(96, 150, 84))
    place = (12 + seed % 9, 20 + seed % 7)
    ImageDraw.Draw(image).text(place, word, fill=(20, 30, 60), font=ImageFont.load_default(36))
    return image
"""
CASES = "id,prompt,text\n" + "".join(
    f'{word.lower()},"a sign that says ""{word}""",{word}\n'
    for word in ("Orange", "Summer", "Kitchen", "Thunder", "Library", "Harvest", "Morning", "Bicycle")
)
CASES += "meadow,a meadow without any sign,\n"
SUITE = """
from pathlib import Path
from sdeval import Suite, load_cases

test_signs = Suite(
    name="signs",
    task="text2img",
    cases=load_cases(Path(__file__).parent / "signs.csv"),
    metrics=("text_accuracy", "text_word_recall", "spurious_text"),
    targets=("python:program.py:generate",),
)
"""


@pytest.mark.slow
def test_misspelt_signs_fail_and_show_what_was_read(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(pytester.path)
    files = {"pyproject.toml": "[tool.sdeval]\n", "program.py": PROGRAM, "signs.csv": CASES, "test_signs.py": SUITE}
    for name, content in files.items():
        Path(name).write_text(content, encoding="utf-8")
    assert pytester.runpytest_subprocess("-p", "no:cacheprovider").ret == 0
    assert main(["accept"]) == 0
    assert pytester.runpytest_subprocess("-p", "no:cacheprovider").ret == 0
    misspelt = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--sdeval-set", "misspelt=true")
    assert misspelt.ret == 1
    output = misspelt.stdout.str()
    assert "text_accuracy" in output
    assert "regressed" in output
    assert "8 of 9 cases have text" in output
    capsys.readouterr()
    assert main(["show", "orange@0"]) == 0
    shown = {line.partition("  ")[0]: line for line in capsys.readouterr().out.splitlines()}
    assert shown["text"].endswith("Orange")
    assert "Ornage" in shown["text read"]
    assert "(in the baseline: Orange" in shown["text read"]
