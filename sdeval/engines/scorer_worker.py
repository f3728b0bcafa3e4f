"""The other side of `scorer_process`: scores what lines of JSON on standard input ask for.

It is run by its path in an environment that needs neither sdeval nor any of its libraries: nothing but Python 3.8 or
later, and what the scorer itself imports.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any, TextIO

VERSION = 1
"""Of what is said here; it changes with every message."""


def answer(scorers: list[Any], request: dict[str, Any]) -> dict[str, Any]:
    """What comes back for one request; `scorers` holds the scorer once it is open."""
    if "open" in request:
        module, _, name = request["open"].partition(":")
        sys.path.insert(0, request["folder"])
        scorers[:] = [getattr(importlib.import_module(module), name)(**request["options"])]
        return {"version": str(getattr(scorers[0], "version", ""))}
    scores = [float(score) for score in scorers[0].score(request["score"])]
    return {"scores": scores}


def own_streams() -> tuple[TextIO, TextIO]:
    """Where requests come from and answers go to; what a library prints from here on goes to standard error."""
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace", newline="\n")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return requests, answers


def main() -> None:
    """Say hello, then answer until there are no more requests."""
    requests, answers = own_streams()
    # Beside this file lie modules of sdeval, which must not hide those of this environment.
    sys.path[:] = [path for path in sys.path if Path(path or ".").resolve() != Path(__file__).resolve().parent]
    hello = json.dumps({"protocol": VERSION, "sdeval": ""})
    print("\nsdeval-worker answer 0 " + hello, file=answers, flush=True)
    scorers: list[Any] = []
    for number, line in enumerate(requests, start=1):
        try:
            content = json.dumps(answer(scorers, json.loads(line)), allow_nan=False)
            text = f"sdeval-worker answer {number} {content}"
        # A scorer may end with sys.exit(), which must not end the worker without a word.
        except (Exception, SystemExit) as error:
            words = " ".join(str(error).split())
            text = f"sdeval-worker error {number} {type(error).__name__}: {words}"
        print(text, file=answers, flush=True)


if __name__ == "__main__":
    main()
