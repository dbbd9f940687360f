"""Pages that the site has for every entry of the package's tables, made when it is built.

`on_config` puts them where the navigation says `folder/*`, `on_files` gives them to mkdocs.
"""

from functools import cache
from pathlib import Path
from typing import Any

from environments import environment_pages
from learners import agent_pages, baseline_pages, suite_pages
from links import linked_pages
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from names import cite_page, cli_page, copied_pages, limits_page, reference_pages
from notebook import notebook_pages
from pages import DOCS, Page
from pictures import gallery_pages
from scenarios import metric_pages, scenario_pages


@cache
def pages() -> dict[str, Page]:
    """Returns every generated page by its address, in the order of the tables."""
    made = [
        *environment_pages(),
        *scenario_pages(),
        *agent_pages(),
        *baseline_pages(),
        *metric_pages(),
        *suite_pages(),
        *reference_pages(),
        *gallery_pages(),
        *notebook_pages(),
        cli_page(),
        limits_page(),
        cite_page(),
        *copied_pages(),
        *linked_pages(),
    ]
    return {page.address: page for page in made}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Puts all pages of a folder where the navigation says `folder/*`, its index first."""
    config.nav = _expanded(config.nav)
    config.theme.static_templates.discard("404.html")  # whose links suppose a server
    return config


def _expanded(entry: Any) -> Any:
    if isinstance(entry, dict):
        return {title: _expanded(below) for title, below in entry.items()}
    if isinstance(entry, list):
        return [one for below in entry for one in _listed(_expanded(below))]
    return _in_folder(entry[:-1]) if entry.endswith("/*") else entry


def _listed(entry: Any) -> list[Any]:
    return entry if isinstance(entry, list) else [entry]


def _in_folder(folder: str) -> list[str]:
    written = sorted(f"{folder}{path.name}" for path in (DOCS / folder).glob("*.md"))
    made = (address for address in pages() if address.startswith(folder) and address.endswith(".md"))
    found = [*written, *made]
    return sorted(found, key=lambda address: not address.endswith("/index.md"))  # which leaves the rest as it is


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the generated pages."""
    for page in pages().values():
        if isinstance(page.text, Path):
            made = File.generated(config, page.address, abs_src_path=str(page.text))
        else:
            made = File.generated(config, page.address, content=page.text)
        files.append(made)
    return files
