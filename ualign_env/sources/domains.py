"""Random scenarios of restricted domains: responses have a structure that every user's ranking follows.

Axes: U users, N responses.
"""

import numpy as np

from ualign_env import _checks
from ualign_env._types import Ints
from ualign_env.scenario import Scenario
from ualign_env.sources._prompts import check_size, drawn
from ualign_env.users import Population


def single_peaked(
    *, responses: int = 6, users: int = 100, model: str = "walsh", seed: int = 0, prompts: int = 1
) -> Scenario:
    """Responses lie on an axis; users have a favourite, and like less what is farther from it on the same side.

    The axis is 0 to N - 1. With `walsh`, each of the 2^(N-1) such rankings is equally likely. With `conitzer`, each
    response is equally likely the favourite, and the next best is the neighbour on the left or the right of those
    before, each with probability 1/2 while there are both.

    Source: D. Black, Journal of Political Economy 1948; T. Walsh, "Generating single peaked votes", 2015; V. Conitzer,
    Journal of Artificial Intelligence Research 2009.
    """
    n, n_users = _checks.count("responses", responses, 1), _checks.count("users", users, 1)
    makers = {"walsh": _walsh_orders, "conitzer": _conitzer_orders}
    orders = makers[_checks.one_of("model", model, makers)]
    check_size(prompts, n * n_users)
    return drawn(lambda rng: Population.from_rankings(orders(rng, n_users, n)), seed, prompts)


def group_separable(
    *, responses: int = 6, users: int = 100, tree: str = "balanced", seed: int = 0, prompts: int = 1
) -> Scenario:
    """Responses are the leaves of a binary tree; users rank one branch of each node as a block above the other.

    Each user swaps the two branches at every inner node with probability 1/2, which makes 2^(N-1) rankings equally
    likely. A node of the `balanced` tree halves the responses 0 to N - 1 (of an odd number, the second half has one
    more); one of the `caterpillar` parts the first of them from the others.

    Source: K. Inada, Econometrica 1964; P. Faliszewski, A. Karpov & S. Obraztsova, "The complexity of election problems
    with group-separable preferences", Autonomous Agents and Multi-Agent Systems 2022 (the trees).
    """
    n, n_users = _checks.count("responses", responses, 1), _checks.count("users", users, 1)
    makers = {"balanced": _balanced_places, "caterpillar": _ends}
    places = makers[_checks.one_of("tree", tree, makers)]
    check_size(prompts, n * n_users)
    return drawn(lambda rng: Population.from_ranks(places(rng, n_users, n)), seed, prompts)


def _ends(rng: np.random.Generator, users: int, n: int) -> Ints:
    """Returns `[users, N]`: 0..N-1, each from the low or the high end of what is left, with probability 1/2."""
    low = rng.integers(2, size=(users, n), dtype=np.int8)
    before = np.cumsum(low, axis=1) - low  # how many were taken from the low end
    return np.where(low, before, n - 1 - (np.arange(n) - before))


def _walsh_orders(rng: np.random.Generator, users: int, n: int) -> Ints:
    """Returns `[users, N]` rankings, from the worst on: an end of what is left of the axis."""
    return _ends(rng, users, n)[:, ::-1]


def _conitzer_orders(rng: np.random.Generator, users: int, n: int) -> Ints:
    """Returns `[users, N]` rankings, from the favourite on: a neighbour of those before."""
    peak = rng.integers(n, size=(users, 1))
    steps = np.arange(n)
    left = np.zeros((users, n), np.int64)
    np.cumsum(rng.integers(2, size=(users, n - 1), dtype=np.int8), axis=1, out=left[:, 1:])
    # after t steps, at most `peak` of them were to the left, and at most n - 1 - peak to the right
    left = np.clip(left, steps - (n - 1 - peak), peak)
    to_left = np.diff(left, axis=1, prepend=0) > 0
    return np.where(to_left, peak - left, peak + steps - left)


def _balanced_places(rng: np.random.Generator, users: int, n: int) -> Ints:
    """Returns `[users, N]`: each response's place in the rankings of a tree whose nodes halve what they have."""
    index = np.arange(n)
    places = np.repeat(index[:, None], users, axis=1)
    starts, stops = np.zeros(n, np.int64), np.full(n, n)  # of each response's node, on one level of the tree
    while (stops - starts > 1).any():
        middles = (starts + stops) // 2
        first = index < middles
        nodes, node = np.unique(starts, return_inverse=True)
        swapped = rng.integers(2, size=(nodes.size, users), dtype=np.int8)
        # behind the other branch or before it; a node of one response stays
        places += np.where(first, stops - middles, starts - middles)[:, None] * swapped[node]
        starts, stops = np.where(first, starts, middles), np.where(first, middles, stops)
    return places.T
