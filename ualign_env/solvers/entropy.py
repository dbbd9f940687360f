"""The lottery of greatest entropy on a face of maximal lotteries, by a primal-dual interior-point method.

Minimises `sum(pi log(pi))` over `pi = interior + directions @ c` with `rooms = (pi, slacks @ pi) >= 0`. With a
multiplier for each of these inequalities, Newton's method follows `rooms * multipliers = mu` from mu = 1 to mu = 0. The
path begins at the analytic centre of the face, mu being infinite, and the interior lottery is near it. The entropy's
slope is infinite where a share vanishes, so that the lottery found uses all responses that some maximal lottery uses.

Axes: m responses, d directions.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from ualign_env._types import Floats
from ualign_env.solvers.lottery_face import Face

_GAP = 1e-18  # of slacks times multipliers: shares are then off by 1e-9 at most
_FLAT = 1e-12  # slope that rounding may leave
_TO_THE_BOUND = 0.9  # longer steps end at bounds of faces far narrower than shares
_SHORTEST = 1e-10  # step
_CENTRED = 0.1  # what mu is multiplied by in a step, until the end is near


@dataclass(frozen=True, eq=False)
class Entropic:
    """The lottery of greatest entropy.

    Attributes:
        policy: `[m]` the lottery.
        distance: how far it is, at most, from the one of greatest entropy (Euclidean), but for rounding.
        iterations: Newton steps taken.
    """

    policy: Floats
    distance: float
    iterations: int


def greatest_entropy(found: Face, max_iterations: int) -> Entropic:
    """Returns the lottery of greatest entropy on a face, in O(N d^2) time a step.

    The certificate: the objective's curvature is at least 1, so a lottery at distance x from the best has a slope of
    at least x^2 towards it. That slope is at most `x * |residual| + slacks @ multipliers`.
    """
    policy, directions = found.interior, found.directions
    m = policy.size
    if not directions.shape[1] or (policy == policy[0]).all():
        return Entropic(policy, 0.0, 0)
    to_slacks = found.slacks / (np.abs(found.slacks).max(initial=0.0) or 1.0)
    slopes = np.concatenate([directions, to_slacks @ directions])
    rooms = np.concatenate([policy, to_slacks @ policy])
    multipliers = 1 / rooms
    iteration = 0
    while True:
        residual = np.linalg.norm(_slope(rooms[:m], directions) - slopes.T @ multipliers)
        gap = rooms @ multipliers
        if (gap <= _GAP and residual <= _FLAT) or iteration >= max_iterations:
            break
        mu = max(min(_CENTRED, np.sqrt(gap)) * gap, _GAP / 2) / rooms.size
        # Newton's step solves these least squares; the normal equations would lose the entropy's curvature
        roots, pulls = np.sqrt(rooms[:m]), np.sqrt(multipliers / rooms)
        rows = np.concatenate([directions / roots[:, None], slopes * pulls[:, None]])
        along = _least_squares(rows, np.concatenate([-roots * np.log(rooms[:m]), mu / (rooms * pulls)]))
        to_rooms = slopes @ along
        to_multipliers = (mu - multipliers * to_rooms) / rooms - multipliers
        step = min(1.0, _TO_THE_BOUND / np.concatenate([-to_rooms / rooms, -to_multipliers / multipliers]).max())
        missed = np.hypot(residual, np.linalg.norm(rooms * multipliers - mu))
        while step > _SHORTEST:
            new = rooms + step * to_rooms, multipliers + step * to_multipliers
            left = np.linalg.norm(_slope(new[0][:m], directions) - slopes.T @ new[1])
            if np.hypot(left, np.linalg.norm(new[0] * new[1] - mu)) <= max((1 - step / 10) * missed, _FLAT):
                break
            step /= 2
        else:
            break
        (rooms, multipliers), iteration = new, iteration + 1
    return Entropic(rooms[:m] / rooms[:m].sum(), float(residual + np.sqrt(gap)), iteration)


def _slope(policy: Floats, directions: Floats) -> Floats:
    return directions.T @ np.log(policy)


def _least_squares(rows: Floats, aims: Floats) -> Floats:
    """Returns x with `rows @ x` next to the aims; with the largest rows first, it is as accurate for small ones."""
    order = np.argsort(-np.abs(rows).max(axis=1), kind="stable")
    q, r = np.linalg.qr(rows[order])
    return solve_triangular(r, q.T @ aims[order], check_finite=False)
