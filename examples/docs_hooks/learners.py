"""Pages of the benchmark's agents, baselines and suites."""

import ast
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

from pages import Page, block, documented, folded, listing, source, table

import ualign_env as ua
from ualign_env._summaries import functions_in
from ualign_env.benchmark import agents
from ualign_env.benchmark.information import CLASSES
from ualign_env.benchmark.suite import list_suites
from ualign_env.solvers.baselines import BASELINES

_SIZES = (1, 2, 4, 8)
_SHOWN = ("german-goals", "condorcet-1785", "majority-trap", "camps")


def agent_pages() -> list[Page]:
    """Returns a page for each agent that is no baseline, and the list of them."""
    entries = {one.name: one for one in entry_points(group=agents.GROUP)}
    known = [agents.describe_agent(name) for name in agents.list_agents() if name in entries]
    rows = [
        (f"[`{one.name}`]({one.name}.md)", CLASSES[one.declared.information].badge, one.summary)
        for one in sorted(known, key=lambda one: list(CLASSES).index(one.declared.information))
    ]
    text = "Each learns alignment games within a budget, from what its [class](../benchmark/index.md) may know."
    found = [listing("Agents", "agents", text, ("agent", "class", "what it does"), rows)]
    for one in known:
        path, function = agents.agent_source(one.name)
        if path is None:
            raise ValueError(f"{one.name} has no source")
        docstring = ast.get_docstring(functions_in(path.read_bytes())[function])
        extras = entries[one.name].extras
        declared, kind = one.declared, CLASSES[one.declared.information]
        facts = [
            ("class", f"{kind.badge}: {kind.title}"),
            ("budget", "seconds of CPU" if kind.unit == "seconds" else kind.unit),
            ("depends on the seed", "yes" if declared.random else "no"),
            ("chooses its k responses", "together" if declared.joint else "as samples of one policy"),
            ("needs", f"`pip install '.[{','.join(extras)}]'`" if extras else "nothing more"),
            ("whose work it is", f"`ualign cite {one.name}` ([how to cite](../cite.md))"),
            ("suites", ", ".join(_suites_with(one.name, declared.information, declared.joint)) or "-"),
        ]
        text = documented(docstring)
        command = block(f"ualign bench --agent {one.name} --scenario german-goals --k 3", "bash")
        found.append(
            Page(
                f"agents/{one.name}.md",
                f"# {one.name}\n\n{text}\n\n{table(('', ''), facts)}\n\n{command}\n\n{source(path)}\n",
            )
        )
    return found


def _suites_with(name: str, information: str, joint: bool) -> list[str]:
    """Returns links to the suites in which an agent competes unless others are named."""
    found = []
    for suite in list_suites():
        content = tomllib.loads(_suite_text(suite))
        together = any(l > 1 for task in content["task"] for l in task.get("l", [1]))
        everyone = information in content.get("classes", CLASSES) and (together or not joint)
        if name in content["agents"] if "agents" in content else everyone:
            found.append(f"[{suite}](../suites/{suite}.md)")
    return found


def baseline_pages() -> list[Page]:
    """Returns a page for each baseline, and the list of them."""
    rows = [(f"[`{name}`]({name}.md)", one.label, one.summary) for name, one in BASELINES.items()]
    text = (
        "Policies that need no learning. Each is a policy by its name wherever one is taken, an agent of the "
        "benchmark, and a line of `ualign curve`."
    )
    found = [listing("Baselines", "baselines", text, ("baseline", "in pictures", "what it is"), rows)]
    for name, one in BASELINES.items():
        rates = [
            (f"[{spec}](../scenarios/{spec}.md)", *(f"{ua.robust_win_rate(spec, name, k):.4f}" for k in _SIZES))
            for spec in _SHOWN
        ]
        optimum = ("k/(k+1)", *(f"{k / (k + 1):.4f}" for k in _SIZES))
        code = block(f"import ualign_env as ua\n\nprint(ua.score('german-goals', '{name}', k=3).summary())", "python")
        output = block(ua.score("german-goals", name, k=3).summary())
        text = documented(one.policy.__doc__).partition("**Source:**")[0].strip()
        parts = [
            f"# {one.label}",
            one.summary,
            text,
            f"**Source:** {one.source} ([how to cite](../cite.md))",
            code,
            output,
            "Robust win rates:",
            table(("scenario", *(f"k = {k}" for k in _SIZES)), [*rates, optimum]),
        ]
        found.append(Page(f"baselines/{name}.md", "\n\n".join(parts) + "\n"))
    return found


def suite_pages() -> list[Page]:
    """Returns a page for each suite that comes with the package, and the list of them."""
    text = "Tasks, budgets and agents that belong together: `ualign bench --suite NAME`."
    rows = [(f"[`{name}`]({name}.md)", title) for name, title in list_suites().items()]
    found = [listing("Suites", "suites", text, ("suite", "what it is for"), rows)]
    for name, title in list_suites().items():
        content = tomllib.loads(_suite_text(name))
        tasks = [
            (
                task.get("name", f"`{task['scenario']}`"),
                ", ".join(map(str, task.get("k", [1]))),
                ", ".join(map(str, task.get("l", [1]))),
                *(task.get("facts", {}).get(fact, "") for fact in ("prompts", "responses", "users")),
            )
            for task in content["task"]
        ]
        told = [
            (key, content[key]) for key in ("version", "seconds", "plays", "seeds", "wall", "memory") if key in content
        ]
        page = [
            f"# {name}\n\n{title[0].upper()}{title[1:]}.",
            block(f"ualign bench --suite {name}", "bash"),
            table(("", ""), told),
            table(("task", "k", "l", "prompts", "responses", "users"), tasks),
            "What is known of every task exactly, fingerprints among it, is in the file:",
            folded(f"{name}.toml", block(_suite_text(name), "toml")),
        ]
        found.append(Page(f"suites/{name}.md", "\n\n".join(page) + "\n"))
    return found


def _suite_text(name: str) -> str:
    return (Path(ua.__file__).parent / "benchmark" / "suites" / f"{name}.toml").read_text(encoding="utf-8")
