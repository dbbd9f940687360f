"""Stable-Baselines3 models as arrays: importing this module, which needs the library, teaches `tabulate` to read them.

It is always the stochastic policy that is read: the mode of a policy is one response, which is no equilibrium where
users disagree.

Axes: P prompts, N responses.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.policies import BaseModel

from ualign_env._types import Ints
from ualign_env.envs.rendering import observation_box
from ualign_env.envs.torch.policies import evaluated
from ualign_env.policies.tables import PolicyTable
from ualign_env.policies.tabulate import read, reads, reads_modes
from ualign_env.scenario import Scenario


@reads
def _(policy: BaseAlgorithm, scenario: Scenario, k: int) -> PolicyTable:
    normalised = policy.get_vec_normalize_env()
    return _read(policy.policy, scenario, k, normalised.normalize_obs if normalised else lambda seen: seen)


@reads
def _(policy: BaseModel, scenario: Scenario, k: int) -> PolicyTable:
    return _read(policy, scenario, k, lambda seen: seen)


@reads_modes
def _(policy: BaseAlgorithm, scenario: Scenario, k: int) -> Ints:  # noqa: ARG001
    return _predicted(policy, policy.get_vec_normalize_env(), scenario)


@reads_modes
def _(policy: BaseModel, scenario: Scenario, k: int) -> Ints:  # noqa: ARG001
    return _predicted(policy, None, scenario)


def _predicted(model: Any, normalised: Any, scenario: Scenario) -> Ints:
    """Returns what a model answers each prompt with when it does not draw."""
    if not hasattr(model, "predict"):
        raise ValueError(f"{type(model).__name__} cannot predict, as models and policies do")
    _check_actions(model, scenario)
    seen = _observations(model.observation_space, scenario)
    needs = {"action_masks": scenario.legal.copy()} if "action_masks" in _parameters(model.predict) else {}
    actions, _ = model.predict(normalised.normalize_obs(seen) if normalised else seen, deterministic=True, **needs)
    return np.asarray(actions, np.int64).reshape(scenario.n_prompts)


def _check_actions(model: Any, scenario: Scenario) -> None:
    if not isinstance(model.action_space, spaces.Discrete) or model.action_space.n != scenario.n_responses:
        raise ValueError(
            f"the model's actions are {model.action_space}, but the scenario has {scenario.n_responses} responses"
        )


def _parameters(function: Any) -> set[str]:
    return set(inspect.signature(function).parameters) if function else set()


def _read(policy: Any, scenario: Scenario, k: int, normalise: Callable[[Any], Any]) -> PolicyTable:
    """Returns the distribution that a policy has for each prompt, shown as it was while it learned."""
    distribution_of = getattr(policy, "get_distribution", None)
    needs = _parameters(distribution_of)
    if distribution_of is None or not {"obs"} <= needs <= {"obs", "action_masks"}:
        raise ValueError(
            f"{type(policy).__name__} has no distribution of responses given the observation alone, as PPO and A2C "
            "have; greedy(model) is what it does without drawing"
        )
    _check_actions(policy, scenario)
    seen, _ = policy.obs_to_tensor(normalise(_observations(policy.observation_space, scenario)))
    masks = {"action_masks": scenario.legal.copy()} if "action_masks" in needs else {}
    with evaluated(policy):
        chances = distribution_of(seen, **masks).distribution.probs.cpu().double().numpy()
    return read(np.where(scenario.legal, chances, 0) if masks else chances, scenario, k)


def _observations(space: spaces.Space[Any], scenario: Scenario) -> Any:
    """Returns what a model sees of all prompts: an array, or with action masks a dictionary of two."""
    table = scenario.observations.copy()
    seen = space.spaces.get("observation") if isinstance(space, spaces.Dict) else space
    shown = observation_box(scenario)
    # of features, bounds are those of the prompts that the model learned on
    alike = (seen.shape, seen.dtype) == (shown.shape, shown.dtype) if isinstance(seen, spaces.Box) else False
    if not alike or (scenario.observe == "number" and seen != shown):
        raise ValueError(f"the model observes {space}, but the scenario shows {observation_box(scenario)}")
    if isinstance(space, spaces.Dict):
        return {"observation": table, "action_mask": scenario.legal.astype(np.int8)}
    return table
