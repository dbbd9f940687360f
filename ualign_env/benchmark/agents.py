"""Agents: the baselines, and those of the entry-point group `ualign.agents`, to which any package can add.

An agent is a generator function: it takes a `Task` and yields what it has learned so far (anything that `tabulate`
takes) after each step, as often as it likes. The benchmark keeps the time, decides when to stop, and scores. A policy
must outlive the agent: average policies in C++ need their solver, `GamePolicy(game, policy, solver)`. Agents say what
they are by `agent`, as a decorator, whose arguments are read from the source: planning a benchmark imports no agent.
"""

import ast
import hashlib
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

from ualign_env import _checks
from ualign_env._summaries import function_source, functions_in, module_path
from ualign_env.benchmark.information import CLASSES, Information
from ualign_env.benchmark.tasks import Task
from ualign_env.solvers.baselines import BASELINES, baseline

GROUP = "ualign.agents"

#: An agent: a generator function that yields what it has learned of a task so far, as often as it likes.
Agent = Callable[[Task], Iterator[Any]]

_Function = TypeVar("_Function", bound=Callable[..., Any])


class MissingExtraError(ValueError):
    """An agent needs optional dependencies of its package; the message says how to install them."""


@dataclass(frozen=True)
class Declaration:
    """What an agent says of itself.

    Attributes:
        information: its class: what it knows of the users.
        random: whether it depends on the seed; agents that do are ranked by three seeds or more.
        joint: whether it chooses its k responses together, in the k-against-l game.
        version: to be changed with whatever changes what it learns: results of other versions are made anew.
    """

    information: Information = "exact"
    random: bool = True
    joint: bool = False
    version: str = "1"

    def __post_init__(self) -> None:
        _checks.one_of("information", self.information, CLASSES)
        _checks.flag("random", self.random)
        _checks.flag("joint", self.joint)
        _checks.text("version", self.version)


def agent(
    *, information: Information = "exact", random: bool = True, joint: bool = False, version: str = "1"
) -> Callable[[_Function], _Function]:
    """Declares what an agent is: a decorator of its function, with literal arguments.

    Args:
        information: what it knows of the users: `"exact"` payoffs, the game `"tree"`, the `"picks"` of users among
            k + 1 responses that it shows, or their comparisons of two, `"pairs"`. With the last two, the users are
            hidden from it.
        random: whether it depends on the seed.
        joint: whether it chooses its k responses together, in the k-against-l game.
        version: to be changed with whatever changes what it learns.

    Raises:
        ValueError: if an argument is none of these.
    """
    declared = Declaration(information, random, joint, version)

    def decorate(function: _Function) -> _Function:
        function.__ualign__ = declared  # pyright: ignore[reportFunctionMemberAccess]
        return function

    return decorate


@dataclass(frozen=True)
class AgentInfo:
    """An agent, as plans and results know it.

    Attributes:
        name: its name.
        place: where it is: an entry point's name, `FILE.py:function` or `module:function`.
        declared: what it says of itself.
        summary: its first line.
        package: the distribution that offers it, with its version.
    """

    name: str
    place: str
    declared: Declaration = Declaration()
    summary: str = ""
    package: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Returns its fields, those of the declaration among them."""
        found = asdict(self)
        return found | found.pop("declared")


def list_agents() -> list[str]:
    """Returns the names of all agents, in alphabetical order; baselines are among them."""
    return sorted({*_installed(), *BASELINES})


def list_extras() -> dict[str, list[str]]:
    """Returns the extras of their packages that installed agents need, by the names of those that need any."""
    return {name: offers[0].extras for name, offers in _installed().items() if offers[0].extras}


def describe_agent(place: str) -> AgentInfo:
    """Returns what an agent says of itself, without importing it.

    Args:
        place: the name of an entry point or baseline, `FILE.py:function` or `module:function`.

    Raises:
        MissingExtraError: if its entry point names an extra of its package that is not installed.
        ValueError: if no installed package offers it, several do, or its declaration cannot be read.
    """
    if ":" in place:
        location, _, name = place.rpartition(":")
        own = Path(location).resolve() if location.endswith(".py") else None
        if own is None:
            _check_named(module_path(location), name)
            return _described(place, place, function_source(place))
        return _in_file(own, name)
    if place.endswith(".py"):
        raise ValueError(f"agent {place!r:.200} is a file: {place}:FUNCTION names an agent in it")
    entry = _entry(place)
    if entry is None:
        return AgentInfo(place, place, Declaration(random=False), BASELINES[place].summary, own_package())
    package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else ""
    return replace(_described(place, place, function_source(entry.value.partition("[")[0].strip())), package=package)


def agent_source(place: str) -> tuple[Path | None, str]:
    """Returns the file of an agent, None where there is none, and the name of its function there.

    Args:
        place: the name of an entry point, `FILE.py:function` or `module:function`.

    Raises:
        ValueError: if no installed package offers it, or several do.
    """
    entry = None if ":" in place else _entry(place)
    where = place if entry is None else entry.value.partition("[")[0].strip()
    location, _, name = where.rpartition(":")
    return Path(location) if location.endswith(".py") else module_path(location), name


def line_of(trace: str, place: str) -> str:
    """Returns the last line of an agent's file in a traceback, such as ` (mine.py:7)`; empty where there is none."""
    file = place.rpartition(":")[0]
    lines = re.findall(rf'File "{re.escape(file)}", line (\d+)', trace) if file else []
    return f" ({Path(file).name}:{lines[-1]})" if lines else ""


def load_agent(place: str) -> Agent:
    """Returns an agent: by its name, or `FILE.py:function` or `module:function`.

    Raises:
        MissingExtraError: if its entry point names an extra of its package that is not installed.
        ValueError: if no installed package offers it, several do, or it cannot be imported.
    """
    if ":" in place:
        return _load_function(place)
    entry = _entry(place)
    if entry is None:
        return _baseline_agent(place)
    try:
        return entry.load()
    except ModuleNotFoundError as error:
        if not (entry.extras and entry.dist):
            raise _not_loaded(entry, error) from error
        raise _missing(entry, error.name or "") from None
    except (Exception, SystemExit) as error:  # whatever a foreign module raises on import
        raise _not_loaded(entry, error) from error


def _entry(name: str) -> EntryPoint | None:
    """Returns the entry point of an agent's name, None for a baseline."""
    installed = _installed()
    if name not in installed and name in BASELINES:
        return None
    if name not in installed:
        raise _checks.unknown("agent", name, [*installed, *BASELINES])
    first, *others = installed[name]
    if others or name in BASELINES:
        offers = ", ".join([*(entry.value for entry in installed[name]), *["the baselines"] * (name in BASELINES)])
        raise ValueError(f"agent {name!r} is offered several times, by {offers}; uninstall all but one")
    return first


def _described(name: str, place: str, node: ast.FunctionDef | ast.ClassDef | None) -> AgentInfo:
    """Returns what an agent's source says."""
    if node is None:
        return AgentInfo(name, place)
    summary = (ast.get_docstring(node) or "").split("\n")[0]
    return AgentInfo(name, place, _declaration(name, node), summary)


def _declaration(name: str, node: ast.FunctionDef | ast.ClassDef) -> Declaration:
    """Returns the arguments of the decorator `agent`, where there is one."""
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).rpartition(".")[2] == "agent":
            try:
                return Declaration(**{str(one.arg): ast.literal_eval(one.value) for one in decorator.keywords})
            except (ValueError, TypeError) as error:
                why = f": {error}" if isinstance(error, TypeError) else ", not names"
                raise ValueError(
                    f"the declaration of agent {name!r}, {ast.unparse(decorator)}, cannot be read without importing "
                    f"it, for which its arguments must be literals{why}"
                ) from None
    return Declaration()


def _check_named(path: Path | None, name: str) -> None:
    """Raises an error for a name that is nowhere in a file of Python, which then cannot define it."""
    source = path.read_bytes() if path and path.suffix == ".py" else None
    if source is not None and not re.search(rf"\b{re.escape(name)}\b|import \*", source.decode(errors="replace")):
        raise _checks.unknown(f"agent in {path}", name, functions_in(source))


def _in_file(path: Path, name: str) -> AgentInfo:
    """Returns what an agent in a file says; its version changes with the file, as results follow what is edited."""
    if not name.isidentifier():
        raise ValueError(f"agent '{path}:{name}' must be FILE.py:function, with the name of a function")
    try:
        source = path.read_bytes()
        node = functions_in(source, str(path)).get(name)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"{path}: is no Python: {error}") from None
    _check_named(path, name)
    found = _described(f"{path.stem}:{name}", f"{path}:{name}", node)
    version = f"{found.declared.version}+{hashlib.sha256(source).hexdigest()[:8]}"
    return replace(found, declared=replace(found.declared, version=version))


def _baseline_agent(name: str) -> Agent:
    def play(task: Task) -> Iterator[Any]:
        yield baseline(task.scenario, name)

    play.__doc__ = BASELINES[name].summary
    return play


def _load_function(name: str) -> Agent:
    """Returns the function of a file or module."""
    place, _, attribute = name.rpartition(":")
    file = Path(place).absolute()
    # what is beside a file, or where the command was started, can be imported, as Python's own command has it
    folder, module = (file.parent, file.stem) if place.endswith(".py") else (Path.cwd(), place)
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    try:
        if place.endswith(".py"):
            loaded = ModuleType(module)
            loaded.__file__ = str(file)
            sys.modules.setdefault(module, loaded)  # where its classes are looked for
            exec(compile(file.read_bytes(), str(file), "exec"), loaded.__dict__)  # noqa: S102
        else:
            loaded = import_module(module)
        found = getattr(loaded, attribute)
    except (Exception, SystemExit) as error:  # whatever a foreign module raises on import
        raise ValueError(f"agent {name!r} cannot be loaded: {error!r}") from error
    if not callable(found):
        raise ValueError(f"agent {name!r} is {found!r:.100}, but must be a generator function that takes a Task")
    return cast(Agent, found)


def _not_loaded(entry: EntryPoint, error: BaseException) -> ValueError:
    return ValueError(f"agent {entry.name!r} cannot be loaded from {entry.value!r}: {error!r}")


def _missing(entry: EntryPoint, module: str) -> MissingExtraError:
    package = f"{entry.dist.name if entry.dist else ''}[{','.join(entry.extras)}]"
    return MissingExtraError(f"agent {entry.name!r} needs {module}: pip install '{package}'")


def own_package() -> str:
    """Returns this package and its version."""
    from ualign_env import __version__

    return f"ualign-env {__version__}"


def _installed() -> dict[str, list[EntryPoint]]:
    """Returns the entry points of each name: one, unless packages clash."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        offers = found.setdefault(entry.name, [])
        if entry.value not in [offer.value for offer in offers]:
            offers.append(entry)
    return found
