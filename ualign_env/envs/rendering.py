"""What the PettingZoo and Gymnasium environments show: the players' observations, and to people, games."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from ualign_env import _checks
from ualign_env._text import counted, printable, short
from ualign_env.scenario import Scenario

#: What `render` does: print, return a text, or return a picture.
MODES = ("human", "ansi", "rgb_array")

_NAMED = 20  # responses


def observation_box(scenario: Scenario) -> spaces.Box:
    """Returns the space of the scenario's observations: from 0 to 1, wider where features are."""
    table = scenario.observations
    return spaces.Box(np.minimum(table.min(axis=0), 0), np.maximum(table.max(axis=0), 1), dtype=np.float32)


def metadata(**more: Any) -> dict[str, Any]:
    """Returns the metadata of an environment that can be rendered."""
    return {"render_modes": list(MODES), "render_fps": 1, **more}


def check_mode(render_mode: Any) -> str | None:
    """Returns the render mode, if it is one."""
    return None if render_mode is None else _checks.one_of("render mode", render_mode, MODES)


@dataclass(frozen=True, eq=False)
class Shown:
    """A game as people see it: the prompt, and once it is over, what was shown and picked.

    Attributes:
        scenario: the prompts and their users.
        prompt: which prompt it was.
        names: K names of players; none before the game is over.
        responses: what each of them showed.
        rewards: K numbers: whether each was picked.
        chances: whether they are the chances of being picked instead.
        user: the type of the user who picked, if one did.
    """

    scenario: Scenario
    prompt: int
    names: Sequence[str] = ()
    responses: Sequence[Sequence[int]] = ()
    rewards: Sequence[float] = ()
    chances: bool = False
    user: int | None = None

    @property
    def title(self) -> str:
        """The prompt, in a line."""
        return printable(short(self.scenario.prompts[self.prompt]))

    @property
    def choice(self) -> str:
        """What can be shown, in a line."""
        known = self.scenario.populations[self.prompt].responses
        return printable(f"{counted(len(known), 'response')}: {', '.join(short(one) for one in known[:_NAMED])}")

    @property
    def texts(self) -> list[str]:
        """What each player showed, in a line."""
        known = self.scenario.populations[self.prompt].responses
        return [printable(" + ".join(short(known[y]) for y in shown)) for shown in self.responses]

    @property
    def outcomes(self) -> list[str]:
        """What became of it."""
        if self.chances:
            return [f"picked with probability {chance:.4f}" for chance in self.rewards]
        one = len(self.names) == 1  # of one player, nothing else tells
        return ["picked" if reward else "not picked" if one else "" for reward in self.rewards]

    @property
    def judge(self) -> str:
        """Who picked, where it is known."""
        if self.user is None:
            return ""
        users = self.scenario.populations[self.prompt]
        return printable(f"by a user with {users.describe(self.user)} ({users.weights[self.user]:.1%} of users)")

    def text(self) -> str:
        """Returns the game in words; what would act on the terminal is written out."""
        if not self.names:
            return printable(self.scenario.prompts[self.prompt])
        widths = max(map(len, self.names)), max(map(len, self.texts))
        rows = zip(self.names, self.texts, self.outcomes, strict=True)
        lines = [f"  {name:<{widths[0]}}  {text:<{widths[1]}}  {said}".rstrip() for name, text, said in rows]
        return "\n".join([self.title, *lines, *[f"  {self.judge}"] * bool(self.judge)])


def render(shown: Shown, render_mode: str | None) -> str | npt.NDArray[np.uint8] | None:
    """Prints a game, or returns its text or picture, as the render mode has it."""
    if render_mode == "human":
        print(shown.text())  # noqa: T201
        return None
    if render_mode == "rgb_array":
        from ualign_env.envs.frames import frame

        return frame(shown)
    if render_mode is None:
        gymnasium.logger.warn(f"nothing is rendered without a render mode: make the environment with one of {MODES}")
        return None
    return shown.text()
