"""How a source of one population makes a scenario of several prompts."""

from collections.abc import Callable

import numpy as np

from ualign_env import _checks
from ualign_env.scenario import Scenario
from ualign_env.users import Users


def rotated(population: Users, prompts: int) -> Scenario:
    """Returns prompts with the same users, and the same responses in rotated order."""
    prompts = _checks.count("prompts", prompts, 1)
    order = np.arange(population.n_responses)
    return Scenario([population, *(population.restricted(np.roll(order, -x)) for x in range(1, prompts))])


def drawn(draw: Callable[[np.random.Generator], Users], seed: int, prompts: int) -> Scenario:
    """Returns prompts with a population each, drawn anew."""
    seed, prompts = _checks.count("seed", seed, 0), _checks.count("prompts", prompts, 1)
    return Scenario([draw(rng) for rng in np.random.default_rng(seed).spawn(prompts)])
