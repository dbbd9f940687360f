"""What the PettingZoo and Gymnasium environments show: the players' observations, and to people, games in words."""

from collections.abc import Iterable
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from ualign_env import _checks
from ualign_env._text import printable, short
from ualign_env.scenario import Scenario

#: What `render` does: print, or return the text.
MODES = ("human", "ansi")


def observation_box(scenario: Scenario) -> spaces.Box:
    """Returns the space of the scenario's observations: from 0 to 1, wider where features are."""
    table = scenario.observations
    return spaces.Box(np.minimum(table.min(axis=0), 0), np.maximum(table.max(axis=0), 1), dtype=np.float32)


def metadata(**more: Any) -> dict[str, Any]:
    """Returns the metadata of an environment that can be rendered."""
    return {"render_modes": list(MODES), "render_fps": 1, **more}


class UnknownRenderModeError(ValueError, TypeError):
    """There is no such render mode.

    Also a TypeError, upon which Stable-Baselines3 makes environments again without the mode it tried.
    """


def check_mode(render_mode: Any) -> str | None:
    """Returns the render mode, if it is one."""
    if render_mode is None:
        return None
    try:
        return _checks.one_of("render mode", render_mode, MODES)
    except ValueError as error:
        raise UnknownRenderModeError(str(error)) from None


def render(text: str, render_mode: str | None) -> str | None:
    """Prints or returns a text, as the render mode has it; what would act on the terminal is written out."""
    text = printable(text)
    if render_mode == "human":
        print(text)  # noqa: T201
        return None
    if render_mode is None:
        gymnasium.logger.warn(f"nothing is rendered without a render mode: make the environment with one of {MODES}")
        return None
    return text


def describe(
    scenario: Scenario,
    prompt: int,
    names: Iterable[str],
    shown: Iterable[Iterable[int]],
    rewards: Iterable[float],
    *,
    chances: bool,
    user: int | None = None,
) -> str:
    """Returns a game in words.

    Args:
        scenario: the prompts and their users.
        prompt: which prompt it was.
        names: K names of players.
        shown: what each of them showed.
        rewards: K numbers: whether each was picked.
        chances: whether they are the chances of being picked instead.
        user: the type of the user who picked, if one did.
    """
    population = scenario.populations[prompt]
    names = list(names)
    texts = [" + ".join(short(population.responses[y]) for y in responses) for responses in shown]
    widths = max(map(len, names)), max(map(len, texts))
    lines = [short(scenario.prompts[prompt])]
    for name, text, reward in zip(names, texts, rewards, strict=True):
        outcome = f"picked with probability {reward:.4f}" if chances else "picked" if reward else ""
        lines.append(f"  {name:<{widths[0]}}  {text:<{widths[1]}}  {outcome}".rstrip())
    if user is not None:
        lines.append(f"  by a user with {population.describe(user)} ({population.weights[user]:.1%} of users)")
    return "\n".join(lines)
