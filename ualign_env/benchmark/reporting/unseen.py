"""What agents have made of prompts that are held out, beside those that they learned on.

Axes: T tasks.
"""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ualign_env.benchmark.reporting.statistics import TaskKey, task_of
from ualign_env.benchmark.results import RunResult

_BLIND = "prompt-blind"  # the agent that does not look at the prompt

#: What begins the names of a suite's facts on baselines that are told the users of prompts held out.
TOLD = "held-out-"


@dataclass(frozen=True)
class Unseen:
    """Robust win rates with and without prompts in sight, means over seeds.

    Attributes:
        learned_on: on the prompts that were learned on; None of policies that have not learned.
        held_out: on the others.
        way: how far the agent has come from the best policy that does not look at the prompt, 0, to k/(k+1), 1; None
            where the agent `prompt-blind` has not run.
    """

    learned_on: float | None
    held_out: float
    way: float | None

    @property
    def gap(self) -> float | None:
        """What is lost from the one to the other."""
        return None if self.learned_on is None else self.learned_on - self.held_out

    @property
    def cells(self) -> list[str]:
        """The numbers as text, as `COLUMNS` calls them."""
        given = ((self.learned_on, ".4f"), (self.held_out, ".4f"), (self.gap, ".4f"), (self.way, ".1%"))
        return ["" if value is None else format(value, form) for value, form in given]


#: What the numbers are called where they are text.
COLUMNS = ("learned on", "held out", "gap", "of the way")

#: What agents or baselines reach on each task.
ByTask = dict[TaskKey, Unseen]


def on_tasks(results: Iterable[RunResult], blind: Mapping[TaskKey, float]) -> ByTask:
    """Returns what an agent reached on each task with prompts held out; see `blind_rates`."""
    runs: dict[TaskKey, list[tuple[float, float, float]]] = defaultdict(list)
    for one in results:
        if one.ranked is not None and one.ranked.trained is not None:
            runs[task_of(one)].append((one.optimum - one.ranked.trained, one.optimum - one.shortfall, one.optimum))
    found = {}
    for task, rows in runs.items():
        learned_on, held_out, optimum = np.mean(rows, axis=0).tolist()
        found[task] = Unseen(learned_on, held_out, _way(held_out, optimum, blind.get(task)))
    return found


def _way(rate: float, optimum: float, blind: float | None) -> float | None:
    return None if blind is None or blind >= optimum else (rate - blind) / (optimum - blind)


def blind_rates(results: Iterable[RunResult]) -> dict[TaskKey, float]:
    """Returns what the policy that does not look at the prompt reaches on prompts held out, by task."""
    own = [one for one in results if one.agent == _BLIND]
    return {task: one.held_out for task, one in on_tasks(own, {}).items()}


def overall(found: ByTask) -> Unseen | None:
    """Returns the means over tasks, each None where it is not known of all; None where no task has prompts held out."""
    if not found:
        return None
    learned_on, held_out, way = zip(*((one.learned_on, one.held_out, one.way) for one in found.values()), strict=True)
    return Unseen(_mean(learned_on), float(np.mean(held_out)), _mean(way))


def _mean(values: Sequence[float | None]) -> float | None:
    return None if None in values else float(np.mean([value for value in values if value is not None]))


def told(suite: str, blind: Mapping[TaskKey, float]) -> dict[str, ByTask]:
    """Returns what baselines that are told the users of prompts held out reach, by name, if a suite says so.

    Args:
        suite: as TOML.
        blind: see `blind_rates`.
    """
    found: dict[str, ByTask] = defaultdict(dict)
    for task in tomllib.loads(suite).get("task", []):
        facts, label = task.get("facts", {}), task.get("name", task.get("scenario"))
        for name in (fact for fact in facts if fact.startswith(TOLD)):
            for k, rate in zip(task.get("k", [1]), facts[name], strict=True):
                reached = Unseen(None, rate, _way(rate, k / (k + 1), blind.get((label, k, 1))))
                found[name.removeprefix(TOLD)][label, k, 1] = reached
    return found
