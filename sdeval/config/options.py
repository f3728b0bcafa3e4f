"""The user's settings: the command line takes precedence over `[tool.sdeval]` of pyproject.toml."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from typing_extensions import TypedDict

from sdeval._utils.files import read_toml
from sdeval._utils.validation import Plain, check_table, preview
from sdeval.config import scorers, target
from sdeval.config import target_registry as named_targets
from sdeval.config.image_store import StoreOptions
from sdeval.config.root import OUTPUT
from sdeval.config.target import Target, parse_settings
from sdeval.errors import SdevalError

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
        "targets": Mapping[str, Mapping[str, Plain]],
        "scorers": Mapping[str, Mapping[str, Plain]],
    },
    total=False,
)
"""Keys of `[tool.sdeval]` and what they hold."""
IMAGE_POOL = ".images"
"""In the folder of all sessions: files of images that several of them hold."""


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

    @classmethod
    def merge(cls, command_line: Mapping[str, Any], table: Mapping[str, Any], root: Path, *, ci: bool) -> Config:
        """Combine the command line with the table; the command line takes precedence where it is not None.

        Raises:
            SdevalError: a value is not allowed.
        """

        def pick(name: str, default: Any) -> Any:
            value = command_line.get(name)
            return table.get(name, default) if value is None or value == [] else value

        batch_size = pick("batch-size", None)
        if batch_size is not None and batch_size < 1:
            raise SdevalError(f"batch-size: must be a whole number from 1 on, got {batch_size}")
        targets, compare_to, python = pick("target", []), pick("compare-to", None), pick("compare-to-python", None)
        named = named_targets.of_project(root, table.get("targets", {}))
        scorers.use_project(root)
        output = root / pick("output", OUTPUT)
        values = {**table.get("set", {}), **parse_settings(command_line.get("set") or [])}
        return cls(
            options=Options(
                targets=(targets,) if isinstance(targets, str) else tuple(targets),
                named=named,
                values=values,
                compare_to=target.find(compare_to, named) if compare_to else None,
                compare_to_python=Path(python) if python else None,
                batch_size=batch_size,
                baselines=root / pick("baselines", "baselines"),
                all_seeds=bool(pick("all-seeds", False)),
                inconclusive=pick("inconclusive", "warn"),
                store=StoreOptions.from_table(table, root),
                journal=True,
                image_pool=output / IMAGE_POOL,
            ),
            root=root,
            output=output,
            strict=bool(pick("strict", ci)),
            resume=bool(command_line.get("resume")),
        )


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
