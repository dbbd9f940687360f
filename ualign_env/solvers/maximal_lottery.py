"""Maximal lotteries: the equilibria for k = 1, and what Nash learning from human feedback (NLHF) looks for.

There can be several. The one of greatest entropy is what this package calls NLHF: it is the limit of the equilibria
regularised towards the uniform policy as their temperature falls to 0. For a maximal lottery does not lose to such an
equilibrium, which is the best response to itself; so that the equilibrium has at least the lottery's entropy.

Axes: U user types, N responses.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ualign_env._result import Result
from ualign_env._text import counted
from ualign_env._threads import one_blas_thread
from ualign_env._types import Floats
from ualign_env.solvers.entropy import greatest_entropy
from ualign_env.solvers.lottery_face import Face, face
from ualign_env.specs import ScenarioLike, users_of
from ualign_env.users import Users

_NEWTON_STEPS = 500
# Shares of users that differ by less are tied, as in `Users`: the rounding of a sum of weights is far smaller, and one
# user of a hundred billion weighs more.
_TIED = 1e-12
_SMALL = 200  # responses up to which all are taken at once
_FEW = 64  # responses that are taken first, and that may join at once
_NEAR = 1e-9  # share by which a response may lose and join nevertheless; one too many does no harm
_CLOSE = 1e-8  # distance from the lottery of greatest entropy


@dataclass(frozen=True, eq=False)
class MaximalLotteries(Result):
    """All maximal lotteries of some users, described by the one of greatest entropy.

    Attributes:
        policy: `[N]` the maximal lottery of greatest entropy.
        unique: whether there is no other; None where it was not found out, and `policy` may be another.
        support: the responses that some maximal lottery uses; `policy` uses them all.
        dimension: of the polytope of all maximal lotteries, 0 for a point; None as for `unique`.
        certificate: what a response gains against `policy` over 1/2, at most.
        distance: how far `policy` is, at most, from the maximal lottery of greatest entropy (Euclidean).
        iterations: Newton steps taken.
    """

    policy: Floats
    unique: bool | None
    support: tuple[int, ...]
    dimension: int | None
    certificate: float
    distance: float
    iterations: int

    @property
    def advice(self) -> str | None:
        """What to do where it is not known whether there are others."""
        if self.unique is not None:
            return None
        return (
            "whether this is the maximal lottery of greatest entropy was not found out: more iterations tell, or "
            "weights that differ by fewer orders of magnitude"
        )

    def summary(self) -> str:
        """Returns how many responses and other lotteries there are."""
        others = {None: "perhaps not the only one", 0: "the only one"}.get(
            self.dimension, f"of the greatest entropy on a face of dimension {self.dimension}"
        )
        text = (
            f"maximal lottery of {counted(len(self.support), 'response')}, {others}, certificate {self.certificate:.1e}"
        )
        return f"{text}\n{self.advice}" if self.advice else text


@dataclass(frozen=True, eq=False)
class Found:
    """What a search found.

    Attributes:
        lotteries: the result.
        face: where all maximal lotteries are, around that result; it may miss slacks of responses that lose to it.
    """

    lotteries: MaximalLotteries
    face: Face


def maximal_lottery(users: Users) -> Floats:
    """Returns the distribution of greatest entropy that no response is preferred to by more than half of the users.

    Args:
        users: U user types over N responses.

    Returns:
        `[N]` distribution.

    Source: P. C. Fishburn, "Probabilistic Social Choice Based on Simple Voting Comparisons", 1984.
    """
    return search(users).lotteries.policy


def maximal_lotteries(scenario: ScenarioLike, *, prompt: int | str | None = None) -> MaximalLotteries:
    """Returns the maximal lottery of greatest entropy, and whether there are others.

    Args:
        scenario: users, or a scenario or its spec.
        prompt: index of the prompt, or its name; needed where the scenario has several.

    Raises:
        ValueError: if an argument is no scenario or out of range.
    """
    return search(users_of(scenario, prompt)).lotteries


def search(users: Users, max_iterations: int = _NEWTON_STEPS) -> Found:
    """Returns the maximal lottery of greatest entropy, and the face around it, after so many Newton steps at most.

    Takes all responses, or first a few and then those that do not lose to a maximal lottery of the game of those taken,
    at last that of greatest entropy. In the end all others lose to it. Then no maximal lottery uses one of them, since
    maximal lotteries tie with each other's responses: all maximal lotteries are among those of the game of the
    responses taken, and are the same around the one found, whose entropy is the greatest of more.

    Takes O(U W^2 + W^3) time for W responses taken and O(U N) for a look at the others, several times:
    hundredths of a second for a few dozen responses that matter, seconds where many hundreds tie in part.
    """
    n = users.n_responses
    scores = users.payoffs(np.full(n, 1 / n), 1)
    taken = np.arange(n) if n <= _SMALL else np.sort(np.argsort(-scores, kind="stable")[:_FEW])
    iterations = 0
    with one_blas_thread():
        while True:
            found = face(_margins(users.among(taken)), max_iterations - iterations)
            iterations += found.iterations
            policy, support = np.zeros(n), taken[found.support]
            policy[support] = found.interior
            (certificate, joining), distance = _look(users, policy, taken), 0.0
            if not joining.size and found.directions.size:
                best = greatest_entropy(found, max_iterations - iterations)
                iterations, distance = iterations + best.iterations, best.distance
                policy[support] = best.policy
                certificate, joining = _look(users, policy, taken)
            if not joining.size or iterations >= max_iterations:
                break
            taken = np.union1d(taken, joining)
    known = found.strict and not joining.size and certificate <= _TIED and distance <= _CLOSE
    dimension = found.directions.shape[1] if known else None
    lotteries = MaximalLotteries(
        policy=policy,
        unique=None if dimension is None else dimension == 0,
        support=tuple(support.tolist()),
        dimension=dimension,
        certificate=certificate,
        distance=distance if known else np.sqrt(2.0),
        iterations=iterations,
    )
    return Found(lotteries, replace(found, support=support))


def _look(users: Users, policy: Floats, taken: npt.NDArray[np.intp]) -> tuple[float, npt.NDArray[np.intp]]:
    """Returns what a response gains against the policy, and those not taken that win or tie, the best ones first."""
    gains = users.payoffs(policy, 1) - 1 / 2
    certificate = max(0.0, float(gains.max()))
    gains[taken] = -1
    best = np.argsort(-gains, kind="stable")[: max(_FEW, taken.size)]
    return certificate, best[gains[best] >= -_NEAR]


def _margins(users: Users) -> Floats:
    """Returns `[N, N]` the share who prefer row to column minus that of column to row.

    Those of whole numbers of users are rounded to whole numbers, so that what is tied has a margin of exactly 0.
    """
    pairwise = users.pairwise()
    margins = pairwise - pairwise.T
    scale = float(min(users.n_users, 2**53))
    whole = np.rint(margins * scale) / scale
    return np.where(np.abs(margins - whole) <= _TIED, whole, margins)
