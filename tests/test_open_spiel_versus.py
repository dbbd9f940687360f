"""The k-against-l game in OpenSpiel, and the symmetric game with several responses."""

import pickle

import numpy as np
import pyspiel
import pytest
from open_spiel.python.algorithms import lp_solver, sequence_form_lp
from open_spiel.python.algorithms.get_all_states import get_all_states
from open_spiel.python.policy import UniformRandomPolicy
from open_spiel_checks import passes_api_test

from ualign_env import (
    GamePolicy,
    TooLargeError,
    cached_game,
    choice_shares,
    joint_policy,
    load_game,
    load_scenario,
    load_versus_game,
    score,
    solve_versus,
)
from ualign_env._multisets import multisets

GERMAN_GOALS = load_scenario("german-goals")
NAMES = ["python_ualign_versus", "python_ualign_versus_by_response"]


@pytest.mark.parametrize("name", NAMES)
def test_open_spiel_s_own_api_test(name):
    # chance: the start; playable: 1 + 4 + 10 (pairs of four responses); terminal: 10 * 4; information states: the
    # model's 1 + 4, the opponent's 1
    passes_api_test(name, (1, 15, 40) if name.endswith("turn") else None, 6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("parameters", ["", "(k=3,l=2)", "(k=1,l=3,zero_sum=True,scenario=cycle/prompts:3)"])
def test_random_simulations(name, parameters):
    game = pyspiel.load_game(name + parameters)
    pyspiel.random_sim_test(game, num_sims=5, serialize=True, verbose=False)
    assert str(pickle.loads(pickle.dumps(game))) == str(game)
    utility = game.get_type().utility
    zero_sum = "zero_sum=True" in parameters
    assert utility == (pyspiel.GameType.Utility.ZERO_SUM if zero_sum else pyspiel.GameType.Utility.CONSTANT_SUM)


@pytest.mark.parametrize("zero_sum", [False, True])
def test_returns_are_the_shares(zero_sum, unequal_scenario):
    k, l = 2, 3
    for prompt, population in enumerate(unequal_scenario.populations):
        mine, theirs = (multisets(population.n_responses, size).tolist() for size in (k, l))
        game = load_versus_game(unequal_scenario, k, l, zero_sum=zero_sum)
        for i, own in enumerate(mine):
            for j, others in enumerate(theirs):
                slots = choice_shares(population, own + others)
                share = slots[:k].sum()
                state = game.new_initial_state()
                state.apply_action(prompt)
                assert state.legal_actions(0) == list(range(len(mine)))
                assert state.legal_actions(1) == list(range(len(theirs)))
                state.apply_actions([i, j])
                expected = [2 * share - 1, 1 - 2 * share] if zero_sum else [share, 1 - share]
                np.testing.assert_allclose(state.returns(), expected, rtol=0, atol=1e-15)
                assert sum(state.returns()) == (0 if zero_sum else 1)
                turns = load_versus_game(unequal_scenario, k, l, zero_sum=zero_sum, by_response=True)
                other = turns.new_initial_state()
                for action in (prompt, *own, *others):
                    other.apply_action(action)
                assert other.returns() == state.returns()


def test_responses_are_hidden_and_remembered():
    state = load_versus_game("german-goals", 2, 2, by_response=True).new_initial_state()
    for action in (0, 1, 3, 2):
        state.apply_action(action)
    assert state.information_state_string(0) == "player:0 prompt:0 response:1,3"
    assert state.information_state_string(1) == "player:1 prompt:0 response:2"
    assert state.information_state_tensor(0) == [1, 0, 1, 0, 1, 0, 1]
    assert state.legal_actions() == [2, 3]
    assert str(state) == "prompt:0 0:1,3 1:2"
    assert state.action_to_string(1, 2) == "fight prices"
    with pytest.raises(Exception, match=r"response 1 at .*, but it must be one from 2 to 3"):
        state.apply_action(1)


def test_multisets_are_named():
    state = load_versus_game("german-goals", 2, 1).new_initial_state()
    state.apply_action(0)
    assert state.action_to_string(0, 2) == "maintain order + fight prices"
    assert state.action_to_string(1, 2) == "fight prices"


@pytest.mark.parametrize(("k", "l"), [(2, 1), (1, 2), (2, 2), (3, 2)])
def test_cfr_plus_and_both_linear_programs_agree(k, l, monkeypatch):
    value = solve_versus(GERMAN_GOALS.populations[0], k, l).value
    tree = pyspiel.convert_to_cached_tree(load_versus_game("german-goals", k, l, by_response=True))
    solver = pyspiel.CFRPlusSolver(tree)
    for _ in range(500):
        solver.evaluate_and_update_policy()
    average = solver.average_policy()
    assert pyspiel.nash_conv(tree, average, True) < 1e-3
    returns = pyspiel.expected_returns(tree.new_initial_state(), average, -1, True)
    np.testing.assert_allclose(returns, [value, 1 - value], rtol=0, atol=1e-3)

    # OpenSpiel passes settings of a solver that is not installed
    for setting in list(lp_solver.DEFAULT_SOLVER_KWARGS):
        monkeypatch.delitem(lp_solver.DEFAULT_SOLVER_KWARGS, setting)
    zero_sum = load_versus_game("german-goals", k, l, by_response=True, zero_sum=True)
    found, *_ = sequence_form_lp.solve_zero_sum_game(zero_sum, solver="CLARABEL")
    assert (found + 1) / 2 == pytest.approx(value, abs=1e-6)


def test_one_response_each_is_the_symmetric_game():
    one = load_versus_game("german-goals", 1, 1)
    symmetric = load_game("german-goals", 2)
    for actions in np.ndindex(4, 4):
        returns = []
        for game in (one, symmetric):
            state = game.new_initial_state()
            state.apply_action(0)
            state.apply_actions(list(actions))
            returns.append(state.returns())
        assert returns[0] == returns[1]


@pytest.mark.parametrize("turn_based", [False, True])
def test_symmetric_game_with_several_responses(turn_based):
    game = load_game("cycle", 3, responses=2, turn_based=turn_based)
    assert game.num_distinct_actions() == 6
    pyspiel.random_sim_test(game, num_sims=5, serialize=True, verbose=False)
    state = game.new_initial_state()
    state.apply_action(0)
    actions = [0, 2, 4]  # {0, 0}, {0, 2}, {1, 2}
    if turn_based:
        for action in actions:
            state.apply_action(action)
    else:
        state.apply_actions(actions)
    slots = choice_shares(load_scenario("cycle").populations[0], [0, 0, 0, 2, 1, 2])
    np.testing.assert_allclose(state.returns(), slots.reshape(3, 2).sum(axis=1), rtol=0, atol=1e-15)
    assert sum(state.returns()) == 1
    assert state.information_state_string(1) == "player:1 prompt:0 response:0,2"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"k": 0}, "k is 0, but must be an integer from 1 to 500"),
        ({"l": 0}, "l is 0"),
        ({"k": 1.5}, "k is 1.5"),
        ({"scenario": "cycl"}, "did you mean 'cycle'"),
    ],
)
def test_wrong_parameters(arguments, message):
    with pytest.raises(ValueError, match=message):
        load_versus_game(**({"scenario": "cycle"} | arguments))


def test_too_many_multisets_are_counted():
    with pytest.raises(TooLargeError, match=r"a player would have 8\.15e6 multisets of 6 of 40 responses"):
        load_versus_game("impartial/responses:40", 6, 1)
    load_versus_game("impartial/responses:40", 6, 1, by_response=True)


@pytest.mark.parametrize("turn_based", [False, True])
@pytest.mark.parametrize("player", [0, 1])
def test_policies_are_read_as_joint_ones(turn_based, player, unequal_scenario):
    game = load_versus_game(unequal_scenario, 2, 3, by_response=turn_based)
    uniform = GamePolicy(game, UniformRandomPolicy(game))
    found = joint_policy(unequal_scenario, uniform, player)
    size = 3 if player else 2
    for population, sets, chances in zip(unequal_scenario.populations, found.sets, found.chances, strict=True):
        expected = multisets(population.n_responses, size)
        np.testing.assert_array_equal(sets[np.lexsort(sets.T[::-1])], expected)
        assert chances.sum() == pytest.approx(1)
        if not turn_based:
            np.testing.assert_allclose(chances, 1 / len(expected))
    # of three responses, {0, 0}: 1/3 to begin with 0, and again 1/3; {2, 2}: 1/3 and no choice left
    if turn_based and player == 0:
        chances = dict(zip(map(tuple, found.sets[0].tolist()), found.chances[0], strict=True))
        assert chances[0, 0] == pytest.approx(1 / 9)
        assert chances[2, 2] == pytest.approx(1 / 3)
    card = score(unequal_scenario, uniform, 2, l=3)
    assert 0 < card.robust_win_rate < 1
    with pytest.raises(ValueError, match="another scenario"):
        score("german-goals", uniform, 2)
    with pytest.raises(ValueError, match="player 0 of the policy's game submits 2 responses, but k is 4"):
        score(unequal_scenario, uniform, 4)


def test_cached_trees_have_the_size_that_is_foreseen():
    for k, l in ((1, 1), (2, 3), (3, 1)):
        game = load_versus_game("cycle/prompts:2", k, l, by_response=True)
        expected = 1 + sum(game.n_states(x) for x in (0, 1))
        assert len(get_all_states(game, include_terminals=True, include_chance_states=True, to_string=str)) == expected
        with pytest.raises(TooLargeError, match=f"would have {expected} states"):
            cached_game(game, max_states=expected - 1)
        assert cached_game(game, max_states=expected).num_players() == 2
        assert cached_game(load_versus_game("cycle", k, l)).num_players() == 2


def test_games_that_are_over_take_no_more_moves():
    for game in (load_versus_game("cycle", 1, 1, by_response=True), load_game("cycle", 2, turn_based=True)):
        state = game.new_initial_state()
        for action in (0, 0, 1):
            state.apply_action(action)
        with pytest.raises(Exception, match="but the game is over"):
            state.apply_action(0)
        assert state.is_terminal()
