"""A vision model behind an OpenAI-compatible endpoint, which answers yes or no with log probabilities."""

from __future__ import annotations

import base64
import math
import os
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from sdeval._utils.http import Client
from sdeval._utils.validation import preview, readable
from sdeval.errors import CallFailed, NotAvailable, SdevalError
from sdeval.imaging.io import png_bytes

PATH = "/chat/completions"
TOP = 20
"""Log probabilities that are asked for: the most that the protocol allows."""
WAITS = (1.0, 3.0)
"""Seconds before a question is repeated that the server failed to answer; asking twice changes nothing."""


class Endpoint:
    """Asks an endpoint, at temperature 0.

    Args:
        client: of the server.
        model: as the server calls it.
    """

    def __init__(self, client: Client, model: str) -> None:
        self._client = client
        self._model = model

    @classmethod
    def of(cls, url: str, model: str, key_name: str, timeout: float) -> Endpoint:
        """An endpoint by its URL, with the key that an environment variable holds.

        Raises:
            NotAvailable: the key is not in the environment.
            SdevalError: the URL is none.
        """
        key = os.environ.get(key_name, "").strip() if key_name else ""
        if key_name and not key:
            raise NotAvailable(f"checklist_key: the environment variable {key_name} is not set")
        return cls(Client(_checked(url), f"Bearer {key}" if key else "", (key,), timeout=timeout), model)

    @property
    def version(self) -> str:
        """The name of the model; where it runs does not count."""
        return self._model

    def yes(self, image: Image.Image, question: str) -> float:
        """The chance of a yes.

        Raises:
            CallFailed: the server gives no answer, or none with log probabilities.
            ValueError: the answer is neither yes nor no.
        """
        address = f"data:image/png;base64,{base64.b64encode(png_bytes(image)).decode()}"
        content = [{"type": "image_url", "image_url": {"url": address}}, {"type": "text", "text": question}]
        body = {
            "model": self._model,
            "messages": [{"role": "user", "content": content}],
            "temperature": 0,
            "seed": 0,
            "max_tokens": 1,
            "logprobs": True,
            "top_logprobs": TOP,
        }
        with self._client.deadline():
            return _chance(self._ask(body), self._client.url)

    def _ask(self, body: Mapping[str, Any]) -> Any:
        for wait in WAITS:
            try:
                return self._client.post(PATH, body)
            except CallFailed as error:
                if " answered 5" not in str(error):
                    raise
                time.sleep(min(wait, self._client.seconds_left))
        return self._client.post(PATH, body)


def _checked(url: str) -> str:
    where = "checklist_url"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SdevalError(f"{where}: {readable(url)} is no URL: {error}") from None
    if parts.username is not None or parts.password is not None:
        raise SdevalError(
            f"{where}: has a password in it; put it into an environment variable that checklist_key names"
        )
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0 or parts.query or parts.fragment:
        raise SdevalError(f"{where}: must be http://HOST:PORT/v1, got {readable(url)}")
    return url.rstrip("/").removesuffix(PATH)


def _chance(answer: Any, url: str) -> float:
    """P(yes) / (P(yes) + P(no)) of the first token."""
    try:
        first = answer["choices"][0]["logprobs"]["content"][0]
        pairs = [(str(one["token"]), float(one["logprob"])) for one in first["top_logprobs"]]
    except (LookupError, TypeError, ValueError):
        advice = "the model or the server does not support them"
        raise CallFailed(f"{url}: answered without log probabilities (logprobs, top_logprobs); {advice}") from None
    chances = {"yes": 0.0, "no": 0.0}
    for token, logprob in pairs:
        word = token.strip(" \n\t▁Ġ\"'.,").lower()
        if word in chances and logprob <= 0:
            chances[word] += math.exp(logprob)
    total = sum(chances.values())
    if not total:
        raise ValueError(f"the answer is neither yes nor no: {preview([token for token, _ in pairs])}")
    return chances["yes"] / total
