"""Whether the times of two runs can be compared, by the rules of a session. Pure."""

from __future__ import annotations

from sdeval.comparison import wording
from sdeval.comparison.speed import FEWEST_CALLS, seconds_per_image
from sdeval.config.suite import CLOCK
from sdeval.results.run import LOAD, Run


def broken_images(run: Run) -> int:
    """Number of images that are broken, or could not be generated."""
    return sum(bool(sample.defect or sample.failure) for sample in run.samples)


def obstacle_to_times(run: Run, reference: Run, *, interleaved: bool) -> str:
    """Why the time of a run is not compared with that of the reference; empty where it is.

    Args:
        run: of a setting.
        reference: the run that it is compared with, or the same run.
        interleaved: whether both were generated batch by batch in turns: what slowed one down slowed both down.
    """
    return _obstacle_of_images(run, reference) or _obstacle_of_clocks(run, reference, interleaved=interleaved)


def _obstacle_of_images(run: Run, reference: Run) -> str:
    """A pipeline that generates broken images skips work, or does the wrong one: its speed means nothing."""
    if broken := broken_images(run):
        return wording.broken_setting(broken, len(run.samples))
    broken = broken_images(reference)
    return wording.broken_reference(broken, len(reference.samples)) if broken else ""


def _obstacle_of_clocks(run: Run, reference: Run, *, interleaved: bool) -> str:
    calls = [len(seconds_per_image(side)) for side in (run, reference)]
    if not all(calls):
        return wording.NOT_TIMED
    hardware, base_hardware = hardware_of(run), hardware_of(reference)
    if hardware != base_hardware:
        return wording.other_machine(hardware, base_hardware)
    if run.environment.get(CLOCK, "") != reference.environment.get(CLOCK, ""):
        return wording.OTHER_CLOCK
    load = str(run.environment.get(LOAD) or reference.environment.get(LOAD) or "")
    if load and not interleaved:
        return wording.busy_machine(load)
    return wording.few_calls(min(calls), FEWEST_CALLS) if min(calls) < FEWEST_CALLS else ""


def hardware_of(run: Run) -> str:
    """The class of machine that a run was generated on."""
    return str(run.environment.get("hardware", "unknown hardware"))
