"""The alignment game for Gymnasium, many games at a time: `ualign/Exploiter-v0` and `ualign/Seats-v0`.

The next games begin in the same step (`AutoresetMode.SAME_STEP`); since no step is ever wasted or truncated, there are
no final observations to keep. Where prompts differ in their number of responses, `info["action_mask"]` tells which are
legal.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from ualign_env import _checks
from ualign_env._types import Floats, Ints
from ualign_env.envs import rendering
from ualign_env.envs.gymnasium.single import Observation, exploiter_actions, mask_table
from ualign_env.simulation.batch import BatchedExploiter, BatchedGame, Feedback, repeated_rows
from ualign_env.specs import DEFAULT, ScenarioLike

_SAME_STEP = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}


class OneShotVectorEnv(VectorEnv[Observation, Ints, npt.NDArray[Any]]):
    """Many games at a time; a sub-environment is one learner's seat in a game."""

    metadata = _SAME_STEP
    autoreset_mode = AutoresetMode.SAME_STEP  # where TorchRL looks for it

    def __init__(
        self, game: BatchedGame | BatchedExploiter, actions: spaces.Space[Any], seats: int, render_mode: str | None
    ) -> None:
        if render_mode is not None:
            raise ValueError(f"render_mode is {render_mode!r}, but many games at a time are not rendered")
        self.game = game
        self.num_envs = game.num_games * seats
        self.single_observation_space = rendering.observation_box(game.scenario)
        self.single_action_space = actions
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._seats = seats
        self._masks = mask_table(game.scenario)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Draws prompts; `seed` starts the random numbers anew, otherwise they go on. There are no options."""
        seed = None if seed is None else _checks.count("seed", seed, 0)
        super().reset(seed=seed, options=options)
        return self._next(seed)

    def step(
        self, actions: npt.ArrayLike
    ) -> tuple[Observation, Floats, npt.NDArray[np.bool_], npt.NDArray[np.bool_], dict[str, Any]]:
        """Plays all games to their end and draws the next prompts.

        Args:
            actions: `[num_envs]` integers, responses that the prompts have.

        Returns:
            `[num_envs, D]` observations of the next games, `[num_envs]` rewards, terminations (all True) and
            truncations (all False), infos.

        Raises:
            ValueError: if the environment has not been reset, or a response is not one of the prompt's.
        """
        rewards = self._rewards(np.asarray(actions))
        observations, infos = self._next(None)
        return observations, rewards, np.ones(self.num_envs, np.bool_), np.zeros(self.num_envs, np.bool_), infos

    def _rewards(self, actions: npt.NDArray[Any]) -> Floats:
        raise NotImplementedError

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Returns `[num_envs, N]` which responses the prompts have; `[num_envs, l * N]` for l of them."""
        if not self.game.draws.prompts.size:
            raise ValueError("the environment has not been reset: call reset() first")
        masks = repeated_rows(self.game.scenario.legal, self.game.draws.prompts, self._seats)
        return np.tile(masks, getattr(self.game, "l", 1))

    def _next(self, seed: int | None) -> tuple[Observation, dict[str, Any]]:
        prompts = self.game.reset(seed)
        seen = repeated_rows(self.game.scenario.observations, prompts, self._seats)
        if self._masks is None:
            return seen, {}
        masks = repeated_rows(self._masks, prompts, self._seats)
        return seen, {"action_mask": masks, "_action_mask": np.ones(self.num_envs, np.bool_)}


class ExploiterVectorEnv(OneShotVectorEnv):
    """`ualign/Exploiter-v0`, `num_envs` opponents of one policy at a time."""

    game: BatchedExploiter

    def __init__(
        self,
        num_envs: int = 1,
        scenario: ScenarioLike = DEFAULT,
        k: int = 2,
        policy: Any = "uniform",
        feedback: Feedback = "pick",
        render_mode: None = None,
        l: int = 1,
    ) -> None:
        """Makes the environments; see `BatchedExploiter` for the arguments and errors."""
        num_envs = _checks.count("num_envs", num_envs, 1)
        game = BatchedExploiter(scenario, k, policy, num_envs, l=l, feedback=feedback)
        super().__init__(game, exploiter_actions(game), 1, render_mode)

    def _rewards(self, actions: npt.NDArray[Any]) -> Floats:
        return self.game.step(actions)


class SeatsVectorEnv(OneShotVectorEnv):
    """`ualign/Seats-v0`: the learner responds for all players of `num_envs / players` games.

    Sub-environments 0 to K-1 are the players of the first game, and so on.
    """

    game: BatchedGame

    def __init__(
        self,
        num_envs: int = 3,
        scenario: ScenarioLike = DEFAULT,
        players: int = 3,
        feedback: Feedback = "pick",
        render_mode: None = None,
    ) -> None:
        """Makes the environments; see `BatchedGame` for the arguments and errors.

        Raises:
            ValueError: also if `num_envs` is no multiple of `players`.
        """
        num_envs = _checks.count("num_envs", num_envs, 1)
        players = _checks.count("players", players, 2)
        if num_envs % players:
            raise ValueError(
                f"num_envs is {num_envs}, but must be a multiple of the {players} players: each is a player of a game"
            )
        game = BatchedGame(scenario, players, num_envs // players, feedback=feedback)
        super().__init__(game, spaces.Discrete(game.scenario.n_responses), players, render_mode)

    def _rewards(self, actions: npt.NDArray[Any]) -> Floats:
        if actions.shape != (self.num_envs,):
            raise ValueError(f"actions have shape {actions.shape}, but must be {self.num_envs} integers")
        return self.game.step(actions.reshape(-1, self.game.players)).reshape(-1)
