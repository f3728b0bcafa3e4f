"""Finds where a prompt, a seed and the rest go in a workflow of ComfyUI; what could be several places is for the user.

From what samples, the texts are followed back to where they are written; the rest goes by what nodes call their inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sdeval.engines.servers.workflow import Place, Workflow
from sdeval.errors import SdevalError, one_line

INPUTS: Mapping[str, tuple[str, ...]] = {
    "seed": ("seed", "noise_seed"),
    "num_inference_steps": ("steps",),
    "strength": ("denoise",),
}
"""What the inputs of samplers and schedulers are called."""
GUIDANCE = ("cfg", "guidance")
"""What guidance is called: classifier-free first, for then the other is something else."""
TEXTS = ("text", "prompt", "text_g", "text_l", "clip_l", "clip_g", "t5xxl", "llama")


class Inference:
    """Finds the places of a workflow that are not stated.

    Args:
        workflow: whose.
        output: the node whose image counts; what it does not depend on is left alone.
    """

    def __init__(self, workflow: Workflow, output: str) -> None:
        self._workflow = workflow
        self._nodes = workflow.upstream(output)

    def places(self) -> dict[str, tuple[Place, ...]]:
        """Candidates by the name of a parameter; more than one for a name is for the user to decide."""
        named = {name: self._called(inputs) for name, inputs in INPUTS.items()}
        guidance = next(filter(None, (self._called((name,)) for name in GUIDANCE)), ())
        prompts = {side: self._texts(side) for side in ("positive", "negative")}
        sizes = {edge: self._sizes(edge) for edge in ("width", "height")}
        images = tuple(Place(node, "image") for node in self._nodes if self._loads(node) == "image")
        masks = tuple(Place(node, "image") for node in self._nodes if self._loads(node) == "mask")
        candidates = {
            "prompt": prompts["positive"],
            "negative_prompt": prompts["negative"],
            **named,
            "guidance_scale": guidance,
            **sizes,
            "image": images,
            "mask": masks or (images if self._takes_transparency() else ()),
        }
        return {name: places for name, places in candidates.items() if places}

    def _called(self, names: Iterable[str]) -> tuple[Place, ...]:
        places = [Place(node, name) for node in self._nodes for name in names if name in self._workflow.inputs(node)]
        return tuple(sorted(set(filter(None, map(self._workflow.value_place, places)))))

    def _sizes(self, edge: str) -> tuple[Place, ...]:
        latents = [node for node in self._nodes if "Latent" in self._workflow.class_of(node)]
        places = [Place(node, edge) for node in latents if {"width", "height"} <= set(self._workflow.inputs(node))]
        return tuple(sorted(set(filter(None, map(self._workflow.value_place, places)))))

    def _loads(self, node: str) -> str:
        kind = self._workflow.class_of(node)
        if not kind.startswith("LoadImage") or not isinstance(self._workflow.inputs(node).get("image"), str):
            return ""
        return "mask" if "Mask" in kind else "image"

    def _takes_transparency(self) -> bool:
        """Whether the second output of a loaded image, which is its transparency, is used."""
        links = (link for node in self._nodes for link in self._workflow.links(node).values())
        return any(slot == 1 and self._loads(node) == "image" for node, slot in links)

    def _texts(self, side: str) -> tuple[Place, ...]:
        """Texts that lead to what samples, or guides the sampler, on one side."""
        places: dict[Place, None] = {}
        for node in self._nodes:
            links = self._workflow.links(node)
            if "model" not in links:
                continue
            start = links.get(side) or (links.get("conditioning") if side == "positive" else None)
            if start:
                places |= dict.fromkeys(self._texts_of(*start, seen=set()))
        return tuple(places)

    def _texts_of(self, node: str, slot: int, seen: set[str]) -> Iterator[Place]:
        if node in seen or "ZeroOut" in self._workflow.class_of(node):
            return
        seen.add(node)
        own = [Place(node, name) for name in TEXTS if name in self._workflow.inputs(node)]
        places = [place for place in map(self._workflow.value_place, own) if place]
        if places:
            yield from places
            return
        links = self._workflow.links(node)
        if {"positive", "negative"} <= set(links):
            yield from self._texts_of(*links["positive" if slot == 0 else "negative"], seen)
            return
        for name, link in links.items():
            if name.startswith("conditioning") or name in ("positive", "negative"):
                yield from self._texts_of(*link, seen)


def refuse_ambiguous(name: str, places: tuple[Place, ...], workflow: Workflow) -> None:
    """Refuse a parameter that could go into several places.

    A text encoder with several texts gets the same one in all of them, as diffusers does.

    Raises:
        SdevalError: there are several; lists them.
    """
    is_one_text = name in ("prompt", "negative_prompt") and len({place.node for place in places}) == 1
    if len(places) > 1 and not is_one_text:
        listed = ", ".join(f"{place} ({workflow.class_of(place.node)})" for place in places)
        raise SdevalError(
            f'{name} could be any of {one_line(listed)}; say which: server.bindings = {{ {name} = "{places[0]}" }}, '
            "or a list of them"
        )
