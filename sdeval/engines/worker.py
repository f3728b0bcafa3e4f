"""The other side of `subprocess_engine`: generates what lines of JSON on standard input ask for.

Run as `python -m sdeval.engines.worker`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sdeval._utils.environment import calm_threads


class Arm:
    """Answers requests, one after the other."""

    def __init__(self) -> None:
        self._engine: Any = None
        self._folder = Path()
        self._count = 0

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """What comes back for one request."""
        if "open" in request:
            return self._open(request)
        if "describe" in request:
            return {"described": self._engine.describe(request["describe"])}
        if "load_seconds" in request:
            return {"load_seconds": self._engine.load_seconds}
        return {"generated": list(self._generate(request))}

    def _open(self, request: dict[str, Any]) -> dict[str, Any]:
        from sdeval._utils.environment import describe
        from sdeval.config.target import Target
        from sdeval.engines.checkpoints import require
        from sdeval.engines.engine import open_target

        target = Target(**request["open"])
        require(target)
        self._engine, self._folder = open_target(target), Path(request["folder"])
        return {"batch_size": self._engine.batch_size, "environment": describe()}

    def _generate(self, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        from sdeval.config.suite import Case, Sample
        from sdeval.imaging.io import write_png

        samples = [Sample(Case(**entry["case"]), entry["seed"]) for entry in request["samples"]]
        for generated in self._engine.generate(request["generate"], samples, request["settings"]):
            name, self._count = f"{self._count}.png", self._count + 1
            write_png(self._folder / name, generated.image)
            yield {
                "image": name,
                "finite": generated.finite,
                "flagged": generated.flagged,
                "seconds": generated.seconds,
                "stages": asdict(generated.stages) if generated.stages else None,
                "warming": generated.warming,
            }


def main() -> int:
    """Answer until there are no more requests."""
    calm_threads()
    if "--check" in sys.argv:
        print("sdeval is here, and can be asked")
        return 0
    arm, out = Arm(), sys.stdout
    for line in sys.stdin:
        # What libraries print must not come between the answers.
        with redirect_stdout(sys.stderr):
            try:
                answer = arm.answer(json.loads(line))
            except Exception as error:
                answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), file=out, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
