"""The alignment game in closed form: chances of being picked, without the payoff tensor.

Axes: U user types, N responses, K players, T policies of a mixture, B batch.

Shown several responses, a user picks uniformly among the slots that hold one of her most preferred ones. If F is
the probability that a policy's response is strictly worse for her than `y`, and p that she ranks it equal to `y`,
then `y` is picked against k samples with probability `integral_0^1 (F + t p)^k dt`.

Source: Cai & Zheng, "Asymptotic Universal Alignment", ICML 2026 (arXiv 2601.08777) for the game.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ualign_env import _checks, kernels
from ualign_env._checks import Floats
from ualign_env.population import Population

#: Chances are rounded to this grid, on which sums are exact: 2^-52, the spacing of numbers just below 1.
_GRID = 2.0**52

_MAX_TENSOR = 100_000_000  # entries
_MAX_PLAYERS = 1001  # with policies of their own: quadrature takes time and memory that grow with their square


class TooLargeError(ValueError):
    """A game is too large to be enumerated; the message says how large it would be."""


def deviation_payoffs(population: Population, policy: npt.ArrayLike, k: int) -> Floats:
    """Returns the chance that each response, played alone, is picked against k samples of a policy.

    Takes O(U N) time for any k.

    Args:
        population: U user types over N responses.
        policy: `[N]` distribution that the k competing responses are drawn from.
        k: number of competing responses, from 1 to 1,000,000.

    Returns:
        `[N]` probabilities; `policy @ result == 1 / (k + 1)` for every policy.

    Raises:
        ValueError: if `policy` is not a distribution over the population's N responses, or k is out of range.
    """
    return unchecked_payoffs(population, _policies("policy", policy, population, ()), _checks.number_of_outputs(k))


def unchecked_payoffs(population: Population, policy: Floats, k: int) -> Floats:
    """Returns `deviation_payoffs` of a policy that is known to be one: the solvers' inner loop."""
    return kernels.deviation_payoffs(population.ranks, population.weights, policy[None, :], np.ones(1), k)


def unchecked_jacobian(population: Population, policy: Floats, k: int) -> Floats:
    """Returns `[N, N]`: the derivative of the row's payoff by the policy's share of the column, in O(U N^2) time."""
    return kernels.deviation_jacobian(population.ranks, population.weights, policy, k)


def mixture_deviation_payoffs(
    population: Population, policies: npt.ArrayLike, k: int, weights: npt.ArrayLike | None = None
) -> Floats:
    """Returns the chance that each response is picked against k samples of one policy drawn from a mixture.

    Args:
        population: U user types over N responses.
        policies: `[T, N]` distributions; one is drawn, then all k competing responses from it.
        k: number of competing responses, from 1 to 1,000,000.
        weights: `[T]` chances of the policies (default: equal).

    Returns:
        `[N]` probabilities: the weighted mean of `deviation_payoffs` over the policies.

    Raises:
        ValueError: if the policies, weights or k don't fit.
    """
    n_policies = _rows("policies", policies)
    table = _policies("policies", policies, population, (n_policies,))
    mixture = _checks.weights(np.ones(n_policies) if weights is None else weights, n_policies, "policies")
    return kernels.deviation_payoffs(population.ranks, population.weights, table, mixture, _checks.number_of_outputs(k))


def profile_deviation_payoffs(population: Population, profile: npt.ArrayLike) -> Floats:
    """Returns the chance that each response is picked against one sample from each of k different policies.

    Args:
        population: U user types over N responses.
        profile: `[k, N]` distributions of the competing responses.

    Returns:
        `[N]` probabilities.

    Raises:
        ValueError: if a row of `profile` is not a distribution over the population's N responses.
    """
    table = _profile(profile, population)
    # player k's own policy does not matter to what player k's responses earn
    return kernels.leave_one_out_payoffs(population.ranks, population.weights, np.vstack([table, table[:1]]))[-1]


def leave_one_out_payoffs(population: Population, profile: npt.ArrayLike) -> Floats:
    """Returns what every response would earn every player of the game, the other players' policies being given.

    Args:
        population: U user types over N responses.
        profile: `[K, N]` policies of the K players.

    Returns:
        `[K, N]` chances that the response is picked if player i plays it; `(profile * result).sum() == 1`.

    Raises:
        ValueError: if a row of `profile` is not a distribution over the population's N responses.
    """
    return kernels.leave_one_out_payoffs(population.ranks, population.weights, _profile(profile, population))


def choice_shares(population: Population, slots: npt.ArrayLike) -> Floats:
    """Returns the chance that each of the responses shown is picked.

    Args:
        population: U user types over N responses.
        slots: `[..., K]` indices of the responses shown side by side.

    Returns:
        `[..., K]` probabilities, rounded to multiples of 2^-52 such that they sum to exactly 1.

    Raises:
        ValueError: if an index is not one of the population's responses.
    """
    _population(population)
    shown = np.asarray(slots)
    if shown.ndim == 0 or shown.shape[-1] == 0 or shown.dtype.kind not in "iu":
        raise ValueError(f"slots must hold at least one response index, not {slots!r:.200}")
    if shown.size and not (shown.min() >= 0 and shown.max() < population.n_responses):
        worst = int(shown.min()) if shown.min() < 0 else int(shown.max())
        raise ValueError(f"slots hold response {worst}, but the population has {population.n_responses} responses")
    rows = np.ascontiguousarray(shown.reshape(-1, shown.shape[-1]), np.int64)
    chances = kernels.shares(population.ranks, population.weights, rows)
    chances = np.rint(chances * _GRID) / _GRID
    largest = chances.argmax(axis=1)
    chances[np.arange(len(rows)), largest] += 1 - chances.sum(axis=1)
    return chances.reshape(shown.shape)


def payoff_tensor(population: Population, players: int) -> Floats:
    """Returns the symmetric game in normal form, for small games: it has K N^K entries, at most 100 million.

    Args:
        population: U user types over N responses.
        players: K, at least 2.

    Returns:
        `[K, N, ..., N]`: the chance that each player's response is picked.

    Raises:
        ValueError: if K is no integer of at least 2.
        TooLargeError: if there would be more entries (with their number).
    """
    players, n = _checks.count("players", players, 2), _population(population).n_responses
    entries = players * n**players
    if entries > _MAX_TENSOR or players > 62:  # 62: numpy's arrays have at most 64 axes
        raise TooLargeError(
            f"{players} players with {n} responses have a tensor of {about(entries)} entries "
            f"({about(-(-entries // 2**27))} GiB), but at most {_MAX_TENSOR:,} are built; use deviation_payoffs instead"
        )
    profiles = np.indices((n,) * players).reshape(players, -1).T
    shares = choice_shares(population, profiles)
    return np.ascontiguousarray(shares.T).reshape(players, *(n,) * players)


def _policies(name: str, value: npt.ArrayLike, population: Population, leading: tuple[int, ...]) -> Floats:
    """Returns `[*leading, N]` distributions over the population's responses."""
    n = _population(population).n_responses
    return _checks.distributions(name, value, (*leading, n), f"the population has {n} responses")


def _profile(value: npt.ArrayLike, population: Population) -> Floats:
    """Returns `[K, N]` distributions, one or more."""
    players = _rows("profile", value)
    if not 0 < players <= _MAX_PLAYERS:
        raise ValueError(f"profile has {players} policies, but must have from 1 to {_MAX_PLAYERS}")
    return _policies("profile", value, population, (players,))


def _population(value: Any) -> Population:
    if not isinstance(value, Population):
        raise ValueError(f"population is {value!r:.200}, but must be a Population")
    return value


def _rows(name: str, value: Any) -> int:
    return len(np.atleast_1d(_checks.number_array(name, value)))


def about(number: int) -> str:
    """Returns an integer, large ones to three digits, also beyond the largest float."""
    if number < 1_000_000:
        return str(number)
    exponent = math.log10(number)
    digits = 10 ** (exponent % 1)
    return f"{digits:.2f}e{int(exponent)}"
