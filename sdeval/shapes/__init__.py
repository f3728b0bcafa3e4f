"""The embedded model: a small Stable Diffusion and a small CLIP, trained on rendered shapes. See MODEL_CARD.md."""

from __future__ import annotations

from pathlib import Path

_WEIGHTS = Path(__file__).parent / "weights"


def pipeline_folder() -> Path:
    """The checkpoint in diffusers format."""
    return _WEIGHTS / "pipeline"


def clip_folder() -> Path:
    """The open_clip model, for `local-dir:`."""
    return _WEIGHTS / "clip"
