"""Which weights a suite and its targets need: each part is looked for as a session looks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sdeval import metrics
from sdeval._utils.hub import HubCheckpoint, MissingWeights, Source, local_folder
from sdeval.config.suite import Suite
from sdeval.config.target import EMBEDDED, Target
from sdeval.engines import checkpoints
from sdeval.errors import NotAvailable, SdevalError
from sdeval.fetching.files import Download, FetchError, place, plan


@dataclass(frozen=True, slots=True)
class Part:
    """Something that a session looks for: a model of a target, or the networks of a metric."""

    what: str
    look: Callable[[], object]
    """Finds it, or raises `MissingWeights`."""
    checkpoint: HubCheckpoint | None = None
    """Of a model of the hub: finding its index does not say that all its files are there."""


def parts_of_target(target: Target) -> Iterator[Part]:
    """The weights of a target; none for the embedded model, a program of one's own, or a server."""
    if not target.is_pipeline or target.model == EMBEDDED:
        return
    what = f"target {target.name}"
    is_local = local_folder(target.model) is not None or checkpoints.looks_like_path(target.model)
    checkpoint = None if is_local else HubCheckpoint(target.model, target.revision, target.variant)
    yield Part(what, partial(checkpoints.find_model, target), checkpoint)
    if target.vae:
        yield Part(f"{what}: vae", partial(checkpoints.find_part, target, "vae", target.vae, "config.json"))
    for text in target.loras:
        yield Part(f"{what}: loras", partial(checkpoints.find_lora, target, text))
    # Which prior it is may stand in the card of the model.
    yield Part(f"{what}: prior", partial(_find_prior, target))


def _find_prior(target: Target) -> Path | None:
    try:
        folder = checkpoints.find_model(target)
    # The model is a part of its own.
    except NotAvailable:
        return None
    return checkpoints.find_prior(target, folder)


def parts_of_metrics(suite: Suite) -> Iterator[Part]:
    """The networks of the metrics of a suite."""
    options = metrics.MetricOptions.from_suite(suite, "cpu")
    for name in suite.metrics:
        yield Part(f"metric {name} of {suite.name}", partial(metrics.create, name, options))


@dataclass(slots=True)
class Wanted:
    """What is missing of one source, and what needs it."""

    download: Download
    whats: list[str]


class Search:
    """Looks for the parts of suites, round by round: a part may need further files once it has the first.

    What could not be had once is not tried again.
    """

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = list(parts)
        self._failed: dict[Source | str, str] = {}
        self._fetched: set[Source] = set()

    @property
    def failures(self) -> list[str]:
        """Why something cannot be had, a line each."""
        return list(dict.fromkeys(self._failed.values()))

    def succeed(self, wanted: Wanted) -> None:
        """Remember that something was fetched."""
        self._fetched.add(wanted.download.source)

    def fail(self, wanted: Wanted, error: FetchError) -> None:
        """Remember that something could not be fetched."""
        self._failed[wanted.download.source] = f"{', '.join(wanted.whats)}: {error}"

    def missing(self) -> list[Wanted]:
        """What is to be fetched now, each source once."""
        wanted: dict[Source, Wanted] = {}
        for part in self._parts:
            source = self._source(part)
            if source is None or source in self._failed:
                continue
            if source not in wanted:
                download = self._planned(part, source)
                if download is None or not download.files:
                    continue
                wanted[source] = Wanted(download, [])
            wanted[source].whats.append(part.what)
        return list(wanted.values())

    def _source(self, part: Part) -> Source | None:
        """Where the files of a part are; None where nothing is missing, or nothing can be done about it."""
        try:
            part.look()
        except MissingWeights as error:
            return error.source
        except SdevalError as error:
            self._failed[part.what] = f"{part.what}: {error}"
            return None
        return part.checkpoint

    def _planned(self, part: Part, source: Source) -> Download | None:
        try:
            download = plan(source)
            if download.files and source in self._fetched:
                raise FetchError(f"{place(source)} was fetched, and is not found all the same")
            return download
        except FetchError as error:
            # A model that is here is complete as far as is known where the hub cannot be asked for its files.
            if source is not part.checkpoint or not _is_here(part):
                self._failed[source] = f"{part.what}: {error}"
            return None


def _is_here(part: Part) -> bool:
    try:
        part.look()
    except NotAvailable:
        return False
    return True
