"""Pages of names: the Python reference, the command line, limits, and texts that lie elsewhere in the repository."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import griffe
import typer
from pages import COPIED, ROOT, Page, block, listing, table
from typer.testing import CliRunner

import ualign_env as ua
from ualign_env import llm, testing
from ualign_env._limits import TABLE
from ualign_env.benchmark.agents import list_agents
from ualign_env.cli import application
from ualign_env.sources import SOURCES

#: Rooms of the package that have a page, and what it is called.
ROOMS = {
    "specs": "Scenarios and specs",
    "scenario": "Scenarios and specs",
    "users": "Users",
    "readers": "Readers of files",
    "payoffs": "Payoffs",
    "policies": "Policies",
    "solvers": "Solvers",
    "scoring": "Scores, curves and inspections",
    "_result": "Scores, curves and inspections",
    "simulation": "Batched games",
    "envs": "Frameworks",
    "benchmark": "Benchmark",
    "citation": "Benchmark",
    "exports": "Files for other tools",
    "_checks": "Benchmark",
}
_MODULES = {
    "llm": ("Language models", llm.__all__),
    "plots": ("Pictures", None),  # all functions
    "testing": ("Tests of environments and users", testing.__all__),
}


def reference_pages() -> list[Page]:
    """Returns a page for each room with public names, and the list of all names.

    They are read, not imported: some need extras that the site does not.
    """
    titles: dict[str, list[str]] = {title: [] for title in ROOMS.values()}
    rows, shared = [], {}
    for name in sorted({*ua.__all__, *ua._LAZY}, key=str.lower):
        made = _named(name)
        title = ROOMS[made.path.split(".")[1]]
        rows.append(_row(name, made, title))
        titles[title] += [f"[](){{#ualign_env.{name}}}", *_parts(made)]
        shared |= dict.fromkeys(base.path for base, _ in _inherited(made))
    public = {_named(name).path for name in ua.__all__}
    for path in shared:
        if path not in public:
            titles[ROOMS[path.split(".")[1]]] += _parts(_named(path.partition(".")[2]))
    found = [_page(re.sub("[^a-z]+", "-", title.lower()), title, parts) for title, parts in titles.items()]
    for module, (title, names) in _MODULES.items():
        place = f"ualign_env.{module}"
        members = names or [name for name, one in _named(module).functions.items() if one.is_public]
        rows.append((f"[`{place}`]({module}.md)", title, f"`import {place}`"))
        rows += [_row(f"{module}.{name}", _named(f"{module}.{name}"), title) for name in sorted(members, key=str.lower)]
        parts = [f"::: {place}"] if names is None else [f"::: {place}.{name}" for name in names]
        found.append(_page(module, title, [f"`import {place}`", *parts]))
    text = "Everything that `import ualign_env as ua` offers; the package is typed, and every name has a docstring."
    return [listing("Python", "reference", text, ("name", "page", "what it is"), rows), *found]


@cache
def _named(name: str) -> Any:
    """Returns what a name within the package means, as griffe reads it."""
    made = _package()[name]
    return made.final_target if made.is_alias else made


@cache
def _package() -> Any:
    return griffe.load("ualign_env", search_paths=[ROOT])


def _row(name: str, made: Any, title: str) -> tuple[str, str, str]:
    return f"[`{name}`][{made.path}]", title, made.docstring.value.partition("\n")[0] if made.docstring else ""


def _page(name: str, title: str, parts: list[str]) -> Page:
    return Page(f"reference/{name}.md", "\n\n".join([f"# {title}", *parts]) + "\n")


def _parts(made: Any) -> list[str]:
    """Returns what a page has of a name, and of a class also what it does as its bases do."""
    parts = [f"::: {made.path}"]
    for base, names in _inherited(made):
        links = ", ".join(f"[`{name}`][{base.path}.{name}]" for name in names)
        parts.append(f"From [`{base.name}`][{base.path}]: {links}.")
    return parts


def _inherited(made: Any) -> Iterator[tuple[Any, list[str]]]:
    """Yields the bases of a class where methods and properties of it are documented, and those."""
    if not made.is_class:
        return
    found: dict[str, list[str]] = {}
    line = {one.path: one for one in [made, *made.mro()]}
    for name in sorted({name for one in line.values() for name in one.members if not name.startswith("_")}):
        for one in line.values():
            member = one.members.get(name)
            if member and member.has_docstring and (member.is_function or "property" in member.labels):
                found.setdefault(one.path, []).append(name)
                break
    yield from ((line[path], names) for path, names in found.items() if path != made.path)


def cli_page() -> Page:
    """Returns what every command says of itself."""
    app = application()
    runner, group = CliRunner(env={"COLUMNS": "100", "TERMINAL_WIDTH": "100"}), typer.main.get_command(app)
    parts = ["# Command line", "Every command takes `--json`, and every scenario its options as flags."]
    for name in ["", *group.commands]:  # pyright: ignore[reportAttributeAccessIssue]
        said = runner.invoke(app, [*[name] * bool(name), "--help"], prog_name="ualign", catch_exceptions=False)
        parts += [f"## ualign {name}".rstrip(), block(said.output)]
    return Page("cli.md", "\n\n".join(parts) + "\n")


def cite_page() -> Page:
    """Returns whom to cite for what."""
    names = {"Scenarios": SOURCES, "Agents and baselines": list_agents()}
    package = ua.cite()
    parts = [
        "# How to cite",
        "Results with these games: " + package.paper + f". The package: {package.package}, with its version, as "
        "`CITATION.cff` says. `ualign cite NAME...` says whose work a scenario, a file, an agent or "
        "a baseline is, under which licence, with the fingerprint of exactly what was used:",
        block(ua.cite("german-goals").summary()),
    ]
    for title, own in names.items():
        parts += [f"## {title}", table(("name", "source"), [(f"`{name}`", ua.cite(name).source) for name in own])]
    file = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    return Page("cite.md", "\n\n".join([*parts, "## CITATION.cff", block(file, "yaml")]) + "\n")


def limits_page() -> Page:
    """Returns the table of what is refused because it is too large."""
    text = (
        "# Limits\n\nWhat would exceed one of these is refused before the work begins, by a `ValueError` or "
        "`TooLargeError` that says how large it would be.\n\n"
    )
    rows = [(f"{value:,}", of, beyond) for value, of, beyond in TABLE]
    return Page("limits.md", text + table(("at most", "of", "beyond"), rows) + "\n")


def copied_pages() -> list[Page]:
    """Returns the pages that lie at the top of the repository, the first of all among them."""
    return [Page(address, (ROOT / name).read_text(encoding="utf-8")) for name, address in COPIED.items()]
