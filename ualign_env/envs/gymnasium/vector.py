"""The alignment game for Gymnasium, many games at a time: `ualign/Exploiter-v0` and `ualign/Seats-v0`.

The next games begin in the same step (`AutoresetMode.SAME_STEP`) unless another mode is asked for; games end with
their only step, after which an observation shows once more what it showed before, so that there are no final ones to
keep. Where prompts differ in their number of responses, or `action_mask=True` asks for it, `info["action_mask"]` tells
which are legal.
"""

from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from ualign_env import _checks
from ualign_env._types import Floats, Ints
from ualign_env.envs import rendering
from ualign_env.envs.arguments import hinted
from ualign_env.envs.gymnasium.single import Observation, exploiter_actions, mask_table
from ualign_env.envs.gymnasium.spec import PortableSpec
from ualign_env.simulation.batch import BatchedExploiter, BatchedGame, Feedback, repeated_rows
from ualign_env.specs import DEFAULT, ScenarioLike


class OneShotVectorEnv(  # pyright: ignore[reportIncompatibleVariableOverride]
    PortableSpec, VectorEnv[Observation, Ints, npt.NDArray[Any]]
):
    """Many games at a time; a sub-environment is one learner's seat in a game."""

    def __init__(
        self,
        game: BatchedGame | BatchedExploiter,
        actions: spaces.Space[Any],
        seats: int,
        render_mode: str | None,
        action_mask: bool,
        autoreset_mode: AutoresetMode | str,
    ) -> None:
        if render_mode is not None:
            raise ValueError(f"render_mode is {render_mode!r}, but many games at a time are not rendered")
        try:
            self.autoreset_mode = AutoresetMode(autoreset_mode)  # where TorchRL looks for it
        except (ValueError, TypeError):
            known = [mode.value for mode in AutoresetMode]
            raise ValueError(f"autoreset_mode is {autoreset_mode!r:.100}, but must be one of {known}") from None
        self.metadata = {"autoreset_mode": self.autoreset_mode, "render_modes": []}
        self.game = game
        self.num_envs = game.num_games * seats
        self.single_observation_space = rendering.observation_box(game.scenario)
        self.single_action_space = actions
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._seats = seats
        self._masks = mask_table(game.scenario, action_mask)
        self._prompts = np.empty(0, np.int64)
        self._over = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Draws prompts; `seed` starts the random numbers anew, otherwise they go on.

        Args:
            seed: a non-negative integer.
            options: a `"reset_mask"`, with which `AutoresetMode.DISABLED` asks for new games, must name all of them:
                they end together.
        """
        mask = (options or {}).get("reset_mask")
        if mask is not None and (np.shape(mask) != (self.num_envs,) or not np.all(mask)):
            raise ValueError(f"reset_mask is {mask!r:.200}, but all {self.num_envs} environments are reset together")
        seed = None if seed is None else _checks.count("seed", seed, 0)
        super().reset(seed=seed, options=options)
        return self._next(seed)

    def step(
        self, actions: npt.ArrayLike
    ) -> tuple[Observation, Floats, npt.NDArray[np.bool_], npt.NDArray[np.bool_], dict[str, Any]]:
        """Plays all games to their end, and with `AutoresetMode.SAME_STEP` draws the next prompts.

        Args:
            actions: `[num_envs]` integers, responses that the prompts have.

        Returns:
            `[num_envs, D]` observations of the next games, `[num_envs]` rewards, terminations (all True) and
            truncations (all False), infos. With `AutoresetMode.NEXT_STEP`, every second step ignores the actions and
            draws prompts, for which nobody earns anything.

        Raises:
            ValueError: if the environment has not been reset, or a response is not one of the prompt's.
        """
        never = np.zeros(self.num_envs, np.bool_)
        if self._over and self.autoreset_mode == AutoresetMode.NEXT_STEP:
            observations, infos = self._next(None)
            return observations, np.zeros(self.num_envs), never, never.copy(), infos
        rewards = self._rewards(_checks.number_array("actions", actions))
        self._over = self.autoreset_mode != AutoresetMode.SAME_STEP
        observations, infos = self._seen() if self._over else self._next(None)
        return observations, rewards, np.ones(self.num_envs, np.bool_), never, infos

    def _rewards(self, actions: npt.NDArray[Any]) -> Floats:
        raise NotImplementedError

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Returns `[num_envs, N]` which responses the prompts have; `[num_envs, l * N]` for l of them."""
        if not self._prompts.size:
            raise ValueError("the environment has not been reset: call reset() first")
        masks = repeated_rows(self.game.scenario.legal, self._prompts, self._seats)
        return np.tile(masks, getattr(self.game, "l", 1))

    def _next(self, seed: int | None) -> tuple[Observation, dict[str, Any]]:
        self._prompts = self.game.reset(seed)
        self._over = False
        return self._seen()

    def _seen(self) -> tuple[Observation, dict[str, Any]]:
        prompts = self._prompts
        seen = repeated_rows(self.game.scenario.observations, prompts, self._seats)
        if self._masks is None:
            return seen, {}
        masks = repeated_rows(self._masks, prompts, self._seats)
        return seen, {"action_mask": masks, "_action_mask": np.ones(self.num_envs, np.bool_)}


class ExploiterVectorEnv(OneShotVectorEnv):
    """`ualign/Exploiter-v0`, `num_envs` opponents of one policy at a time."""

    game: BatchedExploiter

    @hinted
    def __init__(
        self,
        num_envs: int = 1,
        scenario: ScenarioLike = DEFAULT,
        k: int = 2,
        policy: Any = "uniform",
        feedback: Feedback = "pick",
        render_mode: None = None,
        l: int = 1,
        action_mask: bool = False,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
    ) -> None:
        """Makes the environments; see `BatchedExploiter` for errors.

        Args:
            num_envs: how many sub-environments there are.
            scenario: a scenario, its spec, or the population of its only prompt.
            k: number of responses that the policy shows.
            policy: anything that `tabulate` takes, such as the name of a baseline.
            feedback: `"pick"`: 1 or 0, whether a user picked the response. `"expected"`: the chance of it.
            render_mode: None: many games at a time are not rendered.
            l: number of responses that the learner submits.
            action_mask: whether infos have action masks also where all prompts have the same number of responses.
            autoreset_mode: when the next games begin.
        """
        num_envs = _checks.count("num_envs", num_envs, 1)
        game = BatchedExploiter(scenario, k, policy, num_envs, l=l, feedback=feedback)
        super().__init__(game, exploiter_actions(game), 1, render_mode, action_mask, autoreset_mode)

    def _rewards(self, actions: npt.NDArray[Any]) -> Floats:
        return self.game.step(actions)


class SeatsVectorEnv(OneShotVectorEnv):
    """`ualign/Seats-v0`: the learner responds for all players of `num_envs / players` games.

    Sub-environments 0 to K-1 are the players of the first game, and so on: a policy that all share plays the symmetric
    game with itself, as k samples of it will be seen. Millions of games a second; a vector environment alone.

    ## Action Space

    One of the prompt's responses, for each sub-environment.

    ## Observation Space

    The prompt's number, one-hot (two numbers where there is one prompt), and its features where a scenario has some;
    players of a game see the same. Users are never seen. `info["action_mask"]` says which responses are legal where
    prompts differ in size, or with `action_mask=True`.

    ## Rewards

    `feedback="pick"`: 1 for the player whose response the user picks, 0 for the others. `feedback="expected"`: the
    chances of being picked.

    ## Starting State

    A prompt for each game, drawn by the scenario's probabilities.

    ## Episode End

    Every game ends with its only step, and the next begins in the same (`AutoresetMode.SAME_STEP`), unless another mode
    is asked for.
    """

    game: BatchedGame

    @hinted
    def __init__(
        self,
        num_envs: int = 3,
        scenario: ScenarioLike = DEFAULT,
        players: int = 3,
        feedback: Feedback = "pick",
        render_mode: None = None,
        action_mask: bool = False,
        autoreset_mode: AutoresetMode | str = AutoresetMode.SAME_STEP,
    ) -> None:
        """Makes the environments; see `BatchedGame` for errors.

        Args:
            num_envs: how many sub-environments there are, a multiple of `players`.
            scenario: a scenario, its spec, or the population of its only prompt.
            players: k + 1, the number of responses that users see side by side.
            feedback: `"pick"`: 1 or 0, whether a user picked the response. `"expected"`: the chance of it.
            render_mode: None: many games at a time are not rendered.
            action_mask: whether infos have action masks also where all prompts have the same number of responses.
            autoreset_mode: when the next games begin.

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
        actions = spaces.Discrete(game.scenario.n_responses)
        super().__init__(game, actions, players, render_mode, action_mask, autoreset_mode)

    def _rewards(self, actions: npt.NDArray[Any]) -> Floats:
        if actions.shape != (self.num_envs,):
            raise ValueError(f"actions have shape {actions.shape}, but must be {self.num_envs} integers")
        return self.game.step(actions.reshape(-1, self.game.players)).reshape(-1)


def seats_alone(**_: Any) -> NoReturn:
    """Says how `ualign/Seats-v0` is made: it has no form of one environment at a time."""
    raise ValueError("ualign/Seats-v0 fills all seats of a game: gymnasium.make_vec('ualign/Seats-v0', num_envs=...)")
