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

from ualign_env.envs.rendering import observation_box
from ualign_env.envs.torch.policies import evaluated
from ualign_env.policies.tables import PolicyTable
from ualign_env.policies.tabulate import read, reads
from ualign_env.scenario import Scenario


@reads
def _(policy: BaseAlgorithm, scenario: Scenario, k: int) -> PolicyTable:
    normalised = policy.get_vec_normalize_env()
    return _read(policy.policy, scenario, k, normalised.normalize_obs if normalised else lambda seen: seen)


@reads
def _(policy: BaseModel, scenario: Scenario, k: int) -> PolicyTable:
    return _read(policy, scenario, k, lambda seen: seen)


def _read(policy: Any, scenario: Scenario, k: int, normalise: Callable[[Any], Any]) -> PolicyTable:
    """Returns the distribution that a policy has for each prompt, shown as it was while it learned."""
    distribution_of = getattr(policy, "get_distribution", None)
    needs = set(inspect.signature(distribution_of).parameters) if distribution_of else set()
    if distribution_of is None or not {"obs"} <= needs <= {"obs", "action_masks"}:
        raise ValueError(
            f"{type(policy).__name__} has no distribution of responses given the observation alone, as PPO and A2C have"
        )
    if not isinstance(policy.action_space, spaces.Discrete) or policy.action_space.n != scenario.n_responses:
        raise ValueError(
            f"the model's actions are {policy.action_space}, but the scenario has {scenario.n_responses} responses"
        )
    seen, _ = policy.obs_to_tensor(normalise(_observations(policy.observation_space, scenario)))
    masks = {"action_masks": scenario.legal.copy()} if "action_masks" in needs else {}
    with evaluated(policy):
        chances = distribution_of(seen, **masks).distribution.probs.cpu().double().numpy()
    return read(np.where(scenario.legal, chances, 0) if masks else chances, scenario, k)


def _observations(space: spaces.Space[Any], scenario: Scenario) -> Any:
    """Returns what a model sees of all prompts: an array, or with action masks a dictionary of two."""
    table = scenario.observations.copy()
    seen = space.spaces.get("observation") if isinstance(space, spaces.Dict) else space
    if seen != observation_box(scenario):
        raise ValueError(f"the model observes {space}, but the scenario shows {observation_box(scenario)}")
    if isinstance(space, spaces.Dict):
        return {"observation": table, "action_mask": scenario.legal.astype(np.int8)}
    return table
