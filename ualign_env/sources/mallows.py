"""Mallows models: rankings scattered around random centres, drawn anew for each prompt.

Axes: U users, N responses, which are items while lists grow by them.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from ualign_env import _checks
from ualign_env._types import Ints
from ualign_env.scenario import Scenario
from ualign_env.sources._prompts import check_size, drawn
from ualign_env.users import Population

_PHI = (0.8,)  # where neither phi nor swaps is given, which is told by this very object
_BLOCK = 1 << 16  # items drawn or merged at once, which a processor's cache holds


def mallows(
    *,
    responses: int = 6,
    users: int = 100,
    phi: tuple[float, ...] = _PHI,
    swaps: tuple[float, ...] = (),
    weights: tuple[float, ...] = (),
    seed: int = 0,
    prompts: int = 1,
) -> Scenario:
    """Rankings scattered around random centres: a Mallows model for each `phi` or `swaps`, mixed by `weights`.

    A ranking at Kendall distance d from its group's centre has probability proportional to phi^d: phi = 0 is
    agreement, phi = 1 the impartial culture. Several groups: `phi:0.2;0.5/weights:0.7;0.3` (default: equal).

    The same phi means more agreement the more responses there are. `swaps` is given in its stead where sizes are
    compared: the expected share of the N (N - 1) / 2 pairs of responses that a user ranks otherwise than her centre,
    from 0 (agreement) to 0.5 (the impartial culture).

    Source: C. L. Mallows, Biometrika 1957; sampled by repeated insertion (Doignon, Pekec & Regenwetter 2004); `swaps`
    is half the normalised dispersion of N. Boehmer, P. Faliszewski & S. Kraiczy, ICML 2023.
    """
    n, n_users = _checks.count("responses", responses, 1), _checks.count("users", users, 1)
    check_size(prompts, n * n_users)
    if swaps and phi is not _PHI:
        raise ValueError(f"phi is {phi} and swaps is {swaps}, but only one of them can be given")
    if not phi:
        raise ValueError("phi is (), but must be a number from 0 to 1 for each group")
    if swaps:
        dispersions = [phi_of(_checks.real("swaps", share, 0, 0.5), n) for share in swaps]
    else:
        dispersions = [_checks.real("phi", value, 0, 1) for value in phi]
    groups_of = "swaps" if swaps else "phi"
    shares = _checks.weights(weights or np.ones(len(dispersions)), len(dispersions), f"values of {groups_of}")

    def draw(rng: np.random.Generator) -> Population:
        groups = rng.choice(len(dispersions), size=n_users, p=shares)
        centres = rng.permuted(np.tile(np.arange(n), (len(dispersions), 1)), axis=1)
        rankings = np.empty((n_users, n), np.int64)
        for group, dispersion in enumerate(dispersions):
            members = np.flatnonzero(groups == group)
            rankings[members] = centres[group][_insertion_orders(rng, members.size, n, dispersion)]
        return Population.from_rankings(rankings)

    return drawn(draw, seed, prompts)


def phi_of(share: float, n: int) -> float:
    """Returns the phi with which an expected share of the pairs of N responses is swapped, from 0 to 0.5."""
    if not 0 < share < _expected_share(1.0, n):
        return 2 * share  # the ends, of which one response has no others
    found: Any = brentq(lambda phi: _expected_share(phi, n) - share, 0, 1, xtol=1e-15)
    return float(found)


def _expected_share(phi: float, n: int) -> float:
    """Returns the expected share of swapped pairs, E d / (N (N - 1) / 2).

    Item i is put v = 0..i places up with probability proportional to phi^v, which swaps v pairs. E d is therefore
    sum_i (sum_v v phi^v / sum_v phi^v) = N phi / (1 - phi) - sum_{i=1}^N i phi^i / (1 - phi^i), of which the sums are
    exact near phi = 1, too.
    """
    places = np.arange(float(n))
    powers = phi**places
    expected = (np.cumsum(places * powers) / np.cumsum(powers)).sum()
    return float(expected / max(n * (n - 1) / 2, 1))


def _insertion_orders(rng: np.random.Generator, users: int, n: int, phi: float) -> Ints:
    """Returns `[users, N]` rankings of 0..N-1 around the identity, by repeated insertion.

    Item i is put v places above the end of the list with probability proportional to phi^v, v = 0..i.
    """
    sums = np.cumsum(phi ** np.arange(float(n)))
    places = np.empty((n, users), np.int32)
    step = _BLOCK // max(users, 1) + 1
    for start in range(0, n, step):
        items = np.arange(start, min(start + step, n))[:, None]
        raised = np.searchsorted(sums, rng.random((items.size, users)) * sums[items], side="right")
        places[start : start + step] = items - np.minimum(raised, items)
    orders = np.empty((users, n), np.int64)
    step = _BLOCK // n + 1
    for start in range(0, users, step):
        orders[start : start + step] = inserted(places[:, start : start + step].T)
    return orders


def inserted(places: npt.NDArray[np.signedinteger]) -> npt.NDArray[np.signedinteger]:
    """Returns the lists that arise when item i is inserted at a place of what is there, in N log^2 N steps a list.

    Neighbouring blocks of items are merged until one is left. A block holds its items in the order of the places that
    they have once the last of them is inserted. If a later block's places are t_0 < t_1 < ..., an item that was at x
    before it is then at x + #{j : t_j - j <= x}: sorted by t_j - j and x, the later block's first where they are equal,
    every item of both moves up by the number of the later block's items before it.

    Args:
        places: `[U, N]`, item i's from 0 to i.

    Returns:
        `[U, N]` items from the first place to the last.
    """
    users, n = places.shape
    levels = (n - 1).bit_length()
    index = np.arange(1 << levels, dtype=np.int32 if levels < 16 else np.int64)  # small numbers take half of the time
    rows = np.arange(0, users << levels, 1 << levels)[:, None]
    # items beyond N, up to a power of two, are put at the end and change nothing
    items = np.tile(index, (users, 1))
    now = items.copy()
    now[:, :n] = places
    for level in range(levels):
        width = 1 << level
        at = index % (2 * width)  # where a column is in its two blocks
        now -= np.maximum(at - width, 0)
        # one number says an item's place and, where places are equal, which comes first: the later block's, in order
        now <<= level + 1
        now += at ^ width
        now.reshape(users, -1, 2 * width).sort(axis=-1)
        stood = now & (2 * width - 1)
        now >>= level + 1
        earlier = stood >> level  # 1 for an item of the earlier block, 0 for one of the later
        # before the later block's item `stood` come that many of its block; before the earlier block's item
        # stood - width, which is now in column `at`, come at - (stood - width)
        now += stood + earlier * (at + width - 2 * stood)
        items = items.reshape(-1)[rows + (index - at) + (stood ^ width)]
    return items[:, :n]
