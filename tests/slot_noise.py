"""A second kind of users: logit choice by plain quadrature, without ranks, tiers or ties.

A user of type u sees `utilities[u, y] / temperature + noise` in every slot, the noise standard Gumbel and drawn anew
for each slot, and picks the slot in which she sees most. With G the noise's distribution function, the responses of a
model are all below t with a chance phi(t) that is a mixture of products of `sum_y pi(y) G(t - b(y))`, and every chance
of being picked is an integral over t, which the trapezoid rule gives almost to rounding.
"""

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ualign_env import Users
from ualign_env.users import Contest, Noise

Floats = npt.NDArray[np.float64]

_STEP = 0.25
_RIGHT = 37 + np.log(1_001)  # for up to a thousand competitors


def _nodes(lowest: float, slots: int) -> tuple[Floats, Floats]:
    t = np.arange(lowest - 4, 37 + np.log(slots), _STEP)
    return t, np.full(t.size, _STEP)


class SlotNoise(Users):
    kind = "test-slot-noise"

    def __init__(self, utilities, temperature, weights=None, responses=None, n_users=None) -> None:
        self.utilities = np.array(utilities, np.float64)
        self.temperature = float(temperature)
        n_types, n = self.utilities.shape
        shares = np.ones(n_types) if weights is None else np.array(weights, np.float64)
        self.weights = shares / shares.sum()
        self.weights.flags.writeable = self.utilities.flags.writeable = False
        self.responses = tuple(responses or map(str, range(n)))
        self.n_users = n_users or n_types
        self._scaled = self.utilities / self.temperature
        t = np.arange(self._scaled.min() - 4, self._scaled.max() + _RIGHT, _STEP)
        away = t[None, :, None] - self._scaled[:, None, :]
        with np.errstate(under="ignore"):
            self.below = np.exp(-np.exp(-away))  # [U, Q, N]
            self.density = np.exp(-away) * self.below

    def integral(self, values: Floats) -> Floats:
        """Returns the mean over users of the integral over t of `[U, Q, ...]`."""
        return np.asarray(_STEP * np.tensordot(self.weights, values.sum(axis=1), axes=1), np.float64)

    def type_shares(self, types, slots):
        scaled = self._scaled[types[:, None], slots]
        chances = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return chances / chances.sum(axis=1, keepdims=True)

    def against_samples(self, policies, mixture, k):
        phi = sum(share * (self.below @ policy) ** k for share, policy in zip(mixture, policies, strict=True))
        return SlotContest(self, phi)

    def against_outputs(self, policies):
        return SlotContest(self, np.prod([self.below @ policy for policy in policies], axis=0))

    def against_sets(self, sets, chances):
        shown = (share * self.below[:, :, row].prod(axis=2) for share, row in zip(chances, sets, strict=True))
        return SlotContest(self, sum(shown))

    def jacobian(self, policy, k):
        rest = (self.below @ policy) ** (k - 1)
        weighted = self.density * (rest * self.weights[:, None])[:, :, None]
        return k * _STEP * np.einsum("uqy,uqz->yz", weighted, self.below)

    def sampled_value(self, policy, k, other, l):
        phi = (self.below @ policy) ** k
        return float(self.integral(phi * l * (self.below @ other) ** (l - 1) * (self.density @ other)))

    def attractions(self):
        return self.user_favourites()

    def noise(self) -> Noise:
        return Noise("logit", self._scaled, _nodes)

    def among(self, responses) -> Self:
        names = [self.responses[y] for y in responses]
        return type(self)(self.utilities[:, responses], self.temperature, self.weights, names, self.n_users)

    def drawn(self, types) -> Self:
        return type(self)(self.utilities[types], self.temperature, None, self.responses, len(types))

    def content(self) -> dict[str, Any]:
        return {"utilities": self.utilities, "temperature": np.array(self.temperature)}

    @classmethod
    def from_content(cls, weights, responses, n_users, **content) -> Self:
        return cls(content["utilities"], content["temperature"], weights, responses, n_users)


class SlotContest(Contest):
    def __init__(self, users: SlotNoise, phi) -> None:
        self._users = users
        self.phi = phi

    @property
    def users(self) -> SlotNoise:
        return self._users

    def values(self, sets) -> Floats:
        return np.array([self.users.integral(self.phi * self._density(row)) for row in np.asarray(sets)])

    def _density(self, row):
        """Returns `[U, Q]`: the density of the greatest of several slots."""
        total = np.zeros(self.phi.shape)
        for i, y in enumerate(row):
            rest = np.delete(row, i)
            total += self.users.density[:, :, y] * self.users.below[:, :, rest].prod(axis=2)
        return total
