"""The best l responses against a model: by enumeration, by an integer program, or greedily.

Axes: U user types, N responses, M multisets, l responses of the opponent.

Source: Nemhauser, Wolsey and Fisher, "An analysis of approximations for maximizing submodular set functions", 1978, for
the greedy algorithm and both of its bounds.
"""

import math
from dataclasses import dataclass
from itertools import chain, combinations_with_replacement
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array, eye_array, hstack, vstack

from ualign_env import _checks
from ualign_env.payoffs import TooLargeError, about
from ualign_env.population import Population
from ualign_env.versus.kernels import Sets
from ualign_env.versus.models import Model, number_of_responses, samples

Method = Literal["auto", "exact", "enumeration", "milp", "greedy"]

_MAX_SETS = 2_000_000  # enumerated
_MAX_LOOKS = 2_000_000_000  # users times slots of all multisets: a few seconds
_LARGEST_PROGRAM = 20_000_000  # numbers in the matrix of an integer program: users, responses, l, and responses again
_SCALE = 1e4  # of an integer program's objective, so that HiGHS's absolute tolerance of 1e-6 is one of 1e-10 here
_MAX_CELLS = 5_000  # users times responses times l of an integer program that is tried unasked
_MILP_SECONDS = 60.0
_PROVEN = 1e-9


@dataclass(frozen=True)
class BestResponses:
    """The best multiset of responses that an opponent can submit, or one that is nearly as good.

    Attributes:
        responses: l indices in non-decreasing order.
        value: chance that one of them is picked, computed from them.
        upper_bound: what no multiset of l responses exceeds; `value` itself where it is proven to be the best.
        optimal: whether `value` is within 1e-9 of `upper_bound`.
        method: `"enumeration"`, `"milp"` or `"greedy"`.
    """

    responses: tuple[int, ...]
    value: float
    upper_bound: float
    optimal: bool
    method: str


def best_responses(
    population: Population,
    policy: npt.ArrayLike,
    k: int,
    l: int,
    method: Method = "auto",
) -> BestResponses:
    """Returns the best multiset of l responses against k samples of a policy.

    Args:
        population: U user types over N responses.
        policy: `[N]` distribution.
        k: number of samples, from 1 to 1,000,000.
        l: number of responses of the opponent, from 1 to 500.
        method: `"enumeration"` looks at every multiset; `"milp"` solves an integer program (HiGHS), for up to a minute,
            after which its bound says how good the best found is; `"greedy"` adds one response after the other, and
            reaches at least 1 - 1/e of the best. `"exact"` takes the first of these that can be done, but never the
            last, and `"auto"` the first that is quick.

    Raises:
        ValueError: if the policy, k, l or the method don't fit.
        TooLargeError: if there are too many multisets to enumerate, or variables for an integer program.
    """
    return respond(samples(population, policy, k), number_of_responses(l), method)


def respond(model: Model, l: int, method: Method = "auto") -> BestResponses:
    """Returns the best multiset of l responses against any model; see `best_responses`."""
    if method not in get_args(Method):
        raise _checks.unknown("method", str(method), get_args(Method))
    users, n = model.population.n_types, model.population.n_responses
    count = n_multisets(n, l)
    if method in ("auto", "exact") and count <= _MAX_SETS and count * l * users <= _MAX_LOOKS:
        method = "enumeration"
    elif method == "exact":
        method = "milp"
    elif method == "auto":
        method = "milp" if users * n * l <= _MAX_CELLS else "greedy"
    if method == "enumeration":
        return _enumerate(model, l)
    return _greedy(model, l) if method == "greedy" else _integer_program(model, l)


def can_be_proven(model: Model, l: int) -> bool:
    """Returns whether an integer program of this size is tried at all."""
    return model.population.n_types * model.population.n_responses**2 * l <= _LARGEST_PROGRAM


def n_multisets(n: int, size: int) -> int:
    """Returns how many multisets of a size there are of n responses."""
    return math.comb(n + size - 1, size)


def multisets(n: int, size: int) -> Sets:
    """Returns `[M, size]` all multisets of n responses, each in non-decreasing order.

    Raises:
        TooLargeError: if there are more than two million (with their number).
    """
    count = n_multisets(n, size)
    if count > _MAX_SETS:
        raise TooLargeError(
            f"there are {about(count)} multisets of {size} of {n} responses, but at most {_MAX_SETS:,} are enumerated; "
            "use an integer program or the greedy method"
        )
    rows = chain.from_iterable(combinations_with_replacement(range(n), size))
    return np.fromiter(rows, np.int64, count * size).reshape(count, size)


def _enumerate(model: Model, l: int) -> BestResponses:
    sets = multisets(model.population.n_responses, l)
    values = model.values(sets)
    best = int(values.argmax())
    value = float(values[best])
    return BestResponses(tuple(sets[best].tolist()), value, value, True, "enumeration")


def _greedy(model: Model, l: int) -> BestResponses:
    """Adds the response that gains most, l times.

    By submodularity the best multiset gains over this one at most what its responses would gain one by one; a copy
    beyond the first, no more than the second.
    """
    ranks, n = model.population.ranks, model.population.n_responses
    best, held = np.full(len(ranks), n), np.zeros(len(ranks), np.int64)
    chosen: list[int] = []
    for _ in range(l):
        y = int(model.gains(best, held, 1)[0].argmax())
        chosen.append(y)
        rank = ranks[:, y].astype(np.int64)
        held = np.where(rank < best, 1, held + (rank == best))
        best = np.minimum(best, rank)
    value = model.value(chosen)
    first, second = model.gains(best, held, 2)
    bound = min(value + _at_most(first, second, l), value / (1 - (1 - 1 / l) ** l), 1.0)
    return BestResponses(tuple(sorted(chosen)), value, max(bound, value), bound - value <= _PROVEN, "greedy")


def _at_most(first: np.ndarray, second: np.ndarray, l: int) -> float:
    """Returns the sum of the l largest gains, of which each response has one first and any number of seconds."""
    top = np.sort(first)[::-1][:l]
    return float(np.sort(np.concatenate([top, np.full(l - 1, max(second.max(), 0.0))]))[::-1][:l].sum())


def _integer_program(model: Model, l: int) -> BestResponses:
    """Maximises the sum of steps from tier to tier that each user's best responses reach.

    Variables: how often each response is submitted, and for each user, rank and number of copies c, whether that tier
    is reached, which takes a better response, or c of the rank. Steps shrink with c, so the c-th is never taken before
    those below it.
    """
    population = model.population
    n = population.n_responses
    if not can_be_proven(model, l):
        raise TooLargeError(
            f"the integer program of {population.n_types:,} users, {n} responses and l = {l} is too large; use the "
            "greedy method"
        )
    tiers = model.tiers(slice(None), l)
    worst = np.concatenate([tiers[:, 1:, -1], np.zeros((len(tiers), 1))], axis=1)
    steps = np.diff(tiers, axis=2, prepend=worst[:, :, None]) * population.weights[:, None, None]
    ordered = np.arange(n)[None, :, None] <= population.ranks.max(axis=1)[:, None, None]
    steps = np.where(ordered, np.maximum(steps, 0), 0)
    user, rank, copy = np.nonzero(steps > 1e-15)
    at_rank = (population.ranks[user] == rank[:, None]).astype(float)
    better = (population.ranks[user] < rank[:, None]).astype(float)
    reached = eye_array(user.size, format="csr")
    # one by one: tier (r, c) <= better responses + responses of rank r / c
    singly = hstack([csr_array(-(better + at_rank / (copy[:, None] + 1))), reached])
    # together: the tiers of rank r <= responses of rank r + l for every better one
    groups, group = np.unique(user * n + rank, return_inverse=True)
    gathered = csr_array((np.ones(user.size), (group, np.arange(user.size))), shape=(groups.size, user.size))
    of_group = np.empty(groups.size, np.int64)
    of_group[group] = np.arange(user.size)
    together = hstack([csr_array(-(at_rank[of_group] + l * better[of_group])), gathered])
    total = csr_array(np.concatenate([np.ones(n), np.zeros(user.size)])[None, :])
    matrix = vstack([singly, together, total])
    rows = user.size + groups.size
    lower: Any = np.append(np.full(rows, -np.inf), l)
    upper: Any = np.append(np.zeros(rows), l)
    least: Any = np.zeros(n + user.size)
    most: Any = np.append(np.full(n, l), np.ones(user.size))
    result = milp(
        -_SCALE * np.concatenate([np.zeros(n), steps[user, rank, copy]]),
        constraints=LinearConstraint(matrix, lower, upper),
        integrality=np.append(np.ones(n), np.zeros(user.size)),
        bounds=Bounds(least, most),
        options={"time_limit": _MILP_SECONDS, "mip_rel_gap": 0},
    )
    if result.x is None:  # the time is up before anything was found
        return _greedy(model, l)
    responses = tuple(np.repeat(np.arange(n), np.rint(result.x[:n]).astype(int)).tolist())
    value = model.value(responses)
    bound = max(value, -float(result.mip_dual_bound) / _SCALE)
    return BestResponses(responses, value, bound, bound - value <= _PROVEN, "milp")
