"""The Bradley-Terry model of comparisons: what reward models of RLHF are fitted to.

Axes: N responses.

Source: Bradley & Terry, "Rank analysis of incomplete block designs", 1952.
"""

import numpy as np

_RIDGE = 1e-6  # keeps rewards finite where a response wins or loses always
_TOLERANCE = 1e-10


def fit(wins: np.ndarray) -> np.ndarray:
    """Returns `[N]` rewards of mean 0 under which `[N, N]` wins of rows over columns are likeliest, by Newton steps."""
    n = len(wins)
    wins = wins / max(wins.sum(), 1.0)
    rewards = np.zeros(n)
    for _ in range(100):
        chances = 1 / (1 + np.exp(rewards[None, :] - rewards[:, None]))
        games = wins + wins.T
        gradient = (wins - games * chances).sum(axis=1) - _RIDGE * rewards
        curvature = games * chances * (1 - chances)
        hessian = np.diag(curvature.sum(axis=1) + _RIDGE) - curvature
        step = np.linalg.solve(hessian, gradient)
        rewards = rewards + step / max(1.0, np.abs(step).max())  # no step beyond 1, where the model is far from square
        if np.abs(step).max() < _TOLERANCE:
            break
    return rewards - rewards.mean()
