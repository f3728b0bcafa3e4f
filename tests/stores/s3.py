"""A real S3 API on this machine: moto's, behind a middleware that answers as a bad network or a strict bucket would."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pytest

from sdeval.stores import remote

BUCKET = "images"
URL = f"s3://{BUCKET}/store"
READ_SECONDS, HANG_SECONDS = 0.4, 4.0
Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
CODES = {403: "AccessDenied", 404: "NoSuchKey", 429: "TooManyRequests", 500: "InternalError", 503: "SlowDown"}


@dataclass
class Fault:
    """What happens to some requests instead of a right answer."""

    kind: str
    """`status`, `hang`, `truncated`, `wrong`, `aborted` or `lost`."""
    method: str = ""
    """Of the requests that it happens to; any where empty."""
    times: int = 10**9
    """How often it happens before all is well again."""
    status: int = 500
    after: int = 0
    """How many requests of that method go well before."""


@dataclass
class Server:
    """A server and what it was asked."""

    url: str
    faults: list[Fault] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Methods and paths."""

    @property
    def place(self) -> str:
        """What messages call the store of a project."""
        return URL

    def count(self, method: str) -> int:
        """How many requests there were."""
        return sum(name == method for name, _ in self.requests)

    def stored(self) -> dict[str, bytes]:
        """Everything in the bucket, by key."""
        client = client_of(self.url)
        faults, self.faults = self.faults, []
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        content = {key: client.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}
        self.faults = faults
        return content

    def put(self, key: str, content: bytes) -> None:
        """Put an object there without sdeval, for anybody to read."""
        client_of(self.url).put_object(Bucket=BUCKET, Key=key, Body=content, ACL="public-read")

    def remove(self, *keys: str) -> None:
        """Delete objects without sdeval."""
        for key in keys:
            client_of(self.url).delete_object(Bucket=BUCKET, Key=key)


@lru_cache
def client_of(url: str) -> Any:
    """S3 without sdeval."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )


class _Faulty:
    def __init__(self, application: Application) -> None:
        self.application = application
        self.server = Server("")
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        with self._lock:
            self.server.requests.append((method, path))
            fault = self._fault(method)
        if fault is None:
            return self.application(environ, start)
        return getattr(self, f"_{fault.kind}")(fault, environ, start)

    def _fault(self, method: str) -> Fault | None:
        for fault in self.server.faults:
            if fault.method in ("", method) and fault.times:
                if fault.after:
                    fault.after -= 1
                    continue
                fault.times -= 1
                return fault
        return None

    def _status(self, fault: Fault, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        text = f"<Error><Code>{CODES[fault.status]}</Code><Message>injected</Message></Error>".encode()
        start(f"{fault.status} Injected", [("Content-Type", "application/xml"), ("Content-Length", str(len(text)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [text]

    def _hang(self, fault: Fault, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """No answer; the connection ends when nobody waits any more, or on a busy machine somebody still does."""
        time.sleep(HANG_SECONDS)
        return self._aborted(fault, environ, start)

    def _truncated(self, fault: Fault, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Half of the content, and then the connection ends."""
        content = b"".join(self.application(environ, start))
        yield content[: len(content) // 2]
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)

    def _wrong(self, fault: Fault, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """As many other bytes, as from a proxy that has lost its mind."""
        content = b"".join(self.application(environ, start))
        return [content[::-1]]

    def _aborted(self, fault: Fault, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """The connection ends in the middle of an upload."""
        environ["wsgi.input"].read(16)
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        start("500 Nobody reads this", [])
        return []

    def _lost(self, fault: Fault, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """An upload is answered as if it had been stored."""
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start("200 OK", [("ETag", '"0123456789abcdef0123456789abcdef"'), ("Content-Length", "0")])
        return []


@contextmanager
def serving() -> Iterator[Server]:
    """A server with an empty bucket."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *_: object) -> None:
            """Nothing."""

    application = _Faulty(DomainDispatcherApplication(create_backend_app))
    http = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    application.server.url = f"http://127.0.0.1:{http.server_port}"
    client_of(application.server.url).create_bucket(Bucket=BUCKET)
    application.server.requests.clear()
    try:
        yield application.server
    finally:
        http.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def running() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def s3(running: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A bucket of S3 that is empty, with credentials in the environment, and with waits of milliseconds."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_DEFAULT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ENDPOINT_URL": running.url,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(remote, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(remote, "READ_SECONDS", READ_SECONDS)
    running.faults.clear()
    running.remove(*running.stored())
    running.requests.clear()
    yield running
    running.faults.clear()


@pytest.fixture
def no_credentials(s3: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
