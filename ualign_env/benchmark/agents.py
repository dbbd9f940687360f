"""Agents: the baselines, and those of the entry-point groups `ualign.agents` and `ualign.joint_agents`.

Any package can add one by an entry point.

An agent is a generator function: it takes a `Task` and yields what it has learned so far (anything that `tabulate`
takes) after each step, as often as it likes. The runner keeps the time, decides when to stop, and scores. A policy must
outlive the agent: average policies in C++ need their solver, `GamePolicy(game, policy, solver)`. Joint agents choose
their k responses together, in the k-against-l game.
"""

import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from ualign_env import _checks
from ualign_env._summaries import first_line
from ualign_env.benchmark.tasks import Task
from ualign_env.solvers.baselines import BASELINES, baseline

Agent = Callable[[Task], Iterator[Any]]

GROUP = "ualign.agents"
JOINT_GROUP = "ualign.joint_agents"


class MissingExtraError(ValueError):
    """An agent needs optional dependencies of its package; the message says how to install them."""


def list_agents(group: str = GROUP) -> list[str]:
    """Returns the names of a group's agents, in alphabetical order; baselines are among those of the first group."""
    return sorted([*_installed(group), *(name for name in BASELINES if group == GROUP)])


def describe_agent(name: str) -> str:
    """Returns the first line that an agent says of itself, without importing it; nothing where it says none."""
    installed = _installed(GROUP, JOINT_GROUP)
    if name not in installed and name in BASELINES:
        return BASELINES[name].summary
    return first_line(installed[name][0].value.partition("[")[0].strip())


def load_agent(name: str) -> Agent:
    """Returns an agent: by the name of an entry point, or `FILE.py:function` or `module:function`.

    Raises:
        MissingExtraError: if its entry point names an extra of its package that is not installed.
        ValueError: if no installed package offers it, several do, or it cannot be imported.
    """
    if ":" in name:
        return _load_function(name)
    installed = _installed(GROUP, JOINT_GROUP)
    if name not in installed and name in BASELINES:
        return _baseline_agent(name)
    if name not in installed:
        raise _checks.unknown("agent", name, [*installed, *BASELINES])
    first, *others = installed[name]
    if others or name in BASELINES:
        offers = ", ".join([*(entry.value for entry in installed[name]), *["the baselines"] * (name in BASELINES)])
        raise ValueError(f"agent {name!r} is offered several times, by {offers}; uninstall all but one")
    try:
        return first.load()
    except ModuleNotFoundError as error:
        if not (first.extras and first.dist):
            raise _not_loaded(first, error) from error
        package = f"{first.dist.name}[{','.join(first.extras)}]"
        raise MissingExtraError(f"agent {name!r} needs {error.name}: pip install '{package}'") from None
    except (Exception, SystemExit) as error:  # whatever a foreign module raises on import
        raise _not_loaded(first, error) from error


def _baseline_agent(name: str) -> Agent:
    def agent(task: Task) -> Iterator[Any]:
        yield baseline(task.scenario, name)

    agent.__doc__ = BASELINES[name].summary
    return agent


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
        agent = getattr(loaded, attribute)
    except (Exception, SystemExit) as error:  # whatever a foreign module raises on import
        raise ValueError(f"agent {name!r} cannot be loaded: {error!r}") from error
    if not callable(agent):
        raise ValueError(f"agent {name!r} is {agent!r:.100}, but must be a generator function that takes a Task")
    return cast(Agent, agent)


def _not_loaded(entry: EntryPoint, error: BaseException) -> ValueError:
    return ValueError(f"agent {entry.name!r} cannot be loaded from {entry.value!r}: {error!r}")


def _installed(*groups: str) -> dict[str, list[EntryPoint]]:
    """Returns the entry points of each name: one, unless packages clash."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in (entry for group in groups for entry in entry_points(group=group)):
        offers = found.setdefault(entry.name, [])
        if entry.value not in [offer.value for offer in offers]:
            offers.append(entry)
    return found
