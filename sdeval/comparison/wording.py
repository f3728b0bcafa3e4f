"""The reasons of verdicts, in words. Judges choose which sentence applies, and give its numbers and names."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import takewhile
from textwrap import shorten

from sdeval.comparison.decision import Decision
from sdeval.comparison.defects import DefectRates
from sdeval.comparison.requests import Change
from sdeval.errors import plural
from sdeval.results.records import SampleResult

LONGEST = 60
"""Characters of a prompt that a reason shows."""
MOST_NAMES = 4
"""Samples that a reason names."""

IDENTICAL_IMAGES = "identical images"
IDENTICAL_SCORES = "identical scores"
IDENTICAL_FEATURES = "identical features"
IMPERCEPTIBLE_CHANGES = "images changed imperceptibly"
CHANGED_IMAGES = "images changed"

CHANGED_WITHIN = "image changed within the tolerances of one image"
CHANGED_BEYOND = "image changed beyond the tolerance of one image"
NOT_JUDGED = "image changed; no metric of this check has a tolerance"

NO_BASELINE = "no baseline for this suite and target"
NO_SCORE = "no score"
NO_SHARED_SCORE = "no metric has scores on both sides"
NO_BASELINE_IMAGE = "the baseline has no image to compare with"
NO_BASELINE_CASE = "the baseline does not have this case"
NO_BASELINE_METRIC = "the baseline does not have this metric"
NO_BASELINE_SCORES = "the baseline lacks scores of this metric"
NO_BASELINE_FEATURES = "the baseline holds no features for this metric"
NO_COUNTING_METRIC = "the baseline has none of the metrics by which collapsed samples are counted"
NO_SHARED_CASE = "the baseline has none of these cases with the same request"
OTHER_REFERENCES = "the reference images are not those of the baseline"
OTHER_CASES = "this metric looks at all cases together, and the baseline has other cases"
REPORTED_ONLY = "reported only"
REFERENCE = "the reference"


def join(*parts: str) -> str:
    """One reason made of several, without those that are empty."""
    return "; ".join(filter(None, parts))


# Cases


def missing_image(seed: int, cause: str) -> str:
    """Of a case: an image could not be generated."""
    return f"seed {seed} has no image: {cause}"


def missing_image_of_baseline(seed: int, cause: str) -> str:
    """Of a case: an image of the other side of an interleaved comparison could not be generated."""
    return f"seed {seed} has no image on the other side: {cause}"


def lacking_cases(lacking: Mapping[str, str]) -> str:
    """Of a metric: cases that lack an image or a score; the first cause stands for all."""
    return f"of {plural(len(lacking), 'case')} an image or a score is missing; {next(iter(lacking.values()))}"


def lacking_among_images(lacking: Mapping[str, str]) -> str:
    """Of a metric that depends on all images at once."""
    return f"it looks at all images together, and {lacking_cases(lacking)}"


def without_lacking(count: int) -> str:
    """Of a metric: cases that it is judged without."""
    return f"without {plural(count, 'case')} of which an image or a score is missing"


def unscored_seed(seed: int, cause: str) -> str:
    """A seed of a case that has no score."""
    return f"seed {seed}: {cause}"


def new_seed(seed: int) -> str:
    """A seed of a case that only the run has."""
    return f"the baseline does not have seed {seed}"


def changed_request(changes: Sequence[Change]) -> str:
    """Old → new of every field; a baseline of an older version may not tell which field it is."""
    named = [f"{change.field} changed: {' → '.join(_shown(change.before, change.after))}" for change in changes]
    return join(*named) or "the prompt, image, mask, strength or size differs from the baseline's"


def _shown(before: object, after: object) -> tuple[str, str]:
    """Two values, short; of texts that differ late only, what comes before the first word that differs is left out."""
    before, after = _text(before), _text(after)
    if isinstance(before, str) and isinstance(after, str):
        same = takewhile(lambda letters: letters[0] == letters[1], zip(before, after, strict=False))
        shared = before[: sum(1 for _ in same)].rpartition(" ")[0]
        if len(shared) > LONGEST / 2:
            before, after = (f"… {text[len(shared) :].lstrip()}" for text in (before, after))
    return _short(before), _short(after)


def _text(value: object) -> object:
    """Several texts as one."""
    if isinstance(value, tuple) and not any(isinstance(part, int) for part in value):
        return " | ".join(map(str, value))
    return value


def _short(value: object) -> str:
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return f'"{shorten(value, LONGEST, placeholder=" …")}"' if isinstance(value, str) else str(value)


ONLY_THIS_CASE_LOST = "every seed lost far more than the other cases did, and more than seeds of this case vary"
CASE_LOST_WITH_SUITE = "the whole suite got worse, and this case by more than its own seeds vary"


def perhaps_lost_with_suite(doubt: str) -> str:
    """A large loss of a case in a suite that got worse; `doubt` says why the case itself shows nothing."""
    return f"this case lost much, and so did the whole suite; {doubt or 'its own seeds vary as much'}"


def perhaps_lost(doubt: str) -> str:
    """A large loss of a case alone; `doubt` says why it cannot be shown."""
    return f"every seed of this case lost much; {doubt or 'that may still be chance'}"


def not_significant(images: str, collapsed: int, seeds: int, factor: float) -> str:
    """A loss of a case beyond its tolerance.

    Args:
        images: how its images changed.
        collapsed: seeds that lost more than `factor` tolerances.
        seeds: all seeds.
        factor: what every seed must lose for the case to fail.
    """
    if 0 < collapsed < seeds:
        return f"{collapsed} of {seeds} seeds lost over {factor:g} x the tolerance; a case fails where all do; {images}"
    return f"chance may explain it; {images}"


DEPENDS_ON_OTHER_IMAGES = "its score depends on the other images, so one case proves nothing"
ONE_SEED = "with one seed, one failed image looks the same as a case that got worse; give the suite two seeds"


def few_baseline_seeds(seeds: int, needed: int) -> str:
    """Why a case cannot be shown to be worse, and how to change that."""
    return (
        f"the baseline's {plural(seeds, 'seed')} a case are too few to tell how much this case varies; "
        f"set max_seeds={needed} or more, and accept a run made with --sdeval-all-seeds"
    )


# Broken images


def broken_seeds(broken: Sequence[SampleResult], rates: DefectRates) -> str:
    """Which seeds have which defect, and how often the target generates it anyway."""
    seeds: dict[str, list[int]] = {}
    for sample in broken:
        seeds.setdefault(f"{sample.defect} ({sample.detail})", []).append(sample.seed)
    findings = ", ".join(
        f"seed {alike[0]} is {defect}" if len(alike) == 1 else f"seeds {', '.join(map(str, alike))} are {defect}"
        for defect, alike in seeds.items()
    )
    return join(findings, *dict.fromkeys(usual_defects(sample.defect, rates) for sample in broken))


def usual_defects(defect: str, rates: DefectRates) -> str:
    """How often a target generates a defect when nothing changed."""
    if not rates.images:
        return "if this target sometimes does so anyway, sdeval calibrate measures how often"
    return f"when nothing changed, {rates.defects.get(defect, 0)} of {rates.images} images of this target were {defect}"


def broken_image(sample: SampleResult, *, may_be_style: bool) -> str:
    """The defect of a single image that a test brings, and what to do where it is meant to look so."""
    advice = f'if it is meant to look so: check(…, allow=["{sample.defect}"])' if may_be_style else ""
    return join(f"{sample.defect} ({sample.detail})", advice)


def broken_images(broken: Sequence[SampleResult]) -> str:
    """Broken images of cases that are not judged themselves, and the first of them."""
    names = ", ".join(f"{sample.case}, seed {sample.seed} is {sample.defect}" for sample in broken[:MOST_NAMES])
    more = f" and {len(broken) - MOST_NAMES} more" if len(broken) > MOST_NAMES else ""
    return f"{plural(len(broken), 'broken image')}: {names}{more}"


# Collapsed samples

NO_COLLAPSED_SAMPLE = "no sample collapsed or recovered"


def collapsed_samples(names: Sequence[str], total: int, recovered: int, metric: str) -> str:
    """How many collapsed by a metric, and the first of them."""
    if not names:
        return f"no sample collapsed; {recovered} recovered"
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    first = ", ".join(names[:MOST_NAMES])
    return f"{len(names)} of {total} samples collapsed in {metric} ({recovered} recovered): {first}{more}"


def few_samples(fewest: int) -> str:
    """Why a rate of collapsed samples is not judged."""
    return f"a rate is judged from {fewest} samples on"


# Metrics


APPLIES_TO_NONE = "none of these cases has what it is about"


def applicable_part(applicable: int, total: int, field: str) -> str:
    """On how many cases of a run a metric says something: on those that have a field."""
    return f"{applicable} of {total} cases have {field}"


def unscored_samples(missing: int, total: int, cause: str) -> str:
    """How many samples have no score, and why the first of them has none."""
    return f"{missing} of {total} samples: {cause}"


def other_version(before: str, now: str) -> str:
    """Two versions of a metric, whose scores are not compared."""
    return f"the baseline was scored by {before}, this run by {now}"


def only_rounding(share: float) -> str:
    """Changes that are no more than rounding; `share` is one of the tolerance."""
    return f"no sample changed by more than {share:.0%} of the tolerance"


def beyond_with_another(metric: str, suite: str = "") -> str:
    """A metric that regressed as another one did; `suite` where that is one of another suite."""
    where = f" in {suite}" if suite else ""
    return f"its whole 95% interval lies beyond the tolerance, and {metric}{where} regressed"


def gain_beside_losses(metrics: Sequence[str]) -> str:
    """A metric that improved while others of its suite regressed."""
    return f"look first: {', '.join(metrics)} regressed"


GAIN_NOT_SHOWN = "better by more than its tolerance, but chance may explain it"
"""Of a metric that passed, and did not improve."""


def inconclusive(decision: Decision) -> str:
    """What is not known of a metric, and what would decide."""
    if not math.isfinite(decision.error):
        return "there are too few cases and seeds to tell how much scores vary; give the suite more of both"
    lost = f"worse than its tolerance, but chance does that in more than {decision.session_level:.1%} of sessions"
    state = lost if decision.is_beyond else "not enough data to tell whether the loss exceeds the tolerance"
    ways = []
    if decision.advised_seeds:
        ways.append(f"{decision.advised_seeds} seeds a case instead of {decision.seeds}")
    if decision.advised_cases:
        ways.append(f"{decision.advised_cases} cases instead of {decision.cases}")
    if ways:
        return f"{state}; {' or '.join(ways)} would settle it"
    # To advise a tolerance that lets an existing loss pass would be wrong.
    return state if decision.is_beyond else f"{state}; a loss of {_rounded_up(decision.wide_enough)} is excluded"


def _rounded_up(value: float) -> str:
    """The next larger number of two digits: a loss as large as what is stated must be excluded."""
    digit = 10.0 ** (math.floor(math.log10(value)) - 1)
    return f"{(math.floor(value / digit + 1e-9) + 1) * digit:.6g}"


def more_seeds_failed(cause: object) -> str:
    """Further seeds could not be generated."""
    return f"more seeds were needed to judge it: {cause}"


def shared_part(shared: int, total: int, removed: int) -> str:
    """Which cases a metric was judged on; empty where that is all of both sides."""
    return join(
        f"on {shared} of {total} cases, which both sides generated from the same request" if shared < total else "",
        f"without {plural(removed, 'case')} that the suite no longer has" if removed else "",
    )


# Speed and memory

NOT_TIMED = "nothing was timed"
OTHER_CLOCK = "reported only: one target states its own times, and of the other whole requests are timed"
NO_MEMORY = "the memory of what generated is not known"
SHARED_PROCESS = "reported only, as both targets ran in one process"
SLOW_TWICE = "measured twice"
SLOW_ONCE = "slower at first, but not when measured again"


def no_speed_tolerance(hardware: str) -> str:
    """Why a speed on a processor is not judged."""
    return f"on {hardware}: reported only (no tolerance set)"


def no_speed_record(hardware: str) -> str:
    """Why a speed on a new class of machine is not judged."""
    return f"on {hardware}: no speed was accepted for this class of machine"


def other_batch_size(now: int, before: int) -> str:
    """Why speeds of two batch sizes are not compared."""
    return f"generated in batches of {now}, while the accepted speed is that of batches of {before}"


def busy_machine(users: str) -> str:
    """Why times are not judged while others use the machine."""
    return f"not judged: {users}"


def other_machine(hardware: str, reference: str) -> str:
    """Why times of different machines are not compared."""
    return f"not judged: measured on {hardware}, the reference on {reference}"


def broken_setting(broken: int, images: int) -> str:
    """Why the speed of a setting does not count."""
    return f"not judged: {broken} of {plural(images, 'image')} broken"


def broken_reference(broken: int, images: int) -> str:
    """Why no speed is compared with that of the reference."""
    return f"not judged: {broken} of {plural(images, 'image')} of the reference broken"


NOT_INTERLEAVED = (
    "times of runs that were not interleaved may differ by what else the machine did meanwhile; "
    "--sdeval-compare-to interleaves two targets and tests their speed"
)


def few_calls(calls: int, needed: int) -> str:
    """Why times of so few calls are not judged."""
    return f"only {plural(calls, 'pipeline call')}; it takes {needed} to judge times"


def few_pairs(pairs: int, needed: int) -> str:
    """Why two interleaved targets could not be told apart."""
    return f"only {plural(pairs, 'pair')} of calls; it takes {needed} to show anything"


def interleaved_change(share: float, target: str) -> str:
    """How much more time a call took than that of another target."""
    return f"{share:+.1%} time a call, interleaved with {target}"


def time_per_stage(seconds: Mapping[str, float], steps: int) -> str:
    """Where the time went, for `encode`, `denoise` and `decode`; `steps` of denoising."""
    names = {"encode": "text encoding", "denoise": "denoising", "decode": "VAE decoding"}
    total = sum(seconds.values())
    shares = ", ".join(f"{names[stage]} {value / total:.0%}" for stage, value in seconds.items())
    return f"{shares}; {1000 * seconds['denoise'] / steps:.3g} ms a step"
