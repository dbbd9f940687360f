"""WoLF-PHC in self-play."""

from collections.abc import Iterator

import numpy as np

import ualign_env as ua
from ualign_agents.arrays import sample, tally

_GAMES = 256  # at a time
_WINNING, _LOSING = 0.02, 0.08  # step sizes of the first updates
_SLOWER = 100  # updates after which steps and rates shrink, as one over their number
_EXPLORING = 0.05


@ua.agent(information="picks")
def wolf_phc(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """WoLF policy hill climbing, tabular self-play: slow steps while it wins against its average, fast ones while not.

    Source: Bowling & Veloso, "Multiagent learning using a variable learning rate", 2002.
    """
    games, rng, players = ua.BatchedGame(task.scenario, task.players, _GAMES), task.rng(), task.players
    legal = task.scenario.legal
    uniform = legal / legal.sum(axis=1, keepdims=True)
    policy, average, values, time = uniform, uniform, np.ones(legal.shape), 0
    prompts = games.reset(int(rng.integers(2**32)))
    while True:
        yield ua.SharedPolicy(average)
        actions = sample((1 - _EXPLORING) * policy + _EXPLORING * uniform, prompts, players, rng)
        rewards = games.step(actions)
        slower = 1 / (1 + time / _SLOWER)
        number = tally(prompts, actions, legal.shape)
        mean = tally(prompts, actions, legal.shape, players * rewards) / np.maximum(number, 1)
        values = np.where(number > 0, values + max(0.1 * slower, 1e-3) * (mean - values), values)
        average = average + (policy - average) / (time + 1)
        wins = ((policy - average) * values).sum(axis=1, keepdims=True) > 0
        step = np.where(wins, _WINNING, _LOSING) * slower
        known = np.where(legal, values, -np.inf)
        best = known == known.max(axis=1, keepdims=True)
        taken = np.where(best, 0, np.minimum(policy, step * uniform))
        policy = policy - taken + best * taken.sum(axis=1, keepdims=True) / best.sum(axis=1, keepdims=True)
        time += 1
        prompts = games.reset()
