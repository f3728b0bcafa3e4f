"""`sdeval import`: a case file from the published file of a prompt set."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

from sdeval._utils.files import exists, read_bytes, short, write_text
from sdeval._utils.tables import Column, Row, Table, say, show
from sdeval._utils.validation import readable
from sdeval.config.case_checks import MULTIPLE
from sdeval.config.case_files import load_cases
from sdeval.config.prompt_sets.catalogue import SETS, PromptSet, find
from sdeval.config.prompt_sets.reading import ImportedSet, SetCase, read_set
from sdeval.config.prompt_sets.ready import MLPERF, MLPERF_NEGATIVE, SIZES, ready_cases, suite_module
from sdeval.config.prompt_sets.sampling import SHARES, pick, value_of
from sdeval.config.prompt_sets.writing import case_file, count_cropped, write_case_file, write_images
from sdeval.errors import SdevalError, plural, unknown

TARGET = "sdxl"
EXAMPLE = "sdeval import parti-prompts PartiPrompts.tsv --limit 50 --stratify category"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("set", nargs="?", metavar="SET", help="name of a set; without it, all sets are listed")
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        type=Path,
        help="the published file, or a folder of several; without it, the set is described",
    )
    parser.add_argument("--limit", metavar="N", type=int, help="a random sample of N prompts (default: all)")
    parser.add_argument(
        "--stratify",
        metavar="FIELD",
        help="with --limit: as many prompts of each value of a field, such as category",
    )
    parser.add_argument(
        "--shares",
        choices=SHARES,
        help="with --stratify: equal shares (default), or shares as they are in the set",
    )
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="of the sample (default: 0)")
    parser.add_argument(
        "--ready",
        metavar="SIZE",
        help=f"a suite beside its case file: {', '.join(SIZES)}; the smaller ones need no FILE",
    )
    parser.add_argument("--target", metavar="NAME", help=f"with --ready: what generates (default: {TARGET})")
    parser.add_argument("--output", dest="case_file", metavar="FILE", type=Path, help="default: SET.yaml")


def run(args: argparse.Namespace) -> int:
    """Make a case file from the published file of a prompt set, or list the sets. Nothing is downloaded."""
    if args.set is None:
        _list_sets()
        return 0
    prompt_set = find(args.set)
    _check(args, prompt_set)
    if args.ready and args.file is None:
        path = args.case_file or Path(f"{prompt_set.name}-{args.ready}.yaml")
        write_case_file(path, ready_cases(prompt_set, args.ready))
        _write_suite(args, prompt_set, path)
        return 0
    if args.file is None:
        _describe(prompt_set)
        return 0
    imported = read_set(prompt_set, args.file)
    chosen = list(imported.cases)
    if args.ready:
        args.limit = SIZES[args.ready].prompts
    if args.limit is not None:
        chosen = pick(chosen, args.limit, args.stratify, args.seed, args.shares or "equal")
    if args.ready == MLPERF:
        chosen = [replace(one, case=replace(one.case, negative_prompt=MLPERF_NEGATIVE)) for one in chosen]
    path = args.case_file or Path(f"{prompt_set.name}{f'-{args.ready}' if args.ready else ''}.yaml")
    images = write_images(path, chosen)
    write_case_file(path, case_file(imported, chosen, _selection(args, imported, chosen), images))
    if imported.warning:
        say(f"sdeval: warning: {imported.warning}", sys.stderr)
    _summarize(path, imported, chosen, args.stratify)
    if cropped := count_cropped(images):
        counted = plural(cropped, "image")
        say(f"  {counted} cropped to edges of multiples of {MULTIPLE} pixels, at the right and the bottom")
    if args.ready:
        _write_suite(args, prompt_set, path)
    return 0


def _write_suite(args: argparse.Namespace, prompt_set: PromptSet, cases: Path) -> None:
    """The module of a ready suite, beside its case file; one that is there already may have been edited."""
    path = cases.parent / f"test_{prompt_set.name}_{args.ready}.py".replace("-", "_")
    count = len(load_cases(cases))
    target = args.target or ("sdxl-euler" if args.ready == MLPERF else TARGET)
    text = suite_module(prompt_set, args.ready, count, cases.name, target)
    if exists(path) and read_bytes(path) != text.encode():
        raise SdevalError(f"{path}: is there already, with other content; remove it, or name another --output")
    write_text(path, text)
    say(f"{short(cases)}, {short(path)}: {count} prompts of {prompt_set.title}; licence: {prompt_set.licence}")
    say(f"  generate the first baseline: pytest {short(path)}, then sdeval accept")


def _check(args: argparse.Namespace, prompt_set: PromptSet) -> None:
    if args.limit is not None and args.limit < 1:
        raise SdevalError(f"--limit: must be a number of prompts from 1 on, got {args.limit}")
    _check_ready(args)
    if args.file is None and not args.ready and (args.limit is not None or args.stratify or args.case_file):
        advice = f"`sdeval import {prompt_set.name}` says where to get it; --ready smoke may need none"
        raise SdevalError(f"import {prompt_set.name}: FILE is missing: the published file; {advice}")
    if args.stratify is None:
        if args.shares:
            raise SdevalError("--shares: of the values of a field; name the field with --stratify FIELD")
        return
    if args.limit is None and not args.ready:
        raise SdevalError("--stratify: says how a sample is taken; give its size with --limit N")
    if not prompt_set.fields:
        raise SdevalError(f"--stratify: prompts of {prompt_set.title} have no fields; leave it out")
    if args.stratify not in prompt_set.fields:
        raise SdevalError(f"--stratify: {unknown('field', args.stratify, prompt_set.fields)}")


def _check_ready(args: argparse.Namespace) -> None:
    if args.ready and args.ready not in SIZES:
        raise SdevalError(f"--ready: {unknown('size', args.ready, SIZES)}")
    if args.ready == MLPERF and args.set != "mlperf-coco":
        raise SdevalError(f"--ready {MLPERF}: is for the captions that MLPerf chose: sdeval import mlperf-coco FILE")
    if args.ready and args.limit is not None:
        raise SdevalError("--ready: has its own number of prompts; leave out --limit")
    if args.target and not args.ready:
        raise SdevalError("--target: is for ready suites; give their size with --ready")
    if args.file is None and args.ready and (args.stratify or args.seed):
        raise SdevalError("--ready: the samples that are part of sdeval are chosen already; name FILE for another one")


def _list_sets() -> None:
    columns = [Column("set"), Column("licence"), Column("prompts", numeric=True)]
    show(Table(columns, [_row(prompt_set) for prompt_set in SETS.values()], note_name="where to get it"))


def _row(prompt_set: PromptSet) -> Row:
    return Row([prompt_set.name, prompt_set.licence, str(prompt_set.prompts)], prompt_set.url)


def _describe(prompt_set: PromptSet) -> None:
    say(f"{prompt_set.title}: {prompt_set.prompts} prompts; licence: {prompt_set.licence}")
    say(f"  {prompt_set.citation}")
    say(f"  {prompt_set.url}")
    for file in prompt_set.files:
        say(f"  {file.name}  sha256 {file.sha256}")
    if prompt_set.folder_sha256:
        say(
            f"  {prompt_set.pattern}  sha256 {prompt_set.folder_sha256} of what `sha256sum {prompt_set.pattern}` prints"
        )
    if prompt_set.fields:
        say(f"  --stratify: {', '.join(prompt_set.fields)}")
    if prompt_set.file_reader:
        say("  its images are written into a folder beside the case file")
    what = "FILE" if len(prompt_set.files) == 1 else "FOLDER"
    say(f"get {prompt_set.file_names}, then: sdeval import {prompt_set.name} {what}")


def _selection(args: argparse.Namespace, imported: ImportedSet, chosen: list[SetCase]) -> str:
    if args.limit is None:
        return f"all {len(chosen)} prompts"
    shares = f", {args.shares or 'equal'} shares of {args.stratify}" if args.stratify else ""
    return f"{len(chosen)} of {len(imported.cases)} prompts{shares}, seed {args.seed}"


def _summarize(path: Path, imported: ImportedSet, chosen: list[SetCase], field: str | None) -> None:
    prompt_set = imported.prompt_set
    say(f"{short(path)}: {len(chosen)} of {len(imported.cases)} prompts of {prompt_set.title}")
    if field:
        counts = Counter(value_of(candidate, field) for candidate in chosen)
        say(f"  {field}: {', '.join(f'{readable(value)} {count}' for value, count in sorted(counts.items()))}")
    say(f"  licence: {prompt_set.licence}; cite {prompt_set.citation}")
    if not prompt_set.redistributable:
        say("  keep the file out of public repositories: nothing clearly allows to pass these prompts on")
