"""Who chooses: what every kind of users can do, and the only room that knows how.

Axes: U user types, N responses, T policies of a mixture, K players, B rows of slots, M multisets, k responses of a
model, l of its opponent; R pools of samples, S sizes of what is drawn from them.

Users are shown several responses, a slot each, and pick one slot. A kind of users is a subclass of `Users` in this
folder: everything above it, from payoffs and solvers to games and environments, asks these methods and knows nothing
else of users. Only `restricted`, `resampled` and `unpack` check their arguments; the rest
trusts them, since the functions of the package have checked, and refuses no more than what would crash.
"""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import connected_components

from ualign_env import _checks
from ualign_env._multisets import draws
from ualign_env._types import Floats, Ints

if TYPE_CHECKING:
    from ualign_env.users.contest import Contest
    from ualign_env.users.picker import Picker

#: Two shares of users that differ by less are tied; the rounding of a sum of weights is far smaller.
TIED = 1e-12

#: The kinds of users that have been defined, by name.
KINDS: dict[str, type["Users"]] = {}


@dataclass(frozen=True)
class Noise:
    """Utilities of users who pick what they see most of, utility plus a noise that every slot draws anew.

    Attributes:
        law: `"logit"` for standard Gumbel noise, `"probit"` for standard normal noise.
        utilities: `[U, N]` in units of the noise.
        nodes: called with the lowest utility, the highest being 0, and a number of slots; returns `[Q]` places and
            weights at which what is seen is integrated.
    """

    law: str
    utilities: Floats
    nodes: Callable[[float, int], tuple[Floats, Floats]]


class Users(ABC):
    """Users who disagree about N responses. Immutable.

    Methods that compute take NumPy arrays of the shapes that they name, and trust them; functions such as
    `ualign_env.deviation_payoffs` check what they are given.

    A subclass names its `kind`, by which scenarios in files and specs know it, and defines what is abstract here; what
    is derived can be overridden where there is a faster way. `ualign_env.testing.check_users` holds a kind against the
    definition of the game.

    Attributes:
        weights: `[U]` share of the users of each type; sums to 1.
        responses: N names.
        n_users: respondents the users were made from.
    """

    #: Whether nothing is known of these users but what one of them picks when asked: `pick` is then all they can do.
    only_pick: ClassVar[bool] = False

    #: The most responses side by side among which what is known of these users determines their choice; None: any.
    max_shown: ClassVar[int | None] = None

    kind: ClassVar[str]
    weights: Floats
    responses: tuple[str, ...]
    n_users: int

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if ABC in cls.__bases__:  # what several kinds have in common
            return
        if "kind" not in cls.__dict__:
            raise TypeError(f"{cls.__name__} must name its kind of users: kind = '...', a name that no other kind has")
        known = KINDS.setdefault(cls.kind, cls)
        if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
            raise TypeError(
                f"{cls.__name__} has the kind {cls.kind!r}, which {known.__module__}.{known.__qualname__} has already"
            )
        KINDS[cls.kind] = cls

    @property
    def n_responses(self) -> int:
        """N, the number of responses."""
        return len(self.responses)

    @property
    def n_types(self) -> int:
        """U, the number of different types of users."""
        return self.weights.size

    @property
    def strict(self) -> bool:
        """Whether they have strict rankings, so that equilibria for k >= 2 are unique; False where it is not known."""
        return False

    def knows(self, slots: int) -> bool:
        """Returns whether what is known of these users determines what they pick among `slots` responses."""
        return self.max_shown is None or slots <= self.max_shown

    # --- how they choose: abstract

    @abstractmethod
    def type_shares(self, types: Ints, slots: Ints) -> Floats:
        """Returns `[B, K]`: the chance that a user of the row's type picks each slot of `[B, K]` responses."""

    @abstractmethod
    def against_samples(self, policies: Floats, mixture: Floats, k: int) -> "Contest":
        """Returns the contest with k samples of a policy, one of `[T, N]` drawn by its chance in `[T]`."""

    @abstractmethod
    def against_outputs(self, policies: Floats) -> "Contest":
        """Returns the contest with one response of each of `[k, N]` policies."""

    @abstractmethod
    def against_sets(self, sets: Ints, chances: Floats) -> "Contest":
        """Returns the contest with a multiset drawn as a whole, a row of `[M, k]` by its chance in `[M]`."""

    @abstractmethod
    def jacobian(self, policy: Floats, k: int) -> Floats:
        """Returns `[N, N]`: the derivative of the row's payoff by the share of the column in a policy, `[N]`.

        Payoffs g are continued beyond distributions as homogeneous polynomials of degree k of the policy pi, so that
        `jacobian @ pi == k * g`; and since `pi @ g` is then `sum(pi)^(k+1) / (k+1)`, `g + pi @ jacobian == 1`.
        """

    @abstractmethod
    def sampled_value(self, policy: Floats, k: int, other: Floats, l: int) -> float:
        """Returns the chance that one of l samples of `other` is picked against k of `policy`, `[N]` both."""

    # --- how they choose: derived

    def payoffs(self, policy: Floats, k: int) -> Floats:
        """Returns `[N]`: the chance that each response alone is picked against k samples of a policy, `[N]`."""
        return self.against_samples(policy[None, :], np.ones(1), k).payoffs()

    def leave_one_out_payoffs(self, policies: Floats) -> Floats:
        """Returns `[K, N]`: what each response would earn each player of `[K, N]` policies against the others."""
        others = (np.delete(policies, i, axis=0) for i in range(len(policies)))
        return np.array([self.against_outputs(rest).payoffs() for rest in others])

    def pool_payoffs(self, pools: Ints, sizes: Ints) -> Floats:
        """Returns `[R, S, N]`: the chance that each response alone is picked against some samples of a pool.

        Args:
            pools: `[R, N]` how often each response is among the samples of each pool, equally many in all pools.
            sizes: `[S]` how many samples are drawn from the pool, without replacement: from 1 to all.

        Raises:
            TooLargeError: if there are too many different draws, where a kind of users has no faster way than to
                look at each.
        """
        found = np.empty((len(pools), len(sizes), self.n_responses))
        for r, pool in enumerate(pools):
            for s, size in enumerate(sizes):
                found[r, s] = self.against_sets(*draws(pool, int(size))).payoffs()
        return found

    def pool_values(self, pool: Ints, other: Ints, sizes: Ints) -> Floats:
        """Returns `[S]`: the chance that one of some samples of a pool is picked against as many of another pool.

        Args:
            pool: `[N]` how often each response is among the samples of the one pool.
            other: `[N]` the same for the other.
            sizes: `[S]` how many samples are drawn from each, without replacement.

        Raises:
            TooLargeError: if there are too many different draws, where a kind of users has no faster way than to
                look at each.
        """
        found = np.empty(len(sizes))
        for s, size in enumerate(sizes):
            (sets, chances), (others, shares) = draws(pool, int(size)), draws(other, int(size))
            found[s] = shares @ (1 - self.against_sets(sets, chances).values(others))
        return found

    def matrix(self, sets: Ints, others: Ints) -> Floats:
        """Returns `[M, M']`: the chance that each row of `[M', l]` is picked against each row of `[M, k]`."""
        return np.array([self.against_sets(row[None, :], np.ones(1)).values(others) for row in sets])

    def shares(self, slots: Ints) -> Floats:
        """Returns `[B, K]`: the chance that a random user picks each slot of `[B, K]` responses."""
        types = np.arange(self.n_types)
        rows = (self.type_shares(types, np.broadcast_to(row, (types.size, row.size))) for row in slots)
        return np.array([self.weights @ row for row in rows]).reshape(slots.shape)

    def pairwise(self) -> Floats:
        """Returns `[N, N]`: the chance that a user prefers row to column, ties counted half; the diagonal is 1/2."""
        alone = np.arange(self.n_responses)[:, None]
        return self.matrix(alone, alone).T

    def user_favourites(self) -> Floats:
        """Returns `[U, N]`: the chance that a user of each type picks each response where all are shown."""
        everything = np.broadcast_to(np.arange(self.n_responses), (self.n_types, self.n_responses))
        return self.type_shares(np.arange(self.n_types), everything)

    def favourites(self) -> Floats:
        """Returns `[N]`: the share of users whose favourite each response is (random dictatorship)."""
        return self.weights @ self.user_favourites()

    def first_guess(self) -> Floats:
        """Returns `[N]`: the users' favourites, and every response equally where they are not known."""
        n = self.n_responses
        return self.favourites() if self.knows(n) else np.full(n, 1 / n)

    def by_favourite(self) -> dict[str, "Users"]:
        """Returns the users who like each response best, by its name; those with several favourites belong to each."""
        if not self.knows(self.n_responses):
            return {}  # nobody knows whose favourite is what
        shares = self.user_favourites() * self.weights[:, None]
        liked = np.flatnonzero(shares.any(axis=0))
        return {self.responses[y]: self.reweighted(shares[:, y]) for y in liked}

    def plurality(self) -> int:
        """Returns the response that most users like best; the first of those tied."""
        return _first_best(self.favourites())

    def borda(self) -> int:
        """Returns the response with the highest Borda score; the first of those tied."""
        # against one uniformly drawn response, the chance of being preferred is (Borda score + 1/2) / N
        return _first_best(self.payoffs(np.full(self.n_responses, 1 / self.n_responses), 1))

    def condorcet_winner(self) -> int | None:
        """Returns the response that a majority prefers to each other response, None where there is none."""
        margins = self.pairwise()
        margins -= margins.T
        np.fill_diagonal(margins, 1.0)
        winners = np.flatnonzero((margins > TIED).all(axis=1))
        return int(winners[0]) if winners.size else None

    def pick(self, types: Ints, slots: Ints, numbers: npt.NDArray[np.uint32]) -> Ints:
        """Returns `[B]`: the slot that a user of each row's type picks.

        Args:
            types: `[B]` types of users.
            slots: `[B, K]` the responses shown.
            numbers: `[B]` uniform integers below 2^32, all the chance there is in the choice.
        """
        ends = self.type_shares(types, slots).cumsum(axis=1)
        place = numbers / 2.0**32 * ends[:, -1]
        return (ends <= place[:, None]).sum(axis=1)

    @classmethod
    def picker(cls, populations: Sequence[Any]) -> "Picker":
        """Returns what lets the users of P prompts, all of this kind, pick in many games at a time."""
        from ualign_env.users.picker import Picker

        return Picker(populations)

    def describe(self, user_type: int) -> str:
        """Returns what the users of a type, from 0 to U - 1, like, in words."""
        return f"type {user_type}"

    def counts(self) -> Floats:
        """Returns `[U]` how many users are of each type, whole numbers where they are some but for rounding."""
        found = self.weights * self.n_users
        whole = np.round(found)
        return np.where(np.isclose(found, whole, rtol=1e-9, atol=0), whole, found)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yields these users as rows of a table, all with the same columns; a row a type unless a kind has another."""
        for t, many in enumerate(self.counts().tolist()):
            content = self.content().items()
            each = {name: values[t] if values.shape[:1] == (self.n_types,) else values for name, values in content}
            own = {name: json.dumps(values.tolist()) for name, values in each.items()}
            yield {"user": t, "weight": many} | own

    def scores(self) -> Floats | None:
        """Returns `[U, N]` scores of which each type picks the highest, one of those tied at random.

        None where users do not choose in this way.
        """
        return None

    def noise(self) -> "Noise | None":
        """Returns the utilities by which they choose, and their noise; None where they do not choose in this way."""
        return None

    def indifference(self) -> tuple[float, float] | None:
        """Returns the mean share of pairs of responses that users tie, and the share of users who tie all.

        None where nobody knows.
        """
        return None

    def beyond(self, shown: npt.NDArray[np.bool_]) -> Floats | None:  # noqa: ARG002
        """Returns `[N]`: the chance that each response is picked against ever more samples, None where nobody knows.

        Args:
            shown: `[N]` which responses are among the samples sooner or later.
        """
        return None

    def attractions(self) -> Floats | None:
        """Returns `[U, N]`, up to a factor for each type: how often each response is picked of ever more shown.

        Shown ever more slots, of which response y fills a share p(y), a user picks one with y in proportion to p(y)
        times y's attraction. None where nobody knows.
        """
        return None

    # --- users made from these

    def reweighted(self, weights: Floats) -> "Users":
        """Returns the users of each type with other weights, `[U]`, none negative and not all zero."""
        packed = self.pack()
        return self.unpack(packed | {"weights": weights / weights.sum(), "n_users": max(1, packed["n_users"])})

    def restricted(self, responses: npt.ArrayLike) -> Self:
        """Returns the same users choosing among some of the responses.

        Args:
            responses: `[M]` distinct indices of the responses that remain, in their new order.

        Raises:
            ValueError: if they are not.
        """
        index = _checks.number_array("responses", responses)
        if index.ndim != 1 or index.dtype.kind not in "iu" or not 0 < index.size == np.unique(index).size:
            raise ValueError(f"responses must be distinct indices, at least one, not {responses!r:.200}")
        if not (index.min() >= 0 and index.max() < self.n_responses):
            raise ValueError(f"responses are {index.tolist()!s:.200}, but the population has {self.n_responses}")
        return self.among(index.astype(np.int64)).merged()

    def resampled(self, types: npt.ArrayLike) -> Self:
        """Returns one user for each entry, of that type: a bootstrap sample, for example.

        Args:
            types: `[users]` types of users, in any number.

        Raises:
            ValueError: if one is no type, or there is none.
        """
        rows = _checks.number_array("types", types)
        if rows.ndim != 1 or rows.dtype.kind not in "iu" or not rows.size:
            raise ValueError(f"types must be indices of user types, at least one, not {types!r:.200}")
        if rows.min() < 0 or rows.max() >= self.n_types:
            raise ValueError(f"types go from {rows.min()} to {rows.max()}, but the population has {self.n_types}")
        return self.drawn(rows.astype(np.int64))

    @abstractmethod
    def among(self, responses: Ints) -> Self:
        """Returns the same user types, in the same order, choosing among some of the responses.

        Args:
            responses: `[M]` distinct indices, in their new order. `restricted` checks them, and this need not.
        """

    @abstractmethod
    def drawn(self, types: Ints) -> Self:
        """Returns one user for each of `[users]` types, indices that `resampled` has checked."""

    def merged(self) -> Self:
        """Returns the same users with equal types made one."""
        return self

    # --- identity

    @abstractmethod
    def content(self) -> dict[str, npt.NDArray[Any]]:
        """Returns the arrays that, with `weights`, `responses` and `n_users`, make these users."""

    @classmethod
    @abstractmethod
    def from_content(cls, weights: Any, responses: tuple[str, ...], n_users: int, **content: Any) -> Self:
        """Makes users from their content, which may have been damaged.

        Args:
            weights: `[U]` share of the users of each type, as in `weights`.
            responses: N names.
            n_users: respondents the users were made from.
            content: the arrays of `content`, by name.

        Raises:
            ValueError: if it makes no users.
        """

    def pack(self) -> dict[str, Any]:
        """Returns the kind and everything else that `unpack` makes these users from: strings, numbers and arrays."""
        common = {"kind": self.kind, "responses": list(self.responses), "n_users": self.n_users}
        return common | {"weights": self.weights} | self.content()

    @staticmethod
    def unpack(packed: dict[str, Any]) -> "Users":
        """Makes users of any kind from what `pack` returned.

        Raises:
            ValueError: if the kind is unknown, or the content makes no users.
        """
        if not isinstance(packed, dict):
            raise ValueError(f"packed users are {packed!r:.200}, but must be a dictionary that pack() returned")
        rest = dict(packed)
        kind = str(rest.pop("kind", None))
        if kind not in KINDS:
            raise _checks.unknown("kind of users", kind, KINDS)
        try:
            return KINDS[kind].from_content(responses=tuple(rest.pop("responses")), **rest)
        except (KeyError, TypeError) as error:
            raise ValueError(f"packed users of the kind {kind!r} are damaged: {error!r}") from error

    @cached_property
    def digest(self) -> str:
        """A fingerprint: equal exactly for equal users."""
        found = hashlib.sha256()
        for name, value in sorted(self.pack().items()):
            if isinstance(value, np.ndarray):
                little = np.ascontiguousarray(value, value.dtype.newbyteorder("<"))
                found.update(f"{name}:{little.dtype.str}{little.shape}:".encode())
                found.update(little.tobytes())
            else:
                found.update(f"{name}:{json.dumps(value)}:".encode())
        return found.hexdigest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Users):
            return NotImplemented
        return self is other or self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[Any, ...]:
        # the class goes along, since it may be defined where the process that unpickles has not looked yet
        return _rebuild, (type(self), self.pack())

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # immutable

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}(n_responses={self.n_responses}, n_types={self.n_types}, n_users={self.n_users})"


def _rebuild(kind: type[Users], packed: dict[str, Any]) -> Users:
    rest = {name: value for name, value in packed.items() if name not in ("kind", "responses")}
    return kind.from_content(responses=tuple(packed["responses"]), **rest)


_warm: set[tuple[Any, ...]] = set()


def warm_up(users: Users, what: str, run: Callable[[Users], Any]) -> None:
    """Runs something once on a tiny part of some users, so that no later run on their kind compiles a loop."""
    key = (what, type(users), *(table.dtype.str for table in users.content().values()))
    if key not in _warm:
        run(users.drawn(np.zeros(1, np.int64)).among(np.arange(min(2, users.n_responses))))
        _warm.add(key)


def has_cycle(beats: npt.NDArray[np.bool_]) -> bool:
    """Returns whether `[N, N]`, which of two responses beats the other, goes round in a circle somewhere."""
    return bool(connected_components(beats, connection="strong")[0] < len(beats))


def _first_best(values: Floats) -> int:
    return int(np.argmax(values > values.max() - TIED))
