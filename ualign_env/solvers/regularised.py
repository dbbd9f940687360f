"""The equilibrium of the game in which every player pays for leaving a reference policy.

Each player's payoff is reduced by `temperature * KL(policy || reference)`, as in post-training near a reference model.
The only symmetric equilibrium is the fixed point `policy ~ reference * exp(payoffs / temperature)`.

Axes: N responses.
"""

import numpy as np
from scipy.linalg import lu_factor, lu_solve
from scipy.special import log_softmax, softmax

from ualign_env._types import Floats
from ualign_env.solvers.result import Run
from ualign_env.users import Users

_HOT = 100.0  # a temperature at which the reference is all but the equilibrium
_COOLING = 0.1  # factor to the next temperature, as long as Newton's method follows
_PATIENCE = 12  # Newton steps for a temperature before a smaller change is tried
_LEAST_STEP = 1e-6
_ON_THE_WAY = 1e-4  # gain, in temperatures, that is good enough for going on


def gain(payoffs: Floats, policy: Floats, temperature: float, reference: Floats) -> float:
    """Returns what a player of the regularised game can gain by deviating from a policy that all others play.

    The best response to the policy is `q ~ reference * exp(payoffs / temperature)`, and the gain is
    `temperature * KL(policy || q)`, here as a sum of terms of which none is negative.

    Args:
        payoffs: `[N]` what each response earns against k samples of the policy.
        policy: `[N]` distribution, infinitely costly where `reference` is 0 and it is not.
        temperature: weight of the KL divergence, positive.
        reference: `[N]` distribution.

    Returns:
        The gain, 0 at the equilibrium and only there.
    """
    with np.errstate(divide="ignore"):
        return _gain(payoffs, np.log(policy), temperature, np.log(reference))


def equilibrium(
    users: Users, k: int, temperature: float, reference: Floats, tolerance: float, max_iterations: int
) -> Run:
    """Returns a policy with a gain of at most `tolerance`, or the best of about `max_iterations` Newton steps.

    Follows the equilibrium from a high temperature down, by Newton's method on
    log(policy / reference) = payoffs / temperature + constant. Takes O(U N^2 + N^3) time a step. Below temperatures of
    about 1e-5, where the equilibrium is that of the game itself for most purposes, it can get stuck.
    """
    allowed = np.flatnonzero(reference > 0)
    game = _Game(users.among(allowed), k, reference[allowed])
    tilt = np.zeros(allowed.size)  # log(policy / reference), up to a constant
    heat, cooling = max(_HOT, temperature), _COOLING
    best, least = tilt, game.gain(tilt, temperature)
    iterations = 0
    while least > tolerance and iterations < max_iterations:
        cooler = max(temperature, cooling * heat)
        # with the same payoffs the tilt would grow as the temperature falls; where much weight moves they change
        trial = min(tilt * (heat / cooler), tilt, key=lambda guess: game.gain(guess, cooler))
        target = tolerance if cooler == temperature else _ON_THE_WAY * cooler
        iterations += 1
        for _ in range(_PATIENCE):
            if game.gain(trial, cooler) <= target:
                break
            trial = game.newton_step(trial, cooler)
            iterations += 1
        if game.gain(trial, cooler) <= _ON_THE_WAY * cooler:
            tilt, heat, cooling = trial, cooler, max(cooling**2, _COOLING)
        else:
            cooling = np.sqrt(cooling)
        if game.gain(trial, temperature) < least:
            best, least = trial, game.gain(trial, temperature)
        elif heat == temperature:
            break
    policy = np.zeros(users.n_responses)
    policy[allowed] = game.policy(best)
    return Run(policy, iterations)


class _Game:
    """The game of the responses that the reference allows, in terms of the policy's tilt against it."""

    def __init__(self, users: Users, k: int, reference: Floats) -> None:
        self.users, self.k, self.log_reference = users, k, np.log(reference)

    def policy(self, tilt: Floats) -> Floats:
        return softmax(self.log_reference + tilt)

    def gain(self, tilt: Floats, temperature: float) -> float:
        payoffs = self.users.payoffs(self.policy(tilt), self.k)
        return _gain(payoffs, log_softmax(self.log_reference + tilt), temperature, self.log_reference)

    def residual(self, tilt: Floats, temperature: float) -> Floats:
        """Returns by how much the fixed-point equations are missed; constants don't matter."""
        residual = temperature * tilt - self.users.payoffs(self.policy(tilt), self.k)
        return residual - residual.mean()

    def newton_step(self, tilt: Floats, temperature: float) -> Floats:
        """Returns the next tilt: a Newton step, halved until the residual shrinks."""
        policy, residual = self.policy(tilt), self.residual(tilt, temperature)
        jacobian = self.users.jacobian(policy, self.k)
        factors = lu_factor(temperature * np.eye(tilt.size) - jacobian * policy, check_finite=False)
        along, ones = lu_solve(factors, -residual), lu_solve(factors, np.ones_like(tilt))
        direction = along - (policy @ along) / (policy @ ones) * ones  # keeps the sum of the policy
        size, step = np.linalg.norm(residual), 1.0
        while np.linalg.norm(self.residual(tilt + step * direction, temperature)) > (1 - 0.1 * step) * size:
            step /= 2
            if step < _LEAST_STEP:
                break
        return tilt + step * direction


def _gain(payoffs: Floats, log_policy: Floats, temperature: float, log_reference: Floats) -> float:
    log_best = log_softmax(log_reference + payoffs / temperature)
    played = log_policy > -np.inf
    if (log_best[played] == -np.inf).any():
        return np.inf
    best = np.exp(log_best)
    ratio = log_policy[played] - log_best[played]
    small = np.abs(ratio) < 1e-3  # there the terms cancel, and a series takes their place
    series = best[played] * ratio**2 * (1 / 2 + ratio * (1 / 3 + ratio / 8))
    policy = np.exp(log_policy[played])
    terms = np.where(small, series, policy * ratio - policy + best[played])
    return temperature * float(terms.sum() + best[~played].sum())
