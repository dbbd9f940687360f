"""Whose work a scenario, a file, an agent or a baseline is, under which licence, and which exactly it was.

Sources are what docstrings say after `Source:`, so that nothing is said twice.
"""

import ast
import hashlib
import inspect
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata

from ualign_env import _checks, specs
from ualign_env._result import Result
from ualign_env._summaries import function_source, functions_in
from ualign_env.benchmark import agents
from ualign_env.scenario import Scenario
from ualign_env.solvers.baselines import BASELINES
from ualign_env.sources import SOURCES

#: Whom to cite for the games themselves.
PAPER = (
    "Y. Cai and W. Zheng, Asymptotic Universal Alignment: A New Alignment Framework via Test-Time Scaling, "
    "ICML 2026, arXiv 2601.08777"
)
_PACKAGE = "ualign-env"
_AGENT = re.compile(r"(.*\.py|\w+(\.\w+)*):[^\W\d]\w*", re.DOTALL)  # FILE.py:function or module:function


@dataclass(frozen=True)
class Citation(Result):
    """What to write below a figure.

    Attributes:
        name: what was asked about.
        kind: `"scenario"`, `"file"`, `"agent"`, `"baseline"` or `"package"`.
        source: whose work it is; empty where that is not known.
        licence: under which licence it is.
        digest: SHA-256 that tells which exactly it was: of a scenario's users, of an agent's file; empty where there is
            nothing but a name.
        package: the distribution that it comes with, and its version.
        paper: whom to cite for the games.
    """

    name: str
    kind: str
    source: str
    licence: str
    digest: str
    package: str
    paper: str = PAPER

    def summary(self) -> str:
        """Returns it as lines of text."""
        rows = {
            "source": self.source or "not known",
            "licence": self.licence,
            "digest": f"sha256:{self.digest}" if self.digest else "",
            "package": self.package,
            "games": self.paper,
        }
        return "\n".join([f"{self.name} ({self.kind})", *(f"  {key:<8} {said}" for key, said in rows.items() if said)])


def cite(what: str = "") -> Citation:
    """Returns whose work something is, its licence and its fingerprint.

    Args:
        what: the spec of a scenario, the path of a file, the name of an agent (or `FILE.py:function`) or of a baseline;
            the package itself, unless it is given.

    Raises:
        ValueError: if it is none of these, or cannot be read.
    """
    what = _checks.text("what", what)
    if not what:
        return Citation(_PACKAGE, "package", "The ualign-env developers", _licence(_PACKAGE), "", agents.own_package())
    if what in BASELINES:
        return Citation(what, "baseline", BASELINES[what].source, _licence(_PACKAGE), "", agents.own_package())
    if what in agents.list_agents() or _AGENT.fullmatch(what):
        return _of_agent(what)
    return cite_scenario(specs.load_scenario(what))


def source_of(docstring: str | None) -> str:
    """Returns what a docstring says after `Source:`, in a line."""
    found = re.search(r"^Source: (.*?)(?:\n\n|\Z)", inspect.cleandoc(docstring or ""), re.DOTALL | re.MULTILINE)
    return " ".join(found.group(1).split()) if found else ""


def cite_scenario(scenario: Scenario) -> Citation:
    """Returns whose work a scenario is."""
    spec, licence = scenario.name, _licence(_PACKAGE)
    name = spec.partition("/")[0]
    if name not in SOURCES:
        said = "that of the file, which this package does not know"
        return Citation(spec, "file", "", said, scenario.digest, agents.own_package())
    node = function_source(SOURCES[name])
    source = source_of(ast.get_docstring(node) if node else "")
    is_data = isinstance(node, ast.FunctionDef) and [one.arg for one in node.args.kwonlyargs] == ["prompts"]
    said = f"made by code under {licence}"
    if is_data:  # there is nothing else that could be otherwise
        said += ", of counts published in the source, which are facts"
    return Citation(spec, "scenario", source, said, scenario.digest, agents.own_package())


def _of_agent(place: str) -> Citation:
    info = agents.describe_agent(place)
    path, function = agents.agent_source(place)
    code = path.read_bytes() if path else b""
    node = functions_in(code).get(function)
    if node is None:
        raise ValueError(f"{place!r:.200} is no agent: there is no function {function!r:.100} in {path or 'a module'}")
    source, package = source_of(ast.get_docstring(node)), info.package.partition(" ")[0]
    return Citation(info.name, "agent", source, _licence(package), hashlib.sha256(code).hexdigest(), info.package)


def _licence(package: str) -> str:
    try:
        known = metadata(package).json if package else {}
    except PackageNotFoundError:
        known = {}
    return str(known.get("license_expression") or known.get("license") or "not known")
