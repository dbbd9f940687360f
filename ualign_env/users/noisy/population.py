"""Users with utilities who choose noisily, every slot having a noise of its own.

Axes: U user types, N responses, T policies of a mixture, K players, B rows of slots, M multisets; R chains and Q nodes
of a block; P pools of samples, S sizes of what is drawn from them.

A user of type u sees `utilities[u, y] / temperatures[u]` plus noise in every slot that shows response y, and picks the
slot in which she sees most. Two slots with the same response have a noise each: copies help.
"""

from abc import ABC
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

from ualign_env import _checks
from ualign_env._types import Floats, Ints
from ualign_env.users.base import Noise, Users
from ualign_env.users.noisy.chains import Chains
from ualign_env.users.noisy.contests import NoisyContest, SampleContest
from ualign_env.users.noisy.laws import LOGIT, PROBIT, Law
from ualign_env.users.noisy.quadrature import Block, Quadrature

_LISTED = 10  # responses of a user in words
_LARGEST = 1e12  # utility in units of the noise, beyond which differences are lost in rounding
_CELLS = 1_000_000  # rows of slots times nodes times slots in memory at once


@dataclass(frozen=True, eq=False, repr=False, init=False)
class NoisyUsers(Users, ABC):
    """Users who pick what they see most of: utility over temperature, plus a noise that each slot draws. Immutable.

    Only differences of a user's utilities matter, and only in units of her temperature. Users with the same utilities
    and temperature are one type; types without weight are left out.

    Attributes:
        utilities: `[U, N]` of each response for each user type.
        temperatures: `[U]` how noisily each type chooses, in units of the utilities.
        weights: `[U]` share of the users of each type; sums to 1.
        responses: N names.
        n_users: respondents the users were made from: the sum of the weights where they were whole numbers, otherwise
            the number of rows.
        law: of the noise.
    """

    law: ClassVar[Law]

    utilities: Floats
    temperatures: Floats
    weights: Floats
    responses: tuple[str, ...]
    n_users: int

    def __init__(
        self,
        utilities: npt.ArrayLike,
        temperature: npt.ArrayLike = 1.0,
        weights: npt.ArrayLike | None = None,
        responses: Iterable[str] | None = None,
    ) -> None:
        """Makes users from their utilities.

        Args:
            utilities: `[users, N]` finite numbers, higher is better.
            temperature: one positive number, or `[users]`: the scale of the noise in units of the utilities.
            weights: `[users]` how much each user counts (default: equally).
            responses: N distinct names (default: `"0"`, `"1"`, ...).

        Raises:
            ValueError: if a number is missing or infinite, a temperature is not positive or too small for its
                utilities, or weights or names don't fit.
        """
        table = _checks.real_array("utilities", utilities, 2)
        if 0 in table.shape:
            raise ValueError(
                f"utilities has shape {table.shape}, but must be [users, responses] with at least one of each"
            )
        rows, n = table.shape
        given = _checks.number_array("temperature", temperature)
        if given.shape not in ((), (rows,)):
            raise ValueError(
                f"temperature has shape {given.shape}, but must be one number, or one for each of {rows} users"
            )
        scales = _checks.real_array("temperature", np.broadcast_to(given, (rows,)), 1)
        for value in (scales.min(), scales.max()):
            _checks.scale("temperature", float(value))
        counts = np.ones(rows) if weights is None else _checks.raw_weights(weights, rows, "rows of users")
        names = _checks.names("responses", responses, n, map(str, range(n)))
        with np.errstate(over="ignore"):
            spans = np.ptp(table, axis=1) / scales
        if not spans.max() <= _LARGEST:
            u = int(spans.argmax())
            raise ValueError(
                f"utilities of user {u} differ by {spans[u]:.3g} times her temperature of {scales[u]:g}, but at most "
                f"{_LARGEST:g} is told from certainty: users who are certain are a Population"
            )
        whole = bool((counts == np.floor(counts)).all()) and counts.sum() <= 2**53
        n_users = int(counts.sum() if whole else np.count_nonzero(counts))
        self._fill(*_merged(table, scales, counts), names, n_users)

    def _fill(self, utilities: Floats, scales: Floats, weights: Floats, names: tuple[str, ...], n_users: int) -> None:
        for array in (utilities, scales, weights):
            array.flags.writeable = False
        vars(self).update(
            utilities=utilities, temperatures=scales, weights=weights, responses=names, n_users=n_users
        )  # past dataclasses' lock

    @classmethod
    def _made(cls, utilities: Floats, scales: Floats, weights: Floats, names: tuple[str, ...], n_users: int) -> Self:
        """Makes users from types that are known to be right."""
        self = cls.__new__(cls)
        self._fill(utilities, scales, weights, names, n_users)
        return self

    @cached_property
    def chains(self) -> Chains:
        """Their utilities in units of the noise, cut where noise cannot reach."""
        scaled = (self.utilities - self.utilities.max(axis=1, keepdims=True)) / self.temperatures[:, None]
        return Chains.of(scaled, self.law.apart)

    @cached_property
    def quadrature(self) -> Quadrature:
        """Their chances at nodes."""
        return Quadrature(self.chains, self.law, self.weights)

    @property
    def strict(self) -> bool:
        """Whether somebody has a different utility for every response, so that equilibria for k >= 2 are unique."""
        ordered = np.sort(self.utilities, axis=1)
        return bool((ordered[:, 1:] > ordered[:, :-1]).all(axis=1).any())

    # --- how they choose

    def type_shares(self, types: Ints, slots: Ints) -> Floats:
        scaled = self.utilities[types[:, None], slots] / self.temperatures[types, None]
        return self._choice(scaled - scaled.max(axis=1, keepdims=True))

    def _choice(self, scaled: Floats) -> Floats:
        """Returns `[B, K]`: the chance that each slot is picked, of `[B, K]` utilities of which the highest is 0."""
        t, weights = self.law.nodes(0.0, scaled.shape[1])  # whatever is picked is as high as the best, or nearly
        found, step = np.empty(scaled.shape), max(1, _CELLS // (t.size * scaled.shape[1]))
        for i in range(0, len(scaled), step):
            x = t[None, :, None] - scaled[i : i + step, None, :]
            with np.errstate(under="ignore"):
                all_below = self.law.cdf(x).prod(axis=2)
                found[i : i + step] = np.einsum("q,bq,bqk->bk", weights, all_below, self.law.rate(x))
        return found / found.sum(axis=1, keepdims=True)

    def against_samples(self, policies: Floats, mixture: Floats, k: int) -> SampleContest:
        def shown(block: Block) -> Floats:
            return np.tensordot(mixture, [block.all_below(policy, k) for policy in policies], axes=1)

        return SampleContest(self, k, shown, policies, mixture)

    def against_outputs(self, policies: Floats) -> NoisyContest:
        return NoisyContest(self, len(policies), lambda block: np.prod(block.below @ policies.T, axis=2))

    def against_sets(self, sets: Ints, chances: Floats) -> NoisyContest:
        def shown(block: Block) -> Floats:
            return np.sum([block.tops(sets[part])[0] @ chances[part] for part in block.parts(sets)], axis=0)

        return NoisyContest(self, sets.shape[1], shown)

    def leave_one_out_payoffs(self, policies: Floats) -> Floats:
        def work(block: Block) -> Floats:
            below = block.below @ policies.T
            before, after = np.ones(below.shape), np.ones(below.shape)
            np.cumprod(below[:, :, :-1], axis=2, out=before[:, :, 1:])
            np.cumprod(below[:, :, :0:-1], axis=2, out=after[:, :, -2::-1])
            return np.tensordot(before * after * block.shares[:, :, None], block.densities(), axes=([0, 1], [0, 1]))

        return self.quadrature.sum(len(policies), work)

    def jacobian(self, policy: Floats, k: int) -> Floats:
        n = self.n_responses

        def work(block: Block) -> Floats:
            rest = k * block.shares * block.all_below(policy, k - 1)
            return (block.densities() * rest[:, :, None]).reshape(-1, n).T @ block.below.reshape(-1, n)

        return self.quadrature.sum(k + 1, work)

    def matrix(self, sets: Ints, others: Ints) -> Floats:
        def work(block: Block) -> Floats:
            out = np.empty((len(sets), len(others)))
            for part in block.parts(sets):
                shown = block.tops(sets[part])[0] * block.shares[:, :, None]
                for other in block.parts(others):
                    out[part, other] = np.tensordot(shown, block.tops(others[other])[1], axes=([0, 1], [0, 1]))
            return out

        return self.quadrature.sum(sets.shape[1] + others.shape[1], work)

    def sampled_value(self, policy: Floats, k: int, other: Floats, l: int) -> float:
        def work(block: Block) -> Floats:
            density = l * block.all_below(other, l - 1) * (block.densities() @ other)
            return np.asarray(np.sum(block.shares * block.all_below(policy, k) * density))

        return float(self.quadrature.sum(k + l, work))

    def pool_payoffs(self, pools: Ints, sizes: Ints) -> Floats:
        def work(block: Block) -> Floats:
            out, densities = np.empty((len(pools), len(sizes), self.n_responses)), block.densities()
            for r, pool in enumerate(pools):
                shown = _drawn(block, pool, sizes)[0] * block.shares
                out[r] = np.tensordot(shown, densities, axes=([1, 2], [0, 1]))
            return out

        return self.quadrature.sum(int(sizes.max()) + 1, work)

    def pool_values(self, pool: Ints, other: Ints, sizes: Ints) -> Floats:
        def work(block: Block) -> Floats:
            # the chance that one pool's best is lower is the integral of its distribution by the other's
            shown, best = _drawn(block, other, sizes)[0], _drawn(block, pool, sizes)[1]
            return np.einsum("rq,srq,srq->s", block.shares, shown, best)

        return self.quadrature.sum(2 * int(sizes.max()), work)

    def user_favourites(self) -> Floats:
        everything = np.broadcast_to(np.arange(self.n_responses), self.utilities.shape)
        return self.type_shares(np.arange(self.n_types), everything)

    def noise(self) -> Noise:
        return Noise(self.law.name, self.utilities / self.temperatures[:, None], self.law.nodes)

    def indifference(self) -> tuple[float, float]:
        return 0.0, 0.0  # two slots are never seen alike

    def beyond(self, shown: npt.NDArray[np.bool_]) -> Floats:  # noqa: ARG002
        return np.zeros(self.n_responses)  # one of ever more copies draws more than any other response

    def attractions(self) -> Floats:
        # light tails: of ever more slots the greatest is one of the best responses, if slowly
        return (self.utilities == self.utilities.max(axis=1, keepdims=True)).astype(np.float64)

    def reweighted(self, weights: Floats) -> Self:
        types = _merged(self.utilities, self.temperatures, weights)
        return self._made(*types, self.responses, self.n_users)

    def describe(self, user_type: int) -> str:
        """Returns a type's utilities in units of her noise, from the best on and less the worst; of many, the first."""
        own = self.utilities[user_type]
        scaled = (own - own.min()) / self.temperatures[user_type]
        order = np.argsort(-own, kind="stable")[:_LISTED]
        text = ", ".join(f"{self.responses[y]} {scaled[y]:.4g}" for y in order)
        return f"{self.law.name}: {text}{', ...' * (own.size > _LISTED)}"

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yields a row for each type and response."""
        for t, many in enumerate(self.counts().tolist()):
            common = {"user": t, "weight": many, "temperature": float(self.temperatures[t])}
            for response, utility in zip(self.responses, self.utilities[t].tolist(), strict=True):
                yield common | {"response": response, "utility": utility}

    # --- users made from these

    def among(self, responses: Ints) -> Self:
        names = tuple(self.responses[i] for i in responses)
        return self._made(self.utilities[:, responses], self.temperatures, self.weights, names, self.n_users)

    def drawn(self, types: Ints) -> Self:
        everybody = _merged(self.utilities[types], self.temperatures[types], np.ones(types.size))
        return self._made(*everybody, self.responses, types.size)

    def merged(self) -> Self:
        types = _merged(self.utilities, self.temperatures, self.weights)
        return self._made(*types, self.responses, self.n_users)

    # --- identity

    def content(self) -> dict[str, npt.NDArray[Any]]:
        return {"utilities": self.utilities, "temperatures": self.temperatures}

    @classmethod
    def from_content(cls, weights: Any, responses: tuple[str, ...], n_users: int, **content: Any) -> Self:
        made = cls(content["utilities"], content["temperatures"], weights, responses)
        return cls._made(
            made.utilities, made.temperatures, made.weights, made.responses, _checks.count("n_users", n_users, 1)
        )


class LogitUsers(NoisyUsers):
    """Users whose noise is standard Gumbel: of several slots, each is picked in proportion to exp(utility / tau).

    Source: R. D. Luce, Individual Choice Behavior, 1959; D. McFadden, in Frontiers in Econometrics, 1974.
    """

    kind, law = "logit", LOGIT

    def attractions(self) -> Floats:
        return self.user_favourites()  # of any number of slots, in proportion to exp(utility / temperature)

    def _choice(self, scaled: Floats) -> Floats:
        with np.errstate(under="ignore"):
            chances = np.exp(scaled)
        return chances / chances.sum(axis=1, keepdims=True)


class ProbitUsers(NoisyUsers):
    """Users whose noise is normal: of two slots, one is picked with chance Phi(difference / (tau sqrt 2)).

    Source: L. L. Thurstone, "A law of comparative judgment", Psychological Review 1927.
    """

    kind, law = "probit", PROBIT


def _drawn(block: Block, pool: Ints, sizes: Ints) -> tuple[Floats, Floats]:
    """Returns `[S, R, Q]`: the chance that all of some samples of an `[N]` pool are below, and its derivative.

    A sample that joins m others is among s drawn with chance s / m: a mean of the chances with and without it.
    """
    samples = np.repeat(np.arange(pool.size), pool)
    most = int(sizes.max())
    below = np.zeros((most + 1, *block.shares.shape))
    slope = np.zeros(below.shape)
    below[0] = 1.0
    for m, y in enumerate(samples, start=1):
        own, rate = block.below[:, :, y], block.below[:, :, y] * block.rate[:, :, y]
        for s in range(min(m, most), 0, -1):
            share = s / m
            slope[s] = share * (slope[s - 1] * own + below[s - 1] * rate) + (1 - share) * slope[s]
            below[s] = share * below[s - 1] * own + (1 - share) * below[s]
    return below[sizes], slope[sizes]


def _merged(utilities: Floats, temperatures: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Returns the different types in order of appearance, with their shares; none without."""
    seen: dict[bytes, int] = {}
    rows = np.column_stack([utilities, temperatures]) + 0.0  # -0 is 0
    kept = np.flatnonzero(weights)
    types = np.array([seen.setdefault(rows[i].tobytes(), len(seen)) for i in kept])
    first = kept[np.unique(types, return_index=True)[1]]
    shares = np.bincount(types, weights=weights[kept] / weights.max())
    shares *= weights.max()
    if abs(shares.sum() - 1) > 1e-12:  # what sums to 1 up to rounding stays as it is, so that copies are equal
        shares /= shares.sum()
    return utilities[first], temperatures[first], shares
