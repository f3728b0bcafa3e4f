"""In which order units are handed out: longest first, so that no device waits long for the last one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

from sdeval.errors import SdevalError
from sdeval.evaluation.plan import Unit
from sdeval.results.records import Timing
from sdeval.results.run_folder import read_timings
from sdeval.results.session_names import sessions


def longest_first(units: Sequence[Unit], seconds: Mapping[str, float]) -> list[Unit]:
    """Units by the time that they are likely to take; in the order of the plan where nothing is known.

    Args:
        units: what is to be generated.
        seconds: of an image, by case; a case that is not known is taken for one of average length.
    """
    if not seconds:
        return list(units)
    usual = fmean(seconds.values())
    lengths = {unit.number: sum(seconds.get(sample.case.id, usual) for sample in unit.samples) for unit in units}
    return sorted(units, key=lambda unit: -lengths[unit.number])


def recorded_seconds(folder: Path, earlier: Mapping[tuple[str, int], Timing]) -> dict[str, float]:
    """Seconds of an image by case, of an earlier round of seeds or of the latest session that generated the same run.

    Args:
        folder: of the run, in the folder of its suite in the folder of its session.
        earlier: times of an earlier round.
    """
    timings = earlier or _of_latest_session(folder)
    cases: dict[str, list[float]] = {}
    for (case, _), timing in timings.items():
        if not timing.warming:
            cases.setdefault(case, []).append(timing.seconds)
    return {case: fmean(values) for case, values in cases.items()}


def _of_latest_session(folder: Path) -> Mapping[tuple[str, int], Timing]:
    session, name = folder.parents[1], Path(folder.parent.name) / folder.name
    for other in reversed(sessions(session.parent)):
        if other.name != session.name and (other / name / "timings.jsonl").is_file():
            try:
                return read_timings(other / name)
            # The order changes no result.
            except SdevalError:
                return {}
    return {}
