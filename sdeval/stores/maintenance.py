"""What is done with all images of a store: check them, fetch them, bring them into another one, and clean up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sdeval._utils.files import read_bytes
from sdeval._utils.parallel import in_threads
from sdeval.imaging.io import LARGEST_FILE
from sdeval.stores.failures import NoSuchObject, WrongContent
from sdeval.stores.images import ImageStore, is_image, name_of
from sdeval.stores.objects import ObjectInfo

Progress = Callable[[int], None]
DELETED_AT_ONCE = 1000


def check(store: ImageStore, digests: Collection[str], done: Progress, *, listed_only: bool = False) -> dict[str, str]:
    """What is wrong with images of a store, by hash; nothing where all are there and right.

    Args:
        store: where they should be.
        digests: hashes of images.
        done: called with how many more are checked.
        listed_only: do not read and decode them.

    Raises:
        SdevalError: the store cannot be read.
    """
    if listed_only:
        there = store.list(digests, done)
        return {sha256: "missing" for sha256 in digests if sha256 not in there}
    return _failures(store.read, digests, done)


def prefetch(store: ImageStore, digests: Collection[str], done: Progress) -> dict[str, str]:
    """Bring images to this machine, and return why some of them are not here, by hash.

    Raises:
        SdevalError: the store cannot be read, or nothing can be written here.
    """
    return _failures(store.get, digests, done)


def push(store: ImageStore, digests: Collection[str], done: Progress) -> dict[str, str]:
    """Bring images that this machine has into the store, unless they are there; those that are nowhere are returned.

    Raises:
        SdevalError: the store cannot be read or written to.
    """
    there = store.list(digests)

    def bring(sha256: str) -> None:
        if sha256 in there:
            return
        path = store.find_nearby(sha256)
        if path is None:
            raise NoSuchObject("neither there nor on this machine")
        store.put(sha256, read_bytes(path, LARGEST_FILE))

    return _failures(bring, digests, done)


def _failures(work: Callable[[str], object], digests: Iterable[str], done: Progress) -> dict[str, str]:
    """Why work on single images failed; a store that fails altogether ends it."""

    def attempt(sha256: str) -> tuple[str, str]:
        try:
            work(sha256)
        except NoSuchObject:
            return sha256, "missing"
        except WrongContent:
            return sha256, "wrong content"
        return sha256, ""

    return {sha256: reason for sha256, reason in in_threads(attempt, list(digests), done) if reason}


@dataclass(frozen=True, slots=True)
class Garbage:
    """Images that can be deleted."""

    objects: list[ObjectInfo]
    count: int
    """Of all images in the store."""
    young: int
    """Images that no baseline names, but which are too young: their accept may be under way."""

    @property
    def size(self) -> int:
        """Bytes of what can be deleted."""
        return sum(info.size for info in self.objects)


def find_garbage(store: ImageStore, used: Collection[str], least_age: timedelta) -> Garbage:
    """Images of a store that are not used, and older than an age.

    Raises:
        SdevalError: the store cannot be read.
    """
    names = {name_of(sha256) for sha256 in used}
    # What else lies there is left alone.
    listed = [info for info in store.objects.list("") if is_image(info.name)]
    unused = [info for info in listed if info.name not in names]
    old = [info for info in unused if is_older(info, least_age)]
    return Garbage(old, len(listed), len(unused) - len(old))


def is_older(info: ObjectInfo, age: timedelta) -> bool:
    """Whether an object is older than an age; one of unknown age is not."""
    return info.modified is not None and datetime.now(UTC) - info.modified > age


def delete(store: ImageStore, objects: list[ObjectInfo], done: Progress) -> None:
    """Delete objects of a store.

    Raises:
        SdevalError: one cannot be deleted; others may be gone.
    """
    for start in range(0, len(objects), DELETED_AT_ONCE):
        batch = objects[start : start + DELETED_AT_ONCE]
        store.objects.delete(info.name for info in batch)
        done(len(batch))
