"""What needs no network: equilibria of prompts that look alike, and one policy for all prompts."""

from collections.abc import Callable, Iterator
from itertools import count

import numpy as np

import ualign_env as ua

_WIDTHS = (0.1, 0.15, 0.2, 0.3, 0.5, 1.0)  # of the kernel, in units of the mean distance of two prompts
_DUST = 1e-6
_FEW = 100  # prompts whose users one policy is to please


@ua.agent(random=False)
def nearest_neighbours(task: ua.Task) -> Iterator[Callable[[np.ndarray], np.ndarray]]:
    """The mean of exact equilibria of prompts that look alike, nearer ones weighing more.

    The width of the Gaussian kernel is the one that does best on each prompt by all the others.

    Source: E. A. Nadaraya, "On estimating regression", 1964.
    """
    scenario, k = task.scenario, task.k
    equilibria = np.atleast_2d(ua.solve(scenario, k).policy)
    seen = np.array(scenario.observations, np.float64)
    squares = (seen**2).sum(axis=1)
    apart = np.maximum(squares[:, None] + squares - 2 * seen @ seen.T, 0)
    unit = apart.sum() / max(1, apart.size - len(apart)) or 1.0

    def mean(distances: np.ndarray, width: float) -> np.ndarray:
        logs = -distances / (2 * unit * width**2)
        weights = np.exp(logs - logs.max(axis=-1, keepdims=True))
        weights[weights < _DUST] = 0  # of prompts far off, which may have other responses
        return weights / weights.sum(axis=-1, keepdims=True) @ equilibria

    def rate(width: float) -> float:
        others = apart + np.diag(np.full(len(apart), np.inf)) if len(apart) > 1 else apart
        policy = np.where(scenario.legal, mean(others, width), 0)
        totals = policy.sum(axis=1, keepdims=True)
        even = scenario.legal / scenario.legal.sum(axis=1, keepdims=True)
        policy = np.where(totals > 0, policy / np.maximum(totals, 1e-300), even)
        return ua.robust_win_rate(scenario, policy, k)

    best = max(_WIDTHS, key=rate)

    def policy(observation: np.ndarray) -> np.ndarray:
        return mean(((seen - observation) ** 2).sum(axis=1), best)

    yield policy


@ua.agent(random=False)
def prompt_blind(task: ua.Task) -> Iterator[Callable[[np.ndarray], np.ndarray] | np.ndarray]:
    """The equilibrium of the users of many prompts together: the best policy that does not look at the prompt.

    Found by mirror descent on the mean payoffs of at most 100 prompts, the average of the iterates.

    Source: A. Nemirovski & D. Yudin, Problem Complexity and Method Efficiency in Optimization, 1983.
    """
    whole = task.scenario
    some = whole.part(np.arange(min(_FEW, whole.n_prompts)))
    logits, average = np.zeros(whole.n_responses), np.zeros(whole.n_responses)

    def among_legal(scenario: ua.Scenario, weights: np.ndarray) -> np.ndarray:
        table = np.where(scenario.legal, weights, 0)
        return table / table.sum(axis=1, keepdims=True)

    for step in count(1):
        weights = np.exp(logits - logits.max())
        average += (weights / weights.sum() - average) / step
        payoffs = ua.SharedPolicy(among_legal(some, weights)).payoffs(some, task.k)
        logits += (task.k + 1) / np.sqrt(step) * (some.probabilities @ payoffs)
        # of prompts with different responses, a function of what is seen would not know which there are
        yield _always(average.copy()) if whole.legal.all() else among_legal(whole, average)


def _always(policy: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda _: policy
