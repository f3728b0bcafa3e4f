"""What is refused of a server before it is asked for anything, and what a user should see before the first image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from sdeval._utils.http import Client
from sdeval._utils.validation import check_value
from sdeval.config.case import Task
from sdeval.config.suite import Suite
from sdeval.config.target import Target
from sdeval.engines.servers.a1111 import A1111Server
from sdeval.engines.servers.comfyui import ComfyServer
from sdeval.engines.servers.openai_images import OpenAIServer
from sdeval.engines.servers.options import family_of, url_of
from sdeval.engines.servers.probe import OF_CASES, calls_of, parameters_of
from sdeval.engines.servers.protocol import ImageRequest, Server
from sdeval.engines.servers.sdcpp import SdcppServer
from sdeval.errors import SdevalError, plural, unknown

_FITTING = ("model", "device", "needs", "batch_size", "timeout", "settings", "server")
"""Fields of a target that say something to a server."""
KINDS: Mapping[str, type] = {
    "num_inference_steps": int,
    "guidance_scale": float,
    "true_cfg_scale": float,
    "distilled_guidance": float,
    "distilled_cfg_scale": float,
    "strength": float,
    "width": int,
    "height": int,
}
"""What settings must be that are varied, or make up a size."""
OF_SAMPLES = ("seed", "negative_prompt")
"""What cases and seeds say, and no setting."""
AGAIN = 7
"""Images that are asked for again at most: one for the self-check, one beside it, five where a run was slow."""


class AskedServer(Server, Protocol):
    """A server with what asks it."""

    client: Client


_FAMILIES: Mapping[str, Callable[[Target], AskedServer]] = {
    "openai-images": OpenAIServer,
    "comfyui": ComfyServer,
    "a1111": A1111Server,
    "sdcpp": SdcppServer,
}


def server_of(target: Target) -> AskedServer:
    """The server that a target names, which is asked for nothing yet.

    Raises:
        SdevalError: its URL or its options are wrong.
    """
    return _FAMILIES[family_of(target)](target)


def check(target: Target, task: Task, settings: Mapping[str, Any]) -> None:
    """Refuse fields and settings that a server does not take, without asking it.

    Raises:
        SdevalError: one has no effect, or the options of the server are wrong.
    """
    for name in target.describe():
        if name not in _FITTING and getattr(target, name) not in (None, "float32"):
            raise SdevalError(f"target {target.name}: {name} has no effect: {target.model} is a server")
    url_of(target)
    check_names(server_of(target), target, task, settings)


def check_names(server: Server, target: Target, task: Task, names: Mapping[str, Any]) -> None:
    """Refuse what a server has no name for.

    Raises:
        SdevalError: the first such name, with the near matches.
    """
    where = f"target {target.name}"
    known = settings_of(server, task)
    for name, value in names.items():
        if name not in known:
            advice = "" if family_of(target) == "comfyui" else "; fields of the server's own go into server.fields"
            raise SdevalError(f"{where}: {server.name}, {task}: {unknown('setting', name, known)}{advice}")
        if known[name]:
            raise SdevalError(f"{where}: server: {known[name]}")
        if name in KINDS:
            check_value(value, KINDS[name] | None, name, where)


def settings_of(server: Server, task: Task) -> dict[str, str]:
    """What a suite or a target may set: all that a server takes, but for what comes with each case."""
    return {name: problem for name, problem in server.parameters(task).items() if name not in OF_SAMPLES}


def check_request(target: Target, suite: Suite) -> None:
    """Refuse what cases ask of a server that it has no name for.

    Raises:
        SdevalError: the first such thing, with the line of its case.
    """
    check_cases(server_of(target), target, suite)


def check_cases(server: Server, target: Target, suite: Suite) -> None:
    """`check_request` for a server that may have been asked already which dialect it speaks.

    Raises:
        SdevalError: the first thing that it has no name for.
    """
    known = server.parameters(suite.task)
    where = f"target {target.name}"
    if problem := known.get("seed", ""):
        raise SdevalError(f"{where}: server: {problem}")
    if "seed" in known and min(suite.rounds[-1]) < 0:
        raise SdevalError(f"{where}: suite {suite.name}: seeds: negative ones mean random ones to {server.name}")
    for case in suite.cases:
        for name in ("control_image", "reference_image"):
            if getattr(case, name):
                raise SdevalError(f"{where}: {case.origin or f'case {case.id!r}'}: {name}: servers are sent none")
        if case.inputs and (problem := server.inputs_problem(len(case.inputs))):
            raise SdevalError(f"{where}: {case.origin or f'case {case.id!r}'}: images: {problem}")
        for name in OF_CASES:
            if getattr(case, name) and (name not in known or known[name]):
                reason = known.get(name) or f"{server.name} takes none for {suite.task}; remove it"
                raise SdevalError(f"{where}: {case.origin or f'case {case.id!r}'}: {name}: {reason}")


def fitting_settings(target: Target, task: Task) -> dict[str, Any]:
    """Those of a target's settings that a server takes for a task."""
    known = settings_of(server_of(target), task)
    return {name: value for name, value in target.settings.items() if name in known}


def announcements(target: Target, suite: Suite, images: int) -> list[str]:
    """What a user should see before the first request: what was inferred, and how many calls may have to be paid.

    Args:
        target: what generates.
        suite: what is asked for.
        images: as many as the suite has at most.
    """
    server = server_of(target)
    lines = server.announcements()
    if target.server.get("key"):
        settings = {**suite.settings, **fitting_settings(target, suite.task)}
        parameters = parameters_of(requests_of(suite, settings), server.parameters(suite.task))
        probed, key = calls_of(parameters), target.server["key"]
        lines.append(
            f"up to {images + probed + AGAIN} calls of {url_of(target)} with the key in {key}: "
            f"{plural(images, 'image')}, "
            f"{probed} to probe what it reads unless that is known, {AGAIN} to check images and times again"
        )
    return [f"{suite.name} on {target.name}: {line}" for line in lines]


def requests_of(suite: Suite, settings: Mapping[str, Any]) -> list[ImageRequest]:
    """What a few cases of a suite ask for with its first seed: together, they state all that any of them does."""
    strength = settings.get("strength")
    stated = [replace(case, strength=case.strength if strength is None else strength) for case in suite.cases]
    few = (next((case for case in stated if getattr(case, name)), stated[0]) for name in ("id", "images", *OF_CASES))
    cases = {case.id: case for case in few}.values()
    rest = {name: value for name, value in settings.items() if name != "strength"}
    return [ImageRequest.of(suite.task, case, suite.seeds[0], rest) for case in cases]
