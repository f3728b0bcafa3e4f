"""Objects wherever fsspec reaches: requests are repeated where that may help, and a store that fails is given up."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from sdeval._utils.validation import preview
from sdeval.errors import NotAvailable, SdevalError, first_line, unknown
from sdeval.stores.failures import (
    NoSuchObject,
    StoreFailed,
    WrongContent,
    explained,
    is_missing,
    is_passing,
    lacks_credentials,
)
from sdeval.stores.objects import ObjectInfo

ATTEMPTS = 4
"""Requests for one thing, where an earlier one may have failed by chance."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 20.0
"""Seconds before the second request; each further wait is twice as long, and all are varied by chance."""
MOST_FAILURES = 2
"""After so many things in a row that failed, nothing more is asked of a store: thousands would wait for a time-out."""
CONNECT_SECONDS, READ_SECONDS = 5, 30
"""Time-outs of S3."""
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "azure", "abfs": "azure", "abfss": "azure"}
"""Extras of this package by scheme."""
USUAL = ("file", "s3", "gs", "hf", "az", "abfs")
"""Schemes that messages name."""
MODIFIED = ("LastModified", "last_modified", "mtime", "updated", "created")
"""Where the libraries put the time of an object."""
T = TypeVar("T")


class Remote:
    """Objects below a URL of fsspec.

    Reading works without credentials where the store allows that; writing does not.

    Args:
        url: such as `s3://bucket/images`. Nothing is opened before the first request.
    """

    def __init__(self, url: str) -> None:
        self.place = url.rstrip("/")
        self._filesystem: Any = None
        self._anonymous = False
        self._failures = 0
        self._failure = ""
        self._lock = threading.Lock()

    def read(self, name: str) -> bytes:
        """What an object holds, by one request."""

        def read(filesystem: Any) -> bytes:
            return bytes(filesystem.cat_file(self._path(filesystem, name)))

        return self._attempt("read", name, read)

    def write(self, name: str, content: bytes) -> None:
        """Upload an object, and ask the store what it holds then."""

        def write(filesystem: Any) -> None:
            path = self._path(filesystem, name)
            filesystem.pipe_file(path, content)
            if not _holds(filesystem, path, content):
                raise WrongContent(f"{self.place}/{name}: the store does not hold what was uploaded; try again later")

        self._attempt("written", name, write)

    def list(self, folder: str) -> list[ObjectInfo]:
        """All objects below a folder."""

        def list_objects(filesystem: Any) -> list[ObjectInfo]:
            found = filesystem.find(self._path(filesystem, folder), detail=True)
            root = f"{self._path(filesystem, '')}/"
            return [_info(name.lstrip("/").removeprefix(root.lstrip("/")), info) for name, info in found.items()]

        try:
            return self._attempt("read", folder, list_objects)
        except NoSuchObject:
            return []

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects, as many with one request as the store allows."""
        selected = list(names)

        def delete(filesystem: Any) -> None:
            filesystem.rm([self._path(filesystem, name) for name in selected])

        if selected:
            self._attempt("deleted", selected[0], delete)

    @staticmethod
    def _join(root: str, name: str) -> str:
        return f"{root}/{name}" if name else root

    def _path(self, filesystem: Any, name: str) -> str:
        return self._join(str(filesystem._strip_protocol(self.place)).rstrip("/"), name)

    def _attempt(self, verb: str, name: str, call: Callable[[Any], T]) -> T:
        """The result of a call, which is made several times where that may help.

        Raises:
            NoSuchObject: the store says that it does not have it.
            SdevalError: the call failed, or those before it; says why.
        """
        from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential, wait_random

        anonymous = verb == "read" and self._anonymous
        if self._failures >= MOST_FAILURES:
            raise StoreFailed(f"{self._failure}; nothing more is asked of this store")
        wait = wait_exponential(FIRST_WAIT_S, max=LONGEST_WAIT_S) + wait_random(0, FIRST_WAIT_S)
        again = Retrying(
            stop=stop_after_attempt(ATTEMPTS), wait=wait, retry=retry_if_exception(is_passing), reraise=True
        )
        try:
            result = again(lambda: call(self._open(anonymous=anonymous)))
        except SdevalError as error:
            raise self._noted(error) from None
        # Every library has exceptions of its own.
        except Exception as error:
            if verb == "read" and not anonymous and lacks_credentials(error):
                self._anonymous = True
                return self._attempt(verb, name, call)
            if is_missing(error):
                self._failures = 0
                raise NoSuchObject(f"{self._join(self.place, name)}: there is no such object") from None
            raise self._noted(explained(error, self._join(self.place, name), verb)) from None
        self._failures = 0
        return result

    def _noted(self, failure: SdevalError) -> SdevalError:
        """Remember a failure that is about more than one object."""
        if not isinstance(failure, WrongContent):
            with self._lock:
                self._failures += 1
                self._failure = str(failure)
        return failure

    def _open(self, *, anonymous: bool) -> Any:
        with self._lock:
            if self._filesystem is None or self._filesystem[0] != anonymous:
                self._filesystem = (anonymous, open_filesystem(self.place, anonymous=anonymous))
            return self._filesystem[1]


def open_filesystem(url: str, *, anonymous: bool = False) -> Any:
    """What fsspec has for a URL; no request is made.

    Raises:
        NotAvailable: a package is not here; names the extra that brings it.
        SdevalError: no such scheme, or its library refuses the URL.
    """
    import fsspec

    scheme = url.partition("://")[0]
    try:
        kind: Any = fsspec.get_filesystem_class(scheme)
        return _configured(kind, scheme, anonymous=anonymous)
    except ValueError:
        raise SdevalError(f"[tool.sdeval] store = {preview(url)}: {unknown('scheme', scheme, USUAL)}") from None
    except ImportError as error:
        extra = EXTRAS.get(scheme)
        advice = f"install it with: pip install 'pytest-sdeval[{extra}]'" if extra else first_line(error)
        raise NotAvailable(
            f"[tool.sdeval] store = {preview(url)}: needs a package that is not here; {advice}"
        ) from None


def _configured(kind: Any, scheme: str, *, anonymous: bool) -> Any:
    # Listings that are kept would not show what other machines write.
    options: dict[str, Any] = {"skip_instance_cache": True, "use_listings_cache": False}
    if EXTRAS.get(scheme) == "s3":
        config = {
            "connect_timeout": CONNECT_SECONDS,
            "read_timeout": READ_SECONDS,
            # Requests are repeated here, with one limit for all libraries.
            "retries": {"total_max_attempts": 1},
        }
        # With one connection for each object, the size of an object is not asked for before it is read.
        options |= {"anon": anonymous, "max_concurrency": 1, "config_kwargs": config}
    filesystem = kind(**options)
    if EXTRAS.get(scheme) == "s3":
        filesystem.retries = 1
    return filesystem


def _holds(filesystem: Any, path: str, content: bytes) -> bool:
    """Whether an object holds these bytes: by size and MD5 where the store says them, otherwise it is read."""
    try:
        info = filesystem.info(path)
    except FileNotFoundError:
        return False
    if info.get("size") != len(content):
        return False
    digest = hashlib.md5(content, usedforsecurity=False)
    sums = (str(info.get("ETag", "")).strip('"'), str(info.get("md5Hash", "")))
    if not {digest.hexdigest(), base64.b64encode(digest.digest()).decode()}.isdisjoint(sums):
        return True
    # Objects that the store encrypts have another ETag.
    return bytes(filesystem.cat_file(path)) == content


def _info(name: str, info: dict[str, Any]) -> ObjectInfo:
    modified = next((info[key] for key in MODIFIED if info.get(key)), None)
    if isinstance(modified, str):
        try:
            modified = datetime.fromisoformat(modified)
        except ValueError:
            modified = None
    if isinstance(modified, (int, float)):
        modified = datetime.fromtimestamp(modified, UTC)
    if isinstance(modified, datetime):
        modified = modified if modified.tzinfo else modified.replace(tzinfo=UTC)
        return ObjectInfo(name, int(info.get("size") or 0), modified)
    return ObjectInfo(name, int(info.get("size") or 0), None)
