"""Agents against each other: k samples of one against a single response of another."""

from collections.abc import Sequence

import numpy as np

from ualign_env._types import Floats
from ualign_env.benchmark.reporting.statistics import TaskKey, task_of
from ualign_env.benchmark.results import RunResult
from ualign_env.policies.tables import SharedPolicy
from ualign_env.scenario import Scenario
from ualign_env.specs import load_scenario


def cross_play(results: Sequence[RunResult], agents: Sequence[str], tasks: Sequence[TaskKey]) -> Floats | None:
    """Returns `[A, A]`: how often k samples of the row's average policy are picked against one of the column's.

    Each is the mean over tasks on which both have learned something; of several seeds the first is taken.

    Args:
        results: of agents that show samples.
        agents: A names.
        tasks: what they learned.

    Returns:
        The matrix, NaN where two never met; None where no scenario can be made again.
    """
    total, met = np.zeros((len(agents), len(agents))), np.zeros((len(agents), len(agents)))
    scenarios: dict[str, Scenario | None] = {}
    for task in tasks:
        own = _first_seeds(results, task)
        if not own:
            continue
        sample = next(iter(own.values()))
        if sample.scenario_digest not in scenarios:
            scenarios[sample.scenario_digest] = _rebuilt(sample)
        scenario = scenarios[sample.scenario_digest]
        if scenario is None:
            continue
        place = [i for i, name in enumerate(agents) if name in own]
        policies = np.array([own[agents[i]].policy for i in place])
        lost = np.array([SharedPolicy(policy).payoffs(scenario, task[1]) for policy in policies])
        wins = 1 - np.einsum("p,apn,bpn->ab", scenario.probabilities, lost, policies)
        total[np.ix_(place, place)] += wins
        met[np.ix_(place, place)] += 1
    if not met.any():
        return None
    with np.errstate(invalid="ignore"):
        return total / np.where(met > 0, met, np.nan)


def _first_seeds(results: Sequence[RunResult], task: TaskKey) -> dict[str, RunResult]:
    found: dict[str, RunResult] = {}
    for result in sorted(results, key=lambda one: one.seed):
        if task_of(result) == task and result.ranked is not None and result.policy is not None:
            found.setdefault(result.agent, result)
    return found


def _rebuilt(result: RunResult) -> Scenario | None:
    """Returns the scenario of a run; None where its spec makes none, or another one by now."""
    try:
        scenario = load_scenario(result.spec)
    except ValueError:
        return None
    return scenario if scenario.digest == result.scenario_digest else None
