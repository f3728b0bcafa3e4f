"""Files of published weights: where they are stored, and whether a file is the published one."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import dataclass
from pathlib import Path

from sdeval._utils.hub import MissingWeights, WebFile
from sdeval.errors import SdevalError


@dataclass(frozen=True, slots=True)
class Published:
    """A file of weights that torch would download."""

    what: str
    source: str
    """Download address."""
    sha256: str

    @property
    def path(self) -> Path:
        """Where torch stores the file after downloading it."""
        import torch

        return Path(torch.hub.get_dir()) / "checkpoints" / self.source.rpartition("/")[2]

    def check(self, path: Path) -> None:
        """Check that a file is the published one before it is opened, because opening it could run code.

        Raises:
            NotAvailable: there is no such file.
            SdevalError: its SHA-256 is different.
        """
        if not path.is_file():
            command = f"curl -L --create-dirs -o {shlex.quote(str(path))} {self.source}"
            message = f"{self.what} weights are not on this machine; get them with: {command}"
            raise MissingWeights(message, WebFile(self.source, path, self.sha256))
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != self.sha256:
            raise SdevalError(f"{path} is not the published {self.what}: its SHA-256 is {digest}, not {self.sha256}")
