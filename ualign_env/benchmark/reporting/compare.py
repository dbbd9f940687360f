"""Two agents, or two versions of one, on the same tasks: by how much one is better, and whether that is noise."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ualign_env._result import Result
from ualign_env.benchmark.reporting.statistics import (
    Interval,
    TaskKey,
    by_task,
    difference_of,
    probability_of_improvement,
    task_of,
)
from ualign_env.benchmark.results import RunResult
from ualign_env.benchmark.store import Store

_TIMING = 0.05  # decades between two runs of what does not depend on seeds, which the clock alone makes
_SEED = 0


@dataclass(frozen=True)
class Comparison(Result):
    """How the second of two agents does, compared with the first.

    Attributes:
        first: the first one.
        second: the second one.
        tasks: names, k and l of the tasks that both have runs of.
        differences: for each, the mean score of the second less that of the first: decades of shortfall.
        difference: the interquartile mean of these.
        improvement: the chance that a run of the second beats one of the first on the same task.
        only_first: tasks that only the first has runs of.
        only_second: tasks that only the second has runs of.
        learned: how many of the runs have learned something.
    """

    first: str
    second: str
    tasks: tuple[TaskKey, ...]
    differences: tuple[float, ...]
    difference: Interval
    improvement: Interval
    only_first: tuple[TaskKey, ...]
    only_second: tuple[TaskKey, ...]
    learned: int

    @property
    def same(self) -> bool:
        """Whether what is seen is what noise would show."""
        if self.difference.low is None or self.difference.high is None:
            return max(map(abs, self.differences), default=0.0) < _TIMING
        return self.difference.low <= 0 <= self.difference.high

    def summary(self) -> str:
        """Returns which is better, or that they are the same within noise."""
        if self.learned == 0:
            return f"neither {self.first} nor {self.second} has learned anything"
        chance = f"a run of the second beats one of the first with probability {_text(self.improvement)}"
        if self.same:
            return f"{self.first} and {self.second} are the same within noise: {chance}"
        better, other = (self.second, self.first) if self.difference.value > 0 else (self.first, self.second)
        by = abs(self.difference.value)
        return f"{better} is better than {other}, by a factor of {10**by:.3g} in shortfall: {chance}"


def compare(first: Sequence[RunResult], second: Sequence[RunResult], names: tuple[str, str]) -> Comparison:
    """Compares the runs of two agents.

    Args:
        first: runs of one agent.
        second: runs of another, or of another version.
        names: what they are called.

    Raises:
        ValueError: if they are of different suites or classes, or have no task in common.
    """
    for what in ("suite", "information", "joint", "unit", "budget"):
        kinds = sorted({str(getattr(one, what)) for one in [*first, *second]})
        if len(kinds) > 1:
            raise ValueError(f"runs cannot be compared that differ in their {what}: {', '.join(kinds)}")
    mine, yours = ({task_of(one) for one in runs} for runs in (first, second))
    tasks = sorted(mine & yours)
    if not tasks:
        raise ValueError(f"{names[0]} and {names[1]} have no task in common")
    scores = [by_task([one for one in runs if task_of(one) in tasks], tasks) for runs in (first, second)]
    rng = np.random.default_rng(_SEED)
    return Comparison(
        names[0],
        names[1],
        tuple(tasks),
        tuple(float(b.mean() - a.mean()) for a, b in zip(*scores, strict=True)),
        difference_of(scores[0], scores[1], rng),
        probability_of_improvement(scores[1], scores[0], rng),
        tuple(sorted(mine - yours)),
        tuple(sorted(yours - mine)),
        sum(one.ranked is not None for one in [*first, *second]),
    )


def compare_folders(first: str, second: str) -> list[Comparison]:
    """Compares agents in two folders of results.

    Args:
        first: a folder, whose agents are compared with those of the same name in the other; or `FOLDER:AGENT`.
        second: the same; with `FOLDER:AGENT` in both, these two.

    Raises:
        ValueError: if there is nothing to compare.
    """
    (one, mine), (other, yours) = (_runs(text) for text in (first, second))
    if mine and yours:
        pairs = [(mine, yours)]
    else:
        known = {run.agent for run in one} & {run.agent for run in other}
        pairs = [(name, name) for name in sorted(known) if not (mine or yours) or name == (mine or yours)]
    if not pairs:
        raise ValueError(f"{first!r} and {second!r} have no agent in common: name two, FOLDER:AGENT")
    found = []
    for a, b in pairs:
        folders = first.removesuffix(f":{a}"), second.removesuffix(f":{b}")
        labels = (f"{folders[0]} {a}", f"{folders[1]} {b}") if a == b else (a, b)
        own, theirs = [run for run in one if run.agent == a], [run for run in other if run.agent == b]
        found.append(compare(own, theirs, labels))
    return found


def _runs(text: str) -> tuple[list[RunResult], str]:
    """Returns the runs in a folder, or an agent's, and the agent's name."""
    found = list(Store(text).read().results.values())
    if found:
        return found, ""
    folder, _, name = text.partition(":")
    chosen = [run for run in Store(folder).read().results.values() if name and run.agent == name]
    if not chosen:
        raise ValueError(f"{text!r} holds no results: expected a folder of them, or FOLDER:AGENT")
    return chosen, name


def _text(interval: Interval) -> str:
    if interval.low is None or interval.high is None:
        return f"{interval.value:.2f}"
    return f"{interval.value:.2f} ({interval.low:.2f} to {interval.high:.2f})"
