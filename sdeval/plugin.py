"""The pytest face: options, collection, items, xdist. It decides nothing; `session` and `report` do the work."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import pytest

from sdeval.compare.verdict import Verdict
from sdeval.config import Config, read_table
from sdeval.errors import NotAvailable, SdevalError
from sdeval.suite import Suite

if TYPE_CHECKING:
    from sdeval.session import Question, Session

STATE = pytest.StashKey["State"]()
VERDICT = pytest.StashKey[Verdict]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options; `[tool.sdeval]` of pyproject.toml takes the same keys without the prefix."""
    group = parser.getgroup("sdeval", "sdeval: regression tests for image-generation pipelines")
    add = group.addoption
    add(
        "--sdeval-target",
        action="append",
        default=[],
        metavar="TARGET",
        help="what draws: a named target, a folder in diffusers format, or a hub id; repeatable",
    )
    add(
        "--sdeval-set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set a field of the targets or an argument of the pipeline call, such as guidance_scale=1, "
        "scheduler=EulerDiscreteScheduler or dtype=bfloat16; repeatable",
    )
    add("--sdeval-batch-size", type=int, default=None, metavar="N", help="pictures drawn in one pipeline call")
    add("--sdeval-output", default=None, metavar="DIR", help="where sessions are written (default: reports)")
    add("--sdeval-baselines", default=None, metavar="DIR", help="where accepted runs are kept (default: baselines)")
    add(
        "--sdeval-strict",
        action="store_true",
        default=None,
        help="fail where a baseline, weights or a score is missing (default where CI is set)",
    )
    add("--no-sdeval-strict", dest="sdeval_strict", action="store_false", help="skip them instead")


def pytest_configure(config: pytest.Config) -> None:
    """Read options; open nothing yet."""
    with _usage_errors():
        settings = Config.merge(
            {
                "target": config.getoption("sdeval_target"),
                "set": config.getoption("sdeval_set"),
                "batch-size": config.getoption("sdeval_batch_size"),
                "output": config.getoption("sdeval_output"),
                "baselines": config.getoption("sdeval_baselines"),
                "strict": config.getoption("sdeval_strict"),
            },
            read_table(config.rootpath),
            config.rootpath,
            ci=bool(os.environ.get("CI")),
        )
    config.stash[STATE] = State(config, settings)


class State:
    """What the plugin remembers during one pytest session."""

    def __init__(self, config: pytest.Config, settings: Config) -> None:
        self.config = config
        self.settings = settings
        self.errors: list[SdevalError] = []
        self.suites: dict[str, str] = {}
        self.verdicts: list[Verdict] = []
        self.broken: SdevalError | None = None
        self._session: Session | None = None

    @property
    def worker(self) -> dict[str, Any] | None:
        """What the controller of pytest-xdist told this worker; None where this is no worker."""
        return getattr(self.config, "workerinput", None)

    @property
    def session(self) -> Session:
        """The session, begun when the first suite is collected."""
        if self._session is None:
            from sdeval.report.folder import new_name
            from sdeval.session import Session

            name = self.worker["sdeval_name"] if self.worker else new_name()
            folder = self.settings.output / name
            shared = self.worker is not None
            self._session = Session(self.settings.options, folder, self._watcher(), shared=shared)
        return self._session

    def _watcher(self) -> Any:
        from sdeval.progress import Shown, Silent

        terminal = self.config.pluginmanager.getplugin("terminalreporter")
        if self.worker is not None or terminal is None:
            return Silent()
        capture = self.config.pluginmanager.getplugin("capturemanager")
        aside = capture.global_and_fixture_disabled if capture else contextlib.nullcontext
        return Shown(lambda: sys.stdout, bar=terminal.isatty, aside=aside)

    @property
    def flags(self) -> str:
        """What `sdeval accept` must be told to write where this session reads."""
        chosen = self.config.getoption("sdeval_baselines")
        return f" --baselines {chosen}" if chosen else ""

    def questions(self, suite: Suite, where: str) -> list[Question]:
        """Everything to ask about a suite."""
        if suite.name in self.suites:
            raise SdevalError(f"{where}: suite name {suite.name!r} is taken already by {self.suites[suite.name]}")
        self.suites[suite.name] = where
        return self.session.questions(suite)


@contextlib.contextmanager
def _usage_errors() -> Iterator[None]:
    try:
        yield
    except SdevalError as error:
        raise pytest.UsageError(str(error)) from None


# --- collection -----------------------------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: object) -> list[pytest.Item] | None:
    """Turn a `Suite` that is assigned to a `test…` name into parametrised items."""
    if not isinstance(obj, Suite) or not collector.funcnamefilter(name):
        return None
    questions = collector.config.stash[STATE].questions(obj, f"{collector.nodeid}::{name}")
    function = _function(name, collector.path, questions)
    # Every item looks its function up in the module again, by this name.
    setattr(collector.obj, name, function)
    return list(collector._genfunctions(name, function))


def _function(name: str, path: Path, questions: Sequence[Question]) -> FunctionType:
    """A test function of the user's module, so that ids and reports point there and not here."""

    def ask(sdeval_question: Question, sdeval_judge: Any) -> None:
        sdeval_judge(sdeval_question)

    code = ask.__code__.replace(co_filename=str(path), co_name=name, co_firstlineno=1)
    function = FunctionType(code, {"__builtins__": __builtins__}, name)
    function.__annotations__ = {}
    function.sdeval_questions = questions  # type: ignore[attr-defined]
    return function


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One item for each question."""
    questions = getattr(metafunc.function, "sdeval_questions", None)
    if questions is not None:
        metafunc.parametrize("sdeval_question", questions, ids=[question.id for question in questions])


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Say what is wrong with a suite in one line, without a traceback."""
    report = yield
    error = getattr(getattr(report, "call", None), "excinfo", None)
    cause = _our_error(error.value) if error is not None else None
    if cause is not None:
        report.longrepr = str(cause)
        collector.config.stash[STATE].errors.append(cause)
    return report


def _our_error(error: BaseException | None) -> SdevalError | None:
    """The error of ours that pytest wrapped while it imported a module, if that is what happened."""
    while error is not None and not isinstance(error, SdevalError):
        error = error.__cause__ or error.__context__
    return error


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Ask about all cases first: the figures are judged together, once everything is drawn."""
    state = config.stash[STATE]
    if state.errors and state.worker is None and not config.getoption("continue_on_collection_errors"):
        raise pytest.UsageError("\n".join(map(str, state.errors)))
    targets = {name: number for number, name in enumerate(_targets(items))}
    items.sort(key=lambda item: _place(item, targets))


def _targets(items: Sequence[pytest.Item]) -> list[str]:
    return list(dict.fromkeys(question.job.target.name for item in items if (question := _question(item)) is not None))


def _place(item: pytest.Item, targets: dict[str, int]) -> tuple[bool, int]:
    """Cases before figures, and target by target, so that each target is loaded once; other tests stay first."""
    question = _question(item)
    return (False, -1) if question is None else (question.kind != "case", targets[question.job.target.name])


def _question(item: pytest.Item) -> Question | None:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("sdeval_question") if callspec else None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let `-k` find a case by its tags."""
    question = _question(item)
    if question is not None and question.kind == "case":
        item.extra_keyword_matches.update(question.case.tags)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Tell the session what was selected."""
    asked = [question for item in session.items if (question := _question(item)) is not None]
    if asked:
        session.config.stash[STATE].session.select(asked)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Check targets, settings and baselines before anything is drawn."""
    state = session.config.stash[STATE]
    if not session.config.option.collectonly and any(map(_question, session.items)):
        try:
            state.session.check()
        except SdevalError as error:
            if state.worker is None:
                raise pytest.UsageError(str(error)) from None
            # A worker cannot end the session; its items say it instead.
            state.broken = error
    return (yield)


# --- items ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def sdeval_judge(request: pytest.FixtureRequest) -> Any:
    """A function that asks the session one question and passes, skips or fails by the answer."""
    state = request.config.stash[STATE]

    def judge(question: Question) -> None:
        from sdeval.report.terminal import explain

        __tracebackhide__ = True
        verdict, missing = _answer(state, question, request.node)
        request.node.stash[VERDICT] = verdict
        for name in ("verdict", "delta", "p_value"):
            if getattr(verdict, name) is not None:
                request.node.user_properties.append((name, getattr(verdict, name)))
        if missing and not state.settings.strict:
            pytest.skip(verdict.reason)
        if verdict.fails(strict=state.settings.strict):
            pytest.fail(explain(verdict), pytrace=False)
        if verdict.verdict == "new":
            pytest.skip(explain(verdict))

    return judge


def _answer(state: State, question: Question, item: pytest.Item) -> tuple[Verdict, bool]:
    """The verdict, and whether there is none because something is not on this machine."""
    __tracebackhide__ = True
    try:
        if state.broken is not None:
            raise state.broken
        return state.session.answer(question), False
    except SdevalError as error:
        return question.unanswered(str(error)), isinstance(error, NotAvailable)
    except Exception as error:
        # Whoever has to mend it wants the traceback; the page wants to know that there is no answer.
        item.stash[VERDICT] = question.unanswered(f"{type(error).__name__}: {error}".splitlines()[0])
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send the verdict along with the report, which is how it reaches the controller of pytest-xdist."""
    report = yield
    verdict = item.stash.get(VERDICT, None)
    if verdict is not None and report.when == "call":
        vars(report)["sdeval"] = asdict(verdict)
    return report


# --- the end --------------------------------------------------------------------------------------------------------


class Controller:
    """Gathers verdicts and writes what is shared; under pytest-xdist only the controller has one."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._page: Path | None = None

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Gather the verdict of an item."""
        if hasattr(report, "sdeval"):
            self._state.verdicts.append(Verdict(**report.sdeval))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Write `verdicts.json`, the page, and the link to them."""
        if self._state.verdicts:
            from sdeval.report.folder import publish

            settings = self._state.settings
            self._page = publish(self._state.session.folder, self._state.verdicts, settings.options.baselines)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Counts, the verdicts worst first, the page, and one next command."""
        if self._page is None:
            return
        from sdeval.report.terminal import summary_lines

        terminalreporter.section("sdeval")
        root = self._state.config.invocation_params.dir
        width = max(100, shutil.get_terminal_size().columns)
        for text in summary_lines(self._state.verdicts, self._page, root, width, self._state.flags):
            terminalreporter.write_line(text)


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Gather verdicts here, unless this is a worker."""
    state = session.config.stash[STATE]
    if state.worker is None:
        session.config.pluginmanager.register(Controller(state), "sdeval-controller")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Let all workers of pytest-xdist write into one session folder."""
    node.workerinput["sdeval_name"] = node.config.stash[STATE].session.folder.name


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep every target on one worker, so that it is loaded once, unless the user chose how to distribute."""
    if config.getoption("dist") != "load":
        return None
    from sdeval.distribute import by_target

    with _usage_errors():
        return by_target(config, log, config.stash[STATE].session.target_names)
