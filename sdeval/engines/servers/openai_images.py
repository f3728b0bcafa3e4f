"""Servers that speak the OpenAI images API, each with a dialect of its own (`dialects`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from sdeval.config.case import Task
from sdeval.config.target import Target
from sdeval.engines.servers.dialects import DIALECTS, Dialect, Endpoint, recognise, translate
from sdeval.engines.servers.images import Lossy, both_ways, image_in, only, shown, to_base64, to_png
from sdeval.engines.servers.options import FieldOptions, client_of, options_of
from sdeval.engines.servers.protocol import SIZE, Answer, Facts, ImageRequest
from sdeval.errors import CallFailed, SdevalError, one_line, unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIOptions(FieldOptions):
    """The table `server` of a target `openai-images:URL`."""

    dialect: str = ""
    """Found out by the list of models where empty."""
    model: str = ""
    """The only one of the server where empty."""


class OpenAIServer:
    """One server.

    Args:
        target: its URL, its options and its time limit.
    """

    def __init__(self, target: Target) -> None:
        self._where = f"target {target.name}"
        self._options = options_of(target, OpenAIOptions)
        if self._options.dialect and self._options.dialect not in DIALECTS:
            raise SdevalError(f"{self._where}: server.dialect: {unknown('dialect', self._options.dialect, DIALECTS)}")
        self._dialect = DIALECTS.get(self._options.dialect)
        self._model = self._options.model
        self.client = client_of(target, self._options)

    @property
    def name(self) -> str:
        """The dialect, where it is known."""
        return self._dialect.name if self._dialect else "openai-images"

    @property
    def states_times(self) -> bool:
        """Whether answers of the dialect say how long they took."""
        return self._dialect is not None and self._dialect.states_times

    def parameters(self, task: Task) -> Mapping[str, str]:
        """What the dialect has a name for; of an unknown one, what any of them has."""
        if self._dialect:
            return dict.fromkeys((*self._endpoint(task).names, *SIZE), "")
        endpoints = [dialect.endpoints[task] for dialect in DIALECTS.values() if task in dialect.endpoints]
        return dict.fromkeys((name for endpoint in endpoints for name in (*endpoint.names, *SIZE)), "")

    def inputs_problem(self, count: int) -> str:
        """Some dialects take several; of an unknown one, any of them might."""
        if count == 1 or self._dialect is None or self._endpoint("edit").takes_several:
            return ""
        return f"the dialect {self.name} takes one input image, got {count}"

    def _endpoint(self, task: Task) -> Endpoint:
        dialect = self._known_dialect
        if task not in dialect.endpoints:
            raise SdevalError(f"{self._where}: the dialect {dialect.name} cannot do {task}; {dialect.missing[task]}")
        return dialect.endpoints[task]

    @property
    def _known_dialect(self) -> Dialect:
        if self._dialect is None:
            raise SdevalError(f"{self._where}: the server was not asked yet which dialect it speaks")
        return self._dialect

    def connect(self) -> Facts:
        """Find out dialect, model and version."""
        models = self._models()
        if self._dialect is None:
            host = urlsplit(self.client.url).hostname or ""
            self._dialect = recognise(models, host, lambda path: self._ask(path) is not None)
        if self._dialect is None:
            raise SdevalError(
                f"{self._where}: {self.client.url}/v1/models does not show which dialect the server speaks; state it: "
                f"server.dialect is one of {', '.join(DIALECTS)}"
            )
        self._model = self._model or self._only_model(models)
        version = self._ask(self._dialect.version) if self._dialect.version else None
        text = version.get("version", "") if isinstance(version, Mapping) else ""
        return Facts(version=one_line(str(text)), model=self._model)

    def _models(self) -> list[Mapping[str, Any]]:
        """What the server lists; nothing where it has no list, and dialect and model are stated."""
        try:
            answer = self.client.get("/v1/models")
        except CallFailed as error:
            if self._dialect and self._model and "answered 4" in str(error):
                return []
            raise
        entries = answer.get("data") if isinstance(answer, Mapping) else None
        if not isinstance(entries, list):
            raise SdevalError(f"{self.client.url}/v1/models: answered no list of models: {shown(answer)}")
        return [entry for entry in entries if isinstance(entry, Mapping)]

    def _only_model(self, models: list[Mapping[str, Any]]) -> str:
        names = [str(model.get("id", "")) for model in models]
        if len(names) != 1:
            listed = one_line(", ".join(names)) or "none"
            raise SdevalError(f"{self._where}: server.model: say which model is meant; the server lists {listed}")
        return names[0]

    def _ask(self, path: str) -> Any:
        """What the server answers at a path that it need not have; None where it has none."""
        try:
            return self.client.get(path)
        except CallFailed:
            return None

    def generate(self, request: ImageRequest) -> Answer:
        """One image."""
        endpoint = self._endpoint(request.task)
        fields = self._fields(request, endpoint)
        path = endpoint.path
        if endpoint.form:
            answer = self.client.post_form(path, fields, self._files(request, endpoint))
        else:
            images = {endpoint.image: to_base64(request.image)} if endpoint.image and request.image else {}
            answer = self.client.post(path, {**fields, **images})
        where = f"{self.client.url}{path}"
        entry = only(answer, "data", where)
        try:
            return Answer(image_in(entry, self.client, where), seconds_in(answer))
        except Lossy as error:
            advice = self._known_dialect.lossless
            raise CallFailed(f"{error}{f'; {advice}' if advice else ''}") from None

    def _fields(self, request: ImageRequest, endpoint: Endpoint) -> dict[str, Any]:
        dialect = self._known_dialect
        prompt, values = request.prompt, translate(endpoint.names, request)
        if dialect.negative_in_prompt and "|" in prompt:
            raise CallFailed(f"{dialect.name} takes what follows a bar as the negative prompt: {shown(prompt)}")
        if dialect.negative_in_prompt and request.values.get("negative_prompt"):
            prompt = f"{prompt}|{request.values['negative_prompt']}"
        if dialect.packing == "kwargs":
            # Of a form, the negative prompt is a field of its own.
            own = {name: values.pop(name) for name in ("negative_prompt",) if endpoint.form and name in values}
            values = {**own, **({"kwargs": json.dumps(values)} if values else {})}
        elif dialect.packing == "tag":
            prompt, values = f"{prompt} <sd_cpp_extra_args>{json.dumps(values)}</sd_cpp_extra_args>", {}
        size = {"size": dialect.times.join(map(str, request.size))} if request.size else {}
        fixed = {"model": self._model, "prompt": prompt, "n": 1, **dialect.constants}
        return {**fixed, **size, **values, **self._options.fields}

    def _files(self, request: ImageRequest, endpoint: Endpoint) -> list[tuple[str, bytes]]:
        files = [(endpoint.image, to_png(image)) for image in request.inputs]
        if request.mask is not None:
            mask = request.mask if self._known_dialect.white_masks else both_ways(request.mask)
            files += [(name, to_png(mask)) for name in endpoint.masks]
        return files

    def describe(self) -> dict[str, Any]:
        """Nothing besides what the target says."""
        return {}

    def announcements(self) -> list[str]:
        """Nothing."""
        return []


def seconds_in(answer: Mapping[str, Any]) -> float | None:
    """How long the server says that it took: sglang in one number, vllm-omni stage by stage."""
    whole = answer.get("inference_time_s")
    if isinstance(whole, int | float) and _is_time(whole):
        return float(whole)
    metrics = answer.get("metrics")
    stages = metrics.get("stage_durations") if isinstance(metrics, Mapping) else None
    if isinstance(stages, Mapping) and stages and all(map(_is_time, stages.values())):
        return float(sum(stages.values()))
    return None


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
