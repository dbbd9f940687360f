"""Agents, found by the entry-point group `ualign.agents`, so that any package can add one.

An agent is a generator function: it takes a `Task` and yields what it has learned so far (anything that `tabulate`
takes) after each step, as often as it likes. The runner keeps the time, decides when to stop, and scores.
"""

from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ualign_env import _checks
from ualign_env.benchmark.tasks import Task

Agent = Callable[[Task], Iterator[Any]]

GROUP = "ualign.agents"


def list_agents() -> list[str]:
    """Returns the names of the installed agents, in the order in which their packages list them."""
    return list(_installed())


def load_agent(name: str) -> Agent:
    """Returns the agent of a name.

    Raises:
        ValueError: if no installed package offers it.
    """
    installed = _installed()
    if name not in installed:
        raise _checks.unknown("agent", name, installed)
    return installed[name].load()


def _installed() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}
