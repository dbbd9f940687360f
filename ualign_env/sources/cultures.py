"""Random scenarios: the statistical cultures of computational social choice, drawn anew for each prompt.

Axes: U users, N responses.
"""

import numpy as np

from ualign_env import _checks
from ualign_env.scenario import Scenario
from ualign_env.sources._prompts import check_size, drawn
from ualign_env.users import Population


def impartial(*, responses: int = 6, users: int = 100, seed: int = 0, prompts: int = 1) -> Scenario:
    """Every user's ranking is drawn uniformly: the impartial culture, pluralism without structure."""
    n, n_users = _checks.count("responses", responses, 1), _checks.count("users", users, 1)
    check_size(prompts, n * n_users)

    def draw(rng: np.random.Generator) -> Population:
        return Population.from_rankings(rng.permuted(np.tile(np.arange(n), (n_users, 1)), axis=1))

    return drawn(draw, seed, prompts)


def mallows(
    *,
    responses: int = 6,
    users: int = 100,
    phi: tuple[float, ...] = (0.8,),
    weights: tuple[float, ...] = (),
    seed: int = 0,
    prompts: int = 1,
) -> Scenario:
    """Rankings scattered around random centres: a Mallows model for each `phi`, mixed by `weights`.

    A ranking at Kendall distance d from its group's centre has probability proportional to phi^d: phi = 0 is
    agreement, phi = 1 the impartial culture. Several groups: `phi:0.2;0.5/weights:0.7;0.3` (default: equal).

    Source: C. L. Mallows, Biometrika 1957; sampled by repeated insertion (Doignon, Pekec & Regenwetter 2004).
    """
    n, n_users = _checks.count("responses", responses, 1), _checks.count("users", users, 1)
    check_size(prompts, n * n_users, n * n * n_users)
    dispersions = [_checks.real("phi", value, 0, 1) for value in phi]
    shares = _checks.weights(weights or np.ones(len(phi)), len(phi), "values of phi")

    def draw(rng: np.random.Generator) -> Population:
        groups = rng.choice(len(dispersions), size=n_users, p=shares)
        centres = rng.permuted(np.tile(np.arange(n), (len(dispersions), 1)), axis=1)
        rankings = np.empty((n_users, n), np.int64)
        for group, dispersion in enumerate(dispersions):
            members = np.flatnonzero(groups == group)
            rankings[members] = centres[group][_insertion_orders(rng, members.size, n, dispersion)]
        return Population.from_rankings(rankings)

    return drawn(draw, seed, prompts)


def _insertion_orders(rng: np.random.Generator, users: int, n: int, phi: float) -> np.ndarray:
    """Returns `[users, n]` rankings of 0..n-1 around the identity, by repeated insertion.

    Item i is put v places above the end of the list with probability proportional to phi^v, v = 0..i.
    """
    position = np.zeros((users, n), np.int64)
    sums = np.cumsum(phi ** np.arange(float(n)))
    for item in range(n):
        chances = sums[: item + 1]
        raised = np.searchsorted(chances, rng.random(users) * chances[-1], side="right")
        place = item - np.minimum(raised, item)
        position[:, :item] += position[:, :item] >= place[:, None]
        position[:, item] = place
    return np.argsort(position, axis=1)


def camps(
    *, niche: int = 20, core: int = 5, majority: float = 0.52, users: int = 1000, seed: int = 0, prompts: int = 1
) -> Scenario:
    """Two camps: everybody likes a niche response best, her camp's core next, and the other camp's responses least.

    Each camp has `core` responses that all of it like and `niche` that are the favourites of a few; a user's favourite
    is one random niche response of her camp, after which come its core, its other niches, the other camp's core and its
    niches, each in random order. NLHF stays near 1/2, random dictatorship shows niches, and neither improves much with
    k; an equilibrium mixes the cores.
    """
    n_niche, n_core = _checks.count("niche", niche, 1), _checks.count("core", core, 1)
    n_users, share = _checks.count("users", users, 1), _checks.real("majority", majority, 0, 1)
    per_camp = n_niche + n_core
    check_size(prompts, 2 * per_camp * n_users)
    names = [
        f"{camp}-{kind}-{i}" for camp in "ab" for kind, n in (("core", n_core), ("niche", n_niche)) for i in range(n)
    ]
    blocks = np.repeat([[1, 2, 3, 4], [3, 4, 1, 2]], [n_core, n_niche] * 2, axis=1)

    def draw(rng: np.random.Generator) -> Population:
        own = rng.random(n_users) >= share  # whether a user is of camp b
        places = blocks[own.astype(int)] + rng.random((n_users, 2 * per_camp))
        favourites = own * per_camp + n_core + rng.integers(n_niche, size=n_users)
        places[np.arange(n_users), favourites] = 0
        return Population.from_ranks(places, responses=names)

    return drawn(draw, seed, prompts)


def euclidean(
    *, responses: int = 10, users: int = 100, dimensions: int = 2, seed: int = 0, prompts: int = 1
) -> Scenario:
    """Users and responses are uniform points of a cube; users prefer what is near: a spectrum of opinions."""
    n, n_users = _checks.count("responses", responses, 1), _checks.count("users", users, 1)
    n_dimensions = _checks.count("dimensions", dimensions, 1)
    check_size(prompts, n * n_users + (n + n_users) * n_dimensions)

    def draw(rng: np.random.Generator) -> Population:
        points, ideals = rng.random((n, n_dimensions)), rng.random((n_users, n_dimensions))
        # |ideal - point|^2 without the user's own |ideal|^2, which does not change her order
        return Population.from_scores(2 * ideals @ points.T - (points**2).sum(axis=1))

    return drawn(draw, seed, prompts)
