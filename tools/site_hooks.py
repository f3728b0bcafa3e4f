"""Hooks of mkdocs: pages that lie in the root of the repository are part of the site, and links to them lead there."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
PAGES = {
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "sdeval/shapes/MODEL_CARD.md": "model-card.md",
    "sdeval/targets.toml": "targets.toml",
}
"""Files of the repository, and where they are on the site."""
ELSEWHERE = {"docs/ci": "ci.md"}
"""Folders that files in the root link to, and the page about them."""
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of the repository."""
    for source, place in PAGES.items():
        files.append(File.generated(config, place, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between files of the repository into links between pages of the site."""
    place = page.file.src_uri
    source = {target: name for name, target in PAGES.items()}.get(place, f"docs/{place}")
    return LINK.sub(lambda link: _link(link, posixpath.dirname(source), posixpath.dirname(place)), markdown)


def _link(link: re.Match[str], source_folder: str, folder: str) -> str:
    linked = posixpath.normpath(posixpath.join(source_folder, link[1]))
    target = PAGES.get(linked) or ELSEWHERE.get(linked) or linked.removeprefix("docs/")
    return f"]({posixpath.relpath(target, folder or '.')}{link[2] or ''})"
