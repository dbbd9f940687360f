"""Imports point one way, as CONTRIBUTING.md draws them, and the core stays free of frameworks."""

import ast
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import ualign_env

CHECKOUT = Path(__file__).parents[1]
ROOT = CHECKOUT / "ualign_env"
AGENTS = CHECKOUT / "agents" / "ualign_agents"
CONTRIBUTING = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8")
FRAMEWORKS = {"pyspiel", "open_spiel", "gymnasium", "pettingzoo", "torch", "stable_baselines3", "matplotlib", "rich"}
OF_EXTRAS = ("DifferentiablePayoffs", "SB3VecEnv")  # public names that need an extra
MODULES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def drawn() -> dict[str, set[str]]:
    """Returns what each room may import, from the table in CONTRIBUTING.md, whose rows go from the bottom up."""
    table = CONTRIBUTING.split("| room | what it holds | imports |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| `([^|]+)` \|[^|]*\|([^|]*)\|$", table, re.MULTILINE)
    return {name: set(re.findall(r"`([^`]+)`", imports)) for names, imports in rows for name in names.split("`, `")}


def room(parts: tuple[str, ...]) -> str:
    """Returns the room of a module: a file or folder of the package, or a folder in `envs`."""
    depth = 2 if parts[0] == "envs" and len(parts) > 1 and (ROOT / "envs" / parts[1]).is_dir() else 1
    return "/".join(parts[:depth]).removesuffix(".py")


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


def arrows(own: str, source: str) -> set[str]:
    """Returns the other rooms that a module of a room imports."""
    names = {name.removeprefix("ualign_env.") for name in imports(source) if name.startswith("ualign_env.")}
    return {room(tuple(name.split("."))) for name in names} - {own, "__version__"}


def test_arrows_are_those_of_the_drawing():
    found: dict[str, set[str]] = defaultdict(set)
    for path in MODULES:
        own = room(path.relative_to(ROOT).parts)
        found[own] |= arrows(own, path.read_text(encoding="utf-8"))
    assert dict(found) == drawn()


def test_the_benchmark_has_floors():
    """What runs and results are made of knows neither how runs are made nor what results say together."""
    top = {"benchmark", "check", "submit"}
    for path in (ROOT / "benchmark").rglob("*.py"):
        names = {
            name.removeprefix("ualign_env.benchmark.").partition(".")[0] for name in imports(path.read_text("utf-8"))
        }
        floor = path.parent.name if path.parent.name != "benchmark" else "top" if path.stem in top else "ground"
        barred = {
            "ground": {"running", "reporting", *top},
            "running": {"reporting", *top},
            "reporting": {"running", *top},
        }
        assert not names & barred.get(floor, set()), path


def test_late_arrows_are_few():
    """Modules named in strings are imported at their first use: by tables of readers and sources, and by frameworks."""
    found = defaultdict(set)
    for path in [*MODULES, ROOT / "__init__.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and re.fullmatch(r"ualign_env(\.\w+)+(:\w+)?", str(node.value)):
                target = str(node.value).partition(":")[0].removeprefix("ualign_env.")
                found[room(path.relative_to(ROOT).parts)].add(room(tuple(target.split("."))))
    assert dict(found) == {
        "readers": {"readers"},
        "sources": {"sources"},
        "policies": {"envs/open_spiel", "envs/sb3", "envs/torch"},
        "registration": {"envs/gymnasium", "ualign_v0", "ualign_versus_v0"},
    }


def test_the_drawing_has_no_way_back():
    above = list(drawn())
    for own, below in drawn().items():
        assert below <= set(above[: above.index(own)]), own


def test_no_module_imports_relatively_or_the_package_itself_or_an_agent():
    for path in MODULES:
        names = imports(path.read_text(encoding="utf-8"))
        assert "a relative import" not in names, path
        assert not {name for name in names if name.startswith("ualign_agents")}, path
        # a public name, by way of the package itself, could come from anywhere
        public = {name for name in names if name.removeprefix("ualign_env.") in (*ualign_env.__all__, *OF_EXTRAS)}
        assert not public, path


def test_the_core_imports_no_framework():
    core = [path for path in MODULES if room(path.relative_to(ROOT).parts) in drawn()]
    outside = ("envs", "registration", "ualign_", "plots", "cli", "__main__", "benchmark/tasks", "exports/nfg")
    for path in core:
        inside = str(path.relative_to(ROOT))
        if not inside.startswith(outside):
            used = {name.partition(".")[0] for name in imports(path.read_text(encoding="utf-8"))}
            assert not used & FRAMEWORKS, inside


def test_nobody_outside_their_room_reads_ranks():
    for path in [*MODULES, *AGENTS.glob("*.py")]:
        if "users" not in path.parts:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            read = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "ranks"]
            assert not read, path
            assert "ualign_env.users.rankings" not in "".join(imports(path.read_text(encoding="utf-8"))), path


def test_agents_import_public_names_alone():
    for path in AGENTS.glob("*.py"):
        names = {name for name in imports(path.read_text(encoding="utf-8")) if name.startswith("ualign_env")}
        assert {name.removeprefix("ualign_env.") for name in names} - {"ualign_env"} <= {
            *ualign_env.__all__,
            *OF_EXTRAS,
            "llm",
        }, path


@pytest.mark.parametrize(
    ("own", "source", "expected"),
    [
        ("users", "from ualign_env import payoffs", {"payoffs"}),
        ("payoffs", "def f():\n    from ualign_env.scoring.metrics import score", {"scoring"}),
        ("solvers", "import ualign_env.cli", {"cli"}),
        ("envs", "from ualign_env.envs.open_spiel.games import load_game", {"envs/open_spiel"}),
        ("envs/open_spiel", "from ualign_env.envs.rendering import describe", {"envs"}),
        ("payoffs", "from ualign_env import load_game", {"load_game"}),
    ],
)
def test_the_scan_finds_arrows(own, source, expected):
    assert arrows(own, source) == expected
    assert not expected <= drawn()[own]


def test_public_names_exist_and_are_documented():
    for name in ualign_env.__all__:
        assert getattr(ualign_env, name).__doc__, name
    assert set(ualign_env.__all__) <= set(dir(ualign_env))
    with pytest.raises(AttributeError, match="has no attribute 'solv'"):
        ualign_env.solv  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue]


_COMPUTES = """
import ualign_env as ua, numpy as np
assert abs(ua.solve("german-goals", 3).robust_win_rate - 0.75) < 1e-9
assert ua.score("cycle", np.full(3, 1 / 3), 2, l=2).nash_conv < 1e-12
games = ua.BatchedGame("cycle", 3, 10)
games.reset(0)
games.step(np.zeros((10, 3), int))
"""


@pytest.mark.parametrize(
    ("blocked", "use", "message"),
    [
        ("pyspiel", "ua.load_game('cycle')", "load_game needs pyspiel: pip install open_spiel"),
        ("gymnasium", "import ualign_env.envs.gymnasium.single", "gymnasium"),
        ("pettingzoo", "from ualign_env import ualign_v0", "pettingzoo"),
        ("matplotlib", "import ualign_env.plots", "matplotlib"),
        ("stable_baselines3", "ua.SB3VecEnv", "SB3VecEnv needs stable_baselines3: pip install 'ualign-env\\[sb3\\]'"),
        ("rich", "import ualign_env.cli.boards", "rich"),
    ],
)
def test_the_package_computes_where_a_framework_cannot_be_imported(blocked, use, message):
    block = f"import sys; sys.modules[{blocked!r}] = None\n"
    code = f"{block}{_COMPUTES}\ntry:\n    {use}\nexcept ImportError as error:\n    print(error)\n"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert re.search(message, result.stdout), result.stdout


def test_importing_registers_and_loads_nothing_slow():
    code = (
        "import sys, ualign_env, pyspiel, gymnasium, pettingzoo\n"
        "assert {'python_ualign', 'python_ualign_versus_by_response'} <= set(pyspiel.registered_names())\n"
        "assert 'ualign/Seats-v0' in gymnasium.registry\n"
        "if hasattr(pettingzoo, 'register'):  # since 1.27\n"
        "    assert {'ualign-v0', 'ualign/versus-v0'} <= set(pettingzoo.parallel_registry)\n"
        "print([name for name in ('torch', 'matplotlib', 'ray', 'stable_baselines3', 'rich') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"
