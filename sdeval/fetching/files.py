"""Files of weights elsewhere: which are needed, how large they are, and getting them with their digests checked."""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from sdeval._utils.files import parse_json, read_text, writing
from sdeval._utils.hub import HubCheckpoint, HubFiles, Source, WebFile, cached_file
from sdeval.errors import SdevalError, first_line

INDEX = "model_index.json"
"""Names the parts of a pipeline; sdeval takes a model for present by it, so it is fetched last."""
CARD = "README.md"
"""May name the prior of a pipeline."""
SMALL = ("*.json", "*.txt", "*.model")
"""Configurations and tokenizers in the folder of a part."""
SECONDS = 30
"""That a server may take to answer."""


class FetchError(SdevalError):
    """Something cannot be fetched; says why, in one line."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file that is needed."""

    name: str
    size: int | None
    """Bytes, where the server says so."""
    sha256: str = ""
    """Published digest; empty where there is none."""


@dataclass(frozen=True, slots=True)
class Download:
    """The files of one source that are not on this machine."""

    source: Source
    files: tuple[RemoteFile, ...]

    @property
    def size(self) -> int | None:
        """Bytes of all files; None where the size of one is not known."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size or 0 for size in sizes)


def place(source: Source) -> str:
    """What a source is called in messages."""
    if isinstance(source, WebFile):
        return source.address
    return f"{source.repository}@{source.revision}" if source.revision else source.repository


def plan(source: Source) -> Download:
    """Which files of a source are not on this machine, and how large they are.

    Raises:
        FetchError: the server cannot be reached, or does not have what is needed.
    """
    if isinstance(source, WebFile):
        return Download(source, (RemoteFile(source.address, _content_length(source.address), source.sha256),))
    with _reaching(source):
        files = {file.name: file for file in _listed(source)}
    names = _parts(source, files) if isinstance(source, HubCheckpoint) else _matching(source, list(files))
    missing = [name for name in names if cached_file(source.repository, name, source.revision) is None]
    return Download(source, tuple(files[name] for name in missing))


def fetch(download: Download) -> None:
    """Get the files, and check the digests that are published.

    Raises:
        FetchError: one cannot be had, or is not what was published.
    """
    source = download.source
    if isinstance(source, WebFile):
        _fetch_from_web(source)
        return
    from huggingface_hub import hf_hub_download

    for file in sorted(download.files, key=lambda file: file.name == INDEX):
        with _reaching(source):
            path = Path(hf_hub_download(source.repository, file.name, revision=source.revision))
        _check(path, file.sha256, place(source))


def _check(path: Path, sha256: str, where: str) -> None:
    if not sha256:
        return
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        raise FetchError(
            f"{where}: {path} is not what was published: its SHA-256 is {digest}, not {sha256}; delete it, then again"
        )


def _listed(source: HubFiles | HubCheckpoint) -> list[RemoteFile]:
    from huggingface_hub import HfApi

    siblings = HfApi().model_info(source.repository, revision=source.revision, files_metadata=True).siblings or []
    return [RemoteFile(item.rfilename, item.size, item.lfs.sha256 if item.lfs else "") for item in siblings]


def _matching(source: HubFiles, names: Sequence[str]) -> list[str]:
    """Files that fit the patterns; the first group is what cannot be missing."""
    matches = [_first_match(patterns, names) for patterns in source.patterns]
    if not matches[0]:
        raise FetchError(f"{place(source)} has no {' and no '.join(source.patterns[0])}")
    return sorted({name for group in matches for name in group})


def _first_match(patterns: Sequence[str], names: Sequence[str]) -> list[str]:
    groups = ([name for name in names if fnmatch(name, pattern)] for pattern in patterns)
    return next(filter(None, groups), [])


def _parts(source: HubCheckpoint, files: Mapping[str, RemoteFile]) -> list[str]:
    """Files of the parts that the index of a pipeline names: of weights, those of the variant where it has them."""
    if INDEX not in files:
        raise FetchError(f"{place(source)} has no {INDEX}: it is no pipeline of diffusers")
    index = _index(source)
    parts = {name for name, value in index.items() if isinstance(value, list) and value and value[0] is not None}
    wanted = [INDEX, *([CARD] if CARD in files else [])]
    for part in sorted(parts):
        inside = [name for name in files if PurePosixPath(name).parts[:-1] == (part,)]
        weights = [name for name in inside if name.endswith(".safetensors")]
        varied = [name for name in weights if source.variant and f".{source.variant}." in name]
        plain = [name for name in weights if _is_plain(name)]
        wanted += varied or plain
        wanted += [name for name in inside if any(fnmatch(PurePosixPath(name).name, small) for small in SMALL)]
        if not (varied or plain) and any(name.endswith((".bin", ".ckpt")) for name in inside):
            raise FetchError(f"{place(source)}: {part} has no safetensors; others can run code when they are opened")
    return wanted


def _is_plain(name: str) -> bool:
    """Whether a file of weights is of no variant, such as `fp16` or `non_ema`."""
    return "." not in PurePosixPath(name).name.removesuffix(".safetensors")


def _index(source: HubCheckpoint) -> Mapping[str, Any]:
    """The index of a pipeline, read beside the cache: in it, the model would count as present."""
    from huggingface_hub import hf_hub_download

    with TemporaryDirectory() as folder, _reaching(source):
        path = Path(hf_hub_download(source.repository, INDEX, revision=source.revision, local_dir=folder))
        content = parse_json(read_text(path))
    if not isinstance(content, dict):
        raise FetchError(f"{place(source)}: {INDEX} is not a JSON object")
    return content


@contextmanager
def _reaching(source: Source) -> Iterator[None]:
    """Say in one line why the hub does not give something.

    Raises:
        FetchError: it does not, for any reason.
    """
    from huggingface_hub.errors import GatedRepoError, OfflineModeIsEnabled, RepositoryNotFoundError

    try:
        yield
    except SdevalError:
        raise
    except OfflineModeIsEnabled:
        raise FetchError(f"{place(source)}: HF_HUB_OFFLINE is set; unset it to fetch from the hub") from None
    except GatedRepoError:
        advice = f"accept its licence at https://huggingface.co/{place(source)}, then: hf auth login"
        raise FetchError(f"{place(source)} is gated: {advice}") from None
    except RepositoryNotFoundError:
        raise FetchError(f"{place(source)}: the hub has no such model, or it is private: hf auth login") from None
    # The hub's client raises errors of whichever library it talks with.
    except Exception as error:
        raise FetchError(f"{place(source)}: cannot be had from the hub: {first_line(error)}") from None


def _content_length(address: str) -> int | None:
    _refuse_offline(address)
    request = urllib.request.Request(address, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            length = answer.headers.get("Content-Length", "")
    except (OSError, ValueError) as error:
        raise _unreachable(address, error) from None
    return int(length) if length.isdigit() else None


def _fetch_from_web(source: WebFile) -> None:
    """Download aside, check the digest, then put the file in its place."""
    _refuse_offline(source.address)
    with writing(source.path):
        source.path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=source.path.parent) as folder:
            part = Path(folder) / source.path.name
            try:
                with urllib.request.urlopen(source.address, timeout=SECONDS) as answer, part.open("wb") as file:
                    shutil.copyfileobj(answer, file)
            # What is left of OSError is the disk's, which `writing` reports.
            except (urllib.error.URLError, ConnectionError, TimeoutError, http.client.HTTPException) as error:
                raise _unreachable(source.address, error) from None
            _check(part, source.sha256, source.address)
            part.replace(source.path)


def _refuse_offline(address: str) -> None:
    """Whoever sets this for the hub wants nothing from the network at all."""
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise FetchError(f"{address}: HF_HUB_OFFLINE is set; unset it to download")


def _unreachable(address: str, error: Exception) -> FetchError:
    return FetchError(f"{address}: cannot be downloaded: {first_line(error)}")
