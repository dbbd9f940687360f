"""Policies on all prompts as arrays: what agents that keep tables have in common.

Axes: B games, P prompts, N responses, K players.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import repeat

import numpy as np

import ualign_env as ua

Map = Callable[[np.ndarray], np.ndarray]


def uniform_logits(task: ua.Task) -> np.ndarray:
    """Returns `[P, N]` logarithms of the uniform policy, up to a constant: -inf beyond a prompt's own responses."""
    return np.where(task.scenario.legal, 0.0, -np.inf)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Returns `[P, N]` distributions with the given logarithms, up to constants."""
    policy = np.exp(logits - logits.max(axis=1, keepdims=True))
    return policy / policy.sum(axis=1, keepdims=True)


def scaled_payoffs(task: ua.Task) -> Map:
    """Returns what gives `[P, N]` payoffs against k samples of a policy `[P, N]`, in units of their mean 1/(k+1)."""
    scenario, k = task.scenario, task.k
    return lambda policy: (k + 1) * ua.SharedPolicy(policy).payoffs(scenario, k)


def averaged(policies: Iterable[np.ndarray], weights: Iterable[float] | None = None) -> Iterator[np.ndarray]:
    """Yields weighted averages of the arrays so far; each weighs 1 unless weights are given."""
    mean, total = np.zeros(1), 0.0
    for policy, weight in zip(policies, repeat(1.0) if weights is None else weights, strict=False):
        total += weight
        mean = mean + weight / total * (policy - mean)
        yield mean


def sample(policy: np.ndarray, prompts: np.ndarray, players: int, rng: np.random.Generator) -> np.ndarray:
    """Returns `[B, K]` responses to `[B]` prompts, drawn from a policy `[P, N]`."""
    # the cumulative chances of all prompts make one increasing sequence, from x to x + 1 for prompt x
    ends = np.minimum(policy.cumsum(axis=1), 1) + np.arange(len(policy))[:, None]
    last = np.array([row.nonzero()[0][-1] for row in policy])
    place = np.searchsorted(ends.ravel(), prompts[:, None] + rng.random((len(prompts), players)), side="right")
    return np.minimum(place - prompts[:, None] * policy.shape[1], last[prompts][:, None])


def tally(prompts: np.ndarray, responses: np.ndarray, shape: tuple[int, ...], weights: np.ndarray | None = None):
    """Returns `[P, N]`: how often, or with what weights, each of `[B, K]` or `[B]` responses to `[B]` prompts came."""
    rows = prompts.reshape(-1, *[1] * (responses.ndim - 1))
    cells = (rows * shape[1] + responses).ravel()
    given = None if weights is None else weights.ravel()
    return np.bincount(cells, weights=given, minlength=shape[0] * shape[1]).reshape(shape)
