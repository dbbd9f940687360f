"""The lottery of maximum Nash welfare: what equilibria tend to as ever more responses are shown.

Of ever more responses, a user picks one of a kind in proportion to how often it is shown times its attraction, which
for users with rankings is 1 for favourites and 0 for the rest. Equilibria then tend to the policy that maximises the
mean logarithm of the attraction a user finds; where each user has one favourite, that is random dictatorship.

Axes: U user types, N responses.
"""

from dataclasses import dataclass

import numpy as np

from ualign_env._types import Floats
from ualign_env.solvers.interior_point import interior_point
from ualign_env.users import Users

_TOLERANCE = 1e-11
_STEPS = 500


@dataclass(frozen=True)
class NashWelfare:
    """A policy, and how far it is from the best.

    Attributes:
        policy: `[N]` the lottery.
        certificate: by how much the mean over users of one response's attraction, relative to what the policy gives
            them, exceeds 1: by no more can another policy's mean logarithm exceed this one's.
    """

    policy: Floats
    certificate: float


def nash_welfare(users: Users) -> NashWelfare:
    """Returns the lottery that maximises the weighted mean of users' logarithms of the attraction that they find.

    Raises:
        ValueError: if nobody knows what attracts the users.

    Source: H. Moulin, Fair Division and Collective Welfare, 2003; condition of optimality and a slower method:
    T. M. Cover, "An algorithm for maximizing expected log investment return", 1984.
    """
    attractions = users.attractions()
    if attractions is None:
        raise ValueError(f"what attracts {type(users).__name__} is not known, so that their Nash welfare isn't either")
    game = _Market(attractions / attractions.sum(axis=1, keepdims=True), users.weights)
    if (np.count_nonzero(attractions, axis=1) == 1).all():
        policy = users.weights @ game.shares
    else:
        policy = interior_point(game, 0, _TOLERANCE, _STEPS).policy
    return NashWelfare(policy, max(0.0, float(game.payoffs(policy).max()) - 1))


@dataclass(frozen=True)
class _Market:
    """Users who divide themselves among responses by attraction: a game like others, but of degree -1.

    Attributes:
        shares: `[U, N]` attractions that sum to 1 for each user.
        weights: `[U]` of the users.
    """

    shares: Floats
    weights: Floats

    @property
    def n_responses(self) -> int:
        return self.shares.shape[1]

    def first_guess(self) -> Floats:
        return self.weights @ self.shares

    def payoffs(self, policy: Floats, k: int = 0) -> Floats:  # noqa: ARG002
        """Returns `[N]`: the mean over users of each response's attraction, relative to the policy's."""
        with np.errstate(divide="ignore"):
            found = self.weights / (self.shares @ policy)
        return found @ self.shares if np.isfinite(found).all() else np.full(self.n_responses, np.inf)

    def jacobian(self, policy: Floats, k: int = 0) -> Floats:  # noqa: ARG002
        found = self.shares / (self.shares @ policy)[:, None]
        return -(found * self.weights[:, None]).T @ found
