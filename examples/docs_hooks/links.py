"""Links from pages to files of the repository: in the site, code has a page of its own, and pictures lie beside it."""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from pages import COPIED, DOCS, ROOT, SAID, Page, block

_LINK = re.compile(r"\]\(([^)\s:#]+)(#[^)\s]*)?\)")
_PICTURES = (".svg", ".png", ".gif")
_NOTEBOOK = ".ipynb"  # which has a page of its own


def linked_pages() -> list[Page]:
    """Returns a page for each file of code, and each picture, to which a page has a link."""
    found: dict[str, Page] = {}
    for page in [*sorted(DOCS.rglob("*.md")), *(ROOT / name for name in COPIED)]:
        for path in _outside(page.read_text(encoding="utf-8"), page.parent):
            address = _address(path)
            if path.suffix == _NOTEBOOK or path.name in SAID:
                continue
            if path.suffix in _PICTURES:
                found[address] = Page(address, path)
            else:
                text = block(path.read_text(encoding="utf-8"), "python" if path.suffix == ".py" else "text")
                title = f"# {path.relative_to(ROOT)}"  # which searches would find for every word in it
                found[address] = Page(address, f"---\nsearch:\n  exclude: true\n---\n\n{title}\n\n{text}\n")
    return list(found.values())


def _outside(text: str, folder: Path) -> Iterator[Path]:
    """Yields the files to which a text in a folder has links, and that are no pages."""
    for target, _ in _LINK.findall(text):
        path = (folder / target).resolve()
        if path.is_file() and path.is_relative_to(ROOT) and not path.is_relative_to(DOCS) and path.name not in COPIED:
            yield path


def _address(path: Path) -> str:
    """Returns where the site has a file of the repository."""
    own = path.relative_to(ROOT).as_posix()
    if own in COPIED or path.is_relative_to(DOCS):
        return COPIED.get(own) or path.relative_to(DOCS).as_posix()
    if own in SAID:
        return SAID[own]
    if path.suffix == _NOTEBOOK:
        return f"start/{path.stem}.md"
    return f"code/{own}" if path.suffix in _PICTURES else f"code/{own}.md"


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Turns links to files of the repository into links to what the site has of them."""
    here = PurePosixPath(page.file.src_uri).parent
    folder = ROOT if page.file.src_uri in COPIED.values() else DOCS / here

    def turned(found: re.Match[str]) -> str:
        path = (folder / found.group(1)).resolve()
        if not path.is_relative_to(ROOT) or not path.is_file():  # as pages that are made are not
            return found.group(0)
        return f"]({os.path.relpath(_address(path), here)}{found.group(2) or ''})"

    return _LINK.sub(turned, markdown)
