import os
import threading
from typing import Any

import numpy as np
import pyspiel
import pytest
from open_spiel.python.algorithms import cfr, exploitability, lp_solver, sequence_form_lp
from open_spiel.python.algorithms.best_response import BestResponsePolicy
from open_spiel.python.algorithms.fictitious_play import XFPSolver
from open_spiel.python.policy import Policy as PythonPolicy
from open_spiel.python.policy import TabularPolicy, UniformRandomPolicy

from ualign_env import (
    GamePolicy,
    SharedPolicy,
    cached_game,
    joint_policy,
    load_game,
    load_scenario,
    load_versus_game,
    nash_conv,
    robust_win_rate,
    score,
    solve_versus,
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
    with pytest.raises(ValueError, match=r"the policy is one of 'kuhn_poker\(players=3\)', not of python_ualign, "):
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


@pytest.mark.parametrize("turn_based", [False, True])
def test_policies_of_several_responses_a_player_choose_them_together(turn_based):
    game = load_game(SPEC, 3, responses=2, turn_based=turn_based)
    policy = random_policy(game, 0)
    each = [joint_policy(SPEC, GamePolicy(game, policy), player) for player in range(3)]
    for player, joint in enumerate(each):
        key = f"player:{player} prompt:1"
        np.testing.assert_allclose(joint.chances[1], policy.policy_for_key(key))
        rate = score(SPEC, policy, 2, player=player).robust_win_rate
        assert robust_win_rate(SPEC, joint, 2) == pytest.approx(rate, abs=1e-12)
    together: Any = tabulate(SPEC, policy, 2)
    for x in range(2):
        np.testing.assert_array_equal(together.sets[x], each[0].sets[x])
        np.testing.assert_allclose(together.chances[x], np.mean([joint.chances[x] for joint in each], axis=0))
    with pytest.raises(ValueError, match="player 0 of the policy's game submits 2 responses, but k is 3"):
        score(SPEC, policy, 3)


def test_one_player_s_policy_is_asked_for():
    game = load_game(SPEC, 3, turn_based=True)
    whole, alone = random_policy(game, 0), TabularPolicy(game, players=(1,))
    profile = np.array([tabulate(SPEC, whole, 2, player=player).average() for player in range(3)])
    for x in range(2):
        alone.policy_for_key(f"player:1 prompt:{x}")[:] = profile[1, x]
    expected = score(SPEC, profile[1], 2)
    for policy in (whole, alone, GamePolicy(game, alone), profile):
        found = tabulate(SPEC, policy, 2, player=1)
        np.testing.assert_allclose(found.average(), profile[1], atol=1e-12)
        assert score(SPEC, policy, 2, player=1).robust_win_rate == pytest.approx(expected.robust_win_rate, abs=1e-12)
    np.testing.assert_allclose(profile[2, 1], whole.policy_for_key("player:2 prompt:1"))
    with pytest.raises(ValueError, match="player is 3, but must be an integer from 0 to 2"):
        score(SPEC, whole, 2, player=3)
    with pytest.raises(ValueError, match="player is 0, but the policy is read as SharedPolicy, not as Players"):
        score(SPEC, profile[0], 2, player=0)


def test_linear_programs_return_one_policy_a_player(monkeypatch):
    for setting in list(lp_solver.DEFAULT_SOLVER_KWARGS):  # of a solver that is not installed
        monkeypatch.delitem(lp_solver.DEFAULT_SOLVER_KWARGS, setting)
    game = load_versus_game("german-goals", 1, 1, by_response=True, zero_sum=True)
    *_, model, opponent = sequence_form_lp.solve_zero_sum_game(game, solver="CLARABEL")
    assert score("german-goals", model, 1, player=0).robust_win_rate == pytest.approx(0.5, abs=1e-6)
    assert score("german-goals", opponent, 1, player=1).robust_win_rate == pytest.approx(0.5, abs=1e-6)
    symmetric = load_game("german-goals", 2, turn_based=True)
    half = TabularPolicy(symmetric)
    half.policy_for_key("player:0 prompt:0")[:] = model.policy_for_key("player:0 prompt:0")
    with pytest.warns(UserWarning, match="player 1 answers uniformly to every prompt, and player 0 does not"):
        silent = score("german-goals", half, 1)
    assert silent.robust_win_rate < 0.49
    assert score("german-goals", half, 1, player=0).robust_win_rate == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(("k", "l"), [(2, 1), (2, 2), (3, 1)])
def test_what_interior_points_leave_at_unreached_states_is_not_read(monkeypatch, k, l):
    """Probabilities such as -1e-11, and far from any distribution where a player never comes."""
    for setting in list(lp_solver.DEFAULT_SOLVER_KWARGS):  # of a solver that is not installed
        monkeypatch.delitem(lp_solver.DEFAULT_SOLVER_KWARGS, setting)
    game = load_versus_game("german-goals", k, l, by_response=True, zero_sum=True)
    *_, model, _ = sequence_form_lp.solve_zero_sum_game(game, solver="CLARABEL")
    assert (model.action_probability_array < 0).any()
    value = solve_versus("german-goals", k, l).value
    assert score("german-goals", model, k, l=l, player=0).robust_win_rate == pytest.approx(value, abs=1e-6)
    assert joint_policy("german-goals", GamePolicy(game, model), 0).chances[0].sum() == pytest.approx(1, abs=1e-12)


def versus_forms(k, l):
    game = load_versus_game(SPEC, k, l)
    yield pyspiel.convert_to_turn_based(game)
    yield pyspiel.convert_to_cached_tree(pyspiel.convert_to_turn_based(game))
    yield cached_game(game)
    yield load_versus_game(SPEC, k, l, by_response=True)


@pytest.mark.parametrize(("k", "l"), [(2, 1), (1, 2), (2, 2), (3, 1)])
@pytest.mark.parametrize("form", range(4))
def test_policies_of_all_forms_of_the_versus_game(k, l, form, capfd):
    game = list(versus_forms(k, l))[form]
    expected = SCENARIO.probabilities @ [solve_versus(SPEC, k, l, prompt=x).value for x in range(2)]
    plus, mccfr = pyspiel.CFRPlusSolver(game), pyspiel.ExternalSamplingMCCFRSolver(game, 1)
    python = cfr.CFRPlusSolver(game)
    for _ in range(200):
        plus.evaluate_and_update_policy()
        mccfr.run_iteration()
    for _ in range(20):
        python.evaluate_and_update_policy()
    sampled = mccfr.average_policy()
    for policy, atol in (
        (plus.average_policy(), 2e-3),
        (plus.tabular_average_policy(), 2e-3),
        (python.average_policy(), 0.05),
        (sampled, 0.1),
    ):
        rate = score(SPEC, GamePolicy(game, policy), k, l=l).robust_win_rate
        assert rate == pytest.approx(expected, abs=atol)
        # with one response each, a bare C++ policy is read as one of the symmetric game; samplers may not have met all
        # states of the game in which responses are submitted one by one, and what they answer there is not believed
        if k > 1 and not (policy is sampled and form > 1):
            assert score(SPEC, policy, k, l=l).robust_win_rate == pytest.approx(rate, abs=1e-12)
        if k > 1:
            with pytest.raises(ValueError, match=f"submits {k} responses, but k is 4|the policy knows no game of 5 pl"):
                score(SPEC, policy, 4)
    assert "exception" not in capfd.readouterr().err.lower()


class Answers(PythonPolicy):
    def __init__(self, game, answer):
        super().__init__(game, list(range(game.num_players())))
        self.answer = answer

    def action_probabilities(self, state, player_id=None):  # noqa: ARG002
        return self.answer


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({-1: 1.0}, r"the policy plays -1 at .*, where legal actions are \[0, 1, 2\]"),
        ({99: 1.0}, "the policy plays 99 at"),
        ({0: np.nan, 1: 1.0}, "are no distribution: {0: nan, 1: 1.0}"),
        ({0: 0.5}, "are no distribution: {0: 0.5}"),
        ({0: 1.5, 1: -0.5}, "are no distribution"),
    ],
)
def test_answers_that_are_no_distribution_of_legal_actions(answer, message):
    for game in (
        load_game(SPEC, 3),
        load_game(SPEC, 3, turn_based=True),
        load_versus_game(SPEC, 1, 1, by_response=True),
    ):
        with pytest.raises(ValueError, match=message):
            score(SPEC, Answers(game, answer), game.num_players() - 1)
    with pytest.raises(ValueError, match=message):
        joint_policy(SPEC, GamePolicy(game, Answers(game, answer)), 1)


def test_policies_of_more_players_are_not_taken_for_fewer():
    solver = pyspiel.CFRPlusSolver(cached_game(load_game(SPEC, 4)))
    solver.evaluate_and_update_policy()
    for policy in (solver.average_policy(), solver.tabular_average_policy()):
        with pytest.raises(ValueError, match="the policy is one of a game with more than 3 players, but k = 2 needs 3"):
            score(SPEC, policy, 2)
        score(SPEC, policy, 3)
