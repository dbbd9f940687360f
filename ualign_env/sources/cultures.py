"""Random populations: the statistical cultures of computational social choice.

Axes: U users, N responses.
"""

import numpy as np

from ualign_env import _checks
from ualign_env.population import Population


def impartial(rng: np.random.Generator, *, responses: int = 6, users: int = 100) -> Population:
    """Every user's ranking is drawn uniformly: the impartial culture, pluralism without structure."""
    n, n_users = _checks.count("responses", responses, 1), _checks.count("users", users, 1)
    return Population.from_rankings(rng.permuted(np.tile(np.arange(n), (n_users, 1)), axis=1))


def mallows(
    rng: np.random.Generator,
    *,
    responses: int = 6,
    users: int = 100,
    phi: tuple[float, ...] = (0.8,),
    weights: tuple[float, ...] = (),
) -> Population:
    """Rankings scattered around random centres: a Mallows model for each `phi`, mixed by `weights`.

    A ranking at Kendall distance d from its group's centre has probability proportional to phi^d: phi = 0 is
    agreement, phi = 1 the impartial culture. Several groups: `phi:0.2;0.5/weights:0.7;0.3` (default: equal).

    Source: C. L. Mallows, Biometrika 1957; sampled by repeated insertion (Doignon, Pekec & Regenwetter 2004).
    """
    n, n_users = _checks.count("responses", responses, 1), _checks.count("users", users, 1)
    dispersions = [_checks.real("phi", value, 0, 1) for value in phi]
    shares = _checks.weights(weights or np.ones(len(phi)), len(phi), "values of phi")
    groups = rng.choice(len(dispersions), size=n_users, p=shares)
    centres = rng.permuted(np.tile(np.arange(n), (len(dispersions), 1)), axis=1)
    rankings = np.empty((n_users, n), np.int64)
    for group, dispersion in enumerate(dispersions):
        members = np.flatnonzero(groups == group)
        rankings[members] = centres[group][_insertion_orders(rng, members.size, n, dispersion)]
    return Population.from_rankings(rankings)


def _insertion_orders(rng: np.random.Generator, users: int, n: int, phi: float) -> np.ndarray:
    """Returns `[users, n]` rankings of 0..n-1 around the identity, by repeated insertion.

    Item i is put v places above the end of the list with probability proportional to phi^v, v = 0..i.
    """
    position = np.zeros((users, n), np.int64)
    for item in range(n):
        chances = np.cumsum(phi ** np.arange(item + 1.0))
        raised = np.searchsorted(chances, rng.random(users) * chances[-1], side="right")
        place = item - np.minimum(raised, item)
        position[:, :item] += position[:, :item] >= place[:, None]
        position[:, item] = place
    return np.argsort(position, axis=1)


def euclidean(rng: np.random.Generator, *, responses: int = 10, users: int = 100, dimensions: int = 2) -> Population:
    """Users and responses are uniform points of a cube; users prefer what is near: a spectrum of opinions."""
    n, n_users = _checks.count("responses", responses, 1), _checks.count("users", users, 1)
    n_dimensions = _checks.count("dimensions", dimensions, 1)
    points, ideals = rng.random((n, n_dimensions)), rng.random((n_users, n_dimensions))
    # |ideal - point|^2 without the user's own |ideal|^2, which does not change her order
    return Population.from_scores(2 * ideals @ points.T - (points**2).sum(axis=1))
