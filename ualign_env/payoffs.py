"""The alignment game in closed form: chances of being picked, without the payoff tensor.

Axes: P prompts, N responses, K players, B batch.

Every function takes a scenario, its spec, or the users of its only prompt. Where it asks about all prompts, its result
has an axis for them unless it was given users alone; where it asks about one, `prompt` says which.

Source: Cai & Zheng, "Asymptotic Universal Alignment", ICML 2026 (arXiv 2601.08777) for the game.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ualign_env import _checks
from ualign_env._checks import TooLargeError, about_power
from ualign_env._limits import MAX_L, MAX_SAMPLES, MAX_TENSOR
from ualign_env._types import Floats, Ints
from ualign_env.policies.tables import Players
from ualign_env.policies.tabulate import read, read_players, single_policy
from ualign_env.specs import ScenarioLike, as_scenario, one_prompt, users_of
from ualign_env.users import Users

#: Chances are rounded to this grid, on which sums are exact: 2^-52, the spacing of numbers just below 1.
_GRID = 2.0**52

MAX_AXES = 62  # players: numpy's arrays have at most 64 axes


def deviation_payoffs(scenario: ScenarioLike, policy: Any, k: int) -> Floats:
    """Returns the chance that each response, played alone, is picked against a policy's k responses.

    Takes O(U N) time for k samples of one policy, for U types of users with rankings and any k.

    Args:
        scenario: P prompts with up to N responses, a spec, or users.
        policy: anything that `tabulate` takes.
        k: number of competing responses, from 1 to 1,000,000.

    Returns:
        `[N]` probabilities for users, otherwise `[P, N]`. For one policy `policy @ result == 1 / (k + 1)`.

    Raises:
        ValueError: if the policy doesn't fit the scenario and k.
    """
    loaded, k = as_scenario(scenario), _checks.number_of_outputs(k)
    return _like(scenario, read(policy, loaded, k).payoffs(loaded, k))


def leave_one_out_payoffs(scenario: ScenarioLike, policies: Any) -> Floats:
    """Returns what every response would earn every player of the game, the other players' policies being given.

    Args:
        scenario: P prompts with up to N responses, a spec, or users.
        policies: `[K, P, N]`, or `[K, N]` for one prompt, policies of the K players; 2 to 1,001 of them.

    Returns:
        `[K, N]` for users, otherwise `[K, P, N]`: the chance that the response is picked if player i plays it;
        `(policies * result).sum() == 1` on every prompt.

    Raises:
        ValueError: if a policy is not a distribution over the scenario's responses.
    """
    loaded = as_scenario(scenario)
    given = policies.probabilities if isinstance(policies, Players) else _checks.number_array("policies", policies)
    if np.ndim(given) < 2 or len(given) < 2:
        raise ValueError(f"policies have shape {np.shape(given)}, but must be those of at least 2 players, [K, P, N]")
    result = read_players(Players(given), loaded, len(given) - 1).leave_one_out_payoffs(loaded)
    return result[:, 0] if isinstance(scenario, Users) else result


def choice_shares(scenario: ScenarioLike, slots: npt.ArrayLike, *, prompt: int | str | None = None) -> Floats:
    """Returns the chance that each of the responses shown is picked.

    Args:
        scenario: a scenario, its spec, or users.
        slots: `[..., K]` indices of the responses shown side by side.
        prompt: index of the prompt, or its name; needed where the scenario has several.

    Returns:
        `[..., K]` probabilities, rounded to multiples of 2^-52 such that they sum to exactly 1.

    Raises:
        ValueError: if an index is not one of the prompt's responses.
    """
    users, shown = users_of(scenario, prompt), _checks.number_array("slots", slots)
    if shown.ndim == 0 or shown.shape[-1] == 0 or shown.dtype.kind not in "iu":
        raise ValueError(f"slots must hold at least one response index, not {slots!r:.200}")
    rows = np.ascontiguousarray(shown.reshape(-1, shown.shape[-1]), np.int64)
    if rows.size and rows.view(np.uint64).max() >= users.n_responses:  # negative ones, too
        worst = int(shown.min()) if shown.min() < 0 else int(shown.max())
        raise ValueError(f"slots hold response {worst}, but the population has {users.n_responses} responses")
    return exact_shares(users, rows).reshape(shown.shape)


def exact_shares(users: Users, slots: Ints) -> Floats:
    """Returns `[B, K]` shares of `[B, K]` responses that are known to be some, on a grid on which they sum to 1."""
    chances = np.rint(users.shares(slots) * _GRID) / _GRID
    largest = chances.argmax(axis=1)
    chances[np.arange(len(slots)), largest] += 1 - chances.sum(axis=1)
    return chances


def payoff_tensor(scenario: ScenarioLike, players: int, *, prompt: int | str | None = None) -> Floats:
    """Returns the symmetric game in normal form, for small games: it has K N^K entries, at most 100 million.

    Args:
        scenario: a scenario, its spec, or users.
        players: K, at least 2.
        prompt: index of the prompt, or its name; needed where the scenario has several.

    Returns:
        `[K, N, ..., N]`: the chance that each player's response is picked.

    Raises:
        ValueError: if K is no integer of at least 2.
        TooLargeError: if there would be more entries (with their number).
    """
    users = users_of(scenario, prompt)
    players, n = _checks.count("players", players, 2), users.n_responses
    exponent = math.log10(players) + players * math.log10(n)  # the number itself can be too large for the memory
    if players > MAX_AXES or players * n**players > MAX_TENSOR:
        raise TooLargeError(
            f"{players} players with {n} responses have a tensor of {about_power(exponent)} entries "
            f"({about_power(exponent - math.log10(2**27))} GiB), but at most {MAX_TENSOR:,} are built; use "
            "deviation_payoffs instead"
        )
    profiles = np.indices((n,) * players).reshape(players, -1).T
    shares = exact_shares(users, np.ascontiguousarray(profiles, np.int64))
    return np.ascontiguousarray(shares.T).reshape(players, *(n,) * players)


def win_rate(
    scenario: ScenarioLike,
    policy: Any,
    k: int,
    opponent: int | npt.ArrayLike,
    l: int | None = None,
    *,
    prompt: int | str | None = None,
) -> float:
    """Returns the chance that one of a policy's k responses is picked against a given opponent.

    Args:
        scenario: a scenario, its spec, or users.
        policy: anything that `tabulate` takes; with `l`, one policy.
        k: number of responses, from 1 to 1,000,000.
        opponent: a response, several (integers, with repetitions), or with `l` an `[N]` distribution.
        l: number of samples of the opponent's distribution; both sides together draw at most 2,000.
        prompt: index of the prompt, or its name; needed where the scenario has several.

    Raises:
        ValueError: if the policy, k, the opponent or l don't fit.
    """
    loaded, x = one_prompt(scenario, prompt)
    users, k = loaded.populations[x], _checks.number_of_outputs(k)
    if l is None:
        responses = _responses(opponent, users.n_responses)
        return 1 - read(policy, loaded, k).contest(loaded.populations[x], x, k).value(responses)
    drawn = _checks.count("l", l, 1)
    if k + drawn > MAX_SAMPLES:
        raise ValueError(f"k + l is {k + drawn}, but two distributions are sampled at most {MAX_SAMPLES} times")
    n = users.n_responses
    other = _checks.distributions("opponent", opponent, (n,), f"the population has {n} responses")
    own = np.ascontiguousarray(single_policy("policy", policy, loaded, k)[x, :n])
    return 1 - users.sampled_value(own, k, other, drawn)


def _responses(value: npt.ArrayLike, n: int) -> Ints:
    """Returns from 1 to 500 response indices."""
    shown = np.atleast_1d(_checks.number_array("opponent", value))
    if shown.dtype.kind not in "iu" or shown.ndim != 1 or not 0 < shown.size <= MAX_L:
        raise ValueError(
            f"opponent is {value!r:.200}, but must be from 1 to {MAX_L} response indices, or with l a distribution"
        )
    if shown.min() < 0 or shown.max() >= n:
        raise ValueError(f"opponent is {value!r:.200}, but the population has {n} responses")
    return shown.astype(np.int64)


def _like(scenario: ScenarioLike, table: Floats) -> Floats:
    """Returns `[P, N]` without the axis of prompts where only users were given."""
    return table[0] if isinstance(scenario, Users) else table
