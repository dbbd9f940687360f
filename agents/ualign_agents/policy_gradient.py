"""Tabular self-play from samples: users pick, and nobody knows the payoffs."""

from collections.abc import Iterator

import numpy as np

from ualign_env import BatchedGame, SharedPolicy, Task

_GAMES = 1024  # at a time
_STEP = 0.3  # of the first update, for payoffs in units of their mean
_SLOWER = 100  # updates after which steps begin to shrink, as one over the square root of their number
_FLOOR = 1e-3  # responses rarer than this are updated as if they were not: their few samples would count too much


def policy_gradient(task: Task) -> Iterator[SharedPolicy]:
    """Natural policy gradient self-play on sampled games, tabular, the average of the iterates."""
    players, legal = task.k + 1, task.scenario.legal
    games = BatchedGame(task.scenario, players, _GAMES)
    rng = task.rng()
    logits = np.where(legal, 0.0, -np.inf)
    average, time = np.zeros(legal.shape), 0
    prompts = games.reset(int(rng.integers(2**32)))
    while True:
        policy = np.exp(logits - logits.max(axis=1, keepdims=True))
        policy /= policy.sum(axis=1, keepdims=True)
        actions = _sample(policy, prompts, players, rng)
        rewards = games.step(actions)

        # a player's mean reward is 1 / K in every game, so this baseline is exact
        gains = players * rewards - 1
        cells = (prompts[:, None] * legal.shape[1] + actions).ravel()
        summed = np.bincount(cells, weights=gains.ravel(), minlength=legal.size).reshape(legal.shape)
        shown = players * np.bincount(prompts, minlength=len(legal))[:, None]
        logits += _STEP / np.sqrt(1 + time / _SLOWER) * summed / np.maximum(shown * np.maximum(policy, _FLOOR), 1)

        time += 1
        # later iterates weigh more, in proportion to their number
        average = average + 2 / (time + 1) * (policy - average)
        yield SharedPolicy(average)
        prompts = games.reset()


def _sample(policy: np.ndarray, prompts: np.ndarray, players: int, rng: np.random.Generator) -> np.ndarray:
    """Returns `[B, K]` responses to `[B]` prompts, drawn from a policy `[P, N]`."""
    # the cumulative chances of all prompts make one increasing sequence, from x to x + 1 for prompt x
    ends = np.minimum(policy.cumsum(axis=1), 1) + np.arange(len(policy))[:, None]
    last = np.array([row.nonzero()[0][-1] for row in policy])
    place = np.searchsorted(ends.ravel(), prompts[:, None] + rng.random((len(prompts), players)), side="right")
    return np.minimum(place - prompts[:, None] * policy.shape[1], last[prompts][:, None])
