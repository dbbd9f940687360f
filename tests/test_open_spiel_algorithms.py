"""The page about OpenSpiel's algorithms is what its example prints, and its scores are OpenSpiel's own numbers."""

import importlib.util
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from open_spiel.python.algorithms.best_response import BestResponsePolicy
from open_spiel.python.algorithms.exploitability import nash_conv
from open_spiel.python.policy import TabularPolicy, tabular_policy_from_callable
from strict import PYTHON

from ualign_env import GamePolicy

EXAMPLES = Path(__file__).parents[1] / "examples"
EXAMPLE, PAGE = EXAMPLES / "open_spiel_algorithms.py", EXAMPLES / "docs" / "open-spiel-algorithms.md"
STORED = PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def printed() -> str:
    result = subprocess.run([*PYTHON, EXAMPLE], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


@pytest.fixture(scope="module")
def example():
    spec = importlib.util.spec_from_file_location("open_spiel_algorithms", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lines(page: str, deep: bool) -> list[str]:
    without_version = re.sub(r"OpenSpiel \d[\w.]*", "OpenSpiel", page)
    return [line for line in without_version.splitlines() if ("| `pytorch." in line) == deep]


def cells(page: str) -> dict[str, dict[str, str]]:
    """Returns what the table says, by algorithm and column."""
    head, _, *rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("|")]
    return {row[1].strip("`"): dict(zip(head[2:-1], row[2:], strict=False)) for row in rows}


def test_the_page_is_what_the_example_prints(printed):
    assert lines(printed, deep=False) == lines(STORED, deep=False), f"run: python {EXAMPLE} > {PAGE}"


def test_the_page_is_what_the_example_prints_of_deep_agents(printed):
    pytest.importorskip("torch")
    pytest.importorskip("tree")
    assert len(lines(STORED, deep=True)) == 4
    assert lines(printed, deep=True) == lines(STORED, deep=True), f"run: python {EXAMPLE} > {PAGE}"


def test_what_does_not_run_everywhere_says_what_it_needs():
    for line in lines(STORED, deep=False) + lines(STORED, deep=True):
        if "| - |" in line:
            assert not line.endswith("|  |")


def table_of(game, learned, player):
    """Returns what was learned as OpenSpiel's table: everybody's policy, or that of one player."""
    if not isinstance(learned, list):
        return tabular_policy_from_callable(game, lambda state: learned.policy.action_probabilities(state))
    table = TabularPolicy(game)
    for state, row in zip(table.states, table.action_probability_array, strict=True):
        mine = learned[state.current_player()]
        if not isinstance(mine, GamePolicy):
            row[:] = mine
        elif state.current_player() == player:
            row[:] = 0
            for action, chance in mine.policy.action_probabilities(state, player).items():
                row[action] = chance
    return table


@pytest.mark.parametrize("column", ["`cached_game` of it", "`python_ualign_versus_by_response`"])
def test_scores_are_those_of_open_spiel(example, column):
    np.random.seed(0)  # noqa: NPY002 (OpenSpiel draws from it)
    game, said = example.GAMES[column], cells(STORED)
    compared = 0
    for _, where, run, _ in example.ALGORITHMS:
        if where.startswith("pytorch.") or said[where][column] != "scored":
            continue
        learned = run(example.find(where), game)
        card, table = example.score(game, learned), table_of(game, learned, 0)
        if game.num_players() == 2:
            # the opponent earns twice her chance of being picked, less one
            value = BestResponsePolicy(game, 1, table).value(game.new_initial_state())
            assert card.robust_win_rate == pytest.approx((1 - value) / 2, abs=1e-10), where
        elif not isinstance(learned, list) or not isinstance(learned[0], GamePolicy):
            assert card.nash_conv == pytest.approx(nash_conv(game, table), abs=1e-10), where
        else:  # one player's policy, scored as everybody's
            continue
        compared += 1
    assert compared >= 17
