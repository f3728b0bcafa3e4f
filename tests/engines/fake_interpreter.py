"""Small programs that stand for the Python of another environment, each wrong in its own way."""

from __future__ import annotations

import sys
from pathlib import Path

from sdeval.engines.worker_protocol import VERSION

BEGIN = f"""#!{sys.executable} -IS
import json, os, signal, sys, time

def say(text):
    os.write(1, text.encode("utf-8", "surrogateescape"))

def hello(protocol={VERSION}):
    answer(0, {{"protocol": protocol}})

def answer(number, content):
    say(f"sdeval-worker answer {{number}} {{json.dumps(content)}}\\n")

def read():
    return json.loads(sys.stdin.readline())

def opened():
    answer(1, {{"batch_size": 2, "environment": {{}}}})

def facts(**changes):
    return {{"finite": True, "flagged": False, "seconds": 0.1, "stages": None, "warming": False, **changes}}

def batch(*images):
    return {{"images": images, "load_seconds": 0.5}}
"""


def make(folder: Path, body: str) -> Path:
    """An executable file; `body` goes on from what `BEGIN` defines."""
    path = folder / "python"
    path.write_text(BEGIN + body, encoding="utf-8")
    path.chmod(0o755)
    return path
