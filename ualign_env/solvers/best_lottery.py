"""The best maximal lottery for k responses: where there are several, they differ in what k samples are worth.

A response's payoff against k samples is convex in their policy, and so is the highest payoff. Cutting planes minimise
that over the face of maximal lotteries: tangents bound payoffs from below, a linear program finds where the highest of
them is lowest, and the tangents at the lottery found join.

Axes: N responses, m essential ones, d the face's dimension.

Source: J. E. Kelley, "The Cutting-Plane Method for Solving Convex Programs", 1960.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog

from ualign_env import _checks
from ualign_env._result import Result
from ualign_env._types import Floats
from ualign_env.solvers.lottery_face import Face
from ualign_env.solvers.maximal_lottery import Found, search
from ualign_env.specs import ScenarioLike, users_of
from ualign_env.users import Users

_ROUNDS = 200
_TOLERANCE = 1e-6
_TANGENTS = 10  # of the responses with the highest payoffs, that join in a round
_EXACT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


@dataclass(frozen=True, eq=False)
class BestLottery(Result):
    """The maximal lottery with the highest robust win rate for some k.

    Attributes:
        policy: `[N]` the best maximal lottery found.
        k: number of samples of it that are shown.
        robust_win_rate: chance that one of them is picked against the worst opponent.
        upper_bound: no maximal lottery has a higher robust win rate.
        iterations: linear programs solved.
        tolerance: what was asked for.
    """

    policy: Floats
    k: int
    robust_win_rate: float
    upper_bound: float
    iterations: int
    tolerance: float

    @property
    def certificate(self) -> float:
        """By how much the robust win rate may be raised, at most."""
        return max(0.0, self.upper_bound - self.robust_win_rate)

    @property
    def advice(self) -> str | None:
        """What to do where the tolerance was missed."""
        if self.certificate <= self.tolerance:
            return None
        return (
            f"another maximal lottery may win {self.certificate:.1e} more, above the tolerance of {self.tolerance:.1e}"
        )

    def summary(self) -> str:
        """Returns the rate and its certificate."""
        text = (
            f"best maximal lottery for k = {self.k}: robust win rate {self.robust_win_rate:.6f}, "
            f"certificate {self.certificate:.1e}"
        )
        return f"{text}\n{self.advice}" if self.advice else text


def best_maximal_lottery(
    scenario: ScenarioLike, k: int, *, tolerance: float = 1e-6, prompt: int | str | None = None
) -> BestLottery:
    """Returns the maximal lottery with the highest robust win rate where k samples of it are shown.

    Args:
        scenario: users, or a scenario or its spec.
        k: number of samples, from 1 to 1,000,000.
        tolerance: certificate to reach.
        prompt: index of the prompt, or its name; needed where the scenario has several.

    Raises:
        ValueError: if an argument is out of range.
    """
    users, k = users_of(scenario, prompt), _checks.number_of_outputs(k)
    return best_on_face(users, k, search(users), _checks.positive("tolerance", tolerance))


def best_on_face(users: Users, k: int, found: Found, tolerance: float = _TOLERANCE) -> BestLottery:
    """Returns the best for k samples of the maximal lotteries found; where others may exist, the bound is k/(k+1)."""
    best = policy = found.lotteries.policy.copy()  # a locked array would have loops of its own
    if found.lotteries.unique is not False:
        least = float(users.payoffs(policy, k).max())
        bound = least if found.lotteries.unique else 1 / (k + 1)
        return BestLottery(best, k, 1 - least, 1 - bound, 0, tolerance)
    corners = _Corners(users, found.face)
    least, bound = np.inf, 0.0
    tangents: list[Floats] = []
    iterations = 0
    while True:
        payoffs = users.payoffs(policy, k)
        if payoffs.max() < least:
            best, least = policy, float(payoffs.max())
        if least - bound <= tolerance or iterations == _ROUNDS:
            break
        highest = np.argsort(-payoffs, kind="stable")[:_TANGENTS]
        tangents.append(corners.tangents(policy, k, payoffs, highest))
        policy, bound = corners.lowest(np.concatenate(tangents))
        bound = max(bound, 1 / (k + 1))  # which the highest payoff never falls below
        iterations += 1
    return BestLottery(best, k, 1 - least, 1 - min(bound, least), iterations, tolerance)


class _Corners:
    """The face in coordinates c, `policy = interior + directions @ c`, between the inequalities of all responses."""

    def __init__(self, users: Users, face: Face) -> None:
        self.users, self.face = users, face
        self.dimension = face.directions.shape[1]
        pairwise = users.pairwise()
        losses = (pairwise - pairwise.T)[face.support]
        others = np.delete(np.arange(users.n_responses), face.support)
        rooms = np.concatenate([np.eye(face.support.size), losses[:, others].T])  # of the support's policies, >= 0
        self.room, self.slopes = rooms @ face.interior, rooms @ face.directions

    def tangents(self, policy: Floats, k: int, payoffs: Floats, responses: npt.NDArray[np.intp]) -> Floats:
        """Returns `[responses, d + 1]` their payoffs' tangents at a policy: slopes, and heights at c = 0."""
        support = self.face.support
        index = np.union1d(support, responses)
        jacobian = self.users.among(index).jacobian(np.ascontiguousarray(policy[index]), k)
        rows = np.ix_(np.searchsorted(index, responses), np.searchsorted(index, support))
        slopes = jacobian[rows] @ self.face.directions
        here = self.face.directions.T @ (policy[support] - self.face.interior)
        return np.column_stack([slopes, payoffs[responses] - slopes @ here])

    def lowest(self, tangents: Floats) -> tuple[Floats, float]:
        """Returns the lottery where the highest of the tangents is lowest, and its height there."""
        program = linprog(
            np.append(np.zeros(self.dimension), 1.0),
            A_ub=np.block([[tangents[:, :-1], -np.ones((len(tangents), 1))], [-self.slopes, 0 * self.room[:, None]]]),
            b_ub=np.concatenate([-tangents[:, -1], self.room]),
            bounds=(None, None),
            options=_EXACT,
        )
        if not program.success:
            raise RuntimeError(f"a linear program over the maximal lotteries was not solved: {program.message}")
        away = program.x[:-1]
        room = self.room + self.slopes @ away
        # the program's answer may be outside by rounding: so far back towards the interior
        outside = room < 0
        back = (room[outside] / (room - self.room)[outside]).max(initial=0.0)
        policy = np.zeros(self.users.n_responses)
        policy[self.face.support] = np.maximum(self.face.interior + (1 - back) * (self.face.directions @ away), 0)
        return policy / policy.sum(), float(program.fun)
