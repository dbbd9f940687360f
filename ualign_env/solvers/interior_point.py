"""The symmetric equilibrium by a primal-dual interior-point method.

An equilibrium policy pi solves a complementarity problem: with slacks s and a level v,

    g(pi) + s = v,   sum(pi) = 1,   pi >= 0,   s >= 0,   pi * s = 0,

where g(y) is (k + 1) times the payoff of response y against k samples of pi, so that v = 1 at the equilibrium for
every k. The game is monotone: Newton's method on these equations with pi * s = mu, mu -> 0, needs about ten steps to
machine precision.

Axes: N responses.
"""

from typing import Any, Protocol

import numpy as np
from scipy.linalg import lu_factor, lu_solve

from ualign_env._types import Floats
from ualign_env.solvers.result import Run

_TO_THE_BOUND = 0.995  # share of the way to the nearest bound that a step may go
_GROWTH = 3.0  # factor by which a step may raise the residual; longer ones are halved
_FREE_STEPS = 3  # first steps, which may raise it as they like
_DAMPING = (1e-11, 1e-4)  # relative to the Jacobian: keeps the systems of equal responses solvable
_PATIENCE = 50  # steps before a new start
_LEAST_MU = 1e-25  # beyond it, rounding is all there is
_DUST = 1e-12  # probabilities that a policy is better without, unless they matter
_EXTRA_STEPS = 4  # after convergence, to tell the support from the rest


class Monotone(Protocol):
    """Users, or whoever else makes a monotone game whose payoffs average to 1 / (k + 1)."""

    @property
    def n_responses(self) -> int:
        """N."""
        ...

    def first_guess(self) -> Floats:
        """Returns an `[N]` policy that does what matters."""
        ...

    def payoffs(self, policy: Floats, k: int) -> Floats:
        """Returns `[N]` payoffs."""
        ...

    def jacobian(self, policy: Floats, k: int) -> Floats:
        """Returns `[N, N]`: the derivative of the row's payoff by the policy's share of the column's."""
        ...


def interior_point(users: Monotone, k: int, tolerance: float, max_iterations: int, start: Floats | None = None) -> Run:
    """Returns a policy of exploitability `tolerance` at most, or the best one found in `max_iterations` Newton steps.

    Takes O(U N^2 + N^3) time a step. Starts from `start`, `[N]` with positive entries, by default halfway between the
    uniform policy and random dictatorship.

    Source: S. Mehrotra, "On the Implementation of a Primal-Dual Interior Point Method", 1992, for linear programs.
    """
    n = users.n_responses
    policy = start
    if policy is None:
        policy = 0.5 / n + 0.5 * users.first_guess()
    best, least, extra, iteration = policy, np.inf, 0, 0
    payoffs, slack, level, damping = policy, policy, 0.0, 0.0  # set at the start, and at each restart
    for iteration in range(max_iterations + 1):
        if iteration % _PATIENCE == 0:
            policy = np.full(n, 1 / n) if iteration else policy  # steps from an unlucky start can go round in circles
            payoffs = _scaled_payoffs(users, policy, k)
            level = payoffs.max() + 0.1
            slack = level - payoffs
            damping = _DAMPING[0]
        error = (payoffs.max() - 1) / (k + 1)
        if error < least:
            best, least = policy / policy.sum(), error
        if error <= tolerance:
            support = np.where(policy > slack, policy, 0)
            if support.any() and _exploitability(users, support / support.sum(), k) <= tolerance:
                return Run(support / support.sum(), iteration)
            extra += 1
        mu = policy @ slack / n
        if extra > _EXTRA_STEPS or mu < _LEAST_MU or iteration == max_iterations:
            break

        residual = payoffs + slack - level
        system = users.jacobian(policy, k)
        system *= -(k + 1)  # in place: with many responses this is the largest array
        system[np.diag_indices(n)] += slack / policy - damping * system.min()
        factors = lu_factor(system, check_finite=False)  # not transposed: row pivots matter
        ones = lu_solve(factors, np.ones(n))  # how the policy follows the level

        # predictor: how far does a step straight to mu = 0 get? corrector: its second-order error, and a mu to match
        to_policy, to_slack, _ = direction(factors, ones, policy, slack, residual, np.zeros(n))
        step = longest(policy, to_policy, slack, to_slack)
        reached = (policy + step * to_policy) @ (slack + step * to_slack) / n
        products = mu * (reached / mu) ** 3 - to_policy * to_slack
        to_policy, to_slack, to_level = direction(factors, ones, policy, slack, residual, products)
        step = min(1.0, _TO_THE_BOUND * longest(policy, to_policy, slack, to_slack))

        bound = np.inf if iteration < _FREE_STEPS else _GROWTH * (np.abs(residual).max() + mu)
        while True:
            new = policy + step * to_policy, slack + step * to_slack, level + step * to_level
            payoffs = _scaled_payoffs(users, new[0], k)
            if np.abs(payoffs + new[1] - new[2]).max() + new[0] @ new[1] / n <= bound or step < 0.02:
                break
            step /= 2
        policy, slack, level = new
        damping = min(100 * damping, _DAMPING[1]) if step < 0.5 else max(damping / 10, _DAMPING[0])
    sparse = np.where(best > _DUST, best, 0)
    sparse /= sparse.sum()
    return Run(sparse if _exploitability(users, sparse, k) <= max(least, tolerance) else best, iteration)


def direction(
    factors: Any, ones: Floats, policy: Floats, slack: Floats, residual: Floats, products: Floats
) -> tuple[Floats, Floats, float]:
    """Returns the steps of policy, slack and level to residual 0 and `policy * slack = products`, to first order."""
    along = lu_solve(factors, residual + products / policy - slack)
    to_level = along.sum() / ones.sum()  # keeps the sum of the policy
    to_policy = along - to_level * ones
    return to_policy, (products - slack * to_policy) / policy - slack, float(to_level)


def longest(policy: Floats, to_policy: Floats, slack: Floats, to_slack: Floats) -> float:
    """Returns the longest step, at most 1, that keeps policy and slack from becoming negative."""
    ratios = np.concatenate([-to_policy / policy, -to_slack / slack])
    return float(1 / max(1.0, ratios.max()))


def _scaled_payoffs(users: Monotone, policy: Floats, k: int) -> Floats:
    return (k + 1) * users.payoffs(policy, k)


def _exploitability(users: Monotone, policy: Floats, k: int) -> float:
    return float((_scaled_payoffs(users, policy, k).max() - 1) / (k + 1))
