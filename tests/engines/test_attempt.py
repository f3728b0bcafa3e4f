"""Whatever a call does, it gives its result, or an error of one line."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdeval import SdevalError, Target
from sdeval.engines.attempt import attempt, check_timeout
from sdeval.errors import LONGEST, CallFailed, NotAvailable, describe_error


def fail(error: BaseException) -> None:
    raise error


def test_a_call_gives_its_result() -> None:
    assert attempt(lambda: 3) == 3


@pytest.mark.parametrize(
    "error", [SystemExit(0), GeneratorExit(), BaseException("gone"), StopIteration(), ValueError()]
)
def test_whatever_is_raised_is_a_failed_call(error: BaseException) -> None:
    with pytest.raises(CallFailed, match=type(error).__name__):
        attempt(lambda: fail(error))


@pytest.mark.parametrize("outcome", [pytest.skip, pytest.fail, pytest.xfail])
def test_outcomes_of_tests_are_failed_calls(outcome: object) -> None:
    with pytest.raises(CallFailed, match="no server"):
        attempt(lambda: outcome("no server"))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), NotAvailable("no weights"), pytest.exit.Exception("enough")])
def test_what_concerns_every_call_goes_through(error: BaseException) -> None:
    with pytest.raises(type(error)):
        attempt(lambda: fail(error))


def test_a_failed_call_holds_nothing_of_what_failed() -> None:
    with pytest.raises(CallFailed) as caught:
        attempt(lambda: fail(ValueError("boom")))
    assert caught.value.__context__ is None


def test_the_working_directory_stays(tmp_path: Path) -> None:
    before = Path.cwd()
    attempt(lambda: os.chdir(tmp_path))
    assert Path.cwd() == before


@given(st.text(st.characters(exclude_categories=())))
def test_a_reason_is_one_line_that_any_file_can_hold(text: str) -> None:
    reason = describe_error(ValueError(text))
    assert not {unicodedata.category(character) for character in reason} & {"Cc", "Cs", "Zl", "Zp"}
    assert len(reason) <= LONGEST
    assert reason.encode().decode() == reason


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def test_an_error_that_cannot_be_told_has_its_name() -> None:
    assert describe_error(Unspeakable()) == "Unspeakable"


@pytest.fixture
def quick() -> Iterator[None]:
    """A handler and a timer of somebody else, which must be there afterwards."""
    handler = signal.signal(signal.SIGALRM, lambda *_: None)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, handler)


@pytest.mark.usefixtures("quick")
def test_a_call_that_takes_too_long_is_ended() -> None:
    with pytest.raises(CallFailed, match=r"took longer than the timeout of 0\.05 seconds"):
        attempt(lambda: time.sleep(60), 0.05)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.usefixtures("quick")
def test_a_call_that_goes_on_after_any_exception_is_ended() -> None:
    def stubborn() -> None:
        while True:
            try:
                time.sleep(60)
            except Exception:
                continue

    with pytest.raises(CallFailed, match="took longer"):
        attempt(stubborn, 0.05)


@pytest.mark.usefixtures("quick")
def test_another_timer_goes_on() -> None:
    handler = signal.getsignal(signal.SIGALRM)
    signal.setitimer(signal.ITIMER_REAL, 300)
    assert attempt(lambda: 3, 60) == 3
    assert 200 < signal.getitimer(signal.ITIMER_REAL)[0] <= 300
    assert signal.getsignal(signal.SIGALRM) is handler


@pytest.mark.usefixtures("quick")
def test_a_timer_that_goes_off_earlier_goes_first() -> None:
    signal.signal(signal.SIGALRM, lambda *_: pytest.fail("of pytest-timeout"))
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    with pytest.raises(CallFailed, match="of pytest-timeout"):
        attempt(lambda: time.sleep(60), 30)


def test_a_timeout_is_refused_where_calls_cannot_be_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    target = Target(name="ours", model="python:engine.py:draw", timeout=3)
    check_timeout(target)
    errors: list[SdevalError] = []

    def elsewhere() -> None:
        try:
            check_timeout(target)
        except SdevalError as error:
            errors.append(error)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert "in the main thread only" in str(errors[0])
    monkeypatch.delattr(signal, "setitimer")
    with pytest.raises(SdevalError, match=f"timeout: calls cannot be ended on {sys.platform}; leave it out"):
        check_timeout(target)


def test_a_timeout_is_above_zero_and_says_nothing_of_images() -> None:
    with pytest.raises(SdevalError, match="timeout must be a number of seconds above 0, got 0"):
        Target(name="ours", model="m", timeout=0)
    assert Target(name="ours", model="m", timeout=3).fingerprint == Target(name="ours", model="m").fingerprint
