"""What of a run cannot stand beside what a baseline keeps: it would answer two questions at once."""

from __future__ import annotations

from pathlib import Path

from sdeval._utils.environment import differences
from sdeval.baselines.acceptance.refusals import refuse_early, refuse_scoreless, refuse_sick, refuse_unseen
from sdeval.baselines.acceptance.selection import Part
from sdeval.errors import SdevalError
from sdeval.results.records import SampleResult
from sdeval.results.run import Run


def refuse_mixture(held: Run, run: Run, part: Part, folder: Path) -> None:
    """Refuse a part of a run that cannot stand in the baseline beside the rest of it.

    Args:
        held: the baseline as it is.
        run: what the part is of.
        part: with the ids of its cases, and with all metrics that go along.
        folder: of the run.

    Raises:
        BrokenPictures: a picture is not healthy.
        SdevalError: other settings or seeds, other versions of metrics, missing scores or pictures.
    """
    refuse_early(run, folder)
    _refuse_other_question(held, run, folder)
    samples = [sample for sample in run.samples if sample.case in part.chosen(run)]
    _refuse_missing_seeds(run, samples, folder)
    refuse_sick(samples, folder)
    if part.metrics is None:
        _refuse_other_metrics(held, run, folder)
        names: tuple[str, ...] = tuple(held.metrics)
    else:
        _refuse_some_of_a_metric(held, run, part, folder)
        _refuse_other_samples(held, samples, folder)
        names = part.metrics
    refuse_scoreless(samples, [name for name in names if run.metrics[name].scope == "sample"], folder)
    if part.metrics is None:
        refuse_unseen(samples, folder)


def refuse_part(held: Run, run: Run) -> None:
    """Refuse a run of which no part can stand in a baseline, whichever it is.

    Raises:
        SdevalError: other settings or seeds; says what to do instead.
    """
    name = Path(run.suite) / run.target
    refuse_early(run, name)
    _refuse_other_question(held, run, name)


def _refuse_other_question(held: Run, run: Run, folder: Path) -> None:
    """The cases that stay were drawn by the baseline's settings and seeds."""
    asked = {"task": run.task, "settings": run.asked["settings"]}
    changed = differences({"task": held.task, "settings": held.asked["settings"]}, asked)
    seeds = differences(*({name: each.asked[name] for name in ("seeds", "looks")} for each in (held, run)))
    if changed or seeds:
        told = ", ".join(changed or seeds[:1])
        raise SdevalError(
            f"{folder}: asks for something else than the baseline does for the cases that stay ({told}); "
            "accept the whole run instead"
        )


def _refuse_missing_seeds(run: Run, samples: list[SampleResult], folder: Path) -> None:
    """Every case of a baseline has all seeds; what a part of a run holds, nobody has counted yet."""
    drawn = {sample.key for sample in samples}
    for sample in samples:
        for seed in run.asked["seeds"]:
            if (sample.case, seed) not in drawn:
                raise SdevalError(f"{folder}: {sample.case}: seed {seed} is missing; run the suite again")


def _refuse_other_metrics(held: Run, run: Run, folder: Path) -> None:
    """Every case of a baseline has the same metrics, in the same version."""
    for name in held.metrics:
        if name not in run.metrics:
            why = run.asked.get("unscored", {}).get(name, "its suite has it no longer")
            raise SdevalError(
                f"{folder}: has no {name} ({why}), which the baseline has of all cases; accept a whole run instead"
            )
    for name in run.metrics:
        told = _otherwise(held, run, name)
        if told:
            first = f"sdeval accept {folder} --metric {name}"
            raise SdevalError(f"{folder}: {told}; accept it for all cases first: {first}")


def brings_new(part: Part, held: Run, run: Run) -> bool:
    """Whether a part is of scores that the baseline does not have, or has in another version."""
    return any(_otherwise(held, run, name) for name in part.metrics or () if name in run.metrics)


def _otherwise(held: Run, run: Run, name: str) -> str:
    """Why scores of a metric on both sides are not of one kind; empty where they are."""
    if name not in held.metrics:
        return f"the baseline has no {name}"
    before, now = held.metrics[name].version, run.metrics[name].version
    return "" if before == now else f"{name} was scored by {now} here, and by {before} in the baseline"


def _refuse_some_of_a_metric(held: Run, run: Run, part: Part, folder: Path) -> None:
    """A metric that is new, or of another version, is accepted for every case or for none."""
    left = [case for case in held.by_case() if case not in part.chosen(run)]
    for name in part.metrics or ():
        if name not in run.metrics:
            raise SdevalError(
                f"{folder}: has no {name}, whose features in the baseline would change; accept a whole run instead"
            )
        told = _otherwise(held, run, name)
        if told and left:
            lacking = f"{left[0]} and {len(left) - 1} more" if len(left) > 1 else left[0]
            raise SdevalError(
                f"{folder}: {told}; it must be accepted for all cases at once, and {lacking} are left out"
            )


def _refuse_other_samples(held: Run, samples: list[SampleResult], folder: Path) -> None:
    """Scores without their pictures must be of what the pictures were asked for."""
    kept = {sample.key: sample.fingerprint for sample in held.samples}
    for sample in samples:
        if kept.get(sample.key) != sample.fingerprint:
            raise SdevalError(
                f"{folder}: {sample.case}@{sample.seed}: asks for something else than the baseline's; "
                f"accept the case with its pictures first: sdeval accept {folder} -k {sample.case}"
            )
