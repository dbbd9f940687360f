"""Pages of names: the Python reference, the command line, limits, and texts that lie elsewhere in the repository."""

import re

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
    "simulation": "Batched games",
    "envs": "Frameworks",
    "benchmark": "Benchmark",
    "citation": "Benchmark",
    "exports": "Files for other tools",
    "_checks": "Benchmark",
}
_OF_EXTRAS = ("DifferentiablePayoffs", "SB3VecEnv")
_MODULES = {
    "ualign_env.llm": ("Language models", [f"ualign_env.llm.{name}" for name in llm.__all__]),
    "ualign_env.plots": ("Pictures", ["ualign_env.plots"]),
    "ualign_env.testing": (
        "Tests of environments and users",
        [f"ualign_env.testing.{name}" for name in testing.__all__],
    ),
}


def reference_pages() -> list[Page]:
    """Returns a page for each room with public names, and the list of all names."""
    titles: dict[str, list[tuple[str, str]]] = {title: [] for title in ROOMS.values()}
    for name in sorted([*ua.__all__, *_OF_EXTRAS], key=str.lower):
        made = getattr(ua, name)
        titles[ROOMS[made.__module__.split(".")[1]]].append((name, f"{made.__module__}.{made.__qualname__}"))
    rows, found = [], []
    for title, names in titles.items():
        address = f"reference/{re.sub('[^a-z]+', '-', title.lower())}.md"
        parts = [f"# {title}"]
        for name, place in names:
            rows.append((f"[`{name}`][{place}]", title, (getattr(ua, name).__doc__ or "").partition("\n")[0]))
            parts += [f"[](){{#ualign_env.{name}}}", f"::: {place}"]
        found.append(Page(address, "\n\n".join(parts) + "\n"))
    for module, (title, places) in _MODULES.items():
        made = "\n\n".join(f"::: {place}" for place in places)
        found.append(Page(f"reference/{module.rpartition('.')[2]}.md", f"# {title}\n\n`import {module}`\n\n{made}\n"))
        rows.append((f"[`{module}`]({module.rpartition('.')[2]}.md)", title, ""))
    text = "Everything that `import ualign_env as ua` offers; the package is typed, and every name has a docstring."
    return [listing("Python", "reference", text, ("name", "page", "what it is"), rows), *found]


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
    return Page("cite.md", "\n\n".join(parts) + "\n")


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
