"""The noise of users who choose noisily, and the nodes at which it is integrated.

Axes: Q nodes, C points.

With G the noise's distribution function and b a response's utility in units of the noise, a slot lies below t with
chance G(t - b), and chances of being picked are integrals over t, which the trapezoid rule gives almost to rounding.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from scipy.special import ndtr

from ualign_env._types import Floats


class Law(ABC):
    """A law of noise, with distribution function G.

    Attributes:
        name: its name.
        apart: responses whose utilities lie farther apart than this, in units of the noise, never change places.
        low: at x = -low and lower, G is 0 to rounding.
    """

    name: ClassVar[str]
    apart: ClassVar[float]
    low: ClassVar[float]

    @abstractmethod
    def step(self, slots: int) -> float:
        """Returns the distance of nodes at which the trapezoid rule is exact to rounding for so many slots."""

    @abstractmethod
    def reach(self, slots: int) -> float:
        """Returns the x from which on all of so many slots are below, to rounding."""

    @abstractmethod
    def cdf(self, x: Floats) -> Floats:
        """Returns G."""

    @abstractmethod
    def sf(self, x: Floats) -> Floats:
        """Returns 1 - G, precise where that is small."""

    @abstractmethod
    def rate(self, x: Floats) -> Floats:
        """Returns the derivative of log G; where G is 0, anything finite."""

    @abstractmethod
    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        """Returns noise."""

    def pdf(self, x: Floats) -> Floats:
        """Returns the derivative of G."""
        return self.rate(x) * self.cdf(x)

    def nodes(self, lowest: float, slots: int) -> tuple[Floats, Floats]:
        """Returns `[Q]` nodes and their weights, for utilities from `lowest` to 0 and up to so many slots."""
        step = self.step(slots)
        t = np.arange(lowest - self.low, self.reach(slots) + step, step)
        return t, np.full(t.size, step)


class Logit(Law):
    """Standard Gumbel noise: the choice of Bradley and Terry, Luce, and Plackett."""

    name, apart, low = "logit", 60.0, 4.0

    def step(self, slots: int) -> float:  # noqa: ARG002
        return 0.25

    def reach(self, slots: int) -> float:
        return 37 + float(np.log(slots))

    def cdf(self, x: Floats) -> Floats:
        return np.exp(-self.rate(x))

    def sf(self, x: Floats) -> Floats:
        return -np.expm1(-self.rate(x))

    def rate(self, x: Floats) -> Floats:
        return np.exp(-np.maximum(x, -300))

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        return rng.gumbel(size=shape)

    def nodes(self, lowest: float, slots: int) -> tuple[Floats, Floats]:
        # t = x + exp(x - c) shortens the long tail on the right
        c, step = np.log(slots) + 1.5, self.step(slots)
        x = np.arange(lowest - self.low, c + 5 + step, step)
        faster = np.exp(x - c)
        return x + faster, step * (1 + faster)


class Probit(Law):
    """Standard normal noise: the choice of Thurstone."""

    name, apart, low = "probit", 20.0, 9.0

    def step(self, slots: int) -> float:
        return next((step for most, step in ((16, 0.25), (64, 0.2), (16_384, 0.1)) if slots <= most), 0.05)

    def reach(self, slots: int) -> float:
        return 9 + float(np.sqrt(2 * np.log(slots)))

    def cdf(self, x: Floats) -> Floats:
        return ndtr(x)

    def sf(self, x: Floats) -> Floats:
        return ndtr(-x)

    def rate(self, x: Floats) -> Floats:
        x = np.clip(x, -30, 20)  # beyond, G or its density is as good as 0, but must not be slow to compute with
        return np.exp(-x * x / 2) / (np.sqrt(2 * np.pi) * ndtr(x))

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
        return rng.standard_normal(shape)


LOGIT, PROBIT = Logit(), Probit()
