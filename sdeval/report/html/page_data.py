"""What the viewer of a page knows of every sample, as JSON: what `sdeval show` says of it.

A page may show 2,000 samples: what most of them share is stored once for the run, or once for the case.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sdeval._utils.files import short
from sdeval.config import project
from sdeval.config.case import TEXTS
from sdeval.config.options import Config, Options, read_table
from sdeval.errors import SdevalError
from sdeval.report.again import complete_options
from sdeval.report.html.image_sources import Sources
from sdeval.report.html.inputs import inputs_of
from sdeval.report.sample import (
    NUMBERS,
    READ,
    SampleScore,
    SampleView,
    difference_numbers,
    difference_of,
    facts,
    sample_scores,
)
from sdeval.report.session_runs import ComparedRun
from sdeval.results.records import CaseRecord, MetricRecord, SampleResult

HEAD = ("metric", "baseline", "current", "change", "tolerance", "verdict")
LEFT_OUT = ("seed", "prompt", "difference", "verdict")
"""Facts that the page has elsewhere."""
COMMAND = "command"
"""Among the facts: how `sdeval generate` goes on after the name of the sample."""
UNKNOWN = "the difference was not measured: that takes both images in the same full size when a session scores them"
PER_MILLE = 1000


@dataclass(frozen=True, slots=True)
class Project:
    """What is known of the project that a session was made in."""

    root: Path
    options: Options

    @classmethod
    def of(cls, session: Path) -> Project | None:
        """As the session recorded it; None where that is not known, or cannot be read any more."""
        with suppress(SdevalError):
            folders = project.recorded(session)
            if folders is not None:
                return cls(folders.root, Config.merge({}, read_table(folders.root), folders.root, ci=False).options)
        return None


def viewer_data(compared: ComparedRun, session: Path, home: Project | None, sources: Sources) -> dict[str, Any]:
    """Everything that the viewer says of the samples of a run.

    Args:
        compared: the run, and what it is compared with.
        session: its folder.
        home: the project of the session, where it is known.
        sources: names the images that its cases bring along.
    """
    run = compared.run
    by_case = {
        case: [_view(compared, session, sample) for sample in samples] for case, samples in run.by_case().items()
    }
    scores = {view.name: sample_scores(view) for views in by_case.values() for view in views}
    columns = _Columns.of([score for of_sample in scores.values() for score in of_sample])
    commands = _Commands(home)
    of_cases = _with_all_names({case: [_facts(view, commands) for view in views] for case, views in by_case.items()})
    usual_of_cases = {case: _usual(rows) for case, rows in of_cases.items()}
    usual = _usual(list(usual_of_cases.values()))
    place = short(session) if home is None else _path_in_project(session, home.root)
    return {
        "baseline": compared.label,
        "head": [HEAD[0], compared.label or HEAD[1], *HEAD[2:]],
        "metrics": [_metric(name, run.metrics[name], columns) for name in columns.metrics],
        "verdicts": [[text, tone] for text, tone in columns.verdicts],
        "numbers": list(NUMBERS.items()),
        "unknown": UNKNOWN,
        "searched": [name for name in usual if name in TEXTS or name.endswith(READ)],
        "show": shlex.join([str(place), "--suite", run.suite, "--target", run.target]),
        "facts": usual,
        "cases": {
            case: {
                **_deviation("facts", usual_of_cases[case], usual),
                **_inputs(compared, case, sources),
                "samples": {
                    str(view.sample.seed): {
                        **_deviation("facts", row, usual_of_cases[case]),
                        "scores": [columns.line(score) for score in scores[view.name]],
                        **_difference(view),
                    }
                    for view, row in zip(views, of_cases[case], strict=True)
                },
            }
            for case, views in by_case.items()
        },
    }


def _inputs(compared: ComparedRun, case: str, sources: Sources) -> dict[str, Any]:
    """The images that a case brings along, and the edge of its mask; nothing where it has none."""
    record, folder = compared.run.cases.get(case, CaseRecord(case=case)), compared.folder
    inputs = inputs_of(record, compared.run.task, folder, lambda file: sources.here(folder / file))
    outline = sources.outline(folder / record.mask) if record.mask else ""
    return {
        **({"inputs": [asdict(image) for image in inputs]} if inputs else {}),
        **({"outline": outline} if outline else {}),
    }


def _view(compared: ComparedRun, session: Path, sample: SampleResult) -> SampleView:
    before = compared.before.sample(sample) if compared.before else None
    return SampleView(session, compared, sample, before, None)


def _path_in_project(session: Path, root: Path) -> Path:
    """A folder as commands in a project name it."""
    whole = session.resolve()
    return whole.relative_to(root.resolve()) if whole.is_relative_to(root.resolve()) else short(session)


def _facts(view: SampleView, commands: _Commands) -> dict[str, str]:
    named = {name: text for name, text in facts(view).items() if name not in LEFT_OUT}
    return {**named, COMMAND: commands.of(view)}


def _with_all_names(of_cases: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, list[dict[str, str]]]:
    """Facts that only some samples have, such as an expected text, are empty in the others, which do not show them."""
    names = dict.fromkeys(name for rows in of_cases.values() for row in rows for name in row)
    return {case: [{name: row.get(name, "") for name in names} for row in rows] for case, rows in of_cases.items()}


def _usual(rows: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """What most of some samples say."""
    names = rows[0] if rows else {}
    return {name: Counter(row[name] for row in rows).most_common(1)[0][0] for name in names}


def _deviation(name: str, row: Mapping[str, str], usual: Mapping[str, str]) -> dict[str, Any]:
    """What is not as usual; nothing where all is."""
    others = {fact: text for fact, text in row.items() if usual[fact] != text}
    return {name: others} if others else {}


def _difference(view: SampleView) -> dict[str, Any]:
    """The difference from the baseline's image in numbers, and the box of the largest change, in thousandths."""
    difference = difference_of(view)
    if difference is None:
        return {}
    numbers: dict[str, Any] = {"numbers": difference_numbers(view)}
    box, size = difference.box, view.sample.size
    if box is None or size is None:
        return numbers
    return {**numbers, "box": [round(PER_MILLE * value / edge) for value, edge in zip(box, 2 * size, strict=True)]}


def _metric(name: str, record: MetricRecord, columns: _Columns) -> dict[str, str]:
    return {
        "name": name,
        "arrow": "↑" if record.higher_is_better else "↓",
        "hint": f"{record.title or name}: {'higher' if record.higher_is_better else 'lower'} is better",
        "unit": record.unit,
        "tolerance": columns.tolerances[name],
    }


@dataclass(frozen=True, slots=True)
class _Columns:
    """What the lines of scores refer to by its place."""

    metrics: Sequence[str]
    verdicts: Sequence[tuple[str, str]]
    """In words, with their tones."""
    tolerances: Mapping[str, str]
    """The usual one of each metric."""

    @classmethod
    def of(cls, scores: Sequence[SampleScore]) -> _Columns:
        metrics = list(dict.fromkeys(score.metric for score in scores))
        tolerances = {name: Counter(score.cells[3] for score in scores if score.metric == name) for name in metrics}
        verdicts = list(dict.fromkeys((score.verdict, score.tone) for score in scores))
        return cls(metrics, verdicts, {name: counts.most_common(1)[0][0] for name, counts in tolerances.items()})

    def line(self, score: SampleScore) -> str:
        """A score: place of its verdict, baseline, current, change, and its tolerance where that is unusual."""
        baseline, current, change, tolerance = score.cells
        place = self.verdicts.index((score.verdict, score.tone))
        unusual = [tolerance] if tolerance != self.tolerances[score.metric] else []
        return " ".join([str(place), baseline, current, change, *unusual])


class _Commands:
    """How `sdeval generate` goes on after the name of a sample; the same for all samples of the same strength."""

    def __init__(self, home: Project | None) -> None:
        self._home = home
        self._by_strength: dict[Any, str] = {}

    def of(self, view: SampleView) -> str:
        """Options of the command; empty where the project is not known, or an ordinary test generated the image."""
        if self._home is None or view.run.from_tests:
            return ""
        strength = view.case.strength
        if strength not in self._by_strength:
            options = complete_options(view, self._home.root, self._home.options)
            self._by_strength[strength] = shlex.join(options)
        return self._by_strength[strength]
