"""What needs no network: equilibria of prompts that look alike, and one policy for all prompts."""

from collections.abc import Callable, Iterator
from itertools import count

import numpy as np

import ualign_env as ua

_WIDTHS = (0.1, 0.15, 0.2, 0.3, 0.5, 1.0)  # of the kernel, in units of the mean distance of two prompts
_RIDGES = (1e-9, 1e-4, 1e-3, 1e-2, 0.1, 1.0)  # what is added to the kernel's diagonal of ones
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
    seen, apart, unit = _distances(scenario)

    def mean(distances: np.ndarray, width: float) -> np.ndarray:
        logs = -distances / (2 * unit * width**2)
        weights = np.exp(logs - logs.max(axis=-1, keepdims=True))
        weights[weights < _DUST] = 0  # of prompts far off, which may have other responses
        return weights / weights.sum(axis=-1, keepdims=True) @ equilibria

    def rate(width: float) -> float:
        others = apart + np.diag(np.full(len(apart), np.inf)) if len(apart) > 1 else apart
        return ua.robust_win_rate(scenario, _among(scenario.legal, mean(others, width)), k)

    best = max(_WIDTHS, key=rate)

    def policy(observation: np.ndarray) -> np.ndarray:
        return mean(((seen - observation) ** 2).sum(axis=1), best)

    yield policy


@ua.agent(random=False)
def kernel_ridge(task: ua.Task) -> Iterator[Callable[[np.ndarray], np.ndarray] | np.ndarray]:
    """Kernel ridge regression from what is seen of a prompt to its exact equilibrium, cut to what is a policy.

    The width of the Gaussian kernel and the ridge are those that do best on each prompt by all the others.

    Source: C. Saunders, A. Gammerman & V. Vovk, "Ridge regression learning algorithm in dual variables", 1998.
    """
    scenario, k = task.scenario, task.k
    equilibria = np.atleast_2d(ua.solve(scenario, k).policy)
    seen, apart, unit = _distances(scenario)
    mean = equilibria.mean(axis=0)

    def fitted() -> Iterator[tuple[float, float, np.ndarray]]:
        """Yields how well each kernel does on prompts left out, its width, and the weights of prompts."""
        for width in _WIDTHS:
            values, vectors = np.linalg.eigh(np.exp(-apart / (2 * unit * width**2)))
            for ridge in _RIDGES:
                inverse = vectors / (np.maximum(values, 0) + ridge) @ vectors.T
                weights = inverse @ (equilibria - mean)
                left_out = equilibria - weights / np.diag(inverse)[:, None]  # in closed form
                yield ua.robust_win_rate(scenario, _among(scenario.legal, left_out), k), width, weights

    _, best, weights = max(fitted(), key=lambda one: one[0])

    def policy(observation: np.ndarray) -> np.ndarray:
        near = np.exp(-((seen - observation) ** 2).sum(axis=1) / (2 * unit * best**2))
        return _among(everything, (mean + near @ weights)[None])[0]

    everything = np.ones((1, scenario.n_responses), bool)
    # of prompts with different responses, a function of what is seen would not know which there are
    yield policy if scenario.legal.all() else _among(scenario.legal, np.array([policy(row) for row in seen]))


@ua.agent(random=False)
def prompt_blind(task: ua.Task) -> Iterator[Callable[[np.ndarray], np.ndarray] | np.ndarray]:
    """The equilibrium of the users of many prompts together: the best policy that does not look at the prompt.

    Found by mirror descent on the mean payoffs of at most 100 prompts, the average of the iterates.

    Source: A. Nemirovski & D. Yudin, Problem Complexity and Method Efficiency in Optimization, 1983.
    """
    whole = task.scenario
    some = whole.part(np.arange(min(_FEW, whole.n_prompts)))
    logits, average = np.zeros(whole.n_responses), np.zeros(whole.n_responses)

    for step in count(1):
        weights = np.exp(logits - logits.max())
        average += (weights / weights.sum() - average) / step
        payoffs = ua.SharedPolicy(_among(some.legal, weights)).payoffs(some, task.k)
        logits += (task.k + 1) / np.sqrt(step) * (some.probabilities @ payoffs)
        # of prompts with different responses, a function of what is seen would not know which there are
        yield _always(average.copy()) if whole.legal.all() else _among(whole.legal, average)


def _distances(scenario: ua.Scenario) -> tuple[np.ndarray, np.ndarray, float]:
    """Returns what is seen `[P, D]`, the squared distances of prompts `[P, P]`, and their mean."""
    seen = np.array(scenario.observations, np.float64)
    squares = (seen**2).sum(axis=1)
    apart = np.maximum(squares[:, None] + squares - 2 * seen @ seen.T, 0)
    return seen, apart, apart.sum() / max(1, apart.size - len(apart)) or 1.0


def _among(legal: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns policies `[P, N]` in proportion to weights of legal responses; even ones where no weight is positive."""
    table = np.where(legal, np.maximum(weights, 0), 0)
    totals = table.sum(axis=1, keepdims=True)
    return np.where(totals > 0, table / np.maximum(totals, 1e-300), legal / legal.sum(axis=1, keepdims=True))


def _always(policy: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda _: policy
