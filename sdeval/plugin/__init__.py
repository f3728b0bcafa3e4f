"""The pytest front end: options, and the first hooks of a session.

This is imported into every pytest run of an environment, and most of them hold no suites: nothing else of sdeval is
imported until one is found, an option is given, or the project has settings of sdeval. `activation` adds the rest.
"""

from __future__ import annotations

import sys
from argparse import SUPPRESS
from collections.abc import Collection, Generator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from sdeval.plugin.image_checks import ImageFixture
    from sdeval.plugin.state import State

OPTIONS = (
    "target",
    "compare-to",
    "compare-to-python",
    "set",
    "batch-size",
    "output",
    "baselines",
    "all-seeds",
    "resume",
    "strict",
    "devices",
    "executor",
    "shard",
    "export",
)
"""Options without their prefix, as `[tool.sdeval]` names them."""
FIXTURE = "sdeval_image"
"""The fixture by which ordinary tests have their images judged."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options; `[tool.sdeval]` of pyproject.toml takes the same keys without the prefix."""
    group = parser.getgroup("sdeval", "sdeval: regression tests for image-generation pipelines")
    add = group.addoption
    add(
        "--sdeval-target",
        action="append",
        default=[],
        metavar="TARGET",
        help="target to evaluate: a named one, a folder in diffusers format, or a hub id; repeatable",
    )
    add(
        "--sdeval-compare-to",
        default=None,
        metavar="TARGET",
        help="compare the targets with this one instead of baselines; both are interleaved, and speed is tested",
    )
    add(
        "--sdeval-compare-to-python",
        default=None,
        metavar="PATH",
        help="the interpreter of another environment, with other versions of libraries, that generates the other side",
    )
    add(
        "--sdeval-set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="set a field of the targets or an argument of the pipeline call, such as guidance_scale=1, "
        "scheduler=EulerDiscreteScheduler or dtype=bfloat16; repeatable",
    )
    add("--sdeval-batch-size", type=int, default=None, metavar="N", help="images generated in one pipeline call")
    add("--sdeval-output", default=None, metavar="DIR", help="where sessions are written (default: reports)")
    add("--sdeval-baselines", default=None, metavar="DIR", help="where accepted runs are kept (default: baselines)")
    add(
        "--sdeval-all-seeds",
        action="store_true",
        default=None,
        help="generate all seeds of every suite at once, as a new baseline needs, instead of more only where undecided",
    )
    add(
        "--sdeval-resume",
        action="store_true",
        default=None,
        help="resume the latest session that was stopped while it generated, instead of beginning a new one",
    )
    add(
        "--sdeval-strict",
        action="store_true",
        default=None,
        help="fail where a baseline, weights or a score is missing (default where CI is set)",
    )
    add("--sdeval-no-strict", dest="sdeval_strict", action="store_false", help="skip them instead")
    add(
        "--sdeval-devices",
        default=None,
        metavar="DEVICES",
        help="what generates: auto, all, places in CUDA_VISIBLE_DEVICES such as 0,1, or cpu:N for processes that share "
        "the cores (default: auto, all GPUs where there are several)",
    )
    add(
        "--sdeval-executor",
        default=None,
        metavar="EXECUTOR",
        help="which machines generate: local, or the workers of a Ray cluster, one on each GPU: ray, or ray:HOST:PORT",
    )
    add(
        "--sdeval-shard",
        default=None,
        metavar="I/N",
        help="generate part I of N, as one of several machines does; sdeval merge makes one session of the parts",
    )
    add(
        "--sdeval-export",
        action="append",
        default=[],
        metavar="NAME",
        help="where the session is exported to when it has ended, such as mlflow or tensorboard; repeatable",
    )
    # Former names of the options: still accepted, and hidden from the help.
    add("--sdeval-against", dest="sdeval_compare_to", help=SUPPRESS)
    add("--sdeval-against-python", dest="sdeval_compare_to_python", help=SUPPRESS)
    add("--no-sdeval-strict", dest="sdeval_strict", action="store_false", help=SUPPRESS)


def option_values(config: pytest.Config) -> Mapping[str, Any]:
    """What the command line says, by option; None, or nothing, where it says nothing."""
    return {name: config.getoption(f"sdeval_{name.replace('-', '_')}") for name in OPTIONS}


def project_root(config: pytest.Config) -> Path:
    """The root of the project that pytest is given tests of; the folder that `--rootdir` or `-c` asks for."""
    if hasattr(config, "workerinput"):
        return Path(config.workerinput["sdeval_root"])
    if config.getoption("rootdir") or config.getoption("inifilename"):
        return config.rootpath
    from sdeval.config.root import find_root

    arguments = [Path(argument.partition("::")[0]) for argument in config.args]
    return find_root(arguments, config.invocation_params.dir)


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, object, object]:
    """Before pytest begins to capture what is printed."""
    if sys.stdout is None or sys.stderr is None:
        from sdeval.plugin.output import open_streams

        open_streams()
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Read settings where there are any; open nothing yet."""
    front = Front(config)
    config.pluginmanager.register(front, "sdeval-front")
    if front.has_settings():
        front.activate()


@pytest.fixture
def sdeval_image(request: pytest.FixtureRequest) -> ImageFixture:
    """Judges images that a test generated: `sdeval_image.check(image, prompt="a red fox")`; see docs/fixture.md."""
    from sdeval.plugin.image_checks import fixture_of

    return fixture_of(request)


def takes_images(item: pytest.Item) -> bool:
    """Whether a test has images of its own judged."""
    return FIXTURE in getattr(item, "fixturenames", ())


class Front:
    """Stands in for the hooks of sdeval until the first suite is found."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._root = project_root(config)
        self._session: pytest.Session | None = None
        self._is_active = False
        self.deselected: list[pytest.Item] = []
        """Tests with images of their own that will not run."""
        self._name = ""
        """Name of the session, where it was passed on to workers of pytest-xdist."""

    def has_settings(self) -> bool:
        """Whether the command line or the project says anything of sdeval: what is wrong there ends the run at once."""
        from sdeval.config.root import SETTINGS, TARGETS

        # A number that is 0 is said, and wrong.
        if any(value not in (None, []) and value is not False for value in option_values(self._config).values()):
            return True
        try:
            return (self._root / TARGETS).exists() or "sdeval" in (self._root / SETTINGS).read_text(encoding="utf-8")
        except FileNotFoundError:
            return False
        # Whoever reads it will say what is wrong with it.
        except (OSError, UnicodeDecodeError):
            return True

    def activate(self) -> State:
        """Add the hooks of sdeval; those that were due already are made up for."""
        from sdeval.plugin import activation

        if not self._is_active:
            activation.activate(self._config, self._root, self._name, self._session)
            self._is_active = True
        return activation.state_of(self._config)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Remember the session, which later hooks belong to."""
        self._session = session

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Remember tests whose images this session does not see."""
        self.deselected += filter(takes_images, items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Activate where a test has images of its own judged."""
        if not self._is_active and any(map(takes_images, session.items)):
            self.activate()
            from sdeval.plugin import collection

            collection.pytest_collection_finish(session)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makeitem(self, collector: Any, name: str, obj: object) -> list[pytest.Item] | None:
        """Activate where a module holds a suite."""
        suites = sys.modules.get("sdeval.config.suite")
        if self._is_active or suites is None or not isinstance(obj, suites.Suite):
            return None
        self.activate()
        from sdeval.plugin import collection

        return collection.pytest_pycollect_makeitem(collector, name, obj)

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: Any) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """Activate where a module does not load for an error of sdeval, and while the hooks were not there yet."""
        was_active = self._is_active
        report = yield
        if not was_active and report.failed and "sdeval.errors" in sys.modules:
            self._explain(collector, report)
        return report

    def _explain(self, collector: Any, report: pytest.CollectReport) -> None:
        from sdeval.plugin import collection

        if collection.cause_of(report) is not None:
            self.activate()
            collection.explain(collector, report)

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Let all workers of pytest-xdist write into one session folder; whether they will is not known yet."""
        if not self._name:
            self._name = self.activate().session.folder.name if self._is_active else self._new_name()
        node.workerinput["sdeval_name"] = self._name
        node.workerinput["sdeval_root"] = str(self._root)

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_xdist_node_collection_finished(self, node: Any) -> None:
        """Activate where a worker has found suites."""
        from sdeval.config.root import OUTPUT
        from sdeval.results.session_names import SELECTED

        # Without settings, sessions are in the usual place.
        if not self._is_active and (self._root / OUTPUT / self._name / SELECTED).is_file():
            self.activate()
            from sdeval.plugin import controller

            controller.pytest_xdist_node_collection_finished(node)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """Keep every target on one worker: it is loaded once, and no image is generated twice at the same time."""
        from sdeval.plugin.distribution import BY_ITEM, Deferred

        return Deferred(config, log, self._targets) if config.getoption("dist") in BY_ITEM else None

    def _targets(self) -> Collection[str] | None:
        """Names of targets; None where workers have found no suites."""
        if not self._is_active:
            return None
        from sdeval.results.session_names import SELECTED

        session = self.activate().session
        if not (session.folder / SELECTED).is_file():
            return None
        from sdeval.results.selected import read

        # Ordinary tests are spread as ever: each writes images of its own.
        return session.target_names if any(item.kind != "image" for item in read(session.folder)) else None

    def _new_name(self) -> str:
        from sdeval.config.root import OUTPUT
        from sdeval.results.session_names import new_name

        return new_name(self._root / OUTPUT)
