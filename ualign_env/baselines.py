"""Policies that need no learning: what alignment and social choice offer as answers to disagreement."""

from collections.abc import Callable

import numpy as np

from ualign_env import _checks
from ualign_env._checks import Floats
from ualign_env.population import Population
from ualign_env.scenario import Scenario
from ualign_env.solvers.maximal_lottery import maximal_lottery


def uniform(population: Population) -> Floats:
    """Every response equally often."""
    return np.full(population.n_responses, 1 / population.n_responses)


def favourites(population: Population) -> Floats:
    """Random dictatorship: the favourite of a random user."""
    return population.favourites()


def borda(population: Population) -> Floats:
    """The response with the highest mean rank, as reward-model training (RLHF) finds it."""
    return np.eye(population.n_responses)[population.borda()]


def plurality(population: Population) -> Floats:
    """The response that most users like best."""
    return np.eye(population.n_responses)[population.plurality()]


def nlhf(population: Population) -> Floats:
    """Nash learning from human feedback: the maximal lottery, an equilibrium for k = 1."""
    return maximal_lottery(population)


#: name: `[N]` policy of a population.
BASELINES: dict[str, Callable[[Population], Floats]] = {
    "uniform": uniform,
    "favourites": favourites,
    "borda": borda,
    "plurality": plurality,
    "nlhf": nlhf,
}


def baseline(scenario: Scenario, name: str) -> Floats:
    """Returns a baseline's policy on every prompt.

    Args:
        scenario: P prompts with up to N responses.
        name: a key of `BASELINES`.

    Returns:
        `[P, N]` policy, 0 beyond a prompt's own responses.

    Raises:
        ValueError: if the name is unknown.
    """
    if name not in BASELINES:
        raise _checks.unknown("baseline", name, BASELINES)
    out = np.zeros((scenario.n_prompts, scenario.n_responses))
    for x, population in enumerate(scenario.populations):
        out[x, : population.n_responses] = BASELINES[name](population)
    return out
