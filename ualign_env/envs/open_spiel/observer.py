"""What players of the OpenSpiel games know, as tensors and strings."""

from typing import Any

import numpy as np
import pyspiel


def joined(responses: tuple[int, ...]) -> str:
    """Returns responses as they appear in states' strings."""
    return ",".join(map(str, responses))


class Observer:
    """What a player knows: who she is (unless the game is anonymous), the prompt, and her own responses so far."""

    def __init__(self, game: Any, kind: pyspiel.IIGObservationType) -> None:
        if kind.private_info == pyspiel.PrivateInfoType.ALL_PLAYERS:
            raise ValueError("no observer sees all players' responses: private_info must be SINGLE_PLAYER or NONE")
        scenario = game.scenario
        sizes = {}
        if not game.anonymous:
            sizes["player"] = game.num_players()
        if kind.public_info:
            sizes["prompt"] = scenario.n_prompts
        if kind.private_info == pyspiel.PrivateInfoType.SINGLE_PLAYER:
            sizes["response"] = scenario.n_responses
        self.tensor = np.zeros(sum(sizes.values()), np.float32)
        ends = np.cumsum(list(sizes.values()))
        self.dict = {name: self.tensor[end - sizes[name] : end] for name, end in zip(sizes, ends, strict=True)}

    def set_from(self, state: Any, player: int) -> None:
        """Writes what `player` knows into `tensor`, of which `dict` holds the parts: one-hot, responses counted."""
        self.tensor.fill(0)
        for name, indices in self._known(state, player):
            for index in indices:
                self.dict[name][index] += 1

    def string_from(self, state: Any, player: int) -> str:
        """Returns what `player` knows, such as `player:0 prompt:2`."""
        return " ".join(f"{name}:{joined(indices)}" for name, indices in self._known(state, player))

    def _known(self, state: Any, player: int) -> list[tuple[str, tuple[int, ...]]]:
        prompt = (state.prompt,) if state.prompt >= 0 else ()
        parts = [("player", (player,)), ("prompt", prompt), ("response", state.own_responses(player))]
        return [(name, indices) for name, indices in parts if name in self.dict and indices]
