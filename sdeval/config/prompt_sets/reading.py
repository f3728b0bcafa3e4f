"""Reads a set from the file, or the folder, that the user got where it is published."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sdeval._utils.files import check_name, read_bytes
from sdeval._utils.validation import preview
from sdeval.config.case import Case
from sdeval.config.case_files import LARGEST
from sdeval.config.case_tables import decode
from sdeval.config.names import naming_problem
from sdeval.config.prompt_sets.catalogue import PromptSet
from sdeval.config.prompt_sets.formats import FormatError, Prompt
from sdeval.config.prompt_sets.with_images import digest_of
from sdeval.errors import SdevalError


@dataclass(frozen=True, slots=True)
class SetCase:
    """A case that was made of a prompt, and what the set says about the prompt."""

    case: Case
    fields: Mapping[str, str]
    images: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    """What gives the file of each of its images, by field; they are written beside the case file."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was read."""

    path: Path
    sha256: str
    is_published: bool
    """Whether it is, byte for byte, a file that sdeval knows the digest of, or one of a folder that it knows."""


@dataclass(frozen=True, slots=True)
class ImportedSet:
    """What the files of a set hold, in their order."""

    prompt_set: PromptSet
    sources: tuple[SourceFile, ...]
    cases: tuple[SetCase, ...]

    @property
    def warning(self) -> str:
        """What to say where a file is not the one that is published; empty where all are."""
        others = [source for source in self.sources if not source.is_published]
        if not others:
            return ""
        if not self.prompt_set.has_digests:
            return f"{others[0].path}: sdeval knows no digest of {self.prompt_set.title}: it may be of any version"
        known = f"{self.prompt_set.title} at commit {self.prompt_set.commit}"
        advice = "changed, or of another version: numbers are not comparable with published ones"
        if self.prompt_set.folder_sha256:
            return (
                f"{others[0].path.parent}: the files read are not exactly those of {known}; some are missing, {advice}"
            )
        more = f" and {len(others) - 1} more" if len(others) > 1 else ""
        return f"{others[0].path}{more}: sha256 {others[0].sha256} is none of {known}; it may be {advice}"


def read_set(prompt_set: PromptSet, path: Path) -> ImportedSet:
    """The cases of a published file, or of all files of the set in a folder.

    Raises:
        SdevalError: a file cannot be read, is not in the format of the set, or makes a case that cannot be; names file
            and line.
    """
    digests: dict[Path, str] = {}
    cases: dict[str, SetCase] = {}
    for file in _files(prompt_set, path):
        digests[file], prompts = _open(prompt_set, file)
        part = prompt_set.part_of(file, digests[file])
        for prompt in prompts:
            _add(cases, _case(prompt_set, part, prompt, f"{file}:{prompt.line}"))
    if not cases:
        raise SdevalError(f"{path}: no prompts in it; {_advice(prompt_set)}")
    return ImportedSet(prompt_set, _sources(prompt_set, digests), tuple(cases.values()))


def folder_digest(digests: Mapping[Path, str]) -> str:
    """The sha256 of what `sha256sum` prints for files, in the order of their names."""
    lines = "".join(f"{digests[file]}  {file.name}\n" for file in sorted(digests, key=lambda file: file.name))
    return hashlib.sha256(lines.encode()).hexdigest()


def slug(text: str) -> str:
    """A text as a tag or a part of an id: lower-case ASCII words and digits, joined by hyphens.

    Example:
        >>> slug("Food & Beverage")
        'food-beverage'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", plain))


def _sources(prompt_set: PromptSet, digests: Mapping[Path, str]) -> tuple[SourceFile, ...]:
    if prompt_set.folder_sha256:
        is_known = folder_digest(digests) == prompt_set.folder_sha256
        return tuple(SourceFile(file, sha256, is_known) for file, sha256 in digests.items())
    known = {file.sha256 for file in prompt_set.files}
    return tuple(SourceFile(file, sha256, sha256 in known) for file, sha256 in digests.items())


def _files(prompt_set: PromptSet, path: Path) -> list[Path]:
    check_name(path)
    if not _is_folder(path):
        return [path]
    files = sorted(path.glob(prompt_set.pattern or prompt_set.file_names))
    if not files:
        raise SdevalError(f"{path}: no {prompt_set.file_names} in this folder; {_advice(prompt_set)}")
    for file in files:
        check_name(file)
    return files


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    # Whoever reads it as a file says what is wrong.
    except OSError:
        return False


def _open(prompt_set: PromptSet, file: Path) -> tuple[str, Iterator[Prompt]]:
    """The sha256 of a file, and its prompts."""
    if prompt_set.file_reader:
        return digest_of(file), _prompts(prompt_set, prompt_set.file_reader(file), file)
    assert prompt_set.reader is not None
    content = read_bytes(file, LARGEST)
    prompts = prompt_set.reader(decode(content, file))
    return hashlib.sha256(content).hexdigest(), _prompts(prompt_set, prompts, file)


def _prompts(prompt_set: PromptSet, prompts: Iterator[Prompt], file: Path) -> Iterator[Prompt]:
    try:
        yield from prompts
    except FormatError as error:
        raise SdevalError(f"{file}:{error.line}: {error}; {_advice(prompt_set)}") from None


def _advice(prompt_set: PromptSet) -> str:
    return f"`sdeval import {prompt_set.name}` says where to get {prompt_set.file_names}"


def _case(prompt_set: PromptSet, part: str, prompt: Prompt, where: str) -> SetCase:
    fields = {**prompt.fields, **({prompt_set.part_field: part} if prompt_set.part_field else {})}
    names = list(filter(None, (part, prompt.key)))
    for name in names:
        if not slug(name):
            raise SdevalError(f"{where}: no id can be made of {preview(name)}: it has no Latin letter and no digit")
    case_id = "-".join((prompt_set.prefix, *map(slug, names)))
    if problem := naming_problem(case_id):
        raise SdevalError(f"{where}: the id {preview(case_id)} {problem}")
    tags = tuple(dict.fromkeys(filter(None, map(slug, fields.values()))))
    return SetCase(Case(id=case_id, prompt=prompt.text, tags=tags, origin=where, **prompt.case), fields, prompt.images)


def _add(cases: dict[str, SetCase], new: SetCase) -> None:
    if (first := cases.get(new.case.id)) is not None:
        raise SdevalError(f"{new.case.origin}: the id {new.case.id!r} is taken already, first at {first.case.origin}")
    cases[new.case.id] = new
