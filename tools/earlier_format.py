"""Writes the text side of a checkpoint as transformers 4 did: version 5 reads that too, but not the other way round."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from safetensors.torch import load_file, save_file

PREFIX = "text_model."
"""Begins the names of the tensors of a CLIP text encoder before transformers 5."""


def convert(checkpoint: Path) -> None:
    """Rewrite text encoders and tokenizers of CLIP in a folder in diffusers format; all else stays as it is."""
    for file in checkpoint.glob("text_encoder*/config.json"):
        if "CLIP" in json.loads(file.read_text(encoding="utf-8"))["architectures"][0]:
            _name_tensors(file.with_name("model.safetensors"))
    for file in checkpoint.glob("tokenizer*/tokenizer.json"):
        model = json.loads(file.read_text(encoding="utf-8"))["model"]
        if model["type"] == "BPE":
            _write_vocabulary(file.parent, model["vocab"], model["merges"])


def _name_tensors(file: Path) -> None:
    tensors = load_file(file)
    others = ("text_projection.", PREFIX)
    named = {name if name.startswith(others) else PREFIX + name: tensor for name, tensor in tensors.items()}
    save_file(named, file, metadata={"format": "pt"})


def _write_vocabulary(folder: Path, vocabulary: dict[str, int], merges: list[list[str]]) -> None:
    text = json.dumps(vocabulary, ensure_ascii=False) + "\n"
    (folder / "vocab.json").write_text(text, encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        convert(Path(argument))
