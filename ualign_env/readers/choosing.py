"""How the users of data choose by what they said: by its order alone, or noisily by utilities.

Axes of one prompt: U users, N responses.
"""

from dataclasses import dataclass

import numpy as np

from ualign_env import _checks
from ualign_env._types import Floats
from ualign_env.users import Population, Users, noisy_users

CERTAIN = "certain"
KINDS = (CERTAIN, "logit", "probit")


@dataclass(frozen=True)
class Choosing:
    """How users choose.

    Attributes:
        users: `"certain"` for the order of their scores, `"logit"` or `"probit"` for scores plus noise.
        tau: temperature, in units of the scores.
        noise: `"response"` or `"slot"`, see `noisy_users`.
        samples: rankings drawn of each user, with response noise.
        seed: of these.
    """

    users: str = CERTAIN
    tau: float = 1.0
    noise: str = "response"
    samples: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        _checks.one_of("users", self.users, KINDS)
        if self.users == CERTAIN and (self.tau, self.noise, self.samples, self.seed) != (1.0, "response", 100, 0):
            raise ValueError(f"tau, noise, samples and seed are of noisy users, but users is {CERTAIN!r}")
        _checks.scale("tau", self.tau)

    def noted(self) -> list[str]:
        """Returns how they choose, in words."""
        if self.users == CERTAIN:
            return []
        drawn = f": {self.samples} rankings drawn of each" if self.noise == "response" else ""
        return [f"users choose by {self.users} at temperature {self.tau:g}, a noise for every {self.noise}{drawn}"]

    def by_scores(self, scores: Floats, weights: Floats, names: list[str]) -> Users:
        """Returns users from `[U, N]` scores, -infinity for what is below the rest, and `[U]` weights."""
        if self.users == CERTAIN:
            places = -scores
            lowest = np.where(np.isfinite(places), places, -np.inf).max(axis=1, keepdims=True)
            places = np.where(np.isfinite(places), places, np.nextafter(lowest, np.inf))
            return Population.from_ranks(places, weights, names)
        law = {"law": self.users, "noise": self.noise, "samples": self.samples, "seed": self.seed}
        return noisy_users(scores, self.tau, weights, names, **law)  # pyright: ignore[reportArgumentType]


ORDERS = Choosing()
