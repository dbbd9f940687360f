"""The native vector environments for Stable-Baselines3, which has a vector interface of its own; needs the library."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv
from stable_baselines3.common.vec_env import VecEnv

from ualign_env.envs.gymnasium.vector import OneShotVectorEnv


class SB3VecEnv(VecEnv):
    """One of the native vector environments as a VecEnv.

    For example `PPO("MlpPolicy", SB3VecEnv(gym.make_vec("ualign_env:ualign/Seats-v0", num_envs=3 * 256)))`.
    """

    def __init__(self, envs: VectorEnv) -> None:
        """Wraps a vector environment.

        Args:
            envs: of `ualign/Seats-v0` or `ualign/Exploiter-v0`, made with `AutoresetMode.SAME_STEP`.

        Raises:
            ValueError: if its games are longer than a step: their last observations would be lost here.
        """
        if not isinstance(envs.unwrapped, OneShotVectorEnv):
            raise ValueError(f"{envs} is no vector environment of ualign/Seats-v0 or ualign/Exploiter-v0")
        if envs.unwrapped.autoreset_mode != AutoresetMode.SAME_STEP:
            raise ValueError(
                f"autoreset_mode is {envs.unwrapped.autoreset_mode}, but Stable-Baselines3 needs SAME_STEP"
            )
        self.envs = envs
        self._actions: npt.NDArray[Any] = np.empty(0, np.int64)
        super().__init__(envs.num_envs, envs.single_observation_space, envs.single_action_space)

    def reset(self) -> npt.NDArray[Any]:
        """Resets all sub-environments, with the seed last given by `seed`, if any."""
        observations, _ = self.envs.reset(seed=self._seeds[0])
        self._reset_seeds()
        return observations

    def step_async(self, actions: npt.NDArray[Any]) -> None:
        """Takes note of the actions."""
        self._actions = actions

    def step_wait(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.bool_], list[dict[str, Any]]]:
        """Steps all sub-environments."""
        observations, rewards, terminations, truncations, _ = self.envs.step(self._actions)
        return observations, rewards, terminations | truncations, [{} for _ in range(self.num_envs)]

    def close(self) -> None:
        """Closes the environment."""
        self.envs.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Returns an attribute, once for each sub-environment."""
        return [self._own(attr_name)] * len(self._indices(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Sets an attribute of all sub-environments; they have no others.

        Raises:
            ValueError: if `indices` leave one out.
        """
        if len(self._indices(indices)) < self.num_envs:
            raise ValueError("the sub-environments share their attributes: set one for all of them")
        setattr(self.envs, attr_name, value)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> list[Any]:
        """Calls a method once, and returns its result for each sub-environment: a row, of arrays that have one each."""
        result = self._own(method_name)(*args, **kwargs)
        rows = isinstance(result, np.ndarray) and result.shape[:1] == (self.num_envs,)
        return [result[i] if rows else result for i in self._indices(indices)]

    def env_is_wrapped(self, wrapper_class: type, indices: Any = None) -> list[bool]:  # noqa: ARG002
        """Returns False for each: wrappers of single environments cannot be around part of a batch."""
        return [False] * len(self._indices(indices))

    def _own(self, name: str) -> Any:
        """Returns an attribute, of the environment itself where wrappers around it haven't got it."""
        return getattr(self.envs, name) if hasattr(self.envs, name) else getattr(self.envs.unwrapped, name)

    def _indices(self, indices: Any) -> Sequence[int]:
        return list(self._get_indices(indices))
