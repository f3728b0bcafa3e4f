"""TensorBoard: a folder of events for each suite and target; every session adds a step to each of its curves.

Events lie in `tensorboard/` beside the sessions: `tensorboard --logdir reports/tensorboard`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from sdeval.exporters.results import RunResults, SessionResults, missing_package
from sdeval.imaging.io import open_rgb

FOLDER = "tensorboard"
"""Beside the sessions."""


def export(results: SessionResults) -> None:
    """Log a session."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise missing_package("tensorboard", "tensorboard") from None
    for run in results.runs:
        folder = results.folder.parent / FOLDER / run.suite / run.target
        step = earlier_sessions(folder)
        with SummaryWriter(str(folder), filename_suffix=f".{results.session}") as writer:
            for name, value in run.numbers.items():
                writer.add_scalar(name, value, step)
            for pair in run.pairs:
                writer.add_image(f"pairs/{pair.name}", np.asarray(open_rgb(pair.path)), step, dataformats="HWC")
            writer.add_text("session", _table({**results.tags, "verdict": run.outcome}), step)
            writer.add_text("verdicts", _table(_verdicts(run)), step)
            writer.add_text("parameters", _table(run.parameters), step)


def earlier_sessions(folder: Path) -> int:
    """How many sessions were logged before: the number of the next step."""
    return len({path.name for path in folder.glob("events.*")})


def _verdicts(run: RunResults) -> dict[str, str]:
    return {verdict.name: f"{verdict.verdict} {verdict.reason}" for verdict in run.verdicts}


def _table(values: Mapping[str, str]) -> str:
    """A table in Markdown."""
    rows = [f"| {name} | {text.replace('|', '/')} |" for name, text in values.items()]
    return "\n".join(["| | |", "|---|---|", *rows])
