"""Images that ordinary tests bring: each is scored, compared with the accepted one, and becomes a case of a run.

Every image is judged when its test brings it, by itself, and lies in the folder of its run with a run of its own.
At the end of the session these are joined into one run for each suite and target: pages, `sdeval accept` and all else
know it as any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, get_args

from sdeval import metrics
from sdeval._utils.files import discard, exists
from sdeval.baselines import store as baselines
from sdeval.baselines.snapshot import FetchedImages, Outdated, link_full_images, take_snapshot
from sdeval.comparison.images import judge_image, tolerances_of_one
from sdeval.config.case import Case
from sdeval.config.options import Options
from sdeval.config.suite import Suite
from sdeval.config.target import OWN, Target
from sdeval.errors import NotAvailable, SdevalError, unknown
from sdeval.metrics import MetricInfo
from sdeval.results import run_folder
from sdeval.results.records import SampleResult
from sdeval.results.run import Run, Stored
from sdeval.results.verdict import Verdict
from sdeval.session.items import Key, items_of
from sdeval.stores.images import open_store

WITHOUT_WEIGHTS = ("ssim", "psnr", "sharpness", "noise")
"""Metrics that every image gets unless its test says otherwise: they are quick, and need no download."""
CHECKS = "checks"
"""In the folder of a run until the session ends: a run for each image."""


def styles() -> tuple[str, ...]:
    """Defects that an image may be meant to have."""
    # Imports scipy, which the collection of suites does without.
    from sdeval.imaging.defects import NOT_IN_PIXELS, Defect

    return tuple(defect for defect in get_args(Defect) if defect not in NOT_IN_PIXELS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageCheck:
    """What is asked of an image that a test brings."""

    suite: str
    target: str
    case: str
    prompt: str
    where: str
    """The test, as pytest calls it."""
    text: tuple[str, ...] = ()
    """What the image shall show as writing."""
    metrics: tuple[str, ...] = WITHOUT_WEIGHTS
    tolerances: Mapping[str, float] = field(default_factory=dict)
    """By metric; for metrics that the check does not have they say nothing."""
    metric_options: Mapping[str, Any] = field(default_factory=dict)
    allow: tuple[str, ...] = ()
    """Defects that the image is meant to have, as a style."""

    @property
    def key(self) -> Key:
        """Names of its suite and its target."""
        return (self.suite, self.target)

    def suite_of_one(self) -> Suite:
        """A suite with this case alone.

        Raises:
            SdevalError: a name is not allowed, or a metric cannot judge an image by itself.
        """
        suite = Suite(
            name=self.suite,
            task="text2img",
            cases=(Case(id=self.case, prompt=self.prompt or self.case, text=self.text, origin=self.where),),
            seeds=(0,),
            metrics=self.metrics,
            metric_options=self.metric_options,
            tolerances=tolerances_of_one(self.metrics, self.tolerances),
            targets=(self.target,),
        )
        for name in self.metrics:
            self._check_metric(metrics.info(name))
        for defect in self.allow:
            if defect not in styles():
                raise SdevalError(f"allow: {unknown('defect', defect, styles())}")
        items_of(suite, [self.named_target()])
        return suite

    def _check_metric(self, info: MetricInfo) -> None:
        if info.scope == "set" or not info.alone or set(info.needs) - {"baseline", "text"}:
            raise SdevalError(f"metric {info.name}: cannot judge one image by itself; give it to a suite")

    def named_target(self) -> Target:
        """What generated the image, as far as that is known."""
        return Target(name=self.target, model=f"{OWN}{self.where.partition('::')[0]}")

    def unscored(self, reason: str) -> Verdict:
        """The verdict where the image cannot be judged."""
        return Verdict(
            suite=self.suite, target=self.target, metric="defect", case=self.case, verdict="unscored", reason=reason
        )


class ImageChecks:
    """Judges the images that the tests of one process bring.

    Args:
        options: of the session.
        folder: of the session.
        strict: whether an image fails for which a metric is not on this machine.
    """

    def __init__(self, options: Options, folder: Path, *, strict: bool) -> None:
        self._options = options
        self._folder = folder
        self._strict = strict
        self._images = open_store(options.store, options.baselines)
        self._baselines: dict[Key, Stored | None] = {}
        self._metrics: dict[Key, tuple[tuple[str, ...], str]] = {}
        self._places: dict[tuple[str, str, str], str] = {}
        self._samples: dict[tuple[str, str, str], SampleResult] = {}

    def judge(self, check: ImageCheck, image: Any) -> Verdict:
        """The verdict on an image, which is written into the session.

        Raises:
            SdevalError: it is no image, or what is asked of it cannot be right.
        """
        from sdeval.engines.ready_image import ReadyImage, ReadyImageEngine

        suite, target = check.suite_of_one(), check.named_target()
        self._check_names(check)
        engine = ReadyImageEngine(target, ReadyImage.of(image))
        missing = _missing(suite, engine.device)
        self._check_prompt(check, suite, engine.device, missing)
        run = self._evaluate(suite, engine, missing, check.allow)
        stored = self.baseline(check.key)
        verdict = judge_image(run, stored.run if stored else None, suite.tolerances, styles())
        if missing and self._strict and verdict.verdict in ("passed", "new"):
            return check.unscored("; ".join(f"{name}: {error}" for name, error in missing.items()))
        return verdict

    def _check_names(self, check: ImageCheck) -> None:
        place = (*check.key, check.case.lower())
        if self._places.setdefault(place, check.where) != check.where:
            other = self._places[place]
            raise SdevalError(f"{check.case}: is the name of an image of {other} already; give this one a name=")
        known, first = self._metrics.setdefault(check.key, (check.metrics, check.where))
        if set(known) != set(check.metrics):
            raise SdevalError(
                f"metrics: all images of {check.suite} have the same, and those of {first} have {', '.join(known)}; "
                "give this check a suite= of its own"
            )

    def _check_prompt(self, check: ImageCheck, suite: Suite, device: str, missing: Mapping[str, NotAvailable]) -> None:
        from sdeval.metrics.features.clip import WithClip

        options = metrics.MetricOptions.from_suite(suite, device)
        for name in check.metrics:
            if not check.prompt and name not in missing and isinstance(metrics.create(name, options), WithClip):
                raise SdevalError(f"prompt: is missing; metric {name} compares the image with it")

    def _evaluate(self, suite: Suite, engine: Any, missing: Mapping[str, NotAvailable], allow: Sequence[str]) -> Run:
        """A run of the image: its defects, its distance from the accepted image, and its scores."""
        from sdeval.evaluation.evaluate import generate
        from sdeval.evaluation.plan import make_plan
        from sdeval.evaluation.score import score

        folder = self._folder / suite.name / engine.target.name
        (case,) = suite.cases
        own_folder = folder / CHECKS / case.id
        discard(own_folder)
        plan = make_plan(suite, engine.target, missing=missing)
        plan = replace(plan, self_check=False, image_pool=self._options.image_pool)
        run = generate(plan, engine, folder, lambda _: None)
        notes = [f"{suite.name} on {engine.target.name}: without {name}: {error}" for name, error in missing.items()]
        # How long it took to generate is not known.
        run = replace(run, timings={}, peak_memory_bytes=0, peak_reserved_bytes=0, notes=(*run.notes, *notes))
        run = replace(run, request={**run.request, "from_tests": True})
        stored = self.baseline((suite.name, engine.target.name))
        run = score(run, plan.suite, plan.samples, folder, engine.device, stored)
        samples = tuple(
            replace(sample, defect="", detail="") if sample.defect in allow else sample for sample in run.samples
        )
        run = replace(run, samples=samples)
        run_folder.write(run, own_folder)
        self._samples[suite.name, engine.target.name, case.id] = run.samples[0]
        return run

    def pair(self, suite: str, target: str, case: str) -> tuple[SampleResult, Path, Path | None] | None:
        """An image that was judged, its file, and that of the accepted image or its thumbnail; None without the image.

        Args:
            suite: its suite.
            target: what generated it.
            case: its case.
        """
        sample, baseline = self._samples.get((suite, target, case)), self.baseline((suite, target))
        if sample is None or not sample.image:
            return None
        accepted = baseline.image(sample) if baseline else None
        before = baseline.run.sample(sample) if baseline else None
        if before is not None and before.is_thumbnail and baseline is not None and baseline.images is not None:
            accepted = baseline.images.find_nearby(before.sha256) or accepted
        return sample, self._folder / suite / target / sample.image, accepted

    def baseline(self, key: Key) -> Stored | None:
        """What was accepted, as it was when the first image of a suite and target came."""
        if key not in self._baselines:
            self._baselines[key] = baselines.stored(self._options.baselines, *key, self._images)
        return self._baselines[key]

    def join(self, key: Key, cases: Sequence[str], *, whole: bool) -> None:
        """Make one run of those of single images, with the baseline beside it.

        Args:
            key: suite and target.
            cases: those that the session brought, in order.
            whole: whether no test was left out that may bring one.
        """
        folder = self._folder.joinpath(*key)
        own_folders = [path for case in cases if exists((path := folder / CHECKS / case) / "run.json")]
        if not own_folders:
            return
        baseline = self._snapshot(key, folder, cases)
        run = join_runs(
            [run_folder.read(path) for path in own_folders], baseline.run if baseline else None, whole=whole
        )
        if baseline and baseline.images:
            self._link(run, baseline, folder)
        run_folder.write(run, folder)
        discard(folder / CHECKS)

    def _snapshot(self, key: Key, folder: Path, cases: Sequence[str]) -> Stored | None:
        while (baseline := self.baseline(key)) is not None:
            try:
                return take_snapshot(baseline, folder, cases)
            except Outdated:
                del self._baselines[key]
        return None

    @staticmethod
    def _link(run: Run, baseline: Stored, folder: Path) -> None:
        """Put full-size images of the baseline that are on this machine beside the run, for the page."""
        assert baseline.images is not None
        fetched = FetchedImages(baseline.images)
        for sample in run.samples:
            before = baseline.run.sample(sample)
            if before is not None and before.is_thumbnail and before.sha256 != sample.sha256:
                fetched.find_nearby(before.sha256)
        link_full_images(run, baseline, fetched, folder)


def _missing(suite: Suite, device: str) -> dict[str, NotAvailable]:
    options, missing = metrics.MetricOptions.from_suite(suite, device), {}
    for name in suite.metrics:
        try:
            metrics.create(name, options)
        except NotAvailable as error:
            missing[name] = error
    return missing


def join_runs(runs: Sequence[Run], baseline: Run | None, *, whole: bool) -> Run:
    """One run of several that have a sample each. It is complete where nothing of the baseline is left out.

    Args:
        runs: at least one.
        baseline: what was accepted.
        whole: whether no test was left out: then cases of the baseline that are not there are gone.
    """
    names = [name for name in runs[0].metrics if all(name in run.metrics for run in runs)]
    samples = tuple(
        replace(
            sample,
            scores={name: value for name, value in sample.scores.items() if name in names},
            reasons={name: reason for name, reason in sample.reasons.items() if name in names},
        )
        for run in runs
        for sample in run.samples
    )
    own, accepted = {sample.case for sample in samples}, set(baseline.by_case() if baseline else ())
    complete = whole or accepted <= own
    return replace(
        runs[-1],
        samples=samples,
        metrics={name: runs[0].metrics[name] for name in names},
        cases={name: case for run in runs for name, case in run.cases.items()},
        notes=tuple(dict.fromkeys(note for run in runs for note in run.notes)),
        request={**runs[-1].request, "cases": len(own if complete else own | accepted)},
        complete=complete,
    )
