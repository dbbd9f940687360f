"""What solvers return.

Axes: P prompts, N responses.
"""

from dataclasses import dataclass

import numpy as np

from ualign_env._checks import Floats


class ConvergenceWarning(UserWarning):
    """A solver stopped before it reached its tolerance."""


@dataclass(frozen=True, eq=False)
class Run:
    """What one method made of one population.

    Attributes:
        policy: `[N]` the best policy found.
        iterations: steps taken.
    """

    policy: Floats
    iterations: int


@dataclass(frozen=True, eq=False)
class Equilibrium:
    """A symmetric equilibrium of the (k+1)-player game, with its certificate.

    Attributes:
        policy: `[N]` for a population, `[P, N]` for a scenario.
        k: number of samples of the policy that are shown; the game has k + 1 players.
        exploitability: what a player can gain by deviating, computed from `policy`; 0 at an equilibrium.
        robust_win_rate: chance that one of k samples is picked against the worst opponent.
        support_size: number of responses with positive probability, in all.
        iterations: steps taken, in all.
        method: the method used.
        seconds: wall-clock time.
        tolerance: what was asked for.
        converged: whether the certificate is at most `tolerance` on every prompt.
        temperature: weight of the KL divergence from the reference policy, 0 without regularisation.
        gap: the certificate: what a player can gain by deviating, in the regularised game with a temperature, on the
            prompt where it is largest.
    """

    policy: Floats
    k: int
    exploitability: float
    robust_win_rate: float
    support_size: int
    iterations: int
    method: str
    seconds: float
    tolerance: float
    converged: bool
    temperature: float
    gap: float

    def __repr__(self) -> str:
        with np.printoptions(precision=4, suppress=True, threshold=12):
            return (
                f"Equilibrium(k={self.k}, policy={self.policy}, robust_win_rate={self.robust_win_rate:.6f}, "
                f"exploitability={self.exploitability:.1e}, gap={self.gap:.1e}, support_size={self.support_size}, "
                f"method={self.method!r}, "
                f"converged={self.converged})"
            )
