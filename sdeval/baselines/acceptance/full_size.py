"""Full-size images of what is accepted are brought into the store, and verified there, before a baseline names them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from PIL import Image

from sdeval._utils.files import read_bytes
from sdeval._utils.parallel import CORES, in_threads
from sdeval._utils.progress import Silent, Watcher
from sdeval.baselines.store import inside
from sdeval.errors import SdevalError
from sdeval.imaging.io import FULL_UP_TO, LARGEST_FILE, header, open_rgb, png_bytes, thumbnail_bytes, without_metadata
from sdeval.stores.failures import WrongContent
from sdeval.stores.images import ImageStore
from sdeval.stores.png import decoded

if TYPE_CHECKING:
    from sdeval.baselines.acceptance.proposal import Proposal

RELIED_ON = timedelta(days=7)
"""`store gc` leaves younger objects alone. One that is older and named by no baseline may just be deleted elsewhere: it
is uploaded again."""


def upload(proposals: Sequence[Proposal], store: ImageStore, watcher: Watcher | None = None) -> dict[str, bytes]:
    """Bring the full-size images of proposals into a store, those that are not there yet.

    Args:
        proposals: baselines as they would be.
        store: where full-size images lie.
        watcher: is shown how many images are done.

    Returns:
        Thumbnails of the large images that come from runs, by the hash of the image.

    Raises:
        SdevalError: an image is not the one of its run, or the store does not take it. No baseline was changed.
    """
    files = {sha256: path for proposal in proposals for sha256, path in _large_images(proposal).items()}
    staying = {sha256 for proposal in proposals for sha256 in _thumbnails_that_stay(proposal)} - files.keys()
    if not files and not staying:
        return {}
    there = _in_store(proposals, store, files.keys() | staying)

    # Many uploads wait at the same time; few images are decoded.
    decoding = BoundedSemaphore(CORES)

    def bring(sha256: str) -> bytes:
        with decoding:
            content, image = _plain_png(files[sha256], sha256)
            thumbnail = thumbnail_bytes(image)
            del image
        if sha256 not in there:
            store.put_verified(sha256, content)
        return thumbnail

    with (watcher or Silent()).watch(f"full-size images to {store.place}", len(files)) as progress:
        thumbnails = in_threads(bring, files, progress)
    # They were accepted before the project named this store.
    for sha256 in sorted(staying - there):
        path = store.find_nearby(sha256)
        if path is not None:
            store.put(sha256, read_bytes(path, LARGEST_FILE))
    return dict(zip(files, thumbnails, strict=True))


def _large_images(proposal: Proposal) -> dict[str, Path]:
    """Files of the run that a baseline keeps as thumbnails, by the hash of the image."""
    samples = proposal.after.samples if proposal.after else ()
    fresh = (sample for sample in samples if sample.case in proposal.fresh)
    paths = {sample.sha256: inside(proposal.source, sample) for sample in fresh}
    return {sha256: path for sha256, path in paths.items() if max(header(path)) > FULL_UP_TO}


def _thumbnails_that_stay(proposal: Proposal) -> list[str]:
    samples = proposal.after.samples if proposal.after else ()
    return [sample.sha256 for sample in samples if sample.case not in proposal.fresh and sample.is_thumbnail]


def _in_store(proposals: Sequence[Proposal], store: ImageStore, digests: set[str]) -> set[str]:
    """Images that are in the store, and stay there whatever `store gc` does meanwhile on another machine."""
    accepted = {sample.sha256 for proposal in proposals if proposal.before for sample in proposal.before.samples}
    recent = datetime.now(UTC) - RELIED_ON
    infos = store.list(digests)
    return {name for name, info in infos.items() if name in accepted or (info.modified and info.modified > recent)}


def _plain_png(path: Path, sha256: str) -> tuple[bytes, Image.Image]:
    """An image of a run as a store holds it, and decoded.

    Raises:
        SdevalError: it cannot be read, or is not the image that was generated.
    """
    content = without_metadata(read_bytes(path, LARGEST_FILE))
    try:
        return content, decoded(content, sha256, str(path))
    except WrongContent:
        # A PNG of another kind, such as one with a palette.
        content = png_bytes(open_rgb(path))
    try:
        return content, decoded(content, sha256, str(path))
    except WrongContent:
        raise SdevalError(
            f"{path} is not the image that was generated: its pixels do not have the hash of the run"
        ) from None
