"""What exceptions of other libraries say, whichever library they come from."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sdeval.errors import SdevalError
from sdeval.stores.failures import (
    NoSuchObject,
    StoreFailed,
    WrongContent,
    explained,
    is_missing,
    is_passing,
    lacks_credentials,
    status_of,
)


class GcsError(Exception):
    """As gcsfs raises it."""

    def __init__(self, code: int) -> None:
        super().__init__("it failed")
        self.code = code


class HubError(Exception):
    """As huggingface_hub raises it."""

    def __init__(self, status: int) -> None:
        super().__init__("it failed")
        self.response = SimpleNamespace(status_code=status)


class AzureError(Exception):
    """As adlfs raises it."""

    def __init__(self, status: int) -> None:
        super().__init__("it failed")
        self.response = SimpleNamespace(status=status)
        self.status_code = status


def boto(status: int, code: str = "") -> OSError:
    """As s3fs raises it."""
    from botocore.exceptions import ClientError

    answer = {"Error": {"Code": code or str(status)}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error = OSError(121, "it failed")
    error.__cause__ = ClientError(answer, "GetObject")  # type: ignore[arg-type]
    return error


@pytest.mark.parametrize("kind", [GcsError, HubError, AzureError, boto])
def test_the_status_of_an_answer_is_found_in_any_library(kind: type[Exception]) -> None:
    for status, passing in (
        (400, False),
        (403, False),
        (404, False),
        (408, True),
        (429, True),
        (500, True),
        (503, True),
    ):
        error = kind(status)
        assert status_of(error) == status
        assert is_passing(error) is passing


def test_numbers_that_are_no_status_are_none() -> None:
    assert status_of(OSError(28, "no space")) is None
    assert status_of(SystemExit(2)) is None


@pytest.mark.parametrize("code", ["BadDigest", "RequestTimeout", "SlowDown", "XAmzContentSHA256Mismatch"])
def test_a_transfer_that_failed_is_tried_again_although_the_answer_is_400(code: str) -> None:
    assert is_passing(boto(400, code))


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError()])
def test_connections_that_fail_are_tried_again(error: Exception) -> None:
    assert is_passing(error)


@pytest.mark.parametrize("error", [ValueError("no"), PermissionError("no"), FileNotFoundError("no"), KeyError("no")])
def test_what_stays_as_it_is_is_not_tried_again(error: Exception) -> None:
    assert not is_passing(error)


def test_an_object_that_is_missing_is_not_a_bucket_that_is() -> None:
    missing, bucket = FileNotFoundError("a"), FileNotFoundError("b")
    bucket.__cause__ = boto(404, "NoSuchBucket").__cause__
    assert is_missing(missing)
    assert not is_missing(bucket)
    assert "there is no such bucket" in str(explained(bucket, "s3://b", "read"))


def test_missing_credentials_are_known_in_any_library() -> None:
    from botocore.exceptions import NoCredentialsError

    google = type("DefaultCredentialsError", (Exception,), {})
    assert lacks_credentials(NoCredentialsError())
    assert lacks_credentials(google())
    assert not lacks_credentials(PermissionError())


@pytest.mark.parametrize(
    "error", [GcsError(418), HubError(451), boto(403), TimeoutError(), ValueError("a\nb"), OSError()]
)
def test_any_failure_is_one_line_with_the_place(error: Exception) -> None:
    line = str(explained(error, "gs://b/ab/c.png", "read"))
    assert line.startswith("gs://b/ab/c.png: cannot be read: ")
    assert "\n" not in line


@pytest.mark.parametrize("error", [NoSuchObject("a"), StoreFailed("b"), WrongContent("c"), SdevalError("d")])
def test_what_is_explained_already_stays(error: SdevalError) -> None:
    assert explained(error, "s3://b", "read") is error
