"""k responses of a model against l of an opponent in OpenSpiel.

Chance draws a prompt; player 0, the model, submits a multiset of k responses and player 1, the opponent, one of l,
neither seeing the other's; returns are the chances of being picked. Two players and a constant sum: algorithms with
guarantees apply. In `python_ualign_versus` both move at once and an action is a multiset (see `games`); in
`python_ualign_versus_by_response` each builds its multiset response by response, in non-decreasing order.
`zero_sum=True` moves the returns to share - 1/2 times two, for algorithms that insist. `import ualign_env` registers
both.
"""

from typing import Any

import pyspiel

from ualign_env import _checks
from ualign_env._multisets import n_multisets
from ualign_env.envs.open_spiel.games import AlignmentGame, AlignmentState, SimultaneousState, game_type
from ualign_env.specs import DEFAULT, ScenarioLike, as_scenario

VERSUS = "python_ualign_versus"
VERSUS_BY_RESPONSE = "python_ualign_versus_by_response"

_DEFAULTS = {"k": 2, "l": 1, "scenario": DEFAULT, "zero_sum": False}


def _type(by_response: bool, zero_sum: bool) -> pyspiel.GameType:
    utility, dynamics, information = (
        pyspiel.GameType.Utility,
        pyspiel.GameType.Dynamics,
        pyspiel.GameType.Information,
    )
    return game_type(
        VERSUS_BY_RESPONSE if by_response else VERSUS,
        "Alignment game, k responses against l" + ", one by one" * by_response,
        dynamics.SEQUENTIAL if by_response else dynamics.SIMULTANEOUS,
        information.IMPERFECT_INFORMATION if by_response else information.ONE_SHOT,
        players=2,
        utility=utility.ZERO_SUM if zero_sum else utility.CONSTANT_SUM,
        parameters=_DEFAULTS,
    )


class ByResponseState(AlignmentState):
    """A state of `python_ualign_versus_by_response`: the responses so far, of the model and then of the opponent."""

    def __init__(self, game: AlignmentGame) -> None:
        super().__init__(game)
        self.responses: tuple[int, ...] = ()

    def _sizes(self) -> tuple[int, int]:
        return self.get_game().sizes

    def current_player(self) -> int:
        """Returns chance first, then the model until it has submitted k responses, then the opponent."""
        if self.is_terminal():
            return pyspiel.PlayerId.TERMINAL
        if self.prompt < 0:
            return pyspiel.PlayerId.CHANCE
        return int(len(self.responses) >= self._sizes()[0])

    def own_responses(self, player: int) -> tuple[int, ...]:
        """Returns what a player has submitted so far."""
        k = self._sizes()[0]
        return self.responses[k:] if player else self.responses[:k]

    def is_terminal(self) -> bool:
        """Returns whether both have submitted all responses."""
        return len(self.responses) == sum(self._sizes())

    def _legal_actions(self, player: int) -> list[int]:
        own = self.own_responses(player)
        return list(range(own[-1] if own else 0, self.population.n_responses))

    def _apply_action(self, action: int) -> None:
        if self.prompt < 0:
            self._draw(action)
        else:
            if self.is_terminal():
                raise ValueError(f"response {action} at {self}, but the game is over")
            allowed = self._legal_actions(self.current_player())
            if action not in allowed:
                raise ValueError(f"response {action} at {self}, but it must be one from {allowed[0]} to {allowed[-1]}")
            self.responses += (action,)
            if self.is_terminal():
                self.submitted = self.own_responses(0), self.own_responses(1)

    def _action_to_string(self, player: int, action: int) -> str:
        if player == pyspiel.PlayerId.CHANCE:
            return self.get_game().scenario.prompts[action]
        return self.population.responses[action]

    def __str__(self) -> str:
        if self.prompt < 0:
            return "start"
        own = [f"{i}:{','.join(map(str, self.own_responses(i)))}" for i in (0, 1) if self.own_responses(i)]
        return " ".join([f"prompt:{self.prompt}", *own])


class _Versus(AlignmentGame):
    """What both games share: parameters."""

    by_response: bool
    sequential_name = VERSUS_BY_RESPONSE

    def __init__(self, params: dict[str, Any] | None = None) -> None:
        params = _DEFAULTS | (params or {})
        sizes = _checks.number_of_responses(params["k"], "k"), _checks.number_of_responses(params["l"])
        super().__init__(
            _type(self.by_response, bool(params["zero_sum"])),
            params,
            sizes,
            max_game_length=sum(sizes) if self.by_response else 1,
            by_response=self.by_response,
        )

    def n_states(self, prompt: int) -> int:
        """Returns the size of a prompt's tree in the form in which responses are submitted one by one."""
        n, (k, l) = self.scenario.populations[prompt].n_responses, self.sizes
        before = sum(n_multisets(n, size) for size in range(k))
        return before + n_multisets(n, k) * sum(n_multisets(n, size) for size in range(l + 1))


class VersusGame(_Versus):
    """The game `python_ualign_versus`: both submit their multisets at once."""

    by_response = False
    state_type = SimultaneousState


class ByResponseGame(_Versus):
    """The game `python_ualign_versus_by_response`: responses are submitted one by one, hidden from the other side."""

    by_response = True
    state_type = ByResponseState


def load_versus_game(
    scenario: ScenarioLike = DEFAULT,
    k: int = 2,
    l: int = 1,
    *,
    by_response: bool = False,
    zero_sum: bool = False,
) -> pyspiel.Game:
    """Returns the game of k responses against l; the same as `pyspiel.load_game` with the scenario's spec.

    Args:
        scenario: a scenario, its spec, or the population of its only prompt.
        k: number of responses of player 0, the model.
        l: number of responses of player 1, its opponent.
        by_response: whether responses are submitted one by one (`python_ualign_versus_by_response`), or both sides'
            multisets at once (`python_ualign_versus`).
        zero_sum: whether returns are moved such that they sum to 0: twice the chance of being picked, minus 1.

    Raises:
        ValueError: if k or l is no integer from 1 to 500.
        TooLargeError: if a player would have more than 100,000 multisets as actions (with their number).
    """
    parameters = {
        "k": _checks.number_of_responses(k, "k"),
        "l": _checks.number_of_responses(l),
        "scenario": as_scenario(scenario).spec,
        "zero_sum": _checks.flag("zero_sum", zero_sum),
    }
    return pyspiel.load_game(VERSUS_BY_RESPONSE if _checks.flag("by_response", by_response) else VERSUS, parameters)


pyspiel.register_game(_type(by_response=False, zero_sum=False), VersusGame)
pyspiel.register_game(_type(by_response=True, zero_sum=False), ByResponseGame)
