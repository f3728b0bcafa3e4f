"""Requests to a server, within bounds of time and size; only what cannot have begun is repeated.

urllib is enough for that, and brings no dependency: of the clients that other packages happen to install, none comes
with all versions of them.
"""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from ipaddress import ip_address
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from sdeval._utils.files import parse_json
from sdeval.errors import CallFailed, one_line

LARGEST = 256 * 2**20
"""Bytes of an answer that are read: an image of 8192x8192 pixels in base64 has fewer."""
LARGEST_ERROR = 64 * 2**10
CHUNK = 2**16
WAITS = (0.2, 0.5, 1.0)
"""Seconds before a request is repeated."""
LONGEST_WAIT = 30.0
"""Seconds that a server may ask to wait before a request is repeated."""
CLEANUP = 3.0
"""Seconds that taking back a job may take."""
Files = Sequence[tuple[str, bytes]]
"""Images in PNG that go into a form, by the name of their field."""


class _Unbegun(Exception):
    """The server has not begun to work on a request, which can be repeated."""

    def __init__(self, reason: str, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class _NoRedirects(HTTPRedirectHandler):
    """Another address could be another server, which must not see the key."""

    def redirect_request(self, *_: Any) -> None:
        """None."""


class Client:
    """Asks one server.

    Args:
        url: of the server.
        authorization: the header that lets us in; empty where the server needs none.
        private: what must not be in any message.
        hosts: other hosts that images may be fetched from; they do not get the header.
        timeout: seconds that one image, or one question, may take.
    """

    def __init__(
        self,
        url: str,
        authorization: str = "",
        private: Sequence[str] = (),
        hosts: Sequence[str] = (),
        timeout: float = 600.0,
    ) -> None:
        self.url = url
        self.repeated: Counter[str] = Counter()
        """Requests that were sent again, by the reason."""
        self._authorization = authorization
        self._private = [text for text in private if text]
        self._hosts = hosts
        self._timeout = timeout
        self._until: float | None = None

    @contextmanager
    def deadline(self) -> Iterator[None]:
        """All requests within take no longer together than one may."""
        outer, self._until = self._until, time.monotonic() + self._timeout
        try:
            yield
        finally:
            self._until = outer

    @contextmanager
    def cleanup(self) -> Iterator[None]:
        """A few seconds after the deadline, to take back what nobody waits for any more."""
        outer, self._until = self._until, time.monotonic() + CLEANUP
        try:
            yield
        finally:
            self._until = outer

    @property
    def seconds_left(self) -> float:
        """Until the deadline.

        Raises:
            CallFailed: it has passed.
        """
        left = self._timeout if self._until is None else self._until - time.monotonic()
        if left <= 0:
            raise CallFailed(self._too_long())
        return left

    def _too_long(self) -> str:
        return f"{self.url}: took longer than the timeout of {self._timeout:g} seconds"

    def get(self, path: str) -> Any:
        """What the server answers to a question, as JSON."""
        return self._json(path, self._send("GET", path))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """The answer to a request in JSON, as JSON."""
        return self._json(path, self._send("POST", path, json.dumps(body).encode(), "application/json"))

    def post_form(self, path: str, fields: Mapping[str, Any], files: Files, name: str = "image") -> Any:
        """The answer to a form with images, as JSON; `name` is what their files are called."""
        boundary = f"sdeval-{secrets.token_hex(16)}"
        body = _form(boundary, fields, files, name)
        return self._json(path, self._send("POST", path, body, f"multipart/form-data; boundary={boundary}"))

    def fetch(self, address: str) -> bytes:
        """A file of the server, or of a host that is allowed.

        Raises:
            CallFailed: it lies elsewhere, or cannot be had.
        """
        url = urljoin(f"{self.url}/", address)
        host = urlsplit(url).hostname or ""
        if urlsplit(url).scheme not in ("http", "https") or host not in {urlsplit(self.url).hostname, *self._hosts}:
            raise CallFailed(
                f"{self.url}: answered with an image at {one_line(url)}, which is another host; to allow it: "
                f"server.hosts = [{host!r}]"
            )
        return self._send("GET", url)

    def _json(self, path: str, content: bytes) -> Any:
        try:
            return parse_json(content)
        except (ValueError, RecursionError):
            text = one_line(content[:300].decode("utf-8", "replace"))
            raise CallFailed(self._clean(f"{self.url}{path}: answered what is no JSON: {text or 'nothing'}")) from None

    def _send(self, method: str, address: str, body: bytes | None = None, kind: str = "") -> bytes:
        url = address if "://" in address else f"{self.url}{address}"
        request = Request(url, data=body, method=method, headers={"Accept": "*/*", "User-Agent": "sdeval"})
        if kind:
            request.add_header("Content-Type", kind)
        if self._authorization and urlsplit(url)[:2] == urlsplit(self.url)[:2]:
            request.add_header("Authorization", self._authorization)
        for wait in (*WAITS, None):
            try:
                return self._attempt(request)
            except _Unbegun as error:
                pause = max(wait or 0.0, error.wait)
                if wait is None or pause > min(LONGEST_WAIT, self.seconds_left):
                    raise CallFailed(self._clean(f"{url}: {error}")) from None
                self.repeated[str(error).partition(":")[0]] += 1
                time.sleep(pause)
        raise AssertionError

    def _attempt(self, request: Request) -> bytes:
        url, left = request.full_url, self.seconds_left
        try:
            with _opener(request.host).open(request, timeout=left) as answer:
                return self._read(answer, url)
        except HTTPError as error:
            with error:
                self._raise(error, url)
        except URLError as error:
            if isinstance(error.reason, ConnectionRefusedError):
                raise _Unbegun("connection refused: no server listens there") from None
            if isinstance(error.reason, TimeoutError):
                raise CallFailed(self._too_long()) from None
            raise CallFailed(self._clean(f"{url}: cannot be reached: {one_line(str(error.reason))}")) from None
        except TimeoutError:
            raise CallFailed(self._too_long()) from None
        except (OSError, HTTPException, ValueError) as error:
            reason = one_line(str(error)) or type(error).__name__
            raise CallFailed(self._clean(f"{url}: the connection broke: {reason}")) from None
        raise AssertionError

    def _read(self, answer: HTTPResponse, url: str) -> bytes:
        """All of an answer, within bounds."""
        content, length = bytearray(), answer.headers.get("Content-Length", "")
        too_large = f"{url}: the answer is too large: more than {LARGEST // 2**20} MiB, which is the most that is read"
        if length.isdecimal() and int(length) > LARGEST:
            raise CallFailed(too_large)
        while chunk := answer.read1(CHUNK):
            content += chunk
            if len(content) > LARGEST:
                raise CallFailed(too_large)
            # A server that sends a byte now and then would never run into the time limit of the socket.
            _ = self.seconds_left
        if length.isdecimal() and len(content) < int(length):
            raise CallFailed(f"{url}: the answer broke off after {len(content)} of {length} bytes")
        return bytes(content)

    def _raise(self, error: HTTPError, url: str) -> None:
        """Say which status a server answered, and what else."""
        status = f"{error.code} {error.reason}".strip()
        if 300 <= error.code < 400:
            location = one_line(error.headers.get("Location", "nowhere"))
            raise CallFailed(f"{url}: answered {status}: redirects to {location}; name the address that is meant")
        try:
            body = error.read(LARGEST_ERROR)
        except (OSError, HTTPException):
            body = b""
        text = _reason(body)
        if error.code == 429:
            after = error.headers.get("Retry-After", "")
            raise _Unbegun(f"answered {status}: {text or 'too busy'}", float(after) if after.isdecimal() else 0.0)
        raise CallFailed(self._clean(f"{url}: answered {status}{f': {text}' if text else ''}"))

    def _clean(self, text: str) -> str:
        """A text without keys, which a server may say back."""
        for private in self._private:
            text = text.replace(private, "***")
        return text


def _opener(host: str) -> OpenerDirector:
    """Proxies of the environment count, but never for a server on this machine."""
    name = urlsplit(f"//{host}").hostname or ""
    return build_opener(_NoRedirects, *([ProxyHandler({})] if _is_local(name) else []))


def _is_local(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _reason(body: bytes) -> str:
    """What an error says, on one line: the message in its JSON where it has one."""
    text = body.decode("utf-8", "replace")
    try:
        content = parse_json(text)
    except (ValueError, RecursionError):
        return one_line(text)
    if isinstance(content, Mapping) and content.get("node_errors"):
        # ComfyUI's message alone does not say which node it is.
        return one_line(json.dumps(content["node_errors"]))
    for name in ("error", "detail", "message", "errors"):
        while isinstance(content, Mapping) and content.get(name):
            content = content[name]
    return one_line(content if isinstance(content, str) else json.dumps(content))


def _form(boundary: str, fields: Mapping[str, Any], files: Files, file_name: str) -> bytes:
    lines: list[bytes] = []
    for name, value in fields.items():
        text = value if isinstance(value, str) else json.dumps(value)
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        lines += [head.encode(), text.encode(), b"\r\n"]
    for name, content in files:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{file_name}.png"\r\n'
        lines += [head.encode(), b"Content-Type: image/png\r\n\r\n", content, b"\r\n"]
    return b"".join((*lines, f"--{boundary}--\r\n".encode()))
