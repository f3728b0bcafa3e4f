"""The user's settings: the command line takes precedence over `[tool.sdeval]` of pyproject.toml."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast

from typing_extensions import TypedDict

from sdeval._utils.files import read_toml
from sdeval._utils.validation import Plain, check_table, preview
from sdeval.config import scorers, target
from sdeval.config import target_registry as named_targets
from sdeval.config.devices import AUTO, Devices, parse_devices
from sdeval.config.executor import LOCAL, ExecutorChoice, check_together, parse_executor
from sdeval.config.image_store import StoreOptions
from sdeval.config.root import OUTPUT
from sdeval.config.shard import Shard
from sdeval.config.target import Target, parse_settings
from sdeval.errors import SdevalError

ImageTable = TypedDict(
    "ImageTable",
    {
        "metrics": Sequence[str],
        "tolerances": Mapping[str, float],
        "metric-options": Mapping[str, Plain],
        "target": str,
    },
    total=False,
)
"""Keys of `[tool.sdeval.image]`, which is about images that ordinary tests bring."""
Table = TypedDict(
    "Table",
    {
        "target": str | Sequence[str],
        "compare-to": str,
        "compare-to-python": str,
        "set": Mapping[str, Plain],
        "batch-size": int,
        "output": str,
        "baselines": str,
        "all-seeds": bool,
        "strict": bool,
        "inconclusive": Literal["warn", "fail"],
        "store": str,
        "cache": str,
        "devices": str,
        "executor": str,
        "targets": Mapping[str, Mapping[str, Plain]],
        "export": str | Sequence[str],
        "export-timeout": float,
        "image": ImageTable,
        "scorers": Mapping[str, Mapping[str, Plain]],
    },
    total=False,
)
"""Keys of `[tool.sdeval]` and what they hold."""
MEANINGS = {
    "target": "Targets to evaluate in place of those of the suites: names, folders in diffusers format, or hub ids.",
    "compare-to": "Target that the others are compared with instead of baselines; both are interleaved.",
    "compare-to-python": "The Python of another environment that generates the other side.",
    "set": "Fields of the targets and arguments of the pipeline call, over everything else.",
    "batch-size": "Images generated in one pipeline call.",
    "output": "Folder of sessions; `reports` where it is not stated.",
    "baselines": "Folder of accepted runs; `baselines` where it is not stated.",
    "all-seeds": "Generate all seeds of every suite at once.",
    "strict": "Fail where a baseline, weights or a score is missing; the default where CI is set.",
    "inconclusive": "Whether what is inconclusive fails, for suites that do not say themselves.",
    "store": "Folder or URL where full-size images of baselines lie.",
    "cache": "Folder where images of a store are kept on this machine.",
    "devices": "What generates: `auto`, `all`, places in CUDA_VISIBLE_DEVICES such as `0,1`, or processes, `cpu:N`.",
    "targets": "Targets of the project by name, as in suites/targets.toml.",
    "executor": "Who generates: this machine, `local`, or a Ray cluster, `ray` or `ray:HOST:PORT`.",
    "scorers": "Metrics that run in a Python environment of their own, by name.",
    "export": "Where the session is exported to when it has ended, such as mlflow or tensorboard.",
    "export-timeout": "Seconds that each export may take.",
    "image": "How images of ordinary tests are judged, with the fixture sdeval_image.",
}
"""What each key says, for editors."""
EXPORT_TIMEOUT = 120.0
IMAGE_POOL = ".images"
"""In the folder of all sessions: files of images that several of them hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOptions:
    """How images are judged that ordinary tests bring."""

    metrics: tuple[str, ...] = ()
    """Besides those that need no weights."""
    tolerances: Mapping[str, float] = field(default_factory=dict)
    """By metric."""
    metric_options: Mapping[str, Any] = field(default_factory=dict)
    target: str = "test"
    """What the page and the baselines call what generated them."""

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> ImageOptions:
        """The options that `[tool.sdeval.image]` gives."""
        return cls(
            metrics=tuple(table.get("metrics", ())),
            tolerances=dict(table.get("tolerances", {})),
            metric_options=dict(table.get("metric-options", {})),
            target=table.get("target", "test"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The settings of a session."""

    targets: tuple[str, ...] = ()
    """Names, ids or folders; where empty, every suite uses its own targets."""
    named: Mapping[str, Target] = field(default_factory=dict)
    """Targets of the project by name."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Fields of targets and arguments of the pipeline call, over everything else."""
    batch_size: int | None = None
    baselines: Path = Path("baselines")
    compare_to: Target | None = None
    """What the targets are compared with instead of baselines: it is interleaved with them."""
    compare_to_python: Path | None = None
    """Interpreter of another environment, which generates what targets are compared with."""
    all_seeds: bool = False
    """Generate all seeds of a suite at once, whether or not they are needed to decide."""

    inconclusive: Literal["warn", "fail"] = "warn"
    """Whether what is inconclusive fails, for suites that do not say themselves."""
    store: StoreOptions = field(default_factory=StoreOptions)
    """Where full-size images of baselines lie."""
    journal: bool = False
    """Record every generated image, so that the session can be resumed after it was killed."""
    image_pool: Path | None = None
    """Folder in which sessions share files of identical images; None where they share nothing."""

    devices: Devices = AUTO
    """What generates: accelerators of this machine, or processes that share its cores."""
    executor: ExecutorChoice = LOCAL
    """Whether this machine generates, or a cluster."""
    xdist: tuple[int, int] | None = None
    """In a worker of pytest-xdist: its number, from 0, and how many there are; they share the devices."""
    shard: Shard | None = None
    """The part of the session that is generated here, where other machines generate the rest."""

    generates: bool = True
    """Whether images are generated here; `sdeval merge` takes those of shards."""

    @property
    def interleaved(self) -> bool:
        """Whether targets are interleaved with what they are compared with."""
        return self.compare_to is not None or self.compare_to_python is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings of a session, from the command line and pyproject.toml."""

    options: Options
    root: Path
    """Of the project."""
    output: Path
    strict: bool
    resume: bool = False
    """Resume the unfinished session, if there is one."""
    image: ImageOptions = field(default_factory=ImageOptions)
    export: tuple[str, ...] = ()
    """Where the session is exported to when it has ended."""
    export_timeout: float = EXPORT_TIMEOUT
    """Seconds that each of them may take."""

    @classmethod
    def merge(
        cls,
        command_line: Mapping[str, Any],
        table: Mapping[str, Any],
        root: Path,
        *,
        ci: bool,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Config:
        """Combine the command line with the table; the command line takes precedence where it is not None.

        Args:
            command_line: values by option, without the prefix.
            table: `[tool.sdeval]`.
            root: of the project.
            ci: whether this is a CI job.
            environment: variables that say whether this is a worker of pytest-xdist.

        Raises:
            SdevalError: a value is not allowed.
        """

        def pick(name: str, default: Any) -> Any:
            value = command_line.get(name)
            return table.get(name, default) if value is None or value == [] else value

        batch_size = pick("batch-size", None)
        if batch_size is not None and batch_size < 1:
            raise SdevalError(f"batch-size: must be a whole number from 1 on, got {batch_size}")
        export, export_timeout = pick("export", []), pick("export-timeout", EXPORT_TIMEOUT)
        if not export_timeout > 0:
            raise SdevalError(f"export-timeout: must be a number of seconds above 0, got {export_timeout}")
        targets, compare_to, python = pick("target", []), pick("compare-to", None), pick("compare-to-python", None)
        shard = Shard.parse(command_line["shard"]) if command_line.get("shard") else None
        if shard and (compare_to or python):
            raise SdevalError("shard: an interleaved comparison stays on one machine; leave --sdeval-shard out")
        named = named_targets.of_project(root, table.get("targets", {}))
        scorers.use_project(root)
        output = root / pick("output", OUTPUT)
        values = {**table.get("set", {}), **parse_settings(command_line.get("set") or [])}
        devices, executor = parse_devices(pick("devices", "auto")), parse_executor(pick("executor", "local"))
        check_together(executor, devices)
        return cls(
            options=Options(
                targets=(targets,) if isinstance(targets, str) else tuple(targets),
                named=named,
                values=values,
                compare_to=target.find(compare_to, named) if compare_to else None,
                compare_to_python=Path(python) if python else None,
                batch_size=batch_size,
                baselines=root / pick("baselines", "baselines"),
                # Without verdicts nobody knows whether more seeds are needed.
                all_seeds=bool(pick("all-seeds", False)) or shard is not None,
                inconclusive=pick("inconclusive", "warn"),
                store=StoreOptions.from_table(table, root),
                journal=True,
                image_pool=output / IMAGE_POOL,
                devices=devices,
                executor=executor,
                xdist=xdist_worker(environment),
                shard=shard,
            ),
            root=root,
            output=output,
            strict=bool(pick("strict", ci)),
            resume=bool(command_line.get("resume")),
            image=ImageOptions.from_table(table.get("image", {})),
            export=(export,) if isinstance(export, str) else tuple(dict.fromkeys(export)),
            export_timeout=export_timeout,
        )


def xdist_worker(environment: Mapping[str, str]) -> tuple[int, int] | None:
    """Number and count of the workers of pytest-xdist, from its variables; None in a process that is none of them."""
    name, count = environment.get("PYTEST_XDIST_WORKER", ""), environment.get("PYTEST_XDIST_WORKER_COUNT", "")
    match = re.fullmatch(r"gw(\d+)", name)
    if match is None or not count.isdigit():
        return None
    # A worker that takes the place of one that crashed has a number beyond the count.
    return int(match[1]) % max(1, int(count)), int(count)


def read_table(root: Path) -> dict[str, Any]:
    """`[tool.sdeval]` of the pyproject.toml in `root`; empty where there is none.

    Raises:
        SdevalError: the file is no TOML, or the table holds an unknown key or a value of the wrong kind.
    """
    path = root / "pyproject.toml"
    content = read_toml(path)
    tools = content.get("tool", {})
    if not isinstance(tools, dict):
        raise SdevalError(f"{path}: [tool]: must be a mapping, got {preview(tools)}")
    if "sdeval" not in tools:
        return {}
    return cast(dict[str, Any], check_table(tools["sdeval"], Table, f"{path}: [tool.sdeval]"))
