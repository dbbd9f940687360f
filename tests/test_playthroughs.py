"""Golden playthroughs of the four OpenSpiel games: everything a game shows, state by state, as OpenSpiel keeps its own.

A change of a file in `playthroughs/` is a change of a game, and belongs into the changelog. To make them anew:
`python tests/test_playthroughs.py`.
"""

from pathlib import Path

import pytest
from open_spiel.python.algorithms import generate_playthrough

import ualign_env

FOLDER = Path(__file__).parent / "playthroughs"

#: What is played, from the first move of chance on.
GAMES = {
    "python_ualign(players=3,scenario=german-goals/prompts:2)": [1, [0, 2, 3]],
    "python_ualign_turn(players=3,scenario=cycle,anonymous=True)": [0, 1, 0, 2],
    "python_ualign_versus(k=2,l=1,scenario=two-groups/responses:3)": [0, [4, 2]],
    "python_ualign_versus_by_response(k=2,l=2,scenario=german-goals,zero_sum=True)": [0, 0, 2, 1, 3],
}


def path(game: str) -> Path:
    return FOLDER / f"{game.partition('(')[0]}.txt"


def play(game: str, moves: list) -> str:
    return generate_playthrough.playthrough(game, moves, alsologtostdout=False, seed=0)


@pytest.mark.parametrize("game", GAMES)
def test_games_show_what_they_showed(game):
    assert play(game, GAMES[game]) == path(game).read_text(encoding="utf-8")


def test_another_scenario_is_another_playthrough():
    game = "python_ualign_turn(players=3,scenario=two-groups/responses:3,anonymous=True)"
    assert play(game, [0, 1, 0, 2]) != path("python_ualign_turn()").read_text(encoding="utf-8")


if __name__ == "__main__":
    assert ualign_env.load_game  # registers the games
    for one, moves in GAMES.items():
        path(one).write_text(play(one, moves), encoding="utf-8")
