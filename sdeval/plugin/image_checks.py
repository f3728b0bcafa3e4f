"""The fixture `sdeval_image`: ordinary tests have images judged that they generated themselves."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from sdeval.config.names import LONGEST_NAME
from sdeval.errors import SdevalError, describe_error, escaped
from sdeval.plugin import FIXTURE, allure, junit, takes_images
from sdeval.plugin.outcomes import PHASES
from sdeval.plugin.state import STATE, State
from sdeval.results.selected import SelectedItem
from sdeval.results.verdict import Verdict
from sdeval.session.image_checks import WITHOUT_WEIGHTS, ImageCheck

CHECKED = pytest.StashKey[list[Verdict]]()
DIGITS = 8
"""Of the hash that tells names apart which are alike without their punctuation."""


class ImageFixture:
    """Judges images that a test generated.

    Example:
        >>> def test_a_fox(sdeval_image):
        ...     image = my_engine.generate("a red fox", seed=0)
        ...     sdeval_image.check(image, prompt="a red fox")

    Args:
        item: the test.
        state: of the session.
    """

    def __init__(self, item: pytest.Item, state: State) -> None:
        self._item = item
        self._state = state
        self._names: set[str] = set()

    def check(
        self,
        image: Any,
        *,
        prompt: str = "",
        text: str | Sequence[str] = (),
        name: str = "",
        metrics: Sequence[str] | None = None,
        tolerances: Mapping[str, float] | None = None,
        allow: Sequence[str] = (),
        suite: str | None = None,
        target: str | None = None,
    ) -> Verdict:
        """Judge an image, and fail the test where it is broken or has changed beyond a tolerance.

        Args:
            image: a PIL image, a path, or an array `[height, width, 3]` of bytes or of floats in 0..1.
            prompt: what it was asked to show; needed by metrics that compare the image with a text.
            text: what it shall show as writing; read by `text_accuracy` and `text_word_recall`.
            name: tells several images of one test apart; they are numbered where they have none.
            metrics: instead of `ssim`, `psnr`, `sharpness`, `noise` and those of `[tool.sdeval.image]`.
            tolerances: by metric, over those of `[tool.sdeval.image]`.
            allow: defects that the image is meant to have, as a style, such as `["missing_area"]`.
            suite: what the page calls the tests that belong together; by default, the module of the test.
            target: what the page calls what generated it; by default, that of `[tool.sdeval.image]`, or `test`.

        Returns:
            The verdict where the test goes on: `passed`, or `new` without a baseline.
        """
        __tracebackhide__ = True
        from sdeval.report.terminal import explain

        check = self._check(prompt, text, name, metrics, tolerances, allow, suite, target)
        verdict = self._judge(check, image, tolerances or {})
        self._item.stash[CHECKED].append(verdict)
        if verdict.fails(strict=self._state.settings.strict):
            allure.attach_pair(self._item.config, self._state, verdict)
            page = self._state.session.folder / "index.html"
            pytest.fail(f"{verdict.case}: {explain(verdict)}; page: {_short(page, self._item)}", pytrace=False)
        return verdict

    def _check(
        self,
        prompt: str,
        text: str | Sequence[str],
        name: str,
        metrics: Sequence[str] | None,
        tolerances: Mapping[str, float] | None,
        allow: Sequence[str],
        suite: str | None,
        target: str | None,
    ) -> ImageCheck:
        __tracebackhide__ = True
        options = self._state.settings.image
        chosen = (*WITHOUT_WEIGHTS, *options.metrics) if metrics is None else metrics
        return ImageCheck(
            suite=suite or suite_name(self._item, self._state),
            target=target or options.target,
            case=self._case(name),
            prompt=prompt,
            text=(text,) if isinstance(text, str) else tuple(text),
            where=self._item.nodeid,
            metrics=tuple(dict.fromkeys(chosen)),
            tolerances={**options.tolerances, **(tolerances or {})},
            metric_options=options.metric_options,
            allow=tuple(allow),
        )

    def _judge(self, check: ImageCheck, image: Any, tolerances: Mapping[str, float]) -> Verdict:
        for metric in tolerances:
            if metric not in check.metrics:
                return check.unscored(f"tolerances: {metric} is none of the metrics {', '.join(check.metrics)}")
        try:
            if self._state.broken is not None:
                raise self._state.broken
            return self._state.image_checks.judge(check, image)
        except SdevalError as error:
            return check.unscored(str(error))

    def _case(self, name: str) -> str:
        number = len(self._names) + 1
        unique = name or (str(number) if number > 1 else "")
        case = case_name(self._item, unique)
        if case in self._names:
            pytest.fail(f"{FIXTURE}: name: {name!r} is taken already in this test", pytrace=False)
        self._names.add(case)
        return case


def fixture_of(request: pytest.FixtureRequest) -> ImageFixture:
    """The fixture of a test."""
    state: State | None = request.config.stash.get(STATE, None)
    if state is None or not takes_images(request.node):
        pytest.fail(f"{FIXTURE}: write it among the arguments of the test; getfixturevalue comes too late", False)
    request.node.stash[CHECKED] = []
    return ImageFixture(request.node, state)


def suite_name(item: pytest.Item, state: State) -> str:
    """The suite of a test's images: its module, seen from the root of the project.

    Example: `tests-models-flux` for `tests/models/test_flux.py`.
    """
    root, path = state.settings.root, item.path
    seen = path.relative_to(root) if path.is_relative_to(root) else Path(path.name)
    stem = re.sub(r"^test_|_test$", "", seen.stem)
    words = "-".join(filter(None, (_words(part.lower()) for part in (*seen.parts[:-1], stem)))).replace("_", "-")
    return _within(words or "tests", str(seen))


def case_name(item: pytest.Item, name: str = "") -> str:
    """The case of an image: its test within the module, and its name.

    Example: `test_fox-ddim-20` for `test_fox[ddim-20]`.
    """
    inside = item.nodeid.partition("::")[2].replace("::", "-")
    text = "-".join(filter(None, (inside, name)))
    words = _words(text)
    # What differs only in punctuation stays apart; brackets, and the hyphens within them, are usual.
    is_plain = words == _words(text.replace("[", "-").replace("]", "")) and re.fullmatch(r"[\w\[\]-]*", text, re.ASCII)
    return _within(words if is_plain else f"{words}-{_digest(text)}", text)


def _words(text: str) -> str:
    """A text with single hyphens and underscores between its words, and nothing else."""
    words = re.sub(r"[^A-Za-z0-9_]+", "-", text)
    return re.sub(r"[-_]*-[-_]*|_+", lambda match: "-" if "-" in match[0] else "_", words).strip("-_")


def _within(name: str, text: str) -> str:
    """A name that no file system finds too long."""
    most = LONGEST_NAME - 10
    return name if len(name) <= most else f"{name[: most - DIGITS - 1].strip('-_')}-{_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def _short(path: Path, item: pytest.Item) -> str:
    here = item.config.invocation_params.dir
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def selected_item(item: pytest.Item, state: State) -> SelectedItem:
    """What is written of a test for the end of the session."""
    target = state.settings.image.target
    return SelectedItem(
        nodeid=item.nodeid, suite=suite_name(item, state), target=target, kind="image", name=case_name(item)
    )


def partial_suites(session: pytest.Session, tests: Sequence[pytest.Item], state: State) -> list[str]:
    """Suites of which not all tests are in the session: a case that is missing there is not gone."""
    config = session.config
    deselected = config.pluginmanager.getplugin("sdeval-front").deselected
    named = {Path(argument.partition("::")[0]).name for argument in config.args if "::" in argument}
    is_rerun = bool(config.getoption("lf", default=False))
    partial = [*deselected, *(test for test in tests if is_rerun or test.path.name in named)]
    return sorted({suite_name(test, state) for test in partial})


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Send the verdicts on a test's images along with its report."""
    report = yield
    if takes_images(item):
        verdicts = _agreed(item, report, call.excinfo.value if call.excinfo else None)
        vars(report)["sdeval_images"] = [asdict(verdict) for verdict in verdicts]
        report.user_properties += junit.image_properties(verdicts)
    return report


def _agreed(item: pytest.Item, report: pytest.TestReport, error: BaseException | None) -> list[Verdict]:
    """Verdicts as pytest reports the test: one that is expected to fail fails nothing."""
    verdicts = item.stash.get(CHECKED, [])
    if report.skipped and hasattr(report, "wasxfail"):
        why = f"expected to fail{f' ({report.wasxfail})' if report.wasxfail else ''}"
        strict = item.config.stash[STATE].settings.strict
        verdicts = [
            replace(verdict, verdict="informational", reason="; ".join(filter(None, (why, verdict.reason))))
            if verdict.fails(strict=strict)
            else verdict
            for verdict in verdicts
        ]
    elif report.failed and not verdicts:
        reason = describe_error(error) if error else escaped(report.longreprtext)
        test = selected_item(item, item.config.stash[STATE])
        verdicts = [test.without_verdict(f"{PHASES[report.when]} before it had an image: {reason}")]
    item.stash[CHECKED] = verdicts
    return verdicts
