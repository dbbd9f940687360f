"""The gallery: every script beside it draws a picture, into the file that it is told, when the site is built."""

import ast
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pages import ROOT, Page, source

_FOLDER = ROOT / "examples" / "gallery"
_KINDS = {"a_game": "gif"}

#: All pictures: the theory first, then users, models and learners.
_ORDER = [
    "wasted_samples",
    "what_responses_earn",
    "equilibria",
    "bare_majority",
    "simplex",
    "cycling",
    "several_opponents",
    "same_comparisons",
    "moods",
    "opinions",
    "who_the_users_are",
    "from_samples",
    "leaning_on_a_reference",
    "regret_bound",
    "convergence",
    "a_game",
]


def gallery_pages() -> list[Page]:
    """Returns the gallery and its pictures."""
    scripts = sorted(_FOLDER.glob("*.py"))
    if {path.stem for path in scripts} != set(_ORDER):
        odd = ", ".join(sorted({path.stem for path in scripts} ^ set(_ORDER)))
        raise ValueError(
            f"examples/gallery and _ORDER in {Path(__file__).name} must name the same pictures, not: {odd}"
        )
    scripts.sort(key=lambda path: _ORDER.index(path.stem))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        pictures = list(pool.map(_drawn, scripts))
    parts = ["# Gallery", "Each picture is drawn by the script below it when this site is built."]
    for path, picture in zip(scripts, pictures, strict=True):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        title, _, more = text.partition("\n")
        name = path.stem.replace("_", " ")
        parts += [
            f"## {name[0].upper()}{name[1:]}",
            title,
            more.strip(),
            f"![{title}]({picture.address.rpartition('/')[2]})",
            source(path),
        ]
    return [Page("gallery/index.md", "\n\n".join(part for part in parts if part) + "\n"), *pictures]


def _drawn(path: Path) -> Page:
    """Runs a script in a process of its own."""
    kind = _KINDS.get(path.stem, "svg")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"picture.{kind}"
        command = [sys.executable, "-W", "error", str(path), str(target)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  # our own
        if ended.returncode:
            raise RuntimeError(f"{path} failed:\n{ended.stderr}")
        return Page(f"gallery/{path.stem}.{kind}", target.read_bytes())
