"""Proves what a server reads, before anything is generated with it: many pass over seeds and masks in silence.

The same image is asked for twice, with another seed between them, and then once with another value of everything that
the suite states. What changes nothing is an error; a server that gives another image for the same request is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import ImageOps

from sdeval._utils.validation import Checked
from sdeval.engines.servers.protocol import Answer, ImageRequest
from sdeval.errors import SdevalError
from sdeval.imaging.io import PAINTED, Pixels, to_pixels
from sdeval.imaging.similarity import ImageChange, image_change

FASTER = 0.1
"""Share of the time of another image in which no server generates the same one again: it remembers it."""
NOTICEABLE = 0.05
"""Seconds below which times say nothing of that."""
OF_CASES = ("negative_prompt", "strength")
"""Parameters that some cases may state and others not."""
EDITED, FURTHER = "input image", "further input images"
"""What is probed of an edit besides."""
CLEARLY = 2.0
"""How many times as far as between two equal requests an image must move for a parameter to have an effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings(Checked):
    """What was found out of a server."""

    repeatable: ImageChange
    """How far two images of the same request are from each other."""
    proven: tuple[str, ...] = ()
    """Parameters that have an effect."""
    unproven: tuple[str, ...] = ()
    """Those of which it is not known, since images differ anyway."""
    remembers: bool = False
    """Whether the server answered the same request from a cache."""


def parameters_of(requests: Sequence[ImageRequest], known: Mapping[str, str]) -> list[str]:
    """What requests state that a probe can vary, the seed first."""
    stated = {name for request in requests for name in request.values}
    images = {
        "mask": any(request.mask is not None for request in requests),
        EDITED: any(request.task == "edit" for request in requests),
        FURTHER: any(request.further_images for request in requests),
    }
    named = [name for name in VARIED if name in stated and name in known]
    return [*named, *(name for name, is_there in images.items() if is_there)]


def calls_of(parameters: Sequence[str]) -> int:
    """Images that a probe asks for at most: the second one is that of another seed where there are seeds."""
    # One that the first request does not state needs a request of its own to compare with.
    return 2 + len(parameters) + max(0, sum(name in (*OF_CASES, FURTHER) for name in parameters) - 1)


class Probe:
    """Asks a server for a few images.

    Args:
        name: of the server, for messages.
        generate: asks for one image.
        requests: of the suite, of which one is taken for each parameter.
        parameters: what is probed.
    """

    def __init__(
        self,
        name: str,
        generate: Callable[[ImageRequest], Answer],
        requests: Sequence[ImageRequest],
        parameters: Sequence[str],
    ) -> None:
        self._name = name
        self._generate = generate
        self._requests = requests
        self._parameters = parameters
        self._images: dict[int, Pixels] = {}
        # One that states what only some cases do, so that few others are needed.
        self._first = next((one for name in OF_CASES for one in requests if name in one.values), requests[0])

    def findings(self) -> Findings:
        """What has an effect.

        Raises:
            SdevalError: something has none; names all of it.
            CallFailed: the server gave no image.
        """
        request = self._first
        first, seed = self._image(request), "seed" in self._parameters
        # Another image in between: servers remember the last one.
        between = self._generate(_with(request, "seed", vary_seed(request.values["seed"]))) if seed else None
        again = self._generate(request)
        repeated = to_pixels(again.image)
        repeatable = image_change(first, repeated)
        rest = [name for name in self._parameters if name != "seed"]
        if repeatable == "changed":
            return Findings(repeatable=repeatable, unproven=tuple(rest))
        noise = _distance(first, repeated)
        ignored = ["seed"] if between and _is_same(first, to_pixels(between.image), noise) else []
        self._refuse([*ignored, *(name for name in rest if not self._has_effect(name, noise))])
        return Findings(
            repeatable=repeatable,
            proven=tuple(self._parameters),
            remembers=between is not None and _is_remembered(between, again),
        )

    def _refuse(self, ignored: Sequence[str]) -> None:
        if ignored:
            raise SdevalError(
                f"{self._name} ignores {' and '.join(ignored)}: another value gives the same image; leave it out of "
                "suite and target, or ask a server that reads it"
            )

    def _request_with(self, name: str) -> ImageRequest:
        """A request that states a parameter."""
        requests = (self._first, *self._requests)
        if name == FURTHER:
            return next(one for one in requests if one.further_images)
        return next((one for one in requests if name in one.values), self._first)

    def _image(self, request: ImageRequest) -> Pixels:
        """The image of a request, which is asked for once."""
        if id(request) not in self._images:
            self._images[id(request)] = to_pixels(self._generate(request).image)
        return self._images[id(request)]

    def _has_effect(self, name: str, noise: float) -> bool:
        request = self._request_with(name)
        before = self._image(request)
        if name == "mask":
            return self._reads_mask(request, before, noise)
        if name == EDITED and request.image is not None:
            varied = replace(request, image=ImageOps.invert(request.image))
        elif name == FURTHER:
            varied = replace(request, further_images=tuple(map(ImageOps.invert, request.further_images)))
        else:
            varied = _with(request, name, VARIED[name](request.values[name]))
        return not _is_same(before, to_pixels(self._generate(varied).image), noise)

    def _reads_mask(self, request: ImageRequest, before: Pixels, noise: float) -> bool:
        """Whether another mask gives another image.

        Raises:
            SdevalError: what the mask keeps is painted, and the other way round.
        """
        assert request.image is not None
        assert request.mask is not None
        inverted = to_pixels(self._generate(replace(request, mask=ImageOps.invert(request.mask))).image)
        if _is_same(before, inverted, noise):
            return False
        original = to_pixels(request.image)
        if original.shape != before.shape or before.shape != inverted.shape:
            return True
        painted = np.asarray(request.mask) >= PAINTED
        changes = [_changes(image, original, painted) for image in (before, inverted)]
        # The one with the mask moves less where it should be painted, and more where it should be kept.
        if changes[0][0] < changes[1][0] and changes[0][1] > changes[1][1]:
            raise SdevalError(f"{self._name} takes the mask the other way round: it keeps white, and paints black")
        return True


def _with(request: ImageRequest, name: str, value: Any) -> ImageRequest:
    return replace(request, values={**request.values, name: value})


def vary_seed(seed: int) -> int:
    """Another seed, far from those of a suite."""
    return seed + 1_000_003 if seed < 2**31 - 2_000_000 else seed - 1_000_003


def _vary_steps(steps: Any) -> Any:
    """Fewer steps where that can be, which cost less."""
    return max(1, steps // 2) if steps > 1 else 2


def _vary_guidance(scale: Any) -> Any:
    return scale + 3 if scale <= 10 else scale - 3


def _vary_strength(strength: Any) -> Any:
    # More rather than less: a part of few steps could be none.
    return 1.0 if strength < 0.95 else strength / 2


VARIED: Mapping[str, Callable[[Any], Any]] = {
    "seed": vary_seed,
    "num_inference_steps": _vary_steps,
    "guidance_scale": _vary_guidance,
    "true_cfg_scale": _vary_guidance,
    "distilled_guidance": _vary_guidance,
    "distilled_cfg_scale": _vary_guidance,
    "negative_prompt": lambda _: "",
    "strength": _vary_strength,
}
"""Another value of each parameter that is probed. What is not in it has no other value that would be known to fit."""


def _is_same(one: Pixels, other: Pixels, noise: float) -> bool:
    """Whether two images differ no more than those of equal requests do."""
    if one.shape != other.shape:
        return False
    return _distance(one, other) <= CLEARLY * noise


def _distance(one: Pixels, other: Pixels) -> float:
    """Mean difference in levels."""
    difference: npt.NDArray[np.int64] = np.abs(one.astype(np.int64) - other)
    return float(difference.mean())


def _changes(image: Pixels, original: Pixels, painted: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """How far an image is from the original where it should be painted, and where it should be kept."""
    return _distance(image[painted], original[painted]), _distance(image[~painted], original[~painted])


def _is_remembered(generated: Answer, again: Answer) -> bool:
    """Whether the second image of a request came too fast to have been generated."""
    if again.from_cache:
        return True
    if generated.seconds is None or again.seconds is None:
        return False
    return generated.seconds > NOTICEABLE and again.seconds < FASTER * generated.seconds
