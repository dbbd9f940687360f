"""Tabular Q-learning in self-play."""

from collections.abc import Iterator
from itertools import count

import numpy as np

import ualign_env as ua
from ualign_agents.arrays import averaged, sample, softmax, tally, uniform_logits

_GAMES = 256  # at a time
_RATE, _SLOWER = 0.5, 0.6  # of following what was earned, and the power of time by which it falls
_TEMPERATURE, _COOLING = 0.3, 0.3  # for payoffs in units of their mean, and the power of time by which it falls


@ua.agent(information="picks")
def q_learning(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """Q-learning self-play, tabular, Boltzmann policies that cool down, averaged.

    Source: Watkins & Dayan, "Q-learning", 1992; in self-play: Leslie & Collins, "Individual Q-learning in normal form
    games", 2005.
    """
    for average in averaged(_iterates(task), count(1)):
        yield ua.SharedPolicy(average)


def _iterates(task: ua.Task) -> Iterator[np.ndarray]:
    games, rng, players = ua.BatchedGame(task.scenario, task.players, _GAMES), task.rng(), task.players
    values = np.ones(task.scenario.legal.shape)
    prompts = games.reset(int(rng.integers(2**32)))
    for time in count(1):
        policy = softmax(uniform_logits(task) + values * time**_COOLING / _TEMPERATURE)
        yield policy
        actions = sample(policy, prompts, players, rng)
        rewards = games.step(actions)
        number = tally(prompts, actions, values.shape)
        mean = tally(prompts, actions, values.shape, players * rewards) / np.maximum(number, 1)
        values = np.where(number > 0, values + _RATE * time**-_SLOWER * (mean - values), values)
        prompts = games.reset()
