"""The full-size images of baselines by the hash of their pixels, wherever they lie; each is fetched once."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from sdeval._utils.files import exists, short, write_bytes
from sdeval._utils.parallel import CORES, in_threads
from sdeval.config.image_store import StoreOptions
from sdeval.errors import SdevalError
from sdeval.imaging.io import pixel_hash
from sdeval.stores.failures import NoSuchObject, WrongContent
from sdeval.stores.objects import Folder, ObjectInfo, Objects
from sdeval.stores.png import decoded
from sdeval.stores.remote import Remote

LOCAL = ".images"
"""In the baselines folder: the store of a project that names none."""
READS = 2
"""How often an object is read whose content is wrong: a transfer may have failed without saying so."""
_SHA256 = re.compile("[0-9a-f]{64}")


def name_of(sha256: str) -> str:
    """The name of an image in a store.

    Raises:
        SdevalError: it is no hash, as in a corrupt baseline.
    """
    if not _SHA256.fullmatch(sha256):
        raise SdevalError(f"{sha256!r:.100} is no SHA-256 of an image")
    return f"{sha256[:2]}/{sha256}.png"


def is_image(name: str) -> bool:
    """Whether an object has the name of an image."""
    sha256 = name.rpartition("/")[2].removesuffix(".png")
    return bool(_SHA256.fullmatch(sha256)) and name == name_of(sha256)


def open_store(options: StoreOptions, baselines: Path) -> ImageStore:
    """The store that a project names, or else the folder beside its baselines; nothing is opened before it is used."""
    local = Folder(baselines / LOCAL, ignored=True)
    if not options.url:
        return ImageStore(local)
    if options.is_folder:
        return ImageStore(Folder(Path(options.url)), [local])
    return ImageStore(Remote(options.url), [local], Folder(options.cache / "images"))


class ImageStore:
    """Full-size images by the hash of their pixels; reads from anywhere, and writes to one place.

    Args:
        objects: where images are written to, and which others see as well.
        nearby: folders of this machine that are looked into before a remote store is asked.
        cache: where what came from a remote store is kept.
    """

    def __init__(self, objects: Objects, nearby: Sequence[Folder] = (), cache: Folder | None = None) -> None:
        self.objects = objects
        self._nearby = tuple(nearby)
        self._cache = cache
        self._verified: set[Path] = set()
        # Many requests wait at the same time; few images are decoded.
        self._decoding = threading.BoundedSemaphore(CORES)
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    @property
    def place(self) -> str:
        """What messages call the store."""
        return self.objects.place

    @property
    def is_beside_baselines(self) -> bool:
        """Whether the project names no store, so that other machines do not see what is written."""
        return isinstance(self.objects, Folder) and self.objects.folder.name == LOCAL and not self._nearby

    @property
    def _folders(self) -> list[Folder]:
        """Folders of this machine, the nearest first."""
        own = [self.objects] if isinstance(self.objects, Folder) else []
        return [*own, *self._nearby, *([self._cache] if self._cache else [])]

    def get(self, sha256: str) -> Path:
        """A local file with the image whose pixels have this hash, verified.

        Raises:
            NoSuchObject: the store does not have it.
            SdevalError: it cannot be had; says why, in one line.
        """
        name = name_of(sha256)
        with self._locks[sha256]:
            path = self.find_nearby(sha256)
            if path is not None:
                return path
            if self._cache is None:
                raise self._not_in_folder(name)
            path = self._cache.path(name)
            write_bytes(path, self._download(name, sha256))
            self._verified.add(path)
            return path

    def find_nearby(self, sha256: str) -> Path | None:
        """The file of an image on this machine, verified; None where there is none, or only one with other pixels."""
        paths = (folder.path(name_of(sha256)) for folder in self._folders)
        return next((path for path in paths if self._is_intact(path, sha256)), None)

    def read(self, sha256: str) -> bytes:
        """An object as the store itself holds it, verified; nothing nearby is looked at.

        Raises:
            NoSuchObject: the store does not have it.
            WrongContent: it is not the image of this hash.
            SdevalError: it cannot be read; says why.
        """
        name = name_of(sha256)
        content = self.objects.read(name)
        with self._decoding:
            decoded(content, sha256, f"{self.place}/{name}")
        return content

    def put(self, sha256: str, content: bytes) -> None:
        """Write an image, and return once it is certain that it is there.

        Raises:
            WrongContent: it is not the image of this hash.
            SdevalError: it cannot be written; says why.
        """
        decoded(content, sha256, f"image {sha256[:12]}")
        self.put_verified(sha256, content)

    def put_verified(self, sha256: str, content: bytes) -> None:
        """`put` of what was decoded and compared already."""
        self.objects.write(name_of(sha256), content)

    def list(self, digests: Collection[str], done: Callable[[int], None] = lambda _: None) -> dict[str, ObjectInfo]:
        """Those of some images that are in the store, by hash: listed by the beginnings of their names.

        Args:
            digests: hashes of images.
            done: called with how many more of them are known.

        Raises:
            SdevalError: the store cannot be read; says why.
        """
        by_folder: defaultdict[str, list[str]] = defaultdict(list)
        for sha256 in digests:
            by_folder[name_of(sha256).partition("/")[0]].append(sha256)

        def listed(folder: str) -> dict[str, ObjectInfo]:
            infos = {info.name: info for info in self.objects.list(folder) if info.size}
            return {each: infos[name_of(each)] for each in by_folder[folder] if name_of(each) in infos}

        present: dict[str, ObjectInfo] = {}
        for found in in_threads(listed, sorted(by_folder)):
            present |= found
        done(len(digests))
        return present

    def _is_intact(self, path: Path, sha256: str) -> bool:
        try:
            if not exists(path):
                return False
            if path not in self._verified:
                with self._decoding:
                    if pixel_hash(path) != sha256:
                        return False
                self._verified.add(path)
        # It cannot be read or decoded: whoever asks looks elsewhere.
        except SdevalError:
            return False
        return True

    def _download(self, name: str, sha256: str) -> bytes:
        for attempt in range(READS):
            try:
                return self.read(sha256)
            except WrongContent:
                if attempt + 1 == READS:
                    raise
        raise AssertionError(name)

    def _not_in_folder(self, name: str) -> SdevalError:
        assert isinstance(self.objects, Folder)
        path = short(self.objects.path(name))
        if path.is_file():
            return WrongContent(f"{path}: is corrupt, or holds another image; delete it, and accept its run again")
        if self.is_beside_baselines:
            advice = (
                "only the machine that accepted it has it; for others to have it, name a store: [tool.sdeval] store"
            )
            return NoSuchObject(f"{path}: no such file: {advice}")
        return NoSuchObject(f"{path}: no such file; `sdeval store check` lists all that are missing")
