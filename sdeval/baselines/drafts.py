"""Drafts: what an accept would write, kept in the store until somebody has reviewed it and promotes it.

    drafts/<run>/files/…       files of baselines as they would be, in the folders that baselines have
    drafts/<run>/draft.json    their hashes, and what they replace; written last, so that half a draft is none

Full-size images of a draft lie where those of accepted baselines do.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Literal

from sdeval._utils.files import dump_json, exists, read_bytes, write_bytes
from sdeval._utils.parallel import in_threads
from sdeval._utils.validation import Checked, from_json, preview
from sdeval.baselines import provenance, speed
from sdeval.baselines import store as baselines
from sdeval.baselines.image_use import digests_of
from sdeval.baselines.transaction import INSIDE, Transaction, changing
from sdeval.errors import SdevalError, unknown
from sdeval.imaging.io import open_rgb
from sdeval.results import run_folder
from sdeval.stores.failures import NoSuchObject
from sdeval.stores.images import ImageStore
from sdeval.stores.maintenance import is_older
from sdeval.stores.objects import ObjectInfo

DRAFTS, MANIFEST, FILES = "drafts", "draft.json", "files"
SPEED = ".speed.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FILE = re.compile(
    r"(run\.json|accepted\.json|(samples|cases)\.jsonl|features/[A-Za-z0-9._-]+\.npy|images/[A-Za-z0-9_@.-]+)"
)
"""Files of a baseline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest(Checked):
    """What `draft.json` holds."""

    schema: Literal[1]
    replaces: Mapping[str, str]
    """By baseline or file of speeds, such as `animals/tiny`: the digest of what it replaces; empty where there is
    nothing."""
    files: Mapping[str, str]
    """SHA-256 of each file by its path, such as `animals/tiny/run.json`."""


def save(name: str, change: Transaction, store: ImageStore) -> None:
    """Upload what a change would write.

    Args:
        name: of the run.
        change: with everything put, and not committed.
        store: has the full-size images already.

    Raises:
        SdevalError: the name cannot be that of a draft, or the store does not take it.
    """
    place = _place(name)
    files = _files(change)
    contents = {path: file.read_bytes() for path, file in files.items()}
    manifest = Manifest(
        schema=1,
        replaces={path: current(change.baselines, path) for path in change.staged},
        files={path: hashlib.sha256(content).hexdigest() for path, content in contents.items()},
    )
    # An earlier draft of that name is none from now on.
    store.objects.delete(info.name for info in store.objects.list(place) if info.name == f"{place}/{MANIFEST}")
    in_threads(lambda path: store.objects.write(f"{place}/{FILES}/{path}", contents[path]), contents)
    store.objects.write(f"{place}/{MANIFEST}", dump_json(asdict(manifest)).encode())


def _files(change: Transaction) -> dict[str, Path]:
    """Files that a change would write, by their paths in the folder of baselines."""
    files: dict[str, Path] = {}
    for path, staged in change.staged.items():
        if staged.is_file():
            files[path] = staged
        for file in sorted(staged.rglob("*")):
            if file.is_file():
                files[f"{path}/{file.relative_to(staged).as_posix()}"] = file
    return files


def current(folder: Path, path: str) -> str:
    """The digest of a baseline or a file of speeds as it is now; empty where there is none."""
    if not path.endswith(SPEED):
        return baselines.digest(folder, *path.split("/"))
    return hashlib.sha256(read_bytes(folder / path)).hexdigest() if exists(folder / path) else ""


def fetch(name: str, store: ImageStore, folder: Path) -> Manifest:
    """Download a draft, and check that it is whole: every file by its hash, every baseline by reading it.

    Args:
        name: of the run.
        store: where the draft is.
        folder: empty; becomes what the folder of baselines would hold.

    Raises:
        SdevalError: there is no such draft, or it is corrupt.
    """
    place = _place(name)
    where = f"{store.place}/{place}"
    try:
        text = store.objects.read(f"{place}/{MANIFEST}")
    except NoSuchObject:
        known = sorted(by_name(store, whole=True))
        raise SdevalError(f"{store.place}: {unknown('draft', name, known)}") from None
    manifest = from_json(Manifest, text, f"{where}/{MANIFEST}: is corrupt")
    for path in (*manifest.replaces, *manifest.files):
        if not _is_inside(path, manifest):
            raise SdevalError(f"{where}/{MANIFEST}: is corrupt: {preview(path)} is no file of a baseline")

    def download(path: str) -> None:
        content = store.objects.read(f"{place}/{FILES}/{path}")
        if hashlib.sha256(content).hexdigest() != manifest.files[path]:
            raise SdevalError(f"{where}/{FILES}/{path}: is corrupt: it does not have the hash that the draft names")
        write_bytes(folder / path, content)

    in_threads(download, manifest.files)
    for path in manifest.replaces:
        _check(folder, path, store, where)
    return manifest


def _is_inside(path: str, manifest: Manifest) -> bool:
    if path in manifest.replaces:
        return bool(INSIDE.fullmatch(path)) and (path.endswith(SPEED) or path not in manifest.files)
    owner = next((owner for owner in manifest.replaces if path.startswith(f"{owner}/")), None)
    return owner is not None and bool(_FILE.fullmatch(path.removeprefix(f"{owner}/")))


def _check(folder: Path, path: str, store: ImageStore, where: str) -> None:
    """Read a baseline of a draft, or a file of speeds."""
    if path.endswith(SPEED):
        speed.read(folder / path)
        return
    run = run_folder.read(folder / path)
    if f"{run.suite}/{run.target}" != path:
        raise SdevalError(f"{where}: is corrupt: {path} holds a run of {run.suite} on {run.target}")
    provenance.read(folder / path)
    for sample in run.samples:
        if sample.is_thumbnail:
            open_rgb(folder / path / sample.image)
        else:
            baselines.check_image(sample, folder / path)
    thumbnails = {sample.sha256 for sample in run.samples if sample.is_thumbnail}
    missing = thumbnails - store.list(thumbnails).keys()
    if missing:
        raise SdevalError(
            f"{where}: {len(missing)} of its full-size images are not in the store; accept that run again"
        )


def promote(manifest: Manifest, draft: Path, folder: Path, promoter: str) -> None:
    """Make a draft the accepted baselines, all of it or nothing.

    Args:
        manifest: of the draft.
        draft: folder that it was fetched into.
        folder: of all baselines.
        promoter: who does it; stored with the baselines.

    Raises:
        SdevalError: a baseline is not the one that the draft was made for, or it cannot be written.
    """
    for path in manifest.replaces:
        if not path.endswith(SPEED):
            _sign(draft / path, folder / path, promoter)
    with changing(folder) as change:
        for path, before in manifest.replaces.items():
            if current(folder, path) != before:
                advice = "update the branch, or run the suites again and accept that run as a draft"
                raise SdevalError(
                    f"{folder / path}: is not what the draft was made for: {advice}; nothing was accepted"
                )
            change.put(Path(path), partial(_copy, draft / path), (provenance.NAME,))
        change.commit()


def _sign(draft: Path, accepted: Path, promoter: str) -> None:
    """Note who promotes the entries that the accepted baseline does not have."""
    known = provenance.read(accepted)
    entries = [entry if entry in known else replace(entry, promoted_by=promoter) for entry in provenance.read(draft)]
    provenance.write(draft, entries)


def _copy(source: Path, staged: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, staged)
    else:
        write_bytes(staged, read_bytes(source))


def by_name(store: ImageStore, *, whole: bool = False) -> dict[str, list[ObjectInfo]]:
    """Objects of each draft in a store; with `whole`, only of drafts that were uploaded to their end."""
    drafts: defaultdict[str, list[ObjectInfo]] = defaultdict(list)
    for info in store.objects.list(DRAFTS):
        drafts[info.name.split("/")[1]].append(info)
    manifests = {name for name, infos in drafts.items() if any(i.name == f"{DRAFTS}/{name}/{MANIFEST}" for i in infos)}
    return {name: infos for name, infos in drafts.items() if not whole or name in manifests}


def old_drafts(store: ImageStore, age: timedelta) -> tuple[dict[str, list[ObjectInfo]], set[str]]:
    """Drafts that are older than an age, and the images that the others name.

    Raises:
        SdevalError: the store, or a draft, cannot be read.
    """
    drafts = by_name(store)
    old = {name: infos for name, infos in drafts.items() if all(is_older(info, age) for info in infos)}
    samples = [
        info.name
        for name, infos in drafts.items()
        if name not in old
        for info in infos
        if info.name.endswith("/samples.jsonl")
    ]
    texts = in_threads(store.objects.read, samples)
    named = zip(samples, texts, strict=True)
    return old, {sha256 for name, text in named for sha256 in digests_of(text, f"{store.place}/{name}")}


def _place(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise SdevalError(f"{preview(name)} is no name of a draft: letters, digits, dots, dashes and underscores")
    return f"{DRAFTS}/{name}"
