"""What families of models allow. Which schedulers fit has to be known: wrong ones generate finite noise.

Measured with tiny models of each family on diffusers 0.42: "runs" and "finite" do not mean "fits".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from diffusers import DiffusionPipeline
from diffusers.schedulers import KarrasDiffusionSchedulers

from sdeval.config.case import TASKS, Task

DIFFUSION = frozenset(
    (
        *(scheduler.name for scheduler in KarrasDiffusionSchedulers),
        *("LCMScheduler", "TCDScheduler", "SASolverScheduler", "IPNDMScheduler"),
        *("DDIMParallelScheduler", "DDPMParallelScheduler"),
    )
)
"""For models that learned noise or velocity."""
FLOW = frozenset(("FlowMatchEulerDiscreteScheduler", "FlowMatchLCMScheduler"))
"""For models that learned a flow."""
BY_FLOW_SIGMAS = frozenset(("DPMSolverMultistepScheduler", "UniPCMultistepScheduler"))
"""Fit a flow as well, once they are reported."""
LEARNED_VARIANCE = frozenset(("DDPMScheduler", "DDPMParallelScheduler"))
"""For models that learned their variance too."""
BY_FIXED_VARIANCE = frozenset(("DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler"))
"""Fit those as well, once they are reported to leave the variance alone."""


@dataclass(frozen=True, slots=True)
class Schedulers:
    """Which scheduler classes fit a model."""

    names: frozenset[str]
    condition: tuple[str, Any] | None = None
    """A value of the scheduler's configuration that makes others fit."""
    further: frozenset[str] = frozenset()
    """Further classes that fit with that value."""

    def allow(self, scheduler: str, config: Mapping[str, Any]) -> bool:
        """Whether a scheduler class with such a configuration fits."""
        if scheduler in self.names:
            return True
        return (
            self.condition is not None
            and scheduler in self.further
            and config.get(self.condition[0]) == self.condition[1]
        )


OF_FLOWS = Schedulers(FLOW, ("use_flow_sigmas", True), BY_FLOW_SIGMAS)
OF_DIFFUSION = Schedulers(DIFFUSION)


@dataclass(frozen=True, slots=True)
class Family:
    """What holds for all models of a kind."""

    name: str
    schedulers: Schedulers | None = None
    """Those that fit; None where the model's own scheduler tells."""
    one_at_a_time: frozenset[Task] = frozenset()
    """Tasks of which diffusers generates batches wrongly, or not at all."""
    edits_several: bool = False
    """Whether an edit may have several input images."""

    def schedulers_beside(self, own: str, config: Mapping[str, Any]) -> Schedulers:
        """The schedulers that fit a model of this family.

        Args:
            own: class of the scheduler that the model comes with.
            config: of that scheduler.
        """
        if self.schedulers is not None:
            return self.schedulers
        learned_flow = config.get("use_flow_sigmas") or config.get("prediction_type") == "flow_prediction"
        if own.startswith("FlowMatch") or learned_flow:
            return replace(OF_FLOWS, names=FLOW | {own}) if own.startswith("FlowMatch") else OF_FLOWS
        # One that is of neither kind has no other to take its place.
        return OF_DIFFUSION if own in DIFFUSION else Schedulers(frozenset({own}))


_ALL = frozenset(TASKS)
_UNSEEDED = (
    *("StableDiffusion3ControlNet", "HunyuanDiTControlNet", "QwenImageControlNetInpaint", "CogView4Control"),
    *("JoyImageEdit", "OmniGen"),
)
"""How pipelines begin that encode images with noise of their own, which is seeded once for a call."""
_FAMILIES = {
    # The first name that a pipeline class begins with counts.
    "KandinskyV22": Family(
        "Kandinsky 2.2", Schedulers(LEARNED_VARIANCE, ("variance_type", "fixed_small"), BY_FIXED_VARIANCE), _ALL
    ),
    **{prefix: Family(prefix, one_at_a_time=_ALL) for prefix in _UNSEEDED},
    "StableDiffusion3": Family("Stable Diffusion 3", OF_FLOWS),
    "StableDiffusionXL": Family("Stable Diffusion XL", OF_DIFFUSION),
    "StableDiffusion": Family("Stable Diffusion", OF_DIFFUSION),
    # Its pipeline tells the scheduler how many steps the model was distilled from.
    "LatentConsistencyModel": Family("latent consistency", Schedulers(frozenset({"LCMScheduler"}))),
    # Several init images are several references for every prompt.
    "Flux2": Family("Flux.2", Schedulers(FLOW), frozenset({"img2img", "edit"}), edits_several=True),
    "Flux": Family("Flux", Schedulers(FLOW)),
    "QwenImageEditPlus": Family("Qwen-Image-Edit-Plus", one_at_a_time=_ALL, edits_several=True),
}


def generation_part(pipeline: DiffusionPipeline) -> DiffusionPipeline:
    """The pipeline that denoises: a combined pipeline does not pass its scheduler on to its parts."""
    return getattr(pipeline, "decoder_pipe", pipeline)


def family_of(pipeline_class: str) -> Family:
    """The family of a pipeline by the name of its class; one of which nothing is known where it is new."""
    matches = (family for prefix, family in _FAMILIES.items() if pipeline_class.startswith(prefix))
    return next(matches, Family(pipeline_class))
