"""Users with rankings: the population that every game, score and solver of the paper is computed from.

Axes: U user types (users with the same preferences merged), N responses, T policies of a mixture, K players.

Shown several responses, a user picks uniformly among the slots that hold one of her most preferred ones. If F is
the probability that a policy's response is strictly worse for her than `y`, and p that she ranks it equal to `y`,
then `y` is picked against k samples with probability `integral_0^1 (F + t p)^k dt`.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any, ClassVar, NoReturn, Self

import numpy as np
import numpy.typing as npt

from ualign_env import _checks
from ualign_env._types import Floats, Ints
from ualign_env.users.base import Users
from ualign_env.users.picker import Picker
from ualign_env.users.rankings import loops, set_loops
from ualign_env.users.rankings.contests import OutputContest, SampleContest, SetContest
from ualign_env.users.rankings.guards import Ranks
from ualign_env.users.rankings.picking import RankingPicker
from ualign_env.users.rankings.pools import pool_payoffs, pool_values

_BLOCK = 1 << 20  # entries sorted at once, so that ranking scores needs little memory beyond its result
_LISTED = 10  # responses of a user's order in words


@dataclass(frozen=True, eq=False, repr=False)
class Population(Users):
    """Users' weak orders over N responses, with weights. Immutable; make one with `from_rankings` or `from_scores`.

    Users with the same order are one type, types without weight are left out, and types are in an order of their own:
    the same data makes the same population, however its rows were shuffled or counts split.

    Attributes:
        ranks: `[U, N]` rank of each response for each user type: 0 = best, ties share a rank, no rank is skipped.
        weights: `[U]` share of the users who have these preferences; sums to 1.
        responses: N names.
        n_users: respondents the population was made from: the sum of the weights where they were whole numbers
            (counts of respondents), otherwise the number of rows.
    """

    kind: ClassVar[str] = "rankings"

    ranks: Ranks
    weights: Floats
    responses: tuple[str, ...]
    n_users: int

    def __init_subclass__(cls, **kwargs: Any) -> NoReturn:
        raise TypeError("Population cannot be subclassed: another way of choosing is a subclass of Users")

    def __post_init__(self) -> None:
        ranks, weights = (
            np.array(_checks.number_array("ranks", self.ranks)),
            _checks.real_array("weights", self.weights, 1),
        )
        if ranks.ndim != 2 or 0 in ranks.shape or ranks.dtype.kind not in "iu":
            raise ValueError(f"ranks are {ranks.dtype} of shape {ranks.shape}, but must be integers [types, responses]")
        n = ranks.shape[1]
        ordered = np.sort(ranks, axis=1)
        if ordered[:, 0].any() or (np.diff(ordered, axis=1) > 1).any():
            raise ValueError("ranks must start at 0 in every row, and none may be skipped")
        shares = _checks.weights(weights, ranks.shape[0], "user types")
        if not np.allclose(shares, weights, rtol=1e-9, atol=0):
            raise ValueError(f"weights sum to {weights.sum():.9g}, but must sum to 1")
        names = _checks.names("responses", self.responses, n, ())
        ranks, weights = _canonical(ranks.astype(rank_type(n)), weights)
        self._set(ranks, weights, names, _checks.count("n_users", self.n_users, 1))

    def _set(self, ranks: Ranks, weights: Floats, responses: tuple[str, ...], n_users: int) -> None:
        for array in (ranks, weights):
            array.flags.writeable = False
        for name, value in (("ranks", ranks), ("weights", weights), ("responses", responses), ("n_users", n_users)):
            object.__setattr__(self, name, value)

    @classmethod
    def _trusted(cls, ranks: Ranks, weights: Floats, responses: tuple[str, ...], n_users: int) -> Self:
        """Makes a population of arrays that nobody else has and that are known to be right."""
        population = object.__new__(cls)
        population._set(np.ascontiguousarray(ranks), weights, responses, n_users)
        return population

    @classmethod
    def from_rankings(
        cls, rankings: npt.ArrayLike, weights: npt.ArrayLike | None = None, responses: Iterable[str] | None = None
    ) -> Self:
        """Makes a population of users with strict, complete rankings.

        Args:
            rankings: `[users, N]` response indices, best first; every row is a permutation of 0..N-1. Not places: a
                user who puts response 2 first, then 0, then 1 is `[2, 0, 1]`, and by places `[1, 2, 0]`, which
                `from_ranks` takes.
            weights: `[users]` non-negative weights (default: equal). Whole numbers are counts of respondents.
            responses: N distinct names (default: `"0"`, `"1"`, ...).

        Raises:
            ValueError: if a row is not a permutation, or weights or names don't fit.
        """
        orders = _table("rankings", rankings)
        if orders.dtype.kind not in "iu":
            raise ValueError(f"rankings must hold integers (response indices, best first), not {orders.dtype}")
        n = orders.shape[1]
        wrong = (np.sort(orders, axis=1) != np.arange(n)).any(axis=1)
        if wrong.any():
            row = int(np.argmax(wrong))
            hint = ""
            if (np.sort(orders, axis=1) == np.arange(1, n + 1)).all():
                hint = "; counted from 1, they are rankings - 1"
            elif orders.min() >= 0 and orders.max() <= n:
                hint = "; places of responses, ties among them, are taken by from_ranks"
            raise ValueError(
                f"rankings[{row}] is {orders[row].tolist()!s:.200}, but must be a permutation of 0..{n - 1}{hint}"
            )
        ranks = np.empty(orders.shape, rank_type(n))
        np.put_along_axis(ranks, orders.astype(np.int64), np.arange(n, dtype=ranks.dtype)[None, :], axis=1)
        return cls._counted(ranks, weights, responses)

    @classmethod
    def from_scores(
        cls, scores: npt.ArrayLike, weights: npt.ArrayLike | None = None, responses: Iterable[str] | None = None
    ) -> Self:
        """Makes a population of users who score every response; equal scores mean indifference.

        Args:
            scores: `[users, N]` finite numbers, higher is better. Only their order within a row matters.
            weights: `[users]` non-negative weights (default: equal). Whole numbers are counts of respondents.
            responses: N distinct names (default: `"0"`, `"1"`, ...).

        Raises:
            ValueError: if a score is NaN or infinite, or weights or names don't fit.
        """
        table = _table("scores", scores)
        if table.dtype.kind in "iu" and table.size and max(table.max(), -int(table.min())) > 2**53:
            raise ValueError(
                f"scores reach {max(table.max(), -int(table.min()))}, but only integers up to 2^53 are exact"
            )
        table = _checks.real_array("scores", table, 2)
        return cls._counted(_dense_ranks(table), weights, responses)

    @classmethod
    def from_ranks(
        cls,
        ranks: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
        responses: Iterable[str] | None = None,
        *,
        lower_is_better: bool = True,
    ) -> Self:
        """Makes a population of users who give every response a place, 1 or 0 being the best; equal places are ties.

        Args:
            ranks: `[users, N]` finite numbers: places, not a list of responses from best to worst, which
                `from_rankings` takes. Only their order within a row matters.
            weights: `[users]` non-negative weights (default: equal). Whole numbers are counts of respondents.
            responses: N distinct names (default: `"0"`, `"1"`, ...).
            lower_is_better: whether the lowest number is the best place.

        Raises:
            ValueError: if a place is NaN or infinite, or weights or names don't fit.
        """
        table = _checks.real_array("ranks", _table("ranks", ranks), 2)
        better = -table if _checks.flag("lower_is_better", lower_is_better) else table
        return cls._counted(_dense_ranks(better), weights, responses)

    @classmethod
    def _counted(cls, ranks: Ranks, weights: Any, responses: Iterable[str] | None) -> Self:
        """Makes a population of one user, or a number of them, for each row."""
        rows, n = ranks.shape
        names = _checks.names("responses", responses, n, map(str, range(n)))
        given = np.ones(rows) if weights is None else weights
        counts = _checks.raw_weights(given, rows, "rows of users")
        whole = bool((counts == np.floor(counts)).all())
        n_users = sum(map(int, np.asarray(given).tolist())) if whole else int(np.count_nonzero(counts))
        # added up before they are divided: however whole numbers are split, the shares are the same
        scale = 1.0 if whole and n_users <= 2**53 else counts.max()  # the sum of huge weights would overflow
        ranks, sums = _canonical(ranks, counts / scale)
        shares = sums / sums.sum()
        return cls._trusted(ranks[shares > 0], shares[shares > 0], names, n_users)

    @property
    def strict(self) -> bool:
        return bool((self.ranks.max(axis=1) == self.n_responses - 1).all())

    # --- how they choose

    def type_shares(self, types: Ints, slots: Ints) -> Floats:
        return loops.type_shares(self.ranks, types, np.ascontiguousarray(slots))

    def shares(self, slots: Ints) -> Floats:
        return loops.shares(self.ranks, self.weights, slots)

    def against_samples(self, policies: Floats, mixture: Floats, k: int) -> SampleContest:
        return SampleContest(self, self.ranks, self.weights, policies, mixture, k)

    def against_outputs(self, policies: Floats) -> OutputContest:
        return OutputContest(self, self.ranks, self.weights, policies)

    def against_sets(self, sets: Ints, chances: Floats) -> SetContest:
        return SetContest(self, self.ranks, self.weights, sets, chances)

    def leave_one_out_payoffs(self, policies: Floats) -> Floats:
        return loops.leave_one_out_payoffs(self.ranks, self.weights, policies)

    def jacobian(self, policy: Floats, k: int) -> Floats:
        return loops.deviation_jacobian(self.ranks, self.weights, policy, k)

    def matrix(self, sets: Ints, others: Ints) -> Floats:
        return set_loops.matrix(self.ranks, self.weights, sets, others)

    def pool_payoffs(self, pools: Ints, sizes: Ints) -> Floats:
        return pool_payoffs(self.ranks, self.weights, pools, sizes)

    def pool_values(self, pool: Ints, other: Ints, sizes: Ints) -> Floats:
        return pool_values(self.ranks, self.weights, pool, other, sizes)

    def sampled_value(self, policy: Floats, k: int, other: Floats, l: int) -> float:
        return set_loops.sampled_chance(self.ranks, self.weights, policy, k, other, l)

    def pairwise(self) -> Floats:
        return loops.pairwise(self.ranks, self.weights)

    def user_favourites(self) -> Floats:
        """Returns `[U, N]`: tied favourites in equal parts."""
        best = self.ranks == 0
        return best / best.sum(axis=1, keepdims=True)

    def favourites(self) -> Floats:
        """Returns `[N]`: the share of users whose favourite each response is; tied ones share their user's weight."""
        users, best = np.nonzero(self.ranks == 0)
        shares = (self.weights / np.bincount(users))[users]
        return np.bincount(best, weights=shares, minlength=self.n_responses).astype(np.float64)

    def scores(self) -> Floats:
        return -self.ranks.astype(np.float64)

    def indifference(self) -> tuple[float, float]:
        """Returns the mean share of pairs of responses that users tie, and the share of users who tie all."""
        n = self.n_responses

        def work(first: int, last: int, out: Floats) -> None:
            ranks = self.ranks[first:last]
            cells = ranks + n * np.arange(len(ranks))[:, None]
            sizes = np.bincount(cells.ravel(), minlength=n * len(ranks)).reshape(len(ranks), n)
            out[0] += self.weights[first:last] @ (sizes * (sizes - 1)).sum(axis=1)
            out[1] += self.weights[first:last] @ (sizes[:, 0] == n)

        pairs, nothing = loops.sum_over_users(work, self.ranks, (2,), cost=3)
        return float(pairs / max(1, n * (n - 1))), float(nothing)

    def beyond(self, shown: npt.NDArray[np.bool_]) -> Floats:
        """Returns `[N]`: the share of users who like each response better than everything that is shown."""
        best = self.ranks[:, shown].min(axis=1)  # a tie with what is shown again and again is lost in the end

        def work(first: int, last: int, out: Floats) -> None:
            out += self.weights[first:last] @ (self.ranks[first:last] < best[first:last, None])

        return loops.sum_over_users(work, self.ranks, (self.n_responses,), cost=1)

    def attractions(self) -> Floats:
        return (self.ranks == 0).astype(np.float64)

    def by_favourite(self) -> dict[str, Users]:
        """Returns the users who like each response best, by its name; those with several favourites belong to each."""
        users, best = np.nonzero(self.ranks == 0)
        shares = (self.weights / np.bincount(users))[users]
        found: dict[str, Users] = {}
        order = np.argsort(best, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(best[order])) + 1):
            weights = shares[rows] / shares[rows].sum()
            name = self.responses[best[rows[0]]]
            found[name] = self._trusted(self.ranks[users[rows]], weights, self.responses, self.n_users)
        return found

    def reweighted(self, weights: Floats) -> "Population":
        ranks, weights = self.ranks[weights > 0], weights[weights > 0]
        return self._trusted(ranks, weights / weights.sum(), self.responses, self.n_users)

    def pick(self, types: Ints, slots: Ints, numbers: npt.NDArray[np.uint32]) -> Ints:
        rewards, prompts = np.empty(slots.shape), np.zeros(len(slots), np.int64)
        if not RankingPicker([self])(prompts, types, numbers, np.ascontiguousarray(slots), rewards, 0, len(slots)):
            raise IndexError(f"slots hold responses beyond the {self.n_responses} that there are")
        return rewards.argmax(axis=1)

    @classmethod
    def picker(cls, populations: Sequence[Any]) -> Picker:
        """Returns what lets the users of P prompts pick, all in one loop."""
        return RankingPicker(populations)

    def describe(self, user_type: int) -> str:
        """Returns a type's order of the responses, best first; of many, the first ten."""
        ranks = self.ranks[user_type]
        order = sorted(range(ranks.size), key=lambda response: ranks[response])[:_LISTED]
        text = self.responses[order[0]]
        for before, response in pairwise(order):
            text += " = " if ranks[before] == ranks[response] else " > "
            text += self.responses[response]
        return text + (" > ..." if ranks.size > _LISTED else "")

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yields each type's order, as a list in JSON in which responses that tie are lists."""
        for t, (ranks, many) in enumerate(zip(self.ranks, self.counts(), strict=True)):
            rank = ranks.tolist().__getitem__
            tied = [
                [self.responses[y] for y in own] for _, own in groupby(sorted(range(ranks.size), key=rank), key=rank)
            ]
            listed = [names[0] if len(names) == 1 else names for names in tied]
            yield {"user": t, "weight": float(many), "order": json.dumps(listed, ensure_ascii=False)}

    # --- populations made from this one

    def among(self, responses: Ints) -> Self:
        names = tuple(self.responses[i] for i in responses)
        return self._trusted(loops.restricted_ranks(self.ranks, responses), self.weights, names, self.n_users)

    def drawn(self, types: Ints) -> Self:
        return self._counted(self.ranks[types], None, self.responses)

    def merged(self) -> Self:
        ranks, weights = self.ranks.astype(rank_type(self.n_responses)), self.weights
        counts = np.rint(weights * self.n_users)
        if self.n_users <= 2**53 and (counts / self.n_users == weights).all():  # shares of whole numbers stay exact
            ranks, counts = _canonical(ranks, counts)
            weights = counts / self.n_users
        else:
            ranks, weights = _canonical(ranks, weights)
        return self._trusted(ranks, weights, self.responses, self.n_users)

    # --- identity

    def content(self) -> dict[str, npt.NDArray[Any]]:
        return {"ranks": self.ranks}

    @classmethod
    def from_content(cls, weights: Any, responses: tuple[str, ...], n_users: int, **content: Any) -> Self:
        return cls(np.asarray(content["ranks"]), np.asarray(weights), responses, n_users)


def _table(name: str, value: npt.ArrayLike) -> npt.NDArray[Any]:
    """Returns a non-empty table, one row a user."""
    table = _checks.number_array(name, value)
    if table.ndim != 2 or 0 in table.shape:
        raise ValueError(f"{name} has shape {table.shape}, but must be [users, responses] with at least one of each")
    return table


def rank_type(n: int) -> type[np.signedinteger]:
    """Returns the type of the ranks of N responses: a small one, for rankings are the largest arrays here."""
    return np.int16 if n <= np.iinfo(np.int16).max else np.int32


def _dense_ranks(scores: Floats) -> Ranks:
    """Returns `[users, N]` ranks of scores: 0 for the highest of a row, one more for each lower value."""
    ranks = np.empty(scores.shape, rank_type(scores.shape[1]))
    step = max(1, _BLOCK // scores.shape[1])
    for start in range(0, scores.shape[0], step):
        block = scores[start : start + step]
        order = np.argsort(-block, axis=1)
        ordered = np.take_along_axis(block, order, axis=1)
        new = np.zeros(block.shape, ranks.dtype)
        new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
        np.put_along_axis(ranks[start : start + step], order, np.cumsum(new, axis=1, dtype=ranks.dtype), axis=1)
    return ranks


def _canonical(ranks: Ranks, weights: Floats) -> tuple[Ranks, Floats]:
    """Returns the different rows in an order that does not depend on theirs, with their weights added up; no zeros."""
    if not weights.all():
        ranks, weights = ranks[weights > 0], weights[weights > 0]
    big = np.ascontiguousarray(ranks, ranks.dtype.newbyteorder(">"))  # whose bytes are in the order of numbers
    rows = big.view(np.dtype((np.void, big.dtype.itemsize * big.shape[1])))[:, 0]
    _, first, types = np.unique(rows, return_index=True, return_inverse=True)
    order = np.lexsort((weights, types))  # weights of a type are added from the least on, in whatever order they came
    starts = np.searchsorted(types[order], np.arange(first.size))
    return np.ascontiguousarray(ranks[first]), np.add.reduceat(weights[order], starts)
