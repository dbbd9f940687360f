"""The alignment game for Gymnasium: `ualign/Exploiter-v0` and `ualign/SelfPlay-v0`, single and vectorised.

A game is one step long: the observation is a prompt, the action a response, and the episode ends. The vector
environments begin the next games in the same step (`AutoresetMode.SAME_STEP`); since no step is ever wasted or
truncated, there are no final observations to keep. Where prompts differ in their number of responses,
`info["action_mask"]` tells which are legal.
"""

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from ualign_env import _checks
from ualign_env._checks import Floats
from ualign_env.envs import rendering
from ualign_env.envs.batch import BatchedExploiter, BatchedGame, Feedback, response_index
from ualign_env.envs.draws import Ints, over_ranges
from ualign_env.kernels import compiled
from ualign_env.population import Population
from ualign_env.scenario import Scenario
from ualign_env.specs import DEFAULT

_Game = BatchedGame | BatchedExploiter
_Observation = npt.NDArray[Any]

_SAME_STEP = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}


class _OneShotEnv(gymnasium.Env[_Observation, np.int64]):
    """One game at a time; subclasses say what a response earns."""

    metadata = rendering.metadata()

    def __init__(self, game: _Game, render_mode: str | None) -> None:
        self.game = game
        self.render_mode = rendering.check_mode(render_mode)
        self.observation_space = rendering.observation_box(game.scenario)
        self.action_space = spaces.Discrete(game.scenario.n_responses)
        self._masks = _mask_table(game.scenario)
        self._prompt = -1
        self._played = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[_Observation, dict]:
        """Draws a prompt; `seed` starts the random numbers anew, otherwise they go on. There are no options."""
        seed = None if seed is None else _checks.count("seed", seed, 0)
        super().reset(seed=seed, options=options)
        self._prompt = self.game.reset(seed).item()
        self._played = False
        return self._observation(), self._info()

    def step(self, action: Any) -> tuple[_Observation, float, bool, bool, dict[str, Any]]:
        """Submits a response and ends the episode.

        Raises:
            ValueError: if no episode is running, or the response is not one of the prompt's.
        """
        reward = self._reward(action)
        self._played = True
        if self.render_mode == "human":
            self.render()
        return self._observation(), reward, True, False, self._info()

    def _reward(self, action: Any) -> float:
        raise NotImplementedError

    def _observation(self) -> _Observation:
        return self.game.scenario.observations[self._prompt].copy()

    def _info(self) -> dict[str, Any]:
        return {} if self._masks is None else {"action_mask": self._masks[self._prompt].copy()}

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Returns `[N]` which responses the prompt has, `[l * N]` for l of them; sb3-contrib asks for it."""
        self._begun()
        return np.tile(self.game.scenario.legal[self._prompt], getattr(self.game, "l", 1))

    def render(self) -> Any:
        """Prints or returns the prompt, and once the game is over what happened."""
        self._begun()
        text = self._text() if self._played else self.game.scenario.prompts[self._prompt]
        return rendering.render(text, self.render_mode)

    def _begun(self) -> None:
        if self._prompt < 0:
            raise ValueError("the environment has not been reset: call reset() first")

    def _text(self) -> str:
        raise NotImplementedError


class Exploiter(_OneShotEnv):
    """`ualign/Exploiter-v0`: l responses against k samples of a given policy.

    With l = 1 the best response earns `1 / (k + 1) + exploitability` of the policy on average, which is 1 minus its
    robust win rate. Samples and users are not drawn one by one (see `BatchedExploiter`), so that `render` knows no
    user.
    """

    game: BatchedExploiter

    def __init__(
        self,
        scenario: Scenario | Population | str = DEFAULT,
        k: int = 2,
        policy: Any = "uniform",
        feedback: Feedback = "pick",
        render_mode: str | None = None,
        l: int = 1,
    ) -> None:
        """Makes the environment; see `BatchedExploiter` for the arguments and errors."""
        super().__init__(BatchedExploiter(scenario, k, policy, l=l, feedback=feedback), render_mode)
        self.action_space = _exploiter_actions(self.game)
        self._shown: list[int] = []
        self._earned = 0.0

    def _reward(self, action: Any) -> float:
        submitted = response_index("the learner", action) if self.game.l == 1 else action
        self._earned = self.game.step([submitted]).item()
        self._shown = np.atleast_1d(submitted).tolist()
        return self._earned

    def _text(self) -> str:
        chances = self.game.feedback == "expected"
        text = rendering.describe(
            self.game.scenario, self._prompt, ["exploiter"], [self._shown], [self._earned], chances=chances
        )
        return text if chances or self._earned else f"{text}  not picked"


class SelfPlay(_OneShotEnv):
    """`ualign/SelfPlay-v0`, single: a learner against its own latest responses.

    The vectorised form is another environment: its learner gives the responses of all players at once. Here, the other
    players show the learner's last responses to the same prompt, and before it has given any, responses drawn
    uniformly. While the learner's policy stays as it is, these are samples of it, so that any single-agent algorithm
    plays the symmetric game with itself.
    """

    game: BatchedGame

    def __init__(
        self,
        scenario: Scenario | Population | str = DEFAULT,
        players: int = 3,
        feedback: Feedback = "pick",
        render_mode: str | None = None,
    ) -> None:
        """Makes the environment; see `BatchedGame` for the arguments and errors."""
        super().__init__(BatchedGame(scenario, players, feedback=feedback), render_mode)
        self._latest: Ints | None = None  # [P, K - 1]
        self._slots: list[int] = []
        self._earned: list[float] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[_Observation, dict]:
        """Draws a prompt; with a seed, the random numbers start anew and the learner's responses are forgotten."""
        result = super().reset(seed=seed, options=options)
        if seed is not None or self._latest is None:
            sizes = self.game.scenario.legal.sum(axis=1, keepdims=True)
            self._latest = self.np_random.integers(sizes, size=(len(sizes), self.game.players - 1))
        return result

    def _reward(self, action: Any) -> float:
        response = response_index("the learner", action)
        latest = [] if self._latest is None else self._latest[self._prompt].tolist()
        self._slots = [response, *latest]
        self._earned = self.game.step([self._slots])[0].tolist()
        if self._latest is not None:
            self._latest[self._prompt] = self._slots[:-1]
        return self._earned[0]

    def _text(self) -> str:
        shown = [[response] for response in self._slots]
        names = [f"player_{i}" for i in range(self.game.players)]
        chances = self.game.feedback == "expected"
        user = None if chances else self.game.draws.users.item()
        return rendering.describe(
            self.game.scenario, self._prompt, names, shown, self._earned, chances=chances, user=user
        )


class OneShotVectorEnv(VectorEnv[_Observation, Ints, npt.NDArray[Any]]):
    """Many games at a time; a sub-environment is one learner's seat in a game."""

    metadata = _SAME_STEP
    autoreset_mode = AutoresetMode.SAME_STEP  # where TorchRL looks for it

    def __init__(self, game: _Game, actions: spaces.Space[Any], seats: int, render_mode: str | None) -> None:
        if render_mode is not None:
            raise ValueError(f"render_mode is {render_mode!r}, but many games at a time are not rendered")
        self.game = game
        self.num_envs = game.num_games * seats
        self.single_observation_space = rendering.observation_box(game.scenario)
        self.single_action_space = actions
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._seats = seats
        self._masks = _mask_table(game.scenario)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[_Observation, dict[str, Any]]:
        """Draws prompts; `seed` starts the random numbers anew, otherwise they go on. There are no options."""
        seed = None if seed is None else _checks.count("seed", seed, 0)
        super().reset(seed=seed, options=options)
        return self._next(seed)

    def step(
        self, actions: npt.ArrayLike
    ) -> tuple[_Observation, Floats, npt.NDArray[np.bool_], npt.NDArray[np.bool_], dict[str, Any]]:
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
        masks = _rows(self.game.scenario.legal, self.game.draws.prompts, self._seats)
        return np.tile(masks, getattr(self.game, "l", 1))

    def _next(self, seed: int | None) -> tuple[_Observation, dict[str, Any]]:
        prompts = self.game.reset(seed)
        seen = _rows(self.game.scenario.observations, prompts, self._seats)
        if self._masks is None:
            return seen, {}
        masks = _rows(self._masks, prompts, self._seats)
        return seen, {"action_mask": masks, "_action_mask": np.ones(self.num_envs, np.bool_)}


class ExploiterVectorEnv(OneShotVectorEnv):
    """`ualign/Exploiter-v0`, `num_envs` opponents of one policy at a time."""

    game: BatchedExploiter

    def __init__(
        self,
        num_envs: int = 1,
        scenario: Scenario | Population | str = DEFAULT,
        k: int = 2,
        policy: Any = "uniform",
        feedback: Feedback = "pick",
        render_mode: None = None,
        l: int = 1,
    ) -> None:
        """Makes the environments; see `BatchedExploiter` for the arguments and errors."""
        num_envs = _checks.count("num_envs", num_envs, 1)
        game = BatchedExploiter(scenario, k, policy, num_envs, l=l, feedback=feedback)
        super().__init__(game, _exploiter_actions(game), 1, render_mode)

    def _rewards(self, actions: npt.NDArray[Any]) -> Floats:
        return self.game.step(actions)


class SelfPlayVectorEnv(OneShotVectorEnv):
    """`ualign/SelfPlay-v0`, vectorised: the learner responds for all players of `num_envs / players` games.

    Sub-environments 0 to K-1 are the players of the first game, and so on.
    """

    game: BatchedGame

    def __init__(
        self,
        num_envs: int = 3,
        scenario: Scenario | Population | str = DEFAULT,
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


def _mask_table(scenario: Scenario) -> npt.NDArray[np.int8] | None:
    """Returns `[P, N]` which responses each prompt has, None where all have the same."""
    return None if scenario.legal.all() else scenario.legal.astype(np.int8)


def _exploiter_actions(game: BatchedExploiter) -> spaces.Space[Any]:
    n = game.scenario.n_responses
    return spaces.Discrete(n) if game.l == 1 else spaces.MultiDiscrete([n] * game.l)


def _rows(table: npt.NDArray[Any], rows: Ints, copies: int) -> npt.NDArray[Any]:
    """Returns the rows of a table, each several times in a row."""
    out = np.empty((rows.size * copies, table.shape[1]), table.dtype)
    over_ranges(lambda first, last: _copy_rows(table, rows, copies, out, first, last), rows.size, cost=6 * copies)
    return out


@compiled
def _copy_rows(table, rows, copies, out, first, last):
    for b in range(first, last):
        for i in range(copies):
            for j in range(table.shape[1]):
                out[b * copies + i, j] = table[rows[b], j]
