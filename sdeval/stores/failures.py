"""What went wrong with a remote store, in one line, and whether it may go well the next time.

Each library behind fsspec has exceptions of its own. They agree in little but the status that a server answered, which
is looked up in an exception and in those that caused it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from http import HTTPStatus

from sdeval.errors import SdevalError, describe_error

PASSING_STATUS = (408, 425, 429)
"""Answers of a server that is asked again, besides all from 500 on."""
PASSING_CODES = ("BadDigest", "IncompleteBody", "RequestTimeout", "SlowDown", "XAmzContentSHA256Mismatch")
"""Error codes of S3 that have the status 400, although the same request may go well."""
CORRUPTED = ("botocore", "FlexibleChecksumError")
"""The exception of S3's library for a body that does not have the checksum of its object."""
PASSING_KINDS = (
    ("botocore", "HTTPClientError"),
    ("botocore", "ConnectionError"),
    ("botocore", "ResponseParserError"),
    CORRUPTED,
    ("aiohttp", "ClientError"),
    ("http", "IncompleteRead"),
    ("requests", "RequestException"),
    ("httpx", "TransportError"),
    ("azure", "ServiceRequestError"),
    ("azure", "ServiceResponseError"),
)
"""Exceptions of connections that failed: the package, and the name of the class or of one that it derives from."""


class NoSuchObject(SdevalError):
    """A store answers that it does not have an object."""


class StoreFailed(SdevalError):
    """A store does not do what it was asked for, whichever object it is about."""


class WrongContent(SdevalError):
    """What lies in a store is not what was written, or not what its name says."""


def status_of(error: BaseException) -> int | None:
    """The HTTP status that a server answered; None where none did."""
    for link in _chain(error):
        # Of a body that breaks off, aiohttp says 400 of its own accord.
        if type(link).__module__ == "aiohttp.http_exceptions":
            continue
        response = getattr(link, "response", None)
        values = [getattr(link, name, None) for name in ("status", "status_code", "code")]
        if isinstance(response, dict):
            values.append(response.get("ResponseMetadata", {}).get("HTTPStatusCode"))
        values.append(getattr(response, "status_code", None))
        for value in values:
            if isinstance(value, int) and 400 <= value < 600:
                return value
    return None


def is_passing(error: BaseException) -> bool:
    """Whether the same request may go well a moment later."""
    if isinstance(error, WrongContent) or _code_of(error) in PASSING_CODES:
        return True
    status = status_of(error)
    if status is not None:
        return status in PASSING_STATUS or status >= 500
    kinds = (TimeoutError, ConnectionError)
    return any(isinstance(link, kinds) or _is_one_of(link, PASSING_KINDS) for link in _chain(error))


def lacks_credentials(error: BaseException) -> bool:
    """Whether a library found no credentials, so that nothing was asked of the server."""
    return any(type(link).__name__ in ("NoCredentialsError", "DefaultCredentialsError") for link in _chain(error))


def is_missing(error: BaseException) -> bool:
    """Whether a store says that it lacks this one object; that the whole bucket is not there is another failure."""
    return isinstance(error, FileNotFoundError) and _code_of(error) != "NoSuchBucket"


def explained(error: BaseException, place: str, verb: str) -> SdevalError:
    """A failure in one line: what, why, and what to do.

    Args:
        error: as the library raised it.
        place: the URL of the store or the object.
        verb: what was not possible, such as `read`.
    """
    if isinstance(error, SdevalError):
        return error
    if any(_is_one_of(link, (CORRUPTED,)) for link in _chain(error)):
        return WrongContent(f"{place}: is no image that was uploaded: its bytes do not have the checksum of the object")
    return StoreFailed(f"{place}: cannot be {verb}: {_reason(error)}")


def _reason(error: BaseException) -> str:
    status = status_of(error)
    phrases = {known.value: f"{known.value} {known.phrase}" for known in HTTPStatus}
    answer = phrases.get(status, str(status)) if status else ""
    if lacks_credentials(error):
        return "no credentials were found; see to those of this store"
    if isinstance(error, PermissionError) or status in (401, 403):
        return f"access is denied ({answer or describe_error(error)}); see to the credentials and their rights"
    if isinstance(error, FileNotFoundError) or status == 404:
        return f"there is no such bucket or repository ({answer or describe_error(error)}); see to [tool.sdeval] store"
    if status is not None:
        return f"the server answers {answer} ({describe_error(error)}); try again later"
    if is_passing(error):
        return f"it cannot be reached ({describe_error(error)}); see to the network and the address"
    return describe_error(error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An exception, and those that it was raised for."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _code_of(error: BaseException) -> str:
    """The error code of S3 in an exception; empty where there is none."""
    responses = (getattr(link, "response", None) for link in _chain(error))
    return next((str(each.get("Error", {}).get("Code", "")) for each in responses if isinstance(each, dict)), "")


def _is_one_of(error: BaseException, kinds: Iterable[tuple[str, str]]) -> bool:
    own = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(error).__mro__}
    return not own.isdisjoint(kinds)
