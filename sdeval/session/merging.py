"""Merges shards: refuses those that are not of one session, and judges all of it as one machine would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sdeval.config.discovery import find_suites
from sdeval.config.options import Config
from sdeval.config.suite import Suite
from sdeval.errors import SdevalError, describe_error
from sdeval.executors.merged import MergedExecutor
from sdeval.results import selected, shard_record
from sdeval.results.selected import SelectedItem
from sdeval.results.session_folder import has_ended
from sdeval.results.shard_record import ShardRecord
from sdeval.results.verdict import Verdict
from sdeval.session.items import Item, Key
from sdeval.session.session import Session


def check_shards(folders: list[Path], root: Path) -> ShardRecord:
    """Refuse shards that are missing, are there twice, or are of other code, settings or items.

    Args:
        folders: of their sessions.
        root: of the project.

    Returns:
        What the first of them says, which is true of all.

    Raises:
        SdevalError: the first such thing, with the folders in question.
    """
    twice = next((folder for folder in folders if folders.count(folder) > 1), None)
    if twice is not None:
        raise SdevalError(f"{twice}: is given twice")
    records = {folder: shard_record.read(folder) for folder in folders}
    for folder in folders:
        if not has_ended(folder):
            raise SdevalError(f"{folder}: has not ended; run its command again with --sdeval-resume")
    _check_numbers(records)
    first = folders[0]
    here = shard_record.code_facts(root)
    for folder, record in records.items():
        for what, theirs, own in (
            ("version of sdeval", record.sdeval, here["sdeval"]),
            ("commit of the project", record.commit, here["commit"]),
        ):
            if theirs != own:
                raise SdevalError(f"{folder}: has {what} {theirs or 'unknown'}, and here is {own or 'none'}")
        if dict(record.options) != dict(records[first].options):
            raise SdevalError(f"{folder}: was started with other options than {first}")
        if selected.read(folder) != selected.read(first):
            raise SdevalError(f"{folder}: has other test items than {first}")
    return records[first]


def _check_numbers(records: Mapping[Path, ShardRecord]) -> None:
    numbers: dict[int, Path] = {}
    first = next(iter(records))
    count = records[first].shard.count
    for folder, record in records.items():
        if record.shard.count != count:
            raise SdevalError(f"{folder}: is shard {record.shard}, but {first} is one of {count}")
        if record.shard.number in numbers:
            raise SdevalError(f"{folder}: is shard {record.shard}, and so is {numbers[record.shard.number]}")
        numbers[record.shard.number] = folder
    missing = [str(number) for number in range(1, count + 1) if number not in numbers]
    if missing:
        raise SdevalError(f"shards {', '.join(missing)} of {count} are missing: give the folders of all of them")


@dataclass(frozen=True, slots=True)
class Merged:
    """A session of shards, all judged."""

    session: Session
    verdicts: Mapping[str, Verdict]
    """By node id, in the order of the items."""
    unseen: Sequence[str]
    """Gross losses that a suite could not show, a line each."""


def merge(folders: Sequence[Path], settings: Config, folder: Path, rootdir: Path) -> Merged:
    """Merge the runs of shards into a session, and judge all items.

    Args:
        folders: of the shards' sessions, after `check_shards`.
        settings: those that the shards had.
        folder: of the merged session.
        rootdir: what the node ids of test items begin at.

    Raises:
        SdevalError: the shards are not of the suites, baselines or settings that are here.
    """
    options = replace(settings.options, all_seeds=True, generates=False, journal=False)
    executor = MergedExecutor(folders)
    session = Session(options, folder, executor=executor)
    selection = selected.read(folders[0])
    items: dict[tuple[Key, str, str], Item] = {
        (item.job.key, item.kind, item.name): item
        for suite in _suites(selection, rootdir).values()
        for item in session.items(suite)
    }
    chosen = {entry.nodeid: _item(entry, items) for entry in selection}
    session.select(list(chosen.values()))
    unseen = session.check()
    _check_jobs(folders, session)
    for plan in session.first_plans():
        executor.check_plan(plan)
    selected.write(selection, folder)
    verdicts = {nodeid: _verdict(session, item, settings) for nodeid, item in chosen.items()}
    return Merged(session, verdicts, unseen)


def _suites(selection: Sequence[SelectedItem], rootdir: Path) -> dict[str, Suite]:
    """The suites that items were made of, by the part of their node ids."""
    names = dict.fromkeys(entry.nodeid.partition("[")[0] for entry in selection)
    suites = {}
    for name in names:
        file, _, inside = name.partition("::")
        suites[name] = find_suites(f"{rootdir / file}::{inside}", rootdir)[0]
    return suites


def _item(entry: SelectedItem, items: Mapping[tuple[Key, str, str], Item]) -> Item:
    key = ((entry.suite, entry.target), entry.kind, entry.name)
    if key not in items:
        raise SdevalError(f"{entry.nodeid}: is in the shards, but not in the suites that are here")
    return items[key]


def _check_jobs(folders: Sequence[Path], session: Session) -> None:
    """Refuse shards of another suite, or that were compared with another baseline, than those that are here."""
    jobs = {folder: shard_record.read_jobs(folder) for folder in folders}
    known = session.shard_jobs()
    keys = {(own.suite, own.target) for own in known}
    for unknown in sorted({key for shard_jobs in jobs.values() for key in shard_jobs} - keys):
        raise SdevalError(f"{' on '.join(unknown)}: this machine does not have its target, which it needs to judge")
    for own in known:
        key = (own.suite, own.target)
        where = " on ".join(key)
        for folder, shard_jobs in jobs.items():
            if key not in shard_jobs:
                raise SdevalError(f"{folder}: has not generated its part of {where}; run it again")
            if shard_jobs[key].digest != own.digest:
                raise SdevalError(f"{folder}: {where}: the suite or its settings are others than here")
            if shard_jobs[key].baseline != own.baseline:
                raise SdevalError(f"{folder}: {where}: was compared with another baseline than the one that is here")


def _verdict(session: Session, item: Item, settings: Config) -> Verdict:
    try:
        return session.judge(item)
    except SdevalError as error:
        return item.verdict_after(error, strict=settings.strict)
    except Exception as error:
        return item.without_verdict(describe_error(error))
