"""What an agent is given: a game to learn, and as much of its users as the agent's class of information may see."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ualign_env import _checks
from ualign_env.benchmark.hidden import hidden_scenario
from ualign_env.benchmark.information import CLASSES, Information
from ualign_env.benchmark.oracle import UserOracle, local_oracle
from ualign_env.scenario import Scenario
from ualign_env.specs import ScenarioLike, as_scenario, live

if TYPE_CHECKING:
    import pyspiel


@dataclass(frozen=True)
class Checkpoint:
    """What an agent has learned so far; agents may yield the policy alone.

    Attributes:
        policy: anything that `tabulate` takes.
        plays: the plays it took, as the agent counted them; where users are hidden, the benchmark counts itself.
    """

    policy: Any
    plays: int | None = None


@dataclass(frozen=True, init=False)
class Task:
    """An alignment game to learn.

    Agents that play the symmetric game of k + 1 players learn one policy, of which k samples are shown. With l above 1
    these are scored against l responses all the same. Joint agents play the k-against-l game.

    Attributes:
        scenario: the prompts and their users; made from a spec or users where they are given. The users of tasks of
            the classes `"picks"` and `"pairs"` are hidden, once `for_agents` has hidden them: prompts, numbers of
            responses and features are there, and environments made from the scenario let the users pick.
        k: number of responses that the learned policy shows; the game has k + 1 players.
        seed: all of an agent's randomness.
        l: number of responses of the opponent.
        information: what agents may know: `"exact"`, `"tree"`, `"picks"` or `"pairs"`.
    """

    scenario: Scenario
    k: int
    seed: int
    l: int
    information: Information
    _oracle: list[UserOracle] = field(repr=False, compare=False)

    def __init__(
        self,
        scenario: ScenarioLike,
        k: int,
        seed: int = 0,
        l: int = 1,
        information: Information = "exact",
        _oracle: Iterable[UserOracle] = (),
    ) -> None:
        """Makes a task.

        Args:
            scenario: a scenario, its spec, or the users of its only prompt.
            k: number of responses that the learned policy shows.
            seed: all of an agent's randomness.
            l: number of responses of the opponent.
            information: what agents may know.
            _oracle: who answers; see `with_users`.

        Raises:
            ValueError: if an argument is unknown or out of range.
        """
        own = {
            "scenario": as_scenario(scenario),
            "k": _checks.number_of_outputs(k),
            "seed": _checks.count("seed", seed, 0),
            "l": _checks.number_of_responses(l),
            "information": _checks.one_of("information", information, list(CLASSES)),
            "_oracle": list(_oracle),
        }
        for name, value in own.items():
            object.__setattr__(self, name, value)

    @property
    def players(self) -> int:
        """The number of players of the symmetric game, k + 1."""
        return self.k + 1

    @property
    def slots(self) -> int:
        """How many responses users are shown side by side: k + 1, or 2 where agents may see comparisons alone."""
        return 2 if self.information == "pairs" else self.k + 1

    def for_agents(self, information: Information, plays: int | None = None) -> "Task":
        """Returns the task as agents of a class of information see it, with users who answer in this process.

        Args:
            information: the class.
            plays: how many plays are answered; None: any number.
        """
        shown = replace(self, information=information, _oracle=[])
        return shown.with_users(local_oracle(self.scenario, shown.slots, self.seed, plays))

    def with_users(self, oracle: UserOracle | None) -> "Task":
        """Returns the task with users who answer elsewhere, hidden where its class wants it."""
        seen = self.learned_on().scenario
        if CLASSES[self.information].hidden:
            seen = hidden_scenario(seen, oracle)
        return replace(self, scenario=seen, _oracle=[oracle] if oracle else [])

    def learned_on(self) -> "Task":
        """Returns the task without the prompts that are held out, of which agents are told nothing."""
        if not self.scenario.held_out:
            return self
        return replace(self, scenario=live(self.scenario.learned_on()))  # a spec with everything in it would be long

    def users(self) -> UserOracle:
        """Returns the users, who pick one of `slots` responses when they are asked; every play is counted."""
        if not self._oracle:
            self._oracle.append(local_oracle(self.scenario, self.slots, self.seed))
        return self._oracle[0]

    def game(self, *, turn_based: bool = True, anonymous: bool = False) -> "pyspiel.Game":
        """Returns the task as an OpenSpiel game; see `load_game`."""
        from ualign_env.envs.open_spiel.games import load_game

        return load_game(self.scenario, self.k + 1, turn_based=turn_based, anonymous=anonymous)

    def versus_game(self, *, by_response: bool = True) -> "pyspiel.Game":
        """Returns the task as the OpenSpiel game of k responses against l; see `load_versus_game`."""
        from ualign_env.envs.open_spiel.versus import load_versus_game

        return load_versus_game(self.scenario, self.k, self.l, by_response=by_response)

    def rng(self) -> np.random.Generator:
        """Returns a generator that starts at the task's seed."""
        return np.random.default_rng(self.seed)
