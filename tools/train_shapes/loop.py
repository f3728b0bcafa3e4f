"""One training loop for the three models: AdamW, warm-up and decay, moving average, checkpoints, resume."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

LossOfStep = Callable[[np.random.Generator, torch.Generator], torch.Tensor]
"""Loss of one fresh batch; everything random in it comes from the two generators, seeded by the step."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How long and how hard to train."""

    steps: int
    batch: int
    rate: float
    flat: float = 0.0
    """Share of the steps at the full rate; the rest falls along a cosine."""
    average: float = 0.999
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.99)
    warm_up: int = 100
    checkpoint_every: int = 500

    def rate_at(self, step: int) -> float:
        """Factor on the rate, 0 to 1, after `step` steps."""
        if step < self.warm_up:
            return (step + 1) / self.warm_up
        start = self.flat * self.steps
        if step < start:
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - start) / max(1.0, self.steps - start))))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What training ended with."""

    loss: float
    seconds: float


def train(model: nn.Module, loss_of_step: LossOfStep, recipe: Recipe, seed: int, checkpoint: Path) -> Outcome:
    """Train `model` in place and leave the moving average of its weights in it.

    A run that was stopped goes on from its last checkpoint and sees the same batches as one that was not.
    """
    averaging = get_ema_multi_avg_fn(recipe.average)
    average = AveragedModel(model, multi_avg_fn=averaging, use_buffers=True)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.rate, betas=recipe.betas, weight_decay=recipe.weight_decay
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, recipe.rate_at)
    state: dict[str, Any] = {"model": model, "average": average, "optimizer": optimizer, "schedule": schedule}
    step, seconds, recent = _resume(state, checkpoint)
    started = time.monotonic() - seconds
    while step < recipe.steps:
        noise = torch.Generator().manual_seed(seed * 1_000_003 + step)
        loss = loss_of_step(np.random.default_rng((seed, step)), noise)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(model)
        step += 1
        recent = loss.item() if step == 1 else 0.99 * recent + 0.01 * loss.item()
        if step % recipe.checkpoint_every == 0 or step == recipe.steps:
            seconds = time.monotonic() - started
            _save(state, checkpoint, step, seconds, recent)
            print(f"{checkpoint.stem}: step {step}/{recipe.steps}, loss {recent:.4f}, {seconds:.0f} s", flush=True)
    model.load_state_dict(average.module.state_dict())
    return Outcome(recent, seconds)


def _save(state: dict[str, Any], checkpoint: Path, step: int, seconds: float, recent: float) -> None:
    content = {name: part.state_dict() for name, part in state.items()}
    aside = checkpoint.with_suffix(".part")
    torch.save({**content, "step": step, "seconds": seconds, "recent": recent}, aside)
    aside.replace(checkpoint)


def _resume(state: dict[str, Any], checkpoint: Path) -> tuple[int, float, float]:
    if not checkpoint.exists():
        return 0, 0.0, 0.0
    content = torch.load(checkpoint, weights_only=True)
    for name, part in state.items():
        part.load_state_dict(content[name])
    return int(content["step"]), float(content["seconds"]), float(content["recent"])
