"""How a source of one population makes a scenario of several prompts, if that is not too much."""

from collections.abc import Callable

import numpy as np

from ualign_env import _checks
from ualign_env._checks import TooLargeError, about
from ualign_env._limits import MAX_NUMBERS, MAX_PROMPTS
from ualign_env.scenario import Scenario
from ualign_env.users import Users


def check_size(prompts: int, numbers: int) -> None:
    """Raises an error before a scenario is made that would take too much memory.

    Args:
        prompts: how many are to be made.
        numbers: how many numbers each of them takes.
    """
    _checks.count("prompts", prompts, 1, MAX_PROMPTS)
    if prompts * numbers > MAX_NUMBERS:
        raise TooLargeError(f"{about(prompts * numbers)} numbers are more than the {MAX_NUMBERS:,} that are made")


def rotated(population: Users, prompts: int) -> Scenario:
    """Returns prompts with the same users, and the same responses in rotated order."""
    check_size(prompts, population.n_types * population.n_responses)
    order = np.arange(population.n_responses)
    return Scenario([population, *(population.restricted(np.roll(order, -x)) for x in range(1, prompts))])


def drawn(draw: Callable[[np.random.Generator], Users], seed: int, prompts: int) -> Scenario:
    """Returns prompts with a population each, drawn anew."""
    return Scenario([draw(rng) for rng in np.random.default_rng(_checks.count("seed", seed, 0)).spawn(prompts)])
