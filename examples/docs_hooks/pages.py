"""What generated pages are made of."""

import inspect
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "examples" / "docs"

#: Pages that lie at the top of the repository, and where the site has them.
COPIED = {"README.md": "index.md", "CHANGELOG.md": "changelog.md", "CONTRIBUTING.md": "contributing.md"}

#: Files at the top of the repository of which a generated page says what they say, and more.
SAID = {"CITATION.cff": "cite.md"}


@dataclass(frozen=True)
class Page:
    """A page.

    Attributes:
        address: where it is, from the site's folder of sources.
        text: what it says, as Markdown, or the picture itself; or the file that it is.
    """

    address: str
    text: str | bytes | Path


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Returns a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: object) -> str:
    text = str(value).replace("\n", " ")
    return re.sub(r"(`[^`]*`)|\|", lambda found: found.group(1) or "\\|", text)  # in code, bars are no borders


def block(text: str, language: str = "text") -> str:
    """Returns a block of code or output."""
    return f"```{language}\n{text.rstrip()}\n```"


def documented(text: str | None) -> str:
    """Returns a docstring without what Google's style says of arguments and errors, as Markdown."""
    kept = []
    for line in inspect.cleandoc(text or "").splitlines():
        if line in ("Args:", "Returns:", "Raises:", "Attributes:", "Yields:", "Warns:"):
            break
        kept.append(line)
    return "\n".join(kept).strip().replace("Source: ", "**Source:** ")


def described(text: str | None, section: str) -> dict[str, str]:
    """Returns what a docstring's section says of each name, such as `Args` or `Attributes`."""
    part = re.split(r"\n\n(?=\S)", inspect.cleandoc(text or "").partition(f"{section}:\n")[2])[0]
    found: dict[str, str] = {}
    for name, said in re.findall(r"^    (\w+): (.*(?:\n {8,}.*)*)", part, re.MULTILINE):
        found[name] = " ".join(line.strip() for line in said.splitlines())
    return found


def listing(title: str, folder: str, text: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Page:
    """Returns the page that leads to all others of a folder."""
    return Page(f"{folder}/index.md", f"# {title}\n\n{text}\n\n{table(head, rows)}\n")


def folded(title: str, text: str) -> str:
    """Returns a text that is seen when its title is clicked."""
    inner = "\n".join(f"    {line}".rstrip() for line in text.splitlines())
    return f'??? example "{title}"\n\n{inner}'


def source(path: Path) -> str:
    """Returns a file of the repository, folded, under its path."""
    return folded(str(path.relative_to(ROOT)), block(path.read_text(encoding="utf-8"), "python"))
