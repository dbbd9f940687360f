"""C++ CFR+ on the cached game against the same on OpenSpiel's native tensor game: the ratio is the figure to read.

`pytest tests/benchmarks/test_cfr_speed.py --benchmark-enable`. Target: no slower.
"""

import pyspiel
import pytest

from ualign_env import cached_game, load_game, tensor_game

_GAMES = {
    "cached": lambda game: cached_game(game),
    "tensor": lambda game: pyspiel.convert_to_turn_based(tensor_game(game)),
    "python": lambda game: game,
}


@pytest.mark.parametrize("players", [3, 4])
@pytest.mark.parametrize("form", _GAMES)
def test_iterations_of_cfr_plus(benchmark, form, players):
    solver = pyspiel.CFRPlusSolver(_GAMES[form](load_game("german-goals", players, turn_based=True)))
    solver.evaluate_and_update_policy()  # builds the tree
    benchmark.group = f"one iteration of CFR+, {players} players"
    benchmark(solver.evaluate_and_update_policy)
