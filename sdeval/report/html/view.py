"""What the page shows, as values: made from run folders, baselines and verdicts, and handed to the template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sdeval._utils.files import resolved
from sdeval.baselines.acceptance import refuse_part
from sdeval.comparison.metrics import ALPHA_METRICS
from sdeval.errors import SdevalError
from sdeval.history.store import HISTORY, Entry, series
from sdeval.history.store import read as read_history
from sdeval.report.html.cases import IMAGE_CHANGES, Card, Shot, cards_of
from sdeval.report.html.image_sources import Linked, Sources
from sdeval.report.html.metrics_table import MetricRow, history_address, metric_rows
from sdeval.report.html.trust import Fact, changes, facts
from sdeval.report.session_runs import ComparedRun
from sdeval.report.titles import title_of, unit_of
from sdeval.report.words import SYMBOLS, Tone, doubts, headline, plain, sign, tone
from sdeval.results.verdict import KINDS, Verdict, summary
from sdeval.results.verdicts_file import Record

SHEETS = "compare.html"
"""The page of the comparison, where a session has several targets."""
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
    history: str
    """Address of the page with its metrics over sessions; empty where there is none."""
    alpha: float = ALPHA_METRICS
    """Level of the session's metrics."""

    @property
    def rank(self) -> int:
        """How bad its worst verdict is; the worst come first."""
        verdicts = [*(row.verdict for row in self.metrics), *(row.verdict for row in self.cards)]
        return min((KINDS.index(verdict.verdict) for verdict in verdicts), default=len(KINDS))


@dataclass(frozen=True, slots=True)
class View:
    """The page."""

    session: str
    headline: str
    tone: Tone
    sign: str
    """The symbol of the outcome: something got worse, may be worse, nothing is, or nothing was judged."""
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
    """Read the runs of a session and compare them with their baselines."""
    verdicts, strict = request.record.verdicts, request.record.strict
    comparisons = [ComparedRun.read(path.parent) for path in sorted(request.session.glob("*/*/run.json"))]
    past = _past(request.session)
    views = [_run_view(f"r{number}", compared, request, past) for number, compared in enumerate(comparisons)]
    failing = [verdict for verdict in verdicts if verdict.fails(strict=strict)]
    listed = failing or doubts(verdicts)
    changes = [card.image_change for view in views for card in view.cards]
    return View(
        session=request.record.session,
        headline=headline(verdicts, strict=strict),
        tone=tone(verdicts, strict=strict),
        sign=sign(verdicts, strict=strict),
        counts={str(kind): count for kind, count in summary(verdicts).items()},
        image_changes={name: changes.count(name) for name in IMAGE_CHANGES if name in changes},
        symbols=SYMBOLS,
        worst=tuple(_line(verdict, views, comparisons) for verdict in listed[:WORST]),
        more=max(0, len(listed) - WORST),
        worse=any(verdict.verdict in ("broken", "regressed") for verdict in failing),
        facts=facts(comparisons, request.record),
        sheets=request.session.joinpath(SHEETS).is_file() and request.sources is None,
        runs=tuple(sorted(views, key=lambda view: view.rank)),
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
    where, symbol = f"{verdict.suite} on {verdict.target}", SYMBOLS[verdict.verdict]
    for view, compared in zip(views, comparisons, strict=True):
        if (view.suite, view.target) == (verdict.suite, verdict.target):
            sentence = plain(verdict, title_of(verdict.metric, compared.run), unit_of(verdict.metric, compared.run))
            return Line(verdict, symbol, where, sentence, _id(view, verdict), _seen(verdict, view))
    return Line(verdict, symbol, where, plain(verdict, verdict.metric.replace("_", " "), ""), "")


def _id(view: RunView, verdict: Verdict) -> str:
    """Of the element about it; a case may be called what a metric is."""
    return f"{view.id}-case-{verdict.case}" if verdict.case else f"{view.id}-{verdict.metric}"


def _seen(verdict: Verdict, view: RunView) -> tuple[Seen, ...]:
    """Up to three samples that show what got worse: broken images first, then those with the largest losses."""
    samples = [
        Seen(_id(view, card.verdict), card.verdict.case, shot)
        for card in view.cards
        for shot in card.shots
        if verdict.case in ("", card.verdict.case)
    ]
    worse = [sample for sample in samples if sample.shot.defect or sample.shot.gains.get(verdict.metric, 0) < 0]
    if verdict.case:
        worse = worse or samples
    order = sorted(worse, key=lambda sample: (not sample.shot.defect, sample.shot.gains.get(verdict.metric, 0.0)))
    return tuple(order[:SEEN])


def _refusal(compared: ComparedRun) -> str:
    if compared.interleaved:
        return "what was interleaved answers a question, and is no baseline"
    if compared.before is None:
        return "there is no baseline yet; accept the whole run: sdeval accept"
    try:
        refuse_part(compared.before, compared.run)
    except SdevalError as error:
        return str(error)
    return ""


def _run_view(name: str, compared: ComparedRun, request: Request, past: Sequence[Entry]) -> RunView:
    from sdeval.report.plots.run import plots_of

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
        plots=plots_of(verdicts, compared),
        history=history_address(request.session) if request.sources is None else "",
    )
