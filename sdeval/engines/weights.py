"""What was really loaded: libraries put random values where a tensor is missing, and drop what they do not know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import DiffusionPipeline, ModelMixin
from transformers import PreTrainedModel

from sdeval.config.target import Target
from sdeval.errors import SdevalError, plural

SHOWN = 3
"""Names of tensors that a message shows."""

POSITIONS = "embeddings.position_ids"
"""The numbers of the places in a text: 0, 1, 2, and so on, whatever was learnt."""


@contextmanager
def whole_weights(target: Target) -> Iterator[None]:
    """Refuse every model that is loaded within and has other tensors than its files.

    diffusers loads the parts of a pipeline without asking for these reports, so they are asked for here.

    Raises:
        SdevalError: a tensor is missing, unknown or of another shape; names the first of them.
    """
    originals = {library: library.__dict__["from_pretrained"] for library in (ModelMixin, PreTrainedModel)}
    for library, original in originals.items():
        setattr(library, "from_pretrained", classmethod(_with_check(original.__func__, target)))  # noqa: B010
    try:
        yield
    finally:
        for library, original in originals.items():
            setattr(library, "from_pretrained", original)  # noqa: B010


def _with_check(load: Callable[..., Any], target: Target) -> Callable[..., Any]:
    """`from_pretrained` that looks into its report."""

    def from_pretrained(model_class: type, path: Any, *arguments: Any, **options: Any) -> Any:
        is_asked = options.pop("output_loading_info", False)
        model, report = load(model_class, path, *arguments, output_loading_info=True, **options)
        _check(report, f"target {target.name}: {Path(str(path)).name}")
        return (model, report) if is_asked else model

    return from_pretrained


def _check(report: Mapping[str, Collection[Any]], where: str) -> None:
    what = {
        "missing_keys": "not in its files, and would be random",
        "mismatched_keys": "of another shape in its files, and would be random",
        "unexpected_keys": "in its files, and would be left out",
    }
    for kind, consequence in what.items():
        # What is of another shape comes with both shapes.
        names = sorted(str(key[0] if isinstance(key, tuple) else key) for key in report.get(kind) or ())
        # Not every version of transformers knows that earlier ones stored them.
        names = [name for name in names if not name.endswith(POSITIONS)]
        if names:
            listed = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
            verb = "is" if len(names) == 1 else "are"
            raise SdevalError(
                f"{where}: {plural(len(names), 'tensor')} ({listed}) {verb} {consequence}; "
                "load the model with the versions of diffusers and transformers that saved it, and save it again"
            )


def loaded_dtype(pipeline: DiffusionPipeline, target: Target) -> dict[str, str]:
    """The number format of the parameters of each part; of a quantized part nothing is said.

    Raises:
        SdevalError: a part has another one than the target asks for.
    """
    formats = {}
    for name, part in pipeline.components.items():
        if not isinstance(part, torch.nn.Module) or getattr(part, "hf_quantizer", None) is not None:
            continue
        sizes: Counter[str] = Counter()
        for parameter in part.parameters():
            if parameter.is_floating_point():
                sizes[str(parameter.dtype).removeprefix("torch.")] += parameter.numel()
        if not sizes:
            continue
        formats[name] = sizes.most_common(1)[0][0]
        # Some models keep what half precision would spoil.
        if formats[name] != target.dtype and not getattr(part, "_keep_in_fp32_modules", None):
            raise SdevalError(
                f"target {target.name}: dtype is {target.dtype}, but {name} was loaded as {formats[name]}; "
                "does this version of diffusers know `dtype`?"
            )
    return formats
