"""The alignment game as PettingZoo environments: players act at once (parallel) or in turn (AEC).

Every player sees the prompt and submits one response; a user, whom nobody sees, picks one. An episode has `rounds`
such games, each with a prompt and a user of its own; most trainers are faster with many. In the symmetric game all
players see the same and play for the same, so that one policy can act for all of them; in the k-against-l game a model
and its opponent submit several responses each.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from pettingzoo.utils.env import AECEnv, ParallelEnv

from ualign_env import _checks
from ualign_env._checks import TooLargeError, about
from ualign_env._limits import MAX_ACTIONS, MAX_GAMES
from ualign_env._multisets import multisets, n_multisets
from ualign_env.envs import rendering
from ualign_env.envs.arguments import hinted
from ualign_env.scenario import Scenario
from ualign_env.simulation.batch import (
    BatchedGame,
    BatchedVersusGame,
    Feedback,
    illegal_response,
    response_index,
)
from ualign_env.specs import DEFAULT, ScenarioLike

Observation = npt.NDArray[np.float32] | dict[str, npt.NDArray[Any]]


class _Alignment:
    """What all forms share: the games, the spaces, observations and rendering."""

    metadata: dict[str, Any]

    def _set_up(
        self, games: BatchedGame, agents: dict[str, int], rounds: int, render_mode: str | None, action_mask: bool
    ) -> None:
        """Sets the environment up: `agents` says how many responses each agent submits."""
        self.games = games
        self.rounds = _checks.count("rounds", rounds, 1, MAX_GAMES)
        self.render_mode = rendering.check_mode(render_mode)
        self.possible_agents = list(agents)
        self.agents: list[str] = []
        self._sizes = agents
        n_responses = [population.n_responses for population in games.scenario.populations]
        self._n_actions = {agent: [n_multisets(n, size) for n in n_responses] for agent, size in agents.items()}
        for agent, counts in self._n_actions.items():
            if max(counts) > max(MAX_ACTIONS, *n_responses):
                raise TooLargeError(
                    f"{agent} would have {about(max(counts))} multisets of {agents[agent]} responses as actions, but "
                    f"at most {MAX_ACTIONS:,} are supported; use fewer responses"
                )
        self._multisets = {
            (n, size): multisets(n, size).tolist() for n in set(n_responses) for size in set(agents.values()) - {1}
        }
        self._table = games.scenario.observations
        masked = _checks.flag("action_mask", action_mask) or not games.scenario.legal.all()
        self._masks = {agent: self._mask_table(agent) for agent in agents} if masked else None
        self.observation_spaces = {agent: self._make_observation_space(agent) for agent in agents}
        self.action_spaces = {agent: spaces.Discrete(max(counts)) for agent, counts in self._n_actions.items()}
        self.state_space = rendering.observation_box(games.scenario)
        self._prompt = -1
        self._left = 0
        self._played: tuple[int, int, list[list[int]], list[float]] | None = None

    def _mask_table(self, agent: str) -> npt.NDArray[np.int8]:
        """Returns `[P, A]`: a prompt's multisets are the first of those that an agent's largest prompt has."""
        counts = np.array(self._n_actions[agent])
        return (np.arange(counts.max()) < counts[:, None]).astype(np.int8)

    @property
    def scenario(self) -> Scenario:
        """The prompts and their users."""
        return self.games.scenario

    def _make_observation_space(self, agent: str) -> spaces.Space[Any]:
        box = rendering.observation_box(self.scenario)
        if self._masks is None:
            return box
        mask = spaces.Box(0, 1, self._masks[agent].shape[1:], np.int8)
        return spaces.Dict({"observation": box, "action_mask": mask})

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        """Returns the prompt's number, one-hot, and its features; with an action mask where prompts differ in size."""
        return self.observation_spaces[self._known(agent)]

    def action_space(self, agent: str) -> spaces.Discrete:
        """Returns the responses, or the multisets of them."""
        return self.action_spaces[self._known(agent)]

    def _known(self, agent: str) -> str:
        if agent not in self.action_spaces:
            raise _checks.unknown("agent", str(agent), self.possible_agents)
        return agent

    def state(self) -> npt.NDArray[np.float32]:
        """Returns what all players see of the prompt."""
        return self._table[self._begun()].copy()

    def _observation(self, agent: str) -> Observation:
        """Returns new arrays: what an agent sees."""
        if self._masks is None:
            return self._table[self._prompt].copy()
        mask = self._masks[agent][self._prompt].copy()
        return {"observation": self._table[self._prompt].copy(), "action_mask": mask}

    def _begun(self) -> int:
        if self._prompt < 0:
            raise ValueError("the environment has not been reset: call reset() first")
        return self._prompt

    def _begin_episode(self, seed: int | None) -> None:
        self._prompt = self.games.reset(seed).item()
        self._left = self.rounds
        self._played = None
        self.agents = self.possible_agents.copy()

    def _play(self, shown: list[list[int]]) -> tuple[list[float], bool]:
        """Ends a game and begins the next, if there is one; returns what each agent earned, and whether it was not."""
        slots = [response for responses in shown for response in responses]
        earned = self.games.step(np.array([slots]))[0].tolist()  # an array: lists are looked through for masks
        self._played = self._prompt, self.games._draws.types.item(), shown, earned  # no view, which takes a while
        self._left -= 1
        if self._left:
            self._prompt = self.games.reset().item()
        if self.render_mode == "human":
            self.render()
        return earned, not self._left

    def _check_alive(self) -> None:
        if not self.agents:
            raise ValueError("the episode is over or has not begun: call reset() first")

    def _responses(self, agent: str, action: Any) -> list[int]:
        """Returns the responses that an action stands for, if the prompt has them."""
        index, size, count = response_index(agent, action), self._sizes[agent], self._n_actions[agent][self._prompt]
        if not 0 <= index < count:
            if size == 1:
                raise illegal_response(agent, index, self.scenario, self._prompt)
            raise ValueError(
                f"{agent}: action {index} at {self.scenario.prompts[self._prompt]!r}, but it has {count} multisets of "
                f"{size} responses, from 0 to {count - 1}"
            )
        if size == 1:
            return [index]
        return self._multisets[self.scenario.populations[self._prompt].n_responses, size][index]

    def render(self) -> str | npt.NDArray[np.uint8] | None:
        """Prints, returns or draws the last game of the episode: what was shown, what was picked and by whom.

        Before there is one, the prompt.
        """
        prompt = self._begun()
        if self._played is None:
            return rendering.render(rendering.Shown(self.scenario, prompt), self.render_mode)
        prompt, user, shown, earned = self._played
        chances = self.games.feedback == "expected"
        over = rendering.Shown(
            self.scenario, prompt, self.possible_agents, shown, earned, chances, None if chances else user
        )
        return rendering.render(over, self.render_mode)

    def close(self) -> None:
        """Does nothing: there is nothing to release."""


class _Parallel(_Alignment, ParallelEnv[str, Any, Any]):
    """All agents act at once."""

    def reset(
        self,
        seed: int | None = None,
        options: dict[str, Any] | None = None,  # noqa: ARG002
    ) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Begins an episode; `seed` starts the random numbers anew, otherwise they go on. There are no options."""
        self._begin_episode(seed)
        return {agent: self._observation(agent) for agent in self.agents}, {agent: {} for agent in self.agents}

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, float], dict[str, bool], dict[str, bool], dict[str, dict[str, Any]]]:
        """Plays a game: one response from each agent.

        Returns:
            Observations (of the next game, or once more of the last one), rewards, terminations, truncations, infos.

        Raises:
            ValueError: if no episode is running, or the actions are not one legal response from each agent.
        """
        self._check_alive()
        agents = self.agents
        if not isinstance(actions, Mapping):
            raise ValueError(f"actions are {actions!r:.100}, but must be a dictionary from agents to responses")
        if len(actions) != len(agents) or not all(agent in actions for agent in agents):
            missing = [agent for agent in agents if agent not in actions]
            extra = [str(agent) for agent in actions if agent not in agents]
            raise ValueError(f"expected one action from each of {len(agents)} agents: missing {missing}, extra {extra}")
        earned, over = self._play([self._responses(agent, actions[agent]) for agent in agents])
        if over:
            self.agents = []
        return (
            {agent: self._observation(agent) for agent in agents},
            dict(zip(agents, earned, strict=True)),
            dict.fromkeys(agents, over),
            dict.fromkeys(agents, False),
            {agent: {} for agent in agents},
        )


class _InTurn(_Alignment, AECEnv[str, Any, Any]):
    """Agents act in turn, without seeing what the others submitted."""

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:  # noqa: ARG002
        """Begins an episode; `seed` starts the random numbers anew, otherwise they go on. There are no options."""
        self._begin_episode(seed)
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos = {agent: {} for agent in self.agents}
        self.agent_selection = self.agents[0]
        self._skip_agent_selection = None
        self._submitted: list[list[int]] = []

    def last(self, observe: bool = True) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Returns what the agent whose turn it is sees, has earned since its last turn, and whether it is done.

        Raises:
            ValueError: if no episode is running.
        """
        self._check_alive()
        return super().last(observe)

    def observe(self, agent: str) -> Observation:
        """Returns what an agent sees: the prompt."""
        self._known(agent)
        self._begun()
        return self._observation(agent)

    def step(self, action: Any) -> None:
        """Submits the response of the agent whose turn it is; None where its episode is over.

        Raises:
            ValueError: if no episode is running, or the response is not legal.
        """
        self._check_alive()
        agent = self.agent_selection
        if self.terminations[agent]:
            self._was_dead_step(action)
            return
        self._submitted.append(self._responses(agent, action))
        self._cumulative_rewards[agent] = 0.0
        if len(self._submitted) < len(self.agents):
            if len(self._submitted) == 1:
                self._clear_rewards()
            self.agent_selection = self.agents[len(self._submitted)]
            return
        earned, over = self._play(self._submitted)
        self._submitted = []
        self.rewards = dict(zip(self.agents, earned, strict=True))
        self._accumulate_rewards()
        self.terminations = dict.fromkeys(self.agents, over)
        self.infos = {agent: {} for agent in self.agents}
        self.agent_selection = self.agents[0]


class _Symmetric(_Alignment):
    """K players with one response each."""

    @hinted
    def __init__(
        self,
        scenario: ScenarioLike = DEFAULT,
        players: int = 3,
        feedback: Feedback = "pick",
        rounds: int = 1,
        render_mode: str | None = None,
        action_mask: bool = False,
    ) -> None:
        """Makes the environment.

        Args:
            scenario: a scenario, its spec, or the population of its only prompt.
            players: k + 1, the number of responses that users see side by side.
            feedback: `"pick"`: a user picks one response, whose player earns 1 and the others 0. `"expected"`:
                players earn the chance that a random user of the prompt picks their response.
            rounds: number of games in an episode.
            render_mode: `"human"` prints each game when it is over, `"ansi"` lets `render` return it as text and
                `"rgb_array"` as a picture; None: none of these.
            action_mask: whether observations have an action mask also where all prompts have the same number of
                responses.

        Raises:
            ValueError: if an argument is out of range or unknown.
        """
        games = BatchedGame(scenario, players, feedback=feedback)
        self._set_up(games, {f"player_{i}": 1 for i in range(games.players)}, rounds, render_mode, action_mask)


class _Versus(_Alignment):
    """A model with k responses and an opponent with l."""

    @hinted
    def __init__(
        self,
        scenario: ScenarioLike = DEFAULT,
        k: int = 2,
        l: int = 1,
        feedback: Feedback = "pick",
        rounds: int = 1,
        render_mode: str | None = None,
        action_mask: bool = False,
    ) -> None:
        """Makes the environment; an action is the number of a multiset in `combinations_with_replacement`'s order.

        Args:
            scenario: a scenario, its spec, or the population of its only prompt.
            k: number of responses of `model_0`.
            l: number of responses of `opponent_0`.
            feedback: `"pick"`: a user picks one response, whose agent earns 1 and the other 0. `"expected"`: both earn
                the chance that a random user of the prompt picks one of theirs.
            rounds: number of games in an episode.
            render_mode: `"human"` prints each game when it is over, `"ansi"` lets `render` return it as text and
                `"rgb_array"` as a picture; None: none of these.
            action_mask: whether observations have an action mask also where all prompts have the same number of
                responses.

        Raises:
            ValueError: if an argument is out of range or unknown.
            TooLargeError: if an agent would have more than 100,000 multisets as actions (with their number).
        """
        games = BatchedVersusGame(scenario, k, l, feedback=feedback)
        self._set_up(games, {"model_0": games.k, "opponent_0": games.l}, rounds, render_mode, action_mask)


class ParallelAlignment(_Symmetric, _Parallel):
    """The alignment game, all players acting at once."""

    metadata = rendering.metadata(name="ualign_v0")


class AECAlignment(_Symmetric, _InTurn):
    """The alignment game, players acting in turn without seeing what the others submitted."""

    metadata = rendering.metadata(name="ualign_v0", is_parallelizable=True)


class ParallelVersus(_Versus, _Parallel):
    """k responses against l, both sides acting at once."""

    metadata = rendering.metadata(name="ualign_versus_v0")


class AECVersus(_Versus, _InTurn):
    """k responses against l, the model acting first, and the opponent without seeing what it submitted."""

    metadata = rendering.metadata(name="ualign_versus_v0", is_parallelizable=True)
