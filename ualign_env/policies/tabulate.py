"""`tabulate`: whatever acts in the game, as arrays.

Axes: P prompts, N responses (padded with zeros to the largest number), K players, T policies of a mixture.

Policies of other libraries join by `@reads`, as the OpenSpiel adapter's do; those of libraries that are slow to import,
or may be missing, by `_READERS` too. Names of policies are read by a reader that the baselines register.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache, singledispatch
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from ualign_env import _checks
from ualign_env._limits import MAX_POLICIES
from ualign_env._text import counted
from ualign_env._types import Floats, Ints
from ualign_env.policies.named import labelled, table_of_names
from ualign_env.policies.tables import JointPolicy, Mixture, Outputs, Players, PolicyTable, SharedPolicy
from ualign_env.scenario import Scenario
from ualign_env.specs import ScenarioLike, as_scenario

#: Modules of classes whose policies another module reads: it is imported, and registers them, when the first is met.
_READERS = {
    "pyspiel.Policy": "ualign_env.envs.open_spiel.policies",
    "open_spiel.python.policy.Policy": "ualign_env.envs.open_spiel.policies",
    "stable_baselines3.common.base_class.BaseAlgorithm": "ualign_env.envs.sb3.policies",
    "stable_baselines3.common.policies.BaseModel": "ualign_env.envs.sb3.policies",
    "torch.nn.modules.module.Module": "ualign_env.envs.torch.policies",
}


def tabulate(scenario: ScenarioLike, policy: Any, k: int, *, player: int | None = None) -> PolicyTable:
    """Returns the arrays behind whatever plays the (k+1)-player game of a scenario.

    Args:
        scenario: a scenario of P prompts with up to N responses, its spec, or the population of its only prompt.
        policy: `[N]` (the same for all prompts, if they have equally many responses) or `[P, N]`: a shared policy;
            `[K, P, N]`: one policy for each of K = k + 1 players, or for each of K = k outputs; a dictionary of
            probabilities by the names of responses, for all prompts, or of such dictionaries by the names of prompts,
            where what is not named is never shown, and where a response alone is always shown (and a pandas series with
            these labels); a `SharedPolicy`,
            `Mixture`, `Outputs`, `Players` or `JointPolicy`;
            what `solve` or `solve_versus` returned; the name of a baseline such as `"nlhf"`; an OpenSpiel policy
            (Python or C++) of one of our games; a Stable-Baselines3 model with a stochastic policy; a torch module from
            observations `[P, D]` to logits `[P, N]`, RLlib's and TensorDict's modules and agents with an `actor` among
            them; `greedy` of any of these; or a callable from the observation of a prompt (a row of
            `scenario.observations`) to `[N]` probabilities. Where responses have features, modules and callables that
            take two arguments are given these as well, `[P, N, G]` or `[N, G]`.
        k: number of outputs.
        player: whose policy is meant, where the policy is one of several players; needed where it is one player's
            alone, as linear programs return it. None: of k + 1 players, all.

    Raises:
        ValueError: if the policy doesn't fit the scenario and k, or is not a distribution.
    """
    return read(policy, as_scenario(scenario), _checks.number_of_outputs(k), player)


@dataclass(frozen=True, eq=False)
class Greedy:
    """The likeliest response of a policy to each prompt, or the one of the greatest value; made by `greedy`."""

    policy: Any


def greedy(policy: Any) -> Greedy:
    """Returns what a policy does when it always gives the response it deems best, to be scored where that is meant.

    Where users disagree, one response is never an equilibrium; so policies are read as the distributions that they
    are, and those that have none, such as DQN's, only when asked for by this name.

    Args:
        policy: anything that `tabulate` takes, or a Stable-Baselines3 model that predicts, such as DQN.

    Raises:
        ValueError: where it is scored, if it is neither.
    """
    return Greedy(policy)


def read(policy: Any, scenario: Scenario, k: int, player: int | None = None) -> PolicyTable:
    """Returns `tabulate` of a scenario and a k that have been checked."""
    _import_reader(type(policy))
    return _tabulate(policy, scenario, k) if player is None else _tabulate_player(policy, scenario, k, player)


@lru_cache(maxsize=256)
def _import_reader(kind: type) -> None:
    """Imports the module that reads the policies of a class, if one does."""
    for cls in kind.__mro__:
        name = f"{cls.__module__}.{cls.__qualname__}"
        if name in _READERS:
            import_module(_READERS[name])


@singledispatch
def _tabulate(policy: Any, scenario: Scenario, k: int) -> PolicyTable:
    """Reads arrays and callables."""
    if callable(policy):
        rows = [_answer(policy, scenario, x) for x in range(scenario.n_prompts)]
        return SharedPolicy(_table("policy", rows, scenario, ()))
    if (names := labelled(policy)) is not None:
        return SharedPolicy(table_of_names(names, scenario))
    array = _checks.number_array("policy", policy)
    if array.ndim == 3:
        if len(array) not in (k, k + 1):
            raise ValueError(
                f"policy has {len(array)} policies, but k is {k}: expected {k + 1} (the game's players) or {k} "
                "(outputs)"
            )
        return (Players if len(array) > k else Outputs)(_several("policy", array, scenario))
    if array.ndim == 1 and scenario.legal.all():
        n = scenario.n_responses
        row = _checks.distributions("policy", array, (n,), f"the scenario has {n} responses")
        _check_numbering(scenario)
        return SharedPolicy(np.tile(row, (scenario.n_prompts, 1)))
    return SharedPolicy(_table("policy", policy, scenario, ()))


def _check_numbering(scenario: Scenario) -> None:
    """Raises an error where a number stands for different responses of two prompts, as a row for all would not mean."""
    places: dict[str, int] = {}
    known = ()
    for prompt, users in zip(scenario.prompts, scenario.populations, strict=True):
        if users.responses == known:
            continue
        known = users.responses
        for i, name in enumerate(known):
            if places.setdefault(name, i) != i:
                raise ValueError(
                    f"policy is one row for {scenario.n_prompts} prompts, but {name!r:.100} is response {places[name]} "
                    f"of one and {i} of {prompt!r:.100}: pass [P, N], a row a prompt, or a dictionary by names"
                )


@_tabulate.register
def _(policy: Mapping, scenario: Scenario, k: int) -> PolicyTable:  # noqa: ARG001
    return SharedPolicy(table_of_names(policy, scenario))


@singledispatch
def _tabulate_player(policy: Any, scenario: Scenario, k: int, player: int) -> PolicyTable:
    """Reads one player's policy of a profile."""
    players = read(policy, scenario, k)
    if not isinstance(players, Players):
        raise ValueError(
            f"player is {player!r:.100}, but the policy is read as {type(players).__name__}, not as Players"
        )
    return SharedPolicy(players.probabilities[_checks.count("player", player, 0, k)])


@singledispatch
def _modes(policy: Any, scenario: Scenario, k: int) -> Ints:
    """Returns `[P]` the likeliest responses, the first of several."""
    return read(policy, scenario, k).average().argmax(axis=1)


#: Decorates one that returns `[P]` the response that a policy deems best.
reads_modes = _modes.register


@_tabulate.register
def _(policy: Greedy, scenario: Scenario, k: int) -> PolicyTable:
    _import_reader(type(policy.policy))
    modes = _modes(policy.policy, scenario, k)
    return read(np.eye(scenario.n_responses)[modes], scenario, k)


#: Decorates a function like `read` that reads the policies of the class in its first annotation.
reads = _tabulate.register

#: Decorates one that also takes the player.
reads_player = _tabulate_player.register


@reads
def _(policy: SharedPolicy, scenario: Scenario, k: int) -> PolicyTable:
    if np.ndim(policy.probabilities) > 2:
        raise ValueError(f"SharedPolicy has {np.ndim(policy.probabilities)} axes, but must have [P, N]")
    return read(policy.probabilities, scenario, k)


@reads
def _(policy: Outputs, scenario: Scenario, k: int) -> PolicyTable:
    return Outputs(_several("outputs", _of_one_prompt(policy.probabilities, scenario), scenario, k))


def read_players(policy: Players, scenario: Scenario, k: int) -> Players:
    """Returns the policies of k + 1 players, checked."""
    return Players(_several("players", _of_one_prompt(policy.probabilities, scenario), scenario, k + 1))


reads(read_players)


@reads
def _(policy: Mixture, scenario: Scenario, k: int) -> PolicyTable:  # noqa: ARG001
    table = _of_one_prompt(policy.policies, scenario)
    n = len(table) if table.ndim else 0
    return Mixture(_table("policies", table, scenario, (n,)), _checks.weights(policy.weights, n, "policies"))


@reads
def _(policy: JointPolicy, scenario: Scenario, k: int) -> PolicyTable:
    sets, weights = _checks.several("sets", policy.sets), _checks.several("chances", policy.chances)
    n = _checks.count("n_responses", policy.n_responses, 1)
    if not len(sets) == len(weights) == scenario.n_prompts or n != scenario.n_responses:
        raise ValueError(
            f"the joint policy is for {len(sets)} prompts and {n} responses, but the scenario has {scenario.n_prompts} "
            f"and {scenario.n_responses}"
        )
    rows, chances = [], []
    for x, population in enumerate(scenario.populations):
        table = _checks.number_array(f"sets[{x}]", sets[x])
        if table.ndim != 2 or table.shape[1] != k or table.dtype.kind not in "iu" or not len(table):
            raise ValueError(f"sets[{x}] is {table.dtype} of shape {table.shape}, but must be integers [M, {k}]")
        if table.min() < 0 or table.max() >= population.n_responses:
            raise ValueError(f"sets[{x}] holds responses that {scenario.prompts[x]!r} hasn't got")
        rows.append(table.astype(np.int64))
        meaning = f"sets[{x}] has {len(table)} rows"
        chances.append(_checks.distributions(f"chances[{x}]", weights[x], (len(table),), meaning))
    return JointPolicy(tuple(rows), tuple(chances), n)


def single_policy(name: str, policy: Any, scenario: Scenario, k: int) -> Floats:
    """Returns `[P, N]` where one policy is wanted that everybody plays."""
    learned = read(policy, scenario, k)
    if not isinstance(learned, SharedPolicy):
        raise ValueError(f"the {name} must be one policy, [N] or [P, N]")
    return learned.probabilities


def _of_one_prompt(value: npt.ArrayLike, scenario: Scenario) -> npt.NDArray[Any]:
    """Returns several policies with an axis of prompts, which may be left out where there is one."""
    table = _checks.number_array("policies", value)
    return table[:, None, :] if table.ndim == 2 and scenario.n_prompts == 1 else table


def _several(name: str, value: npt.NDArray[Any], scenario: Scenario, expected: int | None = None) -> Floats:
    """Returns `[K, P, N]`: a number of policies, as many as expected."""
    n = len(value) if value.ndim else 0
    if expected is not None and n != expected:
        raise ValueError(f"there are {n} {name}, but must be {expected}")
    if n > MAX_POLICIES:
        raise ValueError(f"{name} has {n} policies, but at most {MAX_POLICIES} different ones are scored")
    return _table(name, value, scenario, (n,))


def _table(name: str, value: npt.ArrayLike, scenario: Scenario, leading: tuple[int, ...]) -> Floats:
    """Returns `[*leading, P, N]` distributions that are 0 beyond each prompt's own responses."""
    prompts, n = scenario.n_prompts, scenario.n_responses
    meaning = f"the scenario has {counted(prompts, 'prompt')} and {counted(n, 'response')}"
    table = _checks.distributions(name, value, (*leading, prompts, n), meaning)
    for x, population in enumerate(scenario.populations):
        if table[..., x, population.n_responses :].any():
            raise ValueError(
                f"{name} gives {scenario.prompts[x]!r} a response beyond the {population.n_responses} that it has"
            )
    return table


def takes_responses(policy: Callable[..., Any], scenario: Scenario) -> bool:
    """Returns whether a function of what is seen of a prompt must be given the features of its responses, too."""
    if not scenario.n_response_features:
        return False
    try:
        parameters = inspect.signature(policy).parameters.values()
    except ValueError:  # of functions written in C
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    needed = [one for one in parameters if one.kind in positional and one.default is inspect.Parameter.empty]
    return len(needed) == 2


def _answer(policy: Callable[..., Any], scenario: Scenario, x: int) -> Floats:
    """Returns `[N]`: what a callable does on observing a prompt; it may leave out what the prompt hasn't got."""
    own, seen = scenario.populations[x].n_responses, [scenario.observations[x].copy()]
    if takes_responses(policy, scenario):
        seen.append(scenario.response_features[x, :own].astype(np.float32))
    row = _checks.real_array("the policy's answer", policy(*seen), 1)
    if row.size not in (own, scenario.n_responses):
        raise ValueError(f"the policy answered {scenario.prompts[x]!r} with {row.size} probabilities, not {own}")
    return np.pad(row, (0, scenario.n_responses - row.size))
