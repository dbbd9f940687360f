"""Users who disagree: the one data type that every game, score and solver here is computed from.

Axes: U user types (users with the same preferences merged), N responses.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ualign_env import _checks, kernels
from ualign_env._checks import Floats
from ualign_env.kernels import Ranks

#: Two shares of users that differ by less are tied; the rounding of a sum of weights is far smaller.
_TIED = 1e-12
_BLOCK = 1 << 20  # entries sorted at once, so that ranking scores needs little memory beyond its result


@dataclass(frozen=True, eq=False, repr=False)
class Population:
    """Users' weak orders over N responses, with weights. Immutable; make one with `from_rankings` or `from_scores`.

    Attributes:
        ranks: `[U, N]` rank of each response for each user type: 0 = best, ties share a rank, no rank is skipped.
        weights: `[U]` share of the users who have these preferences; sums to 1.
        responses: N names.
        n_users: respondents the population was made from: the sum of the weights where they were whole numbers
            (counts of respondents), otherwise the number of rows.
    """

    ranks: Ranks
    weights: Floats
    responses: tuple[str, ...]
    n_users: int

    def __post_init__(self) -> None:
        ranks, weights = np.array(self.ranks), np.array(self.weights, np.float64)
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
        self._set(ranks.astype(rank_type(n)), weights, names, _checks.count("n_users", self.n_users, 1))

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
            rankings: `[users, N]` response indices, best first; every row is a permutation of 0..N-1.
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
            raise ValueError(f"rankings[{row}] is {orders[row].tolist()}, but must be a permutation of 0..{n - 1}")
        ranks = np.empty(orders.shape, rank_type(n))
        np.put_along_axis(ranks, orders.astype(np.int64), np.arange(n, dtype=ranks.dtype)[None, :], axis=1)
        return cls._merged(ranks, weights, responses)

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
        return cls._merged(_dense_ranks(table), weights, responses)

    @classmethod
    def _merged(cls, ranks: Ranks, weights: Any, responses: Iterable[str] | None) -> Self:
        """Merges rows with the same order into one weighted type, in order of first appearance."""
        rows, n = ranks.shape
        names = _checks.names("responses", responses, n, map(str, range(n)))
        shares = _checks.weights(np.ones(rows) if weights is None else weights, rows, "rows of users")
        counts = np.asarray(np.ones(rows) if weights is None else weights)
        n_users = sum(map(int, counts.tolist())) if (counts == np.floor(counts)).all() else rows
        index: dict[bytes, int] = {}
        types = np.array([index.setdefault(row.tobytes(), len(index)) for row in ranks])
        if len(index) < rows:
            ranks = ranks[np.unique(types, return_index=True)[1]]
            shares = np.bincount(types, weights=shares).astype(np.float64)
        return cls._trusted(ranks, shares, names, n_users)

    @property
    def n_responses(self) -> int:
        """N, the number of responses."""
        return self.ranks.shape[1]

    @property
    def n_types(self) -> int:
        """U, the number of different preference orders among the users."""
        return self.ranks.shape[0]

    def pairwise(self) -> Floats:
        """Returns `[N, N]`: the share of users who prefer row to column, ties counted half; the diagonal is 1/2."""
        return kernels.pairwise(self.ranks, self.weights)

    def favourites(self) -> Floats:
        """Returns `[N]`: the share of users whose favourite each response is (random dictatorship).

        Tied favourites share their user's weight.
        """
        users, best = np.nonzero(self.ranks == 0)
        shares = (self.weights / np.bincount(users))[users]
        return np.bincount(best, weights=shares, minlength=self.n_responses).astype(np.float64)

    def plurality(self) -> int:
        """Returns the response that most users like best; the first of those tied."""
        return _first_best(self.favourites())

    def borda(self) -> int:
        """Returns the response with the highest Borda score; the first of those tied."""
        uniform = np.full((1, self.n_responses), 1 / self.n_responses)
        # against one uniformly drawn response, the chance of being preferred is (Borda score + 1/2) / N
        return _first_best(kernels.deviation_payoffs(self.ranks, self.weights, uniform, np.ones(1), 1))

    def condorcet_winner(self) -> int | None:
        """Returns the response that a majority prefers to each other response, None where there is none."""
        margins = self.pairwise()
        margins -= margins.T
        np.fill_diagonal(margins, 1.0)
        winners = np.flatnonzero((margins > _TIED).all(axis=1))
        return int(winners[0]) if winners.size else None

    def restricted(self, responses: npt.ArrayLike) -> Self:
        """Returns the same users choosing among some of the responses.

        Args:
            responses: `[M]` distinct indices of the responses that remain, in their new order.
        """
        index = np.asarray(responses)
        if index.ndim != 1 or index.dtype.kind not in "iu" or not 0 < index.size == np.unique(index).size:
            raise ValueError(f"responses must be distinct indices, at least one, not {responses!r:.200}")
        if not (index.min() >= 0 and index.max() < self.n_responses):
            raise ValueError(f"responses are {index.tolist()!s:.200}, but the population has {self.n_responses}")
        names = tuple(self.responses[i] for i in index)
        ranks = kernels.restricted_ranks(self.ranks, index.astype(np.int64))
        return self._trusted(ranks, self.weights, names, self.n_users)

    def resampled(self, types: npt.ArrayLike) -> Self:
        """Returns a population of one user for each entry, of that type: a bootstrap sample, for example.

        Args:
            types: `[users]` rows of `ranks`, in any number.
        """
        rows = _checks.number_array("types", types)
        if rows.ndim != 1 or rows.dtype.kind not in "iu" or not rows.size:
            raise ValueError(f"types must be indices of user types, at least one, not {types!r:.200}")
        if rows.min() < 0 or rows.max() >= self.n_types:
            raise ValueError(f"types go from {rows.min()} to {rows.max()}, but the population has {self.n_types}")
        return self._merged(self.ranks[rows], None, self.responses)

    def reordered(self, order: npt.ArrayLike) -> Self:
        """Returns the same users with the responses listed in another order.

        Args:
            order: `[N]` permutation; entry i is the present index of the response that becomes number i.
        """
        index = _checks.number_array("order", order).astype(int)
        if sorted(index.ravel().tolist()) != list(range(self.n_responses)):
            raise ValueError(f"order is {index.tolist()}, but must be a permutation of 0..{self.n_responses - 1}")
        responses = tuple(self.responses[i] for i in index)
        return self._trusted(self.ranks[:, index], self.weights, responses, self.n_users)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Population):
            return NotImplemented
        if (self.responses, self.n_users, self.n_types) != (other.responses, other.n_users, other.n_types):
            return False
        mine, theirs = self._order(), other._order()
        same = np.array_equal(self.ranks[mine], other.ranks[theirs])
        return same and np.array_equal(self.weights[mine], other.weights[theirs])

    def _order(self) -> list[int]:
        """Returns the types in an order that does not depend on how they came in."""
        return sorted(range(self.n_types), key=lambda u: self.ranks[u].tobytes())

    def __hash__(self) -> int:
        return hash((self.responses, self.n_users, self.n_types))

    def __reduce__(self) -> tuple[Any, ...]:
        # arrays come back from a pickle writeable: building anew locks them again
        return _rebuild, (self.ranks, self.weights, self.responses, self.n_users)

    def __repr__(self) -> str:
        return f"Population(n_responses={self.n_responses}, n_types={self.n_types}, n_users={self.n_users})"


def _rebuild(ranks: Ranks, weights: Floats, responses: tuple[str, ...], n_users: int) -> Population:
    return Population._trusted(ranks, weights, responses, n_users)


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


def _first_best(values: Floats) -> int:
    return int(np.argmax(values > values.max() - _TIED))
