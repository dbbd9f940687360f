"""Games in words: what was shown, what was picked, and by which kind of user."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import gymnasium

from ualign_env import _checks
from ualign_env.population import Population

#: What `render` does: print, or return the text.
MODES = ("human", "ansi")

_LISTED = 10  # responses of a user's order


def metadata(**more: Any) -> dict[str, Any]:
    """Returns the metadata of an environment that can be rendered."""
    return {"render_modes": list(MODES), "render_fps": 1, **more}


def check_mode(render_mode: Any) -> str | None:
    """Returns the render mode, if it is one."""
    if render_mode is not None and render_mode not in MODES:
        raise _checks.unknown("render mode", str(render_mode), MODES)
    return render_mode


def render(text: str, render_mode: str | None) -> str | None:
    """Prints or returns a text, as the render mode has it."""
    if render_mode == "human":
        print(text)  # noqa: T201
        return None
    if render_mode is None:
        gymnasium.logger.warn(f"nothing is rendered without a render mode: make the environment with one of {MODES}")
        return None
    return text


def describe_game(
    prompt: str, population: Population, names: Iterable[str], shown: Iterable[int], rewards: Iterable[float]
) -> str:
    """Returns a line for the prompt and one for each player: the response shown and the chance that it is picked."""
    names, texts = list(names), [population.responses[response] for response in shown]
    widths = max(map(len, names)), max(map(len, texts))
    lines = [prompt]
    for name, text, reward in zip(names, texts, rewards, strict=True):
        outcome = {1.0: "picked", 0.0: ""}.get(reward, f"picked with probability {reward:.4f}")
        lines.append(f"  {name:<{widths[0]}}  {text:<{widths[1]}}  {outcome}".rstrip())
    return "\n".join(lines)


def describe_user(population: Population, user: int) -> str:
    """Returns a user's order of the responses, best first, and how many are like her."""
    ranks = population.ranks[user]
    order = sorted(range(ranks.size), key=lambda response: ranks[response])[:_LISTED]
    text = population.responses[order[0]]
    for before, response in pairwise(order):
        text += " = " if ranks[before] == ranks[response] else " > "
        text += population.responses[response]
    rest = " > ..." if ranks.size > _LISTED else ""
    return f"  by a user with {text}{rest} ({population.weights[user]:.1%} of users)"
