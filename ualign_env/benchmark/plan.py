"""Runs: an agent, a task, a seed and a budget; which of them a benchmark consists of."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from ualign_env import _checks
from ualign_env.benchmark.agents import AgentInfo
from ualign_env.benchmark.budget import Budget
from ualign_env.benchmark.information import CLASSES, Unit
from ualign_env.benchmark.tasks import Task

_SLUG = 60  # characters of a task's name in that of a file


@dataclass(frozen=True)
class Limits:
    """What ends a run that does not end by itself.

    Attributes:
        wall: seconds on the wall.
        memory: megabytes that the agent may take on top of what the process starts with.
        cpu: seconds of CPU, three times a budget of seconds and ten more unless it is given.
    """

    wall: float = 600.0
    memory: int = 4000
    cpu: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "wall", _checks.positive("wall", self.wall))
        object.__setattr__(self, "memory", _checks.count("memory", self.memory, 1))

    def of_cpu(self, budget: Budget) -> float | None:
        """Returns how many seconds of CPU a run may take; None: any."""
        if self.cpu is None and budget.unit == "seconds":
            return 3 * budget.amount + 10
        return self.cpu


@dataclass(frozen=True)
class Run:
    """One run of a benchmark.

    Attributes:
        agent: who learns.
        task: what, with the run's seed.
        budget: what may be spent.
        limits: what ends it.
        name: the task's name.
        suite: name and version of the suite.
    """

    agent: AgentInfo
    task: Task
    budget: Budget
    limits: Limits = field(default_factory=Limits)
    name: str = ""
    suite: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or self.task.scenario.name)

    @cached_property
    def digest(self) -> str:
        """A fingerprint of everything that decides what is learned, but for the machine and versions of packages."""
        declared, task = self.agent.declared, self.task
        parts = [
            *(self.agent.name, declared.version, declared.information, declared.random, declared.joint),
            *(self.name, task.scenario.digest, task.k, task.l, task.seed),
            *(self.budget.unit, self.budget.amount, self.suite),
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @cached_property
    def file(self) -> str:
        """The name of the run's file, in the folder of results."""
        task = self.task
        place = f"{slug(self.name)}-k{task.k}-l{task.l}-s{task.seed}-{self.digest[:8]}.json"
        return f"{slug(self.agent.name)}/{place}"

    def __str__(self) -> str:
        return f"{self.agent.name} on {self.name}, k = {self.task.k}, seed {self.task.seed}"


def slug(text: str) -> str:
    """Returns a text as part of a file's name."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-.")[:_SLUG] or "unnamed"


@dataclass(frozen=True)
class NamedTask:
    """A task of a suite, before its seeds.

    Attributes:
        name: its name.
        task: scenario, k and l.
    """

    name: str
    task: Task


def plan(
    agents: Iterable[AgentInfo],
    tasks: Iterable[NamedTask],
    seeds: Iterable[int],
    budget: Callable[[Unit], Budget],
    limits: Limits,
    suite: str,
) -> Iterator[Run]:
    """Yields the runs of a benchmark, agent by agent, each with its own budget; one seed where none matters.

    Args:
        agents: who competes. Joint ones play tasks with l above 1 and those of l = 1, too.
        tasks: at what.
        seeds: of the agents' randomness.
        budget: gives the budget of agents that are given seconds, or plays.
        limits: what ends a run.
        suite: name and version of the suite.
    """
    chosen, listed = list(seeds), list(tasks)
    for agent in agents:
        declared = agent.declared
        own = budget(CLASSES[declared.information].unit)
        for named in listed:
            for seed in chosen if declared.random else chosen[:1]:
                task = replace(named.task, seed=seed, information=declared.information, _oracle=[])
                yield Run(agent, task, own, limits, named.name, suite)
