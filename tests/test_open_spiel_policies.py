import os
import threading

import numpy as np
import pyspiel
import pytest
from open_spiel.python.algorithms import cfr, exploitability
from open_spiel.python.algorithms.best_response import BestResponsePolicy
from open_spiel.python.algorithms.fictitious_play import XFPSolver
from open_spiel.python.policy import TabularPolicy, UniformRandomPolicy

from ualign_env import (
    GamePolicy,
    SharedPolicy,
    cached_game,
    load_game,
    load_scenario,
    nash_conv,
    robust_win_rate,
    score,
    tabulate,
)

SPEC = "mallows/responses:3/users:20/prompts:2"
SCENARIO = load_scenario(SPEC)
FORMS = {
    "simultaneous": lambda anonymous: load_game(SPEC, 3, anonymous=anonymous),
    "turn-based": lambda anonymous: load_game(SPEC, 3, turn_based=True, anonymous=anonymous),
    "converted": lambda anonymous: pyspiel.convert_to_turn_based(load_game(SPEC, 3, anonymous=anonymous)),
    "cached": lambda anonymous: cached_game(load_game(SPEC, 3, anonymous=anonymous)),
}
SEQUENTIAL = [name for name in FORMS if name != "simultaneous"]


def random_policy(game, seed):
    policy = TabularPolicy(game)
    shape = policy.action_probability_array.shape
    policy.action_probability_array[:] = np.random.default_rng(seed).dirichlet(np.ones(shape[1]) / 2, shape[0])
    return policy


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(3))
def test_nash_conv_is_open_spiel_s(form, seed):
    game = FORMS[form](False)
    policy = random_policy(game, seed)
    # best responses are only defined on sequential games; the turn-based one has the same information states
    sequential = FORMS["turn-based"](False) if form == "simultaneous" else game
    expected = exploitability.nash_conv(sequential, policy)
    learned = nash_conv(SPEC, policy, 2)
    assert learned > 0.05
    np.testing.assert_allclose(learned, expected, atol=1e-12)


@pytest.mark.parametrize("form", SEQUENTIAL)
@pytest.mark.parametrize("anonymous", [False, True])
def test_cpp_policies_are_read_whatever_their_game(form, anonymous, capfd):
    game = FORMS[form](anonymous)
    cfr_plus = pyspiel.CFRPlusSolver(game)
    mccfr = pyspiel.ExternalSamplingMCCFRSolver(game, 1, pyspiel.MCCFRAverageType.FULL)
    for _ in range(30):
        cfr_plus.evaluate_and_update_policy()
        mccfr.run_iteration()
    for policy in (cfr_plus.average_policy(), cfr_plus.tabular_average_policy(), mccfr.average_policy()):
        # the third argument: look up states, since MCCFR policies know no strings
        expected = pyspiel.nash_conv(game, policy, True)
        np.testing.assert_allclose(nash_conv(SPEC, policy, 2), expected, atol=1e-12)
        np.testing.assert_allclose(nash_conv(SPEC, GamePolicy(game, policy), 2), expected, atol=1e-12)
    assert capfd.readouterr().err == ""


def test_python_algorithms():
    game = load_game(SPEC, 3, turn_based=True)
    solver = cfr.CFRPlusSolver(game)
    for _ in range(5):
        solver.evaluate_and_update_policy()
    policy = solver.average_policy()
    np.testing.assert_allclose(nash_conv(SPEC, policy, 2), exploitability.nash_conv(game, policy), atol=1e-12)
    xfp = XFPSolver(cached_game(game))
    xfp.iteration()
    average = xfp.average_policy()
    np.testing.assert_allclose(
        nash_conv(SPEC, average, 2), exploitability.nash_conv(game, average.to_tabular()), atol=1e-12
    )


def test_uniform_policies():
    expected = score(SPEC, np.full((2, 3), 1 / 3), 2)
    game = load_game(SPEC, 3)
    for policy in (
        UniformRandomPolicy(game),
        pyspiel.UniformRandomPolicy(FORMS["turn-based"](False)),
        pyspiel.UniformPolicy(),
    ):
        assert score(SPEC, policy, 2).nash_conv == pytest.approx(expected.nash_conv)
        assert score(SPEC, policy, 2).robust_win_rate == pytest.approx(expected.robust_win_rate)


def test_policies_that_always_prefer_an_action():
    policy = pyspiel.PreferredActionPolicy([1, 0, 2])
    np.testing.assert_allclose(robust_win_rate(SPEC, policy, 2), robust_win_rate(SPEC, np.eye(3)[[1, 1]], 2))


def test_policies_of_other_games_are_refused():
    policy = random_policy(load_game("german-goals", 3), 0)
    with pytest.raises(ValueError, match="the policy's game is of another scenario than 'mallows"):
        tabulate(SCENARIO, policy, 2)
    with pytest.raises(ValueError, match="the policy's game has 3 players, but k = 3 needs 4"):
        tabulate(load_scenario("german-goals"), policy, 3)
    with pytest.raises(ValueError, match=r"the policy is one of 'kuhn_poker\(players=3\)', not of python_ualign or"):
        tabulate(SCENARIO, TabularPolicy(pyspiel.load_game("kuhn_poker(players=3)")), 2)
    cfr_plus = pyspiel.CFRPlusSolver(cached_game(load_game("german-goals", 3)))
    with pytest.raises(ValueError, match="the policy knows no game of 3 players on 'mallows"):
        tabulate(SCENARIO, cfr_plus.average_policy(), 2)
    with pytest.raises(ValueError, match=r"a C\+\+ policy is one of a turn-based game, not of 'python_ualign\("):
        tabulate(SCENARIO, GamePolicy(load_game(SPEC, 3), cfr_plus.average_policy()), 2)


@pytest.mark.parametrize(("spec", "k"), [("cycle/responses:3", 2), ("german-goals", 3), ("german-goals/prompts:2", 2)])
def test_cpp_policies_that_make_up_answers_are_refused(spec, k):
    # MCCFR's average policy is uniform at states it has never seen: no wonder that this is "optimal" on the cycle
    solver = pyspiel.ExternalSamplingMCCFRSolver(cached_game(load_game("german-goals", 3)), 1)
    for _ in range(100):
        solver.run_iteration()
    assert score("german-goals", solver.average_policy(), 2).shortfall < 0.2
    with pytest.raises(ValueError, match="or not every state of it"):
        score(spec, solver.average_policy(), k)
    anonymous = cached_game(load_game("german-goals", 3, anonymous=True))
    with pytest.raises(ValueError, match="the policy answers uniformly everywhere"):
        score("german-goals", GamePolicy(anonymous, solver.average_policy(), solver), 2)


def test_sparse_cpp_policies():
    game = load_game(SPEC, 3, turn_based=True)
    table = {f"player:{player} prompt:{x}": [(1, 1.0)] for player in range(3) for x in range(2)}
    expected = robust_win_rate(SPEC, np.eye(3)[[1, 1]], 2)
    assert robust_win_rate(SPEC, GamePolicy(game, pyspiel.TabularPolicy(table)), 2) == pytest.approx(expected)


def test_policies_of_one_player_say_what_is_missing():
    game = load_game(SPEC, 3, turn_based=True)
    with pytest.raises(ValueError, match="the policy has no probabilities at 'prompt:0 0:0' for player 1"):
        tabulate(SCENARIO, TabularPolicy(game, players=(0,)), 2)


def test_threads_leave_stderr_as_it_was(capfd):
    solver = pyspiel.CFRPlusSolver(cached_game(load_game(SPEC, 3, anonymous=True)))
    solver.evaluate_and_update_policy()
    policy = solver.average_policy()
    threads = [threading.Thread(target=lambda: [robust_win_rate(SPEC, policy, 2) for _ in range(50)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"still there")
    assert capfd.readouterr().err == "still there"


def test_anonymous_games_with_many_players_share_one_policy():
    game = load_game("german-goals", 5001, turn_based=True, anonymous=True)
    assert isinstance(tabulate(load_scenario("german-goals"), UniformRandomPolicy(game), 5000), SharedPolicy)


def test_policies_that_forget_their_game_say_so():
    game = load_game(SPEC, 3, turn_based=True)
    best = BestResponsePolicy(game, 0, UniformRandomPolicy(game))
    with pytest.raises(ValueError, match=r"BestResponsePolicy does not know its game: pass GamePolicy\(game, policy\)"):
        tabulate(SCENARIO, best, 2)


def test_policies_of_several_responses_a_player_are_refused():
    game = load_game("german-goals", 3, responses=2, turn_based=True)
    for policy in (UniformRandomPolicy(game), TabularPolicy(game), GamePolicy(game, UniformRandomPolicy(game))):
        with pytest.raises(ValueError, match="submit 2 responses each, but only policies of one are scored"):
            score("german-goals", policy, 2)
