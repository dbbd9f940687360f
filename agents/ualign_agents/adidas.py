"""ADIDAS by OpenSpiel."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from open_spiel.python.algorithms.adidas import ADIDAS
from open_spiel.python.algorithms.adidas_utils.games.small import MatrixGame
from open_spiel.python.algorithms.adidas_utils.solvers.symmetric.qre_anneal import Solver

import ualign_env as ua

_FIRST = 8  # iterations
_THRESHOLD = 0.05  # exploitability at which the temperature is halved


@ua.agent(random=False)
def adidas(task: ua.Task) -> Iterator[ua.SharedPolicy]:
    """ADIDAS (OpenSpiel, Python): descent of the average deviation incentive, annealed, on the exact payoff tensor.

    Source: Gemp et al., "Sample-based approximation of Nash in large many-player games via gradient descent", 2022.
    """
    scenario = task.scenario
    # in units of the mean payoff, in which the threshold below is what an agent may gain
    games = [MatrixGame(task.players * ua.payoff_tensor(users, task.players)) for users in scenario.populations]
    iterations = _FIRST
    while True:  # runs of doubling lengths: OpenSpiel's start anew each time, which doubles the cost
        learned = np.zeros(scenario.legal.shape)
        for x, users in enumerate(scenario.populations):
            run = ADIDAS(seed=task.seed)
            solver = Solver(exp_thresh=_THRESHOLD)
            exact: Any = np.inf  # samples, where OpenSpiel says that it wants an integer
            with np.errstate(divide="ignore"):  # of logarithms of 0, which are clipped
                run.approximate_nash(
                    games[x], solver, sym=True, num_iterations=iterations, num_samples=exact, num_eval_samples=0
                )
            results: Any = run.results
            policy = np.maximum(results["dist"], 0)
            learned[x, : users.n_responses] = policy / policy.sum()
        yield ua.SharedPolicy(learned)
        iterations *= 2
