from __future__ import annotations

from collections.abc import Iterator

import pytest

from sdeval.stores import remote
from tests.stores.s3 import Server, remove, serving, stored


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
    monkeypatch.setattr(remote, "READ_SECONDS", 0.5)
    running.faults.clear()
    remove(running, *stored(running))
    running.requests.clear()
    yield running
    running.faults.clear()


@pytest.fixture
def no_credentials(s3: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
