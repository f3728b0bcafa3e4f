"""Where nodes of a cluster leave images for the process that asked for them: a folder that all see, or the store."""

from __future__ import annotations

from sdeval.config.image_store import StoreOptions
from sdeval.stores.objects import Folder, Objects
from sdeval.stores.remote import Remote

EXCHANGE = ".exchange"
"""Beginning of the names of objects, in a folder or a store, that are deleted once they are fetched."""


def open_exchange(place: str) -> Objects:
    """Objects below a folder or a URL; nothing is opened before it is used."""
    from pathlib import Path

    return Remote(place) if "://" in place else Folder(Path(place))


def places_to_exchange(output: str, store: StoreOptions) -> tuple[str, ...]:
    """Where images may be exchanged, the best first: the folder of sessions, or else the store of the project.

    Args:
        output: the folder of all sessions.
        store: what the project says of its store.
    """
    return (output, store.url) if store.url else (output,)
