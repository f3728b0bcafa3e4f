"""Collection: suites become test items, in an order that loads each target once."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Generator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from sdeval._utils.files import check_name
from sdeval.config.case import Case
from sdeval.config.suite import Suite
from sdeval.errors import SdevalError, escaped, unknown, with_location
from sdeval.plugin import image_checks, takes_images
from sdeval.plugin.items import SuiteItem
from sdeval.plugin.state import STATE
from sdeval.results import selected

_CLASSES: Mapping[str, type[Suite | Case]] = {"Suite": Suite, "Case": Case}
_UNKNOWN_ARGUMENT = re.compile(r"(Suite|Case)\.__init__\(\) got an unexpected keyword argument '(\w+)'")


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: Any, name: str, obj: object) -> list[pytest.Item] | None:
    """Turn a `Suite` that is assigned to a `test…` name into items."""
    if not isinstance(obj, Suite) or not collector.funcnamefilter(name):
        return None
    items = collector.config.stash[STATE].items(obj, f"{collector.nodeid}::{name}")
    return [SuiteItem.of(collector, name, item) for item in items]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: Any,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Say what is wrong with a suite in one line, without a traceback."""
    report = yield
    explain(collector, report)
    return report


def explain(collector: Any, report: pytest.CollectReport) -> None:
    """Put the line in place of the traceback where a module did not load for an error of sdeval."""
    cause = cause_of(report)
    if cause is not None:
        cause = with_location(cause, collector.path, collector.nodeid)
        report.longrepr = str(cause)
        collector.config.stash[STATE].errors.append(cause)


def cause_of(report: pytest.CollectReport) -> SdevalError | None:
    """The error of sdeval for which a module did not load; None where it did, or for another error."""
    error = getattr(getattr(report, "call", None), "excinfo", None)
    return _sdeval_error(error.value) if error is not None else None


def _sdeval_error(error: BaseException | None) -> SdevalError | None:
    """The `SdevalError` that pytest wrapped while it imported a module; None where it was another error."""
    while error is not None and not isinstance(error, SdevalError):
        error = _argument_error(error) or error.__cause__ or error.__context__
    return error


def _argument_error(error: BaseException) -> SdevalError | None:
    """An error for an argument that a suite or a case does not have, with similar names; None for other errors."""
    match = _UNKNOWN_ARGUMENT.match(str(error)) if isinstance(error, TypeError) else None
    if match is None:
        return None
    kind, name = _CLASSES[match[1]], match[2]
    message = unknown(f"argument of {match[1]}", name, (field.name for field in fields(kind) if field.name != "origin"))
    return SdevalError(message).with_traceback(error.__traceback__)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort cases before metrics: metrics are judged together, once everything is generated."""
    state = config.stash[STATE]
    if state.errors and state.worker is None and not config.getoption("continue_on_collection_errors"):
        raise pytest.UsageError("\n".join(dict.fromkeys(map(str, state.errors))))
    targets = {name: number for number, name in enumerate(_targets(items))}
    items.sort(key=lambda item: _place(item, targets))


def _targets(tests: Sequence[pytest.Item]) -> list[str]:
    return list(dict.fromkeys(test.item.job.target.name for test in tests if isinstance(test, SuiteItem)))


def _place(test: pytest.Item, targets: dict[str, int]) -> tuple[bool, int]:
    """Cases before metrics, and target by target, so that each target is loaded once; other tests stay first."""
    if not isinstance(test, SuiteItem):
        return (False, -1)
    return (test.item.kind != "case", targets[test.item.job.target.name])


def pytest_collection_finish(session: pytest.Session) -> None:
    """Pass on to the session what was selected; a worker of pytest-xdist passes it on to the controller as well."""
    tests, state = _suite_items(session), session.config.stash[STATE]
    if tests or _image_tests(session):
        state.session.select([test.item for test in tests])
        if state.worker is not None:
            with contextlib.suppress(SdevalError):  # `_check_output` says what is wrong with the folder.
                _write_selected(session)


def _suite_items(session: pytest.Session) -> list[SuiteItem]:
    return [test for test in session.items if isinstance(test, SuiteItem)]


def _image_tests(session: pytest.Session) -> list[pytest.Item]:
    return list(filter(takes_images, session.items))


def _write_selected(session: pytest.Session) -> None:
    state, images = session.config.stash[STATE], _image_tests(session)
    items = [test.selected for test in _suite_items(session)]
    items += [image_checks.selected_item(test, state) for test in images]
    partial = image_checks.partial_suites(session, images, state)
    selected.write(items, state.session.folder, partial)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Check targets, settings and baselines before anything is generated."""
    state = session.config.stash[STATE]
    tests = _suite_items(session)
    if (tests or _image_tests(session)) and not session.config.option.collectonly:
        try:
            _refuse_images_in_shards(session)
            _warn(session, state.session.check())
            _check_output(state.session.folder)
            _announce(session)
            if state.worker is None:
                _write_selected(session)
                state.begin()
        except SdevalError as error:
            if state.worker is None:
                raise pytest.UsageError(str(error)) from None
            # A worker cannot end the session; each of its items reports the error instead.
            state.broken = error
    return (yield)


def _refuse_images_in_shards(session: pytest.Session) -> None:
    """Refuse to generate images of ordinary tests in a shard, whose verdicts come with the merge.

    Raises:
        SdevalError: there is such a test.
    """
    images = _image_tests(session)
    if images and session.config.stash[STATE].settings.options.shard is not None:
        raise SdevalError(
            f"--sdeval-shard: is for suites, and {images[0].nodeid} uses sdeval_image; leave out such tests"
        )


def _warn(session: pytest.Session, warnings: Sequence[str]) -> None:
    """Warn of losses that a suite could not detect; a strict session does not start with such a suite.

    Raises:
        SdevalError: the session is strict, and there is something to warn of.
    """
    state = session.config.stash[STATE]
    state.unseen = list(warnings)
    terminal = session.config.pluginmanager.getplugin("terminalreporter")
    if state.worker is None and terminal is not None:
        for line in warnings:
            terminal.write_line(escaped(f"sdeval: {line}"), yellow=True)
    if warnings and state.settings.strict:
        raise SdevalError("a gate that misses gross losses is none; --sdeval-no-strict runs it all the same")


def _announce(session: pytest.Session) -> None:
    """Say what a user should see before the first image, such as how many calls may have to be paid.

    Of several workers, the first one does; what they print goes nowhere, but for what goes past the capturing.
    """
    state, plugins = session.config.stash[STATE], session.config.pluginmanager
    if state.worker is not None and state.worker.get("workerid") != "gw0":
        return
    lines = [escaped(f"sdeval: {line}") for line in state.session.announcements()]
    terminal, capture = plugins.getplugin("terminalreporter"), plugins.getplugin("capturemanager")
    if state.worker is None and terminal is not None:
        for line in lines:
            terminal.write_line(line)
    elif state.worker is not None and lines and sys.__stderr__ is not None:
        with (
            capture.global_and_fixture_disabled() if capture else contextlib.nullcontext(),
            contextlib.suppress(OSError, ValueError),
        ):
            sys.__stderr__.write("".join(f"{line}\n" for line in lines))
            sys.__stderr__.flush()


def _check_output(folder: Path) -> None:
    """Check that the session folder can be written, before anything is generated."""
    check_name(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SdevalError(f"--sdeval-output: cannot write to {folder.parent}: {error.strerror}") from None
