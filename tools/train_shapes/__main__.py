"""Makes the embedded models again: `python -m tools.train_shapes`.

Stopped at any time, it goes on from its last checkpoint when it is started again.
"""

from __future__ import annotations

import argparse
import platform
from dataclasses import asdict
from pathlib import Path

from sdeval._utils.environment import calm_threads

calm_threads()

import torch  # noqa: E402

from sdeval._utils.environment import hardware_class  # noqa: E402
from sdeval._utils.files import dump_json, write_text  # noqa: E402
from sdeval.shapes import clip_folder, pipeline_folder  # noqa: E402
from tools.train_shapes import autoencoder, clip, denoiser, export  # noqa: E402


def main() -> None:
    """Train the autoencoder, the denoiser and the CLIP in turn, and write all three."""
    parser = argparse.ArgumentParser(prog="python -m tools.train_shapes", description=main.__doc__)
    parser.add_argument("--out", type=Path, default=pipeline_folder().parent, help="where the models go")
    parser.add_argument("--work", type=Path, default=Path("training"), help="where checkpoints go")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)

    vae, of_vae = autoencoder.train_autoencoder(args.seed, args.work / "autoencoder.pt")
    model, of_model = denoiser.train_denoiser(vae, args.seed, args.work / "denoiser.pt")
    words, of_words = clip.train_clip(args.seed, args.work / "clip.pt")
    export.save_pipeline(vae, model, args.out / pipeline_folder().name)
    export.save_clip(words, args.out / clip_folder().name)
    facts = {
        "seed": args.seed,
        "hardware": hardware_class(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "autoencoder": {**asdict(autoencoder.RECIPE), **asdict(of_vae)},
        "denoiser": [{**asdict(one), **asdict(of)} for one, of in zip(denoiser.RECIPES, of_model, strict=True)],
        "denoiser images": denoiser.IMAGES,
        "clip": {**asdict(clip.RECIPE), **asdict(of_words)},
    }
    write_text(args.out / "training.json", dump_json(facts))


if __name__ == "__main__":
    main()
