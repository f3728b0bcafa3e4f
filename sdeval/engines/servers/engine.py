"""Servers as engines: asked who they are, probed, and then asked for one image at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any

from sdeval.config.case import Sample, Task
from sdeval.config.suite import CLOCK, Suite
from sdeval.config.target import Target
from sdeval.engines.attempt import attempt
from sdeval.engines.generated import Generated
from sdeval.engines.servers import probe_cache
from sdeval.engines.servers.checks import check_cases, check_names, requests_of, server_of
from sdeval.engines.servers.probe import Findings, Probe, parameters_of
from sdeval.engines.servers.protocol import Answer, Facts, ImageRequest
from sdeval.errors import CallFailed, SdevalError, describe_error, plural


class ServerEngine:
    """A server that is ready to generate.

    Args:
        target: names it.

    Raises:
        SdevalError: its URL or its options are wrong.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self.batch_size = 1
        self.load_seconds = 0.0
        self._server = server_of(target)
        self._prepared: dict[str, Findings] = {}
        self._cached = 0
        self._timed = {"server": 0, "request": 0}

    @cached_property
    def _facts(self) -> Facts:
        """What the server says of itself, once."""
        with self._server.client.deadline(), self._understood():
            return self._server.connect()

    @contextmanager
    def _understood(self) -> Iterator[None]:
        """Say in one line of what a server answers where nothing that reads it was prepared for it."""
        try:
            yield
        except SdevalError:
            raise
        except Exception as error:
            url = self._server.client.url
            raise CallFailed(f"{url}: answered what cannot be understood: {describe_error(error)}") from error

    @cached_property
    def device(self) -> str:
        """Where images are scored, which is done here."""
        from sdeval.engines.diffusers_engine import pick_device

        return pick_device(self.target.device)

    @cached_property
    def environment(self) -> Mapping[str, Any]:
        """Of the server, as far as it tells."""
        facts = self._facts
        versions = {self._server.name: facts.version} if facts.version else {}
        hardware = facts.device or "unknown hardware"
        times = "its own" if self._server.states_times else "of whole requests"
        return {CLOCK: times, "hardware": f"{self._server.name} on {hardware}", "packages": {**versions, **facts.other}}

    def prepare(self, suite: Suite, settings: Mapping[str, Any]) -> None:
        """Prove that what a suite states has an effect, unless that is known of this server.

        Raises:
            SdevalError: the server cannot be asked, lacks a name for something, or ignores it.
        """
        facts = self._facts
        server, task = self._server, suite.task
        names = {name: value for name, value in settings.items() if value is not None}
        check_names(server, self.target, task, names)
        check_cases(server, self.target, suite)
        requests = requests_of(suite, settings)
        parameters = parameters_of(requests, server.parameters(task))
        path = probe_cache.path_of(self._circumstances(task, names, parameters))
        findings = self._prepared.get(path.name) or probe_cache.recall(path, has_version=bool(facts.version))
        if findings is None:
            name = f"target {self.target.name}: {server.name} at {server.client.url}"
            findings = Probe(name, self._answer, requests, parameters).findings()
            probe_cache.keep(path, findings)
        self._prepared[path.name] = findings

    def _circumstances(self, task: Task, settings: Mapping[str, Any], parameters: Sequence[str]) -> dict[str, Any]:
        """What the findings of a probe depend on."""
        facts = self._facts
        return {
            "url": self._server.client.url,
            "server": self._server.name,
            "version": facts.version,
            "model": facts.model,
            "device": facts.device,
            "options": dict(self.target.server),
            "workflow": self._server.describe(),
            "task": task,
            "settings": dict(settings),
            "parameters": list(parameters),
        }

    def _answer(self, request: ImageRequest) -> Answer:
        """One image, with the time of the request where the server states none that can be."""
        started = time.perf_counter()
        with self._server.client.deadline(), self._understood():
            answer = self._server.generate(request)
        whole = time.perf_counter() - started
        stated = answer.seconds is not None and answer.seconds <= whole
        self._timed["server" if stated else "request"] += 1
        return answer if stated else replace(answer, seconds=whole)

    def generate(self, task: Task, batch: Sequence[Sample], settings: Mapping[str, Any]) -> list[Generated]:
        """One image at a time.

        Raises:
            CallFailed: the server gave none, or took too long.
        """
        return [self._generated(task, sample, settings) for sample in batch]

    def _generated(self, task: Task, sample: Sample, settings: Mapping[str, Any]) -> Generated:
        request = ImageRequest.of(task, sample.case, sample.seed, settings)
        # What its server answers must not end a session, whatever it is.
        answer = attempt(lambda: self._connected_answer(request))
        self._cached += answer.from_cache
        return Generated(sample, answer.image, True, None, answer.seconds or 0.0, warming=self._is_first)

    def _connected_answer(self, request: ImageRequest) -> Answer:
        _ = self._facts
        return self._answer(request)

    @property
    def _is_first(self) -> bool:
        return sum(self._timed.values()) == 1

    def describe(self, task: Task) -> dict[str, Any]:
        """Which server and which model, and where images are scored."""
        facts = self._facts
        model = {"server_model": facts.model} if facts.model else {}
        return {"pipeline": self._server.name, "device": self.device, **model, **self._server.describe()}

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the verdicts must know of the server, a line each."""
        name = f"{self.target.name} ({self._server.name})"
        return tuple(f"{name}: {line}" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        for reason, count in self._server.client.repeated.items():
            yield f"{plural(count, 'request')} had to be sent again: {reason}"
        for findings in dict.fromkeys(self._prepared.values()):
            yield from _lines_of(findings)
        if self._cached:
            yield f"{plural(self._cached, 'image')} came from its cache: their times are none of generating"
        if self._timed["request"]:
            part = "some times are" if self._timed["server"] else "times are"
            yield f"{part} those of whole requests, as the server states none"


def _lines_of(findings: Findings) -> Iterator[str]:
    if findings.repeatable == "changed":
        names = ", ".join(findings.unproven)
        rest = f", and whether it reads {names} is not known" if names else ""
        yield f"the same seed gave another image: images depend on chance{rest}"
    if findings.repeatable == "imperceptible":
        yield "the same seed gave an image that differs imperceptibly"
    if findings.remembers:
        yield "it answers the same request from a cache, so that the self-check and times of such images say nothing"
