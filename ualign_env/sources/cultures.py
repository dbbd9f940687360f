"""Random scenarios: statistical cultures of computational social choice, drawn anew for each prompt.

Axes: U users, N responses, D dimensions.
"""

from collections.abc import Callable

import numpy as np

from ualign_env import _checks
from ualign_env._types import Floats
from ualign_env.scenario import Scenario
from ualign_env.sources._prompts import check_size, drawn
from ualign_env.users import Population

_SPACES = ("cube", "ball", "gaussian")
RESPONSES, SPREAD = 6, 1.0  # of a Plackett-Luce model whose strengths are not given


def impartial(*, responses: int = 6, users: int = 100, seed: int = 0, prompts: int = 1) -> Scenario:
    """Every user's ranking is drawn uniformly: the impartial culture, pluralism without structure.

    Source: G. T. Guilbaud, "Les theories de l'interet general et le probleme logique de l'agregation", 1952.
    """
    n, n_users = _checks.count("responses", responses, 1), _checks.count("users", users, 1)
    check_size(prompts, n * n_users)
    return drawn(lambda rng: Population.from_rankings(_uniform_orders(rng, n_users, n)), seed, prompts)


def urn(*, responses: int = 6, users: int = 100, alpha: float = 0.1, seed: int = 0, prompts: int = 1) -> Scenario:
    """Rankings spread by contagion: a user copies an earlier one, or draws hers uniformly (Polya-Eggenberger urn).

    After i users, the next copies one of them, each equally likely, with probability i alpha / (1 + i alpha): an urn
    of all N! rankings into which every ranking drawn is put back with alpha N! copies. alpha = 0 is the impartial
    culture; two users agree with probability alpha / (1 + alpha) + 1 / ((1 + alpha) N!).

    Source: F. Eggenberger & G. Polya 1923; S. Berg, Public Choice 1985 (of rankings); J. McCabe-Dansted & A. Slinko,
    Group Decision and Negotiation 2006 (alpha in units of N!).
    """
    n, n_users = _checks.count("responses", responses, 1), _checks.count("users", users, 1)
    contagion = _checks.scale("alpha", alpha, zero=True)
    check_size(prompts, n * n_users)
    earlier = np.arange(n_users)

    def draw(rng: np.random.Generator) -> Population:
        copies = rng.random(n_users) * (1 + earlier * contagion) < earlier * contagion
        source = np.where(copies, rng.integers(np.maximum(earlier, 1)), earlier)
        while (source[source] != source).any():  # each pass halves the way to whoever drew the ranking
            source = source[source]
        first, counts = np.unique(source, return_counts=True)
        return Population.from_rankings(_uniform_orders(rng, first.size, n), counts)

    return drawn(draw, seed, prompts)


def plackett_luce(
    *,
    responses: int = RESPONSES,
    users: int = 100,
    spread: float = SPREAD,
    strengths: tuple[float, ...] = (),
    seed: int = 0,
    prompts: int = 1,
) -> Scenario:
    """Users choose a best response by Luce's rule, then a next: with random strengths, or `strengths` (Plackett-Luce).

    The next best response is i with probability w_i over the sum of the strengths w that are left. The logarithms of
    the strengths are normal with standard deviation `spread`, drawn anew for each prompt, or all prompts have those
    given: `strengths:1;2;4`, which also says how many responses there are.

    Source: R. D. Luce, Individual Choice Behavior, 1959; R. L. Plackett, Applied Statistics 1975; drawn by sorting
    logarithms of strengths plus Gumbel noise (J. I. Yellott, Journal of Mathematical Psychology 1977).
    """
    n_users = _checks.count("users", users, 1)
    n, logs = log_strengths(responses, spread, strengths)
    check_size(prompts, n * n_users)
    return drawn(lambda rng: Population.from_scores(logs(rng) + rng.gumbel(size=(n_users, n))), seed, prompts)


def log_strengths(
    responses: int, spread: float, strengths: tuple[float, ...]
) -> tuple[int, Callable[[np.random.Generator], Floats]]:
    """Returns how many responses there are, and what draws `[N]` logarithms of their strengths, or gives those given.

    Raises:
        ValueError: if strengths are given and something else of them, too.
    """
    n, deviation = _checks.count("responses", responses, 1), _checks.scale("spread", spread, zero=True)
    given = np.log([_checks.positive("strengths", value) for value in strengths])
    if not given.size:
        return n, lambda rng: deviation * rng.standard_normal(n)
    if n not in (RESPONSES, given.size):
        raise ValueError(f"strengths has {given.size} entries, but responses is {n}: give one of them")
    if deviation != SPREAD:
        raise ValueError(f"spread is {spread} and strengths are {strengths}, but only one of them can be given")
    return given.size, lambda _: given


def euclidean(
    *,
    responses: int = 10,
    users: int = 100,
    dimensions: int = 2,
    space: str = "cube",
    seed: int = 0,
    prompts: int = 1,
) -> Scenario:
    """Users and responses are random points of a space; users prefer what is near: a spectrum of opinions.

    Points are uniform in the unit cube or the unit ball, or of the standard normal distribution (`gaussian`).

    Source: J. M. Enelow & M. J. Hinich, The Spatial Theory of Voting, 1984.
    """
    n, n_users = _checks.count("responses", responses, 1), _checks.count("users", users, 1)
    n_dimensions = _checks.count("dimensions", dimensions, 1)
    _checks.one_of("space", space, _SPACES)
    check_size(prompts, n * n_users + (n + n_users) * n_dimensions)

    def draw(rng: np.random.Generator) -> Population:
        places, ideals = (points(rng, space, number, n_dimensions) for number in (n, n_users))
        # |ideal - place|^2 without the user's own |ideal|^2, which does not change her order
        return Population.from_scores(2 * ideals @ places.T - (places**2).sum(axis=1))

    return drawn(draw, seed, prompts)


def points(rng: np.random.Generator, space: str, number: int, dimensions: int) -> Floats:
    """Returns `[number, D]` points of a space: `cube`, `ball` or `gaussian`."""
    if space == "cube":
        return rng.random((number, dimensions))
    normal = rng.standard_normal((number, dimensions))
    if space == "gaussian":
        return normal
    # a ball of radius r has r^D of the unit ball's volume
    radii = rng.random((number, 1)) ** (1 / dimensions)
    return normal * (radii / np.linalg.norm(normal, axis=1, keepdims=True))


def camps(
    *, niche: int = 20, core: int = 5, majority: float = 0.52, users: int = 1000, seed: int = 0, prompts: int = 1
) -> Scenario:
    """Two camps: everybody likes a niche response best, her camp's core next, and the other camp's responses least.

    To the nearest user, a share of `majority` is of camp a. Each camp has `core` responses that all of it like and
    `niche` that are the favourites of a few; a user's favourite is one random niche response of her camp, after which
    come its core, its other niches, the other camp's core and its niches, each in random order. NLHF stays near 1/2,
    random dictatorship shows niches, and neither improves much with k; an equilibrium mixes the cores.

    Source: ours.
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
        own = np.arange(n_users) >= round(share * n_users)  # whether a user is of camp b
        places = blocks[own.astype(int)] + rng.random((n_users, 2 * per_camp))
        favourites = own * per_camp + n_core + rng.integers(n_niche, size=n_users)
        places[np.arange(n_users), favourites] = 0
        return Population.from_ranks(places, responses=names)

    return drawn(draw, seed, prompts)


def _uniform_orders(rng: np.random.Generator, users: int, n: int) -> np.ndarray:
    """Returns `[users, N]` rankings, each of all N! equally likely."""
    return rng.permuted(np.tile(np.arange(n), (users, 1)), axis=1)
