"""What the page shows, as values: made from run folders, baselines and verdicts, and handed to the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdeval.baselines.acceptance import refuse_part
from sdeval.comparison.metrics import ALPHA_METRICS
from sdeval.errors import SdevalError
from sdeval.history.store import HISTORY, Entry
from sdeval.history.store import read as read_history
from sdeval.report.html.cases import IMAGE_CHANGES, Card, Shot, cards_of
from sdeval.report.html.image_sources import Linked, Sources
from sdeval.report.html.metrics_table import MetricRow, metric_rows
from sdeval.report.html.trust import Fact, changes, facts
from sdeval.report.session_runs import ComparedRun
from sdeval.report.titles import title_of, unit_of
from sdeval.report.words import SYMBOLS, Tone, doubts, headline, plain, sign, tone
from sdeval.results.verdict import KINDS, Verdict, summary
from sdeval.results.verdicts_file import Record

SHEETS = "compare.html"
"""Comparison, where a session has several."""
WORST = 8
"""Lines about what got worse on the first screen."""
SEEN = 3
"""Samples beside each of them."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A sample that shows what got worse."""

    card: str
    """Id of its case."""
    case: str
    shot: Shot


@dataclass(frozen=True, slots=True)
class Line:
    """One of the worst, on the first screen."""

    verdict: Verdict
    symbol: str
    where: str
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
    plots: tuple[str, ...]
    history: tuple[str, ...]
    """Plots of its metrics over past sessions."""
    alpha: float = ALPHA_METRICS
    """Level of the session's metrics."""

    @property
    def rank(self) -> int:
        """How bad its worst verdict is; the worst come first."""
        verdicts = [*(each.verdict for each in self.metrics), *(each.verdict for each in self.cards)]
        return min((KINDS.index(each.verdict) for each in verdicts), default=len(KINDS))


@dataclass(frozen=True, slots=True)
class View:
    """The page."""

    session: str
    headline: str
    tone: Tone
    sign: str
    """Of what came of the session; judged, failed, or neither."""
    counts: Mapping[str, int]
    image_changes: Mapping[str, int]
    """Cases by how far their images moved."""
    symbols: Mapping[str, str]
    worst: tuple[Line, ...]
    more: int
    """How many failed besides the worst."""
    worse: bool
    """Whether anything got worse, or what failed could not be judged."""
    facts: tuple[Fact, ...]
    sheets: bool
    """Whether a page with its comparison lies beside it."""
    runs: tuple[RunView, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What a page is made of."""

    session: Path
    record: Record
    sources: Sources | None = None
    """How images are named; by paths where None."""


def build(request: Request) -> View:
    """Read the runs of a session and put them beside what they are compared with."""
    verdicts, strict = request.record.verdicts, request.record.strict
    besides = [ComparedRun.read(path.parent) for path in sorted(request.session.glob("*/*/run.json"))]
    past = _past(request.session)
    views = [_run_view(f"r{number}", each, request, past) for number, each in enumerate(besides)]
    failing = [each for each in verdicts if each.fails(strict=strict)]
    shown = failing or doubts(verdicts)
    changes = [card.image_change for view in views for card in view.cards]
    return View(
        session=request.record.session,
        headline=headline(verdicts, strict=strict),
        tone=tone(verdicts, strict=strict),
        sign=sign(verdicts, strict=strict),
        counts={str(kind): count for kind, count in summary(verdicts).items()},
        image_changes={name: changes.count(name) for name in IMAGE_CHANGES if name in changes},
        symbols=SYMBOLS,
        worst=tuple(_line(each, views, besides) for each in shown[:WORST]),
        more=max(0, len(shown) - WORST),
        worse=any(each.verdict in ("broken", "regressed") for each in failing),
        facts=facts(besides, request.record),
        sheets=request.session.joinpath(SHEETS).is_file() and request.sources is None,
        runs=tuple(sorted(views, key=lambda each: each.rank)),
    )


def _past(session: Path) -> Sequence[Entry]:
    """The history beside a session, up to it."""
    path = session.resolve().parent / HISTORY
    try:
        entries = read_history(path) if path.is_file() else ()
    except SdevalError:
        # The session said what is wrong with it.
        return ()
    return [each for each in entries if each.session <= session.resolve().name]


def _line(verdict: Verdict, views: Sequence[RunView], besides: Sequence[ComparedRun]) -> Line:
    where, symbol = f"{verdict.suite} on {verdict.target}", SYMBOLS[verdict.verdict]
    for view, beside in zip(views, besides, strict=True):
        if (view.suite, view.target) == (verdict.suite, verdict.target):
            said = plain(verdict, title_of(verdict.metric, beside.run), unit_of(verdict.metric, beside.run))
            return Line(verdict, symbol, where, said, _id(view, verdict), _seen(verdict, view))
    return Line(verdict, symbol, where, plain(verdict, verdict.metric.replace("_", " "), ""), "")


def _id(view: RunView, verdict: Verdict) -> str:
    """Of the element about it; a case may be called what a metric is."""
    return f"{view.id}-case-{verdict.case}" if verdict.case else f"{view.id}-{verdict.metric}"


def _seen(verdict: Verdict, view: RunView) -> tuple[Seen, ...]:
    """Up to three samples that show what got worse: those that are no images, and those that fell furthest."""
    samples = [
        Seen(_id(view, card.verdict), card.verdict.case, shot)
        for card in view.cards
        for shot in card.shots
        if verdict.case in ("", card.verdict.case)
    ]
    worse = [each for each in samples if each.shot.defect or each.shot.gains.get(verdict.metric, 0) < 0]
    if verdict.case:
        worse = worse or samples
    order = sorted(worse, key=lambda each: (not each.shot.defect, each.shot.gains.get(verdict.metric, 0.0)))
    return tuple(order[:SEEN])


def _refusal(beside: ComparedRun) -> str:
    if beside.interleaved:
        return "what was interleaved answers a question, and is no baseline"
    if beside.before is None:
        return "there is no baseline yet; accept the whole run: sdeval accept"
    try:
        refuse_part(beside.before, beside.run)
    except SdevalError as error:
        return str(error)
    return ""


def _run_view(name: str, beside: ComparedRun, request: Request, past: Sequence[Entry]) -> RunView:
    from sdeval.report.plots.run import history_of, plots_of

    run = beside.run
    mine = [each for each in request.record.verdicts if (each.suite, each.target) == (run.suite, run.target)]
    return RunView(
        id=name,
        suite=run.suite,
        target=run.target,
        task=run.task,
        before=beside.label,
        refusal=_refusal(beside),
        notes=run.notes,
        changed=changes(beside),
        metrics=metric_rows(mine, run),
        cards=cards_of(mine, beside, request.sources or Linked(request.session)),
        plots=plots_of(mine, beside),
        history=history_of(past, run),
    )
