"""The table `server` of a target and the URL in its model, checked before anybody is asked for anything."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from sdeval._utils import validation as typed
from sdeval._utils.http import Client
from sdeval._utils.validation import Plain
from sdeval.config.target import Target
from sdeval.errors import NotAvailable, SdevalError

T = TypeVar("T", bound="ServerOptions")
LIMIT = 600.0
"""Seconds that one image may take where the target states no timeout."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions(typed.Checked):
    """Options of every server."""

    key: str = ""
    """The environment variable with the key, or `user:password` for AUTOMATIC1111; the value is written nowhere."""
    hosts: tuple[str, ...] = ()
    """Other hosts that images may be fetched from where a server answers with URLs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldOptions(ServerOptions):
    """Of servers that take a table of fields."""

    fields: Mapping[str, Plain] = field(default_factory=dict)
    """Fields of the server's own that go into every request as they are."""


def options_of(target: Target, kind: type[T]) -> T:
    """The table `server` of a target.

    Raises:
        SdevalError: an unknown name, with the near matches, or a value that is not allowed.
    """
    values: dict[str, Any] = dict(target.server)
    if isinstance(values.get("hosts"), list):
        values["hosts"] = tuple(values["hosts"])
    typed.check_fields(kind, values, f"target {target.name}: server")
    return kind(**values)


def family_of(target: Target) -> str:
    """The kind of server that a target names, such as `comfyui`."""
    return target.model.partition(":")[0]


def url_of(target: Target) -> str:
    """The URL of a server, without a slash at its end.

    Raises:
        SdevalError: it is no URL, or holds a password, which would be written into every report.
    """
    text = target.model.partition(":")[2]
    where = f"target {target.name}: model"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise SdevalError(f"{where}: {typed.readable(text)} is no URL: {error}") from None
    if parts.username is not None or parts.password is not None:
        raise SdevalError(f"{where}: has a password in it; put it into an environment variable that server.key names")
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or parts.query or parts.fragment:
        raise SdevalError(f"{where}: must be {family_of(target)}:http://HOST:PORT, got {typed.readable(target.model)}")
    return text.rstrip("/")


def require_key(target: Target) -> None:
    """Refuse a target whose key is not in the environment, in milliseconds.

    Raises:
        NotAvailable: it is not there.
        SdevalError: `server.key` is no name.
    """
    name = target.server.get("key", "")
    typed.check_value(name, str, "server.key", f"target {target.name}")
    if name and not os.environ.get(name, "").strip():
        raise NotAvailable(f"target {target.name}: server.key: the environment variable {name} is not set")


def client_of(target: Target, options: ServerOptions, *, basic: bool = False) -> Client:
    """What asks the server, with its key.

    Args:
        target: whose URL and time limit count.
        options: the name of its key.
        basic: whether the key is a user and a password.

    Raises:
        NotAvailable: the key is not in the environment.
    """
    require_key(target)
    key = os.environ.get(options.key, "").strip() if options.key else ""
    header = f"Basic {base64.b64encode(key.encode()).decode()}" if basic else f"Bearer {key}"
    return Client(url_of(target), header if key else "", (key,), options.hosts, target.timeout or LIMIT)
