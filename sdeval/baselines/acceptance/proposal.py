"""What a baseline would become: looked at first, then written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sdeval._utils.parallel import CORES, in_threads
from sdeval._utils.progress import Watcher
from sdeval.baselines import provenance
from sdeval.baselines import store as baselines
from sdeval.baselines.acceptance.changes import CaseChange, Change, case_changes, changes, new_images
from sdeval.baselines.acceptance.compatibility import brings_new, refuse_mixture
from sdeval.baselines.acceptance.full_size import upload
from sdeval.baselines.acceptance.merge import merge
from sdeval.baselines.acceptance.refusals import refuse_whole
from sdeval.baselines.acceptance.resolve import settled
from sdeval.baselines.acceptance.selection import Part
from sdeval.baselines.acceptance.set_metrics import SuiteOf, with_set_scores
from sdeval.baselines.provenance import ALL, Entry
from sdeval.baselines.transaction import Transaction, changing
from sdeval.config.image_store import StoreOptions
from sdeval.config.suite import Suite
from sdeval.errors import SdevalError
from sdeval.results import run_folder
from sdeval.results.records import SampleResult
from sdeval.results.run import Run
from sdeval.stores.images import ImageStore, open_store


@dataclass(frozen=True, slots=True)
class Proposal:
    """A baseline as it would be; nothing is written yet."""

    source: Path
    """Folder of the run."""
    folder: Path
    """Of the baseline."""
    digest: str
    """Of the baseline as it was looked at."""
    run: Run
    before: Run | None
    after: Run | None
    fresh: frozenset[str] = frozenset()
    """Cases whose images come from the run; those of the others stay."""
    entries: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = ()
    """What goes along, and what is left out."""
    whole: bool = False
    """Whether the run takes the place of all that was accepted."""

    @property
    def baselines(self) -> Path:
        """The folder that all baselines are kept in."""
        return self.folder.parent.parent

    @property
    def is_current(self) -> bool:
        """Whether the baseline is still the one that was looked at."""
        return baselines.digest(self.baselines, self.run.suite, self.run.target) == self.digest

    @property
    def images(self) -> int:
        """How many images are not the ones accepted before."""
        return new_images(self.before, self.after) if self.after else 0

    @property
    def metrics(self) -> list[Change]:
        """Every metric, old and new."""
        return changes(self.before, self.after) if self.after else []

    @property
    def cases(self) -> list[CaseChange]:
        """Scores of cases that change."""
        return case_changes(self.before, self.after) if self.after else []


def accept(
    run_folder: Path, baselines: Path, *, dry_run: bool = False, images: ImageStore | None = None
) -> list[Change]:
    """Make a run the baseline of its suite and target, without generating or scoring anything again.

    Args:
        run_folder: of the run.
        baselines: folder of all of them.
        dry_run: write nothing.
        images: where full-size images go; where None, into the folder beside the baselines.

    Raises:
        BrokenPictures: an image is not healthy.
        SdevalError: the run is partial, lacks scores or seeds, or cannot be read.
    """
    proposal = propose(run_folder, baselines)
    if not dry_run:
        write(proposal, images)
    return proposal.metrics


def _no_suite(name: str) -> Suite:
    raise SdevalError(f"suite {name} is not at hand")


def propose(
    source: Path,
    folder: Path,
    parts: Sequence[Part] = (Part(),),
    *,
    suite_of: SuiteOf = _no_suite,
    reason: str = "",
    watcher: Watcher | None = None,
) -> Proposal:
    """What the baseline of a run's suite and target becomes when parts of the run are accepted, one after the other.

    Args:
        source: folder of the run.
        folder: of all baselines.
        parts: of the run; all of it where None.
        suite_of: finds the suite, where metrics of the set must be measured again.
        reason: why; stored with the baseline.
        watcher: is shown how many images are checked.

    Raises:
        BrokenPictures: an image is not healthy.
        SdevalError: something in the run cannot be accepted, or not beside what stays.
    """
    run = _without_distances(run_folder.read(source))
    digest = baselines.digest(folder, run.suite, run.target)
    before = baselines.find(folder, run.suite, run.target)
    target_folder = baselines.folder_of(folder, run.suite, run.target)
    proposal = Proposal(source, target_folder, digest, run, before, before)
    if run.from_tests and not run.complete:
        # Tests that were left out keep the images that were accepted.
        parts = [part if part != Part() else Part(tuple(run.by_case())) for part in parts]
    # A metric that the baseline does not have yet stands in the way of single cases, whatever order they come in.
    for part in sorted(parts, key=lambda part: not before or not brings_new(part, before, run)):
        if part.is_whole(run, proposal.after):
            proposal = _with_all(proposal, reason, watcher)
        else:
            proposal = _with_part(proposal, part, suite_of, reason, watcher)
    return proposal


def _with_all(proposal: Proposal, reason: str, watcher: Watcher | None) -> Proposal:
    run = proposal.run
    refuse_whole(run, proposal.source, watcher)
    entry = provenance.entry_of(run, proposal.source, reason)
    return replace(proposal, after=run, fresh=frozenset(run.by_case()), entries=(entry,), whole=True)


def _with_part(proposal: Proposal, part: Part, suite_of: SuiteOf, reason: str, watcher: Watcher | None) -> Proposal:
    run, baseline, source = proposal.run, proposal.after, proposal.source
    if baseline is None:
        first = f"accept the whole run first: sdeval accept {source}"
        raise SdevalError(f"{source}: there is no baseline of {run.suite} on {run.target} yet; {first}")
    run, baseline = _without_other_reports(run, baseline), _without_other_reports(baseline, run)
    part, notes = settled(part, baseline, run, source)
    refuse_mixture(baseline, run, part, source, watcher)
    after = with_set_scores(merge(baseline, run, part), baseline, run, part, suite_of, source)
    chosen = part.chosen(run)
    entry = provenance.entry_of(run, source, reason)
    entry = replace(entry, cases=ALL if set(chosen) >= set(after.by_case()) else chosen, metrics=part.metrics or ALL)
    return replace(
        proposal,
        after=after,
        fresh=proposal.fresh | set(chosen) if part.metrics is None else proposal.fresh,
        entries=(*(proposal.entries or provenance.read(proposal.folder)), entry),
        notes=(*proposal.notes, *notes),
    )


def write(proposal: Proposal, images: ImageStore | None = None) -> None:
    """Write a baseline, all of it or nothing; one that is what it was before stays to the last byte.

    Args:
        proposal: what it becomes.
        images: where full-size images go; where None, into the folder beside the baselines.

    Raises:
        SdevalError: another one was accepted meanwhile, or somebody else is accepting.
    """
    thumbnails = upload([proposal], images or open_store(StoreOptions(), proposal.baselines))
    with changing(proposal.baselines) as change:
        stage(proposal, change, thumbnails)
        change.commit()


def stage(proposal: Proposal, change: Transaction, thumbnails: Mapping[str, bytes]) -> None:
    """Add a baseline to what is changed together.

    Args:
        proposal: what it becomes.
        change: what it is added to.
        thumbnails: as `upload` made them, by the hash of the image.

    Raises:
        SdevalError: another one was accepted since the proposal was made.
    """
    if not proposal.is_current:
        raise SdevalError(f"{proposal.folder}: another baseline was accepted meanwhile; run the command again")
    if proposal.after is not None:
        change.put(
            proposal.folder.relative_to(proposal.baselines), partial(_fill, proposal, thumbnails), (provenance.NAME,)
        )


def _fill(proposal: Proposal, thumbnails: Mapping[str, bytes], aside: Path) -> None:
    assert proposal.after is not None
    accepted = baselines.kept(proposal.after)

    def put(sample: SampleResult) -> SampleResult:
        if sample.case in proposal.fresh:
            return baselines.keep_image(sample, proposal.source, aside, thumbnails)
        return baselines.carry_image(sample, proposal.folder, aside)

    samples = tuple(in_threads(put, accepted.samples, threads=CORES))
    run_folder.write(replace(accepted, samples=samples), aside)
    provenance.write(aside, proposal.entries)


def _without_distances(run: Run) -> Run:
    """Without distances from the baseline before it: they say nothing about this one."""
    kept = {name for name, record in run.metrics.items() if not record.reads_baseline}
    samples = tuple(replace(sample, image_change="", difference=None) for sample in run.samples)
    return _with_metrics(replace(run, samples=samples), kept)


def _without_other_reports(run: Run, other: Run) -> Run:
    """Without metrics that are reported only and not of one kind on both sides: no part is refused because of them."""
    versions = {name: record.version for name, record in other.metrics.items()}
    kept = {name for name, record in run.metrics.items() if record.gating or versions.get(name) == record.version}
    return _with_metrics(run, kept)


def _with_metrics(run: Run, names: Collection[str]) -> Run:
    """The run with these metrics alone."""
    if set(names) >= run.metrics.keys():
        return run
    samples = tuple(
        replace(
            sample,
            scores={name: value for name, value in sample.scores.items() if name in names},
            reasons={name: why for name, why in sample.reasons.items() if name in names},
            inapplicable={name: field for name, field in sample.inapplicable.items() if name in names},
        )
        for sample in run.samples
    )
    return replace(run, samples=samples, metrics={name: run.metrics[name] for name in run.metrics if name in names})
