"""What the page shows, as values: made from run folders, baselines and verdicts, and handed to the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sdeval._utils.files import resolved
from sdeval.baselines.acceptance import refuse_part
from sdeval.comparison.metrics import ALPHA_METRICS
from sdeval.errors import SdevalError
from sdeval.history.store import HISTORY, Entry, series
from sdeval.history.store import read as read_history
from sdeval.report.html.cases import Card, Shot, cards_of
from sdeval.report.html.image_sources import Linked, Sources
from sdeval.report.html.metrics_table import MetricRow, history_address, metric_rows
from sdeval.report.html.page_data import Project, viewer_data
from sdeval.report.html.run_plots import Plot, plots_of
from sdeval.report.html.trust import Fact, changed_lines, changes, count_cases, facts
from sdeval.report.session_runs import ComparedRun
from sdeval.report.titles import title_of, unit_of
from sdeval.report.words import SYMBOLS, Tone, doubts, headline, insignificant_losses, plain, sign, tone, what
from sdeval.results.session_folder import COMPARISON
from sdeval.results.verdict import KINDS, Kind, Verdict
from sdeval.results.verdicts_file import Record

WORST = 8
"""Lines about what got worse on the first screen."""
SEEN = 3
"""Samples shown with each of them."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A sample that shows what got worse."""

    card: str
    """Id of its case."""
    case: str
    shot: Shot
    label: str
    """What it is compared with."""


@dataclass(frozen=True, slots=True)
class Line:
    """One of the worst, on the first screen."""

    verdict: Verdict
    symbol: str
    subject: str
    """The case or the metric, then the suite and the target."""
    said: str
    link: str
    """Id of the element that tells more."""
    seen: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True)
class RunView:
    """One suite on one target."""

    id: str
    suite: str
    target: str
    task: str
    before: str
    """What it is compared with, in a word or two; empty where there is nothing."""
    refusal: str
    """Why its cases and metrics cannot be accepted one by one; empty where they can."""
    notes: tuple[str, ...]
    changed: tuple[str, ...]
    metrics: tuple[MetricRow, ...]
    cards: tuple[Card, ...]
    signs: Mapping[str, int]
    """Of the metrics of single images: 1 where more is better, -1 where less is."""
    plots: tuple[Plot, ...]
    failed: int
    """How many of its verdicts fail the session."""
    doubtful: int
    """How many are beyond their tolerance, and neither shown nor excluded."""
    history: str
    """Address of the page with its metrics over sessions; empty where there is none."""
    alpha: float = ALPHA_METRICS
    """Level of the session's metrics."""

    @property
    def rank(self) -> int:
        """How bad its worst verdict is; the worst come first."""
        return min((KINDS.index(verdict.verdict) for verdict in self.verdicts), default=len(KINDS))

    @property
    def verdicts(self) -> Sequence[Verdict]:
        """Of its metrics and its cases."""
        return [*(row.verdict for row in self.metrics), *(card.verdict for card in self.cards)]


@dataclass(frozen=True, slots=True)
class Items:
    """Cases and metrics without images or values, which share a reason: most were skipped."""

    kind: Kind
    symbol: str
    suite: str
    target: str
    reason: str
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class View:
    """The page."""

    session: str
    headline: str
    tone: Tone
    sign: str
    """The symbol of the outcome: something got worse, may be worse, nothing is, or nothing was judged."""
    strict: bool
    """Whether what is missing fails the session."""
    symbols: Mapping[str, str]
    worst: tuple[Line, ...]
    more: int
    """How many failed besides the worst."""
    worst_title: str
    """What the worst have in common."""
    facts: tuple[Fact, ...]
    changed: tuple[str, ...]
    """What differs from what the runs are compared with, besides their images."""
    has_comparison: bool
    """Whether a page with its comparison lies beside it."""
    runs: tuple[RunView, ...]
    others: tuple[Items, ...]
    """What no run shows, as nothing was generated for it."""
    cases: str
    """How many cases there are, and on how many targets."""
    samples: Mapping[str, Mapping[str, object]]
    """What the viewer says of the samples, by the id of their run."""

    @property
    def case_facts(self) -> Mapping[str, Any]:
        """What the page filters and sorts by, for every run: elements that fail, signs of metrics, values of cases."""
        return {
            run.id: {
                "failing": [_id(run, verdict) for verdict in run.verdicts if verdict.fails(strict=self.strict)],
                "metrics": list(run.signs.items()),
                "cases": {card.verdict.case: card.values(list(run.signs)) for card in run.cards},
            }
            for run in self.runs
        }


@dataclass(frozen=True, slots=True)
class Request:
    """What a page is made of."""

    session: Path
    record: Record
    sources: Sources | None = None
    """How images are named; by paths where None."""


def build(request: Request) -> View:
    """Read the runs of a session and compare them with their baselines."""
    verdicts, strict = request.record.verdicts, request.record.strict
    comparisons = [ComparedRun.read(path.parent) for path in sorted(request.session.glob("*/*/run.json"))]
    past = _past(request.session)
    views = [_run_view(f"r{number}", compared, request, past) for number, compared in enumerate(comparisons)]
    project, sources = Project.of(request.session), request.sources or Linked(request.session)
    failing = [verdict for verdict in verdicts if verdict.fails(strict=strict)]
    listed = failing or doubts(verdicts) or insignificant_losses(verdicts)
    return View(
        session=request.record.session,
        headline=headline(verdicts, strict=strict),
        tone=tone(verdicts, strict=strict),
        sign=sign(verdicts, strict=strict),
        strict=strict,
        symbols=SYMBOLS,
        worst=tuple(_line(verdict, views, comparisons) for verdict in listed[:WORST]),
        more=max(0, len(listed) - WORST),
        worst_title=_worst_title(listed, strict=strict),
        facts=facts(comparisons, request.record),
        changed=changed_lines(comparisons),
        has_comparison=request.session.joinpath(COMPARISON).is_file() and request.sources is None,
        runs=tuple(sorted(views, key=lambda view: view.rank)),
        others=_others(verdicts, views),
        cases=count_cases(comparisons),
        samples={
            view.id: viewer_data(compared, request.session, project, sources)
            for view, compared in zip(views, comparisons, strict=True)
        },
    )


def _worst_title(listed: Sequence[Verdict], *, strict: bool) -> str:
    kinds = {verdict.verdict for verdict in listed}
    if "regressed" in kinds:
        return "What got worse"
    if "broken" in kinds:
        return "Broken images"
    if any(verdict.fails(strict=strict) and verdict.verdict != "inconclusive" for verdict in listed):
        return "What could not be judged"
    return "What may be worse"


def _others(verdicts: Sequence[Verdict], views: Sequence[RunView]) -> tuple[Items, ...]:
    """Verdicts that no run shows, by kind, suite, target and reason."""
    shown = {(view.suite, view.target, row.verdict.case, row.verdict.metric) for view in views for row in view.metrics}
    shown |= {
        (view.suite, view.target, card.verdict.case, card.verdict.metric) for view in views for card in view.cards
    }
    groups: dict[tuple[Kind, str, str, str], list[Verdict]] = {}
    for verdict in verdicts:
        if (verdict.suite, verdict.target, verdict.case, verdict.metric) not in shown:
            key = (verdict.verdict, verdict.suite, verdict.target, verdict.reason)
            groups.setdefault(key, []).append(verdict)
    return tuple(
        Items(kind, SYMBOLS[kind], suite, target, reason, tuple(group))
        for (kind, suite, target, reason), group in groups.items()
    )


def _past(session: Path) -> Sequence[Entry]:
    """The history beside a session, up to it."""
    path = resolved(session).parent / HISTORY
    try:
        entries = read_history(path) if path.is_file() else ()
    except SdevalError:
        # The session has reported the error.
        return ()
    return [entry for entry in entries if entry.session <= resolved(session).name]


def _line(verdict: Verdict, views: Sequence[RunView], comparisons: Sequence[ComparedRun]) -> Line:
    subject, symbol = f"{what(verdict)}, {verdict.suite} on {verdict.target}", SYMBOLS[verdict.verdict]
    for view, compared in zip(views, comparisons, strict=True):
        if (view.suite, view.target) == (verdict.suite, verdict.target):
            sentence = plain(verdict, title_of(verdict.metric, compared.run), unit_of(verdict.metric, compared.run))
            return Line(verdict, symbol, subject, sentence, _id(view, verdict), _seen(verdict, view))
    return Line(verdict, symbol, subject, plain(verdict, verdict.metric.replace("_", " "), ""), "")


def _id(view: RunView, verdict: Verdict) -> str:
    """Of the element about it; a case may be called what a metric is."""
    return f"{view.id}-case-{verdict.case}" if verdict.case else f"{view.id}-{verdict.metric}"


def _seen(verdict: Verdict, view: RunView) -> tuple[Seen, ...]:
    """Up to three samples that show what got worse: broken images of a case first, then the largest losses."""
    samples = [
        Seen(_id(view, card.verdict), card.verdict.case, shot, view.before.partition(",")[0])
        for card in view.cards
        for shot in card.shots
        if verdict.case in ("", card.verdict.case)
    ]
    broken_first = bool(verdict.case) or verdict.verdict == "broken"

    def rank(sample: Seen) -> tuple[bool, float]:
        return (not (broken_first and sample.shot.defect), sample.shot.gains.get(verdict.metric, 0.0))

    worse = [sample for sample in samples if rank(sample) < (True, 0.0)]
    order = sorted(worse or (samples if verdict.case else []), key=rank)
    return tuple(order[:SEEN])


def _refusal(compared: ComparedRun) -> str:
    if compared.interleaved:
        return "a run that was interleaved with another cannot become a baseline"
    if compared.before is None:
        return "there is no baseline yet; accept the whole run: sdeval accept"
    try:
        refuse_part(compared.before, compared.run)
    except SdevalError as error:
        return str(error).removeprefix(f"{compared.run.suite}/{compared.run.target}: ")
    return ""


def _run_view(name: str, compared: ComparedRun, request: Request, past: Sequence[Entry]) -> RunView:
    run = compared.run
    verdicts = [
        verdict for verdict in request.record.verdicts if (verdict.suite, verdict.target) == (run.suite, run.target)
    ]
    return RunView(
        id=name,
        suite=run.suite,
        target=run.target,
        task=run.task,
        before=compared.label,
        refusal=_refusal(compared),
        notes=run.notes,
        changed=changes(compared),
        metrics=metric_rows(verdicts, run, series(past, run.suite, run.target), resolved(request.session).name),
        cards=cards_of(verdicts, compared, request.sources or Linked(request.session)),
        signs={name: record.sign for name, record in run.metrics.items() if record.scope == "sample"},
        plots=plots_of(verdicts, compared),
        failed=sum(verdict.fails(strict=request.record.strict) for verdict in verdicts),
        doubtful=len(doubts(verdicts)),
        history=history_address(request.session) if request.sources is None else "",
    )
