"""The equilibrium of the game in which every player pays for leaving a reference policy.

Each player's payoff is reduced by `temperature * KL(policy || reference)`, as in post-training near a reference model.
The only symmetric equilibrium is the fixed point `policy ~ reference * exp(payoffs / temperature)`.

Axes: N responses.
"""

import numpy as np
from scipy.linalg import lu_factor, lu_solve
from scipy.special import logsumexp, rel_entr, softmax

from ualign_env import kernels
from ualign_env._checks import Floats
from ualign_env.population import Population
from ualign_env.solvers.result import Run

_HOT = 100.0  # a temperature at which the reference is all but the equilibrium
_COOLING = 0.1  # factor to the next temperature, as long as Newton's method follows
_PATIENCE = 12  # Newton steps for a temperature before a smaller change is tried
_ON_THE_WAY = 1e-4  # gap, in temperatures, that is good enough for going on


def regularised_gap(population: Population, policy: Floats, k: int, temperature: float, reference: Floats) -> float:
    """Returns what a player of the regularised game can gain by deviating from a policy that all others play.

    Args:
        population: U user types over N responses.
        policy: `[N]` distribution, infinitely costly where `reference` is 0 and it is not.
        k: number of samples that a response competes with.
        temperature: weight of the KL divergence, positive.
        reference: `[N]` distribution.

    Returns:
        The gain, 0 at the equilibrium and only there.
    """
    payoffs = kernels.deviation_payoffs(population.ranks, population.weights, policy[None], np.ones(1), k)
    return _gap(payoffs, policy, temperature, reference)


def regularised_equilibrium(
    population: Population, k: int, temperature: float, reference: Floats, tolerance: float, max_iterations: int
) -> Run:
    """Returns a policy with a gap of at most `tolerance`, or the last one of `max_iterations` Newton steps.

    Follows the equilibrium from a high temperature down, by Newton's method on
    log(policy / reference) = payoffs / temperature + constant. Takes O(U N^2 + N^3) time a step.
    """
    allowed = np.flatnonzero(reference > 0)
    game = _Game(population.restricted(allowed), k, reference[allowed])
    tilt = np.zeros(allowed.size)  # log(policy / reference), up to a constant
    heat, cooling = max(_HOT, temperature), _COOLING
    best, least = tilt, game.gap(tilt, temperature)
    iterations = 0
    while least > tolerance and iterations < max_iterations:
        cooler = max(temperature, cooling * heat)
        trial = tilt * (heat / cooler)  # the new equilibrium, if the payoffs stayed the same
        for _ in range(_PATIENCE):
            gap = game.gap(trial, cooler)
            if gap <= (tolerance if cooler == temperature else _ON_THE_WAY * cooler):
                break
            trial = game.newton_step(trial, cooler)
            iterations += 1
        gap = game.gap(trial, cooler)
        if gap <= max(tolerance, _ON_THE_WAY * cooler):
            tilt, heat, cooling = trial, cooler, max(cooling**2, _COOLING)
        else:
            cooling = np.sqrt(cooling)
        if game.gap(trial, temperature) < least:
            best, least = trial, game.gap(trial, temperature)
    policy = np.zeros(population.n_responses)
    policy[allowed] = game.policy(best)
    return Run(policy, iterations)


class _Game:
    """The game of the responses that the reference allows, in terms of the policy's tilt against it."""

    def __init__(self, population: Population, k: int, reference: Floats) -> None:
        self.population, self.k, self.reference = population, k, reference

    def policy(self, tilt: Floats) -> Floats:
        return softmax(np.log(self.reference) + tilt)

    def payoffs(self, policy: Floats) -> Floats:
        return kernels.deviation_payoffs(
            self.population.ranks, self.population.weights, policy[None], np.ones(1), self.k
        )

    def gap(self, tilt: Floats, temperature: float) -> float:
        policy = self.policy(tilt)
        return _gap(self.payoffs(policy), policy, temperature, self.reference)

    def newton_step(self, tilt: Floats, temperature: float) -> Floats:
        """Returns the next tilt: a Newton step, halved until the gap shrinks."""
        policy = self.policy(tilt)
        jacobian = kernels.deviation_jacobian(self.population.ranks, self.population.weights, policy, self.k)
        residual = temperature * tilt - self.payoffs(policy)
        factors = lu_factor(temperature * np.eye(tilt.size) - jacobian * policy, check_finite=False)
        along, ones = lu_solve(factors, policy @ residual - residual), lu_solve(factors, np.ones_like(tilt))
        direction = along - (policy @ along) / (policy @ ones) * ones  # keeps the sum of the policy
        gap, step = self.gap(tilt, temperature), 1.0
        while self.gap(tilt + step * direction, temperature) > (1 - 0.1 * step) * gap and step > 1e-8:
            step /= 2
        return tilt + step * direction


def _gap(payoffs: Floats, policy: Floats, temperature: float, reference: Floats) -> float:
    best = temperature * np.asarray(logsumexp(payoffs / temperature, b=reference))
    return max(0.0, float(best - policy @ payoffs + temperature * rel_entr(policy, reference).sum()))
