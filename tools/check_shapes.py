"""Measures the embedded models: `python -m tools.check_shapes`.

The pipeline renders held-out prompts and an oracle reads its images by their pixels; the CLIP has to find the caption
of rendered images among captions that are wrong in one attribute. Exits with 1 where a metric is below what the model
card promises.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

import numpy as np

from sdeval.errors import SdevalError
from sdeval.shapes import oracle, world
from sdeval.shapes.world import Scene

PROMPTS = 200
DISTRACTORS = 20
PROMISED = {"background": 0.99, "colours": 0.98, "shapes": 0.95, "relations": 0.90, "clip": 0.95}
"""Shares that must be right."""


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many were right."""

    right: int
    total: int

    @property
    def value(self) -> float:
        """0 to 1."""
        return self.right / self.total


def held_out_scenes(count: int, seed: int) -> list[Scene]:
    """Scenes that training never showed, half of them pairs."""
    rng = np.random.default_rng(seed)
    scenes: list[Scene] = []
    while len(scenes) < count:
        scene = world.random_scene(rng, pairs=0.5)
        if world.is_held_out(scene):
            scenes.append(scene)
    return scenes


def check_pipeline(count: int = PROMPTS, steps: int = 20, guidance: float = 4.0, seed: int = 1) -> dict[str, Share]:
    """Render held-out prompts, a seed of its own each, and count what the oracle finds right."""
    from sdeval.config.case import Case, Sample
    from sdeval.config.target_registry import shipped_targets
    from sdeval.engines.diffusers_engine import LoadedTarget
    from sdeval.engines.generation import generate_batch

    pipeline = LoadedTarget(shipped_targets()["shapes"]).pipeline("text2img")
    settings = {"num_inference_steps": steps, "guidance_scale": guidance, "width": world.SIZE, "height": world.SIZE}
    scenes = [scene.forward() for scene in held_out_scenes(count, seed)]
    marks = []
    for start in range(0, count, 10):
        group = scenes[start : start + 10]
        batch = [
            Sample(Case(id=f"c{start + n}", prompt=world.caption(scene)), start + n) for n, scene in enumerate(group)
        ]
        rendered = generate_batch(pipeline, batch, settings)
        marks += [oracle.mark(scene, generated.image) for scene, generated in zip(group, rendered, strict=True)]
    kinds = [correct for mark in marks for correct in mark.kinds]
    relations = [mark.relation for mark in marks if mark.relation is not None]
    return {
        "background": _share([mark.background for mark in marks]),
        "colours": _share([mark.colours for mark in marks]),
        "shapes": _share(kinds),
        "relations": _share(relations),
        "all of it": _share([mark.all_right for mark in marks]),
    }


def check_clip(count: int = PROMPTS, seed: int = 1) -> dict[str, Share]:
    """Render held-out scenes and count how often their caption scores higher than every distractor."""
    from sdeval.metrics.features.clip import load_clip

    clip = load_clip("shapes", "cpu")
    rng = np.random.default_rng(seed)
    scenes = held_out_scenes(count, seed)
    images = clip.images([world.render(scene, rng) for scene in scenes])
    correct = []
    for scene, image in zip(scenes, images, strict=True):
        texts = clip.texts([world.caption(scene), *distractors(scene, rng)])
        scores = texts @ image / np.linalg.norm(texts, axis=1)
        correct.append(bool(scores.argmax() == 0))
    return {
        "clip": _share(correct),
        "clip pairs": _share([is_correct for is_correct, scene in zip(correct, scenes, strict=True) if scene.relation]),
    }


def distractors(scene: Scene, rng: np.random.Generator, count: int = DISTRACTORS) -> list[str]:
    """Distinct captions that are wrong in one attribute; in two where there are not enough of those."""
    from tools.train_shapes.data import wrong_scene

    correct_captions = {world.caption(scene), world.caption(scene.mirror())}
    captions: dict[str, None] = {}
    for attempt in range(100 * count):
        wrong = wrong_scene(scene, rng)
        if attempt > 50 * count:
            wrong = wrong_scene(wrong, rng)
        if world.caption(wrong) not in correct_captions:
            captions.setdefault(world.caption(wrong))
        if len(captions) == count:
            break
    return list(captions)


def _share(values: list[bool]) -> Share:
    return Share(sum(values), len(values))


def main() -> int:
    """Print every metric beside its promise."""
    parser = argparse.ArgumentParser(prog="python -m tools.check_shapes", description=main.__doc__)
    parser.add_argument("--prompts", type=int, default=PROMPTS, help=f"held-out prompts to render (default: {PROMPTS})")
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args()
    if args.prompts < 10:
        raise SdevalError("--prompts: at least 10")
    metrics = {**check_pipeline(args.prompts, args.steps), **check_clip(args.prompts)}
    for name, share in metrics.items():
        promise = f"  (promised {PROMISED[name]:.0%})" if name in PROMISED else ""
        print(f"{name:12} {share.value:6.1%}  {share.right} of {share.total}{promise}")
    return int(any(share.value < PROMISED.get(name, 0) for name, share in metrics.items()))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SdevalError as error:
        sys.exit(f"tools.check_shapes: {error}")
