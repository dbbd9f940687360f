"""Environments' specs as other processes understand them."""

from dataclasses import replace
from enum import Enum
from typing import Any

import numpy as np
from gymnasium.envs.registration import EnvSpec

from ualign_env.simulation.batch import BatchedExploiter, BatchedGame


class PortableSpec:
    """An environment whose spec, set by `gymnasium.make`, holds plain values: `spec.to_json()` makes it anew anywhere.

    A scenario is replaced by its own spec, also where it was a name that only this process knows, and arrays by lists.
    """

    game: BatchedGame | BatchedExploiter
    _spec: EnvSpec | None = None

    @property
    def spec(self) -> EnvSpec | None:
        """How the environment was made; None where not by `gymnasium.make`."""
        return self._spec

    @spec.setter
    def spec(self, value: EnvSpec | None) -> None:
        if value is not None:
            value = replace(value, kwargs={name: self._plain(name, given) for name, given in value.kwargs.items()})
        self._spec = value

    def _plain(self, name: str, given: Any) -> Any:
        if name == "scenario":
            return self.game.scenario.spec
        if isinstance(given, np.ndarray | np.generic):
            return given.tolist()
        return given.value if isinstance(given, Enum) else given
