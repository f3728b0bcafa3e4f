"""Starts the worker in an environment without sdeval: run as a file, it makes the package that it lies in importable.

Nothing else becomes importable with it: the package may lie among all the libraries of the environment that asks.
"""

from __future__ import annotations

import sys

OLDEST = (3, 10)
"""Version of Python that all modules which a worker imports can be read by."""
NEEDED = "numpy, pillow, torch, diffusers and transformers"


def make_importable() -> None:
    """Import `sdeval` from the folder of this file, whatever else is called so here."""
    import importlib.util
    from pathlib import Path

    folder = Path(__file__).resolve().parent
    # Modules beside this file are not to be found by their bare names; the working directory is, as with `python -m`.
    if sys.path and Path(sys.path[0]).resolve() == folder:
        sys.path[0] = ""
    package = folder.parent
    spec = importlib.util.spec_from_file_location(
        "sdeval", package / "__init__.py", submodule_search_locations=[str(package)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["sdeval"] = module
    spec.loader.exec_module(module)


def start() -> int:
    """Run the worker, or say in one line what is missing."""
    if sys.version_info < OLDEST:
        oldest, here = (".".join(map(str, version[:2])) for version in (OLDEST, sys.version_info))
        sys.exit(f"generating for sdeval takes Python {oldest} or later, and this is {here}")
    make_importable()
    try:
        from sdeval.engines.worker import main
    except ModuleNotFoundError as error:
        sys.exit(f"generating for sdeval takes {NEEDED}: {error}")
    return main()


if __name__ == "__main__":
    sys.exit(start())
