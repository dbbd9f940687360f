"""Users of whom only pairwise preferences are known: they can play with k = 1 and no more.

Axes: N responses, B rows of slots, M multisets.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from ualign_env import _checks
from ualign_env._types import Floats, Ints
from ualign_env.users.base import Users
from ualign_env.users.contest import Contest

_WHY = (
    "only pairwise preferences of these users are known, and they do not determine what is picked among {}: "
    "all 6 rankings of 3 responses have the same as two opposite ones, and other payoffs for k = 2. "
    "Rankings, ratings or picks among several do; k = 1 needs no more"
)


@dataclass(frozen=True, eq=False, repr=False, init=False)
class PairwiseUsers(Users):
    """Users who prefer each response to each other with a known chance; payoffs exist for k = 1 alone. Immutable.

    Attributes:
        preferences: `[N, N]` the chance that a user prefers the row to the column, ties counted half.
        responses: N names.
        n_users: respondents or comparisons that it was made from.
    """

    kind: ClassVar[str] = "pairwise"
    max_shown: ClassVar[int | None] = 2

    preferences: Floats
    weights: Floats
    responses: tuple[str, ...]
    n_users: int

    def __init__(self, preferences: npt.ArrayLike, responses: Iterable[str] | None = None, n_users: int = 1) -> None:
        """Makes users from a matrix.

        Args:
            preferences: `[N, N]` chances from 0 to 1; one and its transpose add up to 1, so that the diagonal is 1/2.
            responses: N distinct names (default: `"0"`, `"1"`, ...).
            n_users: respondents or comparisons that it was made from.

        Raises:
            ValueError: if it is no such matrix, or names don't fit.
        """
        table = _checks.real_array("preferences", preferences, 2)
        n = len(table)
        if table.shape != (n, n) or not n:
            raise ValueError(f"preferences has shape {table.shape}, but must be square, with at least one response")
        off = max(-table.min(), table.max() - 1, np.abs(table + table.T - 1).max())
        if off > _checks.SUM_TOLERANCE:
            raise ValueError("preferences must be chances from 0 to 1 that add up to 1 with their transpose")
        above = np.triu(table.clip(0, 1), 1)  # its mirror follows from it, so that a copy is equal to the last bit
        table = above + np.tril(1 - above.T, -1) + np.eye(n) / 2
        for array in (table, weights := np.ones(1)):
            array.flags.writeable = False
        names = _checks.names("responses", responses, n, map(str, range(n)))
        fields = {"preferences": table, "weights": weights, "responses": names}
        for name, value in (fields | {"n_users": _checks.count("n_users", n_users, 1)}).items():
            object.__setattr__(self, name, value)

    def type_shares(self, types: Ints, slots: Ints) -> Floats:  # noqa: ARG002
        if slots.shape[1] == 1:
            return np.ones(slots.shape)
        if slots.shape[1] > 2:
            raise ValueError(_WHY.format(f"{slots.shape[1]} responses"))
        first = self.preferences[slots[:, 0], slots[:, 1]]
        return np.stack([first, 1 - first], axis=1)

    def against_samples(self, policies: Floats, mixture: Floats, k: int) -> "PairwiseContest":
        _only(k)
        return PairwiseContest(self, mixture @ policies)

    def against_outputs(self, policies: Floats) -> "PairwiseContest":
        _only(len(policies))
        return PairwiseContest(self, policies[0])

    def against_sets(self, sets: Ints, chances: Floats) -> "PairwiseContest":
        _only(sets.shape[1])
        shown = np.bincount(sets[:, 0], weights=chances, minlength=self.n_responses)
        return PairwiseContest(self, shown.astype(np.float64))

    def jacobian(self, policy: Floats, k: int) -> Floats:  # noqa: ARG002
        _only(k)
        return np.array(self.preferences)

    def pool_payoffs(self, pools: Ints, sizes: Ints) -> Floats:
        _only(int(sizes.max()))
        shown = pools / pools.sum(axis=1, keepdims=True)
        return np.repeat((shown @ self.preferences.T)[:, None], len(sizes), axis=1)

    def pool_values(self, pool: Ints, other: Ints, sizes: Ints) -> Floats:
        return 1 - self.pool_payoffs(pool[None], sizes)[0] @ (other / other.sum())

    def sampled_value(self, policy: Floats, k: int, other: Floats, l: int) -> float:
        _only(max(k, l))
        return float(other @ self.preferences @ policy)

    def user_favourites(self) -> Floats:
        if self.n_responses > 2:
            raise ValueError(_WHY.format(f"{self.n_responses} responses"))
        shown = np.arange(self.n_responses)[None, :]
        return self.type_shares(np.zeros(1, np.int64), shown)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yields each pair of responses once."""
        for y, name in enumerate(self.responses):
            for z in range(y):
                yield {"response": name, "other": self.responses[z], "preference": float(self.preferences[y, z])}

    def among(self, responses: Ints) -> Self:
        names = [self.responses[y] for y in responses]
        return type(self)(self.preferences[np.ix_(responses, responses)], names, self.n_users)

    def drawn(self, types: Ints) -> Self:
        return type(self)(self.preferences, self.responses, len(types))

    def content(self) -> dict[str, npt.NDArray[Any]]:
        return {"preferences": self.preferences}

    @classmethod
    def from_content(cls, weights: Any, responses: tuple[str, ...], n_users: int, **content: Any) -> Self:
        if np.shape(weights) != (1,):
            raise ValueError(
                f"weights have shape {np.shape(weights)}, but pairwise preferences are of one type of users"
            )
        return cls(content["preferences"], responses, n_users)


@dataclass(frozen=True, eq=False)
class PairwiseContest(Contest):
    """One response drawn from a policy, `[N]`, against one of an opponent."""

    _users: PairwiseUsers
    _policy: Floats

    @property
    def users(self) -> PairwiseUsers:
        return self._users

    def values(self, sets: Ints) -> Floats:
        _only(sets.shape[1], "l")
        return self._users.preferences[sets[:, 0]] @ self._policy


def _only(k: int, name: str = "k") -> None:
    """Raises an error unless one response meets one."""
    if k != 1:
        raise ValueError(f"{name} is {k}, but {_WHY.format(f'{k + 1} responses')}")
