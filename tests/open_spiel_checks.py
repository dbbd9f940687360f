"""OpenSpiel's own checks of a game, run outside its repository, and games played through."""

import unittest
from typing import Any

import pyspiel
from absl import flags
from open_spiel.integration_tests import api_test


def passes_api_test(name: str, tree: tuple[int, int, int] | None = None, information_states: int = 0) -> None:
    """Fails unless OpenSpiel's api_test passes.

    Args:
        name: the game's short name, with default parameters.
        tree: how many chance, playable and terminal states the whole tree has; None to look at a part of it only.
        information_states: how many it has, over all players.
    """
    if not flags.FLAGS.is_parsed():
        flags.FLAGS(["test"])
    cases: list[type] = [type("Partial", (api_test.EnforceAPIOnPartialTreeBase,), {})]
    game = pyspiel.load_game(name)
    if tree:
        cases.append(type("Full", (api_test.EnforceAPIOnFullTreeBase,), {}))
        api_test.TOTAL_NUM_STATES[name] = tree
        api_test.PERFECT_RECALL_NUM_STATES[name] = information_states
    suite = unittest.TestSuite()
    for case in cases:
        case.game, case.game_name = game, name  # pyright: ignore[reportAttributeAccessIssue]
        suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    result = unittest.TestResult()
    suite.run(result)
    assert result.testsRun >= 5
    assert not result.errors + result.failures, result.errors + result.failures


def play(game: Any, prompt: int, responses: list[int]) -> Any:
    """Returns the state at the end of a game in which the players show these responses."""
    state = game.new_initial_state()
    state.apply_action(prompt)
    if state.is_simultaneous_node():
        state.apply_actions(responses)
    else:
        for response in responses:
            state.apply_action(response)
    return state


def name_and_returns(game: Any) -> tuple[str, list[float]]:
    """Returns what tells games apart; here, and not in a file of tests, other processes can import it."""
    return str(game), play(game, 0, [0] * game.num_players()).returns()
