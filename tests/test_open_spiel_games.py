import copy
import multiprocessing
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np
import pyspiel
import pytest
import reference
from open_spiel.python import rl_environment
from open_spiel.python.algorithms import cfr
from open_spiel.python.algorithms.get_all_states import get_all_states
from open_spiel.python.observation import INFO_STATE_OBS_TYPE, make_observation
from open_spiel_checks import name_and_returns, passes_api_test, play

import ualign_env
from ualign_env import (
    Population,
    Scenario,
    TooLargeError,
    cached_game,
    choice_shares,
    load_game,
    load_scenario,
    load_versus_game,
    tensor_game,
)

NAMES = ["python_ualign", "python_ualign_turn"]
PARAMETERS = ["", "(anonymous=True)", "(players=4,scenario=mallows/responses:3/phi:0.5;0.9/prompts:3)"]
# prompts with 3, 1 and 2 responses
UNEQUAL = Scenario(
    [Population.from_scores([[0, 1, 1], [2, 0, 1]]), Population.from_scores([[0]]), Population.from_scores([[0, 1]])],
    probabilities=[0.5, 0.2, 0.3],
)


@pytest.fixture(params=[f"{name}{parameters}" for name in NAMES for parameters in PARAMETERS])
def game(request):
    return pyspiel.load_game(request.param)


@pytest.fixture(params=[False, True], ids=NAMES)
def unequal_game(request):
    return load_game(UNEQUAL, 3, turn_based=request.param)


def test_random_simulations(game):
    pyspiel.random_sim_test(game, num_sims=20, serialize=True, verbose=False)


def test_random_simulations_with_unequal_prompts(unequal_game):
    pyspiel.random_sim_test(unequal_game, num_sims=20, serialize=True, verbose=False)


@pytest.mark.parametrize("name", NAMES)
def test_open_spiel_s_own_api_test(name):
    # chance: the start; playable: 1 + 4 + 16; terminal: 4^3; information states: one for each player
    passes_api_test(name, (1, 21, 64) if name == "python_ualign_turn" else None, 3)


@pytest.mark.parametrize("name", NAMES)
def test_returns_are_exact_shares(name):
    scenario = load_scenario("mallows/responses:3/prompts:2")
    game = load_game(scenario, 4, turn_based=name.endswith("turn"))
    for prompt, population in enumerate(scenario.populations):
        for responses in ([0, 0, 0, 0], [0, 1, 2, 0], [2, 2, 1, 1], [2, 1, 1, 2]):
            returns = play(game, prompt, responses).returns()
            np.testing.assert_array_equal(returns, choice_shares(population, responses))
            assert sum(returns) == 1.0


def test_returns_equal_the_definition():
    users = reference.Users(((0, 1, 1), (2, 0, 1)), (0.5, 0.5))
    game = load_game(users.population(), 3)
    for responses in ([0, 1, 2], [1, 1, 2], [0, 0, 0], [2, 0, 0]):
        np.testing.assert_allclose(play(game, 0, responses).returns(), reference.shares(users, responses))


def test_prompts_have_their_probabilities_and_own_responses(unequal_game):
    assert unequal_game.new_initial_state().chance_outcomes() == [(0, 0.5), (1, 0.2), (2, 0.3)]
    assert unequal_game.num_distinct_actions() == 3
    for prompt, n in enumerate([3, 1, 2]):
        state = unequal_game.new_initial_state()
        state.apply_action(prompt)
        assert state.legal_actions(0) == list(range(n))
        assert state.legal_actions_mask(0) == [1] * n + [0] * (3 - n)


def test_strings_name_prompts_and_responses():
    game = pyspiel.load_game("python_ualign_turn")
    state = game.new_initial_state()
    assert state.action_to_string(pyspiel.PlayerId.CHANCE, 0) == "prompt 0"
    state.apply_action(0)
    assert state.action_to_string(0, 2) == "fight prices"
    state.apply_action(2)
    assert str(state) == "prompt:0 0:2"


def test_earlier_moves_are_hidden():
    game = load_game("german-goals", 3, turn_based=True)
    for player in (1, 2):
        seen = {
            (state.information_state_string(player), tuple(state.information_state_tensor(player)))
            for state in get_all_states(game).values()
            if state.current_player() == player
        }
        assert len(seen) == 1


def test_what_players_know():
    game = load_game("mallows/responses:4/prompts:3", 3, turn_based=True)
    state = game.new_initial_state()
    assert state.information_state_string(1) == "player:1"
    state.apply_action(2)
    state.apply_action(3)
    assert state.information_state_string(0) == "player:0 prompt:2 response:3"
    assert state.information_state_string(1) == "player:1 prompt:2"
    observation = make_observation(game, INFO_STATE_OBS_TYPE)
    assert observation
    observation.set_from(state, 0)
    np.testing.assert_array_equal(observation.tensor, [1, 0, 0, 0, 0, 1, 0, 0, 0, 1])
    np.testing.assert_array_equal(observation.dict["prompt"], [0, 0, 1])
    public = make_observation(
        game, pyspiel.IIGObservationType(perfect_recall=False, private_info=pyspiel.PrivateInfoType.NONE)
    )
    assert public
    assert public.string_from(state, 0) == "player:0 prompt:2"
    with pytest.raises(ValueError, match="observation parameters are not supported"):
        make_observation(game, INFO_STATE_OBS_TYPE, {"x": 1})


def test_anonymous_players_share_information_states():
    game = load_game("mallows/prompts:2", 4, turn_based=True, anonymous=True)
    state = game.new_initial_state()
    state.apply_action(1)
    assert {state.information_state_string(player) for player in range(4)} == {"prompt:1"}
    assert {tuple(state.information_state_tensor(player)) for player in range(4)} == {(0, 1, 0, 0, 0, 0, 0, 0)}


def test_copies_keep_their_attributes(game):
    for other in (pickle.loads(pickle.dumps(game)), copy.deepcopy(game), pyspiel.load_game(str(game))):
        assert str(other) == str(game)
        assert other.scenario == game.scenario
        assert other.anonymous == game.anonymous
        state = other.new_initial_state()
        state.apply_action(0)
        assert state.clone().get_game().scenario == game.scenario
    state = game.new_initial_state()
    state.apply_action(0)
    _, copied = pyspiel.deserialize_game_and_state(pyspiel.serialize_game_and_state(game, state))
    assert str(copied) == str(state)
    assert copied.legal_actions(0) == state.legal_actions(0)


def test_a_state_made_in_memory_travels(unequal_game):
    assert "inline/" in str(unequal_game)
    assert pickle.loads(pickle.dumps(unequal_game)).scenario == UNEQUAL


def test_spawned_processes_load_pickled_games():
    games = [load_game(UNEQUAL, 3), *(cached_game(load_game(UNEQUAL, 3, anonymous=shared)) for shared in (False, True))]
    # unlike multiprocessing's own pool, this one says so where a process cannot load what it is sent
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        assert list(pool.map(name_and_returns, games)) == [name_and_returns(game) for game in games]


def test_clean_interpreter_exit():
    code = (
        "import ualign_env, pyspiel; g = pyspiel.load_game('python_ualign_turn'); c = ualign_env.cached_game(g);"
        "s = pyspiel.CFRPlusSolver(c); s.evaluate_and_update_policy(); t = g.new_initial_state(); print('done')"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "done\n", "")


@pytest.mark.parametrize("name", NAMES)
def test_rl_environment(name):
    env = rl_environment.Environment(pyspiel.load_game(name), seed=3)
    rng = np.random.default_rng(0)
    for _ in range(20):
        step = env.reset()
        while not step.last():
            assert len(step.observations["info_state"][0]) == 3 + 1 + 4
            legal = step.observations["legal_actions"]
            movers = range(3) if name == "python_ualign" else [step.observations["current_player"]]
            step = env.step([rng.choice(legal[player]) for player in movers])
        assert sum(step.rewards) == 1.0


def test_turn_based_conversion():
    game = pyspiel.convert_to_turn_based(pyspiel.load_game("python_ualign"))
    pyspiel.random_sim_test(game, num_sims=5, serialize=False, verbose=False)


def test_cached_game_is_the_turn_based_game():
    for turn_based in (False, True):
        game = cached_game(load_game(UNEQUAL, 3, turn_based=turn_based))
        assert game.get_type().dynamics == pyspiel.GameType.Dynamics.SEQUENTIAL
        own = load_game(UNEQUAL, 3, turn_based=True)
        for prompt, responses in [(0, [0, 1, 2]), (0, [2, 2, 1]), (1, [0, 0, 0]), (2, [1, 0, 0])]:
            assert play(game, prompt, responses).returns() == play(own, prompt, responses).returns()
        assert pickle.loads(pickle.dumps(game)).num_players() == 3


def test_tensor_game_has_the_payoffs():
    for prompt, population in enumerate(UNEQUAL.populations):
        game = tensor_game(load_game(UNEQUAL, 3), prompt)
        assert game.get_type().utility == pyspiel.GameType.Utility.CONSTANT_SUM
        assert game.shape() == [population.n_responses] * 3
        for profile in np.ndindex(*game.shape()):
            state = game.new_initial_state()
            state.apply_actions(list(profile))
            np.testing.assert_array_equal(state.returns(), choice_shares(population, profile))


@pytest.mark.parametrize(
    ("game", "name"),
    [
        (load_game(UNEQUAL, 2, responses=2), "python_ualign_normal_form"),
        (load_game(UNEQUAL, 3, turn_based=True), "python_ualign_turn_normal_form"),
        (load_versus_game(UNEQUAL, 2, 1), "python_ualign_versus_normal_form"),
        (load_versus_game(UNEQUAL, 1, 3, by_response=True), "python_ualign_versus_by_response_normal_form"),
        (load_versus_game(UNEQUAL, 2, 2, zero_sum=True), "python_ualign_versus_normal_form"),
    ],
)
def test_normal_forms_of_all_games(game, name):
    normal = tensor_game(game, 1)
    assert normal.get_type().short_name == name
    assert normal.get_type().utility == game.get_type().utility
    at_once = pyspiel.load_game(game.get_type().short_name.removesuffix("_by_response"), game.get_parameters())
    for profile in np.ndindex(*normal.shape()):
        states = [normal.new_initial_state(), at_once.new_initial_state()]
        states[1].apply_action(1)
        if states[1].is_simultaneous_node():
            states[1].apply_actions(list(profile))
            assert states[0].action_to_string(1, profile[1]) == states[1].action_to_string(1, profile[1])
        else:
            for action in profile:
                states[1].apply_action(action)
        states[0].apply_actions(list(profile))
        assert states[0].returns() == states[1].returns()


def test_sizes_are_guarded_with_an_estimate():
    big = load_game("impartial/responses:300/users:3", 65, turn_based=True)
    with pytest.raises(ValueError, match=r"the tree of 65 players would have 1\.03e161 states, but at most 1,000,000"):
        cached_game(big)
    # 300^65 = 1.0301e161, times 65 players
    with pytest.raises(TooLargeError, match=r"normal form of 65 players with 300 actions has 6\.70e162 entries"):
        tensor_game(big)
    with pytest.raises(ValueError, match="the tree of 3 players would have 86 states, but at most 85"):
        cached_game(load_game(), max_states=85)
    assert cached_game(load_game(), max_states=86)


def test_helpers_refuse_what_they_cannot_use():
    kuhn = pyspiel.load_game("kuhn_poker")
    with pytest.raises(ValueError, match=r"or python_ualign_versus game, or the turn-based form of one, not 'kuhn"):
        cached_game(kuhn)
    with pytest.raises(ValueError, match="expected an alignment game, not 'kuhn_poker"):
        tensor_game(kuhn)
    with pytest.raises(ValueError, match="the scenario has 3 prompts, each a game of its own: choose one by prompt="):
        tensor_game(load_game(UNEQUAL))
    with pytest.raises(ValueError, match="prompt is 3, but must be an integer from 0 to 2"):
        tensor_game(load_game(UNEQUAL), 3)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("players=1", "players is 1, but must be an integer from 2 to 10001"),
        ("players=20000", "players is 20000"),
        ("scenario=nonsense", "unknown scenario 'nonsense'"),
        ("scenario=cycle/responses:x", "responses is 'x', but must be an integer"),
    ],
)
def test_bad_parameters(name, parameters, message):
    with pytest.raises(ValueError, match=message):
        pyspiel.load_game(f"{name}({parameters})")


@pytest.mark.parametrize("players", [1, 2.5, True, "3", None, 10**12])
def test_load_game_checks_players_itself(players):
    with pytest.raises(ValueError, match=r"players is .*, but must be an integer from 2 to 10001"):
        load_game("cycle", players)
    four: Any = np.int64(4)
    assert load_game("cycle", four).num_players() == 4


def test_illegal_moves_are_refused(unequal_game):
    state = unequal_game.new_initial_state()
    with pytest.raises(Exception, match="prompt 7 was drawn, but there are"):
        state.apply_action(7)
    state.apply_action(2)
    with pytest.raises(Exception, match="action 2 of player"):
        state.apply_actions([0, 2, 0]) if state.is_simultaneous_node() else state.apply_action(2)


def test_returns_are_the_callers_own(game):
    state = play(game, 0, [0] * game.num_players())
    state.returns()[0] = 99.0
    assert sum(play(game, 0, [0] * game.num_players()).returns()) == 1.0


def test_lengths():
    assert [load_game("cycle", 4, turn_based=turn_based).max_game_length() for turn_based in (False, True)] == [1, 4]


def test_nobody_observes_other_players():
    everything = pyspiel.IIGObservationType(perfect_recall=True, private_info=pyspiel.PrivateInfoType.ALL_PLAYERS)
    with pytest.raises(ValueError, match="no observer sees all players' responses"):
        make_observation(load_game(), everything)


def test_many_players():
    game = load_game("german-goals", 10_001)
    returns = play(game, 0, [0, 2] * 5000 + [1]).returns()
    assert sum(returns) == 1.0


def test_whatever_open_spiel_makes_of_our_games_unpickles_in_a_fresh_process():
    """One process each: unpickling any of the others would import the package."""
    game = load_game(UNEQUAL, 3, turn_based=True)
    converted = pyspiel.convert_to_turn_based(load_game("cycle", 2))
    cached = cached_game(game)
    states = [form.new_initial_state() for form in (game, converted, cached)]
    for state in states:
        state.apply_action(0)
    plus, mccfr = pyspiel.CFRPlusSolver(cached), pyspiel.ExternalSamplingMCCFRSolver(cached, 1)
    python = cfr.CFRSolver(cached)
    plus.evaluate_and_update_policy()
    mccfr.run_iteration()
    python.evaluate_and_update_policy()
    things = {
        "simultaneous": load_game("cycle", 3),
        "turn-based": game,
        "versus": load_versus_game("cycle", 2, 1),
        "converted": converted,
        "cached": cached,
        "state": states[0],
        "state of a converted game": states[1],
        "state of a cached game": states[2],
        "C++ solver": plus,
        "C++ sampler": mccfr,
        "Python solver": python,
        "tabular policy": python.average_policy(),
        "policy with its game": ualign_env.GamePolicy(cached, python.average_policy()),
        "normal form": tensor_game(load_game("cycle", 2)),
    }
    code = "import pickle, sys; print(type(pickle.load(sys.stdin.buffer)).__name__)"
    processes = {}
    for name, thing in things.items():
        processes[name] = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        processes[name].stdin.write(pickle.dumps(thing))
        processes[name].stdin.close()
    for name, process in processes.items():
        with process:
            assert process.stdout.read().decode().strip() == type(things[name]).__name__, name


def test_pickles_of_other_games_need_no_package():
    for name in ("kuhn_poker", "matrix_rps", "cached_tree(game=kuhn_poker())"):
        assert b"ualign" not in pickle.dumps(pyspiel.load_game(name))
    other = pyspiel.create_tensor_game([[1.0, 2.0], [3.0, 4.0]], [2, 1])
    assert b"ualign" not in pickle.dumps(other)


def test_copies_of_what_open_spiel_makes_are_equal():
    normal = tensor_game(load_versus_game(UNEQUAL, 2, 1), 0)
    again = pickle.loads(pickle.dumps(normal))
    assert again.get_type() == normal.get_type()
    for player in (0, 1):
        np.testing.assert_array_equal(again.player_utilities(player), normal.player_utilities(player))
    solver = pyspiel.CFRPlusSolver(cached_game(load_game("german-goals", 3)))
    for _ in range(3):
        solver.evaluate_and_update_policy()
    policies = [one.tabular_average_policy().policy_table() for one in (solver, pickle.loads(pickle.dumps(solver)))]
    for key, row in policies[0].items():
        np.testing.assert_allclose(dict(policies[1][key])[0], dict(row)[0], rtol=1e-5)
