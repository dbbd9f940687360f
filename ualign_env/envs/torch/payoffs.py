"""Payoffs as torch tensors, with gradients: for whoever trains a network on the game itself.

Axes: P prompts, U user types (the largest number over the prompts), N responses, B prompts of a batch, Q nodes.
"""

from typing import Any

import numpy as np
import torch

from ualign_env import _checks
from ualign_env.specs import ScenarioLike, as_scenario
from ualign_env.users import Noise

_AT_ONCE = 20_000_000  # numbers at nodes that are kept for gradients


class DifferentiablePayoffs:
    """Chances of being picked against k samples of policies on many prompts at once, as functions of the policies.

    Users must be of one way of choosing on all prompts: by orders, or by utilities with one law of noise. What is
    computed is what `deviation_payoffs` computes, to about 1e-6 in single precision.

    Attributes:
        legal: `[P, N]` which responses each prompt has.
    """

    def __init__(
        self, scenario: ScenarioLike, k: int, *, dtype: torch.dtype = torch.float32, device: Any = None
    ) -> None:
        """Prepares for all prompts of a scenario.

        Args:
            scenario: a scenario, its spec, or the users of its only prompt.
            k: number of samples that are shown, from 1 to 1,000,000.
            dtype: of policies and payoffs.
            device: where they are.

        Raises:
            ValueError: if users choose in other ways, or in several.
        """
        loaded, self._k = as_scenario(scenario), _checks.number_of_outputs(k)
        users = loaded.populations
        shape = len(users), max(one.n_types for one in users), loaded.n_responses
        weights, scores, noises = np.zeros(shape[:2]), np.full(shape, -np.inf), []
        for x, one in enumerate(users):
            noise = one.noise()
            own = one.scores() if noise is None else noise.utilities
            if own is None:
                raise ValueError(
                    f"how {type(one).__name__} choose is not known, so that their payoffs have no gradients"
                )
            noises.append(noise)
            weights[x, : one.n_types], scores[x, : one.n_types, : one.n_responses] = one.weights, own
        laws = {noise.law if noise else None for noise in noises}
        if len(laws) > 1:
            raise ValueError(f"users choose in several ways ({', '.join(map(str, laws))}), but must choose in one")
        like = {"dtype": dtype, "device": device}
        self.legal = torch.as_tensor(loaded.legal.copy(), device=device)
        self._weights = torch.as_tensor(weights, **like)
        self._ways = _Certain(scores, self._k, like) if noises[0] is None else _Noisy(noises[0], scores, self._k, like)

    def __call__(self, policies: torch.Tensor, prompts: torch.Tensor | None = None) -> torch.Tensor:
        """Returns `[B, N]`: the chance that each response alone is picked; 0 for what a prompt hasn't got.

        Args:
            policies: `[B, N]` distributions, 0 beyond a prompt's own responses.
            prompts: `[B]` the prompts they are for; all in order where it is None.
        """
        rows = torch.arange(len(self.legal), device=self.legal.device) if prompts is None else prompts
        if policies.shape != (len(rows), self.legal.shape[1]):
            expected = (len(rows), self.legal.shape[1])
            raise ValueError(f"policies have shape {tuple(policies.shape)}, but must have {expected}")
        return self._ways.payoffs(policies, rows, self._weights[rows]) * self.legal[rows]


class _Certain:
    """Users who pick what they like best: a response is above what is worse, and ties with what is alike.

    Between the shares F of worse and F + p of no better responses it is picked with chance `integral_0^1 (F + tp)^k
    dt`, of which Gauss and Legendre's nodes give polynomials exactly.
    """

    def __init__(self, scores: np.ndarray, k: int, like: dict[str, Any]) -> None:
        order = np.argsort(scores, axis=2, kind="stable")  # the worst first
        ordered = np.take_along_axis(scores, order, axis=2)
        new = np.ones(scores.shape, bool)
        new[:, :, 1:] = ordered[:, :, 1:] != ordered[:, :, :-1]
        place = np.arange(scores.shape[2])
        begin = np.maximum.accumulate(np.where(new, place, 0), axis=2)
        last = np.ones(scores.shape, bool)
        last[:, :, :-1] = new[:, :, 1:]
        end = np.minimum.accumulate(np.where(last, place + 1, scores.shape[2])[:, :, ::-1], axis=2)[:, :, ::-1]
        where = np.argsort(order, axis=2)
        self._k, device = k, like["device"]
        self._order, self._begin, self._end = (
            torch.as_tensor(table.copy(), device=device)
            for table in (order, np.take_along_axis(begin, where, 2), np.take_along_axis(end, where, 2))
        )
        nodes, weights = np.polynomial.legendre.leggauss(k // 2 + 1)
        self._nodes = [(float(t), float(w)) for t, w in zip((nodes + 1) / 2, weights / 2, strict=True)]

    def payoffs(self, policies: torch.Tensor, rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        order = self._order[rows]
        masses = policies[:, None, :].expand(order.shape).gather(2, order)
        sums = torch.nn.functional.pad(masses.cumsum(dim=2), (1, 0))
        worse, tied = sums.gather(2, self._begin[rows]), sums.gather(2, self._end[rows])
        picked = sum(w * (worse + t * (tied - worse)).pow(self._k) for t, w in self._nodes)
        return torch.einsum("bu,bun->bn", weights, picked)


class _Noisy:
    """Users who pick what they see most of, utility plus a noise for every slot: an integral over what is seen."""

    def __init__(self, noise: Noise, scores: np.ndarray, k: int, like: dict[str, Any]) -> None:
        with np.errstate(invalid="ignore"):
            scaled = scores - scores.max(axis=2, keepdims=True)  # of users who aren't there, NaN
        scaled[np.isnan(scaled)] = -np.inf
        lowest = float(scaled[np.isfinite(scaled)].min())
        t, weights = noise.nodes(lowest, 2 * k)
        self._scaled, self._k, self._law = torch.as_tensor(scaled, **like), k, noise.law
        self._t, self._shares = torch.as_tensor(t, **like), torch.as_tensor(weights, **like)

    def payoffs(self, policies: torch.Tensor, rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        each = self._scaled[0].numel() * self._t.numel()
        parts = max(1, _AT_ONCE // each)
        cut = [slice(i, i + parts) for i in range(0, len(rows), parts)]
        return torch.cat([self._some(policies[part], self._scaled[rows[part]], weights[part]) for part in cut])

    def _some(self, policies: torch.Tensor, scaled: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        away = self._t[:, None] - scaled[:, :, None, :]  # [B, U, Q, N]
        if self._law == "logit":
            rate = torch.exp(-away.clamp(min=-80))
            above, density = -torch.expm1(-rate), rate * torch.exp(-rate)
        else:
            above = torch.special.ndtr(-away)
            density = torch.exp(-away.clamp(-12, 12).square() / 2) / np.sqrt(2 * np.pi)
        lost = torch.einsum("bn,buqn->buq", policies, above)
        shown = torch.exp(self._k * torch.log1p(-lost.clamp(max=1 - torch.finfo(lost.dtype).eps)))
        return torch.einsum("bu,buq,buqn->bn", weights, shown * self._shares, density)
