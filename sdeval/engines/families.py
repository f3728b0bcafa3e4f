"""What families of models allow. Which schedulers fit has to be known: wrong ones generate finite noise.

Measured with tiny models of each family on diffusers 0.42: "runs" and "finite" do not mean "fits".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diffusers import DiffusionPipeline
from diffusers.schedulers import KarrasDiffusionSchedulers

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
class Family:
    """What holds for all models of a kind."""

    name: str
    schedulers: frozenset[str] | None = None
    """Classes that fit; None where nothing is known."""
    condition: tuple[str, Any] | None = None
    """A value of the scheduler's configuration that makes others fit."""
    further: frozenset[str] = frozenset()
    """Further classes that fit with that value."""
    one_at_a_time: bool = False
    """Whether diffusers generates batches of this family wrongly, or not at all."""

    def allows(self, scheduler: str, config: Mapping[str, Any]) -> bool:
        """Whether a scheduler class with such a configuration fits."""
        if self.schedulers is None or scheduler in self.schedulers:
            return True
        return (
            self.condition is not None
            and scheduler in self.further
            and config.get(self.condition[0]) == self.condition[1]
        )


_FAMILIES = {
    # The first name that a pipeline class begins with counts.
    "KandinskyV22": Family(
        "Kandinsky 2.2",
        LEARNED_VARIANCE,
        condition=("variance_type", "fixed_small"),
        further=BY_FIXED_VARIANCE,
        one_at_a_time=True,
    ),
    "StableDiffusion3": Family("Stable Diffusion 3", FLOW, ("use_flow_sigmas", True), BY_FLOW_SIGMAS),
    "StableDiffusionXL": Family("Stable Diffusion XL", DIFFUSION),
    "StableDiffusion": Family("Stable Diffusion", DIFFUSION),
    "Flux": Family("Flux", FLOW),
}


def generation_part(pipeline: DiffusionPipeline) -> DiffusionPipeline:
    """The pipeline that denoises: a combined pipeline does not pass its scheduler on to its parts."""
    return getattr(pipeline, "decoder_pipe", pipeline)


def family_of(pipeline_class: str) -> Family:
    """The family of a pipeline by the name of its class; one of which nothing is known where it is new."""
    matches = (family for prefix, family in _FAMILIES.items() if pipeline_class.startswith(prefix))
    return next(matches, Family(pipeline_class))
