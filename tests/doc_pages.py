"""Pages that people read: the README, and the sources of the site."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "examples" / "docs"

#: Every page that is written by hand, by its name.
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md")))
}

_BLOCK = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```\n)?", re.DOTALL)


def blocks(text: str) -> list[tuple[str, str]]:
    """Returns a page's Python, block by block, and what each is said to print."""
    return _BLOCK.findall(text)


def table_after(text: str) -> list[str]:
    """Returns the lines of the first text block that comes after a text, on the page that has it."""
    (page,) = [page for page in PAGES.values() if text in page]
    return page.split(text)[1].split("```text\n")[1].split("```")[0].splitlines()
