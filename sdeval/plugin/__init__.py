"""The pytest front end: options here, and a module each for collection, items and the end of a session.

It decides nothing; `session` and `report` do the work. It is imported into every pytest run of an environment, so it
imports nothing heavy.
"""

from __future__ import annotations

import os
from argparse import SUPPRESS
from collections.abc import Generator
from pathlib import Path

import pytest

from sdeval.config.options import Config, read_table
from sdeval.config.project import find_root
from sdeval.plugin import collection, controller, items
from sdeval.plugin.output import open_streams
from sdeval.plugin.state import STATE, State, usage_errors


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options; `[tool.sdeval]` of pyproject.toml takes the same keys without the prefix."""
    group = parser.getgroup("sdeval", "sdeval: regression tests for image-generation pipelines")
    add = group.addoption
    add(
        "--sdeval-target",
        action="append",
        default=[],
        metavar="TARGET",
        help="what generates: a named target, a folder in diffusers format, or a hub id; repeatable",
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
    # Former names of the options: still accepted, and hidden from the help.
    add("--sdeval-against", dest="sdeval_compare_to", help=SUPPRESS)
    add("--sdeval-against-python", dest="sdeval_compare_to_python", help=SUPPRESS)
    add("--no-sdeval-strict", dest="sdeval_strict", action="store_false", help=SUPPRESS)


def project_root(config: pytest.Config) -> Path:
    """The root of the project that pytest is given tests of; the folder that `--rootdir` or `-c` asks for."""
    if hasattr(config, "workerinput"):
        return Path(config.workerinput["sdeval_root"])
    if config.getoption("rootdir") or config.getoption("inifilename"):
        return config.rootpath
    arguments = [Path(argument.partition("::")[0]) for argument in config.args]
    return find_root(arguments, config.invocation_params.dir)


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, object, object]:
    """Before pytest begins to capture what is printed."""
    open_streams()
    return (yield)


def pytest_configure(config: pytest.Config) -> None:
    """Read options; open nothing yet."""
    with usage_errors():
        root = project_root(config)
        settings = Config.merge(
            {
                "target": config.getoption("sdeval_target"),
                "compare-to": config.getoption("sdeval_compare_to"),
                "compare-to-python": config.getoption("sdeval_compare_to_python"),
                "set": config.getoption("sdeval_set"),
                "batch-size": config.getoption("sdeval_batch_size"),
                "output": config.getoption("sdeval_output"),
                "baselines": config.getoption("sdeval_baselines"),
                "all-seeds": config.getoption("sdeval_all_seeds"),
                "resume": config.getoption("sdeval_resume"),
                "strict": config.getoption("sdeval_strict"),
            },
            read_table(root),
            root,
            ci=bool(os.environ.get("CI")),
        )
    config.stash[STATE] = State(config, settings)
    for hooks in (collection, items, controller):
        config.pluginmanager.register(hooks, hooks.__name__)
