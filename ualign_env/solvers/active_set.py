"""The symmetric equilibrium of games with many responses: solve a small game, check all responses, enlarge, repeat.

Equilibria put weight on few responses. The interior-point method therefore runs on the users' choices among a few
candidates; its policy is checked exactly against every response, and those that would gain join the candidates.

Axes: U user types, N responses.
"""

from itertools import islice

import numpy as np
import numpy.typing as npt

from ualign_env.scenario import Scenario
from ualign_env.solvers.interior_point import interior_point
from ualign_env.solvers.mirror_descent import iterates
from ualign_env.solvers.result import Run
from ualign_env.users import Users

_SAMPLE = 2000  # users, drawn evenly by weight, whose self-play proposes the first candidates
_SAMPLE_STEPS = 30
_FEW = 32  # candidates that join at once, or as many as there are


def active_set(users: Users, k: int, tolerance: float, max_iterations: int) -> Run:
    """Returns a policy of exploitability `tolerance` at most, or the best one found in `max_iterations` Newton steps.

    Takes O(U N) time a round of candidates and O(U M^2 + M^3) a step with M of them.
    """
    n = users.n_responses
    candidates = _first_candidates(users, k)
    best, least, iterations = users.first_guess(), np.inf, 0
    while iterations < max_iterations:
        # half of the tolerance leaves room for the rounding that the other responses' payoffs differ by
        run = interior_point(users.among(candidates), k, tolerance / 2, max_iterations - iterations)
        iterations += run.iterations
        policy = np.zeros(n)
        policy[candidates] = run.policy
        gains = users.payoffs(policy, k) - 1 / (k + 1)
        if gains.max() < least:
            best, least = policy, gains.max()
        gains[candidates] = -1
        better = np.flatnonzero(gains > tolerance)
        if least <= tolerance or not better.size:
            break
        joining = better[np.argsort(-gains[better])][: max(_FEW, candidates.size)]
        candidates = np.union1d(candidates, joining)
    return Run(best, iterations)


def _first_candidates(users: Users, k: int) -> npt.NDArray[np.intp]:
    """Returns the responses that self-play among a sample of the users has raised above a uniform share."""
    quantiles = (np.arange(_SAMPLE) + 0.5) / _SAMPLE
    rows = np.searchsorted(np.cumsum(users.weights), quantiles).clip(max=users.n_types - 1)
    sample = Scenario([users.drawn(rows)])
    (policy,) = next(islice(iterates(sample, k), _SAMPLE_STEPS, None)).policy
    return np.flatnonzero(policy >= min(1 / users.n_responses, policy.max()))
