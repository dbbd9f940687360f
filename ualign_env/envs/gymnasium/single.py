"""The alignment game for Gymnasium, one game at a time: `ualign/Exploiter-v0` and `ualign/SelfPlay-v0`.

A game is one step long: the observation is a prompt, the action a response, and the episode ends. Where prompts differ
in their number of responses, or `action_mask=True` asks for it, `info["action_mask"]` tells which are legal.
"""

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from ualign_env import _checks
from ualign_env._types import Ints
from ualign_env.envs import rendering
from ualign_env.envs.arguments import hinted
from ualign_env.envs.gymnasium.spec import PortableSpec
from ualign_env.scenario import Scenario
from ualign_env.simulation.batch import BatchedExploiter, BatchedGame, Feedback, response_index
from ualign_env.specs import DEFAULT, ScenarioLike

_Game = BatchedGame | BatchedExploiter
Observation = npt.NDArray[Any]


class _OneShotEnv(PortableSpec, gymnasium.Env[Observation, np.int64]):  # pyright: ignore[reportIncompatibleVariableOverride]
    """One game at a time; subclasses say what a response earns."""

    metadata = rendering.metadata()

    def __init__(self, game: _Game, render_mode: str | None, action_mask: bool) -> None:
        self.game = game
        self.render_mode = rendering.check_mode(render_mode)
        self.observation_space = rendering.observation_box(game.scenario)
        self.action_space = spaces.Discrete(game.scenario.n_responses)
        self._masks = mask_table(game.scenario, action_mask)
        self._prompt = -1
        self._played = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observation, dict]:
        """Draws a prompt; `seed` starts the random numbers anew, otherwise they go on. There are no options."""
        seed = None if seed is None else _checks.count("seed", seed, 0)
        super().reset(seed=seed, options=options)
        self._prompt = self.game.reset(seed).item()
        self._played = False
        return self._observation(), self._info()

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
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

    def _observation(self) -> Observation:
        return self.game.scenario.observations[self._prompt].copy()

    def _info(self) -> dict[str, Any]:
        return {} if self._masks is None else {"action_mask": self._masks[self._prompt].copy()}

    def action_masks(self) -> npt.NDArray[np.bool_]:
        """Returns `[N]` which responses the prompt has, `[l * N]` for l of them; sb3-contrib asks for it."""
        self._begun()
        return np.tile(self.game.scenario.legal[self._prompt], getattr(self.game, "l", 1))

    def render(self) -> Any:
        """Prints, returns or draws the prompt, and once the game is over what happened."""
        self._begun()
        shown = self._over() if self._played else rendering.Shown(self.game.scenario, self._prompt)
        return rendering.render(shown, self.render_mode)

    def _begun(self) -> None:
        if self._prompt < 0:
            raise ValueError("the environment has not been reset: call reset() first")

    def _over(self) -> rendering.Shown:
        raise NotImplementedError


class Exploiter(_OneShotEnv):
    """`ualign/Exploiter-v0`: an opponent's l responses against k samples of a given policy.

    How badly can a policy be beaten? With l = 1 the best response earns `1 / (k + 1) + exploitability` of the policy on
    average, which is 1 minus its robust win rate. Samples and users are not drawn one by one (see `BatchedExploiter`),
    so that `render` knows no user.

    ## Action Space

    One of the prompt's responses, or l of them.

    ## Observation Space

    The prompt's number, one-hot (two numbers where there is one prompt), and its features where a scenario has some.
    Users are never seen. `info["action_mask"]` says which responses are legal where prompts differ in size, or with
    `action_mask=True`.

    ## Rewards

    `feedback="pick"`: 1 if a user picks one of the learner's responses, else 0. `feedback="expected"`: the chance of
    it.

    ## Starting State

    A prompt, drawn by the scenario's probabilities.

    ## Episode End

    Every episode has one step, and is terminated, never truncated.
    """

    game: BatchedExploiter

    @hinted
    def __init__(
        self,
        scenario: ScenarioLike = DEFAULT,
        k: int = 2,
        policy: Any = "uniform",
        feedback: Feedback = "pick",
        render_mode: str | None = None,
        l: int = 1,
        action_mask: bool = False,
    ) -> None:
        """Makes the environment; see `BatchedExploiter` for errors.

        Args:
            scenario: a scenario, its spec, or the population of its only prompt.
            k: number of responses that the policy shows.
            policy: anything that `tabulate` takes, such as the name of a baseline.
            feedback: `"pick"`: 1 or 0, whether a user picked the response. `"expected"`: the chance of it.
            render_mode: `"human"` prints each game when it is over, `"ansi"` lets `render` return it as text and
                `"rgb_array"` as a picture; None: none of these.
            l: number of responses that the learner submits.
            action_mask: whether `info` has an action mask also where all prompts have the same number of responses.
        """
        super().__init__(BatchedExploiter(scenario, k, policy, l=l, feedback=feedback), render_mode, action_mask)
        self.action_space = exploiter_actions(self.game)
        self._shown: list[int] = []
        self._earned = 0.0

    def _reward(self, action: Any) -> float:
        submitted = response_index("the learner", action) if self.game.l == 1 else action
        self._earned = self.game.step([submitted]).item()
        self._shown = np.atleast_1d(submitted).tolist()
        return self._earned

    def _over(self) -> rendering.Shown:
        chances = self.game.feedback == "expected"
        return rendering.Shown(self.game.scenario, self._prompt, ["exploiter"], [self._shown], [self._earned], chances)


class SelfPlay(_OneShotEnv):
    """`ualign/SelfPlay-v0`: a learner against its own latest responses.

    The other players show the learner's last responses to the same prompt, and before it has given any, responses drawn
    uniformly. While the learner's policy stays as it is, these are samples of it, so that any single-agent algorithm
    plays the symmetric game with itself. In `ualign/Seats-v0` the learner responds for all players at once.

    ## Action Space

    One of the prompt's responses.

    ## Observation Space

    The prompt's number, one-hot (two numbers where there is one prompt), and its features where a scenario has some.
    Users are never seen. `info["action_mask"]` says which responses are legal where prompts differ in size, or with
    `action_mask=True`.

    ## Rewards

    `feedback="pick"`: 1 if the user picks the learner's response among those of all players, else 0.
    `feedback="expected"`: the chance of it. A learner that plays like itself earns 1 / players on average.

    ## Starting State

    A prompt, drawn by the scenario's probabilities; with a seed, the learner's responses are forgotten.

    ## Episode End

    Every episode has one step, and is terminated, never truncated.
    """

    game: BatchedGame

    @hinted
    def __init__(
        self,
        scenario: ScenarioLike = DEFAULT,
        players: int = 3,
        feedback: Feedback = "pick",
        render_mode: str | None = None,
        action_mask: bool = False,
    ) -> None:
        """Makes the environment; see `BatchedGame` for errors.

        Args:
            scenario: a scenario, its spec, or the population of its only prompt.
            players: k + 1, the number of responses that users see side by side.
            feedback: `"pick"`: 1 or 0, whether a user picked the response. `"expected"`: the chance of it.
            render_mode: `"human"` prints each game when it is over, `"ansi"` lets `render` return it as text and
                `"rgb_array"` as a picture; None: none of these.
            action_mask: whether `info` has an action mask also where all prompts have the same number of responses.
        """
        super().__init__(BatchedGame(scenario, players, feedback=feedback), render_mode, action_mask)
        self._latest: Ints | None = None  # [P, K - 1]
        self._slots: list[int] = []
        self._earned: list[float] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observation, dict]:
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

    def _over(self) -> rendering.Shown:
        shown = [[response] for response in self._slots]
        names = [f"player_{i}" for i in range(self.game.players)]
        chances = self.game.feedback == "expected"
        user = None if chances else self.game.draws.types.item()
        return rendering.Shown(self.game.scenario, self._prompt, names, shown, self._earned, chances, user)


def mask_table(scenario: Scenario, always: bool) -> npt.NDArray[np.int8] | None:
    """Returns `[P, N]` which responses each prompt has, None where all have the same and no mask is wanted."""
    return scenario.legal.astype(np.int8) if _checks.flag("action_mask", always) or not scenario.legal.all() else None


def exploiter_actions(game: BatchedExploiter) -> spaces.Space[Any]:
    """Returns the space of a response, or of l of them."""
    n = game.scenario.n_responses
    return spaces.Discrete(n) if game.l == 1 else spaces.MultiDiscrete([n] * game.l)
