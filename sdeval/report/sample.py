"""One sample of a session: everything that its run, its baseline and its verdict say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sdeval._utils.files import exists, nothing_in, short
from sdeval._utils.formatting import number, with_sign
from sdeval._utils.tables import Column, Row, Table
from sdeval.baselines.snapshot import full_image_of
from sdeval.comparison.paired import tolerance_of
from sdeval.config.case import TEXTS, sample_key
from sdeval.errors import SdevalError, unknown
from sdeval.imaging.difference import CHANGED_ABOVE, IDENTICAL, ImageDifference
from sdeval.report.session_runs import ComparedRun
from sdeval.report.terminal import explain
from sdeval.results.records import CaseRecord, MetricRecord, SampleResult
from sdeval.results.run import Run
from sdeval.results.session_folder import VERDICTS, read_record, read_run, run_folders
from sdeval.results.verdict import Verdict
from sdeval.session.items import ambiguous
from sdeval.stores.images import ImageStore


@dataclass(frozen=True, slots=True)
class SampleView:
    """A sample, what it is compared with, and what is said of its case."""

    session: Path
    compared: ComparedRun
    sample: SampleResult
    before: SampleResult | None
    """The same sample of the baseline."""
    verdict: Verdict | None
    """On its case; None in a session that has not ended."""

    @property
    def run(self) -> Run:
        """The run that it is of."""
        return self.compared.run

    @property
    def name(self) -> str:
        """`CASE@SEED`."""
        return f"{self.sample.case}@{self.sample.seed}"

    @property
    def case(self) -> CaseRecord:
        """What was asked of its case."""
        return self.run.cases.get(self.sample.case, CaseRecord(case=self.sample.case))


def find_sample(session: Path, name: str, suite: str | None = None, target: str | None = None) -> SampleView:
    """A sample of a session by its name.

    Args:
        session: its folder, or that of one of its runs.
        name: `CASE@SEED`.
        suite: name of its suite; needed where several suites have the case.
        target: name of what generated it; needed where several did.

    Raises:
        SdevalError: there is none, or several.
    """
    key = sample_key(name)
    runs = {folder: read_run(folder) for folder in run_folders(session)}
    if not runs:
        raise SdevalError(f"{nothing_in(session, 'run', 'run.json')}; `pytest suites` makes a session")
    folder = _folder(_selected(runs, suite, target), key)
    compared = ComparedRun.read(folder)
    sample = next(sample for sample in compared.run.samples if sample.key == key)
    before = compared.before.sample(sample) if compared.before else None
    # A run may be named instead of its session.
    home = session if exists(session / VERDICTS) else folder.parent.parent
    return SampleView(home, compared, sample, before, _verdict(home, compared.run, sample.case))


def _selected(runs: Mapping[Path, Run], suite: str | None, target: str | None) -> Mapping[Path, Run]:
    """The runs of a suite and of a target, where these are named."""
    for option, name in (("suite", suite), ("target", target)):
        names = {getattr(run, option) for run in runs.values()}
        if name is not None and name not in names:
            raise SdevalError(f"--{option}: {unknown(option, name, names)}")
        runs = {folder: run for folder, run in runs.items() if name is None or getattr(run, option) == name}
    return runs


def _folder(runs: Mapping[Path, Run], key: tuple[str, int]) -> Path:
    """Folder of the one run that has a sample."""
    case, seed = key
    cases = {known for run in runs.values() for known in run.by_case()}
    if case not in cases:
        raise SdevalError(unknown("case", case, cases))
    seeds = {folder: [sample.seed for sample in run.by_case().get(case, ())] for folder, run in runs.items()}
    matching = [folder for folder in runs if seed in seeds[folder]]
    if not matching:
        known_seeds = ", ".join(map(str, sorted({known for of_run in seeds.values() for known in of_run})))
        raise SdevalError(f"{case}@{seed}: this session has no such seed of the case; it has {known_seeds}")
    if len(matching) > 1:
        raise SdevalError(ambiguous(f"{case}@{seed}", [(runs[path].suite, runs[path].target) for path in matching]))
    return matching[0]


def _verdict(session: Path, run: Run, case: str) -> Verdict | None:
    if not exists(session / VERDICTS):
        return None
    verdicts = read_record(session).verdicts
    key = (run.suite, run.target, case)
    return next((verdict for verdict in verdicts if (verdict.suite, verdict.target, verdict.case) == key), None)


@dataclass(frozen=True, slots=True)
class SampleScore:
    """One metric of a sample beside that of its baseline."""

    metric: str
    record: MetricRecord
    baseline: float | None
    current: float | None
    tolerance: float | None
    """None where it depends on a baseline that there is none of."""
    reason: str = ""
    """Why there is no current score."""

    @property
    def change(self) -> float | None:
        """From the baseline; None where one of them is missing."""
        return None if self.baseline is None or self.current is None else self.current - self.baseline

    @property
    def gain(self) -> float:
        """The change, above 0 where it is better; 0 where there is none."""
        return self.record.sign * (self.change or 0.0)

    @property
    def tone(self) -> Literal["good", "bad", ""]:
        """Whether it is better or worse by more than its tolerance, where that counts."""
        if not self.record.gating or self.tolerance is None or abs(self.gain) <= self.tolerance:
            return ""
        return "good" if self.gain > 0 else "bad"

    @property
    def verdict(self) -> str:
        """On this very sample, in a few words."""
        if self.current is None:
            return f"unscored: {self.reason}".removesuffix(": ")
        if not self.record.gating:
            return "reported only"
        if self.change is None:
            return "not compared"
        if self.tone:
            return BEYOND[self.tone]
        return "within its tolerance" if self.change else "unchanged"

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """Baseline, current, change and tolerance, as tables show them."""
        return number(self.baseline), number(self.current), with_sign(self.change), number(self.tolerance)


BEYOND: Mapping[str, str] = {"bad": "beyond its tolerance", "good": "better"}


def sample_scores(view: SampleView) -> list[SampleScore]:
    """Every metric that scores single images, of this very sample."""
    return [
        _score(view, name)
        for name, record in view.run.metrics.items()
        if record.scope == "sample" and name not in view.sample.inapplicable
    ]


def _score(view: SampleView, metric: str) -> SampleScore:
    record, sample = view.run.metrics[metric], view.sample
    # The distance that the baseline had from an earlier baseline is nothing to compare with.
    before = view.before.scores.get(metric) if view.before and not record.reads_baseline else None
    tolerance = None if before is None and record.tolerance_is_relative else tolerance_of(record, before)
    current = sample.scores.get(metric)
    reason = sample.reason_without(metric) if current is None else ""
    return SampleScore(metric, record, before, current, tolerance, reason)


def facts(view: SampleView) -> dict[str, str]:
    """What was asked and what came of it, by what it is called."""
    run, sample, case = view.run, view.sample, view.case
    settings = {**run.request["settings"], **({} if case.strength is None else {"strength": case.strength})}
    return {
        "suite": f"{run.suite} ({run.task})",
        "target": f"{run.target} ({run.generated_by.get('model', '')})",
        "prompt": sample.prompt,
        "negative prompt": case.negative_prompt or "none",
        **({"edited prompt": case.edited_prompt} if case.edited_prompt else {}),
        **_expected_and_read(view),
        "seed": str(sample.seed),
        "size": _sizes(view),
        "settings": ", ".join(f"{name}={value}" for name, value in settings.items()) or "none",
        "scheduler": str(run.generated_by.get("scheduler") or "unknown"),
        "digest": sample.sha256 or "none",
        "image change": _image_change(view),
        "difference": _difference(view),
        "defect": _defect(sample),
        "verdict": explain(view.verdict) if view.verdict else "none: the session has not ended, or did not judge it",
    }


def _image_change(view: SampleView) -> str:
    if view.compared.before is None:
        return "nothing to compare with"
    if view.before is None:
        return f"unknown: {view.compared.label} has no such sample, or one of another prompt, size or input"
    if not (view.sample.image and view.before.image):
        return "unknown: an image is missing"
    change = "identical" if view.sample.sha256 == view.before.sha256 else view.sample.image_change
    return f"{change or 'changed'} (vs {view.compared.label})"


def _sizes(view: SampleView) -> str:
    """Width and height of the image, and of the one that it is compared with."""
    current, before = ("{}x{}".format(*side.size) if side and side.size else "" for side in (view.sample, view.before))
    return (current or "unknown") + (f" ({view.compared.label} {before})" if before else "")


def difference_of(view: SampleView) -> ImageDifference | None:
    """How far the image is from the baseline's; None where that is not known."""
    if view.before is None or not (view.sample.image and view.before.image):
        return None
    return IDENTICAL if view.sample.sha256 == view.before.sha256 else view.sample.difference


NUMBERS: Mapping[str, str] = {
    "mean difference": " levels",
    "maximum": " levels",
    f"changed by more than {CHANGED_ABOVE} levels": "% of pixels",
    "PSNR": " dB",
    "SSIM": "%",
}
"""What says how far an image is from the baseline's, and units."""


def difference_numbers(view: SampleView) -> list[str]:
    """The values of `NUMBERS`; without the last where it was not scored, and none where they are not known."""
    difference, ssim = difference_of(view), view.sample.scores.get("ssim")
    if difference is None:
        return []
    rounded = [number(value) for value in (100 * difference.changed, difference.psnr, ssim) if value is not None]
    return [number(difference.mean), str(difference.maximum), *rounded]


def _difference(view: SampleView) -> str:
    numbers = zip(NUMBERS.items(), difference_numbers(view), strict=False)
    return ", ".join(f"{name} {value}{unit}" for (name, unit), value in numbers) or "unknown"


READ = " read"
"""After what metrics looked for, in the name of the fact about what they found."""


def expected_texts(case: CaseRecord) -> dict[str, str]:
    """What metrics shall find in the images of a case, by what it is called."""
    return {name: " | ".join(texts) for name in TEXTS if (texts := getattr(case, name))}


def _expected_and_read(view: SampleView) -> dict[str, str]:
    """What metrics shall find in the image, each followed by what they found, and in the baseline's if that differs."""
    expected = expected_texts(view.case)
    before, label = view.before.readings if view.before else {}, view.compared.label.partition(",")[0]
    other = "the baseline" if label == "baseline" else label
    read = {
        name: finding if before.get(name, finding) == finding else f"{finding} (in {other}: {before[name]})"
        for name, finding in view.sample.readings.items()
    }
    facts: dict[str, str] = {}
    for name in dict.fromkeys([*expected, *read]):
        facts |= {name: expected[name]} if name in expected else {}
        facts |= {f"{name}{READ}": read[name]} if name in read else {}
    return facts


def _defect(sample: SampleResult) -> str:
    if sample.failure:
        return f"no image: {sample.failure}"
    return f"{sample.defect}: {sample.detail}".removesuffix(": ") if sample.defect else "none"


def score_table(view: SampleView) -> Table:
    """Every metric that scores single images, of this very sample."""
    names = ("baseline", "current", "change", "tolerance")
    columns = [Column("metric"), *(Column(name, numeric=True) for name in names)]
    return Table(
        columns,
        [
            Row([score.metric, *score.cells], score.verdict, "yellow" if score.tone == "bad" else "")
            for score in sample_scores(view)
        ],
    )


def paths(view: SampleView, images: ImageStore) -> dict[str, str]:
    """Where its images lie, by what they are.

    Args:
        view: the sample.
        images: where the full-size images of baselines are looked for; nothing is fetched.
    """
    folder, case = view.compared.folder, view.case
    return {
        "image": _place(folder / view.sample.image) if view.sample.image else "none",
        "baseline image": _baseline_image(view, images),
        **_input_places(view.run.task, [_place(folder / name) for name in case.inputs]),
        "mask": _place(folder / case.mask) if case.mask else "none",
        **({"control image": _place(folder / case.control_image)} if case.control_image else {}),
        **({"reference image": _place(folder / case.reference_image)} if case.reference_image else {}),
    }


def _input_places(task: str, places: Sequence[str]) -> dict[str, str]:
    """The init image, or the input images of an edit, numbered where there are several."""
    if task != "edit":
        return {"init image": next(iter(places), "none")}
    several = len(places) > 1
    return {f"input image {number}" if several else "input image": place for number, place in enumerate(places, 1)}


def _place(path: Path) -> str:
    return f"{short(path)}{'' if exists(path) else ' (is gone)'}"


def _baseline_image(view: SampleView, images: ImageStore) -> str:
    """The image at full size where it is on this machine, otherwise its thumbnail."""
    before, kept = view.before, view.compared.kept
    if before is None or not before.image:
        return "none"
    if not before.is_thumbnail:
        return _place(kept / before.image)
    own = view.compared.folder / view.sample.image if view.sample.sha256 == before.sha256 else None
    candidates = (full_image_of(kept, before), own, images.find_nearby(before.sha256))
    full = next((path for path in candidates if path is not None and exists(path)), None)
    return _place(full) if full else f"{_place(kept / before.image)} (a thumbnail: the image is not on this machine)"
