"""What has been learned, as arrays: a shared policy, one policy a player, a mixture, or a joint policy of k outputs.

Axes: P prompts, N responses (padded with zeros to the largest number), K players or outputs, T policies of a mixture.

`tabulate` turns anything that acts in the game into one of these. Policies of other libraries join by
`@reads`, as the OpenSpiel adapter's do; those of libraries that are slow to import, by `_READERS` too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from ualign_env import _checks, payoffs
from ualign_env._checks import Floats
from ualign_env.population import Population
from ualign_env.scenario import Scenario
from ualign_env.versus.models import JointOutputs, Model, Outputs, Samples


@dataclass(frozen=True, eq=False)
class SharedPolicy:
    """All responses are drawn independently from one policy.

    Attributes:
        probabilities: `[P, N]` chance of each response to each prompt.
    """

    probabilities: Floats

    def average(self) -> Floats:
        """Returns `[P, N]`: how often each response is shown."""
        return self.probabilities

    def deviation_payoffs(self, scenario: Scenario, k: int) -> Floats:
        """Returns `[P, N]`: the chance that each response is picked against k outputs."""
        return _each_prompt(
            scenario, lambda population, x, own: payoffs.deviation_payoffs(population, self.probabilities[x, own], k)
        )

    def model(self, scenario: Scenario, prompt: int, k: int) -> Model:
        """Returns what shows k responses to a prompt, for opponents with several responses."""
        population = scenario.populations[prompt]
        return Samples(population, self.probabilities[None, prompt, : population.n_responses], np.ones(1), k)


@dataclass(frozen=True, eq=False)
class Profile:
    """Each of K players, or of K outputs of a model, has a policy of its own.

    Attributes:
        probabilities: `[K, P, N]` chance that each gives a response to a prompt.
    """

    probabilities: Floats

    def average(self) -> Floats:
        """Returns `[P, N]`: how often each response is shown."""
        return self.probabilities.mean(axis=0)

    def deviation_payoffs(self, scenario: Scenario, k: int) -> Floats:
        """Returns `[P, N]`: the chance that each response is picked against k outputs.

        They are one of each policy where there are k, otherwise (a game's k + 1 players) samples of the average policy.
        """
        if len(self.probabilities) != k:
            return SharedPolicy(self.average()).deviation_payoffs(scenario, k)
        return _each_prompt(
            scenario,
            lambda population, x, own: payoffs.profile_deviation_payoffs(population, self.probabilities[:, x, own]),
        )

    def model(self, scenario: Scenario, prompt: int, k: int) -> Model:
        """Returns what shows k responses to a prompt, for opponents with several responses."""
        if len(self.probabilities) != k:
            return SharedPolicy(self.average()).model(scenario, prompt, k)
        population = scenario.populations[prompt]
        return Outputs(population, np.ascontiguousarray(self.probabilities[:, prompt, : population.n_responses]))

    def leave_one_out_payoffs(self, scenario: Scenario) -> Floats:
        """Returns `[K, P, N]`: what each response would earn each player against the others."""
        out = np.zeros(self.probabilities.shape)
        for x, population in enumerate(scenario.populations):
            own = slice(population.n_responses)
            out[:, x, own] = payoffs.leave_one_out_payoffs(population, self.probabilities[:, x, own])
        return out


@dataclass(frozen=True, eq=False)
class Mixture:
    """One policy is drawn by its weight, then all responses from it: what no-regret self-play guarantees.

    Attributes:
        policies: `[T, P, N]` chance of each response.
        weights: `[T]` chance of each policy.
    """

    policies: npt.ArrayLike
    weights: npt.ArrayLike

    def average(self) -> Floats:
        """Returns `[P, N]`: how often each response is shown."""
        weights = np.asarray(self.weights) / np.sum(self.weights)
        return np.tensordot(weights, np.asarray(self.policies), axes=1)

    def deviation_payoffs(self, scenario: Scenario, k: int) -> Floats:
        """Returns `[P, N]`: the chance that each response is picked against k outputs."""
        policies = np.asarray(self.policies)
        return _each_prompt(
            scenario,
            lambda population, x, own: payoffs.mixture_deviation_payoffs(
                population, policies[:, x, own], k, self.weights
            ),
        )

    def model(self, scenario: Scenario, prompt: int, k: int) -> Model:
        """Returns what shows k responses to a prompt, for opponents with several responses."""
        population = scenario.populations[prompt]
        policies = np.asarray(self.policies, np.float64)[:, prompt, : population.n_responses]
        weights = np.asarray(self.weights, np.float64)
        return Samples(population, np.ascontiguousarray(policies), weights / weights.sum(), k)


@dataclass(frozen=True, eq=False)
class JointPolicy:
    """A model that chooses its k responses together: a distribution over multisets for each prompt.

    Attributes:
        sets: for each of the P prompts, `[M, k]` response indices.
        chances: for each prompt, `[M]` probabilities.
        n_responses: N.
    """

    sets: tuple[npt.NDArray[np.int64], ...]
    chances: tuple[Floats, ...]
    n_responses: int

    def average(self) -> Floats:
        """Returns `[P, N]`: how often each response is shown."""
        rows = []
        for sets, chances in zip(self.sets, self.chances, strict=True):
            weights = np.repeat(chances / sets.shape[1], sets.shape[1])
            rows.append(np.bincount(sets.ravel(), weights=weights, minlength=self.n_responses))
        return np.array(rows)

    def deviation_payoffs(self, scenario: Scenario, k: int) -> Floats:
        """Returns `[P, N]`: the chance that each response is picked against the k outputs."""
        out = np.zeros((scenario.n_prompts, scenario.n_responses))
        for x, population in enumerate(scenario.populations):
            singles = np.arange(population.n_responses)[:, None]
            out[x, : population.n_responses] = self.model(scenario, x, k).values(singles)
        return out

    def model(self, scenario: Scenario, prompt: int, k: int) -> Model:  # noqa: ARG002
        """Returns what shows k responses to a prompt, for opponents with several responses."""
        return JointOutputs(scenario.populations[prompt], self.sets[prompt], self.chances[prompt])


Tabular = SharedPolicy | Profile | Mixture | JointPolicy

#: Classes whose policies another module reads: it is imported, and registers them, when the first one is met.
_READERS = {
    "stable_baselines3.common.base_class.BaseAlgorithm": "ualign_env.envs.sb3_policies",
    "stable_baselines3.common.policies.BaseModel": "ualign_env.envs.sb3_policies",
    "torch.nn.modules.module.Module": "ualign_env.envs.torch_policies",
}


def tabulate(policy: Any, scenario: Scenario, k: int) -> Tabular:
    """Returns the arrays behind whatever plays the (k+1)-player game of a scenario.

    Args:
        policy: `[N]` (one prompt) or `[P, N]`: a shared policy; `[K, P, N]`: one policy for each of K = k + 1
            players, or for each of K = k outputs; a `Mixture`; a `JointPolicy`; an OpenSpiel policy (Python or C++) of
            one of our games; a Stable-Baselines3 model with a stochastic policy; a torch module from observations
            `[P, D]` to logits `[P, N]`; or a callable from the observation of a prompt (a row of
            `scenario.observations`) to `[N]` probabilities.
        scenario: P prompts with up to N responses.
        k: number of outputs.

    Raises:
        ValueError: if the policy doesn't fit the scenario and k, or is not a distribution.
    """
    for name in map(_class_path, type(policy).__mro__):
        if name in _READERS:
            import_module(_READERS[name])
    return _tabulate(policy, scenario, k)


@singledispatch
def _tabulate(policy: Any, scenario: Scenario, k: int) -> Tabular:
    """Reads arrays and callables."""
    if callable(policy):
        rows = [_answer(policy, scenario, x) for x in range(scenario.n_prompts)]
        return SharedPolicy(_table("policy", rows, scenario, ()))
    ndim = _checks.number_array("policy", policy).ndim
    if ndim == 1 and scenario.n_prompts == 1:
        n = scenario.n_responses
        return SharedPolicy(_checks.distributions("policy", policy, (n,), f"the scenario has {n} responses")[None, :])
    if ndim == 3:
        players = len(policy)
        if players not in (k, k + 1):
            raise ValueError(
                f"policy has {players} players, but k is {k}: expected {k + 1} (the game's players) or {k} (outputs)"
            )
        return Profile(_table("policy", policy, scenario, (players,)))
    return SharedPolicy(_table("policy", policy, scenario, ()))


#: Decorates a function like `tabulate` that reads the policies of the class in its first annotation.
reads = _tabulate.register


@reads(SharedPolicy | Profile)
def _(policy: SharedPolicy | Profile, scenario: Scenario, k: int) -> Tabular:
    axes = 2 if isinstance(policy, SharedPolicy) else 3
    if np.ndim(policy.probabilities) != axes:
        raise ValueError(f"{type(policy).__name__} has {np.ndim(policy.probabilities)} axes, but must have {axes}")
    return tabulate(policy.probabilities, scenario, k)


@reads
def _(policy: Mixture, scenario: Scenario, k: int) -> Mixture:  # noqa: ARG001
    table = np.asarray(policy.policies)
    if table.ndim == 2 and scenario.n_prompts == 1:
        table = table[:, None, :]
    n = len(table) if table.ndim else 0
    policies = _table("policies", table, scenario, (n,))
    return Mixture(policies, _checks.weights(policy.weights, n, "policies"))


@reads
def _(policy: JointPolicy, scenario: Scenario, k: int) -> JointPolicy:
    if not len(policy.sets) == len(policy.chances) == scenario.n_prompts or policy.n_responses != scenario.n_responses:
        raise ValueError(
            f"the joint policy is for {len(policy.sets)} prompts and {policy.n_responses} responses, but the scenario "
            f"has {scenario.n_prompts} and {scenario.n_responses}"
        )
    rows, chances = [], []
    for x, population in enumerate(scenario.populations):
        table = _checks.number_array(f"sets[{x}]", policy.sets[x])
        if table.ndim != 2 or table.shape[1] != k or table.dtype.kind not in "iu" or not len(table):
            raise ValueError(f"sets[{x}] is {table.dtype} of shape {table.shape}, but must be integers [M, {k}]")
        if table.min() < 0 or table.max() >= population.n_responses:
            raise ValueError(f"sets[{x}] holds responses that {scenario.prompts[x]!r} hasn't got")
        rows.append(table.astype(np.int64))
        meaning = f"sets[{x}] has {len(table)} rows"
        chances.append(_checks.distributions(f"chances[{x}]", policy.chances[x], (len(table),), meaning))
    return JointPolicy(tuple(rows), tuple(chances), policy.n_responses)


def _class_path(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _table(name: str, value: npt.ArrayLike, scenario: Scenario, leading: tuple[int, ...]) -> Floats:
    """Returns `[*leading, P, N]` distributions that are 0 beyond each prompt's own responses."""
    prompts, n = scenario.n_prompts, scenario.n_responses
    meaning = f"the scenario has {prompts} prompt{'s' * (prompts > 1)} and {n} responses"
    table = _checks.distributions(name, value, (*leading, prompts, n), meaning)
    for x, population in enumerate(scenario.populations):
        if table[..., x, population.n_responses :].any():
            raise ValueError(
                f"{name} gives {scenario.prompts[x]!r} a response beyond the {population.n_responses} that it has"
            )
    return table


def _answer(policy: Callable[..., Any], scenario: Scenario, x: int) -> Floats:
    """Returns `[N]`: what a callable does on observing a prompt; it may leave out what the prompt hasn't got."""
    row = _checks.real_array("the policy's answer", policy(scenario.observations[x].copy()), 1)
    own = scenario.populations[x].n_responses
    if row.size not in (own, scenario.n_responses):
        raise ValueError(f"the policy answered {scenario.prompts[x]!r} with {row.size} probabilities, not {own}")
    return np.pad(row, (0, scenario.n_responses - row.size))


def _each_prompt(scenario: Scenario, payoffs_of: Callable[[Population, int, slice], Floats]) -> Floats:
    """Returns `[P, N]`: the payoffs of each prompt's own responses, 0 beyond them."""
    out = np.zeros((scenario.n_prompts, scenario.n_responses))
    for x, population in enumerate(scenario.populations):
        own = slice(population.n_responses)
        out[x, own] = payoffs_of(population, x, own)
    return out
