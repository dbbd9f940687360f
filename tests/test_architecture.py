"""Imports point one way, and the core stays free of frameworks."""

import ast
from pathlib import Path

import pytest

import ualign_env

ROOT = Path(ualign_env.__file__).parent

# a module imports only what stands above it in this list
LAYERS = [
    "_checks",
    "kernels",
    "population",
    "payoffs",
    "sources",
    "versus",
    "scenario",
    "specs",
    "policies",
    "solvers",
    "baselines",
    "scoring",
    "samples",
    "envs",
    "ualign_v0",
    "ualign_versus_v0",
    "plots",
    "benchmark",
    "display",
    "cli",
    "__main__",
]
CORE = LAYERS[: LAYERS.index("envs")]
FRAMEWORKS = {"pyspiel", "open_spiel", "gymnasium", "pettingzoo", "torch", "stable_baselines3", "matplotlib"}
MODULES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def imports(source: str) -> set[str]:
    """Returns the dotted names of all modules that a source text imports, wherever it does."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found |= {f"{module}.{alias.name}" for alias in node.names} if module == "ualign_env" else {module}
            if node.level:
                found.add("a relative import")
    return found


def violations(layer: str, source: str) -> list[str]:
    """Returns the imports that a module of a layer must not have."""
    bad = []
    for name in sorted(imports(source)):
        package, _, rest = name.partition(".")
        if layer in CORE and package in FRAMEWORKS:
            bad.append(name)
        if package == "ualign_agents":
            bad.append(name)
        if package == "ualign_env" and rest != "__version__":
            target = rest.split(".")[0]
            # a public name, by way of the package itself, could come from anywhere
            if target not in LAYERS or LAYERS.index(target) > LAYERS.index(layer):
                bad.append(name)
        if name == "a relative import":
            bad.append(name)
    return bad


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_arrows_point_one_way(path):
    layer = path.relative_to(ROOT).parts[0].removesuffix(".py")
    assert layer in LAYERS
    assert violations(layer, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("layer", "source"),
    [
        ("population", "from ualign_env import payoffs"),
        ("payoffs", "def f():\n    from ualign_env.scoring import score"),
        ("scoring", "import pyspiel"),
        ("solvers", "from open_spiel.python import policy"),
        ("benchmark", "import ualign_agents.psro"),
        ("kernels", "import ualign_env.cli"),
        ("payoffs", "from ualign_env import load_game"),
        ("payoffs", "from . import scoring"),
    ],
)
def test_the_scan_finds_arrows_that_point_back(layer, source):
    assert violations(layer, source)


def test_public_names_exist_and_are_documented():
    for name in ualign_env.__all__:
        assert getattr(ualign_env, name).__doc__, name
