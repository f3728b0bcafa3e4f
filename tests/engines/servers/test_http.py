"""Requests to servers: keys, hosts, limits."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from sdeval import SdevalError, Suite, Target
from sdeval._utils import http
from sdeval._utils.http import Client
from sdeval.engines.checkpoints import require
from sdeval.engines.servers.engine import ServerEngine
from sdeval.engines.servers.options import url_of
from sdeval.errors import CallFailed, NotAvailable
from tests.engines.servers.conftest import target_of
from tests.engines.servers.fakes import A1111Fake, Fake, OpenAIFake, Reply, as_json

Serve = Callable[[Fake], Fake]


class Echo(Fake):
    """Says its headers back, as some servers do in errors."""

    def handle(self, method: str, path: str, query: object, body: object) -> Reply:
        return as_json({"error": f"unknown key {self.headers[-1].get('Authorization')}"}, 401)


def test_a_key_is_sent_and_written_nowhere(
    serve: Serve, suite_of: Callable[..., Suite], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUR_KEY", "s3cret")
    fake = serve(OpenAIFake("sglang"))
    engine = ServerEngine(target_of(fake, "openai-images", server={"key": "OUR_KEY"}))
    engine.generate("text2img", [suite_of("text2img").samples[0]], {})
    assert {headers.get("Authorization") for headers in fake.headers} == {"Bearer s3cret"}
    assert "s3cret" not in repr((engine.describe("text2img"), engine.environment, engine.notes, engine.target))


def test_a_key_that_comes_back_is_not_shown(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_KEY", "s3cret")
    engine = ServerEngine(target_of(serve(Echo()), "openai-images", server={"key": "OUR_KEY", "dialect": "openai"}))
    with pytest.raises(SdevalError, match=r"answered 401 Unauthorized: unknown key Bearer \*\*\*$"):
        engine.describe("text2img")


def test_a_user_and_a_password_are_sent_as_such(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUR_KEY", "me:pw")
    fake = serve(A1111Fake())
    ServerEngine(target_of(fake, "a1111", server={"key": "OUR_KEY"})).describe("text2img")
    assert fake.headers[0]["Authorization"] == "Basic bWU6cHc="


def test_a_key_goes_to_no_other_host(serve: Serve) -> None:
    fake = serve(OpenAIFake("sglang"))
    client = Client("http://localhost:1", "Bearer s3cret", ("s3cret",), hosts=("127.0.0.1",))
    client.fetch(fake.publish(b"content"))
    assert "Authorization" not in fake.headers[-1]


def test_a_key_that_is_not_set_is_missing_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OUR_KEY", raising=False)
    target = Target(name="mine", model="openai-images:http://host", server={"key": "OUR_KEY"})
    with pytest.raises(NotAvailable, match=r"server.key: the environment variable OUR_KEY is not set"):
        require(target)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("comfyui:localhost:8188", r"must be comfyui:http://HOST:PORT, got comfyui:localhost:8188"),
        ("a1111:http://me:pw@host", r"has a password in it; put it into an environment variable"),
        ("a1111:http://host:port", r"is no URL"),
        ("sdcpp:file:///etc/passwd", r"must be sdcpp:http://HOST:PORT"),
        ("sdcpp:http://host/?key=1", r"must be sdcpp:http://HOST:PORT"),
    ],
)
def test_what_is_no_url_is_refused(model: str, message: str) -> None:
    with pytest.raises(SdevalError, match=message) as failure:
        url_of(Target(name="mine", model=model))
    assert "pw" not in str(failure.value).replace("passwd", "")


def test_nobody_there_is_one_line() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    client = Client(url)
    with pytest.raises(CallFailed, match=rf"^{url}/v1/models: connection refused: no server listens there$"):
        client.get("/v1/models")
    assert client.repeated == {"connection refused": 3}


def test_a_long_wait_is_not_begun(serve: Serve) -> None:
    class Busy(Fake):
        def handle(self, *_: object) -> Reply:
            return 429, {"Retry-After": "3600"}, b""

    fake = serve(Busy())
    with pytest.raises(CallFailed, match="answered 429 Too Many Requests: too busy"):
        Client(fake.url, timeout=5.0).get("/x")
    assert len(fake.requests) == 1


def test_an_answer_that_grows_is_cut_off(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LARGEST", 1000)

    class Growing(Fake):
        def handle(self, *_: object) -> Reply:
            return 200, {"Content-Length": "900"}, b"[" * 900

    class Endless(Fake):
        def handle(self, *_: object) -> Reply:
            return 200, {"Content-Length": "5000"}, b"[" * 5000

    with pytest.raises(CallFailed, match="is no JSON"):
        Client(serve(Growing()).url).get("/x")
    with pytest.raises(CallFailed, match="too large"):
        Client(serve(Endless()).url).get("/x")


def test_an_answer_that_breaks_off_is_named(serve: Serve) -> None:
    class Short(Fake):
        def handle(self, *_: object) -> Reply:
            return 200, {"Content-Length": "100", "Connection": "close"}, b"[1, 2"

    with pytest.raises(CallFailed, match=r"broke off after 5 of 100 bytes|the connection broke"):
        Client(serve(Short()).url, timeout=3.0).get("/x")
